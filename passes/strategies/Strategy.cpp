//===- Strategy.cpp - what strategies share, and their names --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/Strategy.h"
#include <numeric>

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
    : function(function), nodes(nodes), root(root), ranks(nodes), shares(nodes, 1),
      costs(std::move(costs)) {
  std::iota(ranks.begin(), ranks.end(), 0);
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

Problem Problem::part(ArrayRef<int64_t> members) const {
  std::vector<int64_t> own;
  for (int64_t member : members)
    own.push_back(ranks[member]);
  Problem part(function, static_cast<int64_t>(members.size()), 0, costs.part(own));
  part.ranks = std::move(own);
  part.ownerMap = ownerMap;
  for (auto [share, member] : llvm::zip(part.shares, members))
    share = shares[member];
  if (part.sharers().empty())
    part.shares.assign(members.size(), 1);
  return part;
}

Proposal Problem::expand(const Problem &part, const Proposal &proposal) const {
  Proposal whole;
  for (Value tensor : tensors) {
    const Choice choice = proposal.lookup(tensor);
    SmallVector<IndexSet> sets(nodes);
    if (isa<InputOp>(tensor.getDefiningOp()))
      sets[root] = IndexSet::all(axisExtent(tensorType(tensor), choice.owners.getAxis()));
    else
      for (int64_t rank = 0; rank < part.nodes; ++rank)
        sets[llvm::find(ranks, part.ranks[rank]) - ranks.begin()] = choice.owners.getSet(rank);
    whole[tensor] = {OwnedAttr::get(tensor.getContext(), choice.owners.getAxis(), sets),
                     choice.reason};
  }
  return whole;
}

/// A map of as many nodes as there are here is for these; one of all nodes, too, where the others
/// have nothing.
OwnedAttr Problem::statedFor(Value tensor) const {
  auto stated = tensor.getDefiningOp()->getAttrOfType<OwnedAttr>(kOwnersAttr);
  if (!stated || stated.getNodes() == nodes)
    return stated;
  SmallVector<IndexSet> sets;
  for (int64_t rank : ranks)
    sets.push_back(rank < stated.getNodes() ? stated.getSet(rank) : IndexSet());
  int64_t own = 0, all = 0;
  for (const IndexSet &set : sets)
    own += set.size();
  for (int64_t rank = 0; rank < stated.getNodes(); ++rank)
    all += stated.getSet(rank).size();
  const bool isWhole = stated.getNodes() > nodes && own == all;
  return isWhole ? OwnedAttr::get(tensor.getContext(), stated.getAxis(), sets) : OwnedAttr();
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

bool disco::fitsOperands(const Problem &problem, Value tensor, const Proposal &proposal) {
  auto rule = dyn_cast<DivisionOpInterface>(tensor.getDefiningOp());
  OwnedAttr own = proposal.lookup(tensor).owners;
  if (!rule || own.getAxis() < 0)
    return true;
  SmallVector<int64_t> axes;
  for (Value operand : rule->getOperands())
    axes.push_back(isConstant(operand) ? -1 : proposal.lookup(operand).owners.getAxis());
  if (problem.rules.of(rule).along(own.getAxis(), axes))
    return true;
  return rule->getNumOperands() == 1 && !inExactOrder(rule) &&
         llvm::is_contained(rule.getStatisticAxes(), axes.front()) &&
         proposal.lookup(rule->getOperand(0)).owners == own;
}

std::vector<ArrayRef<int64_t>> disco::evenParts(ArrayRef<int64_t> list, size_t count) {
  std::vector<ArrayRef<int64_t>> parts;
  for (size_t left = count; left > 0; --left) {
    const size_t size = (list.size() + left - 1) / left;
    parts.push_back(list.take_front(size));
    list = list.drop_front(size);
  }
  return parts;
}

std::optional<Contraction> disco::contractionOf(Operation *op) {
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  return contraction ? contraction.getContraction() : std::nullopt;
}
