//===- AssignLayouts.cpp - how every tensor of a shard lies ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/Target.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"
#include "passes/layouts/Layout.h"

namespace disco {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Goes through a shard in the order in which it runs.
class LayoutAssigner {
public:
  LayoutAssigner(NodeAttr node, const LayoutInfo *wanted) : node(node), wanted(wanted) {}

  void run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto kernel = dyn_cast<KernelOpInterface>(op))
        assign(kernel);
      else if (isa<OutputOp>(op)) // what the caller gets lies by rows; a send packs what does not
        readByRows(&op);
    }
  }

  int64_t assigned = 0, relayouts = 0;

private:
  void assign(KernelOpInterface op) {
    SmallVector<PhysicalAttr> operands;
    for (Value operand : op->getOperands())
      operands.push_back(physicalOf(operand));
    PhysicalAttr proposed = op->getNumResults() == 1 ? propose(op->getResult(0)) : PhysicalAttr();
    if (proposed && op.takesLayouts(operands, proposed)) {
      lay(op->getResult(0), proposed);
      ++assigned;
    } else if (!op.takesLayouts(operands, {})) {
      readByRows(op);
    }
  }

  /// How a tensor should lie; null: by rows, which much that has another name is, too.
  PhysicalAttr propose(Value value) const {
    LocalAttr local = wanted ? localOf(value) : LocalAttr();
    PhysicalAttr physical = local ? wanted->propose(tensorType(value), node) : PhysicalAttr();
    if (!physical)
      return {};
    RankedTensorType type = tensorType(value);
    return PhysicalLayout(type.getShape(), type.getElementType(), physical).isRowMajor()
               ? PhysicalAttr()
               : physical;
  }

  static void lay(Value value, PhysicalAttr physical) {
    LocalAttr local = localOf(value);
    value.setType(withLayout(tensorType(value), LocalAttr::get(value.getContext(), local.getAxis(),
                                                               local.getChannels(), physical)));
  }

  /// One copy by rows serves all that read one.
  void readByRows(Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (!physicalOf(operand.get()))
        continue;
      Value &copy = byRows[operand.get()];
      if (!copy) {
        OpBuilder builder(op);
        auto relayout = builder.create<RelayoutOp>(operand.get().getDefiningOp()->getLoc(),
                                                   operand.get().getType(), operand.get());
        if (StringRef name = tensorName(operand.get()); !name.empty())
          relayout->setAttr(kTensorAttr, builder.getStringAttr(name));
        copy = relayout;
        lay(copy, {});
        ++relayouts;
      }
      operand.set(copy);
    }
  }

  NodeAttr node;
  const LayoutInfo *wanted;
  DenseMap<Value, Value> byRows;
};

struct AssignLayoutsPass : disco::impl::AssignLayoutsBase<AssignLayoutsPass> {
  void runOnOperation() override {
    auto name = getOperation()->getAttrOfType<StringAttr>(kLayoutAttr);
    const LayoutInfo *wanted = name ? findLayout(name.getValue()) : nullptr;
    if (name && !wanted) {
      getOperation().emitError("there is no layout '")
          << name.getValue() << "'; the layouts are " << layoutNames();
      return signalPassFailure();
    }
    for (ModuleOp shard : shardsOf(getOperation())) {
      LayoutAssigner assigner(nodeOf(shard), wanted);
      assigner.run(inferOf(shard).getBody().front());
      numAssigned += assigner.assigned;
      numRelayouts += assigner.relayouts;
    }
  }
};

} // namespace
