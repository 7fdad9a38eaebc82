//===- SimplifyQuantValues.h - what is known about quantised tensors -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_SIMPLIFYQUANTVALUES_H
#define DISCOC_PASSES_SIMPLIFYQUANTVALUES_H

#include "compiler/dialect/Build.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/Quantization.h"
#include <array>
#include <optional>
#include <vector>

namespace disco {

/// Whether elements are integers of 8 bits.
bool isByte(mlir::Value value);

/// The values of a constant that is broadcast to `shape` and differs along one axis at most: one,
/// or as many as the axis is long.
std::optional<std::vector<double>> alongAxis(mlir::Value constant, llvm::ArrayRef<int64_t> shape,
                                             int64_t axis);

/// Computes functions of one tensor of 8 bits for each of its 256 values.
class Tracer {
public:
  using Reals = std::array<float, 256>;

  /// The values of a tensor that is computed element by element from `source` and constants.
  std::optional<Reals> trace(mlir::Value value) { return trace(value, 0); }
  mlir::Value source() const { return origin; }

private:
  std::optional<Reals> trace(mlir::Value value, int depth);
  std::optional<Reals> compute(mlir::Value value, int depth);
  std::optional<Reals> traceDequantize(DequantizeOp op);

  mlir::Value origin;
  /// Values that are read twice are computed once.
  llvm::DenseMap<mlir::Value, Reals> known;
};

} // namespace disco

#endif // DISCOC_PASSES_SIMPLIFYQUANTVALUES_H
