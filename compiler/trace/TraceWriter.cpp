//===- TraceWriter.cpp - a trace as Perfetto's TrackEvents ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Printable.h"
#include "compiler/trace/TraceFile.h"
#include "compiler/trace/TraceWords.h"
#include "compiler/trace/perfetto.pb.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

namespace discoc {

namespace pb = perfetto::protos;
using Kind = TraceEvent::Kind;

static const char *wordOfKind(Kind kind) {
  return std::find_if(std::begin(traceKinds), std::end(traceKinds),
                      [&](const auto &entry) { return entry.second == kind; })
      ->first;
}

namespace {
class TraceWriter {
public:
  TraceWriter(const Trace &trace, const Report &report, const Manifest &manifest)
      : trace_(trace), report_(report) {
    for (const ManifestMessage &message : manifest.messages)
      messages_[message.id] = &message;
  }

  std::string bytes() {
    addHead();
    for (const TraceEvent &event : trace_.events)
      tracks_[trackOf(event)].push_back(&event);
    for (const auto &[track, events] : tracks_)
      addTrack(track, events);
    addQueues();
    for (size_t rank = 0; rank < report_.nodes.size(); ++rank)
      addArena(report_.nodes[rank], tracks_[nodeTrack(static_cast<int64_t>(rank))]);
    std::stable_sort(timed_.begin(), timed_.end(),
                     [](const auto &a, const auto &b) { return a.timestamp() < b.timestamp(); });
    for (pb::TracePacket &packet : timed_)
      *file_.add_packet() = std::move(packet);
    return file_.SerializeAsString();
  }

private:
  //===- packets ---===//

  static constexpr uint32_t sequence = 1;

  pb::TracePacket &timed(int64_t time) {
    pb::TracePacket &packet = timed_.emplace_back();
    packet.set_timestamp(static_cast<uint64_t>(time));
    packet.set_trusted_packet_sequence_id(sequence);
    packet.set_sequence_flags(pb::TracePacket::SEQ_NEEDS_INCREMENTAL_STATE);
    return packet;
  }

  pb::TrackEvent &event(int64_t time, uint64_t track, pb::TrackEvent::Type type,
                        const std::string &name = "") {
    pb::TracePacket &packet = timed(time);
    pb::TrackEvent &event = *packet.mutable_track_event();
    event.set_type(type);
    event.set_track_uuid(track);
    if (!name.empty())
      event.set_name_iid(nameOf(name));
    return event;
  }

  void track(uint64_t id, const std::string &name, uint64_t parent,
             std::optional<pb::CounterDescriptor::Unit> unit = std::nullopt) {
    pb::TracePacket &packet = *file_.add_packet();
    packet.set_trusted_packet_sequence_id(sequence);
    pb::TrackDescriptor &descriptor = *packet.mutable_track_descriptor();
    descriptor.set_uuid(id);
    descriptor.set_name(name);
    if (parent)
      descriptor.set_parent_uuid(parent);
    if (unit)
      descriptor.mutable_counter()->set_unit(*unit);
  }

  /// Names are said once, in the first packet, which all others need.
  uint64_t nameOf(const std::string &name) {
    auto [known, isNew] = names_.try_emplace(name, names_.size() + 1);
    if (isNew) {
      pb::EventName &entry = *head_->mutable_interned_data()->add_event_names();
      entry.set_iid(known->second);
      entry.set_name(name);
    }
    return known->second;
  }

  pb::DebugAnnotation &annotation(pb::TrackEvent &event, const char *key) {
    auto [known, isNew] = keys_.try_emplace(key, keys_.size() + 1);
    if (isNew) {
      pb::DebugAnnotationName &entry =
          *head_->mutable_interned_data()->add_debug_annotation_names();
      entry.set_iid(known->second);
      entry.set_name(key);
    }
    pb::DebugAnnotation &added = *event.add_debug_annotations();
    added.set_name_iid(known->second);
    return added;
  }
  void note(pb::TrackEvent &event, const char *key, int64_t value) {
    annotation(event, key).set_int_value(value);
  }
  void note(pb::TrackEvent &event, const char *key, const std::string &value) {
    annotation(event, key).set_string_value(value);
  }

  //===- what is there once ---===//

  void addHead() {
    head_ = file_.add_packet();
    head_->set_trusted_packet_sequence_id(sequence);
    head_->set_sequence_flags(pb::TracePacket::SEQ_INCREMENTAL_STATE_CLEARED);
    const bool isMeasured = trace_.source == Events::Source::Measured;
    pb::TrackDescriptor &own = *head_->mutable_track_descriptor();
    own.set_uuid(traceTrack);
    own.set_name(printable(trace_.model, maxShownName) + (isMeasured ? ", measured" : ", planned"));
    pb::TrackEvent &about = event(0, traceTrack, pb::TrackEvent::TYPE_INSTANT, "trace");
    note(about, "format", std::string(traceFormat));
    note(about, "version", Trace::version);
    note(about, "model", trace_.model);
    note(about, "build_hash", trace_.buildHash);
    note(about, "source", std::string(isMeasured ? "measured" : "computed"));
    note(about, "nodes", static_cast<int64_t>(trace_.nodes.size()));
    for (size_t rank = 0; rank < trace_.nodes.size(); ++rank)
      addNode(static_cast<int64_t>(rank), trace_.nodes[rank]);
  }

  void addNode(int64_t rank, const TraceNode &node) {
    track(nodeTrack(rank), fmt::format("node {}: {}", rank, printable(node.name, maxShownName)),
          traceTrack);
    pb::TrackEvent &about = event(0, nodeTrack(rank), pb::TrackEvent::TYPE_INSTANT, "notes");
    note(about, "rank", rank);
    note(about, "name", node.name);
    note(about, "notes", node.notes);
    note(about, "lost", node.lost);
    note(about, "tick_ns", node.tickNs);
    note(about, "around_ns", node.aroundNs);
    note(about, "open", static_cast<int64_t>(node.isOpen));
  }

  //===- events ---===//

  static uint64_t trackOf(const TraceEvent &event) {
    return event.kind == Kind::Transfer ? linkTrack(event.node, event.to) : nodeTrack(event.node);
  }

  std::string titleOf(const TraceEvent &event) const {
    const std::string message = "message " + std::to_string(event.message);
    switch (event.kind) {
    case Kind::Compute: return event.op;
    case Kind::Send: return "send " + message;
    case Kind::Flush: return "wait until " + message + " has left";
    case Kind::Wait: return "wait for " + message;
    case Kind::End: return "wait until all has left";
    case Kind::Inference: return "inference";
    case Kind::Transfer: return message;
    }
    return "";
  }

  /// Every message of every inference has one of its own.
  uint64_t flowOf(const TraceEvent &event) const {
    return (static_cast<uint64_t>(event.inference) << 32) + static_cast<uint64_t>(event.message) +
           1;
  }

  /// What a message carries, as the manifest has it.
  std::string routeOf(int64_t id) const {
    auto found = messages_.find(id);
    std::string text;
    for (const ManifestRoute &route :
         found == messages_.end() ? std::vector<ManifestRoute>() : found->second->routes) {
      static const char *const kinds[] = {"feature", "partial sum", "statistic"};
      text += fmt::format("{}{} {} -> {}: {}", text.empty() ? "" : "; ",
                          kinds[static_cast<size_t>(route.kind)], found->second->from,
                          found->second->to, printable(route.tensor, maxShownName));
      if (route.axis)
        text += fmt::format(", {} channels", route.channels.size());
    }
    return printable(text, maxShownText);
  }

  void annotate(pb::TrackEvent &to, const TraceEvent &event) {
    note(to, "kind", std::string(wordOfKind(event.kind)));
    note(to, "inference", event.inference);
    if (event.step >= 0)
      note(to, "step", event.step);
    if (!event.op.empty() && event.kind != Kind::Compute)
      note(to, "op", event.op);
    if (event.message >= 0)
      note(to, "message", event.message);
    if (event.kind == Kind::Transfer) {
      note(to, "to", event.to);
      note(to, "bytes", event.bytes);
      note(to, "route", routes_.try_emplace(event.message, routeOf(event.message)).first->second);
    }
    if (event.isOpen)
      note(to, "unfinished", 1);
    if (event.kind == Kind::Send || event.kind == Kind::Transfer)
      to.add_flow_ids(flowOf(event));
  }

  void begin(uint64_t id, const TraceEvent &slice, int64_t start) {
    annotate(event(start, id, pb::TrackEvent::TYPE_SLICE_BEGIN, titleOf(slice)), slice);
  }

  /// What a wait ends with has arrived: a wait may have begun before the message was sent.
  void end(uint64_t id, const TraceEvent &slice, int64_t end) {
    if (slice.kind == Kind::Wait && !slice.isOpen) {
      pb::TrackEvent &there = event(end, id, pb::TrackEvent::TYPE_INSTANT, "received");
      there.add_terminating_flow_ids(flowOf(slice));
      note(there, "message", slice.message);
    }
    event(end, id, pb::TrackEvent::TYPE_SLICE_END);
  }

  /// Slices of a track lie in each other or one behind the other.
  void addTrack(uint64_t id, const std::vector<const TraceEvent *> &events) {
    if (events.front()->kind == Kind::Transfer)
      track(id, fmt::format("link {} -> {}", events.front()->node, events.front()->to), traceTrack);
    std::vector<std::pair<const TraceEvent *, int64_t>> open; // with the end that it is given
    int64_t last = 0;
    auto close = [&](int64_t before) {
      for (; !open.empty() && open.back().second <= before; open.pop_back())
        end(id, *open.back().first, last = open.back().second);
    };
    for (const TraceEvent *slice : events) {
      close(slice->startNs);
      if (!open.empty() && open.back().first->kind != Kind::Inference)
        close(open.back().second); // of a link: one message after the other
      const bool isInside = !open.empty();
      const int64_t start = std::max(slice->startNs, last);
      const int64_t stop =
          std::max(start, isInside ? std::min(slice->endNs, open.back().second) : slice->endNs);
      begin(id, *slice, start);
      open.emplace_back(slice, stop);
      last = start;
    }
    while (!open.empty())
      close(open.back().second);
  }

  //===- counters ---===//

  void count(uint64_t id, int64_t time, int64_t value) {
    event(time, id, pb::TrackEvent::TYPE_COUNTER).set_counter_value(value);
  }

  /// Messages of each link that were sent and are not there yet.
  void addQueues() {
    std::map<uint64_t, std::vector<std::pair<int64_t, int>>> changes;
    for (const TraceEvent &event : trace_.events)
      if (event.kind == Kind::Transfer) {
        const uint64_t id = queueTrack(event.node, event.to);
        if (changes.count(id) == 0)
          track(id, fmt::format("messages on link {} -> {}", event.node, event.to), traceTrack,
                pb::CounterDescriptor::UNIT_COUNT);
        changes[id].emplace_back(event.startNs, 1);
        changes[id].emplace_back(event.endNs, -1);
      }
    for (auto &[id, list] : changes) {
      std::sort(list.begin(), list.end());
      int64_t value = 0;
      for (auto [time, change] : list)
        count(id, time, value += change);
    }
  }

  /// Bytes of a node's arena that are in use, by the step that runs.
  void addArena(const NodeReport &node, const std::vector<const TraceEvent *> &events) {
    if (node.buffers.empty() || events.empty())
      return;
    std::map<int64_t, int64_t> changes; // by step
    for (const BufferReport &buffer : node.buffers) {
      changes[buffer.first] += buffer.bytes;
      changes[buffer.last + 1] -= buffer.bytes;
    }
    std::map<int64_t, int64_t> alive;
    int64_t sum = 0;
    for (auto [step, change] : changes)
      alive[step] = sum += change;
    track(arenaTrack(node.rank), fmt::format("arena of node {}", node.rank), nodeTrack(node.rank),
          pb::CounterDescriptor::UNIT_SIZE_BYTES);
    int64_t last = -1;
    for (const TraceEvent *event : events) {
      auto behind = alive.upper_bound(event->step);
      if (event->step < 0 || behind == alive.begin() || std::prev(behind)->second == last)
        continue;
      count(arenaTrack(node.rank), event->startNs, last = std::prev(behind)->second);
    }
  }

  const Trace &trace_;
  const Report &report_;
  std::map<int64_t, const ManifestMessage *> messages_;
  pb::Trace file_;
  pb::TracePacket *head_ = nullptr; // RepeatedPtrField keeps what it has in its place
  std::vector<pb::TracePacket> timed_;
  std::map<std::string, uint64_t> names_, keys_;
  std::map<int64_t, std::string> routes_;
  std::map<uint64_t, std::vector<const TraceEvent *>> tracks_;
};
} // namespace

std::string traceBytes(const Trace &trace, const Report &report, const Manifest &manifest) {
  return TraceWriter(trace, report, manifest).bytes();
}

} // namespace discoc
