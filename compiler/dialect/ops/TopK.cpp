//===- TopK.cpp - indices of the greatest or least values -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  Shape shape(shapeOf(op.getX()));
  int64_t axis = op.getAxis(), k = op.getK();
  if (failed(checkAxis(loc, axis, shape.size())))
    return failure();
  if (k < 0 || k > shape[axis])
    return emitOptionalError(loc, "k is ", k, ", but the axis has the extent ", shape[axis]);
  shape[axis] = k;
  return infer(types, shape, IntegerType::get(context, 64));
}

Divisions TopKOp::divide(int64_t axis) {
  return axis == static_cast<int64_t>(getAxis()) ? std::nullopt : sameAxis(*this, axis);
}

void TopKOp::describeKernel(KernelCall &call) {
  call.use("top_k").type("x_t", getX());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("extent", shapeOf(getX())[getAxis()]).constant("k", getK());
  call.flag("smallest", getSmallest());
  call.pointers = {getResult(), getX()};
}
