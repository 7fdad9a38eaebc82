//===- WhatIf.cpp - discoc inspect --what-if ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A model is compiled for every number of nodes, as far as memory is planned, and its schedule is
// run over every kind of link. It is read once.
#include "compiler/driver/WhatIf.h"
#include "compiler/dialect/Target.h"
#include "compiler/driver/Divider.h"
#include "compiler/driver/Fit.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/OpenDimensions.h"
#include "compiler/formats/Progress.h"

using namespace mlir;
using namespace disco;

static constexpr int64_t kMostNodes = 8;

/// Of Ethernet's rate TCP's payload is 94 %. Latencies are those of a switch and two hosts.
static std::vector<WhatIfLink> hostLinks() {
  return {{"10 Mbit/s", 1.175e6, 200e-6},
          {"100 Mbit/s", 11.75e6, 100e-6},
          {"1 Gbit/s", 117.5e6, 50e-6}};
}

/// One link for all pairs of hosts, each of which has one port.
static void setLink(TimedSchedule &timed, const WhatIfLink &link) {
  discoc::LinkRates rates;
  rates.packets = false;
  rates.bandwidth = link.bandwidth;
  rates.latency = link.latency;
  timed.rates.links = {rates};
  for (auto &[ends, way] : timed.rates.ways)
    way = {{0, ends.first, ends.second}};
}

static Nanoseconds latencyOf(TimedSchedule &timed, const discoc::Profile &profile,
                             Without without) {
  Times times(timed, &profile, without);
  return runSchedule(timed.schedule, times.timing(), 1, 0).finished.front();
}

/// What saves most where it takes no time.
static std::string limitOf(TimedSchedule &timed, const discoc::Profile &profile) {
  const std::pair<const char *, Without> parts[] = {{"arithmetic", {true, false, false}},
                                                    {"bytes", {false, true, false}},
                                                    {"messages", {false, false, true}}};
  const char *limit = "";
  std::optional<Nanoseconds> least;
  for (const auto &[name, without] : parts)
    if (Nanoseconds left = latencyOf(timed, profile, without); !least || left < *least) {
      least = left;
      limit = name;
    }
  return limit;
}

static WhatIfTime timeOver(TimedSchedule &timed, const discoc::Profile &profile) {
  WhatIfTime time;
  if (!Times(timed, &profile).knowsAll())
    return time;
  time.latencyNs = static_cast<int64_t>(latencyOf(timed, profile, {}));
  time.limit = limitOf(timed, profile);
  return time;
}

/// Nothing after errors on standard error. Whether masks or zeros left anything out is noted in
/// `masked`.
static std::optional<WhatIfRow> rowOf(Divider &divider, const Way &way, WhatIf &found,
                                      bool &masked) {
  std::optional<Divided> divided = divider.divide(way);
  if (!divided)
    return std::nullopt;
  const discoc::Report &report = divided->report;
  masked |= report.oneNode.macs < report.denseGather.macs;
  WhatIfRow row;
  row.nodes = static_cast<int64_t>(way.cluster.nodes.size());
  row.weightBytes = report.largestNode.weightBytes;
  row.arenaBytes = report.largestNode.arenaBytes;
  row.exchangedBytes = report.cluster.exchanged.bytes;
  row.exchangePoints = exchangePoints(divided->timed.schedule);
  if (!found.board.empty())
    row.fits = divided->fits();
  if (found.profile.host.empty())
    found.profile = *findProfile("", vectorBytes(clusterOf(*divided->module).getNode(0)));
  for (const WhatIfLink &link : found.links) {
    if (link.bandwidth > 0)
      setLink(divided->timed, link);
    row.times.push_back(timeOver(divided->timed, found.profile));
  }
  return row;
}

/// The N of masks or owner maps in files is `stated`. Nothing after errors on standard error.
static std::optional<Way> wayFor(const discoc::ModelOptions &options, int64_t nodes, bool dense,
                                 int64_t stated) {
  Way way;
  way.options = optionsFor(options, nodes, dense ? 0 : stated);
  way.dense = dense;
  std::optional<discoc::Cluster> cluster = findCluster(way.options);
  if (!cluster)
    return std::nullopt;
  way.cluster = std::move(*cluster);
  return way;
}

/// Against one node that reads everything.
static void addSpeedUps(WhatIfTable &table, const WhatIfRow &one) {
  for (WhatIfRow &row : table.rows)
    for (auto [time, single] : llvm::zip(row.times, one.times))
      if (time.latencyNs && single.latencyNs && *time.latencyNs > 0)
        time.speedUp =
            static_cast<double>(*single.latencyNs) / static_cast<double>(*time.latencyNs);
}

/// As the model is masked, and dense where that is something else.
static bool fillTables(WhatIf &found, Divider &divider, const discoc::ModelOptions &options,
                       int64_t most, int64_t stated, discoc::Activity &activity) {
  bool masked = false, ignored = false;
  for (bool dense : {false, true}) {
    if (dense && !masked && stated == 0)
      return true;
    WhatIfTable &table = found.tables.emplace_back();
    for (int64_t nodes = 1; nodes <= std::max(most, stated); ++nodes) {
      // Masks and owner maps in files, and shares, are for one number of nodes.
      const bool all = dense || stated == 0;
      if (all ? nodes > most : nodes != 1 && nodes != stated)
        continue;
      activity.at(std::string(dense ? "dense, " : "") + "over " + std::to_string(nodes) +
                  " of at most " + std::to_string(most) + " nodes");
      const std::optional<Way> way = wayFor(options, nodes, dense, stated);
      std::optional<WhatIfRow> row;
      if (way)
        row = rowOf(divider, *way, found, dense ? ignored : masked);
      if (!row)
        return false;
      table.rows.push_back(std::move(*row));
    }
    table.masked = !dense && masked;
    addSpeedUps(table, found.tables.front().rows.front());
  }
  return true;
}

static std::optional<discoc::Board> boardOf(const std::string &name, bool &good) {
  if (name.empty() || name == discoc::anyHost)
    return std::nullopt;
  discoc::Diagnostics errors;
  std::optional<discoc::Board> board = discoc::readBoard(name, errors);
  llvm::errs() << discoc::toString(errors);
  good = board.has_value();
  return board;
}

int disco::runWhatIf(const discoc::InspectOptions &options) {
  bool good = true;
  const std::optional<discoc::Board> board = boardOf(options.model.board, good);
  const std::optional<int64_t> stated = good ? statedNodes(options.model) : std::nullopt;
  std::optional<discoc::importer::Model> model;
  if (!stated || !checkNames(options.model) || !(model = readModel(options.model)))
    return discoc::ExitFault;
  const OpenDimensions open = findOpenDimensions(*model, options.model);
  discoc::importer::Diagnostics errors;
  std::optional<LoadedModel> loaded = importModel(open.options, errors);
  print(errors);
  if (!loaded)
    return discoc::ExitFault;
  if (open.any() && !options.json)
    llvm::outs() << "sizes      " << open.added << "\n";
  WhatIf found;
  if (!options.model.profile.empty()) {
    std::optional<discoc::Profile> profile = findProfile(options.model.profile, 0);
    if (!profile)
      return discoc::ExitFault;
    found.profile = std::move(*profile);
  }
  const bool own = board && !board->isLinux();
  found.board = own ? board->name : "";
  found.links = own ? std::vector<WhatIfLink>{{"its own links", 0, 0}} : hostLinks();
  DiagnosticPrinter printer(*loaded->context, options.model.model);
  Divider divider(*loaded);
  const int64_t most = own ? std::min(kMostNodes, mostOf(*board).value_or(kMostNodes)) : kMostNodes;
  {
    discoc::Activity activity("dividing");
    if (!fillTables(found, divider, open.options, most, *stated, activity))
      return discoc::ExitFault;
  }
  llvm::outs() << (options.json ? whatIfJson(found) : whatIfText(found));
  return discoc::ExitSuccess;
}
