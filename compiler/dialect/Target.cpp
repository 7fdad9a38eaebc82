//===- Target.cpp - what passes may know of the devices and links ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Target.h"
#include "compiler/dialect/KernelCall.h"
#include "compiler/formats/LinkKind.h"
#include "compiler/formats/Target.h"

using namespace mlir;
using namespace disco;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

static bool areStrings(ArrayAttr list) {
  return llvm::all_of(list, [](Attribute one) { return isa<StringAttr>(one); });
}

template <typename T> static bool areAll(ArrayAttr list) {
  return llvm::all_of(list, [](Attribute one) { return isa<T>(one); });
}

static bool isQuantity(FloatAttr value) {
  return value.getType().isF64() && value.getValue().isFinite() && value.getValueAsDouble() >= 0;
}

/// A kind of link that is in the table, and has packets where `packets` says so.
static LogicalResult verifyKind(EmitError emitError, StringAttr name, bool packets) {
  const discoc::LinkKind *kind = discoc::findLinkKind(name.str());
  if (!kind || (packets && !kind->hasPackets()))
    return emitError() << "unknown kind of link " << name;
  return success();
}

static LogicalResult verifySpeed(EmitError emitError, FloatAttr bandwidth, FloatAttr latency) {
  if (!isQuantity(bandwidth) || !isQuantity(latency))
    return emitError() << "bandwidth and latency are f64 from 0 up";
  return success();
}

LogicalResult TargetAttr::verify(EmitError emitError, StringAttr arch, ArrayAttr levels,
                                 int64_t vector, DenseI64ArrayAttr caches, FloatAttr clock,
                                 DictionaryAttr cycles) {
  for (Attribute one : levels) {
    auto name = llvm::dyn_cast<StringAttr>(one);
    const auto level = name ? discoc::findLevel(name.str()) : std::nullopt;
    if (!level)
      return emitError() << "no level of instructions: " << one;
    if (level->arch != arch.getValue())
      return emitError() << "level " << one << " is none of " << arch;
  }
  if (vector < 0 || !isQuantity(clock) ||
      llvm::any_of(caches.asArrayRef(), [](int64_t bytes) { return bytes < 1; }))
    return emitError() << "a vector, a clock or a cache of a target is negative";
  for (NamedAttribute entry : cycles)
    if (auto each = llvm::dyn_cast<FloatAttr>(entry.getValue()); !each || !isQuantity(each))
      return emitError() << "the cycles of " << entry.getName() << " are no f64 from 0 up";
  return success();
}

LogicalResult MemoryAttr::verify(EmitError emitError, StringAttr name, StringAttr kind,
                                 int64_t address, int64_t size, ArrayAttr holds) {
  if (name.empty() || (kind.getValue() != "flash" && kind.getValue() != "ram") || address < 0 ||
      size < 1 || !areStrings(holds))
    return emitError() << "a memory has a name, the kind \"flash\" or \"ram\", an address, a size "
                          "and the names of what it holds";
  return success();
}

LogicalResult PortAttr::verify(EmitError emitError, StringAttr name, StringAttr kind,
                               FloatAttr bandwidth, FloatAttr latency) {
  return failure(failed(verifyKind(emitError, kind, /*packets=*/true)) ||
                 failed(verifySpeed(emitError, bandwidth, latency)));
}

LogicalResult BoardAttr::verify(EmitError emitError, StringAttr name, StringAttr reference,
                                StringAttr title, StringAttr status, TargetAttr target,
                                ArrayAttr memories, ArrayAttr ports, int64_t stack,
                                DictionaryAttr toolchain, DictionaryAttr build,
                                DictionaryAttr bounds) {
  if (!areAll<MemoryAttr>(memories) || !areAll<PortAttr>(ports))
    return emitError()
           << "memories and ports of a board are lists of #disco.memory and #disco.port";
  llvm::StringMap<int> holders;
  for (auto memory : memories.getAsRange<MemoryAttr>())
    for (auto part : memory.getHolds().getAsRange<StringAttr>())
      if (++holders[part.getValue()] > 1)
        return emitError() << "two memories of a board hold " << part;
  if (stack < 0)
    return emitError() << "the stack of a board is negative";
  return success();
}

LogicalResult NodeAttr::verify(EmitError emitError, StringAttr name, StringAttr address,
                               StringAttr listen, Attribute device, DenseI64ArrayAttr hops) {
  if (!llvm::isa<BoardAttr, TargetAttr>(device))
    return emitError() << "the device of a node is a #disco.board or a #disco.target";
  return success();
}

LogicalResult LinkAttr::verify(EmitError emitError, DenseI64ArrayAttr ends, StringAttr kind,
                               ArrayAttr ports, FloatAttr bandwidth, FloatAttr latency,
                               int64_t baud) {
  if (failed(verifyKind(emitError, kind, /*packets=*/false)) ||
      failed(verifySpeed(emitError, bandwidth, latency)))
    return failure();
  const discoc::LinkKind &row = *discoc::findLinkKind(kind.str());
  ArrayRef<int64_t> ranks = ends.asArrayRef();
  if (ranks.size() < 2 || (ranks.size() > 2 && !row.hasManyEnds()) ||
      !std::is_sorted(ranks.begin(), ranks.end(), std::less_equal<>()) || ranks.front() < 0)
    return emitError() << "the ends of a link are two ranks, rising; more only at a switch";
  if (!areStrings(ports) || ports.size() != (row.hasPackets() ? ranks.size() : 0))
    return emitError() << "a link has the name of one port an end, and over TCP none";
  if (baud < 0 || (baud > 0 && row.carries != discoc::Carries::Bytes))
    return emitError() << "only a UART has a baud";
  return success();
}

/// Links, ports and hops agree.
LogicalResult ClusterAttr::verify(EmitError emitError, ArrayAttr nodes, ArrayAttr links) {
  if (nodes.empty() || !areAll<NodeAttr>(nodes) || !areAll<LinkAttr>(links))
    return emitError()
           << "a cluster is a list of #disco.node, at least one, and one of #disco.link";
  const auto count = static_cast<int64_t>(nodes.size());
  SmallVector<int64_t> ports(nodes.size());
  for (auto link : links.getAsRange<LinkAttr>()) {
    if (link.getEnds().asArrayRef().back() >= count)
      return emitError() << "a link joins node " << link.getEnds().asArrayRef().back()
                         << " of a cluster of " << count;
    for (auto [end, port] : llvm::zip(link.getEnds().asArrayRef(), link.getPorts())) {
      ++ports[end];
      BoardAttr board = llvm::cast<NodeAttr>(nodes[end]).getBoard();
      if (board && board.getStatus().getValue() != "linux" &&
          llvm::none_of(board.getPorts().getAsRange<PortAttr>(), [&](PortAttr own) {
            return own.getName() == port && own.getKind() == link.getKind();
          }))
        return emitError() << "the board " << board.getName() << " has no port " << port;
    }
  }
  const bool packets = llvm::any_of(ports, [](int64_t number) { return number > 0; });
  for (auto [rank, node] : llvm::enumerate(nodes.getAsRange<NodeAttr>())) {
    ArrayRef<int64_t> hops = node.getHops().asArrayRef();
    bool good = hops.size() == (packets ? 2 * nodes.size() : 0);
    for (size_t i = 0; good && i < hops.size(); i += 2)
      good = hops[i] >= -1 && hops[i] < ports[rank] && hops[i + 1] >= -1 && hops[i + 1] < count;
    if (!good)
      return emitError() << "the hops of node " << rank
                         << " are not a port and a node for every node of the cluster";
  }
  return success();
}

LogicalResult KernelAttr::verify(EmitError emitError, StringAttr name, int64_t scratch) {
  if (!isKernel(name.getValue()))
    return emitError() << "no kernel of the runtime stub: " << name;
  if (scratch < 0)
    return emitError() << "the scratch memory of a kernel is negative";
  return success();
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

ClusterAttr disco::clusterOf(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto cluster = op->getAttrOfType<ClusterAttr>(kClusterAttr))
      return cluster;
  return {};
}

NodeAttr disco::nodeOf(Operation *op) {
  ClusterAttr cluster = clusterOf(op);
  for (; cluster && op; op = op->getParentOp())
    if (auto rank = op->getAttrOfType<IntegerAttr>(kRankAttr))
      return rank.getInt() < cluster.size() ? cluster.getNode(rank.getInt()) : NodeAttr();
  return {};
}

bool disco::isBare(NodeAttr node) {
  return node && node.getBoard() && node.getBoard().getStatus().getValue() != "linux";
}

int64_t disco::memoryBytes(NodeAttr node, StringRef part) {
  if (node && node.getBoard())
    for (auto memory : node.getBoard().getMemories().getAsRange<MemoryAttr>())
      if (llvm::any_of(memory.getHolds().getAsRange<StringAttr>(),
                       [&](StringAttr held) { return held.getValue() == part; }))
        return memory.getSize();
  return 0;
}

double disco::clockOf(NodeAttr node) {
  return node ? node.getTarget().getClock().getValueAsDouble() : 0;
}

int64_t disco::vectorBytes(NodeAttr node) { return node ? node.getTarget().getVector() : 0; }

ArrayRef<int64_t> disco::cacheBytes(NodeAttr node) {
  return node ? node.getTarget().getCaches().asArrayRef() : ArrayRef<int64_t>();
}

double disco::cyclesOfMac(NodeAttr node, Operation *op) {
  if (!node)
    return 0;
  for (StringRef name :
       {op->getName().stripDialect(), StringRef(op->hasAttr(kQuantAttr) ? "i8" : "f32")})
    if (auto cycles = node.getTarget().getCycles().getAs<FloatAttr>(name))
      return cycles.getValueAsDouble();
  return 0;
}

double disco::bandwidthOf(ClusterAttr cluster, LinkAttr link) {
  if (const double stated = link.getBandwidth().getValueAsDouble(); stated > 0)
    return stated;
  double slowest = 0;
  for (auto [end, port] : llvm::zip(link.getEnds().asArrayRef(), link.getPorts()))
    if (BoardAttr board = cluster.getNode(end).getBoard())
      for (auto own : board.getPorts().getAsRange<PortAttr>())
        if (const double speed = own.getBandwidth().getValueAsDouble();
            own.getName() == port && speed > 0)
          slowest = slowest > 0 ? std::min(slowest, speed) : speed;
  return slowest;
}

/// The link at a port of a node: ports are numbered by the links, in their order.
static LinkAttr linkAt(ClusterAttr cluster, int64_t rank, int64_t port) {
  for (auto link : cluster.getLinks().getAsRange<LinkAttr>())
    if (!link.getPorts().empty() && llvm::is_contained(link.getEnds().asArrayRef(), rank) &&
        port-- == 0)
      return link;
  return {};
}

SmallVector<WayStep> disco::wayOf(ClusterAttr cluster, int64_t from, int64_t to) {
  SmallVector<WayStep> way;
  for (int64_t at = from; at != to && way.size() < cluster.getNodes().size();) {
    ArrayRef<int64_t> hops = cluster.getNode(at).getHops().asArrayRef();
    LinkAttr link = hops.empty() ? LinkAttr() : linkAt(cluster, at, hops[2 * to]);
    if (!link)
      break;
    way.push_back({link, at, hops[2 * to + 1]});
    at = hops[2 * to + 1];
  }
  for (auto link : cluster.getLinks().getAsRange<LinkAttr>())
    if (way.empty() && link.getPorts().empty() &&
        llvm::is_contained(link.getEnds().asArrayRef(), from) &&
        llvm::is_contained(link.getEnds().asArrayRef(), to))
      way.push_back({link, from, to});
  return way;
}

double disco::bandwidthBetween(ClusterAttr cluster, int64_t from, int64_t to) {
  double slowest = 0;
  for (const WayStep &step : wayOf(cluster, from, to)) {
    const double speed = bandwidthOf(cluster, step.link);
    if (speed == 0)
      return 0;
    slowest = slowest > 0 ? std::min(slowest, speed) : speed;
  }
  return slowest;
}

double disco::latencyBetween(ClusterAttr cluster, int64_t from, int64_t to) {
  double sum = 0;
  for (const WayStep &step : wayOf(cluster, from, to))
    sum += step.link.getLatency().getValueAsDouble();
  return sum;
}
