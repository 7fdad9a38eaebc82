//===- CheckSchedule.cpp - prove that the shards fit together -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Joined.h"
#include "mlir/IR/Threading.h"
#include "passes/BufferPlan.h"
#include "passes/EventEngine.h"
#include "passes/Passes.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_CHECKSCHEDULE
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Proves a schedule: a step of its own for each thing that has to hold.
class ScheduleChecker {
public:
  ScheduleChecker(ModuleOp module, ClusterSchedule &schedule)
      : module(module), schedule(schedule) {}

  LogicalResult run() {
    return failure(failed(checkEnds()) || failed(checkOrder()) || failed(checkFlushes()) ||
                   failed(checkChannels()) || failed(checkOverlap()) || failed(checkProgress()));
  }

private:
  LogicalResult checkEnds() {
    for (ScheduledMessage &message : schedule.messages) {
      if (!message.send)
        return message.post.emitError("message ")
               << message.number << " is posted by node " << message.to << ", but no node sends it";
      if (!message.post)
        return message.send.emitError("message ")
               << message.number << " is sent by node " << message.from
               << ", but no node posts a buffer for it";
      if (!message.recv)
        return message.post.emitError("message ") << message.number << " is never waited for";
      if (failed(checkAgreement(message)))
        return failure();
    }
    return success();
  }

  static LogicalResult checkAgreement(ScheduledMessage &message) {
    if (static_cast<int64_t>(message.send.getTo()) != message.to ||
        static_cast<int64_t>(message.post.getFrom()) != message.from)
      return message.send.emitError("message ")
             << message.number << " goes from node " << message.from << " to node "
             << message.send.getTo() << ", but node " << message.to << " expects it from node "
             << message.post.getFrom();
    int64_t room = message.post.getBuffer().getType().getBytes();
    if (message.bytes() != room)
      return message.post.emitError("message ") << message.number << " has " << message.bytes()
                                                << " bytes, its receive buffer " << room;
    if (message.send.getParts() != message.recv.getParts())
      return message.recv.emitError("message ")
             << message.number << " carries other channels than node " << message.to
             << " expects: " << message.send.getParts() << " against " << message.recv.getParts();
    for (auto [result, part] :
         llvm::zip(message.recv.getResults(), message.recv.getParts().getAsRange<PartAttr>()))
      if (LocalAttr local = localOf(result); !local || local.getSet() != part.getSet())
        return message.recv.emitError("message ")
               << message.number << " brings the channels " << part.getChannels()
               << ", but the tensor is said to hold others";
    return success();
  }

  /// Messages of an ordered pair have no tags on the wire's order: they must be posted as they are
  /// sent. Looks at the pairs one after the other.
  LogicalResult checkOrder() {
    std::vector<int32_t> sent, posted;
    for (NodeSchedule &node : schedule.nodes)
      for (Step &step : node.steps)
        if (step.kind == Step::Kind::Send || step.kind == Step::Kind::Post)
          (step.kind == Step::Kind::Send ? sent : posted).push_back(step.message);
    auto pairOf = [&](int32_t message) {
      return std::pair(schedule.messages[message].from, schedule.messages[message].to);
    };
    for (std::vector<int32_t> *list : {&sent, &posted})
      llvm::stable_sort(*list, [&](int32_t a, int32_t b) { return pairOf(a) < pairOf(b); });
    for (auto [is, was] : llvm::zip(posted, sent))
      if (is != was) {
        ScheduledMessage &message = schedule.messages[is];
        return message.post.emitError("node ")
               << message.to << " posts message " << message.number << " where node "
               << message.from << " sends message " << schedule.messages[was].number;
      }
    return success();
  }

  /// One send to a node is under way at a time, and none at the end: the next inference may use the
  /// arena.
  LogicalResult checkFlushes() {
    for (NodeSchedule &node : schedule.nodes) {
      std::map<int64_t, Step> underWay; // by destination
      for (Step &step : node.steps) {
        if (step.kind != Step::Kind::Send && step.kind != Step::Kind::Flush)
          continue;
        ScheduledMessage &message = schedule.messages[step.message];
        auto before = underWay.find(message.to);
        if (step.kind == Step::Kind::Send && before != underWay.end())
          return step.op->emitError("message ")
                 << message.number << " is sent before message " << numberOf(before->second)
                 << " to the same node is flushed";
        if (step.kind == Step::Kind::Flush &&
            (before == underWay.end() || before->second.message != step.message))
          return step.op->emitError("message ")
                 << message.number << " is flushed, but it is not under way";
        if (step.kind == Step::Kind::Send)
          underWay[message.to] = step;
        else
          underWay.erase(before);
      }
      if (!underWay.empty())
        return underWay.begin()->second.op->emitError("message ")
               << numberOf(underWay.begin()->second)
               << " is still under way when the inference ends";
    }
    return success();
  }

  int64_t numberOf(const Step &step) const { return schedule.messages[step.message].number; }

  /// Every part of a contraction reads the channels for which its weights are.
  LogicalResult checkChannels() {
    for (NodeSchedule &node : schedule.nodes) {
      WalkResult walked = node.function.walk([&](ContractionOpInterface op) {
        std::optional<Contraction> rule = op.getContraction();
        if (!rule)
          return WalkResult::advance();
        LocalAttr local = localOf(op->getOperand(0));
        auto weights = op->getOperand(rule->weights).getDefiningOp<ConstantOp>();
        if (!local || local.getAxis() != rule->inputAxis)
          return WalkResult::advance();
        return failed(checkColumns(op, *rule, channelsInOrder(op->getOperand(0)), weights))
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      });
      if (walked.wasInterrupted())
        return failure();
    }
    return success();
  }

  /// The indices of an axis of the stored constant that its view has.
  static SmallVector<int64_t> viewed(ConstantOp weights, int64_t axis) {
    if (auto view = weights.getView())
      for (auto entry : view->getAsRange<LocalAttr>())
        if (entry.getAxis() == axis)
          return entry.getSet().toVector();
    return llvm::to_vector(
        llvm::seq<int64_t>(0, weights.getValue().getShapedType().getDimSize(axis)));
  }

  /// The channels of the whole input for which a part's weights are, in their order; nothing when a
  /// group of the part has rows of several groups of the whole convolution.
  static std::optional<SmallVector<int64_t>> columnsOf(Operation *op, const Contraction &rule,
                                                       ConstantOp weights) {
    SmallVector<int64_t> columns = viewed(weights, rule.columnAxis);
    auto whole = op->getAttrOfType<IntegerAttr>(kGroupsAttr);
    if (!whole)
      return columns;
    ShapedType stored = weights.getValue().getShapedType();
    int64_t rowsPerGroup = stored.getDimSize(rule.rowAxis) / std::max<int64_t>(whole.getInt(), 1);
    SmallVector<int64_t> rows = viewed(weights, rule.rowAxis), global;
    size_t share = rows.size() / static_cast<size_t>(rule.groups);
    if (rowsPerGroup < 1 || share < 1)
      return std::nullopt;
    for (size_t first = 0; first < rows.size(); first += share) {
      int64_t group = rows[first] / rowsPerGroup;
      if (rows[first + share - 1] / rowsPerGroup != group)
        return std::nullopt;
      for (int64_t column : columns)
        global.push_back(group * stored.getDimSize(rule.columnAxis) + column);
    }
    return global;
  }

  static LogicalResult checkColumns(Operation *op, const Contraction &rule,
                                    SmallVector<int64_t> present, ConstantOp weights) {
    std::optional<SmallVector<int64_t>> columns = columnsOf(op, rule, weights);
    auto origins = op->getAttrOfType<DenseI64ArrayAttr>(kOriginsAttr);
    if (origins && columns) {
      if (origins.size() != static_cast<int64_t>(columns->size()))
        return op->emitError("has ")
               << columns->size() << " columns of weights, but names the origins of "
               << origins.size();
      columns->assign(origins.asArrayRef().begin(), origins.asArrayRef().end());
    }
    SmallVector<int64_t> read;
    if (auto channels = op->getAttrOfType<DenseI64ArrayAttr>(kChannelsAttr))
      for (int64_t channel : channels.asArrayRef())
        read.push_back(present[channel]);
    else
      read = present;
    if (read != columns)
      return op->emitError("reads other channels than those for which its weights are");
    return success();
  }

  /// What lets inferences overlap in any order of their steps (docs/design.md): a message never
  /// waits behind one of a younger inference, since all buffers of one are opened first; and no
  /// message belongs to an inference that was not submitted.
  LogicalResult checkOverlap() {
    if (schedule.inFlight == 1)
      return success();
    const int64_t given = rootsOf(module).input;
    for (auto [rank, node] : llvm::enumerate(schedule.nodes)) {
      bool begun = false, heard = static_cast<int64_t>(rank) == given;
      for (Step &step : node.steps) {
        if (step.kind == Step::Kind::Post && begun)
          return step.op->emitError("message ")
                 << numberOf(step) << " is posted in the middle of an inference, of which "
                 << schedule.inFlight << " are in flight";
        if (step.kind == Step::Kind::Send && !heard)
          return step.op->emitError("message ")
                 << numberOf(step) << " is sent before anything tells node " << rank
                 << " that there is an inference, of which " << schedule.inFlight
                 << " are in flight";
        begun |= step.kind != Step::Kind::Post;
        heard |= step.kind == Step::Kind::Recv;
      }
    }
    return success();
  }

  /// Runs inferences back to back, one more than may be in flight, on links that store nothing.
  LogicalResult checkProgress() {
    EngineResult result = runSchedule(schedule, Timing(), schedule.inFlight + 1, /*recorded=*/0);
    if (result.stuck.empty())
      return success();
    InFlightDiagnostic diagnostic =
        result.stuck.front().step->op->emitError("the schedule deadlocks:");
    for (const Stuck &stuck : result.stuck) {
      const ScheduledMessage &message = schedule.messages[stuck.step->message];
      diagnostic << " node " << stuck.rank << " waits for node "
                 << (stuck.step->kind == Step::Kind::Flush ? message.to : message.from)
                 << " (message " << message.number << ")";
    }
    return diagnostic;
  }

  ModuleOp module;
  ClusterSchedule &schedule;
};

/// Two buffers that live at the same time and share a byte, the one that begins first before the
/// other. Those alive lie apart, so that of them only the neighbours of a new one can share with
/// it.
std::optional<std::pair<size_t, size_t>> findOverlap(const std::vector<Buffer> &buffers) {
  auto order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
  llvm::stable_sort(order, [&](size_t a, size_t b) { return buffers[a].start < buffers[b].start; });
  std::map<int64_t, size_t> alive;       // by offset
  std::multimap<int64_t, size_t> ending; // by the last op
  for (size_t i : order) {
    const Buffer &buffer = buffers[i];
    for (; !ending.empty() && ending.begin()->first < buffer.start; ending.erase(ending.begin()))
      alive.erase(buffers[ending.begin()->second].offset);
    auto after = alive.lower_bound(buffer.offset);
    if (after != alive.end() && after->first < buffer.offset + buffer.bytes)
      return {{after->second, i}};
    if (after != alive.begin()) {
      const auto &[offset, before] = *std::prev(after);
      if (buffer.offset < offset + buffers[before].bytes)
        return {{before, i}};
    }
    alive.emplace_hint(after, buffer.offset, i);
    ending.emplace(buffer.end, i);
  }
  return std::nullopt;
}

/// Offsets as planned: no two buffers that live at the same time share a byte, and everything lies
/// within the arena.
LogicalResult checkArena(ModuleOp shard) {
  auto arena = shard->getAttrOfType<IntegerAttr>(kArenaBytesAttr);
  if (!arena)
    return success();
  func::FuncOp function = inferOf(shard);
  BufferPlan plan(function);
  std::vector<Operation *> maker(plan.buffers.size(), nullptr);
  for (Operation &op : function.getBody().front()) {
    auto offsets = op.getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr);
    size_t next = 0;
    SmallVector<Place> places;
    for (Value result : op.getResults())
      places.push_back(plan.placeOf(result));
    if (std::optional<int64_t> scratch = plan.scratchOf(&op))
      places.push_back({*scratch, 0});
    for (Place place : places) {
      if (place.buffer < 0)
        continue;
      if (!offsets || next >= offsets.asArrayRef().size())
        return op.emitError("has no offset in the arena");
      int64_t offset = offsets.asArrayRef()[next++] - place.distance;
      Buffer &buffer = plan.buffers[place.buffer];
      if (buffer.offset >= 0 && buffer.offset != offset)
        return op.emitError("lies at offset ")
               << offset << ", but the values that it shares a buffer with lie at "
               << buffer.offset;
      buffer.offset = offset;
      if (!maker[place.buffer])
        maker[place.buffer] = &op;
      if (offset < 0 || offset % BufferPlan::alignment != 0 ||
          offset + buffer.bytes > arena.getInt())
        return op.emitError("its buffer of ")
               << buffer.bytes << " bytes at offset " << offset << " does not lie in the arena of "
               << arena.getInt() << " bytes";
    }
  }
  if (auto both = findOverlap(plan.buffers))
    return maker[both->second]
               ->emitError("its buffer overlaps one that is still in use")
               .attachNote(maker[both->first]->getLoc())
           << "the other buffer is made here";
  int64_t live = plan.largestLiveSum();
  if (arena.getInt() > live + live / 4)
    return shard.emitError("the arena of ")
           << arena.getInt() << " bytes is more than 1.25 times the largest sum of live bytes, "
           << live;
  return success();
}

struct CheckSchedulePass : disco::impl::CheckScheduleBase<CheckSchedulePass> {
  void runOnOperation() override {
    FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(getOperation());
    if (failed(schedule) || failed(ScheduleChecker(getOperation(), *schedule).run()))
      return signalPassFailure();
    if (failed(failableParallelForEach(&getContext(), shardsOf(getOperation()), checkArena)))
      return signalPassFailure();
    markAllAnalysesPreserved(); // so that the IR is not verified again
  }
};

} // namespace
