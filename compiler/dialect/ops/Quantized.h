//===- Quantized.h - what the quantised ops share ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_OPS_QUANTIZED_H
#define DISCOC_DIALECT_OPS_QUANTIZED_H

#include "compiler/dialect/ops/Support.h"

namespace disco {

/// That scale and zero can be broadcast to x, and what zero is made of.
mlir::LogicalResult verifyScaling(mlir::Operation *op, mlir::Value x, mlir::Value scale,
                                  mlir::Value zero, mlir::Type element);

/// The broadcast view of x, scale and zero.
void addScaling(KernelCall &call, mlir::Value x, mlir::Value scale, mlir::Value zero);

/// A statement of integer arithmetic on an op whose first operand is x.
mlir::LogicalResult verifyQuant(mlir::Operation *op, QuantAttr quant, mlir::Value x,
                                mlir::Value weights, mlir::Value bias, int64_t rows);

/// x_zero and w_zero, and what becomes of the sums.
void addQuant(KernelCall &call, QuantAttr quant);
/// What becomes of the sums: multiplier, zero point and range of the result.
void addRequantization(KernelCall &call, QuantAttr quant);

/// Whether a multiplier makes such sums integers of 8 bits: in single precision, one or one a row.
bool requantizes(QuantAttr quant, int64_t rows);

} // namespace disco

#endif // DISCOC_DIALECT_OPS_QUANTIZED_H
