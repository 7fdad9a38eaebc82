//===- ClusterSchedule.cpp - what every node does, step by step -----------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/ClusterSchedule.h"
#include "passes/BufferPlan.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace disco;

namespace {

/// Reads the steps and messages of all shards. Messages get their places by number at the end.
class ScheduleReader {
public:
  explicit ScheduleReader(ClusterSchedule &schedule) : schedule(schedule) {}

  LogicalResult read(ModuleOp module) {
    for (auto [rank, shard] : llvm::enumerate(shardsOf(module)))
      if (failed(readNode(static_cast<int64_t>(rank), inferOf(shard))))
        return failure();
    sortMessages();
    return success();
  }

private:
  LogicalResult readNode(int64_t rank, func::FuncOp function) {
    NodeSchedule node{function, {}};
    for (Operation &op : function.getBody().front()) {
      FailureOr<Step> step = readStep(rank, &op);
      if (failed(step))
        return failure();
      if (step->op)
        node.steps.push_back(*step);
    }
    schedule.nodes.push_back(std::move(node));
    return success();
  }

  /// Without an op: no step.
  FailureOr<Step> readStep(int64_t rank, Operation *op) {
    if (isa<ConstantOp, StateOp, func::ReturnOp>(op) || isView(op) ||
        (isa<InputOp>(op) && !inputsInArena(op->getParentOfType<func::FuncOp>())))
      return Step();
    if (auto send = dyn_cast<SendOp>(op))
      return readSend(rank, send);
    if (auto post = dyn_cast<PostOp>(op))
      return readPost(rank, post);
    if (isa<FlushOp, RecvOp>(op))
      return readWait(op);
    return Step{Step::Kind::Compute, -1, op};
  }

  FailureOr<Step> readSend(int64_t rank, SendOp send) {
    int32_t index = indexOf(send.getMessage());
    ScheduledMessage &message = schedule.messages[index];
    if (message.send)
      return send.emitError("message ") << message.number << " is sent twice";
    message.send = send;
    message.from = rank;
    return Step{Step::Kind::Send, index, send};
  }

  FailureOr<Step> readPost(int64_t rank, PostOp post) {
    int32_t index = indexOf(post.getMessage());
    ScheduledMessage &message = schedule.messages[index];
    if (message.post)
      return post.emitError("message ") << message.number << " is posted twice";
    message.post = post;
    message.to = rank;
    return Step{Step::Kind::Post, index, post};
  }

  FailureOr<Step> readWait(Operation *op) {
    Operation *maker = op->getOperand(0).getDefiningOp();
    if (!isa_and_nonnull<SendOp, PostOp>(maker))
      return op->emitError("its buffer is not one of a send or a post");
    int32_t index = indexOf(isa<SendOp>(maker) ? cast<SendOp>(maker).getMessage()
                                               : cast<PostOp>(maker).getMessage());
    auto recv = dyn_cast<RecvOp>(op);
    if (!recv)
      return Step{Step::Kind::Flush, index, op};
    ScheduledMessage &message = schedule.messages[index];
    if (message.recv)
      return op->emitError("message ") << message.number << " is received twice";
    message.recv = recv;
    return Step{Step::Kind::Recv, index, op};
  }

  int32_t indexOf(int64_t number) {
    auto [known, isNew] = indices.try_emplace(number, schedule.messages.size());
    if (isNew)
      schedule.messages.push_back({number, -1, -1, {}, {}, {}});
    return known->second;
  }

  void sortMessages() {
    std::vector<int32_t> order(schedule.messages.size()), place(order.size());
    for (auto [i, entry] : llvm::enumerate(order))
      entry = static_cast<int32_t>(i);
    llvm::sort(order, [&](int32_t a, int32_t b) {
      return schedule.messages[a].number < schedule.messages[b].number;
    });
    std::vector<ScheduledMessage> sorted;
    sorted.reserve(order.size());
    for (int32_t index : order) {
      place[index] = static_cast<int32_t>(sorted.size());
      sorted.push_back(schedule.messages[index]);
    }
    schedule.messages = std::move(sorted);
    for (NodeSchedule &node : schedule.nodes)
      for (Step &step : node.steps)
        step.message = step.message < 0 ? -1 : place[step.message];
  }

  ClusterSchedule &schedule;
  DenseMap<int64_t, int32_t> indices; // of messages, by number
};

} // namespace

FailureOr<ClusterSchedule> ClusterSchedule::read(ModuleOp module) {
  ClusterSchedule schedule;
  schedule.inFlight = inFlightOf(module);
  if (failed(ScheduleReader(schedule).read(module)))
    return failure();
  return schedule;
}

/// Adds the steps that make a value; views are no steps, what they view is looked for.
static void addMakers(Value value, const DenseMap<Operation *, size_t> &stepOf,
                      SmallVectorImpl<size_t> &makers) {
  Operation *maker = value.getDefiningOp();
  if (maker && isView(maker)) {
    for (Value viewed : maker->getOperands())
      addMakers(viewed, stepOf, makers);
    return;
  }
  if (auto known = stepOf.find(maker); known != stepOf.end())
    makers.push_back(known->second);
}

std::vector<SmallVector<size_t, 2>> NodeSchedule::dependencies() const {
  DenseMap<Operation *, size_t> stepOf;
  std::vector<SmallVector<size_t, 2>> all(steps.size());
  for (auto [i, step] : llvm::enumerate(steps)) {
    stepOf[step.op] = i;
    for (Value operand : step.op->getOperands())
      addMakers(operand, stepOf, all[i]);
    llvm::sort(all[i]);
    all[i].erase(std::unique(all[i].begin(), all[i].end()), all[i].end());
  }
  return all;
}

std::vector<ScheduledBuffer> NodeSchedule::buffers() const {
  BufferPlan plan(function);
  // Ops count every op of the block, steps do not: the first step from an op on, the last up to it.
  std::vector<size_t> from;
  size_t next = 0;
  for (Operation &op : func::FuncOp(function).getBody().front()) {
    from.push_back(next);
    next += next < steps.size() && steps[next].op == &op;
  }
  from.push_back(next);
  std::vector<ScheduledBuffer> all;
  for (const Buffer &buffer : plan.buffers) {
    size_t end = from[buffer.end + 1];
    all.push_back({buffer.bytes, from[std::max<int64_t>(buffer.start, 0)], end ? end - 1 : 0});
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static void printStep(raw_ostream &os, const Step &step, ScheduledMessage *message) {
  switch (step.kind) {
  case Step::Kind::Compute: {
    std::string name = opName(step.op);
    os << "compute " << (name.empty() ? step.op->getName().getStringRef().str() : name);
    if (auto cost = dyn_cast<CostOpInterface>(step.op); cost && cost.getMacs())
      os << ", " << cost.getMacs() << " MACs";
    return;
  }
  case Step::Kind::Send:
    os << "send message " << message->number << " to node " << message->send.getTo() << ", "
       << message->bytes() << " bytes";
    return;
  case Step::Kind::Post:
    os << "post message " << message->number << " from node " << message->post.getFrom() << ", "
       << message->post.getBuffer().getType().getBytes() << " bytes";
    return;
  case Step::Kind::Flush: os << "flush message " << message->number; return;
  case Step::Kind::Recv: os << "recv message " << message->number; return;
  }
}

void ClusterSchedule::print(raw_ostream &os) {
  os << inFlight << " in flight\n";
  for (auto [rank, node] : llvm::enumerate(nodes)) {
    os << "node " << rank << ": " << node.steps.size() << " steps\n";
    std::vector<SmallVector<size_t, 2>> needs = node.dependencies();
    for (auto [i, step] : llvm::enumerate(node.steps)) {
      os << "  " << i << " ";
      printStep(os, step, step.message < 0 ? nullptr : &messages[step.message]);
      if (!needs[i].empty())
        llvm::interleaveComma(needs[i], os << ", after ");
      os << "\n";
    }
    for (const ScheduledBuffer &buffer : node.buffers())
      os << "  " << buffer.bytes << " bytes, steps " << buffer.first << " to " << buffer.last
         << "\n";
  }
}
