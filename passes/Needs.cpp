//===- Needs.cpp - what every node needs of every operand -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Needs.h"
#include "QuantizedValues.h"

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
  return owners && owners.getSet(root).size() == axisExtent(tensorType(value), owners.getAxis()) &&
         !(contraction && contraction.getContraction()) && op->getNumOperands() != 0;
}

/// What is known is kept, and what an answer needs is asked for first: programs are deep, and
/// tensors have many readers.
bool Needs::isHandedOut(Value value) const {
  SmallVector<Value> waiting{value};
  while (!waiting.empty()) {
    Value next = waiting.back();
    if (handedOut.contains(next)) {
      waiting.pop_back();
      continue;
    }
    bool known = mayBeHandedOut(next);
    size_t before = waiting.size();
    if (known && !next.getDefiningOp<InputOp>())
      for (Value operand : next.getDefiningOp()->getOperands()) {
        if (isConstant(operand))
          continue;
        auto found = handedOut.find(operand);
        if (found == handedOut.end())
          waiting.push_back(operand);
        else if (!found->second)
          known = false;
      }
    if (!known)
      waiting.truncate(before);
    if (waiting.size() == before)
      handedOut[next] = known;
  }
  return handedOut.lookup(value);
}

/// What rank `rank` needs of an operand, along the operand's owner axis.
IndexSet Needs::needOf(Operation *op, unsigned k, const OperandNeed &need, const IndexSet &computed,
                       int64_t rank) const {
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
  IndexSet columns;
  for (auto route : op->getAttrOfType<ArrayAttr>("mask").getAsRange<RouteAttr>())
    if (route.getTo() == rank)
      columns.add(route.getSet());
  return columns;
}

Value Needs::carrierOf(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op || isConstant(op.getX()) || ownersOf(op.getX()) != ownersOf(value) ||
      elementBytes(tensorType(op.getX()).getElementType()) >=
          elementBytes(tensorType(value).getElementType()))
    return value;
  return tensorScaleOf(op) ? op.getX() : value;
}

std::optional<Division> Needs::divisionOf(Operation *op) {
  Division whole;
  whole.operands.assign(op->getNumOperands(), OperandNeed::whole());
  OwnedAttr owners = op->getNumResults() ? ownersOf(op->getResult(0)) : OwnedAttr();
  auto rule = dyn_cast<DivisionOpInterface>(op);
  if (!rule || owners.getAxis() < 0)
    return whole;
  SmallVector<int64_t> operandAxes;
  for (Value operand : op->getOperands())
    operandAxes.push_back(isConstant(operand) ? -1 : ownersOf(operand).getAxis());
  return rule.divide(owners.getAxis(), operandAxes);
}

/// Whether an op is an output of the model, or one that the root puts together of other tensors
/// without computing anything but the reals that integers stand for.
bool Needs::handsIn(Operation *op, DenseMap<Operation *, bool> &known) {
  auto putsTogether = [](Operation *op) {
    return isa<ConcatOp, DequantizeOp, RearrangeOp, SelectOp, SliceOp>(op) &&
           ownersOf(op->getResult(0)).getAxis() < 0 && !ownersOf(op->getResult(0)).isReplicated();
  };
  SmallVector<Operation *> waiting{op};
  while (!waiting.empty()) {
    Operation *next = waiting.back();
    if (known.contains(next)) {
      waiting.pop_back();
      continue;
    }
    bool output = isa<OutputOp>(next), hands = output || putsTogether(next);
    size_t before = waiting.size();
    if (hands && !output)
      for (Operation *user : next->getUsers()) {
        auto found = known.find(user);
        if (found == known.end())
          waiting.push_back(user);
        else if (!found->second)
          hands = false;
      }
    if (!hands)
      waiting.truncate(before);
    if (waiting.size() == before)
      known[next] = hands;
  }
  return known.lookup(op);
}

LogicalResult Needs::findShortages(Operation *op, SmallVectorImpl<Shortage> &shortages) const {
  for (Value operand : op->getOperands())
    if (!isConstant(operand) && !ownersOf(operand))
      return op->emitError("has an operand without owner map: run disco-assign-owners first");
  bool output = handsIn(op, handingIn);
  std::optional<Division> division = divisionOf(op);
  if (!division)
    return op->emitError("cannot be divided along the axis of its owner map; state another axis, "
                         "or no map, for it");
  SmallVector<IndexSet> computed; // by rank
  for (int64_t rank = 0; rank < nodes; ++rank)
    computed.push_back(isa<OutputOp>(op) ? (rank == root ? IndexSet::all(1) : IndexSet())
                                         : ownersOf(op->getResult(0)).getSet(rank));
  for (OpOperand &use : op->getOpOperands()) {
    if (isConstant(use.get()))
      continue;
    const OperandNeed &need = division->operands[use.getOperandNumber()];
    if (need.kind == OperandNeed::Contracted && !op->hasAttr("mask"))
      return op->emitError("has no mask: run disco-derive-masks first");
    Shortage shortage{&use, {}, output};
    bool lacks = false;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      shortage.needs.push_back(needOf(op, use.getOperandNumber(), need, computed[rank], rank));
      lacks |= !ownersOf(use.get()).getSet(rank).containsAll(shortage.needs.back());
    }
    if (lacks)
      shortages.push_back(std::move(shortage));
  }
  return success();
}

/// The division of an op that only renames channels.
std::optional<Division> Needs::renamingOf(Value value) const {
  auto rule = dyn_cast_or_null<DivisionOpInterface>(value.getDefiningOp());
  int64_t axis = ownersOf(value).getAxis();
  return rule && axis >= 0 && rule.relabels(axis) ? divisionOf(rule) : std::nullopt;
}

/// Whether a need names channels of an operand that could be those of the result.
static bool isRenamed(const OperandNeed &need, Value operand) {
  return need.relation && !isConstant(operand) && ownersOf(operand).getAxis() == need.axis;
}

const std::vector<Feature> &Needs::origins(Value value) {
  SmallVector<Value> waiting{value};
  while (!waiting.empty()) {
    Value next = waiting.back();
    if (originCache.contains(next)) {
      waiting.pop_back();
      continue;
    }
    size_t before = waiting.size();
    if (std::optional<Division> division = renamingOf(next))
      for (auto [operand, need] :
           llvm::zip(next.getDefiningOp()->getOperands(), division->operands))
        if (isRenamed(need, operand) && !originCache.contains(operand))
          waiting.push_back(operand);
    if (waiting.size() == before)
      traceOrigins(next);
  }
  return originCache.find(value)->second;
}

/// The origins of all operands are known.
void Needs::traceOrigins(Value value) {
  OwnedAttr owners = ownersOf(value);
  std::vector<Feature> features(axisExtent(tensorType(value), owners.getAxis()));
  for (size_t i = 0; i < features.size(); ++i)
    features[i] = {value, static_cast<int64_t>(i)};
  SmallVector<IndexSet> owned;
  for (int64_t rank = 0; rank < nodes; ++rank)
    owned.push_back(owners.getSet(rank));
  if (std::optional<Division> division = renamingOf(value))
    for (auto [operand, need] : llvm::zip(value.getDefiningOp()->getOperands(), division->operands))
      if (isRenamed(need, operand))
        traceOperand(features, owned, need, operand);
  originCache[value] = std::move(features);
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
