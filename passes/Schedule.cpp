//===- Schedule.cpp - order sending, receiving and computing --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "GatherReaders.h"
#include "Passes.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_SCHEDULE
#include "Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Both ends of a message.
struct Ends {
  SendOp send;
  PostOp post;
  RecvOp recv;
};

/// Whether an op takes time: communication and constants do not count.
bool computes(Operation *op) {
  return !isa<SendOp, PostOp, RecvOp, FlushOp, ConstantOp, InputOp>(op);
}

class Scheduler {
public:
  explicit Scheduler(ModuleOp module) : module(module) {}

  LogicalResult run() {
    for (ModuleOp shard : shardsOf(module))
      for (RecvOp recv : llvm::to_vector(inferOf(shard).getOps<RecvOp>()))
        sinkToFirstReader(recv);
    if (failed(collectEnds()))
      return failure();
    for (ModuleOp shard : shardsOf(module))
      mergeSends(inferOf(shard).getBody().front());
    renumber();
    for (ModuleOp shard : shardsOf(module))
      insertFlushes(inferOf(shard).getBody().front());
    for (ModuleOp shard : shardsOf(module))
      saved += gatherReaders(inferOf(shard));
    return success();
  }

  int64_t merged = 0, messages = 0, saved = 0; // bytes

private:
  static void sinkToFirstReader(RecvOp recv) {
    Operation *first = nullptr;
    for (Operation *user : recv->getUsers())
      if (!first || user->isBeforeInBlock(first))
        first = user;
    if (first)
      recv->moveBefore(first);
  }

  LogicalResult collectEnds() {
    for (ModuleOp shard : shardsOf(module))
      for (Operation &op : inferOf(shard).getBody().front()) {
        if (auto send = dyn_cast<SendOp>(op))
          ends[send.getMessage()].send = send;
        if (auto post = dyn_cast<PostOp>(op))
          ends[post.getMessage()].post = post;
        if (auto recv = dyn_cast<RecvOp>(op))
          if (auto post = recv.getBuffer().getDefiningOp<PostOp>())
            ends[post.getMessage()].recv = recv;
      }
    for (auto &[message, end] : ends)
      if (!end.send || !end.post || !end.recv)
        return module.emitError("message ") << message << " does not have both ends";
    return success();
  }

  /// Joins sends to one node between which this node computes nothing and waits for nothing.
  void mergeSends(Block &block) {
    std::map<int64_t, SendOp> open; // by destination
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (computes(&op) || isa<RecvOp>(op)) {
        open.clear();
        continue;
      }
      auto send = dyn_cast<SendOp>(op);
      if (!send)
        continue;
      auto before = open.find(send.getTo());
      if (before != open.end() && canMerge(before->second, send))
        open[send.getTo()] = merge(before->second, send);
      else
        open[send.getTo()] = send;
    }
  }

  /// The receiver must be able to post one buffer for both: nothing that the first brings may be
  /// needed before the second is posted.
  bool canMerge(SendOp a, SendOp b) {
    Ends &first = ends[a.getMessage()], &second = ends[b.getMessage()];
    return second.post->isBeforeInBlock(first.recv) || second.post == first.post;
  }

  SendOp merge(SendOp a, SendOp b) {
    Ends first = ends[a.getMessage()], second = ends[b.getMessage()];
    // Wider elements first, so that every part is aligned.
    struct Part {
      Value input, received;
      PartAttr attr;
    };
    SmallVector<Part> parts;
    for (Ends *end : {&first, &second})
      for (auto [input, attr, received] :
           llvm::zip(end->send.getInputs(), end->send.getParts(), end->recv.getResults()))
        parts.push_back({input, received, cast<PartAttr>(attr)});
    llvm::stable_sort(parts, [](const Part &x, const Part &y) {
      return elementBytes(tensorType(x.input).getElementType()) >
             elementBytes(tensorType(y.input).getElementType());
    });
    SmallVector<Value> inputs;
    SmallVector<Type> types;
    SmallVector<Attribute> attrs;
    for (Part &part : parts) {
      inputs.push_back(part.input);
      types.push_back(part.received.getType());
      attrs.push_back(part.attr);
    }
    auto type = MessageType::get(module.getContext(), a.getBuffer().getType().getBytes() +
                                                          b.getBuffer().getType().getBytes());
    OpBuilder builder(b);
    ArrayAttr partsAttr = builder.getArrayAttr(attrs);
    Ends joined;
    joined.send = builder.create<SendOp>(builder.getFusedLoc({a.getLoc(), b.getLoc()}), type,
                                         inputs, a.getToAttr(), a.getMessageAttr(), partsAttr);
    builder.setInsertionPoint(second.post);
    joined.post = builder.create<PostOp>(second.post.getLoc(), type, first.post.getFromAttr(),
                                         a.getMessageAttr());
    builder.setInsertionPoint(first.recv->isBeforeInBlock(second.recv) ? first.recv : second.recv);
    joined.recv =
        builder.create<RecvOp>(first.recv.getLoc(), types, joined.post.getBuffer(), partsAttr);
    for (auto [part, result] : llvm::zip(parts, joined.recv.getResults()))
      part.received.replaceAllUsesWith(result);
    for (Ends *end : {&first, &second}) {
      end->recv.erase();
      end->post.erase();
      end->send.erase();
    }
    ends.erase(b.getMessage());
    ends[a.getMessage()] = joined;
    ++merged;
    return joined.send;
  }

  /// Messages are numbered without gaps, in the order of their numbers before.
  void renumber() {
    OpBuilder builder(module.getContext());
    for (auto &[number, end] : ends) {
      IntegerAttr attr = builder.getI64IntegerAttr(messages++);
      end.send.setMessageAttr(attr);
      end.post.setMessageAttr(attr);
    }
  }

  static void insertFlushes(Block &block) {
    std::map<int64_t, SendOp> underWay;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto send = dyn_cast<SendOp>(op);
      if (!send)
        continue;
      SendOp &before = underWay[send.getTo()];
      if (before)
        OpBuilder(send).create<FlushOp>(send.getLoc(), before.getBuffer());
      before = send;
    }
    OpBuilder builder(block.getTerminator());
    for (auto &[to, send] : underWay)
      builder.create<FlushOp>(send.getLoc(), send.getBuffer());
  }

  ModuleOp module;
  std::map<int64_t, Ends> ends;
};

struct SchedulePass : disco::impl::ScheduleBase<SchedulePass> {
  void runOnOperation() override {
    Scheduler scheduler(getOperation());
    if (failed(scheduler.run()))
      return signalPassFailure();
    numMessages = scheduler.messages;
    numMerged = scheduler.merged;
    savedBytes = scheduler.saved;
  }
};

} // namespace
