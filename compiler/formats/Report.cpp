//===- Report.cpp - report.json ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Report.h"
#include "compiler/formats/EventsJson.h"
#include "compiler/formats/Json.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <utility>

namespace discoc {

static constexpr const char *formatName = "discoc-report";

//===- sums ---===//

static void addNodeTotals(Report &report, NodeReport &node) {
  node.macs = node.weightBytes = 0;
  for (const LayerReport &layer : report.layers)
    for (const LayerShare &share : layer.nodes)
      if (share.rank == node.rank) {
        node.macs += share.macs;
        node.weightBytes += share.weightBytes;
      }
  node.sent = node.received = node.rootSent = node.rootReceived = {};
  for (const PeerReport &peer : node.peers) {
    node.sent += peer.sent;
    node.received += peer.received;
    node.rootSent += peer.rootSent;
    node.rootReceived += peer.rootReceived;
  }
}

static void raise(Traffic &most, const Traffic &t) {
  most.messages = std::max(most.messages, t.messages);
  most.bytes = std::max(most.bytes, t.bytes);
}

void addTotals(Report &report) {
  report.cluster = report.largestNode = {};
  for (NodeReport &node : report.nodes) {
    addNodeTotals(report, node);
    Totals &sum = report.cluster, &most = report.largestNode;
    sum.macs += node.macs;
    sum.weightBytes += node.weightBytes;
    sum.arenaBytes += node.arenaBytes;
    sum.exchanged += node.sent; // what one sends another receives: count it once
    sum.root += node.rootSent;
    most.macs = std::max(most.macs, node.macs);
    most.weightBytes = std::max(most.weightBytes, node.weightBytes);
    most.arenaBytes = std::max(most.arenaBytes, node.arenaBytes);
    raise(most.exchanged, node.sent);
    raise(most.root, node.rootSent);
  }
  Totals &one = report.oneNode, &dense = report.denseGather;
  one.macs = one.weightBytes = dense.macs = dense.weightBytes = dense.exchanged.bytes = 0;
  report.replicatedMacs = report.replicatedWeightBytes = 0;
  report.exceptedMacs = report.exceptedWeightBytes = 0;
  for (const LayerReport &layer : report.layers) {
    one.macs += layer.macs;
    one.weightBytes += layer.weightBytes;
    dense.macs += layer.denseMacs;
    dense.weightBytes += layer.denseWeightBytes;
    dense.exchanged.bytes += layer.denseBytes;
    const bool excepted = !layer.replicatedReason.empty();
    (excepted ? report.exceptedMacs : report.replicatedMacs) += layer.replicatedMacs;
    (excepted ? report.exceptedWeightBytes : report.replicatedWeightBytes) +=
        layer.replicatedWeightBytes;
  }
}

//===- each struct's keys, once for both directions ---===//

namespace {
/// What every struct tells of itself: a key and a field at a time.
class Writer {
public:
  template <class T> void operator()(const char *key, const T &value) { members(key, value); }
  void operator()(const char *key, const Traffic &t) {
    Members both(2);
    both("messages", t.messages);
    both("bytes", t.bytes);
    members(key, both.json());
  }
  void operator()(const char *key, const BytesByKind &b) {
    Members all(3);
    all("features", b.features);
    all("partial_sums", b.partialSums);
    all("statistics", b.statistics);
    members(key, all.json());
  }
  Members members{8};
};

class Reader {
public:
  explicit Reader(const JsonView &view) : view_(view) {}
  template <class T> void operator()(const char *key, T &value) {
    if (find(key))
      good = view_.member(key).read(value) && good;
  }
  void operator()(const char *key, Traffic &t) {
    if (!find(key))
      return;
    const JsonView item = view_.member(key);
    good = item.object({"messages", "bytes"}) && item.member("messages").read(t.messages) &&
           item.member("bytes").read(t.bytes) && good;
  }
  void operator()(const char *key, BytesByKind &b) {
    if (!find(key))
      return;
    const JsonView item = view_.member(key);
    good = item.object({"features", "partial_sums", "statistics"}) &&
           item.member("features").read(b.features) &&
           item.member("partial_sums").read(b.partialSums) &&
           item.member("statistics").read(b.statistics) && good;
  }
  bool good = true;

private:
  bool find(const char *key) {
    if (view_.has(key))
      return true;
    good = view_.fault(std::string("has no \"") + key + "\"", "was it written by this discoc?");
    return false;
  }
  JsonView view_;
};

template <class V, class S> void fields(V &v, S &s, const LayerShare *) {
  v("rank", s.rank);
  v("channels", s.channels);
  v("macs", s.macs);
  v("weight_bytes", s.weightBytes);
  v("send_bytes", s.sendBytes);
  v("receive_bytes", s.receiveBytes);
}

template <class V, class S> void fields(V &v, S &s, const BufferReport *) {
  v("name", s.name);
  v("use", s.use);
  v("offset", s.offset);
  v("bytes", s.bytes);
}

template <class V, class S> void fields(V &v, S &s, const LayerReport *) {
  v("op", s.op);
  v("type", s.type);
  v("macs", s.macs);
  v("weight_bytes", s.weightBytes);
  v("dense_macs", s.denseMacs);
  v("dense_weight_bytes", s.denseWeightBytes);
  v("dense_bytes", s.denseBytes);
  v("replicated_macs", s.replicatedMacs);
  v("replicated_weight_bytes", s.replicatedWeightBytes);
  v("replicated_reason", s.replicatedReason);
  v("received_bytes", s.received);
}

template <class V, class S> void fields(V &v, S &s, const PeerReport *) {
  v("peer", s.peer);
  v("sent", s.sent);
  v("received", s.received);
  v("root_sent", s.rootSent);
  v("root_received", s.rootReceived);
}

template <class V, class S> void fields(V &v, S &s, const NodeReport *) {
  v("rank", s.rank);
  v("name", s.name);
  v("board", s.board);
  v("arena_bytes", s.arenaBytes);
  v("live_bytes", s.liveBytes);
  v("macs", s.macs);
  v("weight_bytes", s.weightBytes);
  v("sent", s.sent);
  v("received", s.received);
  v("root_sent", s.rootSent);
  v("root_received", s.rootReceived);
}

template <class V, class S> void fields(V &v, S &s, const MemoryUse *) {
  v("part", s.part);
  v("memory", s.memory);
  v("bytes", s.bytes);
  v("exact", s.exact);
}

template <class V, class S> void fields(V &v, S &s, const WireReport *) {
  v("kind", s.kind);
  v("carried", s.carried);
  v("root_carried", s.rootCarried);
}

template <class V, class S> void fields(V &v, S &s, const Totals *) {
  v("macs", s.macs);
  v("weight_bytes", s.weightBytes);
  v("arena_bytes", s.arenaBytes);
  v("exchanged", s.exchanged);
  v("root", s.root);
}

template <class V, class S> void fields(V &v, S &s, const Report *) {
  v("model", s.model);
  v("compiler", s.compiler);
  v("build_hash", s.buildHash);
  v("frame_overhead_bytes", s.frameOverheadBytes);
  v("replicated_macs", s.replicatedMacs);
  v("replicated_weight_bytes", s.replicatedWeightBytes);
  v("excepted_macs", s.exceptedMacs);
  v("excepted_weight_bytes", s.exceptedWeightBytes);
  v("exchanged_bytes", s.exchanged);
}

template <class S> Json write(const S &s) {
  Writer w;
  fields(w, s, static_cast<const S *>(nullptr));
  return w.members.json();
}

template <class S> bool readFields(const JsonView &view, S &s) {
  if (!view.json().is_object())
    return view.fault("is not an object");
  Reader r(view);
  fields(r, s, static_cast<const S *>(nullptr));
  return r.good;
}

template <class S> Json writeAll(const std::vector<S> &list) {
  Json json = Json::array();
  for (const S &s : list)
    json.push_back(write(s));
  return json;
}

/// A list of structs; `more` reads what fields() does not.
template <class S, class F>
bool readList(const JsonView &view, const char *key, std::vector<S> &list, F more) {
  if (!view.has(key))
    return view.fault(std::string("has no \"") + key + "\"");
  return view.member(key).elements([&](size_t, const JsonView &item) {
    list.emplace_back();
    return readFields(item, list.back()) && more(item, list.back());
  });
}

constexpr auto nothing = [](const JsonView &, auto &) { return true; };

/// What reports of before did not have.
void writeOptional(const LayerShare &share, Json &json) {
  if (!share.owned.empty())
    json["owned"] = toJson(share.owned);
  for (auto [from, bytes] : share.receivedFrom)
    json["received_from"].push_back({{"from", from}, {"bytes", bytes}});
}

void writeOptional(const LayerReport &layer, Json &json) {
  json["nodes"] = Json::array();
  for (const LayerShare &share : layer.nodes) {
    json["nodes"].push_back(write(share));
    writeOptional(share, json["nodes"].back());
  }
  if (!layer.shape.empty())
    json["shape"] = layer.shape;
  if (!layer.inputs.empty())
    json["inputs"] = layer.inputs;
  if (!layer.kernels.empty())
    json["kernels"] = layer.kernels;
  if (!layer.density.tiles.empty())
    json["density"] = {{"rows", layer.density.rows},
                       {"columns", layer.density.columns},
                       {"tiles", layer.density.tiles}};
}

bool readOptional(const JsonView &view, LayerShare &share) {
  auto readSource = [&](size_t, const JsonView &item) {
    int64_t from = 0;
    return item.object({"from", "bytes"}) && item.member("from").read(from, 0, maxNodes - 1) &&
           item.member("bytes").read(share.receivedFrom[from]);
  };
  return (!view.has("owned") || view.member("owned").read(share.owned)) &&
         (!view.has("received_from") || view.member("received_from").elements(readSource));
}

/// A list of numbers or of texts, which may be absent.
template <class T, class Add> bool readPlain(const JsonView &view, const char *key, Add add) {
  return !view.has(key) || view.member(key).elements([&](size_t, const JsonView &item) {
    T value{};
    return item.read(value) && (add(std::move(value)), true);
  });
}

bool readDensity(const JsonView &view, WeightDensity &density) {
  return view.object({"rows", "columns", "tiles"}) && view.member("rows").read(density.rows) &&
         view.member("columns").read(density.columns) &&
         readPlain<std::string>(view, "tiles", [&](auto row) { density.tiles.push_back(row); });
}

bool readOptional(const JsonView &view, LayerReport &layer) {
  return (!view.has("density") || readDensity(view.member("density"), layer.density)) &&
         readPlain<int64_t>(view, "shape", [&](int64_t d) { layer.shape.push_back(d); }) &&
         readPlain<std::string>(view, "inputs", [&](auto name) { layer.inputs.push_back(name); }) &&
         readPlain<std::string>(view, "kernels", [&](auto name) { layer.kernels.insert(name); });
}

constexpr Word<StepReport::Kind> stepWords[] = {{"compute", StepReport::Kind::Compute},
                                                {"send", StepReport::Kind::Send},
                                                {"flush", StepReport::Kind::Flush},
                                                {"wait", StepReport::Kind::Wait}};

Json traceToJson(const NodeReport &node) {
  Json steps = Json::array();
  for (const StepReport &step : node.steps) {
    Members item(3);
    item("step", step.step);
    item("kind", wordOf(stepWords, step.kind));
    if (step.kind == StepReport::Kind::Compute)
      item("op", step.op);
    else
      item("message", step.message);
    steps.push_back(item.json());
  }
  return {{"bytes", node.noteBytes}, {"notes", node.noteCount}, {"steps", std::move(steps)}};
}

bool readTrace(const JsonView &view, NodeReport &node) {
  auto readStep = [&](size_t, const JsonView &item) {
    StepReport &step = node.steps.emplace_back();
    return item.object({"step", "kind"}, {"op", "message"}) &&
           item.member("step").read(step.step) &&
           readWord(item.member("kind"), stepWords, step.kind) &&
           (!item.has("op") || item.member("op").read(step.op)) &&
           (!item.has("message") || item.member("message").read(step.message));
  };
  return view.object({"bytes", "notes", "steps"}) && view.member("bytes").read(node.noteBytes, 1) &&
         view.member("notes").read(node.noteCount, 1) && view.member("steps").elements(readStep);
}

/// What not every node has.
void writeOptional(const NodeReport &node, Json &json) {
  Writer w;
  if (!node.boardStatus.empty())
    w("board_status", node.boardStatus);
  if (node.forwarded.messages + node.rootForwarded.messages > 0) {
    w("forwarded", node.forwarded);
    w("root_forwarded", node.rootForwarded);
  }
  if (node.computeUs > 0)
    w("compute_us", node.computeUs);
  if (!node.peakOp.empty()) {
    w("peak_op", node.peakOp);
    w("peak_received_bytes", node.peakReceivedBytes);
  }
  if (node.peakStep >= 0)
    w("peak_step", node.peakStep);
  json.update(w.members.json());
  for (const BufferReport &buffer : node.buffers) {
    json["buffers"].push_back(write(buffer));
    json["buffers"].back()["first"] = buffer.first;
    json["buffers"].back()["last"] = buffer.last;
  }
  for (const MemoryUse &use : node.memory) {
    json["memory"].push_back(write(use));
    if (!use.items.empty())
      json["memory"].back()["items"] = use.items;
  }
  if (!node.memorySizes.empty())
    json["memory_sizes"] = node.memorySizes;
  if (node.noteBytes > 0)
    json["trace"] = traceToJson(node);
}

bool readOptional(const JsonView &view, NodeReport &node) {
  Reader r(view);
  if (view.has("board_status"))
    r("board_status", node.boardStatus);
  if (view.has("forwarded")) {
    r("forwarded", node.forwarded);
    r("root_forwarded", node.rootForwarded);
  }
  if (view.has("compute_us"))
    r("compute_us", node.computeUs);
  if (view.has("peak_op")) {
    r("peak_op", node.peakOp);
    r("peak_received_bytes", node.peakReceivedBytes);
  }
  if (view.has("peak_step"))
    r("peak_step", node.peakStep);
  auto readSteps = [](const JsonView &item, BufferReport &buffer) {
    return item.object({"name", "use", "offset", "bytes", "first", "last"}) &&
           item.member("first").read(buffer.first, -1) && item.member("last").read(buffer.last, -1);
  };
  if (view.has("buffers") && !readList(view, "buffers", node.buffers, readSteps))
    return false;
  auto readItems = [](const JsonView &item, MemoryUse &use) {
    return !item.has("items") ||
           item.member("items").members([&](const std::string &name, const JsonView &bytes) {
             return bytes.read(use.items[name]);
           });
  };
  auto readSize = [&](const std::string &name, const JsonView &bytes) {
    return bytes.read(node.memorySizes[name]);
  };
  return (!view.has("trace") || readTrace(view.member("trace"), node)) &&
         (!view.has("memory") || readList(view, "memory", node.memory, readItems)) &&
         (!view.has("memory_sizes") || view.member("memory_sizes").members(readSize)) && r.good;
}

bool readWireEnds(const JsonView &view, WireReport &wire) {
  return view.object({"kind", "carried", "root_carried", "ends", "ports"}, {"least_us", "baud"}) &&
         (!view.has("baud") || view.member("baud").read(wire.baud)) &&
         (!view.has("least_us") || view.member("least_us").read(wire.leastUs)) &&
         view.member("ends").elements([&](size_t, const JsonView &item) {
           wire.ends.push_back(0);
           return item.read(wire.ends.back(), 0, maxNodes - 1);
         }) &&
         view.member("ports").elements([&](size_t, const JsonView &item) {
           wire.ports.emplace_back();
           return item.read(wire.ports.back());
         });
}
} // namespace

std::string toJson(const Report &report) {
  Json json;
  json["format"] = formatName;
  json["version"] = Report::version;
  json.update(write(report));
  json["cluster"] = write(report.cluster);
  json["largest_node"] = write(report.largestNode);
  json["one_node"] = write(report.oneNode);
  json["dense_gather"] = write(report.denseGather);
  json["nodes"] = Json::array();
  for (const NodeReport &node : report.nodes) {
    json["nodes"].push_back(write(node));
    json["nodes"].back()["peers"] = writeAll(node.peers);
    writeOptional(node, json["nodes"].back());
  }
  json["layers"] = Json::array();
  for (const LayerReport &layer : report.layers) {
    json["layers"].push_back(write(layer));
    writeOptional(layer, json["layers"].back());
  }
  for (const WireReport &wire : report.wires) {
    Json item = write(wire);
    item["ends"] = wire.ends;
    item["ports"] = wire.ports;
    if (wire.baud > 0)
      item["baud"] = wire.baud;
    if (wire.leastUs > 0)
      item["least_us"] = wire.leastUs;
    json["wires"].push_back(std::move(item));
  }
  if (report.schedule)
    json["schedule"] = toJson(*report.schedule);
  return layOut(json);
}

std::optional<Report> parseReport(const std::string &text, const std::string &file,
                                  Diagnostics &diagnostics) {
  std::optional<ReadJson> json = parseJson(text, file, diagnostics, writtenBounds);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  const JsonView view(*json, context);
  Report report;
  if (!readHeader(view, formatName, Report::version))
    return std::nullopt;
  bool good = readFields(view, report);
  for (auto [key, totals] :
       {std::pair{"cluster", &report.cluster}, std::pair{"largest_node", &report.largestNode},
        std::pair{"one_node", &report.oneNode}, std::pair{"dense_gather", &report.denseGather}})
    good = (view.has(key) ? readFields(view.member(key), *totals)
                          : view.fault(std::string("has no \"") + key + "\"")) &&
           good;
  good = readList(view, "nodes", report.nodes,
                  [](const JsonView &item, NodeReport &node) {
                    return readList(item, "peers", node.peers, nothing) && readOptional(item, node);
                  }) &&
         good;
  good = readList(view, "layers", report.layers,
                  [](const JsonView &item, LayerReport &layer) {
                    return readOptional(item, layer) &&
                           readList(item, "nodes", layer.nodes,
                                    [](const JsonView &part, LayerShare &share) {
                                      return readOptional(part, share);
                                    });
                  }) &&
         good;
  if (view.has("wires"))
    good = readList(view, "wires", report.wires, readWireEnds) && good;
  if (view.has("schedule"))
    good = readEvents(view.member("schedule"), report.schedule.emplace()) && good;
  return good ? std::optional(std::move(report)) : std::nullopt;
}

std::optional<Report> readReport(const std::string &path, Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics);
  return text ? parseReport(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
