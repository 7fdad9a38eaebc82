//===- Times.cpp - how long the steps and messages of a schedule take -----===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Times.h"
#include "codegen/Codegen.h"
#include "compiler/dialect/KernelCall.h"
#include "compiler/dialect/Target.h"
#include "compiler/formats/LinkKind.h"
#include "runtime_stub/disco.h"
#include "runtime_stub/transport/packets.h"
#include "runtime_stub/transport/uart.h"
#include "llvm/ADT/StringMap.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace disco;

static Nanoseconds nanoseconds(double time) {
  constexpr double most = 9e18;
  return time > 0 ? static_cast<Nanoseconds>(std::llround(std::min(time, most))) : 0;
}

static Nanoseconds ofSeconds(double seconds) { return nanoseconds(seconds * 1e9); }

/// What a report says of a time that is not zero is not zero.
static int64_t microseconds(Nanoseconds time) {
  return time ? std::max<int64_t>(static_cast<int64_t>(time / 1000 + (time % 1000 >= 500)), 1) : 0;
}

//===----------------------------------------------------------------------===//
// From the IR
//===----------------------------------------------------------------------===//

static std::string kernelOf(Operation *op) {
  if (KernelAttr chosen = chosenKernel(op))
    return chosen.getName().str();
  auto kernel = dyn_cast<KernelOpInterface>(op);
  if (!kernel)
    return "copy"; // an input or an output
  KernelCall call;
  kernel.describeKernel(call);
  return call.kernel;
}

static discoc::NodeRates ratesOf(NodeAttr node) {
  discoc::NodeRates rates;
  rates.bare = isBare(node);
  rates.clock = clockOf(node);
  for (NamedAttribute entry : node.getTarget().getCycles())
    rates.cycles[entry.getName().str()] = cast<FloatAttr>(entry.getValue()).getValueAsDouble();
  return rates;
}

/// The shortest segment of the kinds of links in use: packets pass from one to the other.
static int64_t segmentOf(ClusterAttr cluster) {
  int64_t least = 0;
  for (auto link : cluster.getLinks().getAsRange<LinkAttr>())
    if (const int64_t own = discoc::findLinkKind(link.getKind().str())->payload; own > 0)
      least = least ? std::min(least, own) : own;
  return least;
}

/// What the packets layer and the link put around what a message carries.
static void addPackets(discoc::LinkRates &entry, const discoc::LinkKind &kind, int64_t segment) {
  entry.segment = segment;
  entry.around = DISCO_PACKET_OVERHEAD +
                 (kind.carries == discoc::Carries::Bytes ? disco_uart_frame(0) : kind.header);
  entry.least = kind.leastFrame;
  entry.header = DISCO_HEADER_SIZE;
}

static discoc::ScheduleRates ratesOf(ClusterAttr cluster, ClusterSchedule &schedule) {
  discoc::ScheduleRates rates;
  for (auto node : cluster.getNodes().getAsRange<NodeAttr>())
    rates.nodes.push_back(ratesOf(node));
  DenseMap<LinkAttr, int32_t> indices;
  const int64_t segment = segmentOf(cluster);
  for (auto link : cluster.getLinks().getAsRange<LinkAttr>()) {
    indices[link] = static_cast<int32_t>(rates.links.size());
    discoc::LinkRates &entry = rates.links.emplace_back();
    entry.packets = !link.getPorts().empty();
    llvm::append_range(entry.ends, link.getEnds().asArrayRef());
    entry.bandwidth = bandwidthOf(cluster, link);
    entry.latency = link.getLatency().getValueAsDouble();
    if (entry.packets)
      addPackets(entry, *discoc::findLinkKind(link.getKind().str()), segment);
  }
  for (const ScheduledMessage &message : schedule.messages) {
    auto [at, isNew] = rates.ways.try_emplace({message.from, message.to});
    if (isNew)
      for (const WayStep &step : wayOf(cluster, message.from, message.to))
        at->second.push_back({indices.lookup(step.link), static_cast<int32_t>(step.from),
                              static_cast<int32_t>(step.to)});
  }
  return rates;
}

FailureOr<TimedSchedule> TimedSchedule::read(ModuleOp module) {
  FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(module);
  if (failed(schedule))
    return failure();
  TimedSchedule timed;
  timed.schedule = std::move(*schedule);
  llvm::StringMap<int32_t> names;
  auto nameOf = [&](const std::string &name) -> int32_t {
    if (name.empty())
      return -1;
    auto [at, isNew] = names.try_emplace(name, static_cast<int32_t>(timed.names.size()));
    if (isNew)
      timed.names.push_back(name);
    return at->second;
  };
  for (NodeSchedule &node : timed.schedule.nodes)
    for (Step &step : node.steps)
      if (step.kind == Step::Kind::Compute) {
        step.work = static_cast<int32_t>(timed.works.size());
        timed.works.push_back(workOf(step.op));
        timed.works.back().kernel = kernelOf(step.op);
        timed.works.back().name = nameOf(opName(step.op));
      }
  for (ScheduledMessage &message : timed.schedule.messages)
    if (Operation *made = message.send.getInputs().front().getDefiningOp())
      message.name = nameOf(opName(made));
  if (auto stages = module->getAttrOfType<ArrayAttr>(kStagesAttr))
    for (auto stage : stages.getAsRange<DictionaryAttr>())
      timed.stages.push_back({stage.getAs<DenseI64ArrayAttr>("nodes").asArrayRef().vec(),
                              nameOf(stage.getAs<StringAttr>("from").str())});
  timed.rates = ratesOf(clusterOf(module), timed.schedule);
  for (auto [node, speed] : llvm::zip(timed.rates.nodes, speedsOf(module)))
    node.speed = speed;
  return timed;
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

/// What one step takes. On a board its multiply-accumulates, at the cycles of one that the board
/// states; on a host what the profile says. Nothing: it is not known.
static std::optional<Nanoseconds> timeOnNode(const discoc::StepWork &work,
                                             const discoc::NodeRates &node,
                                             const discoc::Profile *profile, bool cold) {
  if (profile && !node.bare)
    return nanoseconds(profile->timeOf(work, cold) / node.speed);
  if (work.macs == 0)
    return 0;
  for (const std::string &name : {work.op, work.element})
    if (auto each = node.cycles.find(name);
        each != node.cycles.end() && each->second > 0 && node.clock > 0)
      return ofSeconds(each->second * static_cast<double>(work.macs) / node.clock);
  return std::nullopt;
}

Times::Times(TimedSchedule &timed, const discoc::Profile *profile, Without without)
    : timed(timed), profile(profile), without(without) {
  const std::vector<discoc::NodeRates> &nodes = timed.rates.nodes;
  std::vector<bool> cold;
  for (auto [rank, node] : llvm::enumerate(nodes)) {
    cold.push_back(isCold(rank));
    auto same = llvm::find_if(firstOfKind, [&](int64_t other) {
      return nodes[other] == node && cold[other] == cold[rank];
    });
    kinds.push_back(same - firstOfKind.begin());
    if (same == firstOfKind.end())
      firstOfKind.push_back(static_cast<int64_t>(rank));
  }
  costs.resize(firstOfKind.size());
  for (auto [kind, rank] : llvm::enumerate(firstOfKind))
    for (const discoc::StepWork &work : timed.works)
      costs[kind].push_back(timeOnNode(work, nodes[rank], profile, cold[rank]));
  // First the ports of hosts, one for all streams, outwards and inwards; then the ends of links.
  directions = 2 * nodes.size();
  for (const discoc::LinkRates &link : timed.rates.links) {
    firstDirection.push_back(directions);
    directions += 2 * link.ends.size();
    llvm::DenseMap<int64_t, size_t> &indices = endOf.emplace_back();
    for (auto [index, rank] : llvm::enumerate(link.ends))
      indices[rank] = index;
  }
  for (const auto &[ends, way] : timed.rates.ways)
    routes[ends] = routeOf(way);
}

bool Times::isCold(size_t rank) const {
  if (!profile || profile->cacheBytes == 0)
    return false;
  int64_t bytes = 0;
  for (const Step &step : timed.schedule.nodes[rank].steps)
    if (step.kind == Step::Kind::Compute)
      bytes += timed.works[step.work].weightBytes;
  return bytes > profile->cacheBytes;
}

std::optional<Nanoseconds> Times::stepTime(int64_t rank, int32_t work) const {
  return costs[kinds[rank]][work];
}

Nanoseconds Times::handling(int64_t rank, const Step &step) {
  if (!profile || without.messages || timed.rates.nodes[rank].bare)
    return 0;
  const double bytes = static_cast<double>(timed.schedule.messages[step.message].bytes());
  return nanoseconds((profile->messageNs + profile->messageByteNs * bytes) /
                     timed.rates.nodes[rank].speed);
}

Timing Times::timing() {
  Timing timing;
  timing.compute = [this](int64_t rank, const Step &step) {
    return without.arithmetic ? 0 : stepTime(rank, step.work).value_or(0);
  };
  timing.passage = [this](ScheduledMessage &message) {
    return passageOf(message, message.bytes());
  };
  timing.directions = directions;
  if (!profile)
    return timing;
  timing.handling = [this](int64_t rank, const Step &step) { return handling(rank, step); };
  timing.spin = nanoseconds(profile->spinNs);
  timing.wake = without.messages ? 0 : nanoseconds(profile->wakeNs);
  return timing;
}

size_t Times::directionOf(int32_t index, int64_t rank, bool in) const {
  const discoc::LinkRates &link = timed.rates.links[index];
  if (!link.packets)
    return 2 * static_cast<size_t>(rank) + in;
  if (link.duplex == discoc::LinkRates::Duplex::Bus)
    return firstDirection[index];
  return firstDirection[index] + 2 * endOf[index].lookup(rank) +
         (in && link.duplex == discoc::LinkRates::Duplex::Full);
}

Times::Route Times::routeOf(ArrayRef<discoc::WayHop> way) const {
  Route route;
  for (const discoc::WayHop &step : way) {
    const discoc::LinkRates &link = timed.rates.links[step.link];
    route.hops.push_back({directionOf(step.link, step.from, false),
                          directionOf(step.link, step.to, true), link.bandwidth,
                          static_cast<size_t>(step.link)});
    route.latency = saturatingSum(route.latency, ofSeconds(link.latency));
  }
  return route;
}

const Times::Route &Times::routeOf(const ScheduledMessage &message) const {
  auto route = routes.find({static_cast<int32_t>(message.from), static_cast<int32_t>(message.to)});
  return route == routes.end() ? unknown : route->second;
}

Passage Times::passageOf(const ScheduledMessage &message, int64_t bytes) const {
  const Route &route = routeOf(message);
  Passage passage;
  for (const Route::Hop &hop : route.hops) {
    const bool moves = hop.bandwidth > 0 && !without.bytes;
    const auto sent = static_cast<double>(timed.rates.links[hop.link].wireBytes(bytes));
    passage.hops.push_back({hop.out, hop.in, moves ? ofSeconds(sent / hop.bandwidth) : 0});
  }
  passage.latency = without.messages ? 0 : route.latency;
  return passage;
}

bool Times::knowsComputing(int64_t rank) const {
  return llvm::all_of(timed.schedule.nodes[rank].steps, [&](const Step &step) {
    return step.kind != Step::Kind::Compute || stepTime(rank, step.work);
  });
}

bool Times::knowsPassages() const {
  return llvm::all_of(timed.schedule.messages, [&](const ScheduledMessage &message) {
    ArrayRef<Route::Hop> hops = routeOf(message).hops;
    return !hops.empty() &&
           llvm::all_of(hops, [](const Route::Hop &hop) { return hop.bandwidth > 0; });
  });
}

bool Times::knowsAll() const {
  for (size_t rank = 0; rank < timed.schedule.nodes.size(); ++rank)
    if (!knowsComputing(static_cast<int64_t>(rank)))
      return false;
  return knowsPassages();
}

Nanoseconds Times::mostOf(size_t link, ArrayRef<Nanoseconds> moving) const {
  ArrayRef<Nanoseconds> own =
      moving.slice(firstDirection[link], 2 * timed.rates.links[link].ends.size());
  return *std::max_element(own.begin(), own.end());
}

Nanoseconds Times::busiestOf(int64_t rank, ArrayRef<Nanoseconds> moving) const {
  Nanoseconds most = std::max(moving[2 * rank], moving[2 * rank + 1]);
  for (auto [link, ends] : llvm::enumerate(endOf))
    if (auto at = ends.find(rank); at != ends.end()) {
      const bool isBus = timed.rates.links[link].duplex == discoc::LinkRates::Duplex::Bus;
      const size_t first = firstDirection[link] + (isBus ? 0 : 2 * at->second);
      most = std::max(most, std::max(moving[first], moving[first + (isBus ? 0 : 1)]));
    }
  return most;
}

void disco::stateLinks(TimedSchedule &timed, double bandwidth, double latency) {
  std::vector<discoc::LinkRates> &links = timed.rates.links;
  for (discoc::LinkRates &link : links)
    if (link.bandwidth <= 0) {
      link.bandwidth = bandwidth;
      link.latency = latency;
    }
  const auto index = static_cast<int32_t>(links.size());
  links.push_back({discoc::LinkRates::Duplex::Full, /*packets=*/false, {}, bandwidth, latency});
  for (const ScheduledMessage &message : timed.schedule.messages) {
    const auto from = static_cast<int32_t>(message.from), to = static_cast<int32_t>(message.to);
    if (std::vector<discoc::WayHop> &way = timed.rates.ways[{from, to}]; way.empty())
      way.push_back({index, from, to});
  }
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

discoc::ScheduleEvent disco::eventOf(const Event &event, TimedSchedule &timed, bool hasTimes) {
  discoc::ScheduleEvent out;
  out.node = event.rank;
  out.inference = event.inference;
  if (hasTimes) {
    out.startNs = static_cast<int64_t>(event.start);
    out.endNs = static_cast<int64_t>(event.end);
  }
  if (event.kind == Event::Kind::Compute) {
    const discoc::StepWork &work = timed.works[event.step->work];
    out.op = work.name < 0 ? "disco." + work.op : timed.names[work.name];
    return out;
  }
  ScheduledMessage &message = timed.schedule.messages[event.message];
  out.message = message.number;
  out.kind = discoc::ScheduleEvent::Kind::Wait;
  if (event.kind == Event::Kind::Transfer) {
    out.kind = discoc::ScheduleEvent::Kind::Transfer;
    out.to = message.to;
    out.bytes = message.bytes();
    out.op = message.name < 0 ? "" : timed.names[message.name];
  }
  return out;
}

/// The numbers of ops in their programs, as reports and notes have them.
using StepNumbers = DenseMap<Operation *, int64_t>;

/// None of a schedule that was read from its file.
static StepNumbers stepNumbers(TimedSchedule &timed) {
  StepNumbers numbers;
  for (NodeSchedule &node : timed.schedule.nodes)
    if (node.function)
      for (auto [index, op] : llvm::enumerate(node.function.getBody().front()))
        numbers[&op] = static_cast<int64_t>(index);
  return numbers;
}

void disco::addEvents(discoc::Events &events, std::vector<Event> found, TimedSchedule &timed,
                      bool hasTimes) {
  constexpr size_t mostEvents = 50'000; // reports are for people and pages
  if (found.size() > mostEvents) {
    events.leftOut = static_cast<int64_t>(found.size());
    return;
  }
  llvm::stable_sort(found, [](const Event &a, const Event &b) { return a.start < b.start; });
  // With its step an event takes several lines.
  constexpr size_t mostSteps = 20'000;
  const StepNumbers numbers = found.size() > mostSteps ? StepNumbers() : stepNumbers(timed);
  for (const Event &event : found) {
    events.events.push_back(eventOf(event, timed, hasTimes));
    if (event.step && numbers.count(event.step->op))
      events.events.back().step = numbers.lookup(event.step->op);
  }
}

static void addStages(discoc::Events &events, const TimedSchedule &timed) {
  for (const StageNodes &stage : timed.stages)
    events.stages.push_back(
        {stage.ranks, stage.name < 0 ? "" : timed.names[stage.name], /*busyNs=*/0, /*linkNs=*/0});
}

/// What one inference takes of nodes and stages.
static void addLoads(discoc::Events &events, TimedSchedule &timed, Times &times,
                     const EngineResult &run) {
  for (size_t rank = 0; rank < timed.schedule.nodes.size(); ++rank)
    events.nodes.push_back(
        {static_cast<int64_t>(saturatingSum(run.computing[rank], run.handling[rank])),
         static_cast<int64_t>(times.busiestOf(static_cast<int64_t>(rank), run.moving))});
  addStages(events, timed);
  for (discoc::StageLoad &load : events.stages) {
    for (int64_t rank : load.nodes) {
      load.busyNs = std::max(load.busyNs, events.nodes[rank].busyNs);
      load.linkNs = std::max(load.linkNs, events.nodes[rank].linkNs);
    }
  }
}

void disco::addInferenceTimes(discoc::Events &events, TimedSchedule &timed, Times &times) {
  // Until as many as may be in flight have ended it is not as it will be.
  const int64_t first = timed.schedule.inFlight - 1, last = first + 3 * timed.schedule.inFlight;
  const Timing timing = times.timing();
  std::vector<Nanoseconds> finished = runSchedule(timed.schedule, timing, last + 1, 0).finished;
  const EngineResult alone = runSchedule(timed.schedule, timing, 1, 0);
  events.latencyNs = static_cast<int64_t>(alone.finished.front());
  addLoads(events, timed, times, alone);
  events.periodNs = static_cast<int64_t>((finished[last] - finished[first]) / (last - first));
  Timing apart = timing;
  apart.overlap = false;
  events.sequentialNs =
      static_cast<int64_t>(runSchedule(timed.schedule, apart, 1, 0).finished.front());
  if (timed.hasDependencies())
    events.chainNs = static_cast<int64_t>(longestChain(timed.schedule, timing));
}

/// Messages one behind another: the longest chain where each takes one nanosecond, and nothing else
/// takes any.
int64_t disco::exchangePoints(ClusterSchedule &schedule) {
  Timing timing;
  timing.passage = [](ScheduledMessage &message) {
    Passage passage;
    passage.latency = handsOver(message.send) ? 0 : 1;
    return passage;
  };
  return static_cast<int64_t>(longestChain(schedule, timing));
}

/// A prediction is no promise: to fall asleep just before a message comes takes longer than to spin
/// twice as long. No spin is longer than a sleep and the wake-up from it.
static uint8_t spinFor(Nanoseconds predicted) {
  constexpr Nanoseconds least = 5, most = 50;
  return static_cast<uint8_t>(std::min(2 * ((predicted + 999) / 1000) + least, most));
}

FailureOr<SpinBounds> disco::spinBounds(ModuleOp module) {
  FailureOr<TimedSchedule> timed = TimedSchedule::read(module);
  if (failed(timed))
    return failure();
  Times times(*timed, /*profile=*/nullptr);
  SpinBounds bounds; // waits of inferences that overlap are not those of one alone
  if (!times.knowsAll() || timed->schedule.inFlight > 1)
    return bounds;
  ClusterAttr cluster = clusterOf(module);
  EngineResult run = runSchedule(timed->schedule, times.timing(), 1, 1);
  for (ScheduledMessage &message : timed->schedule.messages)
    if (!isBare(cluster.getNode(message.to)))
      bounds[message.number] = spinFor(0);
  for (const Event &event : run.events)
    if (event.kind == Event::Kind::Wait) {
      const ScheduledMessage &message = timed->schedule.messages[event.message];
      auto bound = bounds.find(message.number);
      if (event.rank == message.to && bound != bounds.end())
        bound->second = spinFor(event.end - event.start);
    }
  return bounds;
}

LogicalResult disco::addSchedule(discoc::Report &report, ModuleOp module) {
  ClusterAttr cluster = clusterOf(module);
  FailureOr<TimedSchedule> timed = TimedSchedule::read(module);
  if (failed(timed))
    return failure();
  ClusterSchedule &schedule = timed->schedule;
  const FailureOr<std::optional<discoc::Profile>> stated = profileOf(module);
  if (failed(stated))
    return failure();
  Times times(*timed, *stated ? &**stated : nullptr);
  EngineResult run = runSchedule(schedule, times.timing(), 1, 1);
  for (size_t rank = 0; rank < schedule.nodes.size(); ++rank)
    if (isBare(cluster.getNode(static_cast<int64_t>(rank))) &&
        times.knowsComputing(static_cast<int64_t>(rank)))
      report.nodes[rank].computeUs = microseconds(run.computing[rank]);
  auto wire = report.wires.begin();
  for (auto [index, link] : llvm::enumerate(timed->rates.links))
    if (link.packets)
      (wire++)->leastUs = microseconds(times.mostOf(index, run.moving));

  const bool isTimed = times.knowsAll() && run.finished.front() > 0;
  discoc::Events &events = report.schedule.emplace();
  events.inFlight = schedule.inFlight;
  events.exchangePoints = exchangePoints(schedule);
  if (isTimed)
    addInferenceTimes(events, *timed, times);
  else
    addStages(events, *timed);
  addEvents(events, std::move(run.events), *timed, isTimed);
  return success();
}
