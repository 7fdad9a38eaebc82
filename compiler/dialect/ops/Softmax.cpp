//===- Softmax.cpp - softmax and its logarithm ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

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

MaybeDivision SoftmaxOp::divide(int64_t axis, ArrayRef<int64_t>) {
  int64_t first = getAxis(), end = first + static_cast<int64_t>(getCount());
  return axis < first || axis >= end ? sameAxis(*this, axis) : std::nullopt;
}

void SoftmaxOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  size_t axis = getAxis(), end = axis + getCount();
  call.use("reduce.h", getLog() ? "log_softmax" : "softmax").type("x_t", getX());
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
