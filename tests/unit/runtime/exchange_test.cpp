//===- exchange_test.cpp - clusters in one process that go well -----------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

// Everybody to everybody, in rounds.
std::vector<Route> allToAll(uint32_t nodes, uint32_t rounds, uint32_t bytes) {
  std::vector<Route> r;
  uint32_t id = 100;
  for (uint32_t round = 0; round < rounds; ++round)
    for (uint32_t from = 0; from < nodes; ++from)
      for (uint32_t to = 0; to < nodes; ++to)
        if (from != to)
          r.push_back(
              {id++, static_cast<uint16_t>(from), static_cast<uint16_t>(to), bytes + round * 3});
  return r;
}

class Capacities : public testing::TestWithParam<uint32_t> {};

TEST_P(Capacities, AllToAll) {
  for (uint32_t nodes : {2u, 3u, 5u}) {
    Cluster c(nodes, allToAll(nodes, 3, 100));
    c.useInproc(GetParam());
    // On a busy machine a wait may take so long that notices would be counted, too.
    c.configure([](disco_config &g) { g.deadline_us = 20000000; });
    const uint32_t times = GetParam() == 1 ? 2 : 10; // every byte is a switch of threads there
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= times; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      return 0;
    });
    for (uint32_t rank = 0; rank < nodes; ++rank) {
      EXPECT_EQ(results[rank], 0) << disco_error_text(results[rank]);
      for (uint32_t peer = 0; peer < nodes; ++peer) {
        const disco_stats *s = disco_peer_stats(&c[rank].node, peer);
        if (!s)
          continue;
        EXPECT_EQ(s->tx_messages, 3 * times);
        EXPECT_EQ(s->rx_messages, 3 * times);
        EXPECT_EQ(s->tx_payload, times * (100 + 103 + 106));
        EXPECT_EQ(s->tx_wire, 112 + s->tx_payload + 3 * times * 32 + 32);
        EXPECT_EQ(s->rx_wire, s->tx_wire);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Inproc, Capacities,
                         testing::Values(DISCO_INPROC_EXACT, 1u, 32u, 33u, 4096u, 65536u));

TEST(Exchange, BigMessagesCrossBothWaysAtOnce) {
  Cluster c(2, {{1, 0, 1, 5000000}, {2, 1, 0, 5000000}, {3, 0, 1, 0}});
  for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u}) {
    c.useInproc(capacity);
    // Both send first and receive then: only a blocked send that keeps receiving gets through.
    std::vector<int> results = c.run([&](uint32_t rank) {
      TestNode &t = c[rank];
      std::vector<uint8_t> out(5000000), in(5000000);
      for (uint32_t k = 0; k < out.size(); ++k)
        out[k] = pattern(rank, 1, k);
      int code = disco_begin(&t.node);
      if (!code)
        code = disco_post(&t.node, t.at(2 - rank), in.data());
      if (!code && rank == 1)
        code = disco_post(&t.node, t.at(3), in.data());
      if (!code)
        code = disco_send(&t.node, t.at(1 + rank), out.data());
      if (!code)
        code = disco_flush(&t.node, t.at(1 + rank));
      if (!code)
        code = rank == 0 ? disco_send(&t.node, t.at(3), out.data()) : disco_wait(&t.node, t.at(3));
      if (!code)
        code = disco_wait(&t.node, t.at(2 - rank));
      for (uint32_t k = 0; !code && k < in.size(); ++k)
        if (in[k] != pattern(1 - rank, 1, k))
          code = 1000;
      return code ? code : disco_end(&t.node);
    });
    EXPECT_EQ(results, std::vector<int>({0, 0}));
  }
}

// The sender's buffer counts as left only when the receiver has a place for every byte.
TEST(Exchange, ExactLinksHoldNothing) {
  Cluster c(2, {{1, 0, 1, 64}, {2, 1, 0, 1}});
  c.useInproc(DISCO_INPROC_EXACT);
  disco_transport a = disco_inproc_transport(c.links, 0), b = disco_inproc_transport(c.links, 1);
  char data[64] = {};
  EXPECT_EQ(a.write(a.context, 1, data, 64, false), 0);
  EXPECT_EQ(b.read(b.context, 0, data, 32), 0);
  EXPECT_EQ(a.write(a.context, 1, data, 64, false), 32);
  EXPECT_EQ(a.write(a.context, 1, data, 32, false), 0);
  EXPECT_EQ(b.read(b.context, 0, data, 32), 32);
  EXPECT_EQ(a.write(a.context, 1, data, 32, false), 0);
  EXPECT_EQ(b.read(b.context, 0, data, 20), 0);
  EXPECT_EQ(a.write(a.context, 1, data, 32, false), 20);
  EXPECT_EQ(b.read(b.context, 0, data, 50), 20);
  EXPECT_EQ(a.write(a.context, 1, data, 64, false), 30);
}

// Two nodes that each wait for the other to take a message first: works with buffers, not without.
// The deadline ends it.
TEST(Exchange, ExactLinksShowADeadlock) {
  auto body = [](Cluster &c, uint32_t rank) {
    TestNode &t = c[rank];
    uint8_t out[64] = {}, in[64];
    int code = disco_begin(&t.node);
    if (!code)
      code = disco_send(&t.node, t.at(1 + rank), out);
    if (!code)
      code = disco_flush(&t.node, t.at(1 + rank));
    if (!code)
      code = disco_post(&t.node, t.at(2 - rank), in);
    if (!code)
      code = disco_wait(&t.node, t.at(2 - rank));
    return code ? code : disco_end(&t.node);
  };
  Cluster c(2, {{1, 0, 1, 64}, {2, 1, 0, 64}});
  c.configure([](disco_config &g) { g.deadline_us = 100000; });
  c.useInproc(1024);
  EXPECT_EQ(c.run([&](uint32_t rank) { return body(c, rank); }), std::vector<int>({0, 0}));
  c.useInproc(DISCO_INPROC_EXACT);
  uint64_t from = nowMs();
  std::vector<int> results = c.run([&](uint32_t rank) { return body(c, rank); });
  EXPECT_EQ(results[0], DISCO_ERR_DEADLINE);
  EXPECT_EQ(results[1], DISCO_ERR_DEADLINE);
  EXPECT_LT(nowMs() - from, 1000u);
}

TEST(Exchange, SeveralPostsOfOnePeer) {
  Cluster c(2, {{1, 0, 1, 10}, {2, 0, 1, 20}, {3, 0, 1, 30}, {4, 1, 0, 1}});
  for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u}) {
    c.useInproc(capacity);
    std::vector<int> results = c.run([&](uint32_t rank) {
      TestNode &t = c[rank];
      uint8_t b[4][32] = {};
      if (rank == 0)
        return exchangeAll(c, 0, 1);
      int code = disco_begin(&t.node);
      for (uint32_t id = 1; id <= 3 && !code; ++id)
        code = disco_post(&t.node, t.at(id), b[id]);
      for (uint32_t id = 3; id >= 1 && !code; --id) // waiting in another order than that of arrival
        code = disco_wait(&t.node, t.at(id));
      for (uint32_t id = 1; id <= 3 && !code; ++id)
        code = b[id][id * 10 - 1] == pattern(id, 1, id * 10 - 1) && b[id][id * 10] == 0 ? 0 : 1000;
      b[0][0] = pattern(4, 1, 0);
      if (!code)
        code = disco_send(&t.node, t.at(4), b[0]);
      return code ? code : disco_end(&t.node);
    });
    EXPECT_EQ(results, std::vector<int>({0, 0}));
  }
}

// A node may run one inference ahead of a peer that is slow; its frames wait.
TEST(Exchange, OneInferenceAhead) {
  Cluster c(3, {{1, 0, 1, 100}, {2, 0, 2, 100}, {3, 1, 2, 100}});
  c.useInproc(65536);
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= 50; ++sequence) {
      if (rank == 2)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (int code = exchangeAll(c, rank, sequence))
        return code;
    }
    return 0;
  });
  for (int r : results)
    EXPECT_EQ(r, 0) << disco_error_text(r);
}

// Node 0 runs three inferences, the others until it leaves.
TEST(Exchange, ServingEndsWithTheByes) {
  Cluster c(4, {{1, 0, 1, 100}, {2, 1, 2, 100}, {3, 2, 3, 10}, {4, 3, 0, 100}});
  c.useInproc(DISCO_INPROC_EXACT);
  std::vector<int> served(4);
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; rank > 0 || sequence <= 3; ++sequence) {
      int code = exchangeAll(c, rank, sequence);
      if (code == DISCO_ERR_END)
        return 0;
      if (code)
        return code;
      ++served[rank];
    }
    return 0;
  });
  EXPECT_EQ(results, std::vector<int>(4, 0));
  EXPECT_EQ(served, std::vector<int>({3, 3, 3, 3}));
}

TEST(Exchange, RandomClustersAndCapacities) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    uint32_t nodes = 2 + random() % 6;
    std::vector<Route> routes;
    for (uint32_t i = 0, n = 1 + random() % 30; i < n; ++i) {
      uint16_t from = static_cast<uint16_t>(random() % nodes),
               to = static_cast<uint16_t>(random() % nodes);
      if (from != to)
        routes.push_back(
            {i, from, to, static_cast<uint32_t>(random() % 3 ? random() % 300 : random() % 20000)});
    }
    Cluster c(nodes, routes);
    c.useInproc(random() % 2 ? DISCO_INPROC_EXACT : 1 + random() % 5000);
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 4; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      return 0;
    });
    for (uint32_t rank = 0; rank < nodes; ++rank)
      EXPECT_EQ(results[rank], 0) << "round " << round << " rank " << rank << ": "
                                  << disco_error_text(results[rank]);
  }
}

} // namespace
