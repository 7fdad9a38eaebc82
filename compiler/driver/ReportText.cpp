//===- ReportText.cpp - a report in words and tables ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/ReportText.h"
#include "compiler/driver/LoadText.h"
#include "compiler/driver/SummaryText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <sstream>

namespace discoc {

static std::string totalsText(const Report &r) {
  Table table({"<in all", "largest node", "all nodes", "one node", "largest / one", "dense gather",
               "all / dense"});
  auto row = [&](const char *name, auto shown, auto field, bool one, bool dense) {
    const int64_t most = field(r.largestNode), all = field(r.cluster);
    table.row({name, shown(most), shown(all), one ? shown(field(r.oneNode)) : "-",
               one ? percent(most, field(r.oneNode)) : "-",
               dense ? shown(field(r.denseGather)) : "-",
               dense ? percent(all, field(r.denseGather)) : "-"});
  };
  row("MACs", count, [](const Totals &t) { return t.macs; }, true, true);
  row("weights", bytes, [](const Totals &t) { return t.weightBytes; }, true, true);
  row(
      "arena", bytes, [](const Totals &t) { return t.arenaBytes; }, r.oneNode.arenaBytes > 0,
      false);
  row("sent", bytes, [](const Totals &t) { return t.exchanged.bytes; }, false, true);
  row("messages", count, [](const Totals &t) { return t.exchanged.messages; }, false, true);
  std::string text = table.text();
  if (const BytesByKind &sent = r.exchanged; sent.partialSums + sent.statistics > 0)
    text += fmt::format("  sent are {} of features, {} of partial sums, {} of statistics\n",
                        bytes(sent.features), bytes(sent.partialSums), bytes(sent.statistics));
  if (r.cluster.root.messages > 0)
    text += fmt::format("  and {} in {} messages to hand inputs out and outputs in\n",
                        bytes(r.cluster.root.bytes), count(r.cluster.root.messages));
  return text;
}

namespace {
/// A table of `most` rows; how many more there would be is said in a line behind it, unless it is
/// one, which takes no more room than that.
class ShortTable {
public:
  ShortTable(std::vector<std::string> headings, size_t most)
      : table_(std::move(headings)), most_(most) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string text(const char *what) const {
    const size_t shown = rows_.size() - 1 <= most_ ? rows_.size() : most_;
    Table table = table_;
    for (size_t i = 0; i < shown; ++i)
      table.row(rows_[i]);
    return table.text() + (shown < rows_.size()
                               ? fmt::format("  and {} more {}\n", rows_.size() - shown, what)
                               : std::string());
  }

private:
  Table table_;
  size_t most_;
  std::vector<std::vector<std::string>> rows_;
};
} // namespace

static std::string nodesText(const Report &r, size_t most) {
  const bool timed = std::any_of(r.nodes.begin(), r.nodes.end(),
                                 [](const NodeReport &n) { return n.computeUs > 0; });
  std::vector<std::string> headings{"<node",  "<name", "<board", "MACs",  "of one",  "weights",
                                    "of one", "arena", "live",   "sends", "receives"};
  if (timed)
    headings.push_back("computes");
  ShortTable table(std::move(headings), most);
  for (const NodeReport &n : r.nodes) {
    std::vector<std::string> row{std::to_string(n.rank),
                                 fitted(n.name, 14),
                                 fitted(n.board, 8),
                                 count(n.macs),
                                 percent(n.macs, r.oneNode.macs),
                                 bytes(n.weightBytes),
                                 percent(n.weightBytes, r.oneNode.weightBytes),
                                 bytes(n.arenaBytes),
                                 bytes(n.liveBytes),
                                 bytes(n.sent.bytes),
                                 bytes(n.received.bytes)};
    if (timed)
      row.push_back(duration(n.computeUs));
    table.row(std::move(row));
  }
  std::map<std::string, std::string> tried;
  for (const NodeReport &n : r.nodes)
    if (!n.boardStatus.empty())
      tried[n.board] = n.boardStatus;
  std::string boards;
  for (const auto &[board, status] : tried)
    boards += "  " + board + ": " + status + "\n";
  return table.text("nodes") +
         (timed ? "  computes: its MACs alone, at the cycles of one that the board's "
                  "description states\n"
                : "") +
         boards;
}

static std::string linksText(const Report &r, size_t most) {
  ShortTable table({"<from", "<to", "messages", "bytes", "of all", "root messages", "root bytes"},
                   most);
  for (const NodeReport &n : r.nodes)
    for (const PeerReport &p : n.peers) {
      if (p.sent.messages == 0 && p.rootSent.messages == 0)
        continue;
      table.row({std::to_string(n.rank), std::to_string(p.peer), count(p.sent.messages),
                 bytes(p.sent.bytes), percent(p.sent.bytes, r.cluster.exchanged.bytes),
                 count(p.rootSent.messages), bytes(p.rootSent.bytes)});
    }
  if (table.empty())
    return "  no message crosses a link\n";
  return table.text("pairs of nodes") +
         fmt::format("  beside its bytes, every message has a header of {} bytes\n",
                     r.frameOverheadBytes);
}

/// Links that carry packets, and what is passed on for others.
static std::string wiresText(const Report &r, size_t most) {
  ShortTable table({"<nodes", "<kind", "<ports", "baud", "messages", "bytes", "root messages",
                    "root bytes", "takes"},
                   most);
  for (const WireReport &wire : r.wires) {
    std::string ends, ports;
    for (int64_t rank : wire.ends)
      ends += (ends.empty() ? "" : " ") + std::to_string(rank);
    for (const std::string &port : wire.ports)
      ports += (ports.empty() ? "" : " ") + port;
    table.row({fitted(ends, 20), wire.kind, fitted(ports, 24),
               wire.baud > 0 ? count(wire.baud) : "-", count(wire.carried.messages),
               bytes(wire.carried.bytes), count(wire.rootCarried.messages),
               bytes(wire.rootCarried.bytes), duration(wire.leastUs)});
  }
  std::string text = table.text("wires") +
                     "  takes: the payload of its busier direction alone, at the "
                     "bandwidth that is stated\n";
  size_t passing = 0;
  for (const NodeReport &n : r.nodes)
    if (n.forwarded.messages + n.rootForwarded.messages > 0 && passing++ < most)
      text += fmt::format("  node {} passes on {} in {} messages of others\n", n.rank,
                          bytes(n.forwarded.bytes + n.rootForwarded.bytes),
                          count(n.forwarded.messages + n.rootForwarded.messages));
  return text;
}

/// What the schedule takes, where all of it is known.
static std::string scheduleText(const Events &schedule) {
  auto time = [](const std::optional<int64_t> &ns) { return duration((*ns + 999) / 1000); };
  Table table({"<one inference", "takes"});
  table.row({"where messages move while nodes compute", time(schedule.latencyNs)});
  table.row({"where they move only while both ends wait", time(schedule.sequentialNs)});
  table.row({schedule.inFlight == 1
                 ? "back to back, from end to end"
                 : fmt::format("back to back, {} in flight, from end to end", schedule.inFlight),
             time(schedule.periodNs)});
  if (schedule.inFlight > 1 && *schedule.periodNs > 0)
    table.row(
        {"so many a second", fmt::format("{:.1f}", 1e9 / static_cast<double>(*schedule.periodNs))});
  table.row({"the longest chain of steps that need each other", time(schedule.chainNs)});
  std::string text = table.text();
  for (size_t rank = 0; rank < std::min<size_t>(schedule.nodes.size(), 8); ++rank)
    text += (rank == 0 ? "  idle, back to back: " : ", ") + fmt::format("node {} ", rank) +
            disco::idleText(schedule, rank);
  return text + (schedule.nodes.empty() ? "" : "\n");
}

/// Bytes, exact: whether something fits hangs on the last of them.
static std::string memoryText(const Report &r, size_t most) {
  ShortTable table({"<node", "<board", "<part", "<memory", "bytes", "<"}, most);
  for (const NodeReport &n : r.nodes)
    for (const MemoryUse &use : n.memory) {
      int64_t tensors = 0, links = 0;
      for (const auto &[name, size] : use.items)
        (name.rfind("input", 0) == 0 || name.rfind("output", 0) == 0 ? tensors : links) += size;
      table.row({std::to_string(n.rank), fitted(n.board, 16), use.part, use.memory,
                 std::to_string(use.bytes),
                 !use.exact ? "at most"
                 : use.items.empty()
                     ? "exact"
                     : fmt::format("exact; inputs, outputs {}, links {}", tensors, links)});
    }
  return table.empty() ? "" : table.text("parts");
}

/// What most of the bytes that a layer reads of other nodes are; with a plus when not all are.
static std::string kindsText(const BytesByKind &read) {
  if (read.sum() == 0)
    return "";
  const int64_t most = std::max({read.features, read.partialSums, read.statistics});
  const char *name = most == read.features ? "feat." : most == read.partialSums ? "sums" : "stats";
  return name + std::string(most == read.sum() ? "" : " +");
}

static size_t widthOfNames(const Report &r, size_t least) {
  std::vector<std::string> names;
  for (const LayerReport &layer : r.layers)
    names.push_back(layer.op);
  return widthApart(names, least, 48);
}

namespace {
/// What a layer costs: of the largest node, and in all.
struct LayerCost {
  const LayerReport *layer = nullptr;
  int64_t mostMacs = 0, mostWeights = 0, crossed = 0;
  double share = 0; ///< of all MACs, and of all bytes on links
};

/// What is left over, in one line.
struct Rest {
  size_t layers = 0;
  int64_t macs = 0, weights = 0, crossed = 0;
};
} // namespace

static LayerCost costOf(const LayerReport &layer, const Report &r) {
  auto part = [](int64_t a, int64_t b) {
    return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
  };
  LayerCost cost{&layer, 0, 0, 0, 0};
  for (const LayerShare &share : layer.nodes) {
    cost.mostMacs = std::max(cost.mostMacs, share.macs);
    cost.mostWeights = std::max(cost.mostWeights, share.weightBytes);
    cost.crossed += share.receiveBytes;
  }
  cost.share = part(layer.macs, r.oneNode.macs) + part(cost.crossed, r.exchanged.sum());
  return cost;
}

static std::string restText(const Rest &rest, size_t free, const Report &r) {
  std::string text;
  if (rest.layers > 0)
    text += fmt::format("  and {} more with {} ({}) of the MACs, {} of weights and {} read; --all "
                        "shows them\n",
                        rest.layers, count(rest.macs), percent(rest.macs, r.oneNode.macs),
                        bytes(rest.weights), bytes(rest.crossed));
  if (free > 0)
    text += fmt::format("  and {} that cost nothing: views, elementwise ops and the like\n", free);
  return text;
}

static std::string layersText(const Report &r, size_t most) {
  std::vector<LayerCost> costs;
  for (const LayerReport &layer : r.layers)
    if (LayerCost cost = costOf(layer, r);
        layer.macs != 0 || layer.weightBytes != 0 || cost.crossed != 0 || layer.denseBytes != 0)
      costs.push_back(cost);
  std::stable_sort(costs.begin(), costs.end(),
                   [](const LayerCost &a, const LayerCost &b) { return a.share > b.share; });
  Table table({"<op", "<type", "MACs", "share", "weights", "share", "read", "of dense", "<as"});
  const size_t width = widthOfNames(r, 24);
  Rest rest;
  for (size_t i = 0; i < costs.size(); ++i) {
    const LayerReport &layer = *costs[i].layer;
    if (i >= most) {
      ++rest.layers;
      rest.macs += layer.macs;
      rest.weights += layer.weightBytes;
      rest.crossed += costs[i].crossed;
      continue;
    }
    table.row({fitted(layer.op, width), fitted(layer.type, 13), count(layer.macs),
               percent(costs[i].mostMacs, layer.macs), bytes(layer.weightBytes),
               percent(costs[i].mostWeights, layer.weightBytes), bytes(costs[i].crossed),
               percent(costs[i].crossed, layer.denseBytes), kindsText(layer.received)});
  }
  return (table.empty() ? "  none that computes or sends\n" : table.text()) +
         restText(rest, r.layers.size() - costs.size(), r);
}

static std::string replicatedText(const Report &r, size_t most) {
  ShortTable table({"<op", "<type", "MACs", "weights", "<reason"}, most);
  const size_t width = widthOfNames(r, 28);
  std::vector<const LayerReport *> layers;
  for (const LayerReport &layer : r.layers)
    if (layer.replicatedMacs > 0 || layer.replicatedWeightBytes > 0)
      layers.push_back(&layer);
  std::stable_sort(layers.begin(), layers.end(), [](const LayerReport *a, const LayerReport *b) {
    return std::pair(a->replicatedMacs, a->replicatedWeightBytes) >
           std::pair(b->replicatedMacs, b->replicatedWeightBytes);
  });
  for (const LayerReport *layer : layers)
    table.row({fitted(layer->op, width), fitted(layer->type, 14), count(layer->replicatedMacs),
               bytes(layer->replicatedWeightBytes),
               layer->replicatedReason.empty() ? "-" : fitted(layer->replicatedReason, 34)});
  if (table.empty())
    return "  nothing: every channel is computed by one node\n";
  return table.text("layers") +
         fmt::format("  in all {} ({}) of the MACs and {} ({}) of the weights; with a reason {} "
                     "and {} more\n",
                     count(r.replicatedMacs), percent(r.replicatedMacs, r.oneNode.macs),
                     bytes(r.replicatedWeightBytes),
                     percent(r.replicatedWeightBytes, r.oneNode.weightBytes), count(r.exceptedMacs),
                     bytes(r.exceptedWeightBytes));
}

/// What more nodes would not make less: a layer's whole input, and what several nodes store.
static std::string floorText(const Report &r) {
  if (r.nodes.size() == 1)
    return "";
  std::string text;
  const auto node = std::max_element(
      r.nodes.begin(), r.nodes.end(),
      [](const NodeReport &a, const NodeReport &b) { return a.liveBytes < b.liveBytes; });
  if (!node->peakOp.empty() && node->peakReceivedBytes > 0)
    text += fmt::format("  arena: node {} needs the most at {}: {}, of which {} ({})\n"
                        "  came from other nodes. Where no mask says otherwise a node reads all "
                        "channels of a layer's\n"
                        "  input, however many nodes there are\n",
                        node->rank, fitted(node->peakOp, 40), bytes(node->liveBytes),
                        bytes(node->peakReceivedBytes),
                        percent(node->peakReceivedBytes, node->liveBytes));
  if (const int64_t twice = r.replicatedWeightBytes + r.exceptedWeightBytes; twice > 0)
    text += fmt::format("  weights: {} ({} of the model's) are stored more than once; the last "
                        "table says why\n",
                        bytes(twice), percent(twice, r.oneNode.weightBytes));
  return text;
}

/// A sentence behind what it is about, in lines of at most 100 columns.
static std::string sentenceText(const std::string &about, const std::string &sentence) {
  constexpr size_t indent = 11, width = 100;
  std::string text = fmt::format("{:<{}}", about, indent);
  size_t column = indent;
  std::istringstream words(sentence);
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column > indent && column + word.size() > width) {
      text.back() = '\n';
      text += std::string(indent, ' ');
      column = indent;
    }
    text += word + " ";
  }
  text.back() = '\n';
  return text;
}

/// With at most so many rows of layers, and of each other table.
static std::string textOf(const Report &r, size_t layers, size_t others) {
  std::string text = fmt::format(
      "{}: {} {}, {} layers (discoc {})\n", printable(r.model, maxShownName), r.nodes.size(),
      r.nodes.size() == 1 ? "node" : "nodes", r.layers.size(), printable(r.compiler, maxShownName));
  for (const auto &[about, sentence] : disco::sentencesOf(r))
    text += sentenceText(about, sentence);
  text += "\nOne inference, against the same model on one node, and on N nodes without masks\n\n";
  text += totalsText(r);
  text += "\nNodes (of one: of the model on one node; live: the most bytes needed at a time)\n\n" +
          nodesText(r, others);
  if (const std::string memory = memoryText(r, others); !memory.empty())
    text += "\nMemory of the boards\n\n" + memory;
  if (const std::string floor = floorText(r); !floor.empty())
    text += "\nMemory that does not fall with N\n\n" + floor;
  text += "\nLinks";
  if (r.nodes.size() > 1 && r.schedule && r.schedule->exchangePoints)
    text += " (" + disco::exchangePointsText(r) + ")";
  text += "\n\n" + linksText(r, others);
  if (!r.wires.empty())
    text += "\nWires (both directions; a message counts on every wire of its way)\n\n" +
            wiresText(r, others);
  if (r.schedule && r.schedule->latencyNs)
    text += "\nSchedule (MACs and payload alone, at the speeds that boards and links state)\n\n" +
            scheduleText(*r.schedule);
  if (r.schedule && !r.schedule->stages.empty())
    text += "\nStages (of the busiest node: of its processor, and of its links)\n\n" +
            disco::stagesText(*r.schedule);
  text +=
      "\nLayers, by their share of MACs and of bytes (share: the largest node's; read: from other\n"
      "nodes; of dense: of what is read without masks; as: what most of it is, +: others too)\n\n";
  text += layersText(r, layers);
  text += "\nComputed or stored more than once\n\n" + replicatedText(r, others);
  return text;
}

std::string reportText(const Report &r, bool all) {
  constexpr size_t unlimited = SIZE_MAX;
  if (all)
    return textOf(r, unlimited, unlimited);
  // Layers have what the other tables leave; these grow shorter until ten have room.
  constexpr size_t most = 59, few = 10;
  for (size_t others : {16, 8, 6, 4, 3, 2, 1}) {
    const std::string least = textOf(r, 0, others);
    const size_t lines = static_cast<size_t>(std::count(least.begin(), least.end(), '\n'));
    if (lines + few <= most || others == 1)
      return textOf(r, lines + 2 < most ? most - lines - 1 : 1, others);
  }
  return "";
}

} // namespace discoc
