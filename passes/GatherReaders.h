//===- GatherReaders.h - readers of a message one after the other -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_GATHERREADERS_H
#define DISCOC_PASSES_GATHERREADERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace disco {

/// Moves every further reader of a received message, with what it depends on, behind the first one
/// where nothing on the way waits for another node, if that needs less memory: the message's buffer
/// is free earlier. Only arithmetic moves, and only forward, so no schedule can deadlock by it.
/// Returns how many bytes fewer live at a time.
int64_t gatherReaders(mlir::func::FuncOp function);

} // namespace disco

#endif // DISCOC_PASSES_GATHERREADERS_H
