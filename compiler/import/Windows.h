//===- Windows.h - the settings of convolutions and pools -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_WINDOWS_H
#define DISCOC_IMPORT_WINDOWS_H

#include "compiler/import/OpImport.h"

namespace disco::importing {

struct Window {
  Ints strides, pads, dilations; ///< pads: all begins, then all ends
};

/// Reads strides, pads, auto_pad and dilations; nothing when they are wrong.
std::optional<Window> readWindow(OpImport &op, llvm::ArrayRef<int64_t> spatial,
                                 llvm::ArrayRef<int64_t> kernel);

/// A convolution; a bias that is not constant is added after it.
mlir::Value convolution(OpImport &op, mlir::Value x, mlir::Value w, mlir::Value bias,
                        const Window &window, int64_t group, QuantAttr quant = {});

/// A product of matrices; `bias` has one value a column.
mlir::Value matrixProduct(OpImport &op, mlir::Value a, mlir::Value b, mlir::Value bias, bool transA,
                          bool transB, QuantAttr quant = {});

/// x, quantised to unsigned 8 bits when the program runs, times w of 8 bits with its scale and zero
/// point (or none), one in all or one a column: in single precision.
mlir::Value dynamicProduct(OpImport &op, mlir::Value x, mlir::Value w, mlir::Value scale,
                           mlir::Value zero);
/// Integers of 8 bits times others, with zero points (or none): in 32 bits.
mlir::Value integerProduct(OpImport &op, mlir::Value x, mlir::Value xZero, mlir::Value w,
                           mlir::Value wZero);

/// Whether a value is a constant, or will be one when quantised ops have been recognised.
bool isSettled(mlir::Value value);

} // namespace disco::importing

#endif // DISCOC_IMPORT_WINDOWS_H
