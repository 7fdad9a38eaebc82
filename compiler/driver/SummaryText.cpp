//===- SummaryText.cpp - a division in a few lines ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/SummaryText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/ShellWord.h"
#include "compiler/formats/Table.h"
#include <algorithm>
#include <cstdio>

using discoc::bytes;
using discoc::count;
using discoc::LayerReport;
using discoc::LayerShare;
using discoc::percent;
using discoc::Report;

std::string disco::shellWord(const std::string &text) {
  return discoc::shellQuoted(discoc::printable(text, discoc::maxShownName));
}

std::string disco::nodesWord(const Report &r) {
  return std::to_string(r.nodes.size()) + (r.nodes.size() == 1 ? " node" : " nodes");
}

std::string disco::sharesText(const Report &r) {
  const discoc::Totals &most = r.largestNode, &one = r.oneNode;
  auto share = [&](int64_t part, int64_t whole) {
    return r.nodes.size() > 1 && whole > 0 ? " (" + percent(part, whole) + " of the model's)" : "";
  };
  return count(most.macs) + " MACs" + share(most.macs, one.macs) + ", " + bytes(most.weightBytes) +
         " of weights" + share(most.weightBytes, one.weightBytes) + ", " + bytes(most.arenaBytes) +
         (r.schedule && r.schedule->inFlight > 1
              ? " of arenas for " + count(r.schedule->inFlight) + " inferences in flight"
              : " of arena");
}

static std::string messagesText(const discoc::Traffic &traffic) {
  return bytes(traffic.bytes) + " in " + count(traffic.messages) +
         (traffic.messages == 1 ? " message" : " messages");
}

std::string disco::trafficText(const Report &r) {
  if (r.nodes.size() == 1)
    return "nothing: there is one node";
  std::string text = messagesText(r.cluster.exchanged);
  if (r.denseGather.exchanged.bytes > 0)
    text += " (" + percent(r.cluster.exchanged.bytes, r.denseGather.exchanged.bytes) +
            " of the bytes of dense gather)";
  if (r.cluster.root.messages > 0)
    text += "; inputs and outputs " + messagesText(r.cluster.root);
  return text;
}

std::string disco::exchangePointsText(const Report &r) {
  const int64_t points = r.schedule ? r.schedule->exchangePoints.value_or(0) : 0;
  return count(points) + (points == 1 ? " exchange point" : " exchange points") +
         " one behind another";
}

//===----------------------------------------------------------------------===//
// What is not divided
//===----------------------------------------------------------------------===//

namespace {
struct Undivided {
  std::string what;
  int64_t ops = 0, macs = 0;
};
} // namespace

static int64_t mostMacs(const LayerReport &layer) {
  int64_t most = 0;
  for (const LayerShare &share : layer.nodes)
    most = std::max(most, share.macs);
  return most;
}

static void note(std::vector<Undivided> &list, const std::string &what, int64_t macs) {
  auto at = std::find_if(list.begin(), list.end(),
                         [&](const Undivided &other) { return other.what == what; });
  if (at == list.end())
    at = list.insert(list.end(), {what, 0, 0});
  ++at->ops;
  at->macs += macs;
}

std::string disco::undividedText(const Report &r) {
  if (r.nodes.size() == 1)
    return "";
  std::vector<Undivided> list;
  for (const LayerReport &layer : r.layers) {
    if (layer.macs == 0)
      continue;
    // Of a recurrent layer the product of its inputs is divided.
    if (layer.replicatedMacs > 0)
      note(list, layer.type + " on every node",
           layer.replicatedMacs / static_cast<int64_t>(r.nodes.size() - 1));
    else if (mostMacs(layer) == layer.macs)
      note(list, layer.type + " on one node", layer.macs);
  }
  if (list.empty())
    return "nothing: every layer's arithmetic is shared";
  std::stable_sort(list.begin(), list.end(),
                   [](const Undivided &a, const Undivided &b) { return a.macs > b.macs; });
  constexpr size_t mostKinds = 4;
  std::string text;
  int64_t more = 0;
  for (size_t i = 0; i < list.size(); ++i)
    if (i < mostKinds)
      text += (i ? ", " : "") + std::to_string(list[i].ops) + " " + list[i].what + " (" +
              percent(list[i].macs, r.oneNode.macs) + " of the MACs)";
    else
      more += list[i].ops;
  return discoc::printable(text, discoc::maxShownText) +
         (more ? ", and " + std::to_string(more) + " more ops" : "");
}

//===----------------------------------------------------------------------===//
// What limits
//===----------------------------------------------------------------------===//

static std::string layerText(const LayerReport &layer) {
  return discoc::printable(layer.op, discoc::maxShownName) + " (" +
         discoc::printable(layer.type, discoc::maxShownName) + ")";
}

/// The layer of which `weight` is the largest; null where it is 0 for all.
template <typename F> static const LayerReport *mostOf(const Report &r, F weight) {
  const LayerReport *most = nullptr;
  for (const LayerReport &layer : r.layers)
    if (weight(layer) > (most ? weight(*most) : 0))
      most = &layer;
  return most;
}

/// What the busiest node does of a layer beyond an even share.
static int64_t excessOf(const LayerReport &layer, int64_t rank, size_t nodes) {
  for (const LayerShare &share : layer.nodes)
    if (share.rank == rank)
      return share.macs - layer.macs / static_cast<int64_t>(nodes);
  return 0;
}

static std::string oneNodeLimit(const Report &r) {
  const LayerReport *macs = mostOf(r, [](const LayerReport &l) { return l.macs; });
  const LayerReport *weights = mostOf(r, [](const LayerReport &l) { return l.weightBytes; });
  if (!macs)
    return "nothing: it has no multiply-accumulates";
  std::string text = "the one node; of its MACs the most are of " + layerText(*macs) + ", " +
                     percent(macs->macs, r.oneNode.macs);
  if (weights)
    text += "; of its weights of " + layerText(*weights) + ", " +
            percent(weights->weightBytes, r.oneNode.weightBytes);
  return text;
}

/// Where boards and wires state their speeds. Empty: they do not.
static std::string timedLimit(const Report &r) {
  const discoc::WireReport *wire = nullptr;
  for (const discoc::WireReport &one : r.wires)
    if (one.leastUs > (wire ? wire->leastUs : 0))
      wire = &one;
  const auto busiest =
      std::max_element(r.nodes.begin(), r.nodes.end(),
                       [](const auto &a, const auto &b) { return a.computeUs < b.computeUs; });
  if (!wire || busiest->computeUs == 0)
    return "";
  std::string ends;
  for (int64_t rank : wire->ends)
    ends += (ends.empty() ? "" : "-") + std::to_string(rank);
  const std::string wireTime = "the bytes on the " + wire->kind + " of nodes " + ends + " take " +
                               discoc::duration(wire->leastUs);
  const std::string nodeTime = "the arithmetic of node " + std::to_string(busiest->rank) +
                               " takes " + discoc::duration(busiest->computeUs);
  return wire->leastUs > busiest->computeUs ? wireTime + "; " + nodeTime
                                            : nodeTime + "; " + wireTime;
}

std::string disco::limitText(const Report &r) {
  const size_t nodes = r.nodes.size();
  if (nodes == 1)
    return oneNodeLimit(r);
  if (const std::string text = timedLimit(r); !text.empty())
    return text;
  const auto busiest = std::max_element(
      r.nodes.begin(), r.nodes.end(), [](const auto &a, const auto &b) { return a.macs < b.macs; });
  // A twentieth more than an even share is what rounding to whole channels may cost.
  const bool uneven = static_cast<double>(busiest->macs) * static_cast<double>(nodes) >
                      1.05 * static_cast<double>(r.oneNode.macs);
  const LayerReport *worst =
      mostOf(r, [&](const LayerReport &l) { return excessOf(l, busiest->rank, nodes); });
  if (uneven && worst)
    return "node " + std::to_string(busiest->rank) + " has " +
           percent(busiest->macs, r.oneNode.macs) +
           " of the arithmetic; beyond an even share most by " + layerText(*worst);
  const LayerReport *read = mostOf(r, [](const LayerReport &l) { return l.received.sum(); });
  if (!read)
    return "nothing: arithmetic is even, and no message crosses a link";
  return "arithmetic is even; of the bytes on links the most are for " + layerText(*read) + ", " +
         bytes(read->received.sum());
}

std::vector<std::pair<std::string, std::string>> disco::sentencesOf(const Report &r) {
  std::vector<std::pair<std::string, std::string>> all{
      {"nodes", (r.nodes.size() > 1 ? "at most " : "") + sharesText(r)},
      {"exchanged", trafficText(r)}};
  if (std::string text = undividedText(r); !text.empty())
    all.emplace_back("undivided", std::move(text));
  all.emplace_back("limit", limitText(r));
  return all;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static std::string pairsText(const LayerReport &layer) {
  std::string text;
  for (const LayerShare &share : layer.nodes)
    for (auto [from, read] : share.receivedFrom)
      text += (text.empty() ? "" : ", ") + std::to_string(from) + "->" +
              std::to_string(share.rank) + " " + bytes(read);
  return text;
}

static std::string densityText(const std::map<std::string, double> &densities,
                               const std::string &op) {
  auto found = densities.find(op);
  if (found == densities.end())
    return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", found->second);
  return text;
}

std::string disco::layersText(const Report &r, const std::map<std::string, double> &densities,
                              bool pairs) {
  const bool divided = r.nodes.size() > 1;
  std::vector<std::string> headings{"<op", "<type", "MACs", "weights"};
  if (divided)
    headings.insert(headings.end(), {"share", "density", "read"});
  if (divided && pairs)
    headings.push_back("<by pair");
  discoc::Table table(std::move(headings));
  std::vector<std::string> names;
  for (const LayerReport &layer : r.layers)
    names.push_back(layer.op);
  const size_t width = discoc::widthApart(names, 28, 40);
  for (const LayerReport &layer : r.layers) {
    if (layer.macs == 0 && layer.received.sum() == 0)
      continue;
    std::vector<std::string> row{discoc::fitted(layer.op, width), discoc::fitted(layer.type, 24),
                                 count(layer.macs), bytes(layer.weightBytes)};
    if (divided) {
      row.push_back(percent(mostMacs(layer), layer.macs));
      row.push_back(densityText(densities, layer.op));
      row.push_back(bytes(layer.received.sum()));
    }
    if (divided && pairs)
      row.push_back(pairsText(layer));
    table.row(std::move(row));
  }
  return table.empty() ? "  none that computes or sends\n" : table.text();
}
