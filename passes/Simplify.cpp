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
    RewritePatternSet patterns(&getContext());
    populateAffinePatterns(patterns);
    populateRearrangePatterns(patterns);
    populateEpiloguePatterns(patterns);
    GreedyRewriteConfig config;
    config.maxIterations = 20;
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns), config))) {
      getOperation().emitError("simplification did not come to an end");
      signalPassFailure();
    }
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<DiscoDialect>();
  }
};

} // namespace
