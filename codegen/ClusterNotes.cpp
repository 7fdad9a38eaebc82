//===- ClusterNotes.cpp - a cluster as an attribute of the module ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// What the files of clusters and boards say goes into the IR once, when the model is read; emission
// takes it from there.
#include "codegen/Codegen.h"
#include "compiler/dialect/Target.h"
#include "mlir/IR/Builders.h"
#include "passes/strategies/CostModel.h"

using namespace mlir;
using namespace disco;

//===----------------------------------------------------------------------===//
// Into the IR
//===----------------------------------------------------------------------===//

namespace {
class ClusterWriter {
public:
  explicit ClusterWriter(MLIRContext *context) : builder(context) {}

  ClusterAttr cluster(const discoc::Cluster &cluster) {
    std::map<std::string, BoardAttr> boards;
    for (const auto &[reference, board] : cluster.boards)
      boards[reference] = this->board(*board);
    SmallVector<Attribute> nodes, links;
    for (const discoc::ClusterNode &node : cluster.nodes)
      nodes.push_back(this->node(node, node.hasBoard() ? Attribute(boards[node.board])
                                                       : Attribute(host(node.target))));
    for (const discoc::ClusterLink &link : cluster.links)
      links.push_back(this->link(link));
    return ClusterAttr::get(builder.getContext(), builder.getArrayAttr(nodes),
                            builder.getArrayAttr(links));
  }

private:
  StringAttr text(const std::string &value) { return builder.getStringAttr(value); }
  FloatAttr real(double value) { return builder.getF64FloatAttr(value); }
  NamedAttribute named(StringRef name, Attribute value) {
    return builder.getNamedAttr(name, value);
  }
  NamedAttribute bytes(StringRef name, int64_t value) {
    return named(name, builder.getI64IntegerAttr(value));
  }
  ArrayAttr texts(const std::vector<std::string> &list) {
    return builder.getStrArrayAttr(SmallVector<StringRef>(list.begin(), list.end()));
  }

  TargetAttr host(const discoc::Target &target) {
    const auto first =
        target.levels.empty() ? std::nullopt : discoc::findLevel(target.levels.front());
    return TargetAttr::get(builder.getContext(), text(archOf(target)), texts(target.levels),
                           first ? first->vectorBytes : 0, builder.getDenseI64ArrayAttr({}),
                           real(0), builder.getDictionaryAttr({}));
  }

  TargetAttr target(const discoc::Board &board) {
    SmallVector<NamedAttribute> cycles;
    if (board.cyclesF32 > 0)
      cycles.push_back(named("f32", real(board.cyclesF32)));
    if (board.cyclesI8 > 0)
      cycles.push_back(named("i8", real(board.cyclesI8)));
    TargetAttr own = host(board.target.value_or(discoc::Target()));
    return TargetAttr::get(builder.getContext(), board.target ? own.getArch() : text(board.arch),
                           own.getLevels(), board.vectorBytes ? board.vectorBytes : own.getVector(),
                           builder.getDenseI64ArrayAttr(board.cacheBytes), real(board.clockHz),
                           builder.getDictionaryAttr(cycles));
  }

  MemoryAttr memory(const discoc::BoardMemory &memory) {
    return MemoryAttr::get(builder.getContext(), text(memory.name), text(memory.kind),
                           static_cast<int64_t>(memory.address), static_cast<int64_t>(memory.size),
                           texts(memory.holds));
  }

  DictionaryAttr toolchain(const discoc::Board &board) {
    return builder.getDictionaryAttr(
        {named("prefix", text(board.toolchain)), named("flags", texts(board.flags)),
         named("link_flags", texts(board.linkFlags)), named("optimize", text(board.optimize))});
  }

  DictionaryAttr build(const discoc::Board &board) {
    SmallVector<NamedAttribute> defines, drivers;
    for (const auto &[name, value] : board.defines)
      defines.push_back(named(name, text(value)));
    for (const auto &[kind, sources] : board.linkSources)
      drivers.push_back(named(kind, texts(sources)));
    return builder.getDictionaryAttr({named("linker_script", text(board.linkerScript)),
                                      named("sources", texts(board.sources)),
                                      named("link_sources", builder.getDictionaryAttr(drivers)),
                                      named("defines", builder.getDictionaryAttr(defines))});
  }

  DictionaryAttr fixed(const discoc::BoardBounds::Fixed &fixed) {
    return builder.getDictionaryAttr({bytes("base", fixed.base), bytes("links", fixed.links),
                                      named("kinds", table(fixed.kinds))});
  }

  DictionaryAttr table(const std::map<std::string, int64_t> &numbers) {
    SmallVector<NamedAttribute> entries;
    for (const auto &[name, number] : numbers)
      entries.push_back(bytes(name, number));
    return builder.getDictionaryAttr(entries);
  }

  DictionaryAttr bounds(const discoc::BoardBounds &bounds) {
    return builder.getDictionaryAttr(
        {named("code", fixed(bounds.code)), named("data", fixed(bounds.data)),
         bytes("library", bounds.library), bytes("call", bounds.call),
         bytes("kernel", bounds.kernel), named("kernels", table(bounds.kernels))});
  }

  BoardAttr board(const discoc::Board &board) {
    SmallVector<Attribute> memories, ports;
    for (const discoc::BoardMemory &one : board.memories)
      memories.push_back(memory(one));
    for (const discoc::BoardLink &link : board.links)
      ports.push_back(PortAttr::get(builder.getContext(), text(link.name), text(link.kind->name),
                                    real(link.bandwidth), real(link.latency)));
    return BoardAttr::get(builder.getContext(), text(board.name), text(board.reference),
                          text(board.title), text(board.statusText()), target(board),
                          builder.getArrayAttr(memories), builder.getArrayAttr(ports),
                          board.stackBytes, toolchain(board), build(board), bounds(board.bounds));
  }

  NodeAttr node(const discoc::ClusterNode &node, Attribute device) {
    SmallVector<int64_t> hops;
    for (const discoc::ClusterHop &hop : node.hops)
      hops.append({hop.port, hop.next});
    return NodeAttr::get(builder.getContext(), text(node.name), text(node.address),
                         text(node.listen), device, builder.getDenseI64ArrayAttr(hops));
  }

  LinkAttr link(const discoc::ClusterLink &link) {
    return LinkAttr::get(builder.getContext(), builder.getDenseI64ArrayAttr(link.ends),
                         text(link.kind->name), texts(link.ports), real(link.bandwidth),
                         real(link.latency), link.baud);
  }

  Builder builder;
};

//===----------------------------------------------------------------------===//
// Out of the IR
//===----------------------------------------------------------------------===//

/// Reads dictionaries; what is missing or of another kind is noted.
class ClusterReader {
public:
  explicit ClusterReader(ModuleOp module) : module(module) {}

  std::optional<discoc::Cluster> read(ClusterAttr attr) {
    discoc::Cluster cluster;
    for (auto node : attr.getNodes().getAsRange<NodeAttr>())
      cluster.nodes.push_back(this->node(node, cluster));
    for (auto link : attr.getLinks().getAsRange<LinkAttr>())
      cluster.links.push_back(this->link(link));
    placePorts(cluster);
    for (auto [node, from] : llvm::zip(cluster.nodes, attr.getNodes().getAsRange<NodeAttr>())) {
      ArrayRef<int64_t> hops = from.getHops().asArrayRef();
      for (size_t i = 0; i < hops.size(); i += 2)
        node.hops.push_back({hops[i], hops[i + 1], hops[i] < 0 && hops[i + 1] < 0});
      // A node needs no way to itself.
      if (!node.hops.empty())
        node.hops[static_cast<size_t>(&node - cluster.nodes.data())].tcp = false;
    }
    return good ? std::optional(std::move(cluster)) : std::nullopt;
  }

private:
  template <typename T> T field(DictionaryAttr table, StringRef name) {
    auto value = table ? table.getAs<T>(name) : T();
    if (!value && good) {
      module.emitError("'disco.cluster' has a board without '") << name << "'";
      good = false;
    }
    return value;
  }
  std::string text(DictionaryAttr table, StringRef name) {
    auto value = field<StringAttr>(table, name);
    return value ? value.str() : "";
  }
  int64_t number(DictionaryAttr table, StringRef name) {
    auto value = field<IntegerAttr>(table, name);
    return value ? value.getInt() : 0;
  }
  static std::vector<std::string> texts(ArrayAttr list) {
    std::vector<std::string> all;
    if (list)
      for (Attribute one : list)
        if (auto text = dyn_cast<StringAttr>(one))
          all.push_back(text.str());
    return all;
  }
  std::map<std::string, int64_t> numbers(DictionaryAttr table, StringRef name) {
    std::map<std::string, int64_t> all;
    if (auto entries = field<DictionaryAttr>(table, name))
      for (NamedAttribute entry : entries)
        all[entry.getName().str()] = number(entries, entry.getName());
    return all;
  }

  discoc::BoardBounds::Fixed fixed(DictionaryAttr table, StringRef name) {
    auto entries = field<DictionaryAttr>(table, name);
    return {number(entries, "base"), number(entries, "links"), numbers(entries, "kinds")};
  }

  void readBuild(discoc::Board &to, BoardAttr attr) {
    DictionaryAttr toolchain = attr.getToolchain(), build = attr.getBuild();
    to.toolchain = text(toolchain, "prefix");
    to.flags = texts(field<ArrayAttr>(toolchain, "flags"));
    to.linkFlags = texts(field<ArrayAttr>(toolchain, "link_flags"));
    to.optimize = text(toolchain, "optimize");
    to.linkerScript = text(build, "linker_script");
    to.sources = texts(field<ArrayAttr>(build, "sources"));
    if (auto drivers = field<DictionaryAttr>(build, "link_sources"))
      for (NamedAttribute entry : drivers)
        to.linkSources[entry.getName().str()] = texts(dyn_cast<ArrayAttr>(entry.getValue()));
    if (auto defines = field<DictionaryAttr>(build, "defines"))
      for (NamedAttribute entry : defines)
        to.defines[entry.getName().str()] = text(defines, entry.getName());
  }

  discoc::BoardBounds bounds(DictionaryAttr table) {
    discoc::BoardBounds bounds;
    bounds.code = fixed(table, "code");
    bounds.data = fixed(table, "data");
    bounds.library = number(table, "library");
    bounds.call = number(table, "call");
    bounds.kernel = number(table, "kernel");
    bounds.kernels = numbers(table, "kernels");
    return bounds;
  }

  discoc::Board board(BoardAttr attr) {
    discoc::Board board;
    board.name = attr.getName().str();
    board.reference = attr.getReference().str();
    board.folder = discoc::boardFolder(board.reference);
    board.title = attr.getTitle().str();
    board.status = attr.getStatus().str();
    board.arch = attr.getTarget().getArch().str();
    board.stackBytes = attr.getStack();
    board.clockHz = attr.getTarget().getClock().getValueAsDouble();
    board.vectorBytes = attr.getTarget().getVector();
    if (auto levels = texts(attr.getTarget().getLevels()); !levels.empty())
      board.target = discoc::Target{std::move(levels)};
    for (auto memory : attr.getMemories().getAsRange<MemoryAttr>())
      board.memories.push_back({memory.getName().str(), memory.getKind().str(),
                                static_cast<uint64_t>(memory.getAddress()),
                                static_cast<uint64_t>(memory.getSize()), texts(memory.getHolds())});
    for (auto port : attr.getPorts().getAsRange<PortAttr>()) {
      board.links.emplace_back();
      board.links.back().name = port.getName().str();
      board.links.back().kind = discoc::findLinkKind(port.getKind().str());
      board.links.back().bandwidth = port.getBandwidth().getValueAsDouble();
      board.links.back().latency = port.getLatency().getValueAsDouble();
    }
    readBuild(board, attr);
    board.bounds = bounds(attr.getBounds());
    for (const std::string &part : discoc::BoardPart::all())
      if (good && !board.isLinux() && !board.memoryOf(part)) {
        module.emitError("'disco.cluster' has a board no memory of which holds '") << part << "'";
        good = false;
      }
    return board;
  }

  discoc::ClusterNode node(NodeAttr attr, discoc::Cluster &cluster) {
    discoc::ClusterNode node;
    node.name = attr.getName().str();
    node.address = attr.getAddress().str();
    node.listen = attr.getListen().str();
    node.target = discoc::Target{texts(attr.getTarget().getLevels())};
    if (BoardAttr own = attr.getBoard()) {
      node.board = own.getReference().str();
      if (!cluster.boards.count(node.board))
        cluster.boards[node.board] = std::make_shared<const discoc::Board>(board(own));
    }
    return node;
  }

  discoc::ClusterLink link(LinkAttr attr) {
    discoc::ClusterLink link;
    link.ends.assign(attr.getEnds().asArrayRef().begin(), attr.getEnds().asArrayRef().end());
    link.kind = discoc::findLinkKind(attr.getKind().str());
    link.ports = texts(attr.getPorts());
    link.bandwidth = attr.getBandwidth().getValueAsDouble();
    link.latency = attr.getLatency().getValueAsDouble();
    link.baud = attr.getBaud();
    return link;
  }

  ModuleOp module;
  bool good = true;
};
} // namespace

void disco::writeCluster(ModuleOp module, const discoc::Cluster &cluster) {
  module->setAttr(kClusterAttr, ClusterWriter(module.getContext()).cluster(cluster));
  std::vector<double> speeds;
  for (const discoc::ClusterNode &node : cluster.nodes)
    speeds.push_back(node.speed);
  if (llvm::any_of(speeds, [](double speed) { return speed != 1; }))
    module->setAttr(kSpeedsAttr, DenseF64ArrayAttr::get(module.getContext(), speeds));
}

FailureOr<discoc::Cluster> disco::readCluster(ModuleOp module) {
  ClusterAttr attr = clusterOf(module);
  if (!attr) {
    module.emitError("has no 'disco.cluster': what it is compiled for is not known; compile the "
                     "model again");
    return failure();
  }
  std::optional<discoc::Cluster> cluster = ClusterReader(module).read(attr);
  if (!cluster)
    return failure();
  const Roots roots = rootsOf(module);
  cluster->root = {roots.input, roots.output, roots.compute};
  for (auto [node, speed] : llvm::zip(cluster->nodes, speedsOf(module)))
    node.speed = speed;
  return std::move(*cluster);
}
