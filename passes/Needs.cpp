//===- Needs.cpp - what every node needs of every operand -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Needs.h"
#include "QuantizedValues.h"

using namespace mlir;
using namespace disco;

bool Needs::isHandedOut(Value value) const {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<InputOp>(op))
    return true;
  if (!op)
    return false; // an argument, in tests
  OwnedAttr owners = ownersOf(value);
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  if (!owners || owners.getSet(root).size() != axisExtent(tensorType(value), owners.getAxis()) ||
      (contraction && contraction.getContraction()) || op->getNumOperands() == 0)
    return false;
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return isConstant(operand) || isHandedOut(operand); });
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
static bool handsIn(Operation *op) {
  if (isa<OutputOp>(op))
    return true;
  return isa<ConcatOp, DequantizeOp, RearrangeOp, SelectOp, SliceOp>(op) &&
         ownersOf(op->getResult(0)).getAxis() < 0 && !ownersOf(op->getResult(0)).isReplicated() &&
         llvm::all_of(op->getUsers(), handsIn);
}

LogicalResult Needs::findShortages(Operation *op, SmallVectorImpl<Shortage> &shortages) const {
  for (Value operand : op->getOperands())
    if (!isConstant(operand) && !ownersOf(operand))
      return op->emitError("has an operand without owner map: run disco-assign-owners first");
  bool output = handsIn(op);
  std::optional<Division> division = divisionOf(op);
  if (!division)
    return op->emitError("cannot be divided along the axis of its owner map; state another axis, "
                         "or no map, for it");
  for (OpOperand &use : op->getOpOperands()) {
    if (isConstant(use.get()))
      continue;
    const OperandNeed &need = division->operands[use.getOperandNumber()];
    if (need.kind == OperandNeed::Contracted && !op->hasAttr("mask"))
      return op->emitError("has no mask: run disco-derive-masks first");
    Shortage shortage{&use, {}, output};
    bool lacks = false;
    for (int64_t rank = 0; rank < nodes; ++rank) {
      IndexSet computed = isa<OutputOp>(op) ? (rank == root ? IndexSet::all(1) : IndexSet())
                                            : ownersOf(op->getResult(0)).getSet(rank);
      shortage.needs.push_back(needOf(op, use.getOperandNumber(), need, computed, rank));
      lacks |= !ownersOf(use.get()).getSet(rank).containsAll(shortage.needs.back());
    }
    if (lacks)
      shortages.push_back(std::move(shortage));
  }
  return success();
}

const std::vector<Feature> &Needs::origins(Value value) {
  auto [entry, inserted] = originCache.try_emplace(value);
  if (!inserted)
    return entry->second;
  OwnedAttr owners = ownersOf(value);
  std::vector<Feature> features(axisExtent(tensorType(value), owners.getAxis()));
  for (size_t i = 0; i < features.size(); ++i)
    features[i] = {value, static_cast<int64_t>(i)};
  auto rule = dyn_cast_or_null<DivisionOpInterface>(value.getDefiningOp());
  std::optional<Division> division;
  if (rule && owners.getAxis() >= 0 && rule.relabels(owners.getAxis()))
    division = divisionOf(rule);
  if (division)
    for (auto [k, operand] : llvm::enumerate(rule->getOperands()))
      traceOperand(features, owners, division->operands[k], operand);
  return originCache[value] = std::move(features);
}

void Needs::traceOperand(std::vector<Feature> &features, OwnedAttr owners, const OperandNeed &need,
                         Value operand) {
  if (!need.relation || isConstant(operand) || ownersOf(operand).getAxis() != need.axis)
    return;
  std::vector<Feature> sources = origins(operand);
  for (int64_t rank = 0; rank < nodes; ++rank) {
    IndexSet here = ownersOf(operand).getSet(rank);
    owners.getSet(rank).forEach([&](int64_t channel) {
      int64_t source = need.relation->single(channel);
      if (source >= 0 && here.contains(source))
        features[channel] = sources[source];
    });
  }
}
