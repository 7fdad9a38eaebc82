//===- PartitionText.cpp - what discoc partition says ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Partition.h"
#include "compiler/formats/Table.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace disco;

/// Three digits that matter.
static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", value);
  return text;
}

static std::string timeText(std::optional<int64_t> ns) {
  return ns ? discoc::duration(std::max<int64_t>(*ns / 1000, 1)) : "-";
}

/// "0.42" of b in a: how many times as fast a is.
static std::string ratio(std::optional<int64_t> ofA, std::optional<int64_t> ofB) {
  return ofA && ofB && *ofA > 0 ? number(static_cast<double>(*ofB) / static_cast<double>(*ofA))
                                : "-";
}

/// "9:18:37"; "equal"; "-" of one node, and of a strategy that deals no shares.
static std::string sharesText(const Tried &tried) {
  const std::string &strategy = tried.way.options.strategy;
  if (tried.nodes() == 1 || (!strategy.empty() && strategy != strategies().front().name))
    return "-";
  if (tried.way.shares.empty())
    return "equal";
  return llvm::join(
      llvm::map_range(tried.way.shares, [](int64_t share) { return std::to_string(share); }), ":");
}

/// Quickest with so many nodes, of what can be chosen; null: there is none.
static const Tried *firstWith(const SearchResult &result,
                              llvm::function_ref<bool(const Tried &)> is,
                              Objective objective = Objective::Latency) {
  const Tried *best = nullptr;
  for (const Tried &tried : result.tried)
    if (is(tried) && valueOf(tried, objective) &&
        (!best || *valueOf(tried, objective) < *valueOf(*best, objective)))
      best = &tried;
  return best;
}

static const Tried *oneNode(const SearchResult &result) {
  return firstWith(result, [](const Tried &tried) {
    return tried.isChoice && (tried.nodes() == 1 || tried.way.options.strategy == "root");
  });
}

static const Tried *chosen(const SearchResult &result) {
  return result.chosen ? &result.tried[*result.chosen] : nullptr;
}

/// The names of nodes that take part, where not all do.
static std::string leftOut(const SearchResult &result, const Tried &tried) {
  std::string names;
  for (size_t rank = 0; rank < result.nodeNames.size(); ++rank)
    if (!llvm::is_contained(tried.ranks, static_cast<int64_t>(rank)))
      names += (names.empty() ? "" : ", ") + result.nodeNames[rank];
  return names;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static std::string tableText(const Partition &partition) {
  const SearchResult &result = partition.result;
  const Tried *one = oneNode(result);
  discoc::Table table({"N", "<division", "<shares", "latency", "times", "back to back", "exchanged",
                       "in a row", "weights", "arena", "<"});
  for (const auto &[index, tried] : llvm::enumerate(result.tried)) {
    const bool isChosen = result.chosen == index;
    const bool isMove = index >= result.tried.size() - static_cast<size_t>(result.movesTried);
    if (!tried.isChoice || (isMove && !isChosen))
      continue;
    table.row({std::to_string(tried.nodes()), tried.name, sharesText(tried),
               timeText(tried.latencyNs), one ? ratio(tried.latencyNs, one->latencyNs) : "-",
               timeText(tried.periodNs), discoc::bytes(tried.exchangedBytes),
               std::to_string(tried.exchangePoints), discoc::bytes(tried.weightBytes),
               discoc::bytes(tried.arenaBytes),
               isChosen     ? "<- chosen"
               : tried.fits ? ""
                            : "does not fit"});
  }
  return table.text();
}

static std::string linksText(const Partition &partition) {
  if (!partition.assumesLinks)
    return "";
  return "links      100 Mbit/s and 100 us a message, where nothing states another speed: "
         "--bandwidth and --latency do, or [[link]] of a cluster file\n";
}

static std::string objectiveText(const Partition &partition) {
  switch (partition.options.objective) {
  case Objective::Latency: return "the least time of one inference";
  case Objective::Throughput: return "the least time between two inferences, back to back";
  case Objective::Memory: return "the least weights and arena of the node that takes most";
  case Objective::Bytes: return "the fewest bytes between nodes";
  case Objective::Energy:
    return "the least energy of one inference, estimated from what boards are said to take";
  }
  return "";
}

/// Why one node, or several: what dividing costs, and what it saves.
static std::string paysText(const Partition &partition, const Tried &best) {
  const Tried *one = oneNode(partition.result);
  const Tried *several =
      best.nodes() > 1 ? &best : firstWith(partition.result, [](const Tried &tried) {
        return tried.isChoice && tried.fits && tried.nodes() > 1 && tried.exchangedBytes > 0;
      });
  if (!one || !several || one == several || !one->latencyNs || !several->latencyNs)
    return "";
  const int64_t costs = *several->latencyNs - several->withoutExchangeNs;
  const int64_t saves = *one->latencyNs - several->withoutExchangeNs;
  std::string text =
      "why        " +
      (several == &best ? std::string("dividing")
                        : "the quickest of several, " + std::to_string(several->nodes()) +
                              " nodes by " + several->name + ",") +
      " costs " + timeText(costs) + " of exchanges and saves ";
  text += saves > 0 ? timeText(saves) + " of arithmetic" : "no arithmetic";
  if (!one->fits)
    text += "; one node has not enough memory";
  return text + "\n";
}

static std::string valueText(const Tried &tried, Objective objective) {
  switch (objective) {
  case Objective::Memory: return discoc::bytes(tried.memoryBytes);
  case Objective::Bytes: return discoc::bytes(tried.exchangedBytes);
  case Objective::Energy:
    return number(static_cast<double>(tried.energyUj.value_or(0)) / 1e3) + " mJ";
  default: return timeText(valueOf(tried, objective));
  }
}

std::string disco::chosenText(const Partition &partition) {
  const SearchResult &result = partition.result;
  if (!result.chosen)
    return "";
  const Tried &best = result.tried[*result.chosen];
  std::string text = "chosen     ";
  text += best.nodes() == 1 ? std::string("one node")
                            : std::to_string(best.nodes()) + " nodes, " + best.name +
                                  (best.way.shares.empty() ? "" : ", shares " + sharesText(best));
  text += ": " + objectiveText(partition);
  if (partition.options.deadlineNs)
    text += " within " + timeText(partition.options.deadlineNs);
  text += ", " + valueText(best, partition.options.objective) + "\n" + paysText(partition, best);
  const std::string names = leftOut(result, best);
  if (!names.empty() && !partition.options.model.cluster.empty())
    text += "left out   " + names + "\n";
  if (result.movesTried > 0)
    text += "searched   " + std::to_string(result.movesTried) + " moves from the best, of which " +
            std::to_string(result.improvedBy) + " helped\n";
  if (best.chainNs && result.leastNs)
    text += "left       no order of the same steps takes less than " + timeText(best.chainNs) +
            "; all arithmetic, shared without a rest and without exchanges, takes " +
            timeText(result.leastNs) + "\n";
  return text;
}

std::string disco::partitionText(const Partition &partition) {
  return linksText(partition) + "\n" + tableText(partition) + "\n" + chosenText(partition);
}

std::string disco::whyNothing(const Partition &partition) {
  const SearchResult &result = partition.result;
  const bool anyFits =
      llvm::any_of(result.tried, [](const Tried &t) { return t.isChoice && t.fits; });
  if (!anyFits)
    return "fits into no division of these nodes; more nodes, or boards with more memory, would do "
           "('discoc fit' finds how many)";
  const Tried *quickest =
      firstWith(result, [](const Tried &tried) { return tried.isChoice && tried.fits; });
  if (!quickest)
    return "no time is known: a board states no cycles of a multiply-accumulate, or a link no "
           "bandwidth; --objective memory and bytes need none";
  return "no division meets " + timeText(partition.options.deadlineNs) + ": the quickest takes " +
         timeText(quickest->latencyNs) +
         (result.leastNs
              ? ", and arithmetic alone, shared without a rest, " + timeText(result.leastNs)
              : "") +
         "; faster links, masks ('discoc mask --latency') or more nodes would do";
}

//===----------------------------------------------------------------------===//
// Side by side
//===----------------------------------------------------------------------===//

namespace {
struct Compared {
  std::string name;
  const Tried *tried;
};
} // namespace

/// Of the number of nodes that was chosen, or the most that were tried where that is one.
static std::vector<Compared> compared(const Partition &partition) {
  const SearchResult &result = partition.result;
  const Tried *best = chosen(result);
  int64_t nodes = best ? best->nodes() : 1;
  for (const Tried &tried : result.tried)
    if (!best || best->nodes() == 1)
      nodes = std::max(nodes, tried.nodes());
  auto named = [&](llvm::StringRef name) {
    return firstWith(result, [&](const Tried &t) { return t.nodes() == nodes && t.name == name; });
  };
  const Tried *masks = firstWith(result, [&](const Tried &tried) {
    return tried.nodes() == nodes && tried.masked && tried.isChoice && tried.way.shares.empty();
  });
  std::vector<Compared> rows{{"one node", oneNode(result)},
                             {"dense gather", named("dense gather")},
                             {"dense hybrid", named("dense hybrid")},
                             {"channel groups", named("channel groups")},
                             {"masks", masks},
                             {"auto", best}};
  llvm::erase_if(rows, [](const Compared &row) { return !row.tried; });
  return rows;
}

std::string disco::comparisonText(const Partition &partition) {
  const std::vector<Compared> rows = compared(partition);
  auto latencyOf = [&](llvm::StringRef name) -> std::optional<int64_t> {
    for (const Compared &row : rows)
      if (row.name == name)
        return row.tried->latencyNs;
    return std::nullopt;
  };
  discoc::Table table({"<side by side", "N", "latency", "exchanged", "in a row", "RAM", "weights",
                       "x one node", "x dense", "x groups"});
  for (const auto &[name, tried] : rows)
    table.row({name, std::to_string(tried->nodes()), timeText(tried->latencyNs),
               discoc::bytes(tried->exchangedBytes), std::to_string(tried->exchangePoints),
               discoc::bytes(tried->arenaBytes), discoc::bytes(tried->weightBytes),
               ratio(tried->latencyNs, latencyOf("one node")),
               ratio(tried->latencyNs, latencyOf("dense gather")),
               ratio(tried->latencyNs, latencyOf("channel groups"))});
  return "\n" + table.text() +
         "\nx: how many times as fast. Channel groups are the same layers where no node reads "
         "another one's channels:\nother results, without communication, and what masks can come "
         "near at best.\n";
}

//===----------------------------------------------------------------------===//
// One layer
//===----------------------------------------------------------------------===//

static std::string coverText(const Cover &cover) {
  if (!cover.whyFeatures.empty())
    return "features travel: " + cover.whyFeatures;
  auto cost = [&](int64_t value) {
    return cover.inTime ? timeText(value) + " on the links" : discoc::bytes(value);
  };
  std::string text = "features cost " + cost(cover.features) + ", partial sums " +
                     cost(cover.sums) + ": " + (cover.sendsSums ? "sums" : "features") + " travel";
  if (!cover.tied.empty())
    text += "; tied to " + llvm::join(cover.tied, ", ") +
            ", which read some of the same features: these travel once for all";
  return text;
}

/// What could have travelled instead, each answer once.
static std::string coversText(const SearchResult &result) {
  std::string text, last;
  for (const Tried &tried : result.tried) {
    const std::string own = tried.cover ? coverText(*tried.cover) : "";
    if (own.empty() || own == last)
      continue;
    last = own;
    text += std::to_string(tried.nodes()) + " nodes, " + tried.name +
            (tried.way.shares.empty() ? "" : ", shares " + sharesText(tried)) + ": " + own + "\n";
  }
  return text.empty() ? "" : "\nwhat could travel instead\n" + text;
}

std::string disco::explanationText(const Partition &partition) {
  discoc::Table table(
      {"N", "<division", "<shares", "<channels by node", "computes", "received", "latency", "<"});
  for (const auto &[index, tried] : llvm::enumerate(partition.result.tried))
    for (const TriedLayer &layer : tried.layers)
      if (layer.op == partition.explain)
        table.row({std::to_string(tried.nodes()), tried.name, sharesText(tried),
                   llvm::join(
                       llvm::map_range(layer.channels, [](int64_t n) { return std::to_string(n); }),
                       " + "),
                   timeText(layer.computeNs), discoc::bytes(layer.receivedBytes),
                   timeText(tried.latencyNs), partition.result.chosen == index ? "<- chosen" : ""});
  if (table.empty())
    return "";
  return "\n" + partition.explain + ", in every candidate\n\n" + table.text() +
         coversText(partition.result);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Object coverJson(const Cover &cover) {
  if (!cover.whyFeatures.empty())
    return llvm::json::Object{{"why_features", cover.whyFeatures}};
  return llvm::json::Object{{"features", cover.features},
                            {"sums", cover.sums},
                            {"unit", cover.inTime ? "ns" : "bytes"},
                            {"sends", cover.sendsSums ? "sums" : "features"},
                            {"tied", llvm::json::Array(cover.tied)}};
}

static llvm::json::Object triedJson(const Partition &partition, const Tried &tried) {
  llvm::json::Object object{{"nodes", tried.nodes()},
                            {"name", tried.name},
                            {"strategy", tried.way.options.strategy},
                            {"choice", tried.isChoice},
                            {"fits", tried.fits},
                            {"exchanged_bytes", tried.exchangedBytes},
                            {"exchange_points", tried.exchangePoints},
                            {"weight_bytes", tried.weightBytes},
                            {"arena_bytes", tried.arenaBytes},
                            {"memory_bytes", tried.memoryBytes}};
  llvm::json::Array names;
  for (int64_t rank : tried.ranks)
    names.push_back(partition.result.nodeNames[rank]);
  object["names"] = std::move(names);
  if (!tried.way.shares.empty())
    object["shares"] = llvm::json::Array(tried.way.shares);
  if (tried.cover)
    object["cover"] = coverJson(*tried.cover);
  if (tried.way.options.featuresOnly)
    object["exchange"] = "features";
  if (tried.latencyNs) {
    object["latency_ns"] = *tried.latencyNs;
    object["without_exchange_ns"] = tried.withoutExchangeNs;
  }
  if (tried.periodNs)
    object["period_ns"] = *tried.periodNs;
  if (tried.energyUj)
    object["energy_uj"] = *tried.energyUj;
  if (tried.chainNs)
    object["chain_ns"] = *tried.chainNs;
  for (const TriedLayer &layer : tried.layers)
    if (!partition.explain.empty() && layer.op == partition.explain)
      object["layer"] = llvm::json::Object{{"channels", llvm::json::Array(layer.channels)},
                                           {"received_bytes", layer.receivedBytes},
                                           {"compute_ns", layer.computeNs}};
  return object;
}

std::string disco::partitionJson(const Partition &partition) {
  const SearchResult &result = partition.result;
  llvm::json::Array tried;
  for (const Tried &candidate : result.tried)
    tried.push_back(triedJson(partition, candidate));
  llvm::json::Object object{{"format", "discoc-partition"},
                            {"version", 1},
                            {"tried", std::move(tried)},
                            {"moves_tried", result.movesTried},
                            {"moves_taken", static_cast<int64_t>(result.improvedBy)},
                            {"bandwidth", partition.options.bandwidth},
                            {"latency", partition.options.latency}};
  object["chosen"] = result.chosen ? llvm::json::Value(static_cast<int64_t>(*result.chosen))
                                   : llvm::json::Value(nullptr);
  if (result.leastNs)
    object["least_ns"] = *result.leastNs;
  if (!result.pipelineNs.empty()) {
    llvm::json::Object bounds;
    for (const auto &[nodes, ns] : result.pipelineNs)
      bounds[std::to_string(nodes)] = ns;
    object["pipeline_ns"] = std::move(bounds);
  }
  if (!result.oneNodeNs.empty())
    object["one_node_ns"] = llvm::json::Array(result.oneNodeNs);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(object)) << "\n";
  return text;
}
