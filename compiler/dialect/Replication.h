//===- Replication.h - tensors that several nodes compute -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// A tensor that is divided along no axis may have several owners: every one of them computes it,
// and the lowest gives it to nodes that are none and need it.
#ifndef DISCOC_DIALECT_REPLICATION_H
#define DISCOC_DIALECT_REPLICATION_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// The ranks that own something, rising.
llvm::SmallVector<int64_t> ranksOf(OwnedAttr owners);
/// Whether several nodes compute a tensor, and every node does.
bool isEverywhere(OwnedAttr owners);
/// The layout of a tensor that some nodes compute, each all of it.
OwnedAttr computedBy(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> ranks, int64_t nodes);

} // namespace disco

#endif // DISCOC_DIALECT_REPLICATION_H
