//===- ReportText.cpp - a report in words and tables ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/ReportText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

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

static std::string nodesText(const Report &r) {
  const bool timed = std::any_of(r.nodes.begin(), r.nodes.end(),
                                 [](const NodeReport &n) { return n.computeUs > 0; });
  std::vector<std::string> headings{"<node",  "<name", "<board", "MACs",  "of one",  "weights",
                                    "of one", "arena", "live",   "sends", "receives"};
  if (timed)
    headings.push_back("computes");
  Table table(std::move(headings));
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
  return table.text() +
         (timed ? "  computes: its MACs alone, at the cycles of one that the board's "
                  "description states\n"
                : "") +
         boards;
}

static std::string linksText(const Report &r) {
  Table table({"<from", "<to", "messages", "bytes", "of all", "root messages", "root bytes"});
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
  return table.text() + fmt::format("  beside its bytes, every message has a header of {} bytes\n",
                                    r.frameOverheadBytes);
}

/// Links that carry packets, and what is passed on for others.
static std::string wiresText(const Report &r) {
  Table table(
      {"<nodes", "<kind", "<ports", "messages", "bytes", "root messages", "root bytes", "takes"});
  for (const WireReport &wire : r.wires) {
    std::string ends, ports;
    for (int64_t rank : wire.ends)
      ends += (ends.empty() ? "" : " ") + std::to_string(rank);
    for (const std::string &port : wire.ports)
      ports += (ports.empty() ? "" : " ") + port;
    table.row({fitted(ends, 20), wire.kind, fitted(ports, 24), count(wire.carried.messages),
               bytes(wire.carried.bytes), count(wire.rootCarried.messages),
               bytes(wire.rootCarried.bytes), duration(wire.leastUs)});
  }
  std::string text = table.text() + "  takes: the payload of its busier direction alone, at the "
                                    "bandwidth that is stated\n";
  for (const NodeReport &n : r.nodes)
    if (n.forwarded.messages + n.rootForwarded.messages > 0)
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
  table.row({"back to back, from end to end", time(schedule.periodNs)});
  table.row({"the longest chain of steps that need each other", time(schedule.chainNs)});
  return table.text();
}

/// Bytes, exact: whether something fits hangs on the last of them.
static std::string memoryText(const Report &r) {
  Table table({"<node", "<board", "<part", "<memory", "bytes", "<"});
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
  return table.empty() ? "" : table.text();
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

static std::string layersText(const Report &r) {
  Table table({"<op", "<type", "MACs", "share", "weights", "share", "read", "of dense", "<as"});
  const size_t width = widthOfNames(r, 24);
  for (const LayerReport &layer : r.layers) {
    int64_t mostMacs = 0, mostWeights = 0, crossed = 0;
    for (const LayerShare &share : layer.nodes) {
      mostMacs = std::max(mostMacs, share.macs);
      mostWeights = std::max(mostWeights, share.weightBytes);
      crossed += share.receiveBytes;
    }
    if (layer.macs == 0 && layer.weightBytes == 0 && crossed == 0 && layer.denseBytes == 0)
      continue; // reshapes, activations: nothing to divide
    table.row({fitted(layer.op, width), fitted(layer.type, 13), count(layer.macs),
               percent(mostMacs, layer.macs), bytes(layer.weightBytes),
               percent(mostWeights, layer.weightBytes), bytes(crossed),
               percent(crossed, layer.denseBytes), kindsText(layer.received)});
  }
  return table.empty() ? "  none that computes or sends\n" : table.text();
}

static std::string replicatedText(const Report &r) {
  Table table({"<op", "<type", "MACs", "weights", "<reason"});
  const size_t width = widthOfNames(r, 28);
  for (const LayerReport &layer : r.layers)
    if (layer.replicatedMacs > 0 || layer.replicatedWeightBytes > 0)
      table.row({fitted(layer.op, width), fitted(layer.type, 14), count(layer.replicatedMacs),
                 bytes(layer.replicatedWeightBytes),
                 layer.replicatedReason.empty() ? "-" : fitted(layer.replicatedReason, 34)});
  if (table.empty())
    return "  nothing: every channel is computed by one node\n";
  return table.text() +
         fmt::format("  in all {} ({}) of the MACs and {} ({}) of the weights; with a reason {} "
                     "and {} more\n",
                     count(r.replicatedMacs), percent(r.replicatedMacs, r.oneNode.macs),
                     bytes(r.replicatedWeightBytes),
                     percent(r.replicatedWeightBytes, r.oneNode.weightBytes), count(r.exceptedMacs),
                     bytes(r.exceptedWeightBytes));
}

std::string reportText(const Report &r) {
  std::string text = fmt::format(
      "{}: {} {}, {} layers (discoc {})\n", printable(r.model, maxShownName), r.nodes.size(),
      r.nodes.size() == 1 ? "node" : "nodes", r.layers.size(), printable(r.compiler, maxShownName));
  text += "\nOne inference, against the same model on one node, and on N nodes without masks\n\n";
  text += totalsText(r);
  text += "\nNodes (of one: of the model on one node; live: the most bytes needed at a time)\n\n" +
          nodesText(r);
  if (const std::string memory = memoryText(r); !memory.empty())
    text += "\nMemory of the boards\n\n" + memory;
  text += "\nLinks\n\n" + linksText(r);
  if (!r.wires.empty())
    text +=
        "\nWires (both directions; a message counts on every wire of its way)\n\n" + wiresText(r);
  if (r.schedule && r.schedule->latencyNs)
    text += "\nSchedule (MACs and payload alone, at the speeds that boards and links state)\n\n" +
            scheduleText(*r.schedule);
  text += "\nLayers (share: the largest node's; read: from other nodes in all; of dense: of what is"
          "\nread without masks; as: features, partial sums or statistics, +: others too)\n\n";
  text += layersText(r);
  text += "\nComputed or stored more than once\n\n" + replicatedText(r);
  return text;
}

} // namespace discoc
