//===- streams.h - checked streams between the nodes of a net -------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_STREAMS_H
#define DISCO_TESTS_STREAMS_H

#include "wire.h"

#include <gtest/gtest.h>

inline uint8_t byteOf(uint32_t from, uint32_t to, uint64_t at) {
  uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ull + from * 77 + to * 1313;
  return static_cast<uint8_t>(x >> 32 ^ x >> 17);
}

// Everybody streams `total` bytes to everybody, ends, and reads the others' ends.
struct Streams {
  Net &net;
  uint64_t total;
  std::mt19937 random;
  std::vector<uint64_t> sent, got; // [from * nodes + to]
  std::vector<bool> finished, ended;

  Streams(Net &n, uint64_t bytes, uint32_t seed)
      : net(n), total(bytes), random(seed), sent(n.size() * n.size()), got(sent.size()),
        finished(sent.size()), ended(sent.size()) {}

  uint32_t at(uint32_t from, uint32_t to) const { return from * net.size() + to; }

  void write(uint32_t from, uint32_t to) {
    uint32_t i = at(from, to);
    disco_transport t = net.transport(from);
    uint8_t bytes[700];
    while (sent[i] < total) {
      size_t n = std::min<uint64_t>(1 + random() % sizeof bytes, total - sent[i]);
      for (size_t k = 0; k < n; ++k)
        bytes[k] = byteOf(from, to, sent[i] + k);
      int32_t r = t.write(t.context, to, bytes, n, random() % 4 == 0);
      ASSERT_GE(r, 0);
      sent[i] += static_cast<uint32_t>(r);
      if (r < static_cast<int32_t>(n))
        return;
    }
    if (!finished[i])
      t.finish(t.context, to);
    finished[i] = true;
  }

  void read(uint32_t to, uint32_t from) {
    uint32_t i = at(from, to);
    disco_transport t = net.transport(to);
    uint8_t bytes[500];
    for (int k = 0; k < 20 && !ended[i]; ++k) {
      int32_t r = t.read(t.context, from, bytes, 1 + random() % sizeof bytes);
      if (r == 0)
        return;
      if (r < 0) {
        ASSERT_EQ(r, DISCO_IO_END);
        ASSERT_EQ(got[i], total);
        ended[i] = true;
        return;
      }
      for (int32_t b = 0; b < r; ++b)
        ASSERT_EQ(bytes[b], byteOf(from, to, got[i] + static_cast<uint32_t>(b)))
            << "byte " << got[i] + static_cast<uint32_t>(b);
      got[i] += static_cast<uint32_t>(r);
    }
  }

  void turn(uint32_t rank) {
    for (uint32_t peer = 0; peer < net.size() && !testing::Test::HasFatalFailure(); ++peer)
      if (peer != rank) {
        write(rank, peer);
        read(rank, peer);
      }
    disco_transport t = net.transport(rank);
    t.wait(t.context, nullptr, 0);
  }

  bool done() const {
    for (uint32_t a = 0; a < net.size(); ++a)
      for (uint32_t b = 0; b < net.size(); ++b)
        if (a != b && !ended[at(a, b)])
          return false;
    return true;
  }

  // False: not done when so much time has passed.
  bool run(uint64_t limitUs, uint64_t stepUs = 200) {
    for (uint64_t until = net.clockUs + limitUs; net.clockUs < until && !done();) {
      for (uint32_t rank = 0; rank < net.size(); ++rank)
        turn(rank);
      if (testing::Test::HasFatalFailure())
        return false;
      net.step(stepUs);
    }
    return done();
  }
};

inline std::unique_ptr<Wire> packetWire(Faults faults, uint32_t seed, uint32_t mtu = 72) {
  return std::make_unique<PacketWire>(mtu, 6, faults, seed);
}

inline std::unique_ptr<ByteWire> byteWire(Faults faults, uint32_t seed, uint32_t speed = 20) {
  return std::make_unique<ByteWire>(72, 1024, speed, faults, seed);
}

inline Faults faults(double damage, double lose, double drop, double repeat, double reorder) {
  Faults f;
  f.damage = damage;
  f.lose = lose;
  f.drop = drop;
  f.repeat = repeat;
  f.reorder = reorder;
  return f;
}

#endif // DISCO_TESTS_STREAMS_H
