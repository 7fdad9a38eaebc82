//===- PackedConstant.h - the bytes of a packed constant --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// A constant's packing is #disco.physical, another order of its elements, or #disco.winograd, what
// a kernel computes with instead of them.
#ifndef DISCOC_DIALECT_PACKEDCONSTANT_H
#define DISCOC_DIALECT_PACKEDCONSTANT_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// Whether a packing fits what it packs; emitError says what does not.
mlir::LogicalResult verifyPacking(mlir::Attribute packing, mlir::RankedTensorType type,
                                  llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// The bytes of a constant that has a packing.
int64_t packedBytes(ConstantOp op);

/// Calls back with them, a step of the outermost dimension in memory at a time: of large weights
/// there is never a second copy. What is beside the elements is 0. The value's bytes have to be
/// there.
void forEachPackedPiece(ConstantOp op, llvm::function_ref<void(llvm::ArrayRef<char>)> callback);

/// By axis, the indices of the value that a constant stores.
llvm::SmallVector<IndexSet> storedIndices(ConstantOp op);

/// What is above, of weights with #disco.winograd.
mlir::LogicalResult verifyWinograd(mlir::RankedTensorType type,
                                   llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
int64_t winogradBytes(WinogradAttr packing, mlir::RankedTensorType type);
void forEachWinogradPiece(ConstantOp op, WinogradAttr packing,
                          llvm::function_ref<void(llvm::ArrayRef<char>)> callback);

} // namespace disco

#endif // DISCOC_DIALECT_PACKEDCONSTANT_H
