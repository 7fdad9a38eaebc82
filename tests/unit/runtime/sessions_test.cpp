//===- sessions_test.cpp - starts, restarts, ends and limits of streams ---===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "streams.h"

#include <string.h>

namespace {

constexpr uint64_t second = 1000000;

int32_t readAll(Net &net, uint32_t rank, uint32_t peer, uint64_t *bytes) {
  disco_transport t = net.transport(rank);
  uint8_t data[64];
  int32_t r = 0;
  while ((r = t.read(t.context, peer, data, sizeof data)) > 0)
    *bytes += static_cast<uint32_t>(r);
  return r;
}

// Lets everybody pump for so long.
void pass(Net &net, uint64_t us, std::vector<uint32_t> ranks) {
  for (uint64_t until = net.clockUs + us; net.clockUs < until; net.step(200))
    for (uint32_t rank : ranks) {
      disco_transport t = net.transport(rank);
      t.wait(t.context, nullptr, 0);
    }
}

struct Pair {
  Net net;
  explicit Pair(Faults faults = {}, Net::Settings settings = {}) : net(2, settings) {
    net.join(0, 1, packetWire(faults, seed(3), settings.payload + DISCO_PACKET_OVERHEAD));
    net.plan();
  }
};

// A packet from 1 to 0 of the documented layout.
std::vector<uint8_t> packet(std::vector<uint8_t> bytes) {
  uint32_t crc = disco_crc32(0, bytes.data(), bytes.size());
  for (int i = 0; i < 4; ++i)
    bytes.push_back(static_cast<uint8_t>(crc >> 8 * i));
  return bytes;
}

TEST(Sessions, PacketsByteByByte) {
  Net net(2, {});
  auto made = packetWire({}, 1);
  Wire *wire = made.get();
  net.join(0, 1, std::move(made));
  net.plan();
  ASSERT_EQ(net.start(0, 0x1122), 0);
  disco_port port = wire->port(1);
  auto exchange = [&](const std::vector<uint8_t> &to) {
    if (!to.empty())
      port.send(port.context, 0, to.data(), static_cast<uint32_t>(to.size()));
    wire->step();
    disco_transport t = net.transport(0);
    t.wait(t.context, nullptr, 0);
    wire->step();
    std::vector<uint8_t> from(72);
    from.resize(static_cast<size_t>(port.receive(port.context, from.data(), 72)));
    return from;
  };
  // A greeting; the answer to one; a session with a segment.
  EXPECT_EQ(exchange({}), packet({1, 0, 0, 0xc0, 0x22, 0x11, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(exchange(packet({0, 0, 1, 0xc0, 0x44, 0x33, 0, 0, 0, 0, 0, 0})),
            packet({1, 0, 0, 0xe0, 0x22, 0x11, 0x44, 0x33, 0, 0, 0, 0}));
  disco_transport t = net.transport(0);
  t.write(t.context, 1, "abc", 3, false);
  const auto good =
      packet({0, 0, 1, 0x70, 0x44, 0x33, 0x22, 0x11, 1, 0, 0, 0, 'x', 'y'}); // the second segment
  EXPECT_EQ(exchange(good),
            packet({1, 0, 0, 0x70, 0x22, 0x11, 0x44, 0x33, 0, 0, 2, 0, 'a', 'b', 'c'}));
  // What is no packet, or for nobody here, changes nothing.
  const disco_port_stats *stats = disco_packets_port_stats(&net.packets(0), 0);
  EXPECT_EQ(stats->damaged, 0u);
  std::vector<std::vector<uint8_t>> bad = {
      packet({0, 0, 1, 0x30, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 'x'}), // another version
      packet({7, 0, 1, 0x70, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 'x'}), // to nobody
      packet({0, 0, 2, 0x70, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 'x'}), // from nobody
      packet({0, 0, 0, 0x70, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 'x'}), // from itself
      packet({0, 0, 1, 0x70, 0x44, 0x33, 0x22, 0x11}),                  // too short
      packet({}),
      {1},
      good,
      good};
  bad[7][12] ^= 1;
  bad[8].pop_back();
  uint32_t count = 0;
  for (const auto &b : bad) {
    exchange(b);
    EXPECT_EQ(stats->damaged, ++count);
  }
  uint8_t data[4];
  EXPECT_EQ(t.read(t.context, 1, data, 4), 0);
  exchange(packet({0, 0, 1, 0x70, 0x44, 0x33, 0x22, 0x11, 0, 1, 0, 0, 'w'}));
  EXPECT_EQ(t.read(t.context, 1, data, 4), 3);
  EXPECT_EQ(memcmp(data, "wxy", 3), 0);
}

TEST(Sessions, EveryWindowAndPayload) {
  for (uint16_t window : {1, 2, 3, 4, 8, 15, 16, 40})
    for (uint16_t payload : {1, 7, 56, 1400}) {
      Net::Settings settings;
      settings.window = window;
      settings.payload = payload;
      Pair p(faults(0.0005, 0, 0.05, 0.1, 0.1), settings);
      ASSERT_EQ(p.net.start(0, 1), 0);
      ASSERT_EQ(p.net.start(1, 2), 0);
      Streams streams(p.net, payload * 700u, window);
      EXPECT_TRUE(streams.run(4000 * second)) << window << " " << payload;
    }
}

TEST(Sessions, WhatIsSentBeforeThePeerIsThereArrives) {
  for (bool early : {false, true}) {
    Pair p;
    ASSERT_EQ(p.net.start(0, 1), 0);
    disco_transport t = p.net.transport(0);
    EXPECT_EQ(t.write(t.context, 1, "hello", 5, false), 5);
    pass(p.net, 30 * second, {0});
    ASSERT_EQ(p.net.start(1, 2), 0);
    if (early) // and the later one has its say first
      p.net.transport(1).write(&p.net.packets(1), 0, "x", 1, false);
    pass(p.net, second, {0, 1});
    uint8_t data[10];
    disco_transport u = p.net.transport(1);
    ASSERT_EQ(u.read(u.context, 0, data, sizeof data), 5);
    EXPECT_EQ(memcmp(data, "hello", 5), 0);
  }
}

TEST(Sessions, OpenAtBothEndsWhateverIsLost) {
  for (uint32_t round = 0; round < 200; ++round) {
    Net net(2, {});
    net.join(0, 1, packetWire(faults(0, 0, 0.5, 0.2, 0.2), round));
    net.plan();
    ASSERT_EQ(net.start(0, 1), 0);
    ASSERT_EQ(net.start(1, 2), 0);
    pass(net, 5 * second, {0, 1});
    // Only one of them has something to say.
    disco_transport t = net.transport(round % 2);
    t.write(t.context, 1 - round % 2, "x", 1, false);
    pass(net, 5 * second, {0, 1});
    uint64_t got = 0;
    EXPECT_EQ(readAll(net, 1 - round % 2, round % 2, &got), 0);
    EXPECT_EQ(got, 1u) << round;
  }
}

TEST(Sessions, ARestartedPeerIsLost) {
  for (uint16_t again : {2, 3}) {
    // With the same nonce, what tells is a greeting of one who has long been known: it must come.
    Pair p(again == 2 ? Faults{} : faults(0, 0, 0.1, 0.2, 0.2));
    ASSERT_EQ(p.net.start(0, 1), 0);
    ASSERT_EQ(p.net.start(1, 2), 0);
    Streams streams(p.net, 1000000, 5);
    streams.run(second / 2);
    ASSERT_FALSE(streams.done());
    ASSERT_GT(streams.got[1], 10000u);
    uint64_t before = disco_packets_peer_stats(&p.net.packets(1), 0)->rx_segments;
    ASSERT_GT(before, 100u);
    ASSERT_EQ(p.net.start(1, again), 0);
    pass(p.net, 5 * second, {1, 0});
    // What had come before may still be read, then it is over.
    uint64_t rest = 0;
    EXPECT_EQ(readAll(p.net, 0, 1, &rest), DISCO_IO_LOST) << again;
    EXPECT_LE(rest, 8 * 56u);
    disco_transport t = p.net.transport(0);
    EXPECT_EQ(t.write(t.context, 1, "x", 1, false), DISCO_IO_LOST);
    // The new one has heard nothing of the old stream.
    rest = 0;
    EXPECT_EQ(readAll(p.net, 1, 0, &rest), 0);
    EXPECT_EQ(rest, 0u);
    // A new start of the survivor makes a new session.
    ASSERT_EQ(p.net.start(0, 77), 0);
    Streams next(p.net, 20000, 6);
    EXPECT_TRUE(next.run(100 * second));
  }
}

TEST(Sessions, OldPacketsOfAnEarlierStartAreNotTaken) {
  // Records all that 0 sends to 1, and plays it into the next session in the midst of it.
  struct Tap {
    disco_port inner;
    std::vector<std::vector<uint8_t>> sent, extra;
  } tap;
  Net::Settings settings;
  PacketWire wire(72, 6, {}, 1);
  std::vector<uint64_t> memory[2];
  disco_packets packets[2];
  disco_packets_config config[2] = {};
  static uint64_t clock = 0;
  tap.inner = wire.port(0);
  disco_port ports[2] = {{&tap, 72,
                          [](void *c, uint16_t to, const uint8_t *data, uint32_t size) {
                            Tap *t = static_cast<Tap *>(c);
                            t->sent.emplace_back(data, data + size);
                            return t->inner.send(t->inner.context, to, data, size);
                          },
                          [](void *c, uint8_t *data, uint32_t size) {
                            Tap *t = static_cast<Tap *>(c);
                            return t->inner.receive(t->inner.context, data, size);
                          }},
                         wire.port(1)};
  disco_hop hops[2][2] = {{{DISCO_NO_PORT, 0}, {0, 1}}, {{0, 0}, {DISCO_NO_PORT, 0}}};
  auto start = [&](uint16_t rank, uint16_t nonce) {
    memory[rank].assign(4000, 0);
    config[rank] = {rank,
                    2,
                    &ports[rank],
                    1,
                    hops[rank],
                    56,
                    8,
                    reinterpret_cast<uint8_t *>(memory[rank].data()),
                    32000,
                    0,
                    nonce,
                    20000,
                    [](void *) { return clock; },
                    [](void *, uint64_t) {},
                    nullptr};
    ASSERT_EQ(disco_packets_init(&packets[rank], &config[rank]), 0);
  };
  for (uint16_t round = 0; round < 3; ++round) {
    std::vector<std::vector<uint8_t>> old = std::move(tap.sent);
    tap.sent.clear();
    start(0, static_cast<uint16_t>(100 + round));
    start(1, static_cast<uint16_t>(200 + round));
    disco_transport a = disco_packets_transport(&packets[0]),
                    b = disco_packets_transport(&packets[1]);
    uint32_t sent = 0, got = 0;
    size_t played = 0;
    for (int i = 0; i < 20000 && got < 20000; ++i) {
      uint8_t data[100];
      for (uint32_t k = 0; k < sizeof data; ++k)
        data[k] = byteOf(round, 0, sent + k);
      int32_t r = a.write(a.context, 1, data, sizeof data, false);
      ASSERT_GE(r, 0);
      sent += static_cast<uint32_t>(r);
      wire.step();
      if (played < old.size()) {
        tap.inner.send(tap.inner.context, 1, old[played].data(),
                       static_cast<uint32_t>(old[played].size()));
        ++played;
      }
      a.wait(a.context, nullptr, 0);
      wire.step();
      r = b.read(b.context, 0, data, sizeof data);
      ASSERT_GE(r, 0);
      for (int32_t k = 0; k < r; ++k)
        ASSERT_EQ(data[k], byteOf(round, 0, got + static_cast<uint32_t>(k)));
      got += static_cast<uint32_t>(r);
      clock += 500;
    }
    EXPECT_GE(got, 20000u) << round;
  }
}

TEST(Sessions, OnACleanWireNothingIsSentTwice) {
  Pair p;
  ASSERT_EQ(p.net.start(0, 1), 0);
  ASSERT_EQ(p.net.start(1, 2), 0);
  pass(p.net, second, {0, 1});
  disco_transport t = p.net.transport(0);
  for (uint32_t size : {1, 10, 100, 300, 400}) {
    std::vector<uint8_t> data(size);
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(t.write(t.context, 1, data.data(), size, false), static_cast<int32_t>(size));
      pass(p.net, size * 20, {0, 1});
      uint64_t got = 0;
      EXPECT_EQ(readAll(p.net, 1, 0, &got), 0);
      EXPECT_EQ(got, size);
      pass(p.net, 10000, {0, 1});
    }
  }
  const disco_packets_stats *s = disco_packets_peer_stats(&p.net.packets(0), 1);
  EXPECT_EQ(s->retransmissions, 0u);
  EXPECT_EQ(disco_packets_peer_stats(&p.net.packets(1), 0)->repeated, 0u);
  // And an acknowledgement is not a packet of its own for every segment.
  EXPECT_LT(disco_packets_port_stats(&p.net.packets(1), 0)->tx_packets, s->tx_segments);
}

TEST(Sessions, AReaderThatStopsHoldsTheWriter) {
  Pair p(faults(0, 0, 0.2, 0.2, 0.2));
  ASSERT_EQ(p.net.start(0, 1), 0);
  ASSERT_EQ(p.net.start(1, 2), 0);
  Streams streams(p.net, 100000, 8);
  for (int i = 0; i < 20000; ++i) { // 1 does not read, but lives
    streams.write(0, 1);
    pass(p.net, 1000, {0, 1});
  }
  EXPECT_LE(streams.sent[1], 8 * 56u);
  // A few questions a second how things stand, and no more.
  const disco_packets_stats *s = disco_packets_peer_stats(&p.net.packets(0), 1);
  EXPECT_LE(s->retransmissions, 20 * 8u + 50);
  EXPECT_GT(s->tx_segments, 7u);
  EXPECT_TRUE(streams.run(100 * second));
}

TEST(Sessions, RoomThatAReadMadeIsNoticedByTheNextWait) {
  Pair p;
  ASSERT_EQ(p.net.start(0, 1), 0);
  ASSERT_EQ(p.net.start(1, 2), 0);
  pass(p.net, second, {0, 1});
  disco_transport t = p.net.transport(0);
  const std::vector<uint8_t> data(1000);
  ASSERT_EQ(t.write(t.context, 1, data.data(), data.size(), false), 8 * 56);
  p.net.step(100);
  uint64_t got = 0;
  EXPECT_EQ(readAll(p.net, 1, 0, &got), 0);
  p.net.step(100);
  EXPECT_EQ(readAll(p.net, 0, 1, &got), 0); // hears of it, and has nothing to read
  uint64_t before = p.net.clockUs;
  t.wait(t.context, nullptr, second);
  EXPECT_EQ(p.net.clockUs, before);
  t.wait(t.context, nullptr, second);
  EXPECT_GT(p.net.clockUs, before);
}

TEST(Sessions, ABrokenPortLosesItsPeers) {
  Net net(2, {});
  auto wire = std::make_unique<PacketWire>(72, 6, Faults{}, 1);
  PacketWire *it = wire.get();
  net.join(0, 1, std::move(wire));
  net.plan();
  ASSERT_EQ(net.start(0, 1), 0);
  ASSERT_EQ(net.start(1, 2), 0);
  Streams streams(net, 1000000, 5);
  streams.run(second);
  it->breakIt();
  uint64_t rest = 0;
  EXPECT_EQ(readAll(net, 0, 1, &rest), DISCO_IO_LOST);
  EXPECT_EQ(readAll(net, 1, 0, &rest), DISCO_IO_LOST);
}

TEST(Sessions, ACloseWithoutAnEndIsAnEnd) {
  Pair p;
  ASSERT_EQ(p.net.start(0, 1), 0);
  ASSERT_EQ(p.net.start(1, 2), 0);
  disco_transport t = p.net.transport(0);
  t.write(t.context, 1, "abc", 3, true); // and the rest never comes
  t.close(t.context, 1);
  pass(p.net, second, {0, 1});
  uint64_t bytes = 0;
  EXPECT_EQ(readAll(p.net, 1, 0, &bytes), DISCO_IO_END);
  EXPECT_EQ(bytes, 3u);
  EXPECT_EQ(readAll(p.net, 0, 1, &bytes), DISCO_IO_LOST);
  // What the other one sends to the closed end is taken, so that it comes to its end too.
  disco_transport u = p.net.transport(1);
  for (int i = 0; i < 300; ++i) {
    u.write(u.context, 0, "0123456789012345678901234567890123456789", 40, false);
    pass(p.net, 5000, {0, 1});
  }
  u.close(u.context, 0);
  pass(p.net, second, {0, 1});
  uint64_t before = p.net.clockUs;
  disco_packets_linger(&p.net.packets(1), 0);
  EXPECT_LT(p.net.clockUs - before, 64 * 20000u) << "not until the bound";
}

TEST(Sessions, LingeringIsBounded) {
  Pair p;
  ASSERT_EQ(p.net.start(0, 1), 0);
  ASSERT_EQ(p.net.start(1, 2), 0);
  pass(p.net, second, {0, 1});
  disco_transport t = p.net.transport(0);
  t.write(t.context, 1, "abc", 3, false);
  t.finish(t.context, 1);
  uint64_t before = p.net.clockUs;
  disco_packets_linger(&p.net.packets(0), 0); // 1 is silent
  EXPECT_GE(p.net.clockUs - before, 64 * 20000u);
  EXPECT_LT(p.net.clockUs - before, 70 * 20000u);
}

TEST(Sessions, WrongConfigurationsAreRefused) {
  Pair p;
  ASSERT_EQ(p.net.start(0, 1), 0);
  disco_packets packets;
  const disco_packets_config good = p.net.config(0);
  auto refused = [&](disco_packets_config c) {
    return disco_packets_init(&packets, &c) == DISCO_ERR_USAGE;
  };
  EXPECT_FALSE(refused(good));
  disco_packets_config c = good;
  c.memory_bytes = disco_packets_bytes(1, 56, 8, 4) - 1;
  EXPECT_TRUE(refused(c));
  c = good;
  c.payload = 57; // the port carries 72
  c.memory_bytes += 1000;
  EXPECT_TRUE(refused(c));
  c = good;
  c.window = 0;
  EXPECT_TRUE(refused(c));
  c = good;
  c.payload = 0;
  EXPECT_TRUE(refused(c));
  c = good;
  c.port_count = 0;
  EXPECT_TRUE(refused(c));
  c = good;
  c.nodes = DISCO_PACKET_NODES + 1;
  std::vector<disco_hop> hops(5000, {DISCO_NO_PORT, 0});
  c.hops = hops.data();
  EXPECT_TRUE(refused(c));
}

//===----------------------------------------------------------------------===//
// Forwarding
//===----------------------------------------------------------------------===//

TEST(Forwarding, AChainOfThree) {
  for (uint32_t slots : {1u, 4u, 16u}) {
    Net::Settings settings;
    settings.forwardSlots = slots;
    Net net(3, settings);
    net.join(0, 1, byteWire(faults(0.001, 0.001, 0, 0, 0), seed(4)));
    net.join(1, 2, packetWire(faults(0.0005, 0, 0.05, 0.1, 0.1), seed(5)));
    net.plan();
    for (uint16_t rank = 0; rank < 3; ++rank)
      ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
    Streams streams(net, 100000, 3);
    EXPECT_TRUE(streams.run(1000 * second)) << slots;
    EXPECT_GT(disco_packets_port_stats(&net.packets(1), 0)->forwarded, 1000u);
    EXPECT_EQ(disco_packets_port_stats(&net.packets(0), 0)->forwarded, 0u);
  }
}

TEST(Forwarding, OnCleanWiresNothingIsSentTwice) {
  Net::Settings settings;
  settings.forwardSlots = 32;
  settings.retryUs = 200000;
  Net net(3, settings);
  net.join(0, 1, byteWire({}, 1, 60));
  // Slower, and with a small ring, so that the queue is used.
  net.join(1, 2, std::make_unique<ByteWire>(72, 128, 20, Faults{}, 2));
  net.plan();
  for (uint16_t rank = 0; rank < 3; ++rank)
    ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
  Streams streams(net, 100000, 3);
  EXPECT_TRUE(streams.run(1000 * second));
  for (uint32_t rank = 0; rank < 3; ++rank)
    for (uint32_t peer = 0; peer < 3; ++peer)
      if (const disco_packets_stats *s = disco_packets_peer_stats(&net.packets(rank), peer))
        EXPECT_EQ(s->retransmissions + s->repeated, 0u) << rank << " " << peer;
}

TEST(Forwarding, AStarAndALongChain) {
  for (bool star : {false, true}) {
    Net net(5, {});
    for (uint32_t i = 1; i < 5; ++i)
      net.join(star ? 0 : i - 1, i, packetWire(faults(0.0003, 0, 0.02, 0, 0.02), i));
    net.plan();
    for (uint16_t rank = 0; rank < 5; ++rank)
      ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
    Streams streams(net, 20000, 3);
    EXPECT_TRUE(streams.run(1000 * second)) << star;
  }
}

TEST(Forwarding, ANodeWithoutPlaceDropsAndSaysSo) {
  Net::Settings settings;
  settings.forwardSlots = 0;
  Net net(3, settings);
  net.join(0, 1, packetWire({}, 1));
  net.join(1, 2, packetWire({}, 2));
  net.plan();
  for (uint16_t rank = 0; rank < 3; ++rank)
    ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
  pass(net, second, {0, 1, 2});
  EXPECT_GT(disco_packets_port_stats(&net.packets(1), 0)->dropped, 0u);
  EXPECT_EQ(disco_packets_port_stats(&net.packets(1), 0)->forwarded, 0u);
}

//===----------------------------------------------------------------------===//
// Whole nodes
//===----------------------------------------------------------------------===//

struct Shape {
  const char *name;
  uint32_t nodes;
  bool star;
  Faults what;
  uint32_t inferences;
};

void PrintTo(const Shape &s, std::ostream *os) { *os << s.name; }

class Inferences : public testing::TestWithParam<Shape> {};

TEST_P(Inferences, AllAreRight) {
  const Shape &shape = GetParam();
  std::vector<Route> routes;
  uint32_t id = 1;
  for (uint16_t from = 0; from < shape.nodes; ++from)
    for (uint16_t to = 0; to < shape.nodes; ++to)
      if (from != to)
        routes.push_back({id++, from, to, 100u + 60u * from});
  Cluster cluster(shape.nodes, routes);
  Net::Settings settings;
  settings.retryUs = 5000;
  Net net(shape.nodes, settings);
  for (uint32_t i = 1; i < shape.nodes; ++i)
    net.join(shape.star ? 0 : i - 1, i, byteWire(shape.what, seed(7) + i, 60));
  net.plan();
  net.useRealTime();
  for (uint32_t rank = 0; rank < shape.nodes; ++rank) {
    ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
    cluster[rank].config.transport = net.transport(rank);
    cluster[rank].config.start_us = cluster[rank].config.deadline_us = 10 * second;
  }
  cluster.afterStop = [&](uint32_t rank) { disco_packets_linger(&net.packets(rank), 0); };
  std::vector<int> results = cluster.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= shape.inferences; ++sequence)
      if (int code = exchangeAll(cluster, rank, sequence))
        return code;
    return 0;
  });
  uint32_t segments = 0, again = 0;
  for (uint32_t rank = 0; rank < shape.nodes; ++rank) {
    EXPECT_EQ(results[rank], 0) << rank << ": " << disco_error_text(results[rank]);
    for (uint32_t peer = 0; peer < shape.nodes; ++peer)
      if (const disco_packets_stats *s = disco_packets_peer_stats(&net.packets(rank), peer)) {
        segments += s->tx_segments;
        again += s->retransmissions;
      }
  }
  printf("%s: %u segments, %u sent again\n", shape.name, segments, again);
  if (shape.what.damage > 0)
    EXPECT_GT(again, 0u);
}

// Damage that the packets' CRC does not see reaches the frames, whose CRC is another.
TEST(WholeNodes, DamageThatPassesThePacketsIsFoundInTheFrames) {
  uint32_t found = 0, fine = 0;
  for (uint32_t round = 0; round < 24; ++round) {
    Cluster cluster(2, {{1, 0, 1, 700}, {2, 1, 0, 700}});
    Net net(2, {});
    Faults unseen;
    unseen.unseen = 0.02;
    net.join(0, 1, packetWire(unseen, seed(30) + round));
    net.plan();
    net.useRealTime();
    for (uint32_t rank = 0; rank < 2; ++rank) {
      ASSERT_EQ(net.start(rank, static_cast<uint16_t>(10 + rank)), 0);
      cluster[rank].config.transport = net.transport(rank);
      cluster[rank].config.start_us = 400000;
      cluster[rank].config.deadline_us = 300000;
      cluster[rank].config.grace_us = 100000;
      cluster[rank].config.settle_us = 10000;
    }
    std::vector<int> results = cluster.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 4; ++sequence)
        if (int code = exchangeAll(cluster, rank, sequence))
          return code;
      return 0;
    });
    for (uint32_t rank = 0; rank < 2; ++rank) {
      EXPECT_LE(results[rank], 0) << "a wrong payload, round " << round;
      EXPECT_EQ(disco_packets_port_stats(&net.packets(rank), 0)->damaged, 0u)
          << "the packets' CRC saw it";
      found += results[rank] == DISCO_ERR_CRC;
      fine += results[rank] == 0;
    }
  }
  printf("%u nodes found a damaged frame, %u had none\n", found, fine);
  EXPECT_GT(found, 10u);
}

INSTANTIATE_TEST_SUITE_P(
    Sessions, Inferences,
    testing::Values(Shape{"Clean", 2, false, {}, 300},
                    Shape{"Two1000", 2, false, faults(0.0005, 0.0005, 0, 0, 0), 1000},
                    Shape{"Two100", 2, false, faults(0.005, 0.005, 0, 0, 0), 100},
                    Shape{"Chain1000", 3, false, faults(0.0005, 0.0005, 0, 0, 0), 200},
                    Shape{"Star1000", 4, true, faults(0.0005, 0.0005, 0, 0, 0), 100}),
    [](const auto &p) { return std::string(p.param.name); });

} // namespace
