//===- Trace.cpp - what every node did when, planned or measured ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/trace/Trace.h"
#include "compiler/formats/Printable.h"
#include "compiler/trace/Clocks.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

namespace discoc {

using Kind = TraceEvent::Kind;

//===- of notes ---===//

namespace {

/// What a step of a node's program is called in a trace.
struct NamedStep {
  Kind kind;
  std::string op;
  int64_t message;
};

/// A send is of the layer before it, a wait is of the layer behind it, which it holds up.
std::map<uint32_t, NamedStep> namedSteps(const NodeReport &node) {
  std::map<uint32_t, NamedStep> named;
  std::string last;
  auto add = [&](const StepReport &step, Kind kind) {
    named[static_cast<uint32_t>(step.step)] = {kind, last, step.message};
  };
  for (const StepReport &step : node.steps)
    if (step.kind == StepReport::Kind::Compute) {
      last = step.op;
      add(step, Kind::Compute);
    } else if (step.kind == StepReport::Kind::Send) {
      add(step, Kind::Send);
    }
  last.clear();
  for (auto step = node.steps.rbegin(); step != node.steps.rend(); ++step)
    if (step->kind == StepReport::Kind::Compute)
      last = step->op;
    else if (step->kind != StepReport::Kind::Send)
      add(*step, step->kind == StepReport::Kind::Wait ? Kind::Wait : Kind::Flush);
  return named;
}

/// The messages of a trace, each with its two ends as events of it.
class Messages {
public:
  Messages(const Manifest &manifest) {
    for (const ManifestMessage &message : manifest.messages)
      byId_[message.id] = &message;
  }

  void add(const TraceEvent &event, size_t index) {
    if (event.kind == Kind::Send)
      sends_[{event.message, event.inference}] = index;
    else if (event.kind == Kind::Wait && !event.isOpen)
      waits_[{event.message, event.inference}] = index;
  }

  template <class F> void forEach(const F &each) const {
    for (const auto &[key, send] : sends_)
      if (auto wait = waits_.find(key), known = waits_.end(); wait != known)
        if (auto message = byId_.find(key.first); message != byId_.end())
          each(*message->second, send, wait->second);
  }

private:
  std::map<int64_t, const ManifestMessage *> byId_;
  std::map<std::pair<int64_t, int64_t>, size_t> sends_, waits_; // by message and inference
};

TraceEvent transferOf(const ManifestMessage &message, const TraceEvent &send, int64_t endNs) {
  TraceEvent transfer;
  transfer.kind = Kind::Transfer;
  transfer.node = message.from;
  transfer.to = message.to;
  transfer.inference = send.inference;
  transfer.message = message.id;
  transfer.bytes = message.bytes;
  transfer.op = message.routes.empty() ? "" : message.routes.front().tensor;
  transfer.startNs = send.startNs;
  transfer.endNs = endNs;
  return transfer;
}

/// Messages of a pair of nodes arrive as they were sent, so one that somebody waited for brings the
/// end of all before it; and a link carries one after the other.
void addTransfers(const Messages &messages, std::vector<TraceEvent> &events) {
  std::map<std::pair<int64_t, int64_t>, std::vector<TraceEvent>> links;
  messages.forEach([&](const ManifestMessage &message, size_t send, size_t wait) {
    links[{message.from, message.to}].push_back(
        transferOf(message, events[send], events[wait].endNs));
  });
  for (auto &[pair, link] : links) {
    std::stable_sort(link.begin(), link.end(), [](const TraceEvent &a, const TraceEvent &b) {
      return a.startNs < b.startNs;
    });
    for (size_t i = link.size(); i-- > 1;)
      link[i - 1].endNs = std::min(link[i - 1].endNs, link[i].endNs);
    int64_t free = 0;
    for (TraceEvent &transfer : link) {
      transfer.startNs = std::min(std::max(transfer.startNs, free), transfer.endNs);
      free = transfer.endNs;
      events.push_back(std::move(transfer));
    }
  }
}

void finish(Trace &trace) {
  std::stable_sort(trace.events.begin(), trace.events.end(),
                   [](const TraceEvent &a, const TraceEvent &b) {
                     return std::pair(a.startNs, -a.endNs) < std::pair(b.startNs, -b.endNs);
                   });
  const int64_t first = trace.events.empty() ? 0 : trace.events.front().startNs;
  for (TraceEvent &event : trace.events) {
    event.startNs -= first;
    event.endNs -= first;
  }
}

Trace emptyTrace(const Report &report, Events::Source source) {
  Trace trace{report.model, report.buildHash, source, {}, {}};
  for (const NodeReport &node : report.nodes)
    trace.nodes.emplace_back().name = node.name;
  return trace;
}

void addNotes(Trace &trace, const NodeReport &node, const NodeNotes &notes, Messages &messages) {
  const std::map<uint32_t, NamedStep> named = namedSteps(node);
  for (const Note &note : notes.notes) {
    TraceEvent event;
    event.node = node.rank;
    event.inference = note.inference;
    event.startNs = note.start;
    event.endNs = note.end;
    event.isOpen = note.isOpen;
    if (auto step = named.find(note.step); step != named.end()) {
      event.step = note.step;
      event.kind = step->second.kind;
      event.op = step->second.op;
      event.message = step->second.message;
    } else {
      event.kind = note.step == Note::endStep ? Kind::End : Kind::Inference;
    }
    messages.add(event, trace.events.size());
    trace.events.push_back(std::move(event));
  }
}

std::vector<AlignedClock> clocksOf(const Trace &trace, const std::vector<NodeNotes> &notes,
                                   const Messages &messages) {
  std::vector<uint64_t> ids(trace.nodes.size(), 0);
  for (const NodeNotes &node : notes)
    ids[static_cast<size_t>(node.rank)] = node.clockId;
  std::vector<Crossing> crossings;
  messages.forEach([&](const ManifestMessage &message, size_t send, size_t wait) {
    crossings.push_back({static_cast<size_t>(message.from), static_cast<size_t>(message.to),
                         trace.events[send].startNs, trace.events[wait].endNs});
  });
  return alignClocks(ids, crossings);
}
} // namespace

Trace measuredTrace(const Report &report, const Manifest &manifest,
                    const std::vector<NodeNotes> &notes) {
  Trace trace = emptyTrace(report, Events::Source::Measured);
  Messages messages(manifest);
  for (const NodeNotes &node : notes) {
    const auto rank = static_cast<size_t>(node.rank);
    trace.nodes[rank].notes = static_cast<int64_t>(node.notes.size());
    trace.nodes[rank].lost = node.lost;
    trace.nodes[rank].tickNs = node.tickNs;
    addNotes(trace, report.nodes[rank], node, messages);
  }
  const std::vector<AlignedClock> clocks = clocksOf(trace, notes, messages);
  for (size_t rank = 0; rank < clocks.size(); ++rank) {
    trace.nodes[rank].aroundNs = clocks[rank].around();
    trace.nodes[rank].isOpen = clocks[rank].isOpen();
  }
  for (TraceEvent &event : trace.events) {
    const AlignedClock &clock = clocks[static_cast<size_t>(event.node)];
    event.startNs = clock.common(event.startNs);
    event.endNs = clock.common(event.endNs);
  }
  addTransfers(messages, trace.events);
  finish(trace);
  return trace;
}

//===- of schedules ---===//

std::optional<Trace> plannedTrace(const Report &report, const Manifest &manifest,
                                  Diagnostics &out) {
  if (!report.schedule || report.schedule->leftOut || report.schedule->events.empty() ||
      !report.schedule->events.front().startNs) {
    out.push_back({"report.json", "$.schedule", "has no times",
                   "a cluster file that states the speeds of boards and links gives them"});
    return std::nullopt;
  }
  std::map<int64_t, const ManifestMessage *> messages;
  for (const ManifestMessage &message : manifest.messages)
    messages[message.id] = &message;
  Trace trace = emptyTrace(report, Events::Source::Computed);
  for (const ScheduleEvent &planned : report.schedule->events) {
    TraceEvent event;
    event.kind = planned.kind == ScheduleEvent::Kind::Compute    ? Kind::Compute
                 : planned.kind == ScheduleEvent::Kind::Transfer ? Kind::Transfer
                                                                 : Kind::Wait;
    if (auto message = messages.find(planned.message); event.kind == Kind::Wait &&
                                                       message != messages.end() &&
                                                       message->second->from == planned.node)
      event.kind = Kind::Flush;
    event.node = planned.node;
    event.inference = planned.inference;
    event.step = planned.step;
    event.op = planned.op;
    event.message = planned.message;
    event.to = planned.to;
    event.bytes = planned.bytes;
    event.startNs = planned.startNs.value_or(0);
    event.endNs = planned.endNs.value_or(0);
    trace.events.push_back(std::move(event));
  }
  // A wait holds up what its node computes next.
  std::map<int64_t, std::string> next;
  for (auto event = trace.events.rbegin(); event != trace.events.rend(); ++event)
    if (event->kind == Kind::Compute)
      next[event->node] = event->op;
    else if (event->waits())
      event->op = next[event->node];
  finish(trace);
  return trace;
}

//===- one inference ---===//

std::vector<WholeInference> wholeInferences(const Trace &trace) {
  // Of a ring that was full, the oldest inference may lack its beginning.
  std::map<int64_t, int64_t> oldest; // by node
  std::map<int64_t, std::pair<WholeInference, size_t>> all;
  for (const TraceEvent &event : trace.events)
    if (event.kind != Kind::Inference && event.kind != Kind::Transfer) {
      auto at = oldest.try_emplace(event.node, event.inference).first;
      at->second = std::min(at->second, event.inference);
    }
  auto isWhole = [&](const TraceEvent &event) {
    return trace.nodes[static_cast<size_t>(event.node)].lost == 0 ||
           event.inference > oldest[event.node];
  };
  for (const TraceEvent &event : trace.events) {
    if (event.kind != Kind::Inference || !isWhole(event))
      continue;
    auto &[span, nodes] = all[event.inference];
    span.inference = event.inference;
    span.startNs = nodes ? std::min(span.startNs, event.startNs) : event.startNs;
    span.endNs = std::max(span.endNs, event.endNs);
    ++nodes;
  }
  std::vector<WholeInference> whole;
  for (const auto &[inference, each] : all)
    if (each.second == trace.nodes.size())
      whole.push_back(each.first);
  return whole;
}

static std::optional<int64_t> medianOf(const Trace &trace) {
  std::vector<std::pair<int64_t, int64_t>> whole; // duration, inference
  for (const WholeInference &each : wholeInferences(trace))
    whole.emplace_back(each.endNs - each.startNs, each.inference);
  if (whole.empty())
    return std::nullopt;
  std::sort(whole.begin(), whole.end());
  return whole[whole.size() / 2].second;
}

std::optional<Events> medianInference(const Trace &trace) {
  const std::optional<int64_t> chosen = medianOf(trace);
  if (!chosen)
    return std::nullopt;
  Events events;
  events.source = trace.source;
  std::optional<int64_t> first;
  for (const TraceEvent &event : trace.events) {
    if (event.inference != *chosen)
      continue;
    first = first.value_or(event.startNs);
    const int64_t start = event.startNs - *first, end = event.endNs - *first;
    events.latencyNs = std::max(events.latencyNs.value_or(0), end);
    ScheduleEvent out;
    out.node = event.node;
    out.inference = event.inference;
    out.step = event.step;
    out.op = event.op;
    out.message = event.message;
    out.to = event.to;
    out.bytes = event.bytes;
    out.startNs = start;
    out.endNs = end;
    out.kind = event.kind == Kind::Transfer  ? ScheduleEvent::Kind::Transfer
               : event.kind == Kind::Compute ? ScheduleEvent::Kind::Compute
                                             : ScheduleEvent::Kind::Wait;
    // What packs and hands over is drawn as nothing; the wait at the end is for no single message.
    if (event.kind == Kind::Compute || event.kind == Kind::Transfer ||
        (event.waits() && event.message >= 0))
      events.events.push_back(std::move(out));
  }
  return events;
}

//===- of a run that failed ---===//

static std::string doing(const TraceEvent &event,
                         const std::map<int64_t, const ManifestMessage *> &messages) {
  const auto found = messages.find(event.message);
  const std::string message = fmt::format("message {}", event.message);
  const std::string other = found == messages.end() ? ""
                            : event.kind == Kind::Wait
                                ? fmt::format(" from rank {}", found->second->from)
                                : fmt::format(" to rank {}", found->second->to);
  switch (event.kind) {
  case Kind::Compute: return "computing";
  case Kind::Send: return "sending " + message + other;
  case Kind::Flush: return "waiting until " + message + other + " has left";
  case Kind::Wait: return "waiting for " + message + other;
  default: return "waiting until all that it sent has left";
  }
}

std::vector<std::string> standings(const Trace &trace, const Manifest &manifest) {
  std::map<int64_t, const ManifestMessage *> messages;
  for (const ManifestMessage &message : manifest.messages)
    messages[message.id] = &message;
  std::map<int64_t, const TraceEvent *> last;
  std::map<int64_t, int64_t> ended;
  for (const TraceEvent &event : trace.events)
    if (event.kind == Kind::Inference)
      ended.insert_or_assign(event.node, event.inference);
    else if (event.kind != Kind::Transfer)
      last[event.node] = &event;
  std::vector<std::string> lines;
  for (const auto &[rank, event] : last) {
    if (auto end = ended.find(rank); end != ended.end() && end->second >= event->inference)
      continue;
    const std::string layer =
        event->op.empty() ? "" : "layer \"" + printable(event->op, maxShownName) + "\"";
    // A link is looked at between two steps too: there, nothing is open.
    const std::string where = layer.empty() ? "" : (event->isOpen ? " at " : " after ") + layer;
    lines.push_back(fmt::format("rank {} was in inference {}{}{}", rank, event->inference, where,
                                event->isOpen ? ": " + doing(*event, messages) : ""));
  }
  return lines;
}

} // namespace discoc
