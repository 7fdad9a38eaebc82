//===- Physical.cpp - text and rules of #disco.physical -------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Disco.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// dim ::= int (`by` int)?
static ParseResult parseDim(AsmParser &parser, SmallVectorImpl<int64_t> &axes,
                            SmallVectorImpl<int64_t> &units) {
  units.push_back(1);
  return failure(
      parser.parseInteger(axes.emplace_back()) ||
      (succeeded(parser.parseOptionalKeyword("by")) && parser.parseInteger(units.back())));
}

/// clause ::= name `[` (int `:` int (`+` int)*)* `]`, as one flat list.
static ParseResult parseClause(AsmParser &parser, StringRef name, bool sums,
                               SmallVectorImpl<int64_t> &list) {
  if (failed(parser.parseOptionalKeyword(name)))
    return success();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
    return failure(parser.parseInteger(list.emplace_back()) || parser.parseColon() ||
                   parser.parseInteger(list.emplace_back()) ||
                   (sums && (parser.parsePlus() || parser.parseInteger(list.emplace_back()))));
  });
}

/// physical ::= `<` `dims` `[` dims `]` (`borders` `[` axis `:` before `+` after ... `]`)?
///              (`pitch` `[` dim `:` multiple ... `]`)? (`order` axis `[` ints `]`)?
///              (`copies` int)? `>`
Attribute PhysicalAttr::parse(AsmParser &parser, Type) {
  SmallVector<int64_t> axes, units, borders, pitches, order;
  int64_t orderAxis = -1, copies = 1;
  if (parser.parseLess() || parser.parseKeyword("dims") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parseDim(parser, axes, units); }) ||
      parseClause(parser, "borders", true, borders) || parseClause(parser, "pitch", false, pitches))
    return {};
  if (succeeded(parser.parseOptionalKeyword("order")))
    if (parser.parseInteger(orderAxis) ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                       [&] { return parser.parseInteger(order.emplace_back()); }))
      return {};
  if (succeeded(parser.parseOptionalKeyword("copies")) && parser.parseInteger(copies))
    return {};
  if (parser.parseGreater())
    return {};
  auto emitError = [&] { return parser.emitError(parser.getNameLoc()); };
  if (failed(verify(emitError, axes, units, borders, pitches, orderAxis, order, copies)))
    return {};
  return get(parser.getContext(), axes, units, borders, pitches, orderAxis, order, copies);
}

void PhysicalAttr::print(AsmPrinter &printer) const {
  printer << "<dims [";
  llvm::interleaveComma(llvm::zip(getAxes(), getUnits()), printer, [&](auto dim) {
    printer << std::get<0>(dim);
    if (std::get<1>(dim) != 1)
      printer << " by " << std::get<1>(dim);
  });
  printer << ']';
  ArrayRef<int64_t> borders = getBorders(), pitches = getPitches();
  for (size_t i = 0; i < borders.size(); i += 3)
    printer << (i ? ", " : " borders [") << borders[i] << " : " << borders[i + 1] << " + "
            << borders[i + 2];
  printer << (borders.empty() ? "" : "]");
  for (size_t i = 0; i < pitches.size(); i += 2)
    printer << (i ? ", " : " pitch [") << pitches[i] << " : " << pitches[i + 1];
  printer << (pitches.empty() ? "" : "]");
  if (getOrderAxis() >= 0) {
    printer << " order " << getOrderAxis() << " [";
    llvm::interleaveComma(getOrder(), printer);
    printer << ']';
  }
  if (getCopies() != 1)
    printer << " copies " << getCopies();
  printer << '>';
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// No number of a layout is above this: products of a few stay in 64 bits.
static constexpr int64_t kMost = int64_t(1) << 31;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

/// The dimensions of an axis step by ever fewer of its indices, each by a part of the step before.
static LogicalResult verifyUnits(ArrayRef<int64_t> axes, ArrayRef<int64_t> units,
                                 EmitError emitError) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || units[i] < 1 || units[i] > kMost)
      return emitError() << "a dimension in memory steps axis " << axes[i] << " by " << units[i];
    const auto *next = std::find(axes.begin() + i + 1, axes.end(), axes[i]);
    const int64_t inner = next == axes.end() ? 0 : units[next - axes.begin()];
    if (inner == 0 ? units[i] != 1 : units[i] <= inner || units[i] % inner != 0)
      return emitError() << "the dimensions of axis " << axes[i]
                         << " in memory do not divide each other down to steps of 1";
  }
  return success();
}

static LogicalResult verifyBorders(ArrayRef<int64_t> axes, ArrayRef<int64_t> borders,
                                   EmitError emitError) {
  llvm::SmallDenseSet<int64_t> seen;
  for (size_t i = 0; i < borders.size(); i += 3)
    if (!llvm::is_contained(axes, borders[i]) || !seen.insert(borders[i]).second ||
        std::min(borders[i + 1], borders[i + 2]) < 0 ||
        std::max(borders[i + 1], borders[i + 2]) > kMost)
      return emitError() << "the border of axis " << borders[i]
                         << " is negative, of an axis that is not there, or stated twice";
  return success();
}

static LogicalResult verifyPitches(size_t dims, ArrayRef<int64_t> pitches, EmitError emitError) {
  llvm::SmallDenseSet<int64_t> seen;
  for (size_t i = 0; i < pitches.size(); i += 2)
    if (pitches[i] < 0 || pitches[i] >= static_cast<int64_t>(dims) ||
        !seen.insert(pitches[i]).second || pitches[i + 1] < 1 || pitches[i + 1] > kMost)
      return emitError() << "the pitch of dimension " << pitches[i]
                         << " is below 1, of a dimension that is not there, or stated twice";
  return success();
}

static LogicalResult verifyOrder(int64_t axis, ArrayRef<int64_t> order, EmitError emitError) {
  SmallVector<bool> seen(order.size(), false);
  for (int64_t index : order) {
    if (index < 0 || index >= static_cast<int64_t>(order.size()) || seen[index])
      return emitError() << "the order of axis " << axis << " is no permutation";
    seen[index] = true;
  }
  return success();
}

LogicalResult PhysicalAttr::verify(EmitError emitError, ArrayRef<int64_t> axes,
                                   ArrayRef<int64_t> units, ArrayRef<int64_t> borders,
                                   ArrayRef<int64_t> pitches, int64_t orderAxis,
                                   ArrayRef<int64_t> order, int64_t copies) {
  if (copies < 1 || copies > kMost)
    return emitError() << "a tensor that lies in memory " << copies << " times";
  if (orderAxis >= 0 && !llvm::is_contained(axes, orderAxis))
    return emitError() << "an order of axis " << orderAxis << ", which has no dimension in memory";
  return failure(failed(verifyUnits(axes, units, emitError)) ||
                 failed(verifyBorders(axes, borders, emitError)) ||
                 failed(verifyPitches(axes.size(), pitches, emitError)) ||
                 failed(verifyOrder(orderAxis, order, emitError)));
}
