//===- ClocksTest.cpp - clocks that are seconds off and drift ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/trace/Clocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace discoc;

namespace {

/// Nodes whose clocks are off by seconds and drift, and messages between them, all from one seed.
struct Cluster {
  struct Clock {
    double offset, drift; ///< nanoseconds, and of each nanosecond
  };
  std::vector<Clock> clocks;
  std::vector<Crossing> crossings;
  std::vector<double> truth; ///< of each crossing when it was sent
  std::mt19937 random{7};

  int64_t local(size_t node, double time) const {
    return static_cast<int64_t>(std::floor(time + clocks[node].offset + clocks[node].drift * time));
  }
  void send(size_t from, size_t to, double time) {
    std::exponential_distribution<double> late(1 / 400e3);
    const double there = time + 40e3 + late(random);
    crossings.push_back({from, to, local(from, time), local(to, there)});
    truth.push_back(time);
  }
  /// There and back every 20 ms.
  void talk(size_t a, size_t b, double seconds) {
    for (double time = 1e9; time < (1 + seconds) * 1e9; time += 20e6) {
      send(a, b, time);
      send(b, a, time + 5e6);
    }
  }
  std::vector<AlignedClock> align(std::vector<uint64_t> ids = {}) const {
    ids.resize(clocks.size());
    return alignClocks(ids, crossings);
  }
};

void expectCausal(const Cluster &cluster, const std::vector<AlignedClock> &clocks) {
  for (const Crossing &each : cluster.crossings)
    ASSERT_LE(clocks[each.from].common(each.sent), clocks[each.to].common(each.received));
}

/// How far from the truth a time is at most, by the common time's own origin.
double worst(const Cluster &cluster, const std::vector<AlignedClock> &clocks) {
  double most = 0;
  for (size_t i = 0; i < cluster.crossings.size(); ++i) {
    const Crossing &each = cluster.crossings[i];
    const double wanted = static_cast<double>(cluster.local(0, cluster.truth[i]));
    most =
        std::max(most, std::abs(static_cast<double>(clocks[each.from].common(each.sent)) - wanted));
  }
  return most;
}

TEST(Clocks, SecondsOffAndDriftingByAHundredPartsInAMillion) {
  Cluster cluster{{{3e9, 1e-4}, {-5e9, -1e-4}}, {}, {}};
  cluster.talk(0, 1, 35);
  const auto clocks = cluster.align();
  expectCausal(cluster, clocks);
  EXPECT_LT(worst(cluster, clocks), 60e3); // messages take 40 us at least
  EXPECT_FALSE(clocks[1].isOpen());
  EXPECT_LT(clocks[1].around(), 60'000);
  for (size_t i = 1; i < clocks[1].pieces.size(); ++i)
    EXPECT_LE(clocks[1].pieces[i].begin - clocks[1].pieces[i - 1].begin, 10'000'000'000);
  EXPECT_NEAR(clocks[1].pieces[1].drift, 2e-4, 2e-6);
}

TEST(Clocks, EachNodeByWayOfOthers) {
  Cluster cluster{{{0, 0}, {2e9, 1e-4}, {7e9, -1e-4}, {-1e9, 5e-5}}, {}, {}};
  cluster.talk(0, 1, 25);
  cluster.talk(1, 2, 25);
  for (double time = 1e9; time < 26e9; time += 20e6) { // the other side comes round
    cluster.send(2, 3, time);
    cluster.send(3, 0, time + 7e6);
  }
  const auto clocks = cluster.align();
  expectCausal(cluster, clocks);
  for (const AlignedClock &clock : clocks)
    EXPECT_FALSE(clock.isOpen());
  EXPECT_LT(worst(cluster, clocks), 1e6);
}

TEST(Clocks, OneSideLeavesItOpen) {
  Cluster cluster{{{0, 0}, {9e9, 1e-4}, {1e9, 0}}, {}, {}};
  for (double time = 1e9; time < 15e9; time += 20e6)
    cluster.send(0, 1, time);
  const auto clocks = cluster.align();
  expectCausal(cluster, clocks);
  EXPECT_TRUE(clocks[1].isOpen());
  EXPECT_TRUE(clocks[2].isOpen()); // nobody talks to it
  EXPECT_FALSE(clocks[0].isOpen());
}

TEST(Clocks, OneClockOfOneMachine) {
  Cluster cluster{{{4e9, 0}, {4e9, 0}}, {}, {}};
  cluster.talk(0, 1, 2);
  const auto clocks = cluster.align({5, 5});
  expectCausal(cluster, clocks);
  EXPECT_EQ(clocks[1].common(123'456'789), 123'456'789);
  EXPECT_EQ(clocks[1].around(), 0);
  EXPECT_FALSE(clocks[1].isOpen());
}

TEST(Clocks, AClockThatJumpsIsStillCausal) {
  Cluster cluster{{{0, 0}, {1e9, 0}}, {}, {}};
  cluster.talk(0, 1, 3);
  for (size_t i = cluster.crossings.size() / 2; i < cluster.crossings.size(); ++i)
    (cluster.crossings[i].to == 1 ? cluster.crossings[i].received : cluster.crossings[i].sent) +=
        300'000'000;
  EXPECT_EQ(cluster.align().size(), 2U); // it ends; what must give way does
}

TEST(Clocks, NoMessagesAtAll) {
  EXPECT_EQ(alignClocks({0, 0}, {})[1].common(17), 17);
  EXPECT_EQ(alignClocks({0}, {})[0].common(17), 17);
}

} // namespace
