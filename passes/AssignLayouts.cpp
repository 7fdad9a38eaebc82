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
      else if (auto input = dyn_cast<InputOp>(op))
        copyIn(input.getResult());
      else if (auto state = dyn_cast<StateOp>(op))
        copyIn(state);
      else if (isa<OutputOp, KeepOp>(
                   op)) // what is handed on lies by rows; a send packs what does not
        readByRows(&op);
    }
  }

  int64_t assigned = 0, relayouts = 0;

private:
  RelayoutOp makeCopy(OpBuilder builder, Value value, PhysicalAttr physical) {
    auto copy = builder.create<RelayoutOp>(value.getDefiningOp()->getLoc(), value.getType(), value);
    if (StringRef name = tensorName(value); !name.empty())
      copy->setAttr(kTensorAttr, builder.getStringAttr(name));
    lay(copy, physical);
    ++relayouts;
    return copy;
  }

  /// The caller's tensors lie by rows: ops that take others read a copy. Sends pack the tensor
  /// itself.
  void copyIn(Value input) {
    PhysicalAttr physical = propose(input);
    Operation *first = nullptr;
    for (Operation *user : input.getUsers())
      if (physical && readsAs(user, input, physical) && (!first || user->isBeforeInBlock(first)))
        first = user;
    if (!first)
      return;
    RelayoutOp copy = makeCopy(OpBuilder(first), input, physical);
    byRows[copy] = input;
    input.replaceUsesWithIf(copy, [&](OpOperand &use) {
      return use.getOwner() != copy && readsAs(use.getOwner(), input, physical);
    });
  }

  /// Whether an op takes an operand that lies by rows in another layout, too.
  static bool readsAs(Operation *op, Value operand, PhysicalAttr physical) {
    auto kernel = dyn_cast<KernelOpInterface>(op);
    SmallVector<PhysicalAttr> operands;
    for (Value other : op->getOperands())
      operands.push_back(other == operand ? physical : physicalOf(other));
    return kernel && kernel.takesLayouts(operands, {});
  }

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
      if (!copy)
        copy = makeCopy(OpBuilder(op), operand.get(), {});
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
