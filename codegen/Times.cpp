//===- Times.cpp - the schedule of a planned module, timed ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "compiler/dialect/Target.h"
#include "passes/EventEngine.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace disco;

static Nanoseconds nanoseconds(double seconds) {
  constexpr double most = 9e18;
  return seconds > 0 ? static_cast<Nanoseconds>(std::llround(std::min(seconds * 1e9, most))) : 0;
}

/// What a report says of a time that is not zero is not zero.
static int64_t microseconds(Nanoseconds time) {
  return time ? std::max<int64_t>(static_cast<int64_t>(time / 1000 + (time % 1000 >= 500)), 1) : 0;
}

/// What one step takes on a board: its multiply-accumulates, at the cycles of one that the board
/// states. Nothing: it is not known. The one place that says what computing costs.
static std::optional<Nanoseconds> stepTime(Operation *op, NodeAttr node) {
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!cost || cost.getMacs() == 0)
    return 0;
  const double each = cyclesOfMac(node, op), clock = clockOf(node);
  if (each <= 0 || clock <= 0)
    return std::nullopt;
  return nanoseconds(each * static_cast<double>(cost.getMacs()) / clock);
}

namespace {

/// How long steps and messages take on one cluster. What is not known takes no time, and is noted.
class ClusterTimes {
public:
  explicit ClusterTimes(ClusterAttr cluster) : cluster(cluster) {
    for (auto link : cluster.getLinks().getAsRange<LinkAttr>()) {
      links[link] = {directions, bandwidthOf(cluster, link)};
      directions += 2 * link.getEnds().size();
    }
  }

  Timing timing() {
    return {[this](int64_t rank, Operation *op) {
              return stepTime(op, cluster.getNode(rank)).value_or(0);
            },
            [this](ScheduledMessage &message) { return passageOf(message); }, directions};
  }

  bool knowsComputing(int64_t rank, const NodeSchedule &node) const {
    return llvm::all_of(node.steps, [&](const Step &step) {
      return step.kind != Step::Kind::Compute || stepTime(step.op, cluster.getNode(rank));
    });
  }
  bool knowsPassage(ScheduledMessage &message) const {
    SmallVector<WayStep> way = wayOf(cluster, message.from, message.to);
    return !way.empty() && llvm::all_of(way, [&](const WayStep &step) {
      return links.lookup(step.link).bandwidth > 0;
    });
  }

  /// The time that the busier direction of the busiest end of a link moves something.
  Nanoseconds mostOf(LinkAttr link, ArrayRef<Nanoseconds> moving) const {
    ArrayRef<Nanoseconds> own =
        moving.slice(links.lookup(link).firstDirection, 2 * link.getEnds().size());
    return *std::max_element(own.begin(), own.end());
  }

private:
  struct LinkTimes {
    size_t firstDirection = 0; // of its first end outwards; then inwards, then of its next end
    double bandwidth = 0;
  };

  size_t directionOf(LinkAttr link, int64_t rank, bool in) const {
    ArrayRef<int64_t> ends = link.getEnds().asArrayRef();
    size_t end = llvm::find(ends, rank) - ends.begin();
    return links.lookup(link).firstDirection + 2 * end + in;
  }

  Passage passageOf(ScheduledMessage &message) const {
    Passage passage;
    for (const WayStep &step : wayOf(cluster, message.from, message.to)) {
      const double bandwidth = links.lookup(step.link).bandwidth;
      const double bytes = static_cast<double>(message.bytes());
      passage.hops.push_back({directionOf(step.link, step.from, false),
                              directionOf(step.link, step.to, true),
                              bandwidth > 0 ? nanoseconds(bytes / bandwidth) : 0});
      passage.latency =
          saturatingSum(passage.latency, nanoseconds(step.link.getLatency().getValueAsDouble()));
    }
    return passage;
  }

  ClusterAttr cluster;
  DenseMap<LinkAttr, LinkTimes> links;
  size_t directions = 0;
};

} // namespace

/// The numbers of ops in their programs, as reports and notes have them.
using StepNumbers = DenseMap<Operation *, int64_t>;

static StepNumbers stepNumbers(ClusterSchedule &schedule) {
  StepNumbers numbers;
  for (NodeSchedule &node : schedule.nodes)
    for (auto [index, op] : llvm::enumerate(node.function.getBody().front()))
      numbers[&op] = static_cast<int64_t>(index);
  return numbers;
}

static discoc::ScheduleEvent eventOf(const Event &event, ClusterSchedule &schedule,
                                     const StepNumbers &numbers, bool timed) {
  discoc::ScheduleEvent out;
  out.node = event.rank;
  out.inference = event.inference;
  if (timed) {
    out.startNs = static_cast<int64_t>(event.start);
    out.endNs = static_cast<int64_t>(event.end);
  }
  if (event.op)
    out.step = numbers.lookup(event.op);
  if (event.kind == Event::Kind::Compute) {
    std::string name = opName(event.op);
    out.op = name.empty() ? event.op->getName().getStringRef().str() : name;
    return out;
  }
  ScheduledMessage &message = schedule.messages[event.message];
  out.message = message.number;
  out.kind = discoc::ScheduleEvent::Kind::Wait;
  if (event.kind == Event::Kind::Transfer) {
    out.kind = discoc::ScheduleEvent::Kind::Transfer;
    out.to = message.to;
    out.bytes = message.bytes();
    out.op = opName(message.send.getInputs().front().getDefiningOp());
  }
  return out;
}

/// Whether it is known how long everything takes: a link that says no speed, or a node that says
/// none, could be what all others wait for.
static bool isTimed(ClusterSchedule &schedule, const ClusterTimes &times) {
  for (auto [rank, node] : llvm::enumerate(schedule.nodes))
    if (!times.knowsComputing(static_cast<int64_t>(rank), node))
      return false;
  return llvm::all_of(schedule.messages,
                      [&](ScheduledMessage &message) { return times.knowsPassage(message); });
}

/// A prediction is no promise: to fall asleep just before a message comes takes longer than to spin
/// twice as long. No spin is longer than a sleep and the wake-up from it.
static uint8_t spinFor(Nanoseconds predicted) {
  constexpr Nanoseconds least = 5, most = 50;
  return static_cast<uint8_t>(std::min(2 * ((predicted + 999) / 1000) + least, most));
}

FailureOr<SpinBounds> disco::spinBounds(ModuleOp module) {
  ClusterAttr cluster = clusterOf(module);
  FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(module);
  if (failed(schedule))
    return failure();
  ClusterTimes times(cluster);
  SpinBounds bounds;
  if (!isTimed(*schedule, times))
    return bounds;
  EngineResult run = runSchedule(*schedule, times.timing(), 1, 1);
  for (ScheduledMessage &message : schedule->messages)
    if (!isBare(cluster.getNode(message.to)))
      bounds[message.number] = spinFor(0);
  for (const Event &event : run.events)
    if (event.kind == Event::Kind::Wait) {
      const ScheduledMessage &message = schedule->messages[event.message];
      auto bound = bounds.find(message.number);
      if (event.rank == message.to && bound != bounds.end())
        bound->second = spinFor(event.end - event.start);
    }
  return bounds;
}

/// The times of a whole inference, of a schedule of which all times are known.
static void addInferenceTimes(discoc::Events &events, ClusterSchedule &schedule,
                              const Timing &timing) {
  constexpr int64_t inferences = 4;
  std::vector<Nanoseconds> finished = runSchedule(schedule, timing, inferences, 0).finished;
  events.latencyNs = static_cast<int64_t>(finished.front());
  events.periodNs = static_cast<int64_t>((finished.back() - finished.front()) / (inferences - 1));
  Timing apart = timing;
  apart.overlap = false;
  events.sequentialNs = static_cast<int64_t>(runSchedule(schedule, apart, 1, 0).finished.front());
  events.chainNs = static_cast<int64_t>(longestChain(schedule, timing));
}

/// Messages one behind another: the longest chain where each takes one nanosecond, and nothing else
/// takes any.
static int64_t exchangePoints(ClusterSchedule &schedule) {
  Timing timing;
  timing.passage = [](ScheduledMessage &message) {
    Passage passage;
    passage.latency = handsOver(message.send) ? 0 : 1;
    return passage;
  };
  return static_cast<int64_t>(longestChain(schedule, timing));
}

/// More events than these are not listed: reports are for people and pages.
static constexpr size_t kMostEvents = 50'000;

LogicalResult disco::addSchedule(discoc::Report &report, ModuleOp module) {
  ClusterAttr cluster = clusterOf(module);
  FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(module);
  if (failed(schedule))
    return failure();
  ClusterTimes times(cluster);
  EngineResult run = runSchedule(*schedule, times.timing(), 1, 1);
  for (auto [rank, node] : llvm::enumerate(schedule->nodes))
    if (times.knowsComputing(static_cast<int64_t>(rank), node) &&
        isBare(cluster.getNode(static_cast<int64_t>(rank))))
      report.nodes[rank].computeUs = microseconds(run.computing[rank]);
  const bool timed = isTimed(*schedule, times) && run.finished.front() > 0;
  auto wire = report.wires.begin();
  for (auto link : cluster.getLinks().getAsRange<LinkAttr>())
    if (!link.getPorts().empty())
      (wire++)->leastUs = microseconds(times.mostOf(link, run.moving));

  discoc::Events &events = report.schedule.emplace();
  events.inFlight = schedule->inFlight;
  events.exchangePoints = exchangePoints(*schedule);
  if (timed)
    addInferenceTimes(events, *schedule, times.timing());
  if (run.events.size() > kMostEvents) {
    events.leftOut = static_cast<int64_t>(run.events.size());
    return success();
  }
  llvm::stable_sort(run.events, [](const Event &a, const Event &b) { return a.start < b.start; });
  const StepNumbers numbers = stepNumbers(*schedule);
  for (const Event &event : run.events)
    events.events.push_back(eventOf(event, *schedule, numbers, timed));
  constexpr size_t mostSteps = 20'000; // with its step an event takes several lines
  if (events.events.size() > mostSteps)
    for (discoc::ScheduleEvent &event : events.events)
      event.step = -1;
  return success();
}
