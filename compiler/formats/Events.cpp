//===- Events.cpp - what happens when, in one or more inferences ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Events.h"
#include "compiler/formats/EventsJson.h"

#include <algorithm>
#include <array>
#include <utility>

namespace discoc {

static constexpr const char *formatName = "discoc-events";
static constexpr Word<ScheduleEvent::Kind> kindWords[] = {
    {"compute", ScheduleEvent::Kind::Compute},
    {"transfer", ScheduleEvent::Kind::Transfer},
    {"wait", ScheduleEvent::Kind::Wait}};
static constexpr Word<Events::Source> sourceWords[] = {{"computed", Events::Source::Computed},
                                                       {"measured", Events::Source::Measured}};

/// The times of a whole inference, each with its key.
template <class E> static auto timesOf(E &events) {
  return std::array{
      std::pair{"latency_ns", &events.latencyNs}, std::pair{"sequential_ns", &events.sequentialNs},
      std::pair{"period_ns", &events.periodNs}, std::pair{"chain_ns", &events.chainNs}};
}

static Json toJson(const ScheduleEvent &event) {
  Json json;
  json["node"] = event.node;
  json["inference"] = event.inference;
  json["kind"] = wordOf(kindWords, event.kind);
  if (event.step >= 0)
    json["step"] = event.step;
  if (event.kind == ScheduleEvent::Kind::Compute)
    json["op"] = event.op;
  else
    json["message"] = event.message;
  if (event.kind == ScheduleEvent::Kind::Transfer) {
    json["to"] = event.to;
    json["bytes"] = event.bytes;
    if (!event.op.empty())
      json["op"] = event.op;
  }
  if (event.startNs && event.endNs) {
    json["start_ns"] = *event.startNs;
    json["end_ns"] = *event.endNs;
  }
  return json;
}

Json toJson(const Events &events) {
  Json json;
  json["format"] = formatName;
  json["version"] = Events::version;
  json["source"] = wordOf(sourceWords, events.source);
  json["in_flight"] = events.inFlight;
  for (auto [key, time] : timesOf(events))
    if (*time)
      json[key] = **time;
  if (events.periodNs.value_or(0) > 0)
    json["per_second"] = 1e9 / static_cast<double>(*events.periodNs);
  for (const NodeLoad &node : events.nodes)
    json["nodes"].push_back(
        {{"busy_ns", node.busyNs}, {"link_ns", node.linkNs}, {"idle", events.idleOf(node)}});
  for (const StageLoad &stage : events.stages)
    json["stages"].push_back({{"nodes", stage.nodes},
                              {"from", stage.from},
                              {"busy_ns", stage.busyNs},
                              {"link_ns", stage.linkNs}});
  if (!events.stages.empty() && !events.nodes.empty())
    json["bottleneck"] = events.bottleneck();
  if (events.exchangePoints)
    json["exchange_points"] = *events.exchangePoints;
  json["left_out"] = events.leftOut;
  json["events"] = Json::array();
  for (const ScheduleEvent &event : events.events)
    json["events"].push_back(toJson(event));
  return json;
}

double Events::idleOf(const NodeLoad &node) const {
  if (periodNs.value_or(0) <= 0)
    return 0;
  const double busy = static_cast<double>(node.busyNs) / static_cast<double>(*periodNs);
  return std::max(0.0, 1 - busy);
}

size_t Events::bottleneck() const {
  size_t slowest = 0;
  for (size_t i = 1; i < stages.size(); ++i)
    if (stages[i].slowest() > stages[slowest].slowest())
      slowest = i;
  return slowest;
}

static bool readLoads(const JsonView &view, Events &events) {
  if (view.has("nodes") && !view.member("nodes").elements([&](size_t, const JsonView &item) {
        NodeLoad &node = events.nodes.emplace_back();
        return item.object({"busy_ns", "link_ns", "idle"}) &&
               item.member("busy_ns").read(node.busyNs) && item.member("link_ns").read(node.linkNs);
      }))
    return false;
  return !view.has("stages") || view.member("stages").elements([&](size_t, const JsonView &item) {
    StageLoad &stage = events.stages.emplace_back();
    if (!item.object({"nodes", "from", "busy_ns", "link_ns"}) ||
        !item.member("from").read(stage.from) || !item.member("busy_ns").read(stage.busyNs) ||
        !item.member("link_ns").read(stage.linkNs))
      return false;
    return item.member("nodes").elements([&](size_t, const JsonView &rank) {
      return rank.read(stage.nodes.emplace_back(), 0, maxNodes - 1);
    });
  });
}

std::string eventsText(const Events &events) { return layOut(toJson(events)); }

static bool readTime(const JsonView &view, const char *key, std::optional<int64_t> &time) {
  return !view.has(key) || view.member(key).read(time.emplace());
}

static bool readEvent(const JsonView &view, ScheduleEvent &event) {
  if (!view.object({"node", "inference", "kind"},
                   {"step", "op", "message", "to", "bytes", "start_ns", "end_ns"}) ||
      !readWord(view.member("kind"), kindWords, event.kind))
    return false;
  bool good = view.member("node").read(event.node, 0, maxNodes - 1) &&
              view.member("inference").read(event.inference) &&
              (!view.has("step") || view.member("step").read(event.step));
  const bool computes = event.kind == ScheduleEvent::Kind::Compute;
  if (!view.has(computes ? "op" : "message"))
    return view.fault(computes ? "has no \"op\"" : "has no \"message\"");
  good =
      (computes ? view.member("op").read(event.op) : view.member("message").read(event.message)) &&
      good;
  if (event.kind == ScheduleEvent::Kind::Transfer) {
    if (!view.has("to") || !view.has("bytes"))
      return view.fault("has no \"to\" or no \"bytes\"");
    good = view.member("to").read(event.to, 0, maxNodes - 1) &&
           view.member("bytes").read(event.bytes) &&
           (!view.has("op") || view.member("op").read(event.op)) && good;
  }
  if (view.has("start_ns") != view.has("end_ns"))
    return view.fault("has only one of \"start_ns\" and \"end_ns\"");
  return readTime(view, "start_ns", event.startNs) && readTime(view, "end_ns", event.endNs) && good;
}

bool readEvents(const JsonView &view, Events &events) {
  if (!readHeader(view, formatName, Events::version) ||
      !view.object({"format", "version", "source", "in_flight", "left_out", "events"},
                   {"latency_ns", "sequential_ns", "period_ns", "chain_ns", "exchange_points",
                    "per_second", "nodes", "stages", "bottleneck"}))
    return false;
  bool good = readWord(view.member("source"), sourceWords, events.source) &&
              view.member("in_flight").read(events.inFlight, 1) &&
              view.member("left_out").read(events.leftOut);
  for (auto [key, time] : timesOf(events))
    good = readTime(view, key, *time) && good;
  good =
      readTime(view, "exchange_points", events.exchangePoints) && readLoads(view, events) && good;
  return view.member("events").elements([&](size_t, const JsonView &item) {
    events.events.emplace_back();
    return readEvent(item, events.events.back());
  }) && good;
}

} // namespace discoc
