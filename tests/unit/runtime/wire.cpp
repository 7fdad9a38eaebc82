//===- wire.cpp - links that lose and damage, for the runtime's tests -----===//
// SPDX-License-Identifier: Apache-2.0

#include "wire.h"

#include <chrono>
#include <stdlib.h>
#include <string.h>

namespace {

bool happens(std::mt19937 &random, double rate) {
  return rate > 0 && std::uniform_real_distribution<double>(0, 1)(random) < rate;
}

uint8_t flipped(std::mt19937 &random, uint8_t byte) {
  return static_cast<uint8_t>(byte ^ 1u << (random() & 7));
}

// The polynomial of CRC-32 itself, lowest bit first: 1 | 0xedb88320 << 1.
constexpr uint8_t multiple[5] = {0x41, 0x06, 0x71, 0xdb, 0x01};

} // namespace

//===----------------------------------------------------------------------===//
// Packets
//===----------------------------------------------------------------------===//

PacketWire::PacketWire(uint32_t m, uint32_t r, Faults f, uint32_t seed)
    : mtu(m), room(r), faults(f), random(seed) {
  for (int i = 0; i < 2; ++i) {
    ends[i].wire = this;
    ends[i].index = i;
  }
}

disco_port PacketWire::port(int end) {
  return {&ends[end], mtu,
          [](void *context, uint16_t, const uint8_t *packet, uint32_t size) {
            End *e = static_cast<End *>(context);
            return e->wire->send(*e, packet, size);
          },
          [](void *context, uint8_t *packet, uint32_t capacity) {
            End *e = static_cast<End *>(context);
            return e->wire->receive(*e, packet, capacity);
          }};
}

int32_t PacketWire::send(End &from, const uint8_t *packet, uint32_t size) {
  std::lock_guard<std::mutex> hold(lock);
  if (broken)
    return -1;
  if (from.sent.size() >= room)
    return 0;
  from.sent.emplace_back(packet, packet + size);
  return static_cast<int32_t>(size);
}

int32_t PacketWire::receive(End &at, uint8_t *packet, uint32_t capacity) {
  std::lock_guard<std::mutex> hold(lock);
  if (broken)
    return -1;
  if (at.arriving.empty())
    return 0;
  std::vector<uint8_t> bytes = at.arriving.front();
  at.arriving.pop_front();
  size_t size = std::min<size_t>(bytes.size(), capacity);
  memcpy(packet, bytes.data(), size);
  return static_cast<int32_t>(size);
}

void PacketWire::step() {
  std::lock_guard<std::mutex> hold(lock);
  for (End &from : ends) {
    auto &to = ends[1 - from.index].arriving;
    while (!from.sent.empty()) {
      std::vector<uint8_t> packet = std::move(from.sent.front());
      from.sent.pop_front();
      if (happens(random, faults.drop))
        continue;
      for (uint8_t &b : packet)
        if (happens(random, faults.damage))
          b = flipped(random, b);
      constexpr size_t around = DISCO_PACKET_OVERHEAD + sizeof multiple;
      if (packet.size() >= around && happens(random, faults.unseen)) {
        size_t at = 12 + random() % (packet.size() - around + 1);
        for (size_t i = 0; i < sizeof multiple; ++i)
          packet[at + i] ^= multiple[i];
      }
      if (happens(random, faults.repeat))
        to.push_back(packet);
      if (!happens(random, faults.reorder))
        to.push_back(packet);
      else if (to.empty() || random() % 4 == 0)
        ends[1 - from.index].late.emplace_back(random() % 20, packet);
      else
        to.insert(to.begin() + static_cast<long>(random() % to.size()), packet);
    }
    for (auto &[steps, packet] : from.late)
      if (steps-- == 0)
        from.arriving.push_back(packet);
    while (!from.late.empty() && from.late.front().first < 0)
      from.late.pop_front();
  }
}

void PacketWire::clear(int end) {
  std::lock_guard<std::mutex> hold(lock);
  ends[end].sent.clear();
  ends[end].arriving.clear();
  ends[end].late.clear();
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

ByteWire::ByteWire(uint32_t mtu, uint32_t ring, uint32_t s, Faults f, uint32_t seed)
    : speed(s), faults(f), random(seed) {
  for (End &e : ends) {
    e.rx.resize(ring);
    e.tx.resize(ring);
    e.uart.rx = e.rx.data();
    e.uart.tx = e.tx.data();
    e.uart.rx_size = e.uart.tx_size = ring;
    e.uart.mtu = mtu;
    e.uart.start_tx = [](void *) {};
  }
}

void ByteWire::step() {
  behind += faults.slower * speed;
  const uint32_t left = behind >= 1 ? 1 : 0;
  behind -= left;
  for (int i = 0; i < 2; ++i) {
    disco_uart *to = &ends[1 - i].uart;
    const uint32_t most = i == 1 ? speed - left : speed;
    uint8_t byte = 0;
    for (uint32_t k = 0; k < most && disco_uart_tx_byte(&ends[i].uart, &byte); ++k) {
      ++moved;
      if (happens(random, faults.lose))
        continue;
      disco_uart_rx_byte(to, happens(random, faults.damage) ? flipped(random, byte) : byte);
      if (happens(random, faults.insert))
        disco_uart_rx_byte(to, static_cast<uint8_t>(random()));
    }
  }
}

void ByteWire::clear(int end) {
  disco_uart &u = ends[end].uart;
  u.rx_head = u.rx_tail = u.rx_scan = u.tx_head = u.tx_tail = 0;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Net::Net(uint32_t count, Settings s) : settings(s), nodes(count) {}

Net::~Net() {
  over = true;
  if (mover.joinable())
    mover.join();
}

void Net::join(uint32_t a, uint32_t b, std::unique_ptr<Wire> wire) {
  uint32_t ranks[2] = {a, b};
  for (int end = 0; end < 2; ++end) {
    Node &n = nodes[ranks[end]];
    n.ports.push_back(wire->port(end));
    n.neighbours.push_back(ranks[1 - end]);
    n.wires.emplace_back(wire.get(), end);
  }
  wires.push_back(std::move(wire));
}

void Net::plan() {
  for (uint32_t to = 0; to < size(); ++to) {
    std::vector<uint32_t> distance(size(), DISCO_NONE);
    distance[to] = 0;
    for (uint32_t round = 0; round < size(); ++round)
      for (uint32_t from = 0; from < size(); ++from)
        for (uint32_t next : nodes[from].neighbours)
          if (distance[from] == DISCO_NONE && distance[next] == round)
            distance[from] = round + 1;
    for (uint32_t from = 0; from < size(); ++from) {
      Node &n = nodes[from];
      n.hops.resize(size(), {DISCO_NO_PORT, 0});
      for (uint32_t p = 0; p < n.ports.size() && from != to; ++p)
        if (distance[n.neighbours[p]] + 1 == distance[from])
          n.hops[to] = {static_cast<uint8_t>(p), static_cast<uint16_t>(n.neighbours[p])};
    }
  }
}

int Net::start(uint32_t rank, uint16_t nonce) {
  Node &n = nodes[rank];
  for (auto &[wire, end] : n.wires)
    wire->clear(end);
  uint32_t bytes =
      disco_packets_bytes(size() - 1, settings.payload, settings.window, settings.forwardSlots);
  n.memory.assign(bytes / 8 + 1, 0xeeeeeeeeeeeeeeeeull);
  n.config.rank = static_cast<uint16_t>(rank);
  n.config.nodes = static_cast<uint16_t>(size());
  n.config.ports = n.ports.data();
  n.config.port_count = static_cast<uint32_t>(n.ports.size());
  n.config.hops = n.hops.data();
  n.config.payload = settings.payload;
  n.config.window = settings.window;
  n.config.memory = reinterpret_cast<uint8_t *>(n.memory.data());
  n.config.memory_bytes = bytes;
  n.config.forward_slots = settings.forwardSlots;
  n.config.nonce = nonce;
  n.config.retry_us = settings.retryUs;
  n.config.now_us = now;
  n.config.idle = idle;
  n.config.clock_context = this;
  return disco_packets_init(&n.packets, &n.config);
}

void Net::step(uint64_t us) {
  for (auto &w : wires)
    w->step();
  clockUs += us;
}

void Net::useRealTime() {
  real = true;
  mover = std::thread([this] {
    while (!over) {
      for (auto &w : wires)
        w->step();
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
}

uint64_t Net::now(void *context) {
  Net *n = static_cast<Net *>(context);
  if (!n->real)
    return n->clockUs;
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

void Net::idle(void *context, uint64_t us) {
  Net *n = static_cast<Net *>(context);
  if (n->real)
    std::this_thread::sleep_for(std::chrono::microseconds(us < 100 ? us : 100));
  else if (us)
    n->step(us);
}
