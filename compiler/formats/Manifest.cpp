//===- Manifest.cpp - manifest.json ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Manifest.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Text.h"

#include <algorithm>

namespace discoc {

int64_t ManifestTensor::elements() const {
  int64_t count = 1;
  for (const int64_t extent : shape)
    count *= extent;
  return count;
}

static constexpr const char *formatName = "discoc-manifest";
static constexpr const char *nodeFormatName = "discoc-node-manifest";
static constexpr Word<ManifestLayout::Kind> layoutWords[] = {
    {"owned", ManifestLayout::Kind::Owned},
    {"replicated", ManifestLayout::Kind::Replicated},
    {"root", ManifestLayout::Kind::Root}};
static constexpr Word<ManifestRoute::Kind> routeWords[] = {
    {"feature", ManifestRoute::Kind::Feature},
    {"partial sum", ManifestRoute::Kind::PartialSum},
    {"statistic", ManifestRoute::Kind::Statistic}};

//===- writing ---===//

static Json toJson(const ManifestTensor &tensor) {
  Json layout;
  layout["kind"] = wordOf(layoutWords, tensor.layout.kind);
  if (tensor.layout.kind == ManifestLayout::Kind::Owned) {
    layout["axis"] = tensor.layout.axis;
    layout["owners"] = Json::array();
    for (const IndexSet &set : tensor.layout.owners)
      layout["owners"].push_back(toJson(set));
  }
  Json json;
  json["name"] = tensor.name;
  json["type"] = tensor.type;
  if (!tensor.modelType.empty())
    json["model_type"] = tensor.modelType;
  json["shape"] = tensor.shape;
  json["layout"] = std::move(layout);
  return json;
}

static Json toJson(const ManifestMessage &message) {
  Json routes = Json::array();
  for (const ManifestRoute &route : message.routes) {
    Members item(5);
    item("tensor", route.tensor);
    item("kind", wordOf(routeWords, route.kind));
    if (route.axis) {
      item("axis", *route.axis);
      item("channels", toJson(route.channels));
    }
    item("bytes", route.bytes);
    routes.push_back(item.json());
  }
  Members json(6);
  json("id", message.id);
  json("from", message.from);
  json("to", message.to);
  json("bytes", message.bytes);
  json("root", message.root);
  json("routes", std::move(routes));
  return json.json();
}

static Json toJson(const ManifestNode &node) {
  Json json;
  json["rank"] = node.rank;
  json["name"] = node.name;
  json["board"] = node.board;
  if (!node.target.empty())
    json["target"] = node.target;
  if (!node.console.empty())
    json["console"] = node.console;
  json["directory"] = node.directory;
  json["arena_bytes"] = node.arenaBytes;
  json["weight_bytes"] = node.weightBytes;
  for (const MemoryUse &use : node.memory) {
    Json item;
    item["part"] = use.part;
    item["memory"] = use.memory;
    item["bytes"] = use.bytes;
    item["exact"] = use.exact;
    json["memory"].push_back(std::move(item));
  }
  return json;
}

static Json rootToJson(int64_t at) { return at == RootPlacement::all ? Json("all") : Json(at); }

/// All that does not depend on the node.
static Json headToJson(const Manifest &m, const char *format) {
  Json json;
  json["format"] = format;
  json["version"] = Manifest::version;
  json["compiler"] = m.compiler;
  json["model"]["name"] = m.model.name;
  json["model"]["file"] = m.model.file;
  json["model"]["sha256"] = m.model.sha256;
  json["settings"] = Json::object();
  for (const auto &[key, value] : m.settings)
    json["settings"][key] = value;
  json["build_hash"] = m.buildHash;
  json["root"]["input_at"] = rootToJson(m.root.inputAt);
  json["root"]["output_at"] = rootToJson(m.root.outputAt);
  if (!m.root.compute)
    json["root"]["compute"] = false;
  for (auto [key, tensors] : {std::pair{"inputs", &m.inputs}, std::pair{"outputs", &m.outputs}}) {
    json[key] = Json::array();
    for (const ManifestTensor &tensor : *tensors)
      json[key].push_back(toJson(tensor));
  }
  return json;
}

ManifestTexts::ManifestTexts(const Manifest &manifest)
    : manifest_(manifest), ofNodes_(manifest.nodes.size()) {
  messages_.reserve(manifest.messages.size());
  for (const ManifestMessage &message : manifest.messages) {
    messages_.push_back(layOutItem(discoc::toJson(message)));
    for (int64_t rank : {message.from, message.to})
      ofNodes_.at(static_cast<size_t>(rank)).push_back(&messages_.back());
  }
}

std::string ManifestTexts::ofCluster() const {
  const Manifest &m = manifest_;
  Json before = headToJson(m, formatName), after = Json::object();
  if (!m.model.path.empty())
    before["model"]["path"] = m.model.path;
  before["nodes"] = Json::array();
  for (const ManifestNode &node : m.nodes)
    before["nodes"].push_back(discoc::toJson(node));
  if (!m.labels.empty())
    after["labels"] = m.labels;
  if (m.preprocess)
    after["preprocess"] = partToJson(*m.preprocess);
  if (!m.cluster.empty())
    after["cluster"] = m.cluster;
  std::vector<const std::string *> all;
  for (const std::string &text : messages_)
    all.push_back(&text);
  return layOut(before, "messages", all, after);
}

std::string ManifestTexts::ofNode(int64_t rank) const {
  const size_t at = static_cast<size_t>(rank);
  Json before = headToJson(manifest_, nodeFormatName);
  before["cluster_nodes"] = manifest_.nodes.size();
  before["node"] = discoc::toJson(manifest_.nodes.at(at));
  return layOut(before, "messages", ofNodes_.at(at), Json::object());
}

std::string toJson(const Manifest &manifest) { return ManifestTexts(manifest).ofCluster(); }

//===- reading ---===//

static bool readLayout(const JsonView &view, ManifestLayout &layout) {
  if (!view.object({"kind"}, {"axis", "owners"}) ||
      !readWord(view.member("kind"), layoutWords, layout.kind))
    return false;
  if (layout.kind != ManifestLayout::Kind::Owned)
    return true;
  return view.object({"kind", "axis", "owners"}) && view.member("axis").read(layout.axis, 0, 63) &&
         view.member("owners").elements([&](size_t, const JsonView &set) {
           layout.owners.emplace_back();
           return set.read(layout.owners.back());
         });
}

static bool readTensors(const JsonView &view, std::vector<ManifestTensor> &tensors) {
  return view.elements([&](size_t, const JsonView &item) {
    ManifestTensor t;
    bool good = item.object({"name", "type", "shape", "layout"}, {"model_type"}) &&
                item.member("name").read(t.name) && readType(item.member("type"), t.type) &&
                item.member("shape").elements([&](size_t, const JsonView &dim) {
                  t.shape.push_back(0);
                  return dim.read(t.shape.back());
                }) &&
                readLayout(item.member("layout"), t.layout) &&
                (!item.has("model_type") || readType(item.member("model_type"), t.modelType));
    if (good)
      tensors.push_back(std::move(t));
    return good;
  });
}

/// The directory is joined to OUT and built: it must stay inside.
static bool readDirectory(const JsonView &view, std::string &directory) {
  if (!view.read(directory))
    return false;
  bool plain = !directory.empty() && directory[0] != '.';
  for (char c : directory)
    plain = plain && c != '/' && c != '\0';
  return plain || view.fault("is not the name of a directory inside this one", "");
}

static bool readMemory(const JsonView &view, std::vector<MemoryUse> &memory) {
  return view.elements([&](size_t, const JsonView &item) {
    memory.emplace_back();
    MemoryUse &use = memory.back();
    return item.object({"part", "memory", "bytes", "exact"}) &&
           item.member("part").read(use.part) && item.member("memory").read(use.memory) &&
           item.member("bytes").read(use.bytes) && item.member("exact").read(use.exact);
  });
}

int64_t ManifestNode::consoleNode() const {
  const std::string_view prefix = throughNode;
  if (console.rfind(prefix, 0) != 0 || console.size() > prefix.size() + 6)
    return -1;
  return std::strtoll(console.c_str() + prefix.size(), nullptr, 10);
}

bool ManifestNode::hasOwnConsole() const {
  return !console.empty() && console != semihosting && console != noConsole && consoleNode() < 0;
}

static bool readNode(const JsonView &view, ManifestNode &node) {
  return view.object({"rank", "name", "board", "directory", "arena_bytes", "weight_bytes"},
                     {"target", "console", "memory"}) &&
         view.member("rank").read(node.rank, 0, maxNodes - 1) &&
         view.member("name").read(node.name) && view.member("board").read(node.board) &&
         (!view.has("target") || view.member("target").read(node.target)) &&
         (!view.has("console") || view.member("console").read(node.console)) &&
         readDirectory(view.member("directory"), node.directory) &&
         view.member("arena_bytes").read(node.arenaBytes) &&
         view.member("weight_bytes").read(node.weightBytes) &&
         (!view.has("memory") || readMemory(view.member("memory"), node.memory));
}

static bool readRoute(const JsonView &view, ManifestRoute &route) {
  if (!view.object({"tensor", "kind", "bytes"}, {"axis", "channels"}) ||
      !view.member("tensor").read(route.tensor) ||
      !readWord(view.member("kind"), routeWords, route.kind) ||
      !view.member("bytes").read(route.bytes))
    return false;
  if (!view.has("axis") && !view.has("channels"))
    return true;
  route.axis = 0;
  return view.object({"tensor", "kind", "bytes", "axis", "channels"}) &&
         view.member("axis").read(*route.axis, 0, 63) &&
         view.member("channels").read(route.channels);
}

static bool readMessage(const JsonView &view, int64_t nodes, ManifestMessage &message) {
  bool good = view.object({"id", "from", "to", "bytes", "root", "routes"}) &&
              view.member("id").read(message.id, 0, UINT32_MAX) &&
              view.member("from").read(message.from, 0, nodes - 1) &&
              view.member("to").read(message.to, 0, nodes - 1) &&
              view.member("bytes").read(message.bytes) && view.member("root").read(message.root);
  return good && view.member("routes").elements([&](size_t, const JsonView &item) {
    message.routes.emplace_back();
    return readRoute(item, message.routes.back());
  });
}

static bool readRoot(const JsonView &view, int64_t nodes, int64_t &at) {
  if (view.json().is_string() && view.json() == "all") {
    at = RootPlacement::all;
    return true;
  }
  return view.read(at, 0, nodes - 1);
}

static bool readHead(const JsonView &view, Manifest &m) {
  const JsonView model = view.member("model");
  return view.member("compiler").read(m.compiler) &&
         model.object({"name", "file", "sha256"}, {"path"}) &&
         model.member("name").read(m.model.name) && model.member("file").read(m.model.file) &&
         (!model.has("path") || model.member("path").read(m.model.path)) &&
         model.member("sha256").read(m.model.sha256) &&
         view.member("settings").members([&](const std::string &key, const JsonView &item) {
           return item.read(m.settings[key]);
         }) &&
         view.member("build_hash").read(m.buildHash) &&
         readTensors(view.member("inputs"), m.inputs) &&
         readTensors(view.member("outputs"), m.outputs);
}

static bool readNodeList(const JsonView &view, std::vector<ManifestNode> &nodes) {
  bool good = view.elements([&](size_t index, const JsonView &item) {
    nodes.emplace_back();
    if (!readNode(item, nodes.back()))
      return false;
    return nodes.back().rank == static_cast<int64_t>(index) ||
           item.member("rank").fault("is not " + std::to_string(index), "list nodes in rank order");
  });
  return good && (!nodes.empty() || view.fault("is empty"));
}

std::optional<Manifest> parseManifest(const std::string &text, const std::string &file,
                                      Diagnostics &diagnostics) {
  std::optional<ReadJson> json = parseJson(text, file, diagnostics, writtenBounds);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  const JsonView view(*json, context);
  Manifest m;
  if (!readHeader(view, formatName, Manifest::version) ||
      !view.object({"format", "version", "compiler", "model", "settings", "build_hash", "root",
                    "inputs", "outputs", "nodes", "messages"},
                   {"labels", "preprocess", "cluster"}) ||
      !readHead(view, m) || !readNodeList(view.member("nodes"), m.nodes))
    return std::nullopt;
  const int64_t nodes = static_cast<int64_t>(m.nodes.size());
  const JsonView root = view.member("root");
  bool good = root.object({"input_at", "output_at"}, {"compute"}) &&
              readRoot(root.member("input_at"), nodes, m.root.inputAt) &&
              readRoot(root.member("output_at"), nodes, m.root.outputAt) &&
              (!root.has("compute") || root.member("compute").read(m.root.compute));
  good = view.member("messages").elements([&](size_t, const JsonView &item) {
    m.messages.emplace_back();
    return readMessage(item, nodes, m.messages.back());
  }) && good;
  if (view.has("labels"))
    good = view.member("labels").elements([&](size_t, const JsonView &item) {
      m.labels.emplace_back();
      return item.read(m.labels.back());
    }) && good;
  if (view.has("preprocess"))
    good = (m.preprocess = partFromJson(view.member("preprocess"))).has_value() && good;
  if (view.has("cluster"))
    good = view.member("cluster").read(m.cluster) && good;
  return good ? std::optional(std::move(m)) : std::nullopt;
}

std::optional<Manifest> readManifest(const std::string &path, Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics);
  return text ? parseManifest(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
