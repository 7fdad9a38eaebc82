//===- ArgExtreme.cpp - where the greatest or least value lies ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ArgExtremeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                             ValueRange operands, DictionaryAttr attributes,
                                             OpaqueProperties properties, RegionRange regions,
                                             Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  Shape shape(shapeOf(op.getX()));
  int64_t axis = op.getAxis();
  if (failed(checkAxis(loc, axis, shape.size())))
    return failure();
  if (shape[axis] == 0)
    return emitOptionalError(loc, "an empty axis has no greatest and no least value");
  shape[axis] = 1;
  return infer(types, shape, IntegerType::get(context, 64));
}

Divisions ArgExtremeOp::divide(int64_t axis) {
  return axis == static_cast<int64_t>(getAxis()) ? std::nullopt : sameAxis(*this, axis);
}

void ArgExtremeOp::describeKernel(KernelCall &call) {
  call.use("arg_extreme").type("x_t", getX());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("extent", shapeOf(getX())[getAxis()]);
  call.flag("minimum", getMinimum()).flag("last", getLast());
  call.pointers = {getResult(), getX()};
}
