//===- TraceText.cpp - what a trace says of every layer and node ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/trace/TraceText.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace discoc {

using Kind = TraceEvent::Kind;

static int64_t medianOf(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

namespace {
/// Durations of one layer on one node, by inference.
struct Durations {
  std::map<int64_t, int64_t> busy;
  int64_t waiting = 0;
};
} // namespace

static std::vector<LayerTimes> layersOf(const Trace &trace) {
  std::map<std::pair<std::string, int64_t>, Durations> all;
  for (const TraceEvent &event : trace.events) {
    const int64_t took = event.endNs - event.startNs;
    if (event.isOpen || event.kind == Kind::Inference || event.kind == Kind::Transfer)
      continue;
    Durations &layer = all[{event.op, event.node}];
    if (event.waits())
      layer.waiting += took;
    else
      layer.busy[event.inference] += took;
  }
  std::vector<LayerTimes> layers;
  for (const auto &[key, durations] : all) {
    LayerTimes layer{
        key.first, key.second,       static_cast<int64_t>(durations.busy.size()), 0, 0, 0,
        0,         durations.waiting};
    std::vector<int64_t> busy;
    for (auto [inference, took] : durations.busy)
      busy.push_back(took);
    for (int64_t took : busy)
      layer.busyNs += took;
    if (!busy.empty()) {
      layer.leastNs = *std::min_element(busy.begin(), busy.end());
      layer.mostNs = *std::max_element(busy.begin(), busy.end());
    }
    layer.medianNs = medianOf(std::move(busy));
    layers.push_back(std::move(layer));
  }
  std::stable_sort(layers.begin(), layers.end(), [](const LayerTimes &a, const LayerTimes &b) {
    return a.busyNs + a.waitingNs > b.busyNs + b.waitingNs;
  });
  return layers;
}

static std::vector<LateMessage> lateOf(const Trace &trace) {
  std::map<int64_t, int64_t> senders;
  std::map<int64_t, std::pair<LateMessage, std::vector<int64_t>>> all;
  for (const TraceEvent &event : trace.events) {
    if (event.kind == Kind::Transfer)
      senders[event.message] = event.node;
    if (event.kind != Kind::Wait || event.isOpen)
      continue;
    auto &[late, waits] = all[event.message];
    late.message = event.message;
    late.to = event.node;
    late.op = event.op;
    waits.push_back(event.endNs - event.startNs);
  }
  std::vector<LateMessage> list;
  for (auto &[id, each] : all) {
    auto &[late, waits] = each;
    late.waits = static_cast<int64_t>(waits.size());
    for (int64_t took : waits)
      late.totalNs += took;
    late.medianNs = medianOf(std::move(waits));
    if (auto sender = senders.find(id); sender != senders.end())
      late.from = sender->second;
    list.push_back(std::move(late));
  }
  std::stable_sort(list.begin(), list.end(), [](const LateMessage &a, const LateMessage &b) {
    return a.totalNs > b.totalNs;
  });
  return list;
}

TraceSummary summarise(const Trace &trace) {
  std::vector<int64_t> took;
  for (const WholeInference &each : wholeInferences(trace))
    took.push_back(each.endNs - each.startNs);
  TraceSummary summary{static_cast<int64_t>(took.size()), 0, 0, 0, layersOf(trace), lateOf(trace)};
  if (!took.empty()) {
    summary.leastNs = *std::min_element(took.begin(), took.end());
    summary.mostNs = *std::max_element(took.begin(), took.end());
    summary.medianNs = medianOf(std::move(took));
  }
  return summary;
}

//===- text ---===//

static std::string microseconds(int64_t nanoseconds) {
  return fmt::format("{:.1f}", static_cast<double>(nanoseconds) / 1000);
}

static std::string clockText(const TraceNode &node) {
  const std::string tick =
      node.tickNs > 1 ? ", to " + microseconds(node.tickNs) + " us" : std::string();
  if (node.isOpen)
    return tick + ", its clock bounded from one side at most";
  return tick + (node.aroundNs ? ", its clock within " + microseconds(node.aroundNs) + " us" : "");
}

std::string traceText(const Trace &trace, size_t most) {
  const TraceSummary summary = summarise(trace);
  const bool isMeasured = trace.source == Events::Source::Measured;
  std::string text =
      fmt::format("{} of {} on {} {}\n", isMeasured ? "measured" : "planned", trace.model,
                  trace.nodes.size(), trace.nodes.size() == 1 ? "node" : "nodes");
  if (summary.inferences)
    text += fmt::format("{} whole {}: median {} us, from {} to {} us\n", summary.inferences,
                        summary.inferences == 1 ? "inference" : "inferences",
                        microseconds(summary.medianNs), microseconds(summary.leastNs),
                        microseconds(summary.mostNs));
  for (size_t rank = 0; isMeasured && rank < trace.nodes.size(); ++rank) {
    const TraceNode &node = trace.nodes[rank];
    text += fmt::format("node {}: {} notes{}{}\n", rank, node.notes,
                        node.lost ? fmt::format(", {} earlier ones lost to them", node.lost) : "",
                        clockText(node));
  }
  Table layers({"<layer", "node", "median us", "from", "to", "waiting"});
  for (size_t i = 0; i < std::min(most, summary.layers.size()); ++i) {
    const LayerTimes &layer = summary.layers[i];
    layers.row({layer.op.empty() ? "(the end of an inference)" : layer.op,
                std::to_string(layer.node), microseconds(layer.medianNs),
                microseconds(layer.leastNs), microseconds(layer.mostNs),
                percent(layer.waitingNs, layer.busyNs + layer.waitingNs)});
  }
  text += "\nlayers, those that took most first\n" + layers.text();
  if (summary.layers.size() > most)
    text += fmt::format("  and {} more: --all\n", summary.layers.size() - most);
  if (summary.late.empty())
    return text;
  Table late({"message", "from", "to", "median us", "of all waiting", "<held up"});
  int64_t all = 0;
  for (const LateMessage &each : summary.late)
    all += each.totalNs;
  for (size_t i = 0; i < std::min(most, summary.late.size()); ++i) {
    const LateMessage &each = summary.late[i];
    late.row({std::to_string(each.message), each.from < 0 ? "-" : std::to_string(each.from),
              std::to_string(each.to), microseconds(each.medianNs), percent(each.totalNs, all),
              each.op});
  }
  return text + "\nmessages that were waited for, the dearest first\n" + late.text();
}

std::string traceJson(const Trace &trace) {
  using Json = nlohmann::ordered_json;
  const TraceSummary summary = summarise(trace);
  Json json = {{"model", trace.model},
               {"build_hash", trace.buildHash},
               {"source", trace.source == Events::Source::Measured ? "measured" : "computed"},
               {"inferences", summary.inferences},
               {"time_ns",
                {{"median", summary.medianNs}, {"min", summary.leastNs}, {"max", summary.mostNs}}},
               {"nodes", Json::array()},
               {"layers", Json::array()},
               {"late", Json::array()}};
  for (size_t rank = 0; rank < trace.nodes.size(); ++rank) {
    const TraceNode &node = trace.nodes[rank];
    json["nodes"].push_back({{"rank", rank},
                             {"name", node.name},
                             {"notes", node.notes},
                             {"lost", node.lost},
                             {"tick_ns", node.tickNs},
                             {"around_ns", node.isOpen ? Json() : Json(node.aroundNs)}});
  }
  for (const LayerTimes &layer : summary.layers)
    json["layers"].push_back({{"op", layer.op},
                              {"node", layer.node},
                              {"inferences", layer.inferences},
                              {"median_ns", layer.medianNs},
                              {"min_ns", layer.leastNs},
                              {"max_ns", layer.mostNs},
                              {"busy_ns", layer.busyNs},
                              {"waiting_ns", layer.waitingNs}});
  for (const LateMessage &each : summary.late)
    json["late"].push_back({{"message", each.message},
                            {"from", each.from < 0 ? Json() : Json(each.from)},
                            {"to", each.to},
                            {"op", each.op},
                            {"waits", each.waits},
                            {"median_ns", each.medianNs},
                            {"total_ns", each.totalNs}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace discoc
