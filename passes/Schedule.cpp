//===- Schedule.cpp - order sending, receiving and computing --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "mlir/IR/Threading.h"
#include "passes/ClusterSchedule.h"
#include "passes/ExportsFirst.h"
#include "passes/GatherReaders.h"
#include "passes/Passes.h"
#include <atomic>
#include <map>

namespace disco {
#define GEN_PASS_DEF_SCHEDULE
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Whether an op takes time: communication and constants do not count.
bool computes(Operation *op) {
  return !isa<SendOp, PostOp, RecvOp, FlushOp, ConstantOp, InputOp, StateOp>(op);
}

class Scheduler {
public:
  explicit Scheduler(ModuleOp module) : module(module) {}

  LogicalResult run() {
    const SmallVector<ModuleOp> shards = shardsOf(module);
    parallelForEach(module.getContext(), shards,
                    [](ModuleOp shard) { sinkToFirstReaders(inferOf(shard).getBody().front()); });
    if (failed(readMessages()))
      return failure();
    for (ModuleOp shard : shards)
      mergeSends(inferOf(shard).getBody().front());
    renumber();
    std::atomic<int64_t> gathered = 0;
    parallelForEach(module.getContext(), shards, [&](ModuleOp shard) {
      insertFlushes(inferOf(shard).getBody().front());
      gathered += gatherReaders(inferOf(shard));
      exportFirst(inferOf(shard));
      if (inFlightOf(module) > 1)
        postFirst(inferOf(shard).getBody().front());
    });
    saved = gathered;
    return success();
  }

  int64_t merged = 0, messages = 0, saved = 0; // bytes

private:
  /// What arrives is taken when it is read first, and what is made of it alone is made then:
  /// before, a node works on with its own. Places are looked up once: moving an op makes the block
  /// forget them.
  static void sinkToFirstReaders(Block &block) {
    DenseMap<Operation *, size_t> place;
    SmallVector<Operation *> sinking;
    llvm::SmallPtrSet<Operation *, 16> sinks;
    for (auto [i, op] : llvm::enumerate(block)) {
      place[&op] = i;
      if (isa<RecvOp>(op) || llvm::any_of(op.getOperands(), [&](Value operand) {
            return sinks.contains(operand.getDefiningOp()) && isAlike(op, operand);
          })) {
        sinking.push_back(&op);
        sinks.insert(&op);
      }
    }
    DenseMap<Operation *, Operation *> readers; // that do not sink
    for (Operation *op : llvm::reverse(sinking)) {
      Operation *first = nullptr;
      for (Operation *user : op->getUsers()) {
        Operation *reader = sinks.contains(user) ? readers.lookup(user) : user;
        if (reader && (!first || place.lookup(reader) < place.lookup(first)))
          first = reader;
      }
      readers[op] = first;
      if (!first && !isa<RecvOp>(op))
        sinks.erase(op); // it stays, and reads
    }
    for (Operation *op : sinking)
      if (Operation *first = readers.lookup(op))
        op->moveBefore(first);
  }

  /// Whether an op makes the same channels of what arrived, and computes little.
  static bool isAlike(Operation &op, Value arrived) {
    auto cost = dyn_cast<CostOpInterface>(op);
    return isa<DivisionOpInterface>(op) && op.getNumResults() == 1 &&
           !(cost && cost.isArithmetic()) && tensorType(arrived).getEncoding() &&
           tensorType(op.getResult(0)).getEncoding() == tensorType(arrived).getEncoding();
  }

  LogicalResult readMessages() {
    FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(module);
    if (failed(schedule))
      return failure();
    ends = std::move(schedule->messages);
    for (auto [i, end] : llvm::enumerate(ends)) {
      if (!end.send || !end.post || !end.recv)
        return module.emitError("message ") << end.number << " does not have both ends";
      places[end.number] = i;
    }
    return success();
  }

  /// Messages of one pair of nodes that become one, and the first op that waits for one of them.
  struct Run {
    SmallVector<size_t> messages; // places in `ends`
    RecvOp firstRecv;
  };

  /// Joins sends to one node between which this node computes nothing and waits for nothing.
  void mergeSends(Block &block) {
    std::vector<Run> runs;
    std::map<int64_t, size_t> open; // by destination
    for (Operation &op : block) {
      if (computes(&op) || isa<RecvOp>(op)) {
        open.clear();
        continue;
      }
      auto send = dyn_cast<SendOp>(op);
      if (!send)
        continue;
      size_t message = places.lookup(send.getMessage());
      RecvOp recv = ends[message].recv;
      auto before = open.find(send.getTo());
      if (before == open.end() || !canMerge(runs[before->second], message)) {
        open[send.getTo()] = runs.size();
        runs.push_back({{message}, recv});
        continue;
      }
      Run &run = runs[before->second];
      run.messages.push_back(message);
      if (recv->isBeforeInBlock(run.firstRecv))
        run.firstRecv = recv;
    }
    for (const Run &run : runs)
      if (run.messages.size() > 1)
        merge(run);
  }

  /// Statistics do not wait for more bytes than these: with them a node works on with its own
  /// channels while the others arrive. Fewer take no longer than a message of their own would.
  static constexpr int64_t kFewBytes = 4096;

  static bool bringsStatistics(SendOp send) {
    return llvm::any_of(send.getParts().getAsRange<PartAttr>(),
                        [](PartAttr part) { return part.getKind() == RouteKind::Statistic; });
  }

  /// The receiver must be able to post one buffer for all: nothing that one brings may be needed
  /// before the last is posted.
  bool canMerge(const Run &run, size_t message) {
    PostOp post = ends[message].post;
    SendOp send = ends[message].send;
    if (send.getBuffer().getType().getBytes() > kFewBytes && !bringsStatistics(send) &&
        llvm::any_of(run.messages,
                     [&](size_t other) { return bringsStatistics(ends[other].send); }))
      return false;
    return post->isBeforeInBlock(run.firstRecv) || post == ends[run.messages.back()].post;
  }

  /// One message in place of a run of them: sent and posted where the last was, received where the
  /// first was.
  void merge(const Run &run) {
    // Wider elements first, so that every part is aligned.
    struct Part {
      Value input, received;
      PartAttr attr;
    };
    SmallVector<Part> parts;
    SmallVector<Location> locations;
    int64_t bytes = 0;
    for (size_t message : run.messages) {
      ScheduledMessage &end = ends[message];
      for (auto [input, attr, received] :
           llvm::zip(end.send.getInputs(), end.send.getParts(), end.recv.getResults()))
        parts.push_back({input, received, cast<PartAttr>(attr)});
      locations.push_back(end.send.getLoc());
      bytes += end.send.getBuffer().getType().getBytes();
    }
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
    auto type = MessageType::get(module.getContext(), bytes);
    ScheduledMessage first = ends[run.messages.front()], last = ends[run.messages.back()],
                     joined = first;
    OpBuilder builder(last.send);
    ArrayAttr partsAttr = builder.getArrayAttr(attrs);
    joined.send =
        builder.create<SendOp>(builder.getFusedLoc(locations), type, inputs, first.send.getToAttr(),
                               first.send.getMessageAttr(), partsAttr);
    builder.setInsertionPoint(last.post);
    joined.post = builder.create<PostOp>(last.post.getLoc(), type, first.post.getFromAttr(),
                                         first.send.getMessageAttr());
    builder.setInsertionPoint(run.firstRecv);
    joined.recv =
        builder.create<RecvOp>(first.recv.getLoc(), types, joined.post.getBuffer(), partsAttr);
    for (auto [part, result] : llvm::zip(parts, joined.recv.getResults()))
      part.received.replaceAllUsesWith(result);
    for (size_t message : run.messages) {
      ends[message].recv.erase();
      ends[message].post.erase();
      ends[message].send.erase();
      ends[message].send = {};
    }
    merged += static_cast<int64_t>(run.messages.size()) - 1;
    ends[run.messages.front()] = joined;
  }

  /// Messages are numbered without gaps, in the order of their numbers before.
  void renumber() {
    OpBuilder builder(module.getContext());
    for (ScheduledMessage &end : ends) {
      if (!end.send)
        continue; // in another one
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

  /// With several inferences in flight all buffers of one are open from its beginning on, so that
  /// on a link no message of another one waits behind its own.
  static void postFirst(Block &block) {
    Operation *front = &block.front();
    for (Operation &op : llvm::make_early_inc_range(block))
      if (isa<PostOp>(op) && &op != front)
        op.moveBefore(front);
  }

  ModuleOp module;
  std::vector<ScheduledMessage> ends; // by number; of those in another one the send is null
  DenseMap<int64_t, size_t> places;   // of numbers in `ends`
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
