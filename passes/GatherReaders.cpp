//===- GatherReaders.cpp - readers of a message one after the other -------===//
// SPDX-License-Identifier: Apache-2.0
#include "GatherReaders.h"
#include "BufferPlan.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace disco;

namespace {

using Ops = llvm::SetVector<Operation *>;

bool isArithmetic(Operation *op) {
  return op->getNumResults() == 1 && !isa<SendOp, PostOp, RecvOp, FlushOp, InputOp>(op);
}

/// Adds `op` and what it depends on behind `anchor`, in an order in which it can run. False when
/// something of that is more than arithmetic.
bool collect(Operation *op, Operation *anchor, Ops &needed) {
  if (!op || op == anchor || op->isBeforeInBlock(anchor) || needed.contains(op))
    return true;
  if (!isArithmetic(op))
    return false;
  for (Value operand : op->getOperands())
    if (!collect(operand.getDefiningOp(), anchor, needed))
      return false;
  needed.insert(op);
  return true;
}

void gather(RecvOp recv) {
  SmallVector<Operation *> readers;
  for (Operation *user : recv->getUsers())
    if (!llvm::is_contained(readers, user))
      readers.push_back(user);
  llvm::sort(readers, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  if (readers.empty())
    return;
  Operation *anchor = readers.front();
  for (Operation *reader : ArrayRef<Operation *>(readers).drop_front()) {
    Ops needed;
    if (!collect(reader, anchor, needed))
      continue;
    for (Operation *op : needed) {
      op->moveAfter(anchor);
      anchor = op;
    }
  }
}

} // namespace

int64_t disco::gatherReaders(func::FuncOp function) {
  OwningOpRef<func::FuncOp> copy = function.clone();
  for (RecvOp recv : llvm::to_vector(copy->getOps<RecvOp>()))
    gather(recv);
  int64_t saved = BufferPlan(function).largestLiveSum() - BufferPlan(*copy).largestLiveSum();
  if (saved <= 0)
    return 0;
  function.getBody().takeBody(copy->getBody());
  return saved;
}
