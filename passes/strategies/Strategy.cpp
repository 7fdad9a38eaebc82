//===- Strategy.cpp - what strategies share, and their names --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

std::unique_ptr<Strategy> disco::createStrategy(StringRef wanted) {
#define STRATEGY(name, function, summary)                                                          \
  if (wanted == name)                                                                              \
    return function();
#include "passes/strategies/Strategies.def"
#undef STRATEGY
  return nullptr;
}

ArrayRef<StrategyInfo> disco::strategies() {
  static const StrategyInfo all[] = {
#define STRATEGY(name, function, summary) {name, summary},
#include "passes/strategies/Strategies.def"
#undef STRATEGY
  };
  return all;
}

std::string disco::strategyNames() {
  std::string names;
  for (const StrategyInfo &strategy : strategies())
    names += (names.empty() ? "" : ", ") + strategy.name.str();
  return names;
}

std::optional<int64_t> disco::ownerMapOf(ModuleOp module) {
  auto number = module->getAttrOfType<IntegerAttr>(kOwnerMapAttr);
  return number ? std::optional(number.getInt()) : std::nullopt;
}

Problem::Problem(func::FuncOp function, int64_t nodes, int64_t root, CostModel costs)
    : function(function), nodes(nodes), root(root), shares(nodes, 1), costs(std::move(costs)) {
  auto module = function->getParentOfType<ModuleOp>();
  auto stated = module ? module->getAttrOfType<DenseI64ArrayAttr>(kSharesAttr) : nullptr;
  // Others are refused by disco-assign-owners.
  if (stated && stated.size() == nodes &&
      llvm::any_of(stated.asArrayRef(), [](int64_t share) { return share > 0; }))
    shares.assign(stated.asArrayRef().begin(), stated.asArrayRef().end());
  for (Operation &op : function.getBody().front())
    if (op.getNumResults() == 1 && !isa<ConstantOp>(op))
      tensors.push_back(op.getResult(0));
}

SmallVector<int64_t> Problem::sharers() const {
  SmallVector<int64_t> ranks;
  for (auto [rank, share] : llvm::enumerate(shares))
    if (share > 0)
      ranks.push_back(static_cast<int64_t>(rank));
  return ranks;
}

OwnedAttr Problem::statedFor(Value tensor) const {
  return tensor.getDefiningOp()->getAttrOfType<OwnedAttr>(kOwnersAttr);
}

OwnedAttr Problem::wholeAt(Value tensor, int64_t rank) const {
  Operation *op = tensor.getDefiningOp();
  auto rule = dyn_cast<DivisionOpInterface>(op);
  SmallVector<int64_t> undivided(op->getNumOperands(), -1);
  int64_t axis = -1;
  for (int64_t candidate : candidateAxes(tensor))
    if (axis < 0 && (!rule || rules.of(rule).along(candidate, undivided)))
      axis = candidate;
  return OwnedAttr::at(tensor.getContext(), rank, nodes, axis,
                       axisExtent(tensorType(tensor), axis));
}

SmallVector<int64_t> disco::candidateAxes(Value tensor) {
  SmallVector<int64_t> order;
  ArrayRef<int64_t> shape = shapeOf(tensor);
  for (bool unit : {false, true}) {
    for (int64_t axis = 1; axis < static_cast<int64_t>(shape.size()); ++axis)
      if ((shape[axis] == 1) == unit && shape[axis] <= kMaxChannels)
        order.push_back(axis);
    if (!shape.empty() && (shape[0] == 1) == unit && shape[0] <= kMaxChannels)
      order.push_back(0);
  }
  return order;
}

std::optional<Contraction> disco::contractionOf(Operation *op) {
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  return contraction ? contraction.getContraction() : std::nullopt;
}
