//===- Dequantize.cpp - integers to real numbers --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult DequantizeOp::verify() {
  Type element = typeOf(getX()).getElementType();
  if (!typeOf(getResult()).getElementType().isF32() || !typeOf(getScale()).getElementType().isF32())
    return emitOpError("takes a scale and makes a tensor of single precision");
  if (!isa<IntegerType>(element) || element.getIntOrFloatBitWidth() > 32)
    return emitOpError("takes integers of 8 to 32 bits, not ") << element;
  return verifyScaling(*this, getX(), getScale(), getZero(), element);
}

MaybeDivision DequantizeOp::divide(int64_t axis, ArrayRef<int64_t>) {
  return elementwise(*this, axis);
}

void DequantizeOp::describeKernel(KernelCall &call) {
  call.use("quant.h", "dequantize").type("x_t", getX()).type("y_t", getResult());
  addScaling(call, getX(), getScale(), getZero());
  call.pointers = {getResult(), getX(), getScale(), getZero()};
}
