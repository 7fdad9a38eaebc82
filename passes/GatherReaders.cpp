//===- GatherReaders.cpp - readers of a message one after the other -------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/GatherReaders.h"
#include "passes/BufferPlan.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace disco;

namespace {

bool isArithmetic(Operation *op) {
  return op->getNumResults() == 1 && !isa<SendOp, PostOp, RecvOp, FlushOp, InputOp, StateOp>(op);
}

/// Moves ops of one block. Numbers between those of neighbours tell which of two comes first: MLIR
/// counts a block anew after every move.
class Gatherer {
public:
  explicit Gatherer(Block &block) : block(block) {
    count();
    // Each op may be looked at for many messages, but not for all of them.
    work = 64 * place.size() + 1'000'000;
  }

  void gather(RecvOp recv) {
    llvm::SetVector<Operation *> users(recv->user_begin(), recv->user_end());
    SmallVector<Operation *> readers = users.takeVector();
    llvm::sort(readers, [&](Operation *a, Operation *b) { return isBefore(a, b); });
    if (readers.empty())
      return;
    Operation *anchor = readers.front();
    for (Operation *reader : ArrayRef<Operation *>(readers).drop_front())
      if (std::optional<SmallVector<Operation *>> needed = collect(reader, anchor))
        anchor = moveBehind(anchor, *needed);
  }

private:
  bool isBefore(Operation *a, Operation *b) const { return place.lookup(a) < place.lookup(b); }

  void count() {
    int64_t next = 0;
    for (Operation &op : block)
      place[&op] = next += int64_t(1) << 40;
  }

  /// `op` and what it depends on behind `anchor`, in an order in which it can run. Nothing when
  /// something of that is more than arithmetic.
  std::optional<SmallVector<Operation *>> collect(Operation *op, Operation *anchor) {
    SmallVector<Operation *> needed, waiting{op};
    DenseSet<Operation *> entered, done;
    while (!waiting.empty()) {
      Operation *next = waiting.back();
      if (next == anchor || isBefore(next, anchor) || done.contains(next)) {
        waiting.pop_back();
        continue;
      }
      if (!entered.insert(next).second) { // its operands are there
        waiting.pop_back();
        done.insert(next);
        needed.push_back(next);
        continue;
      }
      if (!isArithmetic(next) || work < next->getNumOperands() + 1)
        return std::nullopt;
      work -= next->getNumOperands() + 1;
      for (Value operand : llvm::reverse(next->getOperands()))
        if (Operation *maker = operand.getDefiningOp())
          waiting.push_back(maker);
    }
    return needed;
  }

  Operation *moveBehind(Operation *anchor, ArrayRef<Operation *> ops) {
    for (Operation *op : ops) {
      Operation *next = anchor->getNextNode();
      if (next == op) {
        anchor = op;
        continue;
      }
      op->moveAfter(anchor);
      int64_t before = place.lookup(anchor),
              after = next ? place.lookup(next) : before + (int64_t(1) << 41);
      place[op] = before + (after - before) / 2;
      if (after - before < 2)
        count();
      anchor = op;
    }
    return anchor;
  }

  Block &block;
  DenseMap<Operation *, int64_t> place;
  size_t work;
};

} // namespace

static SmallVector<Operation *> opsOf(Block &block) {
  return llvm::to_vector(llvm::make_pointer_range(block));
}

static void setOrder(Block &block, ArrayRef<Operation *> ops) {
  for (Operation *op : ops)
    op->moveBefore(&block, block.end());
}

int64_t disco::gatherReaders(func::FuncOp function) {
  Block &block = function.getBody().front();
  SmallVector<RecvOp> recvs = llvm::to_vector(block.getOps<RecvOp>());
  if (recvs.empty())
    return 0;
  SmallVector<Operation *> before = opsOf(block);
  Gatherer gatherer(block);
  for (RecvOp recv : recvs)
    gatherer.gather(recv);
  SmallVector<Operation *> after = opsOf(block);
  if (before == after)
    return 0;
  int64_t live = BufferPlan(function).largestLiveSum();
  setOrder(block, before);
  int64_t saved = BufferPlan(function).largestLiveSum() - live;
  if (saved <= 0)
    return 0;
  setOrder(block, after);
  return saved;
}
