//===- SimplifyPatterns.h - the rewrites of disco-simplify ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_SIMPLIFYPATTERNS_H
#define DISCOC_PASSES_SIMPLIFYPATTERNS_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/PatternMatch.h"

namespace disco {

/// Sums and products with constants on channels move into the contraction before them.
void populateAffinePatterns(mlir::RewritePatternSet &patterns);
/// Chains of rearrangements become one; zero padding moves into a convolution, repetition into
/// sums.
void populateRearrangePatterns(mlir::RewritePatternSet &patterns);
/// Products with weights whose rows or columns are all the same need one of them.
void populateRepeatedPatterns(mlir::RewritePatternSet &patterns);
/// Normalisation over groups of channels that owners would share unevenly is done channel by
/// channel.
void populateGroupPatterns(mlir::RewritePatternSet &patterns);
/// Zeros between the taps of a convolution become its dilation.
void populateTapPatterns(mlir::RewritePatternSet &patterns);
/// Compound functions are recognised; functions become epilogues of contractions.
void populateEpiloguePatterns(mlir::RewritePatternSet &patterns);
/// What stands between dequantize and quantize becomes integer arithmetic.
void populateQuantPatterns(mlir::RewritePatternSet &patterns);
/// Movement changes places with dequantize and quantize; part of the patterns above.
void populateQuantMovementPatterns(mlir::RewritePatternSet &patterns);
/// Contractions of quantised tensors that no quantize follows sum in integers.
void populateQuantSumPatterns(mlir::RewritePatternSet &patterns);
/// Dequantised constants become constants.
void populateDequantizePatterns(mlir::RewritePatternSet &patterns);
/// The largest number of contractions on a way from an input to an op. Programs are deep: what is
/// known is kept while the op is there, and what it depends on is asked for first.
class Depths : public mlir::RewriterBase::Listener {
public:
  int64_t of(mlir::Operation *op);
  void notifyOperationErased(mlir::Operation *op) override { known.erase(op); }

private:
  llvm::DenseMap<mlir::Operation *, int64_t> known;
};
/// Residual adds become epilogues of contractions.
void populateResidualPatterns(mlir::RewritePatternSet &patterns, Depths &depths);

/// Whether `fused` may take over what users stated about `replaced` (names and owner maps), and
/// takes it over.
bool takeOver(mlir::PatternRewriter &rewriter, mlir::Operation *replaced, mlir::Operation *fused);

} // namespace disco

#endif // DISCOC_PASSES_SIMPLIFYPATTERNS_H
