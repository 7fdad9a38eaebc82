//===- Dequantize.cpp - integers to real numbers --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Quantization.h"
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

Divisions DequantizeOp::divide(int64_t axis) { return elementwise(*this, axis); }

bool DequantizeOp::readsSmaller(unsigned k, ArrayRef<int64_t> shape) {
  return k > 0 && broadcastsTo(*this, k, shape);
}

bool DequantizeOp::isMovement() { return true; }

Value DequantizeOp::getCarrier() { return tensorScaleOf(*this) ? getX() : Value(); }

/// With scale and zero point as scalars, which fit whatever arrived.
Value DequantizeOp::restore(OpBuilder &builder, Value carrier, Type type) {
  TensorScale scale = *tensorScaleOf(*this);
  auto one = [&](Type element, auto set) -> Value {
    auto scalar = RankedTensorType::get({}, element);
    ConstantBuilder constant(scalar);
    set(constant);
    return builder.create<ConstantOp>(getLoc(), scalar, constant.finish(), ArrayAttr());
  };
  Value factor = one(builder.getF32Type(),
                     [&](ConstantBuilder &constant) { constant.setReal(0, scale.scale); }),
        zero;
  if (scale.zero != 0)
    zero = one(tensorType(getX()).getElementType(),
               [&](ConstantBuilder &constant) { constant.setInteger(0, scale.zero); });
  return builder.create<DequantizeOp>(getLoc(), type, carrier, factor, zero);
}

void DequantizeOp::describeKernel(KernelCall &call) {
  call.use("dequantize").type("x_t", getX()).type("y_t", getResult());
  addScaling(call, getX(), getScale(), getZero());
  call.pointers = {getResult(), getX(), getScale(), getZero()};
}
