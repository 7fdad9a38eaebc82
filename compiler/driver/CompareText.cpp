//===- CompareText.cpp - two divisions of one model side by side ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/CompareText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace discoc {

namespace {
/// One layer in both; null where a division has none of that name.
struct LayerPair {
  const LayerReport *now = nullptr, *before = nullptr;
};
} // namespace

static int64_t mostMacs(const LayerReport *layer) {
  int64_t most = 0;
  for (const LayerShare &share : layer ? layer->nodes : std::vector<LayerShare>())
    most = std::max(most, share.macs);
  return most;
}
static int64_t weightsOf(const LayerReport *layer) {
  int64_t sum = 0;
  for (const LayerShare &share : layer ? layer->nodes : std::vector<LayerShare>())
    sum += share.weightBytes;
  return sum;
}
static int64_t readOf(const LayerReport *layer) { return layer ? layer->received.sum() : 0; }

/// Layers of both, in the order of the first; what the second has alone comes last.
static std::vector<LayerPair> pairsOf(const Report &report, const Report &against) {
  std::map<std::string, const LayerReport *> others;
  for (const LayerReport &layer : against.layers)
    others.emplace(layer.op, &layer);
  std::vector<LayerPair> pairs;
  std::set<std::string> known;
  for (const LayerReport &layer : report.layers) {
    const auto other = others.find(layer.op);
    pairs.push_back({&layer, other == others.end() ? nullptr : other->second});
    known.insert(layer.op);
  }
  for (const LayerReport &layer : against.layers)
    if (known.count(layer.op) == 0)
      pairs.push_back({nullptr, &layer});
  return pairs;
}

std::optional<Report> readAgainst(const Report &report, const std::string &out,
                                  Diagnostics &faults) {
  const std::string file = out + "/report.json";
  std::optional<Report> against = readReport(file, faults);
  if (!against)
    return std::nullopt;
  const std::vector<LayerPair> pairs = pairsOf(report, *against);
  const auto common = std::count_if(pairs.begin(), pairs.end(),
                                    [](const LayerPair &pair) { return pair.now && pair.before; });
  // Some names, such as "Conv_0", are in many models.
  if (2 * static_cast<size_t>(common) >= pairs.size())
    return against;
  faults.push_back({file, "",
                    fmt::format("has only {} of {} layers in common with that of {}", common,
                                pairs.size(), report.model),
                    "compare two divisions of the same model"});
  return std::nullopt;
}

/// "+12 %": how much more the first is.
static std::string changeText(int64_t now, int64_t before) {
  if (now == before)
    return "same";
  if (before == 0)
    return "new";
  return fmt::format("{:+.1f} %",
                     100.0 * static_cast<double>(now - before) / static_cast<double>(before));
}

static std::string totalsText(const Report &r, const Report &b) {
  Table table({"<in all", "this", "against", "change"});
  auto row = [&](const char *name, auto shown, int64_t now, int64_t before) {
    table.row({name, shown(now), shown(before), changeText(now, before)});
  };
  const auto nodes = [](const Report &report) { return static_cast<int64_t>(report.nodes.size()); };
  row("nodes", count, nodes(r), nodes(b));
  row("MACs of the largest node", count, r.largestNode.macs, b.largestNode.macs);
  row("MACs of all", count, r.cluster.macs, b.cluster.macs);
  row("weights of the largest node", bytes, r.largestNode.weightBytes, b.largestNode.weightBytes);
  row("arena of the largest node", bytes, r.largestNode.arenaBytes, b.largestNode.arenaBytes);
  row("sent", bytes, r.cluster.exchanged.bytes, b.cluster.exchanged.bytes);
  row("messages", count, r.cluster.exchanged.messages, b.cluster.exchanged.messages);
  if (r.schedule && b.schedule && r.schedule->exchangePoints && b.schedule->exchangePoints)
    row("exchange points", count, *r.schedule->exchangePoints, *b.schedule->exchangePoints);
  if (r.schedule && b.schedule && r.schedule->latencyNs && b.schedule->latencyNs)
    row("one inference takes", duration, *r.schedule->latencyNs / 1000,
        *b.schedule->latencyNs / 1000);
  return table.text();
}

static std::string nodesText(const Report &r, const Report &b, size_t most) {
  Table table(
      {"<node", "MACs", "against", "weights", "against", "arena", "against", "sends", "against"});
  const size_t nodes = std::max(r.nodes.size(), b.nodes.size());
  for (size_t rank = 0; rank < std::min(nodes, most); ++rank) {
    const NodeReport *now = rank < r.nodes.size() ? &r.nodes[rank] : nullptr;
    const NodeReport *before = rank < b.nodes.size() ? &b.nodes[rank] : nullptr;
    std::vector<std::string> row{std::to_string(rank)};
    auto both = [&](auto shown, auto field) {
      for (const NodeReport *node : {now, before})
        row.push_back(node ? shown(field(*node)) : "-");
    };
    both(count, [](const NodeReport &n) { return n.macs; });
    both(bytes, [](const NodeReport &n) { return n.weightBytes; });
    both(bytes, [](const NodeReport &n) { return n.arenaBytes; });
    both(bytes, [](const NodeReport &n) { return n.sent.bytes; });
    table.row(std::move(row));
  }
  return table.text() + (nodes > most ? fmt::format("  and {} more nodes\n", nodes - most) : "");
}

/// Those that differ, the most in bytes read from other nodes first.
static std::vector<LayerPair> differingPairs(const Report &r, const Report &b) {
  std::vector<LayerPair> pairs = pairsOf(r, b);
  const auto isSame = [](const LayerPair &pair) {
    return pair.now && pair.before && mostMacs(pair.now) == mostMacs(pair.before) &&
           weightsOf(pair.now) == weightsOf(pair.before) && readOf(pair.now) == readOf(pair.before);
  };
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(), isSame), pairs.end());
  const auto difference = [](const LayerPair &pair, auto of) {
    return std::abs(of(pair.now) - of(pair.before));
  };
  std::stable_sort(pairs.begin(), pairs.end(), [&](const LayerPair &x, const LayerPair &y) {
    return std::pair(difference(x, readOf), difference(x, mostMacs)) >
           std::pair(difference(y, readOf), difference(y, mostMacs));
  });
  return pairs;
}

static std::string layersText(const Report &r, const Report &b, size_t most) {
  const std::vector<LayerPair> pairs = differingPairs(r, b);
  const size_t all = pairsOf(r, b).size();
  Table table({"<op", "<type", "read", "against", "largest MACs", "against", "weights", "against"});
  for (const LayerPair &pair : pairs) {
    if (most-- == 0)
      break;
    const LayerReport &either = pair.now ? *pair.now : *pair.before;
    std::vector<std::string> row{fitted(either.op, 28), fitted(either.type, 12)};
    auto both = [&](auto shown, auto of) {
      for (const LayerReport *layer : {pair.now, pair.before})
        row.push_back(layer ? shown(of(layer)) : "-");
    };
    both(bytes, readOf);
    both(count, mostMacs);
    both(bytes, weightsOf);
    table.row(std::move(row));
  }
  return fmt::format("  {} of {} layers differ{}\n", pairs.size(), all,
                     pairs.empty() ? "" : "; the most in bytes read from other nodes first") +
         (pairs.empty() ? "" : "\n" + table.text());
}

std::string compareText(const Report &r, const Report &b, size_t most) {
  return fmt::format("{} on {} {}, against {} on {} {}\n\nOne inference\n\n",
                     printable(r.model, maxShownName), r.nodes.size(),
                     r.nodes.size() == 1 ? "node" : "nodes", printable(b.model, maxShownName),
                     b.nodes.size(), b.nodes.size() == 1 ? "node" : "nodes") +
         totalsText(r, b) + "\nNodes\n\n" + nodesText(r, b, most) + "\nLayers\n\n" +
         layersText(r, b, most);
}

//===- the same as JSON ---===//

using Json = nlohmann::ordered_json;

/// Both values of each key; null where a division has none.
template <class T>
static Json bothOf(const T *now, const T *before,
                   std::initializer_list<std::pair<const char *, int64_t (*)(const T *)>> fields) {
  Json json = Json::object();
  for (auto [key, of] : fields)
    json[key] = {now ? Json(of(now)) : Json(), before ? Json(of(before)) : Json()};
  return json;
}

static Json totalsJson(const Report &r, const Report &b) {
  Json json = bothOf<Report>(
      &r, &b,
      {{"nodes", [](const Report *x) { return static_cast<int64_t>(x->nodes.size()); }},
       {"largest_macs", [](const Report *x) { return x->largestNode.macs; }},
       {"macs", [](const Report *x) { return x->cluster.macs; }},
       {"largest_weight_bytes", [](const Report *x) { return x->largestNode.weightBytes; }},
       {"largest_arena_bytes", [](const Report *x) { return x->largestNode.arenaBytes; }},
       {"sent_bytes", [](const Report *x) { return x->cluster.exchanged.bytes; }},
       {"messages", [](const Report *x) { return x->cluster.exchanged.messages; }}});
  auto time = [&](const char *key, auto field) {
    auto of = [&](const Report &x) {
      return x.schedule && (*x.schedule).*field ? Json(*((*x.schedule).*field)) : Json();
    };
    json[key] = {of(r), of(b)};
  };
  time("exchange_points", &Events::exchangePoints);
  time("latency_ns", &Events::latencyNs);
  return json;
}

std::string compareJson(const Report &r, const Report &b) {
  Json json = {{"models", {r.model, b.model}},
               {"build_hashes", {r.buildHash, b.buildHash}},
               {"all", totalsJson(r, b)},
               {"nodes", Json::array()},
               {"layers", Json::array()}};
  for (size_t rank = 0; rank < std::max(r.nodes.size(), b.nodes.size()); ++rank) {
    Json row = {{"rank", rank}};
    row.update(
        bothOf<NodeReport>(rank < r.nodes.size() ? &r.nodes[rank] : nullptr,
                           rank < b.nodes.size() ? &b.nodes[rank] : nullptr,
                           {{"macs", [](const NodeReport *n) { return n->macs; }},
                            {"weight_bytes", [](const NodeReport *n) { return n->weightBytes; }},
                            {"arena_bytes", [](const NodeReport *n) { return n->arenaBytes; }},
                            {"sent_bytes", [](const NodeReport *n) { return n->sent.bytes; }}}));
    json["nodes"].push_back(std::move(row));
  }
  for (const LayerPair &pair : differingPairs(r, b)) {
    const LayerReport &either = pair.now ? *pair.now : *pair.before;
    Json row = {{"op", either.op}, {"type", either.type}};
    row.update(bothOf<LayerReport>(
        pair.now, pair.before,
        {{"received_bytes", readOf}, {"largest_macs", mostMacs}, {"weight_bytes", weightsOf}}));
    json["layers"].push_back(std::move(row));
  }
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

} // namespace discoc
