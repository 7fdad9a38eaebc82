//===- Indices.h - indices that ops read and write by -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_INDICES_H
#define DISCOC_IMPORT_INDICES_H

#include "compiler/import/OpImport.h"

namespace disco::importing {

/// Whether operand i holds int32 or int64, else an error.
bool hasIndexType(OpImport &op, size_t i);
/// Negative indices counted from the front.
mlir::Value fromTheFront(OpImport &op, mlir::Value indices, mlir::Value extents);
/// [..., n] indices of n leading dimensions as [...] indices of these dimensions in one. Known ones
/// are checked.
mlir::Value linearIndices(OpImport &op, mlir::Value indices, llvm::ArrayRef<int64_t> extents);

} // namespace disco::importing

#endif // DISCOC_IMPORT_INDICES_H
