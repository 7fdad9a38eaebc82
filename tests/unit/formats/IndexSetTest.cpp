//===- IndexSetTest.cpp - tests of index sets ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/IndexSet.h"

#include <gtest/gtest.h>

using namespace discoc;

TEST(IndexSet, JoinsRangesThatTouch) {
  IndexSet set;
  EXPECT_TRUE(set.append(0, 4));
  EXPECT_TRUE(set.append(4, 5));
  EXPECT_TRUE(set.append(8, 10));
  EXPECT_EQ(set.getRanges().size(), 2u);
  EXPECT_EQ(set.size(), 7);
  EXPECT_EQ(set.last(), 9);
  EXPECT_EQ(set, IndexSet::of({9, 8, 4, 3, 2, 1, 0, 0}));
}

TEST(IndexSet, RefusesWhatDoesNotRise) {
  IndexSet set = IndexSet::range(4, 8);
  EXPECT_FALSE(set.append(7, 9));
  EXPECT_FALSE(set.append(3, 4));
  EXPECT_FALSE(set.append(9, 9));
  EXPECT_FALSE(IndexSet().append(-1, 3));
  EXPECT_EQ(set, IndexSet::range(4, 8));
}

TEST(IndexSet, KnowsItsMembers) {
  IndexSet set = IndexSet::of({1, 2, 5, 9, 10, 11});
  for (int64_t i = 0; i < 14; ++i)
    EXPECT_EQ(set.contains(i), i == 1 || i == 2 || i == 5 || (i >= 9 && i <= 11)) << i;
  EXPECT_EQ(IndexSet().last(), -1);
  EXPECT_FALSE(IndexSet().contains(0));
}

TEST(IndexSet, HoldsHugeRangesWithoutMemory) {
  EXPECT_EQ(IndexSet::range(0, 1LL << 31).size(), 1LL << 31);
}
