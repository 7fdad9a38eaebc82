//===- packets_test.cpp - byte streams over bad links ---------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "streams.h"

#include <string.h>

namespace {

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
  if (GetParam().name == std::string("Clean") || GetParam().what.slower > 0)
    EXPECT_EQ(stats->retransmissions + stats->repeated, 0u);
  // What is lost must be noticed before its time-out, mostly: one byte in 1,000 costs a quarter.
  if (strstr(GetParam().name, "1000"))
    EXPECT_LT(net.clockUs, 13000000u);
}

Faults slower(double by) {
  Faults f;
  f.slower = by;
  return f;
}

// Clocks of two boards are never the same. Who passes on what comes faster than it leaves holds it
// up, and loses nothing.
TEST(Uart, BaudsThatDiffer) {
  Net net(3, {});
  uint32_t s = seed(3);
  net.join(1, 0, byteWire(slower(0.002), s));
  net.join(2, 1, byteWire(slower(0.002), s + 1));
  net.plan();
  for (uint32_t rank = 0; rank < 3; ++rank)
    ASSERT_EQ(net.start(rank, static_cast<uint16_t>(rank + 1)), 0);
  Streams streams(net, 300000, s);
  EXPECT_TRUE(streams.run(4000000000ull));
  for (uint32_t rank = 0; rank < 3; ++rank)
    for (uint32_t peer = 0; peer < 3; ++peer)
      if (peer != rank) {
        const disco_packets_stats *stats = disco_packets_peer_stats(&net.packets(rank), peer);
        EXPECT_EQ(stats->retransmissions + stats->repeated, 0u) << rank << " " << peer;
      }
}

Faults inserted() {
  Faults f;
  f.insert = 0.005;
  f.lose = 0.005;
  return f;
}

INSTANTIATE_TEST_SUITE_P(Uart, OverUart,
                         testing::Values(Case{"Clean", {}}, Case{"Slower", slower(0.002)},
                                         Case{"Damage1000", faults(0.001, 0, 0, 0, 0)},
                                         Case{"Damage100", faults(0.01, 0, 0, 0, 0)},
                                         Case{"Lose1000", faults(0, 0.001, 0, 0, 0)},
                                         Case{"Lose100", faults(0, 0.01, 0, 0, 0)},
                                         Case{"Insert", inserted()}),
                         [](const auto &p) { return std::string(p.param.name); });

} // namespace
