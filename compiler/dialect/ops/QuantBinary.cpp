//===- QuantBinary.cpp - sums and products of quantised tensors -----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult QuantBinaryOp::verify() {
  for (Value value : {getLhs(), getRhs(), getResult()}) {
    Type element = typeOf(value).getElementType();
    if (!isa<IntegerType>(element) || element.getIntOrFloatBitWidth() != 8)
      return emitOpError("takes and makes integers of 8 bits, not ") << element;
  }
  if (getKind() != BinaryKind::Add && getKind() != BinaryKind::Sub && getKind() != BinaryKind::Mul)
    return emitOpError("is a sum, a difference or a product, not '")
           << stringifyBinaryKind(getKind()) << "'";
  // Sums of two products must stay within 32 bits.
  auto absolute = [](int64_t factor) { return factor < 0 ? -factor : factor; };
  int64_t a = absolute(static_cast<int64_t>(getLhsFactor())),
          b = absolute(static_cast<int64_t>(getRhsFactor()));
  if (a > INT32_MAX / 255 || b > INT32_MAX / 255 || a + b > INT32_MAX / 255 - 1 || getShift() > 30)
    return emitOpError("its factors or its shift are too large for sums in 32 bits");
  SmallVector<int64_t> shape;
  if (failed(broadcast(getLoc(), shapeOf(getLhs()), shapeOf(getRhs()), shape)))
    return failure();
  if (shapeOf(getResult()) != ArrayRef<int64_t>(shape))
    return emitOpError("the result does not have the broadcast shape of the operands");
  return success();
}

Divisions QuantBinaryOp::divide(int64_t axis) { return elementwise(*this, axis); }

bool QuantBinaryOp::readsSmaller(unsigned k, ArrayRef<int64_t> shape) {
  return broadcastsTo(*this, k, shape);
}

void QuantBinaryOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.use("quant_binary").type("a_t", getLhs()).type("b_t", getRhs()).type("y_t", getResult());
  call.alias("op", "quant_" + stringifyBinaryKind(getKind()).str());
  call.constant("a_zero", static_cast<int64_t>(getLhsZero()))
      .constant("b_zero", static_cast<int64_t>(getRhsZero()))
      .constant("a_factor", static_cast<int64_t>(getLhsFactor()))
      .constant("b_factor", static_cast<int64_t>(getRhsFactor()))
      .constant("shift", static_cast<int64_t>(getShift()));
  call.floats("multiplier", getMultiplier().convertToFloat());
  call.constant("y_zero", static_cast<int64_t>(getZero()))
      .constant("low", static_cast<int64_t>(getLow()))
      .constant("high", static_cast<int64_t>(getHigh()));
  call.constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape)
      .array("a_strides", view.strides[0])
      .array("b_strides", view.strides[1]);
  call.pointers = {getResult(), getLhs(), getRhs()};
}
