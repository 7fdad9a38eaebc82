//===- Quantized.cpp - what the quantised ops share -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult disco::verifyScaling(Operation *op, Value x, Value scale, Value zero, Type element) {
  if (shapeOf(x) != shapeOf(op->getResult(0)))
    return op->emitOpError("result and operand differ in shape");
  if (zero && typeOf(zero).getElementType() != element)
    return op->emitOpError("the zero points are not of the type of the integers");
  for (Value small : {scale, zero}) {
    SmallVector<int64_t> shape;
    if (small && (failed(broadcast(std::nullopt, shapeOf(x), shapeOf(small), shape)) ||
                  ArrayRef<int64_t>(shape) != shapeOf(x)))
      return op->emitOpError("scale and zero point cannot be broadcast to the operand");
  }
  return success();
}

void disco::forEachScaled(Operation *, Value x, Value scale, Value zero,
                          function_ref<void(int64_t, int64_t, int64_t)> callback) {
  SmallVector<int64_t> scaleStrides = stridesOf(shapeOf(scale)), zeroStrides;
  if (zero)
    zeroStrides = stridesOf(shapeOf(zero));
  forEachIndex(shapeOf(x), [&](int64_t i, ArrayRef<int64_t> index) {
    callback(i, broadcastIndex(index, shapeOf(scale), scaleStrides),
             zero ? broadcastIndex(index, shapeOf(zero), zeroStrides) : 0);
  });
}

void disco::addScaling(KernelCall &call, Value x, Value scale, Value zero) {
  BroadcastView view(shapeOf(x), {x, scale, zero ? zero : scale});
  call.flag("has_zero", bool(zero)).constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape)
      .array("scale_strides", view.strides[1])
      .array("zero_strides", view.strides[2]);
}

LogicalResult disco::verifyQuant(Operation *op, QuantAttr quant, Value x, Value weights, Value bias,
                                 int64_t rows) {
  auto narrow = [](Type type, unsigned bits) {
    return isa<IntegerType>(type) && type.getIntOrFloatBitWidth() == bits;
  };
  if (!narrow(typeOf(x).getElementType(), 8) ||
      (weights && !narrow(typeOf(weights).getElementType(), 8)))
    return op->emitOpError("integer arithmetic needs operands of 8 bits");
  if (bias && !typeOf(bias).getElementType().isInteger(32))
    return op->emitOpError("the bias of integer arithmetic must have 32 bits");
  DenseElementsAttr multiplier = quant.getMultiplier();
  if (!narrow(quant.getResult(), multiplier ? 8 : 32))
    return op->emitOpError("integer arithmetic makes integers of 8 bits with a multiplier, of 32 "
                           "without one");
  auto fits = [&](int64_t count) { return count == 1 || count == rows; };
  int64_t zeros = quant.getWZero().size();
  if ((zeros != 0 && !fits(zeros)) ||
      (multiplier && (!multiplier.getElementType().isF32() || !fits(multiplier.getNumElements()))))
    return op->emitOpError("needs one multiplier and one zero point of the weights, or as many as "
                           "rows");
  return success();
}

bool disco::requantizes(QuantAttr quant, int64_t rows) {
  DenseElementsAttr multiplier = quant.getMultiplier();
  return multiplier && multiplier.getElementType().isF32() && isa<IntegerType>(quant.getResult()) &&
         quant.getResult().getIntOrFloatBitWidth() == 8 &&
         llvm::is_contained({int64_t(1), rows}, multiplier.getNumElements());
}

void disco::addQuant(KernelCall &call, QuantAttr quant) {
  call.constant("x_zero", quant.getXZero());
  ArrayRef<int64_t> zeros = quant.getWZero().asArrayRef();
  if (zeros.size() > 1)
    call.table("w_zero", zeros);
  else
    call.member("static constexpr int64_t w_zero(int64_t) { return " +
                std::to_string(quant.wZeroOf(0)) + "; }");
  call.flag("has_w_zero", llvm::any_of(zeros, [](int64_t zero) { return zero != 0; }));
  addRequantization(call, quant);
}

void disco::addRequantization(KernelCall &call, QuantAttr quant) {
  call.flag("requantised", bool(quant.getMultiplier()));
  if (!quant.getMultiplier())
    return;
  call.constant("y_zero", quant.getYZero())
      .constant("low", quant.getLow())
      .constant("high", quant.getHigh());
  SmallVector<float> multiplier(quant.getMultiplier().getValues<float>());
  call.flag("one_multiplier", multiplier.size() == 1).floats("multiplier", multiplier);
}
