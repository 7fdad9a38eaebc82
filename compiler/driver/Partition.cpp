//===- Partition.cpp - discoc partition -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Partition.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/PlanPins.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Text.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace disco;

/// "4", or "1..8". Nothing after an error on standard error.
static bool readNodes(StringRef text, SearchOptions &options) {
  if (text.empty())
    return true;
  auto [first, last] = text.split("..");
  if (!first.getAsInteger(10, options.least) && options.least >= 1 &&
      (!text.contains("..") || !last.getAsInteger(10, options.most))) {
    if (!text.contains(".."))
      options.most = options.least;
    constexpr int64_t most = 64;
    if (options.least <= options.most && options.most <= most)
      return true;
  }
  printError("--nodes " + text +
             ": expected a number of nodes, or the first and the last of a "
             "range, from 1 to 64, such as --nodes 1..8");
  return false;
}

static bool readObjective(const std::string &name, Objective &objective) {
  if (const std::optional<Objective> known = objectiveOf(name)) {
    objective = *known;
    return true;
  }
  if (name == "price")
    printError("--objective price: discoc does not know what boards cost; 'discoc fit --shop' "
               "takes a file that says so, and finds the cheapest that meet a --deadline");
  else
    printError("--objective " + name +
               ": there is no such objective; the objectives are latency, throughput, memory, "
               "bytes, energy");
  return false;
}

/// All that is asked for, read from files where it is in files. Nothing after errors on standard
/// error.
static std::optional<SearchOptions> searchOptions(const discoc::PartitionOptions &options) {
  SearchOptions search;
  search.model = options.model;
  search.bandwidth = options.bandwidth > 0 ? options.bandwidth : kAssumedBandwidth;
  search.latency = options.latency > 0 || options.bandwidth > 0 ? options.latency : kAssumedLatency;
  search.withRest = options.compare;
  if (options.deadline > 0)
    search.deadlineNs = std::llround(options.deadline * 1e6);
  constexpr int64_t vectorBytes = 32;
  std::optional<discoc::Profile> profile = findProfile(options.model.profile, vectorBytes);
  if (!profile || !readNodes(options.nodes, search) ||
      !readObjective(options.objective, search.objective))
    return std::nullopt;
  search.profile = std::move(*profile);
  return search;
}

/// One line a layer: what each node computes of it.
static std::vector<std::string> layerComments(const Tried &tried) {
  std::vector<std::string> lines{"",
                                 "Of each layer the channels that every node computes. Pin what "
                                 "you like with [[op]] or [[tensor]]:"};
  for (const TriedLayer &layer : tried.layers) {
    std::string sizes;
    for (int64_t channels : layer.channels)
      sizes += (sizes.empty() ? "" : " + ") + std::to_string(channels);
    lines.push_back(discoc::printable(layer.op, discoc::maxShownName) + ": " + sizes);
  }
  return lines;
}

/// What was chosen, as a plan. False after an error on standard error.
static bool writePlan(const Partition &partition, const Tried &tried, const std::string &path) {
  discoc::PinnedPlan plan;
  plan.nodes = tried.nodes();
  if (!partition.options.model.cluster.empty())
    for (size_t rank = 0; rank < partition.result.nodeNames.size(); ++rank)
      if (!llvm::is_contained(tried.ranks, static_cast<int64_t>(rank)))
        plan.leaveOut.push_back(partition.result.nodeNames[rank]);
  plan.strategy = tried.way.options.strategy;
  plan.featuresOnly = tried.way.options.featuresOnly;
  plan.shares = tried.way.shares;
  if (plan.strategy == "stages")
    plan.stages = tried.stages; // as they were cut for these speeds
  if (tried.way.pins)
    plan.tensors = tried.way.pins->tensors;
  discoc::Diagnostics errors;
  const bool good = discoc::writeText(path, discoc::toToml(plan, layerComments(tried)), errors);
  llvm::errs() << discoc::toString(errors);
  return good;
}

int discoc::runPartition(const PartitionOptions &options) {
  std::optional<SearchOptions> asked = searchOptions(options);
  if (!asked)
    return ExitFault;
  Partition partition;
  partition.options = std::move(*asked);
  partition.explain = partition.options.explain = options.explain;
  partition.assumesLinks = options.bandwidth <= 0;
  {
    Activity activity("partition");
    activity.at("reading the model");
    importer::Diagnostics errors;
    std::optional<LoadedModel> loaded = importModel(options.model, errors);
    print(errors);
    if (!loaded)
      return ExitFault;
    DiagnosticPrinter printer(*loaded->context, options.model.model);
    std::optional<SearchResult> found = search(*loaded, partition.options, activity);
    if (!found)
      return ExitFault;
    partition.result = std::move(*found);
  }
  llvm::outs() << (options.json ? partitionJson(partition) : partitionText(partition));
  if (!options.json && options.compare)
    llvm::outs() << comparisonText(partition);
  if (!options.json && !options.explain.empty()) {
    const std::string text = explanationText(partition);
    if (text.empty()) {
      printError("--explain " + quoted(options.explain) +
                 ": no layer has this name; 'discoc inspect' lists them");
      return ExitFault;
    }
    llvm::outs() << text;
  }
  if (partition.result.chosen)
    return options.plan.empty() ||
                   writePlan(partition, partition.result.tried[*partition.result.chosen],
                             options.plan)
               ? ExitSuccess
               : ExitFault;
  llvm::outs().flush();
  printError(options.model.model + ": " + whyNothing(partition));
  return ExitFault;
}
