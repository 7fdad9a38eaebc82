//===- failure_test.cpp - nodes that die, and what the others say ---------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

void sleepMs(uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// A chain: each node waits for the one before it, the first for the last.
std::vector<Route> circle(uint32_t nodes, uint32_t bytes) {
  std::vector<Route> r;
  for (uint32_t i = 0; i < nodes; ++i)
    r.push_back({10u + i, static_cast<uint16_t>(i), static_cast<uint16_t>((i + 1) % nodes), bytes});
  return r;
}

void expectAllBlame(Cluster &c, const std::vector<int> &results, uint32_t victim) {
  for (uint32_t rank = 0; rank < c.size(); ++rank) {
    if (rank == victim)
      continue;
    EXPECT_LT(results[rank], 0) << rank;
    EXPECT_EQ(c[rank].error().rank, victim)
        << "rank " << rank << " says " << disco_error_text(results[rank]);
  }
}

TEST(Failure, GivingUpReachesEveryoneWithItsCode) {
  for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u}) {
    Cluster c(4, circle(4, 1000));
    c.useInproc(capacity);
    uint64_t from = nowMs();
    std::vector<int> results = c.run([&](uint32_t rank) {
      return rank == 2 ? disco_abort(&c[2].node, 0) : exchangeAll(c, rank, 1);
    });
    expectAllBlame(c, results, 2);
    for (uint32_t rank : {0u, 1u, 3u}) {
      EXPECT_EQ(results[rank], DISCO_ERR_ABORTED);
      EXPECT_EQ(c[rank].error().reporter, 2u);
    }
    EXPECT_LT(nowMs() - from, 900u);
  }
}

TEST(Failure, LostNodeIsNamedByNodesThatDoNotWaitForIt) {
  for (uint32_t victim = 0; victim < 4; ++victim) {
    Cluster c(4, circle(4, 1000));
    c.useInproc(DISCO_INPROC_EXACT);
    uint64_t from = nowMs();
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank != victim)
        return exchangeAll(c, rank, 1);
      disco_inproc_kill(c.links, victim);
      return 0;
    });
    expectAllBlame(c, results, victim);
    EXPECT_LT(nowMs() - from, 1500u);
  }
}

// Node 0 is silent; 1 waits for it, 2 for 1, 3 for 2; node 3 began to wait first.
TEST(Failure, SilentNodeIsNamedByNodesThatWaitForOthers) {
  for (int order = 1; order < 3; ++order) {
    Cluster c(4, circle(4, 1000));
    c.configure([](disco_config &g) { g.deadline_us = 600000; });
    c.useInproc(DISCO_INPROC_EXACT);
    std::atomic<bool> over{false};
    uint64_t from = nowMs();
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank == 0) {
        while (!over)
          sleepMs(5);
        return 0;
      }
      sleepMs(order == 1 ? 60 * (3 - rank) : 60 * rank);
      int code = exchangeAll(c, rank, 1);
      if (rank == 1)
        over = true;
      return code;
    });
    expectAllBlame(c, results, 0);
    EXPECT_EQ(c[1].error().code, DISCO_ERR_DEADLINE);
    EXPECT_EQ(c[3].error().message, 10u);
    EXPECT_LT(nowMs() - from, 3500u);
  }
}

TEST(Failure, LostWhileOthersCompute) {
  // Node 2 computes for longer than the others take to find out, and has unread data of the failing
  // node 1.
  Cluster c(3, {{1, 0, 1, 100}, {2, 1, 2, 50000}, {3, 0, 2, 100}, {4, 2, 0, 10}});
  for (uint32_t capacity : {DISCO_INPROC_EXACT, 2000u, 200000u}) {
    c.useInproc(capacity);
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank == 0) {
        sleepMs(20);
        disco_inproc_kill(c.links, 0);
        return 0;
      }
      if (rank == 2)
        sleepMs(300);
      return exchangeAll(c, rank, 1);
    });
    expectAllBlame(c, results, 0);
  }
}

TEST(Failure, RefusedBuildIsToldToTheThird) {
  Cluster c(3, circle(3, 10));
  c.useInproc(65536);
  c[2].program.build_hash[9] = 77;
  std::vector<int> results = c.run([&](uint32_t rank) { return exchangeAll(c, rank, 1); });
  EXPECT_EQ(results[0], DISCO_ERR_BUILD);
  EXPECT_EQ(results[1], DISCO_ERR_BUILD);
  EXPECT_EQ(results[2], DISCO_ERR_BUILD);
  EXPECT_EQ(c[0].error().rank, 2u);
  EXPECT_EQ(c[1].error().rank, 2u);
}

// Node 1 stands still for longer than everybody's deadline, between two inferences or in one. Node
// 0 is left with a frame half sent, so its abort cannot be delivered: all that node 1 finds is that
// node 0 has gone.
TEST(Failure, WhoStoodStillNamesItself) {
  for (bool between : {false, true}) {
    Cluster c(2, {{1, 0, 1, 50000}, {2, 1, 0, 10}});
    c.configure([](disco_config &g) {
      g.deadline_us = 200000;
      g.grace_us = 50000;
      g.settle_us = 10000;
    });
    c.useInproc(2000);
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (int code = exchangeAll(c, rank, 1))
        return code;
      if (rank == 0)
        return exchangeAll(c, 0, 2);
      if (between) {
        sleepMs(900);
        return exchangeAll(c, 1, 2);
      }
      std::vector<uint8_t> in(50000);
      TestNode &t = c[1];
      int code = disco_begin(&t.node);
      if (!code)
        code = disco_post(&t.node, t.at(1), in.data());
      sleepMs(900);
      return code ? code : disco_wait(&t.node, t.at(1));
    });
    expectAllBlame(c, results, 1);
    EXPECT_EQ(results[1], DISCO_ERR_DEADLINE) << disco_error_text(results[1]);
    EXPECT_EQ(c[1].error().rank, 1u);
    EXPECT_EQ(c[1].error().reporter, 1u);
  }
}

// And who computes for long, but within its deadline, does not: the other one has really gone.
TEST(Failure, WhoComputedDoesNotNameItself) {
  Cluster c(2, {{1, 0, 1, 50000}, {2, 1, 0, 10}});
  c.useInproc(2000);
  std::vector<int> results = c.run([&](uint32_t rank) {
    if (int code = exchangeAll(c, rank, 1))
      return code;
    if (rank == 0) {
      disco_inproc_kill(c.links, 0);
      return -1;
    }
    sleepMs(600);
    return exchangeAll(c, 1, 2);
  });
  EXPECT_EQ(results[1], DISCO_ERR_LOST);
  EXPECT_EQ(c[1].error().rank, 0u);
}

TEST(Failure, WrongCounts) {
  Cluster c(2, {{1, 0, 1, 100}, {2, 1, 0, 100}});
  c.useInproc(65536);
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= 3u - rank; ++sequence)
      if (int code = exchangeAll(c, rank, sequence))
        return code;
    return 0;
  });
  EXPECT_EQ(results[0], DISCO_ERR_LEFT);
  EXPECT_EQ(c[0].error().rank, 1u);
  EXPECT_EQ(results[1], DISCO_ERR_MESSAGE);
}

TEST(Failure, NobodyComes) {
  Cluster c(3, circle(3, 10));
  c.configure([](disco_config &g) { g.start_us = 100000; });
  c.useInproc(65536);
  ASSERT_EQ(c[1].init(), 0);
  uint64_t from = nowMs();
  EXPECT_EQ(disco_start(&c[1].node), DISCO_ERR_START);
  EXPECT_LT(nowMs() - from, 300u);
  EXPECT_EQ(c[1].error().rank, 0u);
}

// Any node, at any moment, any cluster: the others end in time, right or naming the victim.
// Node 2 has heard of node 0 and has its data, but nothing of node 1: it was there, since node 0
// sends. The abort stands behind data that no buffer awaits yet.
TEST(Failure, LostBeforeEveryoneHadGreetedIt) {
  for (bool told : {false, true}) {
    Cluster c(3, {{10, 0, 2, 40}});
    c.useInproc(65536);
    c.configure([](disco_config &g) { g.start_us = 60000000, g.deadline_us = 100000; });
    disco_transport zero = disco_inproc_transport(c.links, 0);
    std::string said = greeting(0, 3) + dataFrame(1, 10, std::string(40, 'd'), sessionOf(0, 2));
    if (told) {
      std::string why("\xf6\xff\xff\xff\x01\0\0\0\x0a\0\0\0", 12);
      said += controlFrame(DISCO_FRAME_ABORT, why, sessionOf(0, 2));
    }
    zero.write(zero.context, 2, said.data(), static_cast<uint32_t>(said.size()), false);
    uint64_t from = nowMs();
    ASSERT_EQ(c[2].init(), 0);
    EXPECT_LT(disco_start(&c[2].node), 0);
    EXPECT_EQ(c[2].error().rank, 1u);
    EXPECT_EQ(c[2].error().reporter, told ? 0u : 2u);
    EXPECT_EQ(c[2].error().code, told ? -10 : static_cast<int>(DISCO_ERR_START));
    EXPECT_LT(nowMs() - from, 3000u);
  }
}

TEST(Failure, KilledAtAnyMoment) {
  std::mt19937 random(seed(20));
  int failed = 0, fine = 0;
  for (int round = 0; round < 80; ++round) {
    uint32_t nodes = 2 + random() % 5;
    std::vector<Route> routes;
    for (uint32_t i = 0; i < 12; ++i) {
      uint16_t from = static_cast<uint16_t>(random() % nodes),
               to = static_cast<uint16_t>(random() % nodes);
      if (from != to)
        routes.push_back({i, from, to, static_cast<uint32_t>(random() % 3000)});
    }
    Cluster c(nodes, routes);
    c.useInproc(random() % 2 ? DISCO_INPROC_EXACT : 1 + random() % 5000);
    uint32_t victim = random() % nodes, at = random() % 3000;
    std::atomic<bool> over{false};
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(at));
      disco_inproc_kill(c.links, victim);
      over = true;
    });
    uint64_t from = nowMs();
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 30; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      return 0;
    });
    killer.join();
    EXPECT_LT(nowMs() - from, 2000u);
    for (uint32_t rank = 0; rank < nodes; ++rank) {
      if (rank == victim)
        continue;
      EXPECT_LE(results[rank], 0);
      if (results[rank]) {
        EXPECT_EQ(c[rank].error().rank, victim)
            << "round " << round << " rank " << rank << " of " << nodes << ": "
            << disco_error_text(results[rank]) << ", says rank " << c[rank].error().reporter;
        ++failed;
      } else {
        ++fine;
      }
    }
  }
  EXPECT_GT(failed, 20);
  RecordProperty("failed", failed);
  RecordProperty("fine", fine);
}

} // namespace
