//===- DivideReductions.cpp - statistics instead of features --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Statistics.h"
#include "passes/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace disco {
#define GEN_PASS_DEF_DIVIDEREDUCTIONS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

class ReductionDivider {
public:
  ReductionDivider(func::FuncOp function, int64_t nodes) : function(function), nodes(nodes) {}

  int64_t run() {
    SmallVector<DivisionOpInterface> found;
    function.walk([&](DivisionOpInterface op) {
      if (runsOverDividedAxis(op))
        found.push_back(op);
    });
    for (DivisionOpInterface op : found)
      if (!done.contains(op))
        rewrite(op);
    for (Operation *op : llvm::reverse(replaced))
      eraseDead(op);
    return count;
  }

  /// With an exact order no reduction runs over a divided axis, unless a stated owner map says so.
  static LogicalResult checkUndivided(func::FuncOp function) {
    WalkResult walked = function.walk([](DivisionOpInterface op) {
      if (!runsOverDividedAxis(op) || ownersOf(op->getResult(0)).isReplicated())
        return WalkResult::advance();
      op->emitError("the owner map divides the axis that is reduced, which has no exact order; "
                    "state another map for it, or compile without --exact-order");
      return WalkResult::interrupt();
    });
    return failure(walked.wasInterrupted());
  }

private:
  void rewrite(DivisionOpInterface op) {
    StatisticsContext context(op, nodes);
    op.mergeStatistics(context);
    count += static_cast<int64_t>(context.replaced.size());
    for (Operation *gone : context.replaced)
      done.insert(gone);
    llvm::append_range(replaced, context.replaced);
  }

  static void eraseDead(Operation *op) {
    SmallVector<Operation *> dead{op};
    while (!dead.empty()) {
      Operation *next = dead.pop_back_val();
      if (!next->use_empty())
        continue;
      llvm::SetVector<Operation *> makers;
      for (Value operand : next->getOperands())
        if (isa_and_nonnull<DivisionOpInterface>(operand.getDefiningOp()))
          makers.insert(operand.getDefiningOp());
      next->erase();
      for (Operation *maker : makers)
        if (maker->use_empty())
          dead.push_back(maker);
    }
  }

  func::FuncOp function;
  int64_t nodes, count = 0;
  DenseSet<Operation *> done;
  SmallVector<Operation *> replaced;
};

struct DivideReductionsPass : disco::impl::DivideReductionsBase<DivideReductionsPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    if (inExactOrder(function)) {
      if (failed(ReductionDivider::checkUndivided(function)))
        signalPassFailure();
      return;
    }
    numReductions = ReductionDivider(function, nodesOf(getOperation())).run();
  }
};

} // namespace
