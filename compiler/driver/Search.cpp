//===- Search.cpp - which division of a model is best ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// First every number of nodes by every strategy; then moves from the best, one after the other, as
// long as one helps. How many moves are tried hangs on the program's size alone, never on a clock.
#include "compiler/driver/Search.h"
#include "compiler/driver/Fit.h"
#include "compiler/driver/PipelineBound.h"
#include "compiler/driver/PlanChoice.h"
#include "compiler/driver/Regroup.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/PlanPins.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/StringMap.h"
#include <numeric>
#include <set>

using namespace mlir;
using namespace disco;

/// Shares of all nodes together are about so many: the finest step of a share.
static constexpr int64_t kShareParts = 64;
/// Layers of all nodes that the local search divides, all candidates together: half a minute of a
/// processor.
static constexpr int64_t kMostWork = 40'000;

std::optional<Objective> disco::objectiveOf(StringRef name) {
  return llvm::StringSwitch<std::optional<Objective>>(name)
      .Case("latency", Objective::Latency)
      .Case("throughput", Objective::Throughput)
      .Case("memory", Objective::Memory)
      .Case("bytes", Objective::Bytes)
      .Case("energy", Objective::Energy)
      .Default(std::nullopt);
}

std::optional<int64_t> disco::valueOf(const Tried &tried, Objective objective) {
  switch (objective) {
  case Objective::Latency: return tried.latencyNs;
  case Objective::Throughput: return tried.periodNs;
  case Objective::Memory: return tried.memoryBytes;
  case Objective::Bytes: return tried.exchangedBytes;
  case Objective::Energy: return tried.energyUj;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// One candidate
//===----------------------------------------------------------------------===//

/// The layers' shares, and the time of each by the events of one inference.
static std::vector<TriedLayer> layersOf(const discoc::Report &report, TimedSchedule &timed,
                                        ArrayRef<Event> events) {
  llvm::StringMap<std::vector<int64_t>> times; // by op, then by rank
  for (const Event &event : events)
    if (event.kind == Event::Kind::Compute) {
      const int32_t name = timed.works[event.step->work].name;
      if (name < 0)
        continue;
      std::vector<int64_t> &own = times[timed.names[name]];
      own.resize(report.nodes.size(), 0);
      own[event.rank] += static_cast<int64_t>(event.end - event.start);
    }
  std::vector<TriedLayer> layers;
  for (const discoc::LayerReport &layer : report.layers) {
    TriedLayer &entry = layers.emplace_back();
    entry.op = layer.op;
    entry.channels.resize(report.nodes.size(), 0);
    entry.receivedBytes = layer.received.sum();
    for (const discoc::LayerShare &share : layer.nodes)
      entry.channels[share.rank] = share.channels;
    if (const auto at = times.find(layer.op); at != times.end())
      entry.computeNs = *std::max_element(at->second.begin(), at->second.end());
  }
  return layers;
}

/// Every board computes, or waits until the inference has ended everywhere. Nothing where a board
/// does not say what it takes.
static std::optional<int64_t> energyOf(const discoc::Cluster &cluster, int64_t latencyNs,
                                       ArrayRef<Nanoseconds> computing) {
  constexpr double microjoules = 1e-3; // a watt for a nanosecond
  double sum = 0;
  for (auto [rank, busy] : llvm::enumerate(computing)) {
    const discoc::Board *board = cluster.boardOf(static_cast<int64_t>(rank));
    if (!board || board->energySource.empty())
      return std::nullopt;
    const auto active = static_cast<double>(busy);
    sum += active * board->activeW + (static_cast<double>(latencyNs) - active) * board->waitingW;
  }
  return std::llround(sum * microjoules);
}

static void addTimes(Tried &tried, Divided &divided, const SearchOptions &options) {
  stateLinks(divided.timed, options.bandwidth, options.latency);
  Times times(divided.timed, &options.profile);
  if (!times.knowsAll())
    return;
  discoc::Events events;
  addInferenceTimes(events, divided.timed, times);
  tried.latencyNs = events.latencyNs;
  tried.periodNs = events.periodNs;
  tried.chainNs = events.chainNs;
  Times free(divided.timed, &options.profile, {false, /*bytes=*/true, /*messages=*/true});
  tried.withoutExchangeNs = static_cast<int64_t>(
      runSchedule(divided.timed.schedule, free.timing(), 1, 0).finished.front());
  const EngineResult run = runSchedule(divided.timed.schedule, times.timing(), 1, 1);
  tried.energyUj = energyOf(tried.way.cluster, events.latencyNs.value_or(0), run.computing);
  tried.layers = layersOf(divided.report, divided.timed, run.events);
}

/// The first one begins with the program.
static std::vector<discoc::PlannedStage> stagesOf(const TimedSchedule &timed) {
  std::vector<discoc::PlannedStage> stages;
  for (const StageNodes &stage : timed.stages)
    stages.push_back(
        {stage.ranks, stages.empty() || stage.name < 0 ? "" : timed.names[stage.name]});
  return stages;
}

/// Fills in what comes out.
static void measure(Tried &tried, Divided &divided, const SearchOptions &options) {
  const discoc::Report &report = divided.report;
  tried.fits = divided.fits();
  tried.cover = divided.cover;
  tried.exchangedBytes = report.cluster.exchanged.bytes;
  tried.exchangePoints = exchangePoints(divided.timed.schedule);
  tried.weightBytes = report.largestNode.weightBytes;
  tried.arenaBytes = report.largestNode.arenaBytes;
  for (const discoc::NodeReport &node : report.nodes)
    tried.memoryBytes = std::max(tried.memoryBytes, node.weightBytes + node.arenaBytes);
  tried.masked = !tried.way.dense && report.oneNode.macs < report.denseGather.macs;
  tried.stages = stagesOf(divided.timed);
  addTimes(tried, divided, options);
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

namespace {

class Search {
public:
  Search(LoadedModel &loaded, const SearchOptions &options, discoc::Activity &activity)
      : divider(loaded), model(*loaded.model), options(options), activity(activity) {}

  std::optional<SearchResult> run() {
    const std::optional<int64_t> statedFor = statedNodes(options.model);
    if (!statedFor || !findWhole())
      return std::nullopt;
    stated = *statedFor;
    readMetadata();
    if (!measureNodes() || !tryAll())
      return std::nullopt;
    choose();
    if (result.chosen && !improve())
      return std::nullopt;
    return std::move(result);
  }

private:
  bool hasFile() const { return !options.model.cluster.empty(); }

  /// All nodes that there are.
  bool findWhole() {
    discoc::ModelOptions all = options.model;
    all.nodes = hasFile() ? 0 : options.most;
    discoc::Diagnostics ignored;
    if (!all.board.empty())
      if (const auto board = discoc::readBoard(all.board, ignored))
        all.nodes = std::min(all.nodes, discoc::mostOf(*board).value_or(all.nodes));
    std::optional<discoc::Cluster> cluster = findCluster(all);
    if (!cluster)
      return false;
    whole = std::move(*cluster);
    for (const discoc::ClusterNode &node : whole.nodes)
      result.nodeNames.push_back(node.name);
    if (options.objective == Objective::Energy && !knowsEnergy())
      return false;
    most = std::min(options.most, static_cast<int64_t>(whole.nodes.size()));
    return true;
  }

  /// False after an error on standard error.
  bool knowsEnergy() const {
    for (size_t rank = 0; rank < whole.nodes.size(); ++rank) {
      const discoc::Board *board = whole.boardOf(static_cast<int64_t>(rank));
      if (board && !board->energySource.empty())
        continue;
      printError("--objective energy: nobody says what " + quoted(whole.nodes[rank].name) +
                 (board ? ", a board " + board->name + "," : ", a host,") +
                 " takes: [energy] of board.toml does, with its source; take latency, throughput, "
                 "memory or bytes");
      return false;
    }
    return true;
  }

  /// Of the nodes those that take part, in the order in which they join: the roots, then the
  /// fastest first.
  std::vector<int64_t> order() const {
    std::vector<int64_t> ranks(whole.nodes.size());
    std::iota(ranks.begin(), ranks.end(), 0);
    auto isRoot = [&](int64_t rank) {
      return rank == whole.root.inputAt || rank == whole.root.outputAt;
    };
    llvm::stable_sort(ranks, [&](int64_t a, int64_t b) {
      return std::make_tuple(!isRoot(a), timeAlone(a)) < std::make_tuple(!isRoot(b), timeAlone(b));
    });
    return ranks;
  }
  int64_t timeAlone(int64_t rank) const {
    return result.oneNodeNs.empty() ? 0 : result.oneNodeNs[rank];
  }

  /// The fewest nodes that can compute anything.
  int64_t fewest() const { return rootCount() + (whole.root.compute ? 0 : 1); }
  int64_t rootCount() const { return whole.root.inputAt == whole.root.outputAt ? 1 : 2; }

  std::vector<int64_t> firstOf(int64_t nodes) const {
    std::vector<int64_t> ranks = order();
    ranks.resize(nodes);
    llvm::sort(ranks);
    return ranks;
  }

  /// A candidate; nothing where these nodes cannot work without the others.
  std::optional<Tried> candidate(std::vector<int64_t> ranks, const std::string &strategy) const {
    Tried tried;
    tried.ranks = std::move(ranks);
    tried.name = tried.nodes() == 1 ? "one node" : strategy;
    tried.way.options = optionsFor(options.model, tried.nodes(), stated);
    tried.way.options.strategy = strategy;
    tried.way.explain = options.explain;
    discoc::Diagnostics ignored;
    std::optional<discoc::Cluster> cluster =
        hasFile() || !whole.hasPackets()
            ? partOf(whole, tried.ranks, options.model.cluster, ignored)
            : findCluster(tried.way.options);
    if (!cluster)
      return std::nullopt;
    tried.way.cluster = std::move(*cluster);
    return tried;
  }

  /// Divides it so and notes what comes out. False after errors on standard error.
  bool tryOut(Tried tried) {
    if (tried.nodes() > 1 && llvm::all_of(tried.way.shares, [&](int64_t share) {
          return share == tried.way.shares.front();
        }))
      tried.way.shares.clear();
    if (!known.insert(keyOf(tried)).second)
      return true;
    std::optional<Divided> divided = divider.divide(tried.way);
    if (!divided)
      return false;
    measure(tried, *divided, options);
    work += static_cast<int64_t>(tried.layers.size()) * tried.nodes();
    result.tried.push_back(std::move(tried));
    return true;
  }

  static std::string keyOf(const Tried &tried) {
    std::string key = tried.way.options.strategy + (tried.way.dense ? "/dense" : "") +
                      (tried.way.options.featuresOnly ? "/features" : "") +
                      (tried.way.isolated ? "/isolated" : "") +
                      (tried.way.pins ? "/" + std::to_string(tried.way.pins->stages.size()) : "");
    for (int64_t rank : tried.ranks)
      key += " " + std::to_string(rank);
    for (int64_t share : tried.way.shares)
      key += ":" + std::to_string(share);
    return key;
  }

  /// What all arithmetic takes on every node alone: from the program of one node, at each one's
  /// speed.
  bool measureNodes() {
    activity.at("one node");
    std::optional<Tried> alone =
        candidate(firstOf(fewest()), fewest() == 1 ? defaultStrategy() : "root");
    if (!alone)
      return false;
    std::optional<Divided> divided = divider.divide(alone->way);
    std::optional<Divided> all = divideAll();
    if (!divided || !all)
      return false;
    const int64_t rank = computingAlone(alone->way.cluster.root);
    PipelineBound bound(*divided, rank);
    for (const discoc::NodeRates &rates : all->timed.rates.nodes) {
      divided->timed.rates.nodes[rank] = rates;
      Times times(divided->timed, &options.profile);
      if (!times.knowsComputing(rank))
        return noteUnknown();
      const EngineResult run = runSchedule(divided->timed.schedule, times.timing(), 1, 0);
      result.oneNodeNs.push_back(static_cast<int64_t>(run.computing[rank]));
      if (!bound.addNode(rates, options.profile))
        return noteUnknown();
    }
    boundPipelines(bound);
    return true;
  }

  void boundPipelines(const PipelineBound &bound) {
    auto bandwidth = [&](int64_t from, int64_t to) {
      for (const discoc::ClusterLink &link : whole.links)
        if (link.bandwidth > 0 && llvm::is_contained(link.ends, from) &&
            llvm::is_contained(link.ends, to))
          return link.bandwidth;
      return options.bandwidth;
    };
    for (int64_t nodes = std::max<int64_t>(options.least, 2); nodes <= most; ++nodes) {
      if (options.model.inFlight == 1 || whole.hasPackets())
        continue;
      const std::vector<int64_t> ranks = firstOf(nodes);
      std::vector<int64_t> order; // of those that compute, as evenStages has them
      discoc::Diagnostics ignored;
      const std::optional<discoc::Cluster> cluster =
          partOf(whole, ranks, options.model.cluster, ignored);
      const int64_t computing = nodes - (whole.root.compute ? 0 : rootCount());
      if (!cluster || computing < 1)
        continue;
      for (const discoc::PlannedStage &stage : evenStages(*cluster, computing))
        order.push_back(ranks[stage.nodes.front()]);
      if (const std::optional<int64_t> least = bound.leastOf(order, bandwidth))
        result.pipelineNs[nodes] = *least;
    }
  }

  /// Of the fewest nodes the one that has all arithmetic.
  int64_t computingAlone(const discoc::RootPlacement &root) const {
    for (int64_t rank = 0; !root.compute && rank < fewest(); ++rank)
      if (rank != root.inputAt && rank != root.outputAt)
        return rank;
    return root.inputAt;
  }

  bool noteUnknown() {
    result.oneNodeNs.clear();
    return true;
  }

  std::optional<Divided> divideAll() {
    std::vector<int64_t> ranks(whole.nodes.size());
    std::iota(ranks.begin(), ranks.end(), 0);
    std::optional<Tried> all = candidate(ranks, "root");
    if (!all)
      return std::nullopt;
    all->way.dense = true; // only the nodes are looked at
    all->way.options.masks.clear();
    return divider.divide(all->way);
  }

  static std::string defaultStrategy() { return strategies().front().name.str(); }

  /// As fast as its node is; empty where all are alike, or nothing is known.
  std::vector<int64_t> sharesBySpeed(ArrayRef<int64_t> ranks) const {
    if (result.oneNodeNs.empty() || ranks.size() < 2)
      return {};
    double sum = 0;
    std::vector<double> speeds;
    for (int64_t rank : ranks) {
      speeds.push_back(1 / static_cast<double>(std::max<int64_t>(result.oneNodeNs[rank], 1)));
      sum += speeds.back();
    }
    std::vector<int64_t> shares;
    for (double speed : speeds)
      shares.push_back(std::llround(speed / sum * static_cast<double>(partsFor(ranks.size()))));
    return shares;
  }

  static int64_t partsFor(size_t nodes) {
    return std::max<int64_t>(kShareParts, 4 * static_cast<int64_t>(nodes));
  }

  /// For which numbers of nodes the model itself has masks or owner maps.
  void readMetadata() {
    const std::map<std::string, std::string> &metadata = model.metadata;
    discoc::Diagnostics ignored; // faults are said where they are used
    if (auto at = metadata.find(discoc::metadataMasks); at != metadata.end())
      if (auto masks = discoc::parseMasks(at->second, "", std::nullopt, ignored)) {
        ofModel.insert(masks->nodes);
        maskedFor = masks->nodes;
      }
    if (auto at = metadata.find(discoc::metadataOwners); at != metadata.end())
      if (auto owners = discoc::parseOwners(at->second, "", std::nullopt, ignored))
        ofModel.insert(owners->nodes);
  }

  /// Whether masks or owner maps say who has what of so many nodes: no shares are free then.
  bool isStated(int64_t nodes) const {
    return stated == nodes || ofModel.count(nodes) != 0 || options.model.ownerMap == 1;
  }

  bool isMasked(int64_t nodes) const {
    return nodes > 1 && nodes == (options.model.masks.empty() ? maskedFor : stated);
  }

  bool tryAll() {
    for (int64_t nodes = std::max(options.least, fewest()); nodes <= most; ++nodes) {
      if (stated != 0 && nodes != 1 && nodes != stated)
        continue;
      if (!tryNodes(nodes))
        return false;
    }
    return true;
  }

  bool tryNodes(int64_t nodes) {
    for (const StrategyInfo &strategy : strategies()) {
      if (nodes > 1 && strategy.name == "root" && fewest() == 1)
        continue; // that is one node
      if (isMasked(nodes) && strategy.name != defaultStrategy())
        continue; // masks name channels of the nodes that own them by default
      activity.at(std::to_string(nodes) + " of at most " + std::to_string(most) + " nodes, " +
                      strategy.name.str(),
                  static_cast<double>(nodes - 1) / static_cast<double>(2 * most));
      std::optional<Tried> first = candidate(firstOf(nodes), strategy.name.str());
      if (!first)
        return true;
      if (!tryOut(*first))
        return false;
      if (nodes == 1)
        return !options.withRest || tryOthers(*first);
      if (strategy.name == defaultStrategy() && !tryVariants(*first))
        return false;
      if (strategy.name == "stages" && options.model.inFlight > 1 && !tryPipelines(*first))
        return false;
    }
    return tryRegrouped(nodes);
  }

  /// Stages of several nodes, as many each, where inferences overlap.
  bool tryPipelines(const Tried &chain) {
    const auto computing =
        static_cast<size_t>(chain.nodes() - (whole.root.compute ? 0 : rootCount()));
    for (size_t stages = 2; stages < computing; ++stages) {
      if (computing % stages != 0)
        continue;
      Tried mixed = chain;
      discoc::PinnedPlan plan;
      plan.nodes = mixed.nodes();
      plan.stages = evenStages(mixed.way.cluster, stages);
      mixed.way.pins = std::make_shared<discoc::PinnedPlan>(std::move(plan));
      mixed.name = std::to_string(stages) + " stages";
      if (!tryOut(std::move(mixed)))
        return false;
    }
    return true;
  }

  /// Masks of the model that are for another number of nodes leave zeros between the channels of
  /// its owners: those of one owner stay together, or are dealt to several nodes.
  bool tryRegrouped(int64_t nodes) {
    const int64_t made = ofModel.empty() ? 0 : *ofModel.begin();
    if (made < 2 || ofModel.count(nodes) || stated != 0 || (made % nodes && nodes % made))
      return true;
    std::optional<Tried> base = candidate(firstOf(nodes), defaultStrategy());
    const std::optional<discoc::Plan> plan = base ? planFor(made) : std::nullopt;
    if (!plan)
      return !base;
    base->name += ", as for " + std::to_string(made);
    if (nodes > made)
      return tryPinned(*base, {splitUp(*plan, nodes / made)});
    constexpr size_t mostGroupings = 40;
    std::vector<std::vector<discoc::Pin>> ways;
    for (const std::vector<int64_t> &groupOf : groupings(made, nodes, mostGroupings))
      ways.push_back(regrouped(*plan, groupOf, nodes));
    return tryPinned(*base, std::move(ways));
  }

  /// What the model's own masks and owner maps are for.
  std::optional<discoc::Plan> planFor(int64_t nodes) {
    Way way;
    way.options = optionsFor(options.model, nodes, stated);
    way.options.cluster.clear();
    way.options.board.clear();
    way.cluster = discoc::defaultCluster(nodes);
    return divider.plan(way);
  }

  /// The best of several sets of pins becomes a candidate.
  bool tryPinned(const Tried &base, std::vector<std::vector<discoc::Pin>> ways) {
    std::optional<Tried> best;
    for (std::vector<discoc::Pin> &pins : ways) {
      Tried tried = base;
      discoc::PinnedPlan plan;
      plan.nodes = base.nodes();
      plan.tensors = std::move(pins);
      tried.way.pins = std::make_shared<discoc::PinnedPlan>(std::move(plan));
      tried.way.pinsFile = options.model.model;
      std::optional<Divided> divided = divider.divide(tried.way);
      if (!divided)
        return false;
      measure(tried, *divided, options);
      if (!best || isBetter(tried, *best))
        best = std::move(tried);
    }
    if (best)
      result.tried.push_back(std::move(*best));
    return true;
  }

  /// Of the default strategy: shares by speed, no partial sums, and what is only compared with.
  bool tryVariants(const Tried &equal) {
    Tried fast = equal;
    fast.way.shares = isStated(equal.nodes()) ? std::vector<int64_t>{} : sharesBySpeed(equal.ranks);
    Tried features = equal;
    features.way.options.featuresOnly = true;
    features.name += ", features only";
    return tryOut(std::move(fast)) && tryOut(std::move(features)) &&
           (!options.withRest || tryOthers(equal));
  }

  bool tryOthers(const Tried &equal) {
    Tried gather = equal, hybrid = equal, isolated = equal;
    gather.isChoice = hybrid.isChoice = isolated.isChoice = false;
    for (Tried *dense : {&gather, &hybrid}) {
      dense->way.dense = true;
      dense->way.options.masks.clear();
    }
    gather.way.options.featuresOnly = true;
    gather.name = "dense gather";
    hybrid.name = "dense hybrid";
    isolated.way.isolated = true;
    isolated.way.options.masks.clear();
    isolated.name = "channel groups";
    if (equal.nodes() == 1) {
      gather.name = "one node, dense";
      return tryOut(std::move(gather));
    }
    return tryOut(std::move(gather)) && tryOut(std::move(hybrid)) && tryOut(std::move(isolated));
  }

  /// What is compared: the objective, then the latency, then fewer nodes.
  using Value = std::array<int64_t, 3>;
  std::optional<Value> worth(const Tried &tried) const {
    const std::optional<int64_t> value = valueOf(tried, options.objective);
    const bool late = options.deadlineNs &&
                      tried.latencyNs.value_or(*options.deadlineNs + 1) > *options.deadlineNs;
    if (!tried.isChoice || !tried.fits || !value || late)
      return std::nullopt;
    return Value{*value, tried.latencyNs.value_or(0), tried.nodes()};
  }

  void choose() {
    std::optional<Value> least;
    for (auto [index, tried] : llvm::enumerate(result.tried))
      if (std::optional<Value> value = worth(tried); value && (!least || *value < *least)) {
        least = value;
        result.chosen = index;
      }
    if (result.oneNodeNs.empty())
      return;
    double speed = 0;
    for (int64_t rank : firstOf(most))
      speed += 1 / static_cast<double>(std::max<int64_t>(result.oneNodeNs[rank], 1));
    result.leastNs = static_cast<int64_t>(1 / speed);
  }

  //===--------------------------------------------------------------------===//
  // Moves
  //===--------------------------------------------------------------------===//

  /// Candidates one move away from another.
  std::vector<Tried> movesFrom(const Tried &from) const {
    std::vector<Tried> moves;
    if (from.nodes() < 2)
      return moves;
    for (int64_t rank : from.ranks) { // leave a node out
      std::vector<int64_t> left;
      llvm::copy_if(from.ranks, std::back_inserter(left),
                    [&](int64_t other) { return other != rank; });
      const bool isRoot = rank == whole.root.inputAt || rank == whole.root.outputAt;
      if (isRoot || stated != 0 || static_cast<int64_t>(left.size()) < options.least)
        continue;
      if (std::optional<Tried> without = candidate(left, from.way.options.strategy)) {
        without->way.options.featuresOnly = from.way.options.featuresOnly;
        if (from.way.options.strategy == defaultStrategy() && !isStated(without->nodes()))
          without->way.shares = sharesBySpeed(left);
        without->name = left.size() > 1 ? from.name : without->name;
        moves.push_back(std::move(*without));
      }
    }
    if (from.way.options.strategy == defaultStrategy() && !isStated(from.nodes()) && !from.way.pins)
      addShifts(from, moves);
    return moves;
  }

  /// A sixteenth of everything, or a quarter of that, from one node to another.
  static void addShifts(const Tried &from, std::vector<Tried> &moves) {
    const size_t nodes = from.ranks.size();
    const int64_t parts = partsFor(nodes);
    std::vector<int64_t> shares = from.way.shares;
    if (shares.empty())
      shares.assign(nodes, parts / static_cast<int64_t>(nodes));
    for (const int64_t step : {parts / 16, parts / 64})
      for (size_t a = 0; a < nodes; ++a)
        for (size_t b = 0; b < nodes; ++b) {
          if (a == b || step < 1 || shares[a] <= step)
            continue;
          Tried &moved = moves.emplace_back(from);
          moved.way.shares = shares;
          moved.way.shares[a] -= step;
          moved.way.shares[b] += step;
        }
  }

  /// Takes the first move that helps, from where the last one left off.
  bool improve() {
    const int64_t before = work;
    bool better = true;
    while (better && work - before < kMostWork) {
      better = false;
      const Tried from = result.tried[*result.chosen];
      for (Tried &move : movesFrom(from)) {
        if (work - before >= kMostWork)
          break;
        activity.at("move " + std::to_string(result.movesTried + 1) + ", the best takes " +
                        std::to_string(from.latencyNs.value_or(0) / 1000) + " us",
                    0.5 + static_cast<double>(work - before) / (2.0 * kMostWork));
        const size_t count = result.tried.size();
        if (!tryOut(std::move(move)))
          return false;
        result.movesTried += static_cast<int64_t>(result.tried.size() - count);
        if (result.tried.size() > count && isBetter(result.tried.back(), from)) {
          result.chosen = result.tried.size() - 1;
          ++result.improvedBy;
          better = true;
          break;
        }
      }
    }
    return true;
  }

  bool isBetter(const Tried &move, const Tried &than) const {
    const std::optional<Value> a = worth(move), b = worth(than);
    return a && b && *a < *b;
  }

  Divider divider;
  const discoc::importer::Model &model;
  const SearchOptions &options;
  discoc::Activity &activity;
  discoc::Cluster whole;
  int64_t most = 1, stated = 0, maskedFor = 0, work = 0;
  std::set<std::string> known;
  std::set<int64_t> ofModel;
  SearchResult result;
};

} // namespace

std::optional<SearchResult> disco::search(LoadedModel &loaded, const SearchOptions &options,
                                          discoc::Activity &activity) {
  return ::Search(loaded, options, activity).run();
}
