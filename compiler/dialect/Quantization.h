//===- Quantization.h - the arithmetic of quantised numbers -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What runtime_stub/kernels/quant.h computes on a node, computed by the compiler with its
// functions.
#ifndef DISCOC_DIALECT_QUANTIZATION_H
#define DISCOC_DIALECT_QUANTIZATION_H

#include "compiler/dialect/Disco.h"
#include <cstdint>
#include <optional>

namespace disco {

/// The least and the greatest value of an integer type.
struct IntegerRange {
  int64_t low, high;
};
IntegerRange rangeOf(mlir::Type element);

/// clamp(round(x / scale) + zero), halves to even, in single precision.
int64_t quantized(float x, float scale, int64_t zero, IntegerRange range);
/// (x - zero) * scale in single precision.
float dequantized(int64_t x, float scale, int64_t zero);
/// clamp(round(float(sum) * multiplier) + zero), halves to even, in single precision.
int64_t requantized(int32_t sum, float multiplier, int64_t zero, IntegerRange range);

/// One scale and one zero point for a whole tensor.
struct TensorScale {
  float scale = 1;
  int64_t zero = 0;
  bool operator==(const TensorScale &other) const {
    return scale == other.scale && zero == other.zero;
  }
};

/// That of a quantize or dequantize whose scale is a constant, positive, and the same everywhere.
std::optional<TensorScale> tensorScaleOf(QuantizeOp op);
std::optional<TensorScale> tensorScaleOf(DequantizeOp op);

} // namespace disco

#endif // DISCOC_DIALECT_QUANTIZATION_H
