//===- RearrangeFactors.h - how axes survive a rearrangement ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_REARRANGEFACTORS_H
#define DISCOC_DIALECT_REARRANGEFACTORS_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// The factors [begin, end) of a view that make up one dimension; nothing when the dimension's
/// borders fall inside factors.
using FactorSpan = std::optional<std::pair<size_t, size_t>>;

/// For each dimension of `shape`, its factors in `factors`; both have the same product.
llvm::SmallVector<FactorSpan> factorSpans(llvm::ArrayRef<int64_t> shape,
                                          llvm::ArrayRef<int64_t> factors);

/// The factors that an axis of a rearrangement's result has in common with one axis of its operand.
/// Either they lie together and in the same order in both (`permuted` is false: both axes are outer
/// x extent x inner), or the two axes consist of the same factors in another order (`permuted`,
/// extent is the axes' extent). Two axes of extent 1 have one index in common and no factor.
struct SharedFactor {
  int64_t operandAxis;
  llvm::SmallVector<size_t> factors; // indices into the view, ascending
  int64_t extent, outerOperand, innerOperand, outerResult, innerResult;
  bool permuted;
  Relation relation; // result axis -> operand axis
};

/// The operand axis with which axis `resultAxis` shares factors, `preferred` if that is possible,
/// else the outermost.
std::optional<SharedFactor> findSharedFactor(RearrangeOp op, int64_t resultAxis, int64_t preferred);

} // namespace disco

#endif // DISCOC_DIALECT_REARRANGEFACTORS_H
