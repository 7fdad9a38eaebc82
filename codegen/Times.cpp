//===- Times.cpp - the schedule of a planned module, timed ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "passes/EventEngine.h"
#include <algorithm>
#include <cmath>
#include <map>

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
static std::optional<Nanoseconds> stepTime(Operation *op, const std::optional<discoc::Board> &on) {
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!cost || cost.getMacs() == 0)
    return 0;
  const double each = !on ? 0 : op->hasAttr(kQuantAttr) ? on->cyclesI8 : on->cyclesF32;
  if (each <= 0 || on->clockHz <= 0)
    return std::nullopt;
  return nanoseconds(each * static_cast<double>(cost.getMacs()) / on->clockHz);
}

/// Bytes a second of a link: what the cluster file says, or the slowest of its ends; 0: nobody
/// knows.
static double bandwidthOf(const discoc::ClusterLink &link,
                          ArrayRef<std::optional<discoc::Board>> boards) {
  if (link.bandwidth > 0)
    return link.bandwidth;
  double slowest = 0;
  for (auto [end, port] : llvm::zip(link.ends, link.ports)) {
    const std::optional<discoc::Board> &board = boards[static_cast<size_t>(end)];
    const discoc::BoardLink *way = board ? board->findLink(port) : nullptr;
    if (way && way->bandwidth > 0)
      slowest = slowest > 0 ? std::min(slowest, way->bandwidth) : way->bandwidth;
  }
  return slowest;
}

namespace {

/// How long steps and messages take on one cluster. What is not known takes no time, and is noted.
class ClusterTimes {
public:
  ClusterTimes(const discoc::Cluster &cluster, ArrayRef<std::optional<discoc::Board>> boards)
      : cluster(cluster), boards(boards) {
    for (auto [i, link] : llvm::enumerate(cluster.links)) {
      firstDirection.push_back(directions);
      directions += 2 * link.ends.size();
      bandwidths.push_back(bandwidthOf(link, boards));
      if (link.kind == "tcp")
        for (int64_t a : link.ends)
          for (int64_t b : link.ends)
            tcpLinks[{a, b}] = i;
    }
  }

  Timing timing() {
    return {[this](int64_t rank, Operation *op) { return stepTime(op, boards[rank]).value_or(0); },
            [this](ScheduledMessage &message) { return passageOf(message); }, directions};
  }

  bool knowsComputing(int64_t rank, const NodeSchedule &node) const {
    return llvm::all_of(node.steps, [&](const Step &step) {
      return step.kind != Step::Kind::Compute || stepTime(step.op, boards[rank]);
    });
  }
  bool knowsPassage(ScheduledMessage &message) const {
    SmallVector<discoc::ClusterStep> way = wayOf(message);
    return !way.empty() && llvm::all_of(way, [&](const discoc::ClusterStep &step) {
      return bandwidths[step.link] > 0;
    });
  }

  /// The time that the busier direction of the busiest end of a link moves something.
  Nanoseconds mostOf(size_t link, ArrayRef<Nanoseconds> moving) const {
    Nanoseconds most = 0;
    for (size_t i = 0; i < 2 * cluster.links[link].ends.size(); ++i)
      most = std::max(most, moving[firstDirection[link] + i]);
    return most;
  }

private:
  SmallVector<discoc::ClusterStep> wayOf(const ScheduledMessage &message) const {
    if (auto tcp = tcpLinks.find({message.from, message.to}); tcp != tcpLinks.end())
      return {{tcp->second, message.from, message.to}};
    if (!cluster.hasPackets())
      return {};
    return llvm::to_vector_of<discoc::ClusterStep>(
        discoc::stepsOf(cluster, message.from, message.to));
  }

  size_t directionOf(size_t link, int64_t rank, bool in) const {
    size_t end = llvm::find(cluster.links[link].ends, rank) - cluster.links[link].ends.begin();
    return firstDirection[link] + 2 * end + in;
  }

  Passage passageOf(ScheduledMessage &message) const {
    Passage passage;
    for (const discoc::ClusterStep &step : wayOf(message)) {
      const double bandwidth = bandwidths[step.link];
      const double bytes = static_cast<double>(message.bytes());
      passage.hops.push_back({directionOf(step.link, step.from, false),
                              directionOf(step.link, step.to, true),
                              bandwidth > 0 ? nanoseconds(bytes / bandwidth) : 0});
      passage.latency =
          saturatingSum(passage.latency, nanoseconds(cluster.links[step.link].latency));
    }
    return passage;
  }

  const discoc::Cluster &cluster;
  ArrayRef<std::optional<discoc::Board>> boards;
  std::vector<size_t>
      firstDirection;             // by link: of its first end outwards, inwards, of its next ...
  std::vector<double> bandwidths; // by link
  std::map<std::pair<int64_t, int64_t>, size_t> tcpLinks; // by ranks of the ends
  size_t directions = 0;
};

} // namespace

static discoc::ScheduleEvent eventOf(const Event &event, ClusterSchedule &schedule, bool timed) {
  discoc::ScheduleEvent out;
  out.node = event.rank;
  out.inference = event.inference;
  if (timed) {
    out.startNs = static_cast<int64_t>(event.start);
    out.endNs = static_cast<int64_t>(event.end);
  }
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
  }
  return out;
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

/// More events than these are not listed: reports are for people and pages.
static constexpr size_t kMostEvents = 50'000;

LogicalResult disco::addSchedule(discoc::Report &report, ModuleOp module,
                                 const discoc::Cluster &cluster,
                                 ArrayRef<std::optional<discoc::Board>> boards) {
  FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(module);
  if (failed(schedule))
    return failure();
  ClusterTimes times(cluster, boards);
  bool timed = llvm::all_of(schedule->messages,
                            [&](ScheduledMessage &message) { return times.knowsPassage(message); });
  EngineResult run = runSchedule(*schedule, times.timing(), 1, 1);
  for (auto [rank, node] : llvm::enumerate(schedule->nodes)) {
    bool known = times.knowsComputing(rank, node);
    timed = timed && known;
    if (known && boards[rank] && !boards[rank]->isLinux())
      report.nodes[rank].computeUs = microseconds(run.computing[rank]);
  }
  timed = timed && run.finished.front() > 0;
  auto wire = report.wires.begin();
  for (auto [i, link] : llvm::enumerate(cluster.links))
    if (link.kind != "tcp")
      (wire++)->leastUs = microseconds(times.mostOf(i, run.moving));

  discoc::Events &events = report.schedule.emplace();
  events.inFlight = schedule->inFlight;
  if (timed)
    addInferenceTimes(events, *schedule, times.timing());
  if (run.events.size() > kMostEvents) {
    events.leftOut = static_cast<int64_t>(run.events.size());
    return success();
  }
  llvm::stable_sort(run.events, [](const Event &a, const Event &b) { return a.start < b.start; });
  for (const Event &event : run.events)
    events.events.push_back(eventOf(event, *schedule, timed));
  return success();
}
