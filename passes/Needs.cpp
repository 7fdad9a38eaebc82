//===- Needs.cpp - what every node needs of every operand -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Needs.h"
#include "passes/Known.h"

using namespace mlir;
using namespace disco;

/// Whether a tensor is an input, or could be made of inputs by the root.
bool Needs::mayBeHandedOut(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false; // an argument, in tests
  if (isa<InputOp>(op))
    return true;
  OwnedAttr owners = ownersOf(value);
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  return owners &&
         owners.getSet(roots.input).size() == axisExtent(tensorType(value), owners.getAxis()) &&
         !(contraction && contraction.getContraction()) && op->getNumOperands() != 0;
}

bool Needs::isHandedOut(Value value) const {
  return computeKnown(handedOut, value, [&](Value next, SmallVectorImpl<Value> &missing) {
    if (!mayBeHandedOut(next))
      return false;
    for (Value operand : next.getDefiningOp()->getOperands()) {
      auto found = handedOut.find(operand);
      if (isConstant(operand) || (found != handedOut.end() && found->second))
        continue;
      if (found != handedOut.end()) {
        missing.clear();
        return false;
      }
      missing.push_back(operand);
    }
    return true;
  });
}

/// What rank `rank` needs of an operand, along the operand's owner axis. `columns`: those of the
/// op's mask, where the need is Contracted and not dense.
IndexSet Needs::needOf(Operation *op, unsigned k, const OperandNeed &need, const IndexSet &computed,
                       ArrayRef<IndexSet> columns, int64_t rank) const {
  OwnedAttr owners = ownersOf(op->getOperand(k));
  IndexSet all = IndexSet::all(axisExtent(tensorType(op->getOperand(k)), owners.getAxis()));
  if (computed.empty())
    return {};
  if (need.kind == OperandNeed::Whole || need.axis != owners.getAxis())
    return all;
  if (need.kind == OperandNeed::Along)
    return need.relation->apply(computed);
  if (dense)
    return need.relation ? need.relation->apply(computed) : all;
  return columns[rank];
}

SmallVector<IndexSet> disco::maskColumns(Operation *op, int64_t nodes) {
  std::vector<SmallVector<int64_t>> lists(nodes);
  SmallVector<IndexSet> columns(nodes);
  for (auto route : op->getAttrOfType<ArrayAttr>(kMaskAttr).getAsRange<RouteAttr>())
    if (route.getTo() >= 0 && route.getTo() < nodes)
      route.getSet().forEach([&](int64_t column) { lists[route.getTo()].push_back(column); });
  for (auto [set, list] : llvm::zip(columns, lists))
    set = IndexSet::of(list);
  return columns;
}

const Division *Needs::divisionOf(DivisionOpInterface op) const {
  SmallVector<int64_t> operandAxes;
  for (Value operand : op->getOperands())
    operandAxes.push_back(isConstant(operand) ? -1 : ownersOf(operand).getAxis());
  return rules.of(op).along(ownersOf(op->getResult(0)).getAxis(), operandAxes);
}

/// Whether an op is an output of the model, or one that the root puts together of other tensors
/// without computing anything but the reals that integers stand for.
bool Needs::handsIn(Operation *op) const {
  auto putsTogether = [&](Operation *op) {
    auto rule = dyn_cast<DivisionOpInterface>(op);
    OwnedAttr owners = rule ? ownersOf(op->getResult(0)) : OwnedAttr();
    return rule && rule.isMovement() && owners.getAxis() < 0 && !owners.isReplicated() &&
           !owners.getSet(roots.input).empty();
  };
  return computeKnown(handingIn, op, [&](Operation *next, SmallVectorImpl<Operation *> &missing) {
    if (isa<OutputOp>(next) || !putsTogether(next))
      return isa<OutputOp>(next);
    for (Operation *user : next->getUsers()) {
      auto found = handingIn.find(user);
      if (found == handingIn.end()) {
        missing.push_back(user);
      } else if (!found->second) {
        missing.clear();
        return false;
      }
    }
    return true;
  });
}

/// Of the values that the next inference finds every node needs what it owns of the states.
void Needs::findKept(KeepOp keep, SmallVectorImpl<Shortage> &shortages) const {
  for (auto [k, state] : llvm::enumerate(keep.getStates())) {
    if (isConstant(keep.getValues()[k]))
      continue;
    OwnedAttr owners = ownersOf(state);
    const OperandNeed need = keep.needOf(k, owners.getAxis());
    Shortage shortage{&keep->getOpOperand(k), {}, false};
    bool lacks = false;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      shortage.needs.push_back(needOf(keep, k, need, owners.getSet(rank), {}, rank));
      lacks |= !ownersOf(keep.getValues()[k]).getSet(rank).containsAll(shortage.needs.back());
    }
    if (lacks)
      shortages.push_back(std::move(shortage));
  }
}

LogicalResult Needs::findShortages(Operation *op, SmallVectorImpl<Shortage> &shortages) const {
  for (Value operand : op->getOperands())
    if (!isConstant(operand) && !ownersOf(operand))
      return op->emitError("has an operand without owner map: run disco-assign-owners first");
  if (auto keep = dyn_cast<KeepOp>(op))
    return findKept(keep, shortages), success();
  bool output = handsIn(op);
  auto rule = dyn_cast<DivisionOpInterface>(op);
  const Division whole = Division::whole(op->getNumOperands());
  const Division *division =
      rule && ownersOf(op->getResult(0)).getAxis() >= 0 ? divisionOf(rule) : &whole;
  if (!division)
    return op->emitError("cannot be divided along the axis of its owner map; state another axis, "
                         "or no map, for it");
  SmallVector<IndexSet> computed; // by rank
  for (int64_t rank = 0; rank < nodes; ++rank)
    computed.push_back(isa<OutputOp>(op) ? (rank == roots.output ? IndexSet::all(1) : IndexSet())
                                         : ownersOf(op->getResult(0)).getSet(rank));
  for (OpOperand &use : op->getOpOperands()) {
    if (isConstant(use.get()))
      continue;
    const OperandNeed &need = division->operands[use.getOperandNumber()];
    if (need.kind == OperandNeed::Contracted && !op->hasAttr(kMaskAttr))
      return op->emitError("has no mask: run disco-derive-masks first");
    SmallVector<IndexSet> columns;
    if (need.kind == OperandNeed::Contracted && !dense)
      columns = maskColumns(op, nodes);
    Shortage shortage{&use, {}, output};
    bool lacks = false;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      shortage.needs.push_back(
          needOf(op, use.getOperandNumber(), need, computed[rank], columns, rank));
      lacks |= !ownersOf(use.get()).getSet(rank).containsAll(shortage.needs.back());
    }
    if (lacks)
      shortages.push_back(std::move(shortage));
  }
  return success();
}

/// The division of an op that only renames channels; null: it does more.
const Division *Needs::renamingOf(Value value) const {
  auto rule = dyn_cast_or_null<DivisionOpInterface>(value.getDefiningOp());
  int64_t axis = ownersOf(value).getAxis();
  return rule && axis >= 0 && rule.relabels(axis) ? divisionOf(rule) : nullptr;
}

/// Whether a need names channels of an operand that could be those of the result.
static bool isRenamed(const OperandNeed &need, Value operand) {
  return need.relation && !isConstant(operand) && ownersOf(operand).getAxis() == need.axis;
}

const std::vector<Feature> &Needs::origins(Value value) {
  return computeKnown(originCache, value, [&](Value next, SmallVectorImpl<Value> &missing) {
    const Division *division = renamingOf(next);
    if (division)
      for (auto [operand, need] :
           llvm::zip(next.getDefiningOp()->getOperands(), division->operands))
        if (isRenamed(need, operand) && !originCache.contains(operand))
          missing.push_back(operand);
    return missing.empty() ? traceOrigins(next, division) : std::vector<Feature>();
  });
}

/// The origins of all operands are known.
std::vector<Feature> Needs::traceOrigins(Value value, const Division *division) {
  OwnedAttr owners = ownersOf(value);
  std::vector<Feature> features(axisExtent(tensorType(value), owners.getAxis()));
  for (size_t i = 0; i < features.size(); ++i)
    features[i] = {value, static_cast<int64_t>(i)};
  SmallVector<IndexSet> owned;
  for (int64_t rank = 0; rank < nodes; ++rank)
    owned.push_back(owners.getSet(rank));
  if (division)
    for (auto [operand, need] : llvm::zip(value.getDefiningOp()->getOperands(), division->operands))
      if (isRenamed(need, operand))
        traceOperand(features, owned, need, operand);
  return features;
}

void Needs::traceOperand(std::vector<Feature> &features, ArrayRef<IndexSet> owned,
                         const OperandNeed &need, Value operand) {
  const std::vector<Feature> &sources = originCache.find(operand)->second;
  auto [first, end] = need.relation->readers();
  IndexSet reading = IndexSet::range(first, end);
  for (int64_t rank = 0; rank < nodes; ++rank) {
    IndexSet here = ownersOf(operand).getSet(rank);
    owned[rank].intersect(reading).forEach([&](int64_t channel) {
      int64_t source = need.relation->single(channel);
      if (source >= 0 && here.contains(source))
        features[channel] = sources[source];
    });
  }
}
