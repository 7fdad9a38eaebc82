//===- Carriers.cpp - what travels in a tensor's stead --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Carriers.h"
#include "compiler/dialect/Replication.h"

using namespace mlir;
using namespace disco;

/// Whether every node has all of a tensor that several compute.
static bool isMadeEverywhere(Value value) {
  return !isConstant(value) && isEverywhere(ownersOf(value));
}

static int64_t bytesEach(Value value) { return elementBytes(tensorType(value).getElementType()); }

/// Whether features travel as bytes with one scale a message. A few large ones, which a
/// normalisation would make alike, would then leave nothing of the others.
static bool hasOneScale(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto wire = module ? module->getAttrOfType<StringAttr>(kWireAttr) : StringAttr();
  return wire && wire.getValue() == "i8";
}

/// Whether index i of a result's axis reads index i of the operand's, and it alone.
static bool isIdentity(const OperandNeed &need, int64_t axis) {
  if (need.kind != OperandNeed::Along || need.axis != axis)
    return false;
  for (int64_t i = 0; i < need.relation->size(); ++i)
    if (need.relation->single(i) != i)
      return false;
  return true;
}

std::optional<unsigned> Carriers::remadeOperand(Operation *op) {
  auto rule = dyn_cast<DivisionOpInterface>(op);
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!rule || op->getNumResults() != 1 || (cost && cost.isArithmetic()))
    return std::nullopt;
  OwnedAttr owners = ownersOf(op->getResult(0));
  if (!owners || owners.getAxis() < 0)
    return std::nullopt;
  std::optional<unsigned> found;
  SmallVector<int64_t> operandAxes;
  for (OpOperand &use : op->getOpOperands()) {
    Value operand = use.get();
    operandAxes.push_back(isConstant(operand) ? -1 : ownersOf(operand).getAxis());
    if (isConstant(operand) || isMadeEverywhere(operand))
      continue;
    if (found || ownersOf(operand) != owners || shapeOf(operand) != shapeOf(op->getResult(0)))
      return std::nullopt;
    found = use.getOperandNumber();
  }
  const Division *division = found ? rules.of(rule).along(owners.getAxis(), operandAxes) : nullptr;
  if (!division || !isIdentity(division->operands[*found], owners.getAxis()))
    return std::nullopt;
  return found;
}

Carriers::Way Carriers::findWay(Value value) {
  Way way, best; // to what was looked at, from the tensor
  const bool oneScale = value.getDefiningOp() && hasOneScale(value.getDefiningOp());
  for (Value next = value; Operation *op = next.getDefiningOp();) {
    auto carried = dyn_cast<CarriedOpInterface>(op);
    Value integers = carried && next == value ? carried.getCarrier() : Value();
    if (integers && !isConstant(integers) && ownersOf(integers) == ownersOf(value) &&
        bytesEach(integers) < bytesEach(value))
      return {{op, 0}};
    std::optional<unsigned> operand = carried ? std::nullopt : remadeOperand(op);
    if (!operand || bytesEach(op->getOperand(*operand)) != bytesEach(value))
      break;
    way.push_back({op, *operand});
    if (!oneScale && llvm::any_of(op->getOperands(), isMadeEverywhere))
      best = way;
    next = op->getOperand(*operand);
  }
  std::reverse(best.begin(), best.end());
  return best;
}

const Carriers::Way &Carriers::wayOf(Value value) {
  auto [at, inserted] = ways.try_emplace(value);
  if (inserted)
    at->second = findWay(value);
  return at->second;
}

Value Carriers::carrierOf(Value value) {
  const Way &way = wayOf(value);
  return way.empty() ? value : way[0].op->getOperand(way[0].operand);
}

SmallVector<Value> Carriers::awaited(Value value) {
  SmallVector<Value> all;
  for (const Step &step : wayOf(value))
    llvm::copy_if(step.op->getOperands(), std::back_inserter(all), isMadeEverywhere);
  return all;
}

Value Carriers::remake(Value value, Value arrived) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(awaited(value).empty() ? arrived : value);
  Attribute held = tensorType(arrived).getEncoding();
  for (const Step &step : wayOf(value)) {
    Type type = withLayout(tensorType(step.op->getResult(0)), held);
    if (auto carried = dyn_cast<CarriedOpInterface>(step.op)) {
      arrived = carried.restore(builder, arrived, type);
      continue;
    }
    Operation *again = builder.clone(*step.op);
    again->removeAttr(kTensorAttr); // it is the name of the whole
    again->setOperand(step.operand, arrived);
    again->getResult(0).setType(cast<RankedTensorType>(type));
    arrived = again->getResult(0);
  }
  return arrived;
}
