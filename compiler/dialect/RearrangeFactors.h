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

/// What an axis of a rearrangement's result and an axis of its operand have in common.
///
/// An axis is a product of factors: 64 channels may be 8 groups x 8. Two cases can be divided:
/// - Both axes contain the same run of factors: each is outer x extent x inner, with its own outer
///   and inner. `permuted` is false. An example is a reshape from 64 to 8 x 8.
/// - Both axes consist of the same factors, in another order: a channel shuffle. `permuted` is
/// true,
///   and `extent` is the whole axis.
/// Two axes of extent 1 share their one index and have no factors.
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
