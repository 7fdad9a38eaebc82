//===- ChooseKernels.cpp - which kernel computes each op ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Target.h"
#include "passes/Passes.h"

namespace disco {
#define GEN_PASS_DEF_CHOOSEKERNELS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {
struct ChooseKernelsPass : disco::impl::ChooseKernelsBase<ChooseKernelsPass> {
  void runOnOperation() override {
    for (ModuleOp shard : shardsOf(getOperation())) {
      NodeAttr node = nodeOf(shard);
      shard.walk([&](KernelOpInterface op) { choose(op, node); });
    }
  }

private:
  void choose(KernelOpInterface op, NodeAttr node) {
    SmallVector<KernelChoice> choices = op.getKernelChoices(node);
    if (choices.empty())
      return;
    const KernelChoice *best = llvm::min_element(
        choices, [](const KernelChoice &a, const KernelChoice &b) { return a.cost < b.cost; });
    MLIRContext *context = op->getContext();
    if (best->packing)
      packWeights(op, best->packing);
    op->setAttr(kKernelAttr,
                KernelAttr::get(context, StringAttr::get(context, best->kernel), best->scratch));
    ++numChosen;
  }

  /// Stores the weights of a contraction as its kernel wants them; other readers keep theirs.
  static void packWeights(Operation *op, Attribute packing) {
    OpOperand &operand =
        op->getOpOperand(cast<ContractionOpInterface>(op).getContraction()->weights);
    auto constant = operand.get().getDefiningOp<ConstantOp>();
    if (constant.getPackingAttr() == packing)
      return;
    if (!constant->hasOneUse()) {
      OpBuilder builder(constant);
      constant = cast<ConstantOp>(builder.clone(*constant));
      operand.set(constant);
    }
    constant.setPackingAttr(packing);
  }
};
} // namespace
