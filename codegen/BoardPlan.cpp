//===- BoardPlan.cpp - buffers of a program on a bare board ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/BoardPlan.h"
#include "runtime_stub/board/desk_serial.h"
#include "runtime_stub/transport/ethernet.h"
#include "runtime_stub/transport/packets.h"
#include <algorithm>

using namespace disco;

// What holds pointers has another size here than on a machine of 32 bits; the emitted main.cpp
// asserts these. All other sizes are the runtime's own.
static constexpr int64_t peerBytes = 224, slotBytes = 12, streamBytes = 72;
static constexpr int64_t packetOverhead = DISCO_PACKET_OVERHEAD;
static constexpr int64_t ringLeast = 256, ringMost = 8192;

static int64_t roundUp(int64_t bytes, int64_t to) { return (bytes + to - 1) / to * to; }

static int64_t powerOfTwo(int64_t least) {
  int64_t size = 1;
  while (size < least)
    size *= 2;
  return size;
}

/// A twentieth of the slowest link that carries packets, at most what is asked of TCP.
static int64_t floorOf(const discoc::Cluster &cluster) {
  double slowest = 200000;
  for (const discoc::ClusterLink &link : cluster.links)
    if (const double speed = link.bandwidth > 0 ? link.bandwidth : link.kind->bandwidth;
        link.kind->hasPackets() && speed > 0)
      slowest = std::min(slowest, speed);
  return std::max<int64_t>(1, static_cast<int64_t>(slowest / 20));
}

PacketPlan disco::planPackets(const discoc::Cluster &cluster) {
  // Of the kinds in use, that of the shortest segments: packets pass from one to the other.
  const discoc::LinkKind *kind = discoc::linkKindThat(discoc::Carries::Frames);
  for (const discoc::ClusterNode &node : cluster.nodes)
    for (const discoc::ClusterPort &port : node.ports)
      if (port.kind->payload < kind->payload)
        kind = port.kind;
  return {kind->payload, kind->window, kind->retryUs, floorOf(cluster)};
}

int64_t BoardPlan::bytes() const {
  int64_t sum = 0;
  for (const BoardBuffer &buffer : buffers)
    sum += roundUp(buffer.bytes, kBoardBufferAlignment);
  return sum;
}

/// Whether packets between other nodes pass here.
static bool forwards(const discoc::Cluster &cluster, int64_t rank) {
  const std::vector<discoc::ClusterPort> &ports = cluster.nodes[static_cast<size_t>(rank)].ports;
  if (ports.size() < 2)
    return false;
  // The node before this one on the way says so.
  for (const discoc::ClusterPort &port : ports)
    for (int64_t end : cluster.links[port.link].ends) {
      const auto &hops = cluster.nodes[static_cast<size_t>(end)].hops;
      for (size_t to = 0; end != rank && to < hops.size(); ++to)
        if (hops[to].port >= 0 && hops[to].next == rank && static_cast<int64_t>(to) != rank)
          return true;
    }
  return false;
}

int64_t disco::forwardSlots(const discoc::Cluster &cluster, int64_t rank) {
  return forwards(cluster, rank) ? 2 * planPackets(cluster).window : 0;
}

/// Nodes whose packets come through a port of this node, or pass it.
static int64_t sendersThrough(const discoc::ClusterNode &node, size_t port) {
  return std::count_if(node.hops.begin(), node.hops.end(), [&](const discoc::ClusterHop &hop) {
    return hop.port == static_cast<int64_t>(port);
  });
}

static void addPort(BoardPlan &plan, const discoc::ClusterNode &node, size_t index) {
  const discoc::ClusterPort &port = node.ports[index];
  const int64_t packet = plan.packets.payload + packetOverhead, frame = packet + packet / 254 + 2;
  if (port.kind->carries == discoc::Carries::Bytes) {
    // What everybody beyond this port may have under way while this node computes.
    int64_t waiting = sendersThrough(node, index) * plan.packets.window * frame;
    plan.buffers.push_back(
        {port.name + "_rx", std::clamp(powerOfTwo(waiting), ringLeast, ringMost)});
    plan.buffers.push_back({port.name + "_tx", std::max(powerOfTwo(2 * frame), ringLeast)});
  } else {
    plan.buffers.push_back(
        {port.name + "_frame", std::max(packet + port.kind->header, port.kind->leastFrame)});
  }
}

BoardPlan disco::planBoard(const discoc::Cluster &cluster, int64_t rank,
                           const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                           int64_t messages, bool desk, int64_t noteBytes) {
  const discoc::ClusterNode &node = cluster.nodes[static_cast<size_t>(rank)];
  BoardPlan plan;
  for (size_t i = 0; i < inputs.size(); ++i)
    plan.buffers.push_back({"input" + std::to_string(i), std::max<int64_t>(inputs[i], 1)});
  for (size_t i = 0; i < outputs.size(); ++i)
    plan.buffers.push_back({"output" + std::to_string(i), std::max<int64_t>(outputs[i], 1)});
  if (desk) {
    // One request and one answer are under way.
    const int64_t ring = powerOfTwo(disco_uart_frame(board_desk_packet));
    plan.buffers.push_back({"desk_rx", ring});
    plan.buffers.push_back({"desk_tx", ring});
  }
  if (noteBytes > 0)
    plan.buffers.push_back({"notes", noteBytes});
  if (cluster.nodes.size() == 1)
    return plan;
  plan.packets = planPackets(cluster);
  plan.peers = std::count_if(node.hops.begin(), node.hops.end(),
                             [](const discoc::ClusterHop &hop) { return hop.port >= 0; });
  plan.forwardSlots = forwardSlots(cluster, rank);
  plan.buffers.push_back({"peers", static_cast<int64_t>(cluster.nodes.size()) * peerBytes});
  plan.buffers.push_back({"slots", std::max<int64_t>(messages, 1) * slotBytes});
  const PacketPlan &packets = plan.packets;
  const int64_t here = disco_packets_bytes(
      static_cast<uint32_t>(plan.peers), static_cast<uint32_t>(packets.payload),
      static_cast<uint32_t>(packets.window), static_cast<uint32_t>(plan.forwardSlots));
  plan.buffers.push_back(
      {"packets", here + plan.peers * (streamBytes - static_cast<int64_t>(sizeof(disco_stream)))});
  for (size_t i = 0; i < node.ports.size(); ++i)
    addPort(plan, node, i);
  return plan;
}
