//===- CumSum.cpp - running sums along an axis ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult CumSumOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> shape = shapeOf(op.getX());
  if (failed(checkAxis(loc, op.getAxis(), shape.size())))
    return failure();
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

/// Along the summed axis every result needs all that comes before it.
Divisions CumSumOp::divide(int64_t axis) {
  return axis == static_cast<int64_t>(getAxis()) ? Divisions() : sameAxis(*this, axis);
}

void CumSumOp::describeKernel(KernelCall &call) {
  call.use("cum_sum").type("x_t", getX());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("extent", shapeOf(getX())[getAxis()]);
  call.flag("exclusive", getExclusive()).flag("reverse", getReverse());
  call.pointers = {getResult(), getX()};
}
