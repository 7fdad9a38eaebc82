//===- Dialect.cpp - attributes and types of the disco dialect ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/Replication.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace disco;

#include "compiler/dialect/DiscoDialect.cpp.inc"
#include "compiler/dialect/DiscoEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/DiscoAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/DiscoTypes.cpp.inc"

#include "compiler/dialect/DiscoInterfaces.cpp.inc"

namespace {
/// Devices are printed once, under a name, in front of the module that has them.
struct DeviceAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    if (isa<BoardAttr>(attribute))
      os << "board";
    else if (isa<TargetAttr>(attribute))
      os << "target";
    else if (isa<ClusterAttr>(attribute))
      os << "cluster";
    else
      return AliasResult::NoAlias;
    return AliasResult::FinalAlias;
  }
};
} // namespace

void DiscoDialect::initialize() {
  addInterfaces<DeviceAliases>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/DiscoAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialect/DiscoTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/DiscoOps.cpp.inc"
      >();
}

Operation *DiscoDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                             Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  return elements ? builder.create<ConstantOp>(loc, type, elements, ArrayAttr()) : nullptr;
}

//===----------------------------------------------------------------------===//
// Text of sets and layouts
//===----------------------------------------------------------------------===//

/// set ::= (int (`to` int)? (`,` int (`to` int)?)*)?
static FailureOr<SetAttr> parseSet(AsmParser &parser) {
  SmallVector<int64_t> bounds;
  int64_t begin = 0;
  OptionalParseResult first = parser.parseOptionalInteger(begin);
  if (!first.has_value())
    return SetAttr::get(parser.getContext(), bounds);
  if (failed(*first))
    return failure();
  while (true) {
    int64_t last = begin;
    if (succeeded(parser.parseOptionalKeyword("to")) && failed(parser.parseInteger(last)))
      return failure();
    if (begin < 0 || last < begin || last == std::numeric_limits<int64_t>::max() ||
        (!bounds.empty() && begin <= bounds.back()))
      return parser.emitError(parser.getCurrentLocation(),
                              "ranges of a set must be ascending and not adjacent"),
             failure();
    bounds.append({begin, last + 1});
    if (failed(parser.parseOptionalComma()))
      return SetAttr::get(parser.getContext(), bounds);
    if (failed(parser.parseInteger(begin)))
      return failure();
  }
}

static void printSet(AsmPrinter &printer, SetAttr set) { set.getSet().print(printer.getStream()); }

static ParseResult parseAxis(AsmParser &parser, int64_t &axis) {
  if (succeeded(parser.parseOptionalKeyword("whole"))) {
    axis = -1;
    return parser.parseColon();
  }
  return failure(failed(parser.parseKeyword("axis")) || failed(parser.parseInteger(axis)) ||
                 failed(parser.parseColon()));
}

static void printAxis(AsmPrinter &printer, int64_t axis) {
  if (axis < 0)
    printer << "whole : ";
  else
    printer << "axis " << axis << " : ";
}

/// layout ::= `<` (`axis` int | `whole`) `:` set (`|` set)* `>`
template <typename LayoutAttr> static Attribute parseLayout(AsmParser &parser) {
  int64_t axis = 0;
  SmallVector<SetAttr> sets;
  if (parser.parseLess() || parseAxis(parser, axis))
    return {};
  do {
    FailureOr<SetAttr> set = parseSet(parser);
    if (failed(set))
      return {};
    sets.push_back(*set);
  } while (succeeded(parser.parseOptionalVerticalBar()));
  if (parser.parseGreater())
    return {};
  return LayoutAttr::get(parser.getContext(), axis, sets);
}

template <typename LayoutAttr> static void printLayout(AsmPrinter &printer, LayoutAttr layout) {
  printer << '<';
  printAxis(printer, layout.getAxis());
  llvm::interleave(
      layout.getSets(), [&](SetAttr set) { printSet(printer, set); }, [&] { printer << " | "; });
  printer << '>';
}

Attribute SetAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<SetAttr> set = parseSet(parser);
  if (failed(set) || parser.parseGreater())
    return {};
  return *set;
}
void SetAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printSet(printer, *this);
  printer << '>';
}

Attribute OwnedAttr::parse(AsmParser &parser, Type) { return parseLayout<OwnedAttr>(parser); }
void OwnedAttr::print(AsmPrinter &printer) const { printLayout(printer, *this); }
SmallVector<int64_t> disco::ranksOf(OwnedAttr owners) {
  SmallVector<int64_t> ranks;
  for (auto [rank, set] : llvm::enumerate(owners.getSets()))
    if (!set.getSet().empty())
      ranks.push_back(static_cast<int64_t>(rank));
  return ranks;
}
bool OwnedAttr::isReplicated() const { return getAxis() < 0 && ranksOf(*this).size() > 1; }
bool disco::isEverywhere(OwnedAttr owners) {
  return owners.isReplicated() && static_cast<int64_t>(ranksOf(owners).size()) == owners.getNodes();
}
OwnedAttr disco::computedBy(MLIRContext *context, ArrayRef<int64_t> ranks, int64_t nodes) {
  SmallVector<IndexSet> sets(nodes);
  for (int64_t rank : ranks)
    sets[rank] = IndexSet::all(1);
  return OwnedAttr::get(context, -1, sets);
}
OwnedAttr OwnedAttr::replicated(MLIRContext *context, int64_t nodes) {
  return OwnedAttr::get(context, -1, SmallVector<IndexSet>(nodes, IndexSet::all(1)));
}
OwnedAttr OwnedAttr::at(MLIRContext *context, int64_t rank, int64_t nodes, int64_t axis,
                        int64_t extent) {
  SmallVector<IndexSet> sets(nodes);
  sets[rank] = IndexSet::all(extent);
  return OwnedAttr::get(context, axis, sets);
}
Attribute HeldAttr::parse(AsmParser &parser, Type) { return parseLayout<HeldAttr>(parser); }
void HeldAttr::print(AsmPrinter &printer) const { printLayout(printer, *this); }

Attribute LocalAttr::parse(AsmParser &parser, Type) {
  int64_t axis = 0;
  if (parser.parseLess() || parseAxis(parser, axis))
    return {};
  FailureOr<SetAttr> set = parseSet(parser);
  PhysicalAttr physical;
  if (failed(set) ||
      (succeeded(parser.parseOptionalKeyword("lies")) &&
       parser.parseAttribute<PhysicalAttr>(physical)) ||
      parser.parseGreater())
    return {};
  return LocalAttr::get(parser.getContext(), axis, *set, physical);
}
void LocalAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printAxis(printer, getAxis());
  printSet(printer, getChannels());
  if (getPhysical())
    printer << " lies " << getPhysical();
  printer << '>';
}

Attribute RouteAttr::parse(AsmParser &parser, Type) {
  int64_t from = 0, to = 0;
  if (parser.parseLess() || parser.parseInteger(from) || parser.parseArrow() ||
      parser.parseInteger(to) || parser.parseColon())
    return {};
  FailureOr<SetAttr> set = parseSet(parser);
  if (failed(set) || parser.parseGreater())
    return {};
  return RouteAttr::get(parser.getContext(), from, to, *set);
}
void RouteAttr::print(AsmPrinter &printer) const {
  printer << '<' << getFrom() << " -> " << getTo() << " : ";
  printSet(printer, getChannels());
  printer << '>';
}

Attribute PartAttr::parse(AsmParser &parser, Type) {
  std::string tensor;
  int64_t axis = 0;
  if (parser.parseLess() || parser.parseString(&tensor) || parser.parseColon())
    return {};
  bool root = succeeded(parser.parseOptionalKeyword("root"));
  RouteKind kind = succeeded(parser.parseOptionalKeyword("partial_sum")) ? RouteKind::PartialSum
                   : succeeded(parser.parseOptionalKeyword("statistic")) ? RouteKind::Statistic
                                                                         : RouteKind::Feature;
  if (parseAxis(parser, axis))
    return {};
  FailureOr<SetAttr> set = parseSet(parser);
  if (failed(set) || parser.parseGreater())
    return {};
  return PartAttr::get(parser.getContext(), StringAttr::get(parser.getContext(), tensor), axis,
                       *set, root, kind);
}
void PartAttr::print(AsmPrinter &printer) const {
  printer << '<' << getTensor() << " : " << (getRoot() ? "root " : "");
  if (getKind() != RouteKind::Feature)
    printer << stringifyRouteKind(getKind()) << ' ';
  printAxis(printer, getAxis());
  printSet(printer, getChannels());
  printer << '>';
}

Attribute ActAttr::parse(AsmParser &parser, Type) {
  StringRef keyword;
  double alpha = 0, beta = 0;
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<UnaryKind> kind = symbolizeUnaryKind(keyword);
  if (!kind) {
    parser.emitError(parser.getCurrentLocation(), "unknown function '") << keyword << "'";
    return {};
  }
  if (succeeded(parser.parseOptionalComma()))
    if (parser.parseFloat(alpha) || parser.parseComma() || parser.parseFloat(beta))
      return {};
  if (parser.parseGreater())
    return {};
  return ActAttr::get(parser.getContext(), *kind, alpha, beta);
}
void ActAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifyUnaryKind(getKind());
  if (getAlphaValue() != 0 || getBetaValue() != 0) {
    // Digits that bring any double back as it was; infinities as bits, which have no digits.
    printer << ", ";
    printer.printFloat(getAlpha());
    printer << ", ";
    printer.printFloat(getBeta());
  }
  printer << '>';
}

/// quant ::= `<` `xZero` `=` int `,` `wZero` `=` `[` ints `]` `,` `result` `=` type
///           (`,` `multiplier` `=` elements `,` `yZero` `=` int `,` `low` `=` int `,` `high` `=`
///           int)? `>`
Attribute QuantAttr::parse(AsmParser &parser, Type) {
  int64_t xZero = 0, yZero = 0, low = 0, high = 0;
  SmallVector<int64_t> wZero;
  Type result;
  DenseElementsAttr multiplier;
  auto field = [&](StringRef name, int64_t &value) -> ParseResult {
    return failure(failed(parser.parseKeyword(name)) || failed(parser.parseEqual()) ||
                   failed(parser.parseInteger(value)));
  };
  if (parser.parseLess() || field("xZero", xZero) || parser.parseComma() ||
      parser.parseKeyword("wZero") || parser.parseEqual() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseInteger(wZero.emplace_back()); }) ||
      parser.parseComma() || parser.parseKeyword("result") || parser.parseEqual() ||
      parser.parseType(result))
    return {};
  if (succeeded(parser.parseOptionalComma()))
    if (parser.parseKeyword("multiplier") || parser.parseEqual() ||
        parser.parseAttribute(multiplier) || parser.parseComma() || field("yZero", yZero) ||
        parser.parseComma() || field("low", low) || parser.parseComma() || field("high", high))
      return {};
  if (parser.parseGreater())
    return {};
  MLIRContext *context = parser.getContext();
  return QuantAttr::get(context, xZero, DenseI64ArrayAttr::get(context, wZero), result, multiplier,
                        yZero, low, high);
}
void QuantAttr::print(AsmPrinter &printer) const {
  printer << "<xZero = " << getXZero() << ", wZero = [";
  llvm::interleaveComma(getWZero().asArrayRef(), printer);
  printer << "], result = " << getResult();
  if (getMultiplier())
    printer << ", multiplier = " << getMultiplier() << ", yZero = " << getYZero()
            << ", low = " << getLow() << ", high = " << getHigh();
  printer << '>';
}

int64_t QuantAttr::wZeroOf(int64_t row) const {
  ArrayRef<int64_t> zeros = getWZero().asArrayRef();
  return zeros.empty() ? 0 : zeros[zeros.size() == 1 ? 0 : row];
}

QuantAttr QuantAttr::ofRows(const IndexSet &rows) const {
  SmallVector<int64_t> zeros(getWZero().asArrayRef());
  DenseElementsAttr multiplier = getMultiplier();
  if (zeros.size() > 1) {
    zeros.clear();
    rows.forEach([&](int64_t row) { zeros.push_back(getWZero().asArrayRef()[row]); });
  }
  if (multiplier && multiplier.getNumElements() > 1) {
    SmallVector<float> factors;
    auto all = multiplier.getValues<float>();
    rows.forEach([&](int64_t row) { factors.push_back(all[row]); });
    multiplier = DenseElementsAttr::get(
        RankedTensorType::get(static_cast<int64_t>(factors.size()), Float32Type::get(getContext())),
        ArrayRef<float>(factors));
  }
  return QuantAttr::get(getContext(), getXZero(), DenseI64ArrayAttr::get(getContext(), zeros),
                        getResult(), multiplier, getYZero(), getLow(), getHigh());
}

QuantAttr QuantAttr::sumOnly() const {
  return QuantAttr::get(getContext(), getXZero(), getWZero(), IntegerType::get(getContext(), 32),
                        {}, 0, 0, 0);
}

//===----------------------------------------------------------------------===//
// Helpers on types and locations
//===----------------------------------------------------------------------===//

bool disco::sameShapes(TypeRange a, TypeRange b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           auto x = dyn_cast<RankedTensorType>(std::get<0>(pair)),
                y = dyn_cast<RankedTensorType>(std::get<1>(pair));
           return x && y && x.getShape() == y.getShape() &&
                  x.getElementType() == y.getElementType();
         });
}

OwnedAttr disco::ownersOf(Value value) {
  return dyn_cast_or_null<OwnedAttr>(tensorType(value).getEncoding());
}

LocalAttr disco::localOf(Value value) {
  return dyn_cast_or_null<LocalAttr>(tensorType(value).getEncoding());
}

int64_t disco::axisExtent(RankedTensorType type, int64_t axis) {
  // Verifiers meet axes that are not there.
  if (axis >= type.getRank())
    return 0;
  return axis < 0 ? 1 : type.getDimSize(axis);
}

RankedTensorType disco::withLayout(RankedTensorType type, Attribute layout) {
  return RankedTensorType::get(type.getShape(), type.getElementType(), layout);
}

RankedTensorType disco::localType(RankedTensorType type, int64_t axis, const IndexSet &set) {
  SmallVector<int64_t> shape(type.getShape());
  if (axis >= 0)
    shape[axis] = set.size();
  return RankedTensorType::get(shape, type.getElementType(),
                               LocalAttr::get(type.getContext(), axis, set));
}

const discoc::ElementInfo &disco::elementInfo(Type element) {
  std::string name = element.isInteger(1) ? "bool"
                                          : (isa<FloatType>(element)       ? "float"
                                             : element.isUnsignedInteger() ? "uint"
                                                                           : "int") +
                                                std::to_string(element.getIntOrFloatBitWidth());
  const discoc::ElementInfo *info = discoc::elementInfo(name);
  if (!info)
    llvm::report_fatal_error("no program has elements of type " + llvm::Twine(name));
  return *info;
}

int64_t disco::elementBytes(Type type) {
  return std::max<int64_t>(1, type.getIntOrFloatBitWidth() / 8);
}

int64_t disco::byteSize(RankedTensorType type) {
  return physicalOf(type) ? PhysicalLayout(type).getBytes() : wireBytes(type);
}

int64_t disco::wireBytes(RankedTensorType type) {
  return type.getNumElements() * elementBytes(type.getElementType());
}

int64_t disco::channelBytes(RankedTensorType type, int64_t axis) {
  int64_t extent = axisExtent(type, axis);
  return extent == 0 ? 0 : wireBytes(type) / extent;
}

bool disco::isConstant(Value value) { return value && value.getDefiningOp<ConstantOp>(); }

StringRef disco::tensorName(Value value) {
  if (auto input = value.getDefiningOp<InputOp>())
    return input.getName();
  if (Operation *op = value.getDefiningOp())
    if (auto name = op->getAttrOfType<StringAttr>(kTensorAttr))
      return name.getValue();
  return {};
}

static NameLoc nameLocation(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name;
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location inner : fused.getLocations())
      if (NameLoc name = nameLocation(inner))
        return name;
  return {};
}

static StringAttr description(Location loc) {
  auto fused = dyn_cast<FusedLoc>(loc);
  if (!fused)
    return {};
  if (auto text = dyn_cast_or_null<StringAttr>(fused.getMetadata()))
    return text;
  for (Location inner : fused.getLocations())
    if (StringAttr text = description(inner))
      return text;
  return {};
}

std::string disco::opName(Operation *op) {
  NameLoc name = nameLocation(op->getLoc());
  return name ? name.getName().str() : std::string();
}

std::string disco::opDescription(Operation *op) {
  StringAttr text = description(op->getLoc());
  return text ? text.str() : std::string();
}
