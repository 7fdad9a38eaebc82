//===- SimplifyPatterns.h - the rewrites of disco-simplify ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_SIMPLIFYPATTERNS_H
#define DISCOC_PASSES_SIMPLIFYPATTERNS_H

#include "Disco.h"
#include "mlir/IR/PatternMatch.h"

namespace disco {

/// Sums and products with constants on channels move into the contraction before them.
void populateAffinePatterns(mlir::RewritePatternSet &patterns);
/// Chains of rearrangements become one; zero padding moves into a convolution.
void populateRearrangePatterns(mlir::RewritePatternSet &patterns);
/// Compound functions are recognised; functions become epilogues of contractions.
void populateEpiloguePatterns(mlir::RewritePatternSet &patterns);
/// Residual adds become epilogues of contractions.
void populateResidualPatterns(mlir::RewritePatternSet &patterns);

/// Whether `fused` may take over what users stated about `replaced` (names and owner maps), and
/// takes it over.
bool takeOver(mlir::PatternRewriter &rewriter, mlir::Operation *replaced, mlir::Operation *fused);

} // namespace disco

#endif // DISCOC_PASSES_SIMPLIFYPATTERNS_H
