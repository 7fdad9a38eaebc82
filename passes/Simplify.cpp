//===- Simplify.cpp - fold constants and fuse what a kernel does at once --===//
// SPDX-License-Identifier: Apache-2.0
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/SimplifyPatterns.h"

namespace disco {
#define GEN_PASS_DEF_SIMPLIFY
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

struct SimplifyPass : disco::impl::SimplifyBase<SimplifyPass> {
  void runOnOperation() override {
    // A weight is folded when it is known that no integer arithmetic reads it.
    if (failed(recognise(populateQuantPatterns)) || failed(recognise(populateQuantSumPatterns)))
      return signalPassFailure();
    // Which of two contractions takes a residual is known when all else has been folded into them.
    for (bool residuals : {false, true})
      if (failed(simplify(residuals)))
        return signalPassFailure();
  }
  LogicalResult recognise(void (*populate)(RewritePatternSet &)) {
    RewritePatternSet patterns(&getContext());
    populate(patterns);
    return apply(std::move(patterns));
  }
  LogicalResult simplify(bool residuals) {
    RewritePatternSet patterns(&getContext());
    populateDequantizePatterns(patterns);
    populateAffinePatterns(patterns);
    populateRearrangePatterns(patterns);
    populateTapPatterns(patterns);
    populateRepeatedPatterns(patterns);
    populateGroupPatterns(patterns);
    populateEpiloguePatterns(patterns);
    Depths depths;
    if (residuals)
      populateResidualPatterns(patterns, depths);
    return apply(std::move(patterns), &depths);
  }
  LogicalResult apply(RewritePatternSet patterns, RewriterBase::Listener *listener = nullptr) {
    GreedyRewriteConfig config;
    config.listener = listener;
    config.maxIterations = 20;
    if (succeeded(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns), config)))
      return success();
    return getOperation().emitError("simplification did not come to an end");
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<DiscoDialect>();
  }
};

} // namespace
