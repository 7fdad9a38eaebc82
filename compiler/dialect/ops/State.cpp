//===- State.cpp - what one inference leaves for the next -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

/// Whether all that read a state, or views of it, come before an op.
static bool isReadBefore(Value state, Operation *op) {
  return llvm::all_of(state.getUsers(), [&](Operation *user) {
    return user == op ||
           (user->isBeforeInBlock(op) && (!isView(user) || isReadBefore(user->getResult(0), op)));
  });
}

LogicalResult KeepOp::verify() {
  if (getValues().size() != getStates().size())
    return emitOpError("has ") << getValues().size() << " values for " << getStates().size()
                               << " states";
  for (auto [value, state] : llvm::zip(getValues(), getStates()))
    if (!sameShapes(value.getType(), state.getType()))
      return emitOpError("keeps a value of another shape or element type than its state");
  for (Value state : getStates())
    if (!isReadBefore(state, *this))
      return emitOpError("overwrites a state that is read later, or keeps a view of one");
  return success();
}

Cost KeepOp::getCost() {
  Cost cost;
  for (Value value : getValues()) {
    cost.bytesRead += byteSize(tensorType(value));
    cost.bytesWritten += byteSize(tensorType(value));
  }
  return cost;
}

OperandNeed KeepOp::needOf(unsigned k, int64_t axis) {
  return axis < 0 ? OperandNeed::whole()
                  : OperandNeed::along(axis, Relation::identity(shapeOf(getStates()[k])[axis]));
}

Value KeepOp::apart(OpBuilder &builder, Value value) {
  Operation *origin = value.getDefiningOp();
  while (isView(origin))
    origin = origin->getOperand(0).getDefiningOp();
  if (!isa<StateOp>(origin))
    return value;
  return builder.create<UnaryOp>(value.getLoc(), value.getType(), value,
                                 ActAttr::get(value.getContext(), UnaryKind::Identity));
}
