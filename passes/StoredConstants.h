//===- StoredConstants.h - what a shard stores of its constants -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_STOREDCONSTANTS_H
#define DISCOC_PASSES_STOREDCONSTANTS_H

#include "passes/Passes.h"

namespace disco {

/// Stores in full what is broadcast to no more than kSmallConstantBytes.
void fillSmallConstants(mlir::func::FuncOp function);

/// Gives every constant of a shard the type of what is stored. An op that repeats its operand reads
/// that; for any other the constant is expanded when the program runs.
mlir::LogicalResult settleConstants(mlir::Block &shard);

} // namespace disco

#endif // DISCOC_PASSES_STOREDCONSTANTS_H
