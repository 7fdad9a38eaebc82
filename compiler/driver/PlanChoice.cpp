//===- PlanChoice.cpp - divisions that are found before they are compiled -===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/PlanChoice.h"
#include "compiler/driver/Partition.h"
#include "compiler/formats/PlanPins.h"
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

bool disco::asksForChoice(const discoc::ModelOptions &options) {
  return options.strategy == kAutoStrategy || options.stages > 0 ||
         discoc::isPinnedPlan(options.plan);
}

/// The plan in full, and what goes with it.
static std::optional<PlanChoice> choiceOf(Divider &divider, const Way &way) {
  std::optional<discoc::Plan> plan = divider.plan(way);
  if (!plan)
    return std::nullopt;
  PlanChoice choice{way.options, way.cluster, std::move(*plan), ""};
  choice.options.strategy.clear();
  choice.options.plan.clear();
  choice.options.stages = 0;
  return choice;
}

//===----------------------------------------------------------------------===//
// --strategy auto
//===----------------------------------------------------------------------===//

static std::optional<PlanChoice> searchPlan(LoadedModel &loaded,
                                            const discoc::ModelOptions &options) {
  Partition partition;
  SearchOptions &search = partition.options;
  search.model = options;
  search.model.strategy.clear();
  constexpr int64_t vectorBytes = 32;
  std::optional<discoc::Profile> profile = findProfile(options.profile, vectorBytes);
  std::optional<discoc::Cluster> cluster = findCluster(options); // whether -n is the file's
  if (!profile || !cluster)
    return std::nullopt;
  search.profile = std::move(*profile);
  search.most = static_cast<int64_t>(cluster->nodes.size());
  search.bandwidth = kAssumedBandwidth;
  search.latency = kAssumedLatency;
  partition.assumesLinks = true;
  discoc::Activity activity("looking for the best division");
  std::optional<SearchResult> found = disco::search(loaded, search, activity);
  if (!found)
    return std::nullopt;
  partition.result = std::move(*found);
  if (!partition.result.chosen) {
    printError(options.model + ": " + whyNothing(partition));
    return std::nullopt;
  }
  Divider divider(loaded);
  std::optional<PlanChoice> choice =
      choiceOf(divider, partition.result.tried[*partition.result.chosen].way);
  if (choice)
    choice->text = chosenText(partition);
  return choice;
}

//===----------------------------------------------------------------------===//
// A plan in TOML
//===----------------------------------------------------------------------===//

/// The ranks that take part. Nothing after an error on standard error.
static std::optional<std::vector<int64_t>>
ranksOf(const discoc::Cluster &cluster, const discoc::PinnedPlan &plan, const std::string &file) {
  std::vector<int64_t> ranks;
  std::string names;
  std::vector<std::string> unknown = plan.leaveOut;
  for (auto [index, node] : llvm::enumerate(cluster.nodes)) {
    const auto rank = static_cast<int64_t>(index);
    names += (names.empty() ? "" : ", ") + node.name;
    llvm::erase(unknown, node.name);
    if (!llvm::is_contained(plan.leaveOut, node.name)) {
      ranks.push_back(rank);
    } else if (rank == cluster.root.inputAt || rank == cluster.root.outputAt) {
      printError(file + ": leave_out: " + quoted(node.name) +
                 " is given the inputs or returns the outputs; [root] of the cluster file says who "
                 "does");
      return std::nullopt;
    }
  }
  if (!unknown.empty()) {
    printError(file + ": leave_out: there is no node " + quoted(unknown.front()) +
               "; the nodes are " + names);
    return std::nullopt;
  }
  if (static_cast<int64_t>(ranks.size()) != plan.nodes) {
    printError(file + ": the plan is for " + Twine(plan.nodes) + " nodes, and " +
               Twine(ranks.size()) + " take part; leave_out names those that do not");
    return std::nullopt;
  }
  return ranks;
}

static std::optional<Way> wayOf(const discoc::ModelOptions &options,
                                const discoc::PinnedPlan &plan) {
  if (!plan.strategy.empty() && !createStrategy(plan.strategy)) {
    printError(options.plan + ": there is no strategy " + quoted(plan.strategy) +
               "; the strategies are " + strategyNames());
    return std::nullopt;
  }
  const bool isDefault = plan.strategy.empty() || plan.strategy == strategies().front().name;
  auto isEverywhere = [](const discoc::Pin &pin) { return pin.why.has_value(); };
  if (!isDefault &&
      (llvm::any_of(plan.tensors, isEverywhere) || llvm::any_of(plan.ops, isEverywhere))) {
    printError(options.plan + ": everywhere: the strategy " + quoted(plan.strategy) +
               " lets no node compute what another one does; take " + strategies().front().name +
               ", or state node");
    return std::nullopt;
  }
  Way way;
  way.options = options;
  way.options.plan.clear();
  way.options.stages = 0;
  way.options.strategy = plan.strategy;
  way.options.featuresOnly |= plan.featuresOnly;
  if (options.cluster.empty() && options.nodes == 0)
    way.options.nodes = plan.nodes;
  std::optional<discoc::Cluster> whole = findCluster(way.options);
  if (!whole)
    return std::nullopt;
  const std::optional<std::vector<int64_t>> ranks = ranksOf(*whole, plan, options.plan);
  if (!ranks)
    return std::nullopt;
  discoc::Diagnostics errors;
  std::optional<discoc::Cluster> part = partOf(*whole, *ranks, options.cluster, errors);
  llvm::errs() << discoc::toString(errors);
  if (!part)
    return std::nullopt;
  way.cluster = std::move(*part);
  way.options.nodes = plan.nodes;
  way.shares = plan.shares;
  way.pins = std::make_shared<discoc::PinnedPlan>(plan);
  way.pinsFile = options.plan;
  return way;
}

static std::optional<PlanChoice> completePlan(LoadedModel &loaded,
                                              const discoc::ModelOptions &options) {
  discoc::Diagnostics errors;
  const std::optional<discoc::PinnedPlan> plan = discoc::readPinnedPlan(options.plan, errors);
  llvm::errs() << discoc::toString(errors);
  const std::optional<Way> way = plan ? wayOf(options, *plan) : std::nullopt;
  if (!way)
    return std::nullopt;
  Divider divider(loaded);
  return choiceOf(divider, *way);
}

//===----------------------------------------------------------------------===//
// --stages
//===----------------------------------------------------------------------===//

std::vector<discoc::PlannedStage> disco::evenStages(const discoc::Cluster &cluster, size_t count) {
  const auto nodes = static_cast<int64_t>(cluster.nodes.size());
  const auto [first, last, compute] = cluster.root;
  std::vector<int64_t> ranks;
  for (int64_t i = 0; i < nodes; ++i)
    if (const int64_t rank = (first + i) % nodes; compute || (rank != first && rank != last))
      ranks.push_back(rank);
  // Who returns the outputs makes them.
  if (auto at = llvm::find(ranks, last); last != first && at != ranks.end())
    std::rotate(at, at + 1, ranks.end());
  std::vector<discoc::PlannedStage> stages;
  if (count <= ranks.size())
    for (ArrayRef<int64_t> part : evenParts(ranks, count))
      stages.push_back({part.vec(), ""});
  return stages;
}

static std::optional<PlanChoice> cutStages(LoadedModel &loaded,
                                           const discoc::ModelOptions &options) {
  Way way;
  way.options = options;
  way.options.stages = 0;
  way.options.strategy = "stages";
  std::optional<discoc::Cluster> cluster = findCluster(way.options);
  if (!cluster)
    return std::nullopt;
  discoc::PinnedPlan plan;
  plan.nodes = static_cast<int64_t>(cluster->nodes.size());
  plan.stages = evenStages(*cluster, static_cast<size_t>(options.stages));
  if (plan.stages.empty()) {
    const std::string who = cluster->root.compute ? "" : ", of which the root computes nothing";
    printError("--stages " + Twine(options.stages) + ": there are " + Twine(plan.nodes) + " nodes" +
               who +
               "; a stage takes one or more: -n or the cluster file says how "
               "many there are");
    return std::nullopt;
  }
  way.cluster = std::move(*cluster);
  way.pins = std::make_shared<discoc::PinnedPlan>(std::move(plan));
  Divider divider(loaded);
  return choiceOf(divider, way);
}

std::optional<PlanChoice> disco::choosePlan(LoadedModel &loaded,
                                            const discoc::ModelOptions &options) {
  if (options.stages > 0)
    return cutStages(loaded, options);
  return options.strategy == kAutoStrategy ? searchPlan(loaded, options)
                                           : completePlan(loaded, options);
}
