//===- RelationTest.cpp - which indices an index reads --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace disco;
using namespace disco::test;

namespace {

std::vector<int64_t> reads(const Relation &relation, int64_t index) {
  std::vector<int64_t> list;
  relation.forEach(index, [&](int64_t read) { list.push_back(read); });
  return list;
}

using List = std::vector<int64_t>;

TEST(Relation, Identity) {
  Relation relation = Relation::identity(4);
  EXPECT_EQ(relation.size(), 4);
  EXPECT_EQ(reads(relation, 3), List{3});
  EXPECT_EQ(relation.single(2), 2);
  EXPECT_EQ(relation.apply(IndexSet::of({0, 2})), IndexSet::of({0, 2}));
}

TEST(Relation, OffsetOfAConcatenation) {
  // The second operand, of extent 3, begins at index 2 of 6.
  Relation relation = Relation::offset(6, 2, 3);
  EXPECT_EQ(reads(relation, 1), List{});
  EXPECT_EQ(reads(relation, 2), List{0});
  EXPECT_EQ(reads(relation, 4), List{2});
  EXPECT_EQ(reads(relation, 5), List{});
  EXPECT_EQ(relation.single(5), -1);
  EXPECT_EQ(relation.apply(IndexSet::all(6)), IndexSet::all(3));
}

/// Sets are mapped range by range; one index at a time says the same.
TEST(Relation, OffsetOfRanges) {
  for (int64_t shift = 0; shift < 7; ++shift)
    for (int64_t limit = 0; limit < 5; ++limit) {
      Relation relation = Relation::offset(7, shift, limit);
      auto [first, end] = relation.readers();
      for (int64_t bits = 0; bits < 128; ++bits) {
        List indices, expected;
        for (int64_t i = 0; i < 7; ++i)
          if (bits >> i & 1) {
            indices.push_back(i);
            for (int64_t read : reads(relation, i)) {
              expected.push_back(read);
              EXPECT_TRUE(first <= i && i < end);
            }
          }
        EXPECT_EQ(relation.apply(IndexSet::of(indices)), IndexSet::of(expected));
      }
    }
}

/// The formula of a shared factor says what a table would.
TEST(Relation, SharedFactor) {
  for (int64_t extent : {1, 2, 5})
    for (AxisFactors result : {AxisFactors{1, 1}, AxisFactors{3, 1}, AxisFactors{2, 4}})
      for (AxisFactors operand : {AxisFactors{1, 1}, AxisFactors{1, 3}, AxisFactors{2, 2}}) {
        Relation relation = Relation::shared(extent, result, operand);
        ASSERT_EQ(relation.size(), result.outer * extent * result.inner);
        List all;
        for (int64_t i = 0; i < relation.size(); ++i) {
          List expected;
          for (int64_t j = 0; j < operand.outer * extent * operand.inner; ++j)
            if (j / operand.inner % extent == i / result.inner % extent)
              expected.push_back(j);
          EXPECT_EQ(reads(relation, i), expected);
          EXPECT_EQ(relation.apply(IndexSet::of({i})), IndexSet::of(expected));
          EXPECT_EQ(relation.single(i), expected.size() == 1 ? expected[0] : -1);
          llvm::append_range(all, expected);
        }
        EXPECT_EQ(relation.apply(IndexSet::all(relation.size())), IndexSet::of(all));
      }
}

/// Of several ways the one is taken that follows the operands; one that only follows, never else.
TEST(DivisionRule, FollowsItsOperands) {
  auto way = [](int64_t axis, bool onlyFollowing) {
    Division division;
    division.operands.push_back(OperandNeed::along(axis, Relation::identity(4)));
    division.onlyFollowing = onlyFollowing;
    return division;
  };
  Divisions several(way(1, false)), follower(way(2, true));
  several.add(way(3, false));
  DivisionRule rule({several, follower, Divisions()});
  EXPECT_EQ(rule.along(0, {-1})->operands[0].axis, 1);
  EXPECT_EQ(rule.along(0, {3})->operands[0].axis, 3);
  EXPECT_EQ(rule.along(0, {2})->operands[0].axis, 1);
  EXPECT_EQ(rule.along(1, {2})->operands[0].axis, 2);
  EXPECT_EQ(rule.along(1, {1}), nullptr);
  EXPECT_EQ(rule.along(2, {1}), nullptr);
}

TEST(Relation, TableAndList) {
  Relation groups = Relation::table({0, 2, 2, 5}, {4, 1, 0, 1, 2});
  EXPECT_EQ(groups.size(), 3);
  EXPECT_EQ(reads(groups, 0), (List{4, 1}));
  EXPECT_EQ(reads(groups, 1), List{});
  EXPECT_EQ(groups.single(0), -1); // two are not one
  EXPECT_EQ(groups.apply(IndexSet::of({0, 2})), IndexSet::of({0, 1, 2, 4}));
  Relation list = Relation::list({5, -1, 3});
  EXPECT_EQ(list.size(), 3);
  EXPECT_EQ(list.single(0), 5);
  EXPECT_EQ(list.single(1), -1);
  EXPECT_EQ(list.apply(IndexSet::all(3)), IndexSet::of({3, 5}));
}

TEST(Relation, ApplyIsTheUnionOfReads) {
  Random random(2);
  for (int round = 0; round < 500; ++round) {
    int64_t size = random.between(1, 12);
    std::vector<int64_t> begin{0}, indices;
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t n = random.between(0, 3); n > 0; --n)
        indices.push_back(random.between(0, 9));
      begin.push_back(static_cast<int64_t>(indices.size()));
    }
    Relation relation = Relation::table(begin, indices);
    std::vector<int64_t> chosen, expected;
    for (int64_t i = 0; i < size; ++i)
      if (random.chance(50)) {
        chosen.push_back(i);
        for (int64_t read : reads(relation, i))
          expected.push_back(read);
      }
    ASSERT_EQ(relation.apply(IndexSet::of(chosen)), IndexSet::of(expected));
  }
}

} // namespace
