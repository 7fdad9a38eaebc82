//===- ExportsFirst.h - rows that others need are computed first -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_EXPORTSFIRST_H
#define DISCOC_PASSES_EXPORTSFIRST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace disco {

/// Splits contractions of a scheduled shard by rows, where it pays: those of the channels that are
/// sent run first, their message leaves where it lies, and the others run while it is on its way.
///
/// Both results lie one after the other in the storage of the whole one (kJoinedAttr), whose
/// readers, contractions alone, name its channels in that order. No sum takes its addends in
/// another order, and no message changes. Returns how many contractions were split.
int64_t exportFirst(mlir::func::FuncOp function);

} // namespace disco

#endif // DISCOC_PASSES_EXPORTSFIRST_H
