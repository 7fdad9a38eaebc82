//===- DenseMasks.h - dividing as if there were no masks --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_DENSEMASKS_H
#define DISCOC_PASSES_DENSEMASKS_H

#include "llvm/ADT/StringRef.h"

namespace disco {

/// Of the model's module: no mask holds, every node reads all that the others have, whatever
/// weights are zero. For `inspect --what-if`; what is emitted never has it.
inline constexpr llvm::StringLiteral kDenseAttr = "disco.dense";

} // namespace disco

#endif // DISCOC_PASSES_DENSEMASKS_H
