//===- Simplify.cpp - fold constants and fuse what a kernel does at once --===//
// SPDX-License-Identifier: Apache-2.0
#include "Passes.h"
#include "SimplifyPatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace disco {
#define GEN_PASS_DEF_SIMPLIFY
#include "Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

struct SimplifyPass : disco::impl::SimplifyBase<SimplifyPass> {
  void runOnOperation() override {
    // Which of two contractions takes a residual is known when all else has been folded into them.
    for (bool residuals : {false, true})
      if (failed(simplify(residuals))) {
        getOperation().emitError("simplification did not come to an end");
        return signalPassFailure();
      }
  }
  LogicalResult simplify(bool residuals) {
    RewritePatternSet patterns(&getContext());
    populateAffinePatterns(patterns);
    populateRearrangePatterns(patterns);
    populateEpiloguePatterns(patterns);
    if (residuals)
      populateResidualPatterns(patterns);
    GreedyRewriteConfig config;
    config.maxIterations = 20;
    return applyPatternsAndFoldGreedily(getOperation(), std::move(patterns), config);
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<DiscoDialect>();
  }
};

} // namespace
