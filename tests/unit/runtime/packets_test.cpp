//===- packets_test.cpp - byte streams over bad links ---------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "wire.h"

#include <gtest/gtest.h>

namespace {

uint8_t byteOf(uint32_t from, uint32_t to, uint64_t at) {
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

std::unique_ptr<Wire> packetWire(Faults faults, uint32_t seed, uint32_t mtu = 72) {
  return std::make_unique<PacketWire>(mtu, 6, faults, seed);
}

std::unique_ptr<ByteWire> byteWire(Faults faults, uint32_t seed, uint32_t speed = 20) {
  return std::make_unique<ByteWire>(72, 1024, speed, faults, seed);
}

Faults faults(double damage, double lose, double drop, double repeat, double reorder) {
  Faults f;
  f.damage = damage;
  f.lose = lose;
  f.drop = drop;
  f.repeat = repeat;
  f.reorder = reorder;
  return f;
}

struct Case {
  const char *name;
  Faults what;
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }

class OverPackets : public testing::TestWithParam<Case> {};

TEST_P(OverPackets, TwoMillionBytes) {
  Net net(2, {});
  uint32_t s = seed(1);
  net.join(0, 1, packetWire(GetParam().what, s));
  net.plan();
  ASSERT_EQ(net.start(0, 11), 0);
  ASSERT_EQ(net.start(1, 22), 0);
  Streams streams(net, 1000000, s);
  EXPECT_TRUE(streams.run(4000000000ull)) << streams.got[1] << " " << streams.got[2];
}

INSTANTIATE_TEST_SUITE_P(Packets, OverPackets,
                         testing::Values(Case{"Clean", {}},
                                         Case{"Damage", faults(0.01, 0, 0, 0, 0)},
                                         Case{"Drop", faults(0, 0, 0.3, 0, 0)},
                                         Case{"Repeat", faults(0, 0, 0, 0.5, 0)},
                                         Case{"Reorder", faults(0, 0, 0, 0, 0.5)},
                                         Case{"All", faults(0.003, 0, 0.1, 0.2, 0.3)}),
                         [](const auto &p) { return std::string(p.param.name); });

class OverUart : public testing::TestWithParam<Case> {};

TEST_P(OverUart, AMillionBytes) {
  Net net(2, {});
  uint32_t s = seed(2);
  net.join(0, 1, byteWire(GetParam().what, s));
  net.plan();
  ASSERT_EQ(net.start(0, 11), 0);
  ASSERT_EQ(net.start(1, 22), 0);
  Streams streams(net, 500000, s);
  EXPECT_TRUE(streams.run(4000000000ull)) << streams.got[1] << " " << streams.got[2];
  const disco_packets_stats *stats = disco_packets_peer_stats(&net.packets(0), 1);
  printf("%s: %u segments, %u sent again, %.1f s\n", GetParam().name, stats->tx_segments,
         stats->retransmissions, static_cast<double>(net.clockUs) / 1e6);
}

Faults inserted() {
  Faults f;
  f.insert = 0.005;
  f.lose = 0.005;
  return f;
}

INSTANTIATE_TEST_SUITE_P(Uart, OverUart,
                         testing::Values(Case{"Clean", {}},
                                         Case{"Damage1000", faults(0.001, 0, 0, 0, 0)},
                                         Case{"Damage100", faults(0.01, 0, 0, 0, 0)},
                                         Case{"Lose1000", faults(0, 0.001, 0, 0, 0)},
                                         Case{"Lose100", faults(0, 0.01, 0, 0, 0)},
                                         Case{"Insert", inserted()}),
                         [](const auto &p) { return std::string(p.param.name); });

} // namespace
