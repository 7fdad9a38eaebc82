//===- TraceReader.cpp - a trace of Perfetto's TrackEvents ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Limits.h"
#include "compiler/formats/Text.h"
#include "compiler/trace/TraceFile.h"
#include "compiler/trace/TraceWords.h"
#include "compiler/trace/perfetto.pb.h"

#include <algorithm>
#include <limits>
#include <map>

namespace discoc {

namespace pb = perfetto::protos;

namespace {

constexpr int64_t most = std::numeric_limits<int64_t>::max();

/// The annotations of one event.
class Notes {
public:
  Notes(const pb::TrackEvent &event, const std::map<uint64_t, std::string> &keys) {
    for (const pb::DebugAnnotation &each : event.debug_annotations())
      if (auto key = keys.find(each.name_iid()); key != keys.end())
        byKey_[key->second] = &each;
  }

  bool has(const char *key) const { return byKey_.count(key) != 0; }
  bool read(const char *key, std::string &out) const {
    auto found = byKey_.find(key);
    if (found == byKey_.end() || !found->second->has_string_value())
      return false;
    out = found->second->string_value();
    return true;
  }
  bool read(const char *key, int64_t &out, int64_t largest = most) const {
    auto found = byKey_.find(key);
    if (found == byKey_.end() || !found->second->has_int_value())
      return false;
    out = found->second->int_value();
    return out >= 0 && out <= largest;
  }
  template <class T> bool readIfThere(const char *key, T &out) const {
    return !has(key) || read(key, out);
  }

private:
  std::map<std::string, const pb::DebugAnnotation *> byKey_;
};

class TraceReader {
public:
  TraceReader(const std::string &file, Diagnostics &out) : file_(file), out_(out) {}

  std::optional<Trace> read(const std::string &bytes) {
    pb::Trace file;
    if (!file.ParseFromString(bytes))
      return fault("is no trace: it is not Perfetto's protobuf",
                   "give the FILE of `discoc run OUT --trace FILE`");
    for (const pb::TracePacket &packet : file.packet())
      addNames(packet.interned_data());
    bool isOurs = false;
    for (const pb::TracePacket &packet : file.packet())
      isOurs = isOurs || readHead(packet.track_event());
    if (!isOurs)
      return fault("is a trace that discoc did not write",
                   "give the FILE of `discoc run OUT --trace FILE`");
    for (const pb::TracePacket &packet : file.packet())
      if (packet.has_track_event() && !readEvent(packet))
        return fault("is damaged: it is not as discoc writes it", "run the programs again");
    if (!open_.empty())
      return fault("is damaged: an event has no end", "run the programs again");
    return std::move(trace_);
  }

private:
  std::nullopt_t fault(const std::string &what, const std::string &hint) {
    out_.push_back({file_, "", what, hint});
    return std::nullopt;
  }

  void addNames(const pb::InternedData &data) {
    for (const pb::EventName &each : data.event_names())
      names_[each.iid()] = each.name();
    for (const pb::DebugAnnotationName &each : data.debug_annotation_names())
      keys_[each.iid()] = each.name();
  }

  bool readHead(const pb::TrackEvent &event) {
    if (event.track_uuid() != traceTrack)
      return false;
    const Notes notes(event, keys_);
    std::string format, source;
    int64_t version = 0, nodes = 0;
    if (!notes.read("format", format) || format != traceFormat ||
        !notes.read("version", version, Trace::version) || !notes.read("model", trace_.model) ||
        !notes.read("build_hash", trace_.buildHash) || !notes.read("source", source) ||
        !notes.read("nodes", nodes, maxClusterNodes))
      return false;
    trace_.source = source == "computed" ? Events::Source::Computed : Events::Source::Measured;
    trace_.nodes.resize(static_cast<size_t>(nodes));
    return true;
  }

  bool readEvent(const pb::TracePacket &packet) {
    const pb::TrackEvent &event = packet.track_event();
    if (packet.timestamp() > static_cast<uint64_t>(most))
      return false;
    const auto time = static_cast<int64_t>(packet.timestamp());
    switch (event.type()) {
    case pb::TrackEvent::TYPE_SLICE_BEGIN: return begin(event, time);
    case pb::TrackEvent::TYPE_SLICE_END: return end(event.track_uuid(), time);
    case pb::TrackEvent::TYPE_INSTANT: return readNode(event);
    default: return event.type() == pb::TrackEvent::TYPE_COUNTER;
    }
  }

  bool readNode(const pb::TrackEvent &event) {
    const Notes notes(event, keys_);
    if (!notes.has("rank"))
      return true;
    int64_t rank = 0, open = 0;
    if (!notes.read("rank", rank) || rank >= static_cast<int64_t>(trace_.nodes.size()))
      return false;
    TraceNode &node = trace_.nodes[static_cast<size_t>(rank)];
    const bool good = notes.read("name", node.name) && notes.read("notes", node.notes) &&
                      notes.read("lost", node.lost) && notes.read("around_ns", node.aroundNs) &&
                      notes.readIfThere("tick_ns", node.tickNs) && notes.read("open", open, 1);
    node.isOpen = open == 1;
    return good;
  }

  bool begin(const pb::TrackEvent &event, int64_t time) {
    const Notes notes(event, keys_);
    std::string kind;
    TraceEvent slice;
    const uint64_t track = event.track_uuid();
    slice.startNs = slice.endNs = time;
    slice.isOpen = notes.has("unfinished");
    if (!notes.read("kind", kind) || !notes.read("inference", slice.inference) ||
        !notes.readIfThere("step", slice.step) || !notes.readIfThere("op", slice.op) ||
        !notes.readIfThere("message", slice.message))
      return false;
    auto word = std::find_if(std::begin(traceKinds), std::end(traceKinds),
                             [&](const auto &entry) { return kind == entry.first; });
    if (word == std::end(traceKinds))
      return false;
    slice.kind = word->second;
    const auto ranks = static_cast<int64_t>(trace_.nodes.size());
    if (slice.kind == TraceEvent::Kind::Transfer) {
      slice.node = static_cast<int64_t>(track >> 16 & 0xffff);
      if (!notes.read("to", slice.to, ranks - 1) || !notes.read("bytes", slice.bytes) ||
          track != linkTrack(slice.node, slice.to))
        return false;
    } else {
      slice.node = static_cast<int64_t>(track & 0xffff);
      if (track != nodeTrack(slice.node))
        return false;
    }
    if (slice.kind == TraceEvent::Kind::Compute) {
      auto name = names_.find(event.name_iid());
      if (name == names_.end())
        return false;
      slice.op = name->second;
    }
    if (slice.node >= ranks)
      return false;
    open_[track].push_back(trace_.events.size());
    trace_.events.push_back(std::move(slice));
    return true;
  }

  bool end(uint64_t track, int64_t time) {
    auto open = open_.find(track);
    if (open == open_.end())
      return false;
    TraceEvent &slice = trace_.events[open->second.back()];
    if (time < slice.startNs)
      return false;
    slice.endNs = time;
    open->second.pop_back();
    if (open->second.empty())
      open_.erase(open);
    return true;
  }

  const std::string &file_;
  Diagnostics &out_;
  Trace trace_;
  std::map<uint64_t, std::string> names_, keys_;
  std::map<uint64_t, std::vector<size_t>> open_; // by track
};

} // namespace

std::optional<Trace> parseTrace(const std::string &bytes, const std::string &file,
                                Diagnostics &out) {
  return TraceReader(file, out).read(bytes);
}

std::optional<Trace> readTrace(const std::string &path, Diagnostics &out) {
  constexpr int64_t largest = 1LL << 30;
  std::optional<std::string> bytes = readText(path, out, largest);
  return bytes ? parseTrace(*bytes, path, out) : std::nullopt;
}

} // namespace discoc
