//===- CheckSchedule.cpp - prove that the shards fit together -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/BufferPlan.h"
#include "passes/Passes.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_CHECKSCHEDULE
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// One op of a shard's program that touches a message.
struct Step {
  enum Kind { Send, Flush, Post, Recv } kind;
  Operation *op;
  int64_t message;
};

/// One shard as the checker sees it.
struct Program {
  int64_t rank;
  func::FuncOp function;
  std::vector<Step> steps;
};

std::optional<int64_t> messageOf(Value buffer) {
  if (auto send = buffer.getDefiningOp<SendOp>())
    return send.getMessage();
  if (auto post = buffer.getDefiningOp<PostOp>())
    return post.getMessage();
  return std::nullopt;
}

class ScheduleChecker {
public:
  explicit ScheduleChecker(ModuleOp module) : module(module) {
    for (auto [rank, shard] : llvm::enumerate(shardsOf(module)))
      programs.push_back({static_cast<int64_t>(rank), inferOf(shard), {}});
  }

  LogicalResult run() {
    for (Program &program : programs)
      if (failed(readSteps(program)))
        return failure();
    return failure(failed(checkEnds()) || failed(checkOrder()) || failed(checkFlushes()) ||
                   failed(checkChannels()) || failed(simulate()));
  }

private:
  struct Ends {
    SendOp send;
    PostOp post;
    RecvOp recv;
    int64_t from = -1, to = -1;
  };

  LogicalResult readSteps(Program &program) {
    for (Operation &op : program.function.getBody().front()) {
      Step step{Step::Send, &op, -1};
      if (auto send = dyn_cast<SendOp>(op)) {
        step.message = send.getMessage();
        Ends &end = ends[step.message];
        if (end.send)
          return op.emitError("message ") << step.message << " is sent twice";
        end.send = send;
        end.from = program.rank;
      } else if (auto post = dyn_cast<PostOp>(op)) {
        step = {Step::Post, &op, static_cast<int64_t>(post.getMessage())};
        Ends &end = ends[step.message];
        if (end.post)
          return op.emitError("message ") << step.message << " is posted twice";
        end.post = post;
        end.to = program.rank;
      } else if (isa<FlushOp, RecvOp>(op)) {
        std::optional<int64_t> message = messageOf(op.getOperand(0));
        if (!message)
          return op.emitError("its buffer is not one of a send or a post");
        step = {isa<FlushOp>(op) ? Step::Flush : Step::Recv, &op, *message};
        if (auto recv = dyn_cast<RecvOp>(op)) {
          if (ends[*message].recv)
            return op.emitError("message ") << *message << " is received twice";
          ends[*message].recv = recv;
        }
      } else {
        continue;
      }
      program.steps.push_back(step);
    }
    return success();
  }

  LogicalResult checkEnds() {
    for (auto &[message, end] : ends) {
      if (!end.send)
        return end.post.emitError("message ")
               << message << " is posted by node " << end.to << ", but no node sends it";
      if (!end.post)
        return end.send.emitError("message ") << message << " is sent by node " << end.from
                                              << ", but no node posts a buffer for it";
      if (!end.recv)
        return end.post.emitError("message ") << message << " is never waited for";
      if (static_cast<int64_t>(end.send.getTo()) != end.to ||
          static_cast<int64_t>(end.post.getFrom()) != end.from)
        return end.send.emitError("message ")
               << message << " goes from node " << end.from << " to node " << end.send.getTo()
               << ", but node " << end.to << " expects it from node " << end.post.getFrom();
      int64_t sent = end.send.getBuffer().getType().getBytes(),
              room = end.post.getBuffer().getType().getBytes();
      if (sent != room)
        return end.post.emitError("message ")
               << message << " has " << sent << " bytes, its receive buffer " << room;
      if (end.send.getParts() != end.recv.getParts())
        return end.recv.emitError("message ")
               << message << " carries other channels than node " << end.to
               << " expects: " << end.send.getParts() << " against " << end.recv.getParts();
      for (auto [result, part] :
           llvm::zip(end.recv.getResults(), end.recv.getParts().getAsRange<PartAttr>()))
        if (LocalAttr local = localOf(result); !local || local.getSet() != part.getSet())
          return end.recv.emitError("message ")
                 << message << " brings the channels " << part.getChannels()
                 << ", but the tensor is said to hold others";
    }
    return success();
  }

  /// Messages of an ordered pair have no tags on the wire's order: they must be posted as they are
  /// sent.
  LogicalResult checkOrder() {
    std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> sent, posted;
    for (Program &program : programs)
      for (Step &step : program.steps) {
        Ends &end = ends[step.message];
        if (step.kind == Step::Send)
          sent[{end.from, end.to}].push_back(step.message);
        if (step.kind == Step::Post)
          posted[{end.from, end.to}].push_back(step.message);
      }
    for (auto &[pair, messages] : sent)
      for (size_t i = 0; i < messages.size(); ++i)
        if (posted[pair][i] != messages[i])
          return ends[posted[pair][i]].post.emitError("node ")
                 << pair.second << " posts message " << posted[pair][i] << " where node "
                 << pair.first << " sends message " << messages[i];
    return success();
  }

  /// One send to a node is under way at a time, and none at the end: the next inference may use the
  /// arena.
  LogicalResult checkFlushes() {
    for (Program &program : programs) {
      std::map<int64_t, Step> underWay; // by destination
      for (Step &step : program.steps) {
        if (step.kind != Step::Send && step.kind != Step::Flush)
          continue;
        auto before = underWay.find(ends[step.message].to);
        if (step.kind == Step::Send && before != underWay.end())
          return step.op->emitError("message ")
                 << step.message << " is sent before message " << before->second.message
                 << " to the same node is flushed";
        if (step.kind == Step::Flush &&
            (before == underWay.end() || before->second.message != step.message))
          return step.op->emitError("message ")
                 << step.message << " is flushed, but it is not under way";
        if (step.kind == Step::Send)
          underWay[ends[step.message].to] = step;
        else
          underWay.erase(before);
      }
      if (!underWay.empty())
        return underWay.begin()->second.op->emitError("message ")
               << underWay.begin()->second.message << " is still under way when the inference ends";
    }
    return success();
  }

  /// Every part of a contraction reads the channels for which its weights are.
  LogicalResult checkChannels() {
    for (Program &program : programs) {
      WalkResult walked = program.function.walk([&](ContractionOpInterface op) {
        std::optional<Contraction> rule = op.getContraction();
        if (!rule)
          return WalkResult::advance();
        LocalAttr local = localOf(op->getOperand(0));
        auto weights = op->getOperand(rule->weights).getDefiningOp<ConstantOp>();
        if (!local || local.getAxis() != rule->inputAxis)
          return WalkResult::advance();
        return failed(checkColumns(op, *rule, local.getSet().toVector(), weights))
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

  /// Runs two inferences back to back on links that store nothing. A transfer happens once its send
  /// has started and its buffer is posted, as nodes that wait keep receiving.
  LogicalResult simulate() {
    constexpr int64_t inferences = 2;
    std::vector<size_t> at(programs.size(), 0);
    std::map<std::pair<int64_t, int64_t>, bool> started, posted; // (inference, message)
    auto stepAt = [&](size_t p) -> std::pair<int64_t, Step *> {
      size_t length = programs[p].steps.size();
      return {static_cast<int64_t>(at[p] / length), &programs[p].steps[at[p] % length]};
    };
    bool moved = true;
    auto finished = [&](size_t p) { return at[p] >= inferences * programs[p].steps.size(); };
    while (moved) {
      moved = false;
      for (size_t p = 0; p < programs.size(); ++p)
        while (!finished(p)) {
          auto [inference, step] = stepAt(p);
          std::pair<int64_t, int64_t> key{inference, step->message};
          bool both = started[key] && posted[key];
          if ((step->kind == Step::Flush || step->kind == Step::Recv) && !both)
            break;
          if (step->kind == Step::Send)
            started[key] = true;
          if (step->kind == Step::Post)
            posted[key] = true;
          ++at[p];
          moved = true;
        }
    }
    for (size_t p = 0; p < programs.size(); ++p)
      if (!finished(p)) {
        auto [inference, step] = stepAt(p);
        InFlightDiagnostic diagnostic = step->op->emitError("the schedule deadlocks:");
        for (size_t q = 0; q < programs.size(); ++q)
          if (!finished(q)) {
            Step *waiting = stepAt(q).second;
            const Ends &end = ends[waiting->message];
            diagnostic << " node " << q << " waits for node "
                       << (waiting->kind == Step::Flush ? end.to : end.from) << " (message "
                       << waiting->message << ")";
          }
        return diagnostic;
      }
    return success();
  }

  ModuleOp module;
  std::vector<Program> programs;
  std::map<int64_t, Ends> ends;
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
    for (Value result : op.getResults()) {
      Place place = plan.placeOf(result);
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
    if (failed(ScheduleChecker(getOperation()).run()))
      return signalPassFailure();
    for (ModuleOp shard : shardsOf(getOperation()))
      if (failed(checkArena(shard)))
        return signalPassFailure();
  }
};

} // namespace
