//===- Times.cpp - how long arithmetic and wires take ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include <algorithm>
#include <cmath>
#include <map>

using namespace mlir;
using namespace disco;

static int64_t microseconds(double seconds) {
  return seconds > 0 ? std::max<int64_t>(std::llround(seconds * 1e6), 1) : 0;
}

/// Multiply-accumulates alone, at the cycles of one that the board states. 0: it states none.
static int64_t computeUs(func::FuncOp infer, const discoc::Board &board) {
  double cycles = 0;
  for (Operation &op : infer.getBody().front()) {
    auto cost = dyn_cast<CostOpInterface>(op);
    if (!cost || cost.getMacs() == 0)
      continue;
    const double each = op.hasAttr(kQuantAttr) ? board.cyclesI8 : board.cyclesF32;
    if (each <= 0)
      return 0;
    cycles += each * static_cast<double>(cost.getMacs());
  }
  return microseconds(cycles / board.clockHz);
}

/// Bytes a second of a link: what the cluster file says, or the slowest of its ends; 0: nobody
/// knows.
static double bandwidthOf(const discoc::ClusterLink &link,
                          ArrayRef<std::optional<discoc::Board>> boards) {
  if (link.bandwidth > 0)
    return link.bandwidth;
  double slowest = 0;
  for (auto [end, port] : llvm::zip(link.ends, link.ports)) {
    const std::optional<discoc::Board> &board = boards[static_cast<size_t>(end)];
    const discoc::BoardLink *way = board ? board->findLink(port) : nullptr;
    if (way && way->bandwidth > 0)
      slowest = slowest > 0 ? std::min(slowest, way->bandwidth) : way->bandwidth;
  }
  return slowest;
}

namespace {
/// Payload that one end of a link sends and receives.
struct EndBytes {
  int64_t sent = 0, received = 0;
};
} // namespace

/// By link, and by rank of its ends; a message counts on every link of its way.
static std::vector<std::map<int64_t, EndBytes>> bytesOfEnds(ArrayRef<ModuleOp> shards,
                                                            const discoc::Cluster &cluster) {
  std::vector<std::map<int64_t, EndBytes>> links(cluster.links.size());
  for (auto [from, shard] : llvm::enumerate(shards))
    for (auto send : inferOf(shard).getOps<SendOp>())
      for (const discoc::ClusterStep &step :
           discoc::stepsOf(cluster, static_cast<int64_t>(from), send.getTo())) {
        const int64_t bytes = send.getBuffer().getType().getBytes();
        links[step.link][step.from].sent += bytes;
        links[step.link][step.to].received += bytes;
      }
  return links;
}

void disco::addTimes(discoc::Report &report, ArrayRef<ModuleOp> shards,
                     const discoc::Cluster &cluster,
                     ArrayRef<std::optional<discoc::Board>> boards) {
  for (auto [rank, shard] : llvm::enumerate(shards))
    if (boards[rank] && !boards[rank]->isLinux())
      report.nodes[rank].computeUs = computeUs(inferOf(shard), *boards[rank]);
  if (!cluster.hasPackets())
    return;
  auto wire = report.wires.begin();
  for (auto [link, ends] : llvm::zip(cluster.links, bytesOfEnds(shards, cluster))) {
    if (link.kind == "tcp")
      continue;
    int64_t most = 0;
    for (auto &[rank, bytes] : ends)
      most = std::max({most, bytes.sent, bytes.received});
    if (const double bandwidth = bandwidthOf(link, boards); bandwidth > 0)
      wire->leastUs = microseconds(static_cast<double>(most) / bandwidth);
    ++wire;
  }
}
