//===- ConvertOrder.cpp - greatest values, orders and running sums --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/Converters.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// The index of the greatest or least value; the axis stays.
static Value argExtreme(OpImport &op, Value x, int64_t axis, bool minimum, bool last) {
  SmallVector<NamedAttribute> attrs{op.named("axis", axis)};
  if (minimum)
    attrs.push_back(op.unit("minimum"));
  if (last)
    attrs.push_back(op.unit("last"));
  return op.make<ArgExtremeOp>({x}, attrs);
}

template <bool minimum> static LogicalResult convertArg(OpImport &op) {
  Value x = op.input(0);
  bool keepdims = op.flag("keepdims", true), last = op.flag("select_last_index");
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  if (!axis || op.hasFailed())
    return failure();
  Value y = argExtreme(op, x, *axis, minimum, last);
  Ints shape(op.shape(y));
  if (!keepdims && y)
    shape.erase(shape.begin() + *axis);
  return op.result(op.reshape(y, shape));
}

/// One where the greatest value lies, the first of equals, else zero.
static LogicalResult convertHardmax(OpImport &op) {
  Value x = op.input(0);
  bool single = op.opset() >= 13;
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", single ? -1 : 1), op.rank(x));
  if (!axis || op.hasFailed())
    return failure();
  Ints whole(op.shape(x));
  if (!single) { // all trailing axes are one
    x = op.reshape(x, {elementCount(op.shape(x).take_front(*axis)),
                       elementCount(op.shape(x).drop_front(*axis))});
    axis = 1;
  }
  int64_t extent = op.shape(x)[*axis];
  if (extent > kMostConstant) // a list of its places is stored
    return op.error("the axis has " + Twine(extent) + " elements, and at most " +
                        Twine(kMostConstant) + " are supported",
                    "use ArgMax, whose result is an index");
  Ints along(static_cast<size_t>(op.rank(x)), 1);
  along[*axis] = extent;
  Value hot = op.binary(BinaryKind::Equal, argExtreme(op, x, *axis, false, false),
                        op.integersOf(along, iota(extent)));
  return op.result(op.reshape(op.convertTo(hot, tensorType(x).getElementType()), whole));
}

static LogicalResult convertTopK(OpImport &op) {
  op.ignore({"sorted"}); // in any order is in order, too
  Value x = op.input(0);
  std::optional<Ints> k = op.opset() < 10 ? Ints{op.integer("k", 0)} : op.constantInts(1, "K");
  bool largest = op.flag("largest", true);
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", -1), op.rank(x));
  if (!axis || !k || op.hasFailed())
    return failure();
  if (k->size() != 1 || k->front() < 0 || k->front() > op.shape(x)[*axis])
    return op.error("k is " + shapeText(*k) + ", but axis " + Twine(*axis) + " has the extent " +
                    Twine(op.shape(x)[*axis]));
  int64_t last = op.rank(x) - 1;
  Value along = op.movedLast(x, *axis);
  SmallVector<NamedAttribute> attrs{op.named("axis", last), op.named("k", k->front())};
  if (!largest)
    attrs.push_back(op.unit("smallest"));
  Value indices = op.make<TopKOp>({along}, attrs);
  if (!indices)
    return failure();
  if (op.isUsed(0) &&
      failed(op.result(op.movedFromLast(op.gather(along, indices, last, last), *axis))))
    return failure();
  return op.isUsed(1) ? op.result(op.movedFromLast(indices, *axis), 1) : success();
}

static LogicalResult convertCumSum(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> given = op.constantInts(1, "axis");
  SmallVector<NamedAttribute> attrs;
  op.addFlags(attrs, {"exclusive", "reverse"});
  if (!given || op.hasFailed())
    return failure();
  if (given->size() != 1)
    return op.error("input 'axis' must be a scalar");
  std::optional<int64_t> axis = op.normalAxis(given->front(), op.rank(x));
  if (!axis)
    return failure();
  attrs.push_back(op.named("axis", *axis));
  return op.result(op.make<CumSumOp>({x}, attrs));
}

void disco::importing::addOrder(ConverterTable &table) {
  table["ArgMax"] = {convertArg<false>, 1, 1, 1, kNumbers};
  table["ArgMin"] = {convertArg<true>, 1, 1, 1, kNumbers};
  table["Hardmax"] = {convertHardmax, 1, 1, 1, kFloats};
  table["TopK"] = {convertTopK, 1, 2, 2, kNumbers};
  table["CumSum"] = {convertCumSum, 2, 2, 1, kNumbers};
}
