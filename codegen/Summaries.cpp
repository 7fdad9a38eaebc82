//===- Summaries.cpp - the manifest and the report of a planned module ----===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "codegen/Desk.h"
#include "codegen/WeightStore.h"
#include "compiler/formats/Table.h"
#include "passes/BufferPlan.h"
#include "runtime_stub/disco_note.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <array>
#include <set>

using namespace mlir;
using namespace disco;

static discoc::ManifestTensor makeTensor(DictionaryAttr entry) {
  auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
  discoc::ManifestTensor tensor;
  tensor.name = entry.getAs<StringAttr>("name").str();
  tensor.type = elementInfo(type.getElementType()).name;
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  if (auto owners = entry.getAs<OwnedAttr>("owners"); owners && owners.getAxis() >= 0) {
    tensor.layout.kind = discoc::ManifestLayout::Kind::Owned;
    tensor.layout.axis = owners.getAxis();
    for (SetAttr set : owners.getSets())
      tensor.layout.owners.push_back(set.getSet());
  } else if (owners && owners.isReplicated()) {
    tensor.layout.kind = discoc::ManifestLayout::Kind::Replicated;
  }
  if (auto stated = entry.getAs<TypeAttr>(kModelTypeAttr))
    tensor.modelType = elementInfo(stated.getValue()).name;
  return tensor;
}

/// Payload of one part of a message.
static int64_t partBytes(Value input, PartAttr part) {
  return part.getSet().size() * channelBytes(tensorType(input), part.getAxis());
}

static discoc::ManifestMessage makeMessage(SendOp send, int64_t from) {
  discoc::ManifestMessage message;
  message.id = send.getMessage();
  message.from = from;
  message.to = send.getTo();
  message.bytes = send.getBuffer().getType().getBytes();
  message.root = true;
  for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>())) {
    discoc::ManifestRoute route;
    route.tensor = part.getTensor().str();
    if (part.getAxis() >= 0) {
      route.axis = part.getAxis();
      route.channels = part.getSet();
    }
    if (part.getKind() == RouteKind::PartialSum)
      route.kind = discoc::ManifestRoute::Kind::PartialSum;
    else if (part.getKind() == RouteKind::Statistic)
      route.kind = discoc::ManifestRoute::Kind::Statistic;
    route.bytes = partBytes(input, part);
    message.root &= part.getRoot();
    message.routes.push_back(std::move(route));
  }
  return message;
}

static int64_t integerOf(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}

static const discoc::ClusterNode &clusterNode(const EmitOptions &options, size_t rank) {
  return options.cluster.nodes[rank];
}

discoc::Manifest disco::makeManifest(ModuleOp module, const EmitOptions &options,
                                     StringRef buildHash) {
  discoc::Manifest manifest;
  manifest.compiler = options.compilerVersion;
  manifest.model = {options.modelName, options.modelFile, options.modelSha256, options.modelPath};
  manifest.settings = options.settings;
  manifest.buildHash = buildHash.str();
  const Roots roots = rootsOf(module);
  manifest.root.inputAt = roots.input;
  manifest.root.outputAt = roots.output;
  manifest.root.compute = roots.compute;
  manifest.labels = options.labels;
  manifest.preprocess = options.preprocess;
  for (auto entry : module->getAttrOfType<ArrayAttr>(kInputsAttr).getAsRange<DictionaryAttr>())
    manifest.inputs.push_back(makeTensor(entry));
  for (auto entry : module->getAttrOfType<ArrayAttr>(kOutputsAttr).getAsRange<DictionaryAttr>())
    manifest.outputs.push_back(makeTensor(entry));
  for (auto [rank, shard] : llvm::enumerate(shardsOf(module))) {
    discoc::ManifestNode node;
    node.rank = static_cast<int64_t>(rank);
    node.name = clusterNode(options, rank).name;
    node.board = clusterNode(options, rank).board;
    if (!clusterNode(options, rank).hasBoard())
      node.target = clusterNode(options, rank).target.text();
    if (options.cluster.isBare(node.rank))
      node.console = deskOf(options, node.rank).text();
    node.directory = "node" + std::to_string(rank);
    node.arenaBytes = arenaBytes(shard);
    node.weightBytes = WeightStore(inferOf(shard)).bytes();
    manifest.nodes.push_back(std::move(node));
    for (auto send : inferOf(shard).getOps<SendOp>())
      manifest.messages.push_back(makeMessage(send, static_cast<int64_t>(rank)));
  }
  // What `run` needs to lay the wires.
  if (options.cluster.hasPackets() ||
      llvm::any_of(options.cluster.nodes, [](const auto &node) { return node.hasBoard(); }))
    manifest.cluster = discoc::toToml(options.cluster);
  llvm::sort(manifest.messages, [](const auto &a, const auto &b) { return a.id < b.id; });
  return manifest;
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

/// The number that a part of a message belongs to.
static int64_t &countOf(discoc::BytesByKind &bytes, PartAttr part) {
  switch (part.getKind()) {
  case RouteKind::Feature: return bytes.features;
  case RouteKind::PartialSum: return bytes.partialSums;
  case RouteKind::Statistic: return bytes.statistics;
  }
  llvm_unreachable("a kind of routes");
}

namespace {
/// Adds up what one shard does of each layer.
class ShareCollector {
public:
  ShareCollector(discoc::Report &report) : report(report) {
    for (auto [i, layer] : llvm::enumerate(report.layers))
      index[layer.op] = i;
  }

  void addShard(int64_t rank, func::FuncOp function) {
    std::set<std::array<const void *, 2>> stored;
    for (Operation &op : function.getBody().front()) {
      if (auto recv = dyn_cast<RecvOp>(op))
        addReceived(rank, recv);
      if (auto send = dyn_cast<SendOp>(op))
        addSent(rank, send);
      auto at = index.find(opName(&op));
      if (at == index.end() || op.getNumResults() == 0 ||
          isa<ConstantOp, SendOp, RecvOp, PostOp, InputOp, StateOp, KeepOp>(op))
        continue;
      discoc::LayerShare &share = shareOf(at->second, rank);
      if (KernelAttr kernel = chosenKernel(&op))
        report.layers[at->second].kernels.insert(kernel.getName().str());
      if (auto cost = dyn_cast<CostOpInterface>(op))
        share.macs += cost.getMacs();
      for (Value operand : op.getOperands())
        if (auto constant = operand.getDefiningOp<ConstantOp>())
          if (stored
                  .insert({constant.getValueAttr().getAsOpaquePointer(),
                           constant.getViewAttr().getAsOpaquePointer()})
                  .second)
            share.weightBytes += byteSize(constant.getType());
      if (LocalAttr local = localOf(op.getResult(0)); local && !isForOthers(op.getResult(0)))
        share.owned.add(local.getSet());
      share.channels = share.owned.size();
    }
  }

private:
  /// Whether a sum is sent, to be added to another node's result, and is nothing else; or becomes
  /// such a sum.
  static bool isForOthers(Value value) {
    auto isSum = [&](Operation *user) {
      auto send = dyn_cast<SendOp>(user);
      if (!send)
        return user->getNumResults() == 1 && opName(user) == opName(value.getDefiningOp()) &&
               isForOthers(user->getResult(0));
      for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>()))
        if (input == value && part.getKind() != RouteKind::PartialSum)
          return false;
      return true;
    };
    return !value.use_empty() && llvm::all_of(value.getUsers(), isSum);
  }

  discoc::LayerShare &shareOf(size_t layer, int64_t rank) {
    std::vector<discoc::LayerShare> &shares = report.layers[layer].nodes;
    for (discoc::LayerShare &share : shares)
      if (share.rank == rank)
        return share;
    shares.emplace_back();
    shares.back().rank = rank;
    return shares.back();
  }

  /// Received features count for the layer that first reads them.
  void addReceived(int64_t rank, RecvOp recv) {
    const int64_t from = recv.getBuffer().getDefiningOp<PostOp>().getFrom();
    for (auto [result, part] :
         llvm::zip(recv.getResults(), recv.getParts().getAsRange<PartAttr>())) {
      if (part.getRoot())
        continue;
      Operation *first = nullptr;
      for (Operation *user : result.getUsers())
        if (index.count(opName(user)) && (!first || user->isBeforeInBlock(first)))
          first = user;
      if (!first)
        continue;
      size_t layer = index[opName(first)];
      discoc::LayerShare &share = shareOf(layer, rank);
      share.receiveBytes += byteSize(tensorType(result));
      share.receivedFrom[from] += byteSize(tensorType(result));
      countOf(report.layers[layer].received, part) += byteSize(tensorType(result));
    }
  }

  /// Sent features count for the layer that made them: their readers are on another node.
  void addSent(int64_t rank, SendOp send) {
    for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>())) {
      auto at = index.find(opName(input.getDefiningOp()));
      if (!part.getRoot() && at != index.end())
        shareOf(at->second, rank).sendBytes += partBytes(input, part);
    }
  }

  discoc::Report &report;
  llvm::StringMap<size_t> index;
};
} // namespace

bool disco::handsOver(SendOp send) {
  return llvm::all_of(send.getParts().getAsRange<PartAttr>(),
                      [](PartAttr part) { return part.getRoot(); });
}

static void addTraffic(discoc::Report &report, SendOp send, int64_t from) {
  bool root = handsOver(send);
  discoc::Traffic traffic{1, send.getBuffer().getType().getBytes()};
  auto peerOf = [&](int64_t rank, int64_t peer) -> discoc::PeerReport & {
    std::vector<discoc::PeerReport> &peers = report.nodes[rank].peers;
    auto at = llvm::find_if(peers, [&](const discoc::PeerReport &p) { return p.peer >= peer; });
    if (at == peers.end() || at->peer != peer) {
      at = peers.insert(at, discoc::PeerReport{});
      at->peer = peer;
    }
    return *at;
  };
  int64_t to = send.getTo();
  discoc::PeerReport &sender = peerOf(from, to);
  (root ? sender.rootSent : sender.sent) += traffic;
  discoc::PeerReport &receiver = peerOf(to, from);
  (root ? receiver.rootReceived : receiver.received) += traffic;
  if (root)
    return;
  for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>()))
    countOf(report.exchanged, part) += partBytes(input, part);
}

/// One entry a link that carries packets, in the cluster's order.
static void addWires(discoc::Report &report, const discoc::Cluster &cluster) {
  for (const discoc::ClusterLink &link : cluster.links)
    if (link.kind->hasPackets()) {
      report.wires.emplace_back();
      report.wires.back().ends = link.ends;
      report.wires.back().kind = link.kind->name;
      report.wires.back().ports = link.ports;
      report.wires.back().baud = link.baud;
    }
}

/// What a message is on its way: it counts on every link, and on every node between its ends.
static void addWay(discoc::Report &report, const discoc::Cluster &cluster, SendOp send,
                   int64_t from) {
  if (!cluster.hasPackets())
    return;
  bool root = handsOver(send);
  discoc::Traffic traffic{1, send.getBuffer().getType().getBytes()};
  for (const discoc::ClusterStep &step : discoc::stepsOf(cluster, from, send.getTo())) {
    auto &wire = *llvm::find_if(report.wires, [&](const discoc::WireReport &w) {
      return w.ends == cluster.links[step.link].ends;
    });
    (root ? wire.rootCarried : wire.carried) += traffic;
    discoc::NodeReport &node = report.nodes[static_cast<size_t>(step.from)];
    if (step.from != from)
      (root ? node.rootForwarded : node.forwarded) += traffic;
  }
}

/// What a value is in the arena, and for whom; its place was planned before.
static discoc::BufferReport describeBuffer(OpResult value) {
  Operation *op = value.getOwner();
  discoc::BufferReport buffer;
  buffer.name = opName(op);
  buffer.use = "tensor";
  if (auto input = dyn_cast<InputOp>(op)) {
    buffer.name = input.getName().str();
    buffer.use = "input";
  } else if (isa<StateOp>(op)) {
    buffer.name = tensorName(value).str();
    buffer.use = "state";
  } else if (isa<PostOp>(op)) {
    buffer.use = "received";
  } else if (isa<SendOp>(op)) {
    buffer.use = "sent";
  }
  return buffer;
}

/// The arena of a node as a picture: each buffer, where and for how long.
static void addBuffers(discoc::NodeReport &node, const BufferPlan &plan, func::FuncOp function) {
  std::vector<bool> known(plan.buffers.size());
  constexpr size_t mostCharacters = 200; // a name stands there for every buffer
  auto add = [&](int64_t index, int64_t offset, discoc::BufferReport buffer) {
    if (index < 0 || known[index])
      return;
    known[index] = true;
    const Buffer &planned = plan.buffers[index];
    buffer.name = discoc::fitted(buffer.name, mostCharacters);
    buffer.offset = offset;
    buffer.bytes = planned.bytes;
    buffer.first = planned.start;
    buffer.last = planned.end;
    node.buffers.push_back(std::move(buffer));
  };
  for (Operation &op : function.getBody().front()) {
    auto offsets = op.getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr);
    if (!offsets)
      continue;
    size_t next = 0;
    for (OpResult value : op.getResults())
      if (Place place = plan.placeOf(value); place.buffer >= 0)
        add(place.buffer, offsets[next++] - place.distance, describeBuffer(value));
    if (std::optional<int64_t> scratch = plan.scratchOf(&op))
      add(*scratch, offsets.asArrayRef().back(), {opName(&op), "scratch"});
  }
}

/// Where most of a node's arena is alive, and what of it came from other nodes.
static void addPeak(discoc::NodeReport &node, const BufferPlan &plan, func::FuncOp function) {
  const BufferPlan::Peak peak = plan.peak();
  node.peakStep = peak.at;
  int64_t index = 0;
  for (Operation &op : function.getBody().front()) {
    if (index++ == peak.at)
      node.peakOp = opName(&op);
    if (!isa<PostOp>(op))
      continue;
    const Buffer &buffer = plan.buffers[plan.placeOf(op.getResult(0)).buffer];
    if (buffer.start <= peak.at && peak.at <= buffer.end)
      node.peakReceivedBytes += BufferPlan::rounded(buffer.bytes);
  }
}

int64_t disco::noteCapacity(const EmitOptions &options, int64_t rank, int64_t steps) {
  constexpr int64_t ofHosts = 65536, ofInference = 2; // beside its steps
  if (!options.cluster.isBare(rank))
    return ofHosts;
  int64_t capacity = 1;
  while (capacity < 2 * (steps + ofInference))
    capacity *= 2;
  return capacity;
}

/// What the notes of a traced program are about.
static void addNotedSteps(discoc::NodeReport &node, func::FuncOp function,
                          const EmitOptions &options) {
  using Kind = discoc::StepReport::Kind;
  for (auto [index, op] : llvm::enumerate(function.getBody().front())) {
    discoc::StepReport step{Kind::Compute, static_cast<int64_t>(index), opName(&op), -1};
    auto isMessage = [&](Kind kind, uint64_t message) {
      step.kind = kind;
      step.message = static_cast<int64_t>(message);
    };
    if (auto send = dyn_cast<SendOp>(op))
      isMessage(Kind::Send, send.getMessage());
    else if (auto flush = dyn_cast<FlushOp>(op))
      isMessage(Kind::Flush, flush.getBuffer().getDefiningOp<SendOp>().getMessage());
    else if (auto recv = dyn_cast<RecvOp>(op))
      isMessage(Kind::Wait, recv.getBuffer().getDefiningOp<PostOp>().getMessage());
    else if (isa<ConstantOp, StateOp, func::ReturnOp, PostOp>(op) || isView(&op) ||
             (isa<InputOp>(op) && !op.hasAttr(kOffsetsAttr)))
      continue;
    else if (step.op.empty())
      step.op = op.getName().getStringRef().str();
    node.steps.push_back(std::move(step));
  }
  node.noteCount = noteCapacity(options, node.rank, static_cast<int64_t>(node.steps.size()));
  node.noteBytes = static_cast<int64_t>(disco_notes_bytes(static_cast<uint32_t>(node.noteCount)));
}

/// Lists that grow with pairs of nodes or with nodes times layers are left out where they are too
/// long to be looked at.
static void leaveOutLongLists(discoc::Report &report) {
  constexpr size_t mostBuffers = 20'000, mostPairs = 50'000, mostShares = 50'000;
  size_t buffers = 0, pairs = 0, shares = 0;
  for (const discoc::NodeReport &node : report.nodes)
    buffers += node.buffers.size();
  for (const discoc::LayerReport &layer : report.layers) {
    shares += layer.nodes.size();
    for (const discoc::LayerShare &share : layer.nodes)
      pairs += share.receivedFrom.size();
  }
  if (buffers > mostBuffers)
    for (discoc::NodeReport &node : report.nodes)
      node.buffers.clear();
  for (discoc::LayerReport &layer : report.layers)
    for (discoc::LayerShare &share : layer.nodes) {
      if (pairs > mostPairs)
        share.receivedFrom.clear();
      if (shares > mostShares)
        share.owned = {};
    }
}

discoc::Report disco::makeReport(ModuleOp module, const EmitOptions &options, StringRef buildHash) {
  discoc::Report report;
  report.model = options.modelName;
  report.compiler = options.compilerVersion;
  report.buildHash = buildHash.str();
  report.frameOverheadBytes = DISCO_HEADER_SIZE;
  SmallVector<ModuleOp> shards = shardsOf(module);
  for (auto [rank, shard] : llvm::enumerate(shards)) {
    discoc::NodeReport node;
    node.rank = static_cast<int64_t>(rank);
    node.name = clusterNode(options, rank).name;
    node.board = clusterNode(options, rank).board;
    if (const auto board = options.cluster.boards.find(node.board);
        board != options.cluster.boards.end()) {
      node.boardStatus = board->second->statusText();
      for (const discoc::BoardMemory &memory : board->second->memories)
        node.memorySizes[memory.name] = static_cast<int64_t>(memory.size);
    }
    node.arenaBytes = arenaBytes(shard);
    node.liveBytes = inFlightOf(module) * integerOf(shard, kLiveBytesAttr);
    const BufferPlan plan(inferOf(shard));
    addPeak(node, plan, inferOf(shard));
    addBuffers(node, plan, inferOf(shard));
    if (isTraced(options))
      addNotedSteps(node, inferOf(shard), options);
    report.nodes.push_back(std::move(node));
  }
  for (auto entry : module->getAttrOfType<ArrayAttr>(kLayersAttr).getAsRange<DictionaryAttr>()) {
    auto number = [&](StringRef name) { return entry.getAs<IntegerAttr>(name).getInt(); };
    discoc::LayerReport layer;
    layer.op = entry.getAs<StringAttr>("op").str();
    layer.type = entry.getAs<StringAttr>("type").getValue().split(',').first.str();
    if (auto density = entry.getAs<DictionaryAttr>("density")) {
      layer.density.rows = density.getAs<IntegerAttr>("rows").getInt();
      layer.density.columns = density.getAs<IntegerAttr>("columns").getInt();
      for (auto row : density.getAs<ArrayAttr>("tiles").getAsRange<StringAttr>())
        layer.density.tiles.push_back(row.str());
    }
    llvm::append_range(layer.shape, entry.getAs<DenseI64ArrayAttr>("shape").asArrayRef());
    for (auto name : entry.getAs<ArrayAttr>("inputs").getAsRange<StringAttr>())
      layer.inputs.push_back(name.str());
    layer.replicatedReason = entry.getAs<StringAttr>("replicated").str();
    layer.macs = number("macs");
    layer.weightBytes = number("weight_bytes");
    layer.denseMacs = number("dense_macs");
    layer.denseWeightBytes = number("dense_weight_bytes");
    layer.denseBytes = number("dense_bytes");
    report.denseGather.exchanged.messages += number("dense_messages");
    report.layers.push_back(std::move(layer));
  }
  addWires(report, options.cluster);
  ShareCollector shares(report);
  for (auto [rank, shard] : llvm::enumerate(shards)) {
    shares.addShard(static_cast<int64_t>(rank), inferOf(shard));
    for (auto send : inferOf(shard).getOps<SendOp>()) {
      addTraffic(report, send, static_cast<int64_t>(rank));
      addWay(report, options.cluster, send, static_cast<int64_t>(rank));
    }
  }
  for (discoc::LayerReport &layer : report.layers) {
    int64_t macs = 0, weightBytes = 0;
    for (const discoc::LayerShare &share : layer.nodes) {
      macs += share.macs;
      weightBytes += share.weightBytes;
    }
    layer.replicatedMacs = std::max<int64_t>(0, macs - layer.macs);
    layer.replicatedWeightBytes = std::max<int64_t>(0, weightBytes - layer.weightBytes);
  }
  leaveOutLongLists(report);
  discoc::addTotals(report);
  return report;
}
