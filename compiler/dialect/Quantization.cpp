//===- Quantization.cpp - the arithmetic of quantised numbers -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Quantization.h"
#include "mlir/IR/BuiltinTypes.h"
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

/// A NaN becomes the least value, as in the kernels.
static int64_t clampedRound(float value, int64_t zero, IntegerRange range) {
  float low = static_cast<float>(range.low - zero), high = static_cast<float>(range.high - zero);
  value = value > low ? value : low;
  value = value < high ? value : high;
  return static_cast<int64_t>(std::nearbyint(value)) + zero;
}

int64_t disco::quantized(float x, float scale, int64_t zero, IntegerRange range) {
  return clampedRound(x / scale, zero, range);
}

float disco::dequantized(int64_t x, float scale, int64_t zero) {
  // Differences of 32-bit integers wrap.
  auto difference = static_cast<int32_t>(static_cast<uint32_t>(x) - static_cast<uint32_t>(zero));
  return static_cast<float>(difference) * scale;
}

int64_t disco::requantized(int32_t sum, float multiplier, int64_t zero, IntegerRange range) {
  return clampedRound(static_cast<float>(sum) * multiplier, zero, range);
}
