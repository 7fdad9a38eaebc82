//===- Quantization.cpp - the arithmetic of quantised numbers -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Quantization.h"
#include "compiler/dialect/Evaluate.h"
#include "mlir/IR/BuiltinTypes.h"
#include "runtime_stub/kernels/quant.h"
#include <cmath>

using namespace mlir;
using namespace disco;

IntegerRange disco::rangeOf(Type element) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (element.isUnsignedInteger())
    return {0, width >= 63 ? INT64_MAX : (int64_t(1) << width) - 1};
  int64_t half = int64_t(1) << (width - 1);
  return {width == 64 ? INT64_MIN : -half, width == 64 ? INT64_MAX : half - 1};
}

int64_t disco::quantized(float x, float scale, int64_t zero, IntegerRange range) {
  return quantised(x / scale, static_cast<int32_t>(zero), static_cast<int32_t>(range.low),
                   static_cast<int32_t>(range.high));
}

float disco::dequantized(int64_t x, float scale, int64_t zero) {
  return static_cast<float>(less_zero(x, zero)) * scale;
}

int64_t disco::requantized(int32_t sum, float multiplier, int64_t zero, IntegerRange range) {
  return quantised_sum(sum, multiplier, static_cast<int32_t>(zero), static_cast<int32_t>(range.low),
                       static_cast<int32_t>(range.high));
}

//===----------------------------------------------------------------------===//
// Scales of whole tensors
//===----------------------------------------------------------------------===//

/// The one value of a constant whose elements are all the same.
static std::optional<double> uniform(Value constant) {
  return isConstant(constant) ? ConstantView(constant).uniform() : std::nullopt;
}

template <typename OpTy> static std::optional<TensorScale> scaleOf(OpTy op) {
  std::optional<double> scale = uniform(op.getScale()), zero = 0.0;
  if (op.getZero())
    zero = uniform(op.getZero());
  if (!scale || !zero || !(*scale > 0) || !std::isfinite(*scale))
    return std::nullopt;
  return TensorScale{static_cast<float>(*scale), static_cast<int64_t>(*zero)};
}

std::optional<TensorScale> disco::tensorScaleOf(QuantizeOp op) { return scaleOf(op); }
std::optional<TensorScale> disco::tensorScaleOf(DequantizeOp op) { return scaleOf(op); }
