//===- Softmax.cpp - softmax and its logarithm ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Statistics.h"
#include "compiler/dialect/ops/Support.h"
#include <limits>

using namespace mlir;
using namespace disco;

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  int64_t rank = static_cast<int64_t>(shapeOf(op.getX()).size()), axis = op.getAxis();
  int64_t count = op.getCount();
  if (axis < 0 || count < 1 || axis + count > rank)
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ", rank);
  return infer(types, shapeOf(op.getX()), typeOf(op.getX()).getElementType());
}

Divisions SoftmaxOp::divide(int64_t axis) {
  int64_t first = getAxis(), end = first + static_cast<int64_t>(getCount());
  return axis < first || axis >= end ? sameAxis(*this, axis) : Divisions();
}

void SoftmaxOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  size_t axis = getAxis(), end = axis + getCount();
  call.use(getLog() ? "log_softmax" : "softmax").type("x_t", getX());
  if (inExactOrder(*this))
    call.flag("exact", true);
  call.constant("outer", product(x.take_front(axis)))
      .constant("extent", product(x.slice(axis, getCount())));
  call.constant("inner", product(x.drop_front(end)));
  call.pointers = {getResult(), getX()};
}

SmallVector<int64_t> SoftmaxOp::getStatisticAxes() {
  int64_t first = getAxis(), end = first + static_cast<int64_t>(getCount());
  return llvm::to_vector(llvm::seq(first, end));
}

/// exp(x - max) / sum, the maximum and the sum merged from those of the parts.
void SoftmaxOp::mergeStatistics(StatisticsContext &make) {
  SmallVector<int64_t> axes = getStatisticAxes();
  Statistics statistics(make, getX(), axes);
  SmallVector<Value> all = statistics.exchange([&](Value part) -> SmallVector<Value> {
    OwnedAttr layout = ownersOf(part), single = make.wholeAt(layout);
    // One owner's part may be minus infinity all through (a causal mask): less than any number
    // would give NaN here, the least number gives sums of zero.
    Value most = make.reduce(ReduceKind::Max, part, axes, single);
    Value least = make.constant(tensorType(part).getElementType(), {},
                                {static_cast<double>(std::numeric_limits<float>::lowest())});
    most = make.binary(BinaryKind::Max, most, least, shapeOf(most), single);
    Value shifted = make.binary(BinaryKind::Sub, part, most, shapeOf(part), layout);
    return {most, make.reduce(ReduceKind::Sum, make.unary(UnaryKind::Exp, shifted), axes, single)};
  });
  Value most = statistics.merge(ReduceKind::Max, all[0]);
  auto wide = [&](BinaryKind kind, Value a, Value b) {
    return make.binary(kind, a, b, shapeOf(all[0]), make.everywhere);
  };
  Value scale = make.unary(UnaryKind::Exp, wide(BinaryKind::Sub, all[0], most));
  Value sum =
      statistics.kept(statistics.merge(ReduceKind::Sum, wide(BinaryKind::Mul, all[1], scale)));
  OwnedAttr layout = ownersOf(getX());
  auto like = [&](BinaryKind kind, Value a, Value b) {
    return make.binary(kind, a, b, shapeOf(getX()), layout);
  };
  Value shifted = like(BinaryKind::Sub, getX(), statistics.kept(most));
  make.replace(*this, getLog() ? like(BinaryKind::Sub, shifted, make.unary(UnaryKind::Log, sum))
                               : like(BinaryKind::Div, make.unary(UnaryKind::Exp, shifted), sum));
}
