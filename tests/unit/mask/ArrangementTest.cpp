//===- ArrangementTest.cpp - which channels lie on one node ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Arrangement.h"
#include "compiler/mask/Assignment.h"

#include <gtest/gtest.h>

#include <random>

using namespace discoc::mask;

TEST(Assignment, TheSumIsTheLeast) {
  // The first would rather be at 0, but the second loses more elsewhere.
  EXPECT_EQ(assign({{0, 1}, {0, 5}}, {1, 1}), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(assign({{-3, 0, 0}, {-1, -2, 0}, {0, -2, -1}, {0, 0, 0}}, {1, 2, 1}),
            (std::vector<int64_t>{0, 1, 1, 2}));
  EXPECT_TRUE(assign({}, {0, 0}).empty());
}

/// Rows and columns of one class each; class i is tied to class j where both are odd or even.
static Coupling parity(std::vector<int64_t> rows, std::vector<int64_t> columns) {
  Coupling one{std::move(rows), std::move(columns), 1, {}};
  one.worth.resize(static_cast<Eigen::Index>(one.rows.size()),
                   static_cast<Eigen::Index>(one.columns.size()));
  for (size_t i = 0; i < one.rows.size(); ++i)
    for (size_t j = 0; j < one.columns.size(); ++j)
      one.worth(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          ((one.rows[i] + one.columns[j]) % 2 == 0 ? 1.0F : 0.1F) +
          1e-3F * static_cast<float>(i * i + 3 * j); // no two are the same
  return one;
}

TEST(Arrangement, ChannelsThatSayMuchToEachOtherMeet) {
  // Two layers of four channels one after the other, the first halves on node 0.
  const std::vector<Coupling> couplings{parity({4, 5, 6, 7}, {0, 1, 2, 3})};
  const Arrangement start{{0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}};
  const std::vector<int64_t> owner = arrange(couplings, start, 2);
  EXPECT_NEAR(crossing(couplings, start.owner), 4 * 1 + 4 * 0.1, 0.1);
  EXPECT_NEAR(crossing(couplings, owner), 8 * 0.1, 0.1);
  for (int64_t kind : {0, 4})
    EXPECT_EQ(std::count(owner.begin() + kind, owner.begin() + kind + 4, 0), 2);
}

TEST(Arrangement, TiedChannelsReadEachOther) {
  // A residual trunk that a layer reads and adds to: all of one kind.
  const std::vector<Coupling> couplings{parity({0, 1, 2, 3}, {0, 1, 2, 3})};
  const Arrangement start{{0, 0, 1, 1}, {0, 0, 0, 0}};
  const std::vector<int64_t> owner = arrange(couplings, start, 2);
  EXPECT_EQ(owner[0], owner[2]);
  EXPECT_EQ(owner[1], owner[3]);
  EXPECT_NE(owner[0], owner[1]);
}

TEST(Arrangement, WhatStaysStays) {
  const std::vector<Coupling> couplings{parity({0, 1, 2, 3}, {4, 5})};
  const Arrangement start{{0, 0, 1, 1, 0, 1}, {0, 0, 0, 0, -1, -1}};
  const std::vector<int64_t> owner = arrange(couplings, start, 2);
  EXPECT_EQ(owner, (std::vector<int64_t>{0, 1, 0, 1, 0, 1}));
}

TEST(Arrangement, GroupsReadTheirOwnColumns) {
  Coupling grouped{{0, 1, 2, 3}, {4, 5, 6, 7}, 2, Eigen::MatrixXf::Zero(4, 2)};
  grouped.worth(0, 1) = 1; // class 0 reads class 5, and class 3 class 6
  grouped.worth(3, 0) = 1;
  const Arrangement start{{0, 0, 1, 1, 0, 1, 0, 1}, {0, 0, 0, 0, -1, -1, -1, -1}};
  EXPECT_EQ(crossing({grouped}, start.owner), 2);
  const std::vector<int64_t> owner = arrange({grouped}, start, 2);
  EXPECT_EQ(owner[0], 1);
  EXPECT_EQ(owner[3], 0);
}

TEST(Arrangement, NeverWorse) {
  std::mt19937 engine(3);
  for (int64_t nodes : {2, 3, 5}) {
    Coupling one{{}, {}, 1, Eigen::MatrixXf(20, 30)};
    Arrangement start;
    for (int64_t i = 0; i < 50; ++i) {
      (i < 20 ? one.rows : one.columns).push_back(i);
      start.owner.push_back(static_cast<int64_t>(engine() % static_cast<uint64_t>(nodes)));
      start.kind.push_back(i < 20 ? 0 : 1);
    }
    for (Eigen::Index i = 0; i < one.worth.size(); ++i)
      one.worth.data()[i] = static_cast<float>(engine() % 1000);
    const std::vector<int64_t> owner = arrange({one}, start, nodes);
    EXPECT_LT(crossing({one}, owner), crossing({one}, start.owner));
    for (int64_t node = 0; node < nodes; ++node)
      for (int64_t kind : {0, 20})
        EXPECT_EQ(
            std::count(owner.begin() + kind, owner.begin() + (kind ? 50 : 20), node),
            std::count(start.owner.begin() + kind, start.owner.begin() + (kind ? 50 : 20), node));
  }
}
