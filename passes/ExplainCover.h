//===- ExplainCover.h - why a contraction sends what it sends ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_EXPLAINCOVER_H
#define DISCOC_PASSES_EXPLAINCOVER_H

#include "llvm/ADT/StringRef.h"

namespace disco {

/// Of the model's module: the name of an op. disco-choose-partial-sums then notes the alternatives
/// that it had for this op in kCoverAttr. For `partition --explain`; what is emitted has neither.
inline constexpr llvm::StringLiteral kExplainAttr = "disco.explain";
/// A dictionary. `why_features`: why its features have to travel (then nothing else), or else
/// `features` and `sums`, what each costs, `in_time` (nanoseconds, else bytes), `sends_sums`, and
/// `tied`: ops that read some of the same features, which are sent for all or for none.
inline constexpr llvm::StringLiteral kCoverAttr = "disco.cover";

} // namespace disco

#endif // DISCOC_PASSES_EXPLAINCOVER_H
