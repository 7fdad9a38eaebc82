//===- Joined.h - tensors whose pieces are made in their storage -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_JOINED_H
#define DISCOC_DIALECT_JOINED_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// Of an assemble whose inputs lie one after the other in its storage: nothing is copied. Its
/// channels lie in the order of the inputs, not rising.
inline constexpr llvm::StringLiteral kJoinedAttr = "disco.joined";

/// The channels of a local tensor in the order in which they lie.
llvm::SmallVector<int64_t> channelsInOrder(mlir::Value value);

} // namespace disco

#endif // DISCOC_DIALECT_JOINED_H
