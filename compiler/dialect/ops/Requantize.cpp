//===- Requantize.cpp - whole sums to integers of 8 bits ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult RequantizeOp::verify() {
  int64_t axis = getAxis();
  if (axis < 0 || axis >= rankOf(getX()) || shapeOf(getX()) != shapeOf(getResult()))
    return emitOpError("has rows along an axis of its operand, whose shape the result has");
  if (!typeOf(getX()).getElementType().isInteger(32) ||
      typeOf(getResult()).getElementType() != getQuant().getResult())
    return emitOpError("takes integers of 32 bits and makes those of its attribute");
  if (!requantizes(getQuant(), shapeOf(getX())[axis]))
    return emitOpError("needs a multiplier, or as many as rows, for integers of 8 bits");
  return success();
}

/// Integers of 8 bits are written behind the sums that are still to be read.
SmallVector<InPlaceOperand> RequantizeOp::getInPlaceOperands() { return {{getX()}}; }

void RequantizeOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  size_t axis = getAxis();
  call.use("requantize").type("y_t", getResult());
  addRequantization(call, getQuant());
  call.constant("outer", product(shape.take_front(axis)))
      .constant("rows", shape[axis])
      .constant("inner", product(shape.drop_front(axis + 1)));
  call.pointers = {getResult(), getX()};
}
