//===- OwnerClassesTest.cpp - dealing tied channels to nodes --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/OwnerClasses.h"
#include "Support.h"
#include <numeric>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// Values to hang channels on.
struct Values {
  Ir ir;
  OwningOpRef<ModuleOp> module;
  std::vector<Value> list;

  explicit Values(int count) {
    module = ir.parse("module {}");
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    auto type = RankedTensorType::get({1}, builder.getF32Type());
    for (int i = 0; i < count; ++i)
      list.push_back(builder.create<InputOp>(builder.getUnknownLoc(), type, "x", i));
  }
};

std::vector<int64_t> sizes(OwnerClasses &classes, Value value) {
  std::vector<int64_t> list;
  for (const IndexSet &set : classes.ownersOf(value))
    list.push_back(set.size());
  return list;
}

using Sizes = std::vector<int64_t>;

TEST(OwnerClasses, DealsContiguouslyAndEqually) {
  for (int64_t nodes = 1; nodes <= 9; ++nodes)
    for (int64_t channels = 0; channels <= 25; ++channels) {
      Values values(1);
      OwnerClasses classes(nodes);
      classes.add(values.list[0], channels);
      classes.deal(values.list[0]);
      int64_t next = 0;
      auto owners = classes.ownersOf(values.list[0]);
      for (int64_t rank = 0; rank < nodes; ++rank) {
        int64_t share = channels / nodes + (rank < channels % nodes);
        ASSERT_EQ(owners[rank], IndexSet::range(next, next + share))
            << channels << " over " << nodes;
        next += share;
      }
    }
}

TEST(OwnerClasses, EqualBlocksAreUnits) {
  // 12 channels in blocks of 4 over two nodes: 8 and 4. Over five: 4 4 4 0 0.
  Values values(2);
  for (const auto &[nodes, expected] :
       {std::pair<int64_t, Sizes>{2, {8, 4}}, {5, {4, 4, 4, 0, 0}}}) {
    OwnerClasses classes(nodes);
    classes.add(values.list[0], 12);
    classes.add(values.list[1], 3);
    std::vector<int64_t> begin{0, 4, 8, 12}, indices(12);
    std::iota(indices.begin(), indices.end(), 0);
    classes.tie(values.list[1], values.list[0], Relation::table(begin, indices));
    EXPECT_EQ(classes.count(), 3);
    classes.deal(values.list[0]);
    EXPECT_EQ(sizes(classes, values.list[0]), expected);
  }
}

TEST(OwnerClasses, TheFirstNodesTakeTheLargerShareOfBlocks) {
  // Four blocks of three channels over three nodes: 6 3 3. Dealt by channels, 4 each, the last node
  // would get two blocks.
  Values values(2);
  OwnerClasses classes(3);
  classes.add(values.list[0], 12);
  classes.add(values.list[1], 4);
  std::vector<int64_t> begin{0, 3, 6, 9, 12}, indices(12);
  std::iota(indices.begin(), indices.end(), 0);
  classes.tie(values.list[1], values.list[0], Relation::table(begin, indices));
  classes.deal(values.list[0]);
  EXPECT_EQ(sizes(classes, values.list[0]), (Sizes{6, 3, 3}));
  EXPECT_EQ(sizes(classes, values.list[1]), (Sizes{2, 1, 1}));
}

TEST(OwnerClasses, UnequalBlocksGoWhereRoomIs) {
  // Classes of 1, 4 and 1 channels over two nodes, 3 channels each: the first node takes the single
  // one and still lacks two, which is half of the block of four.
  Values values(2);
  OwnerClasses classes(2);
  classes.add(values.list[0], 6);
  classes.add(values.list[1], 1);
  classes.tie(values.list[1], values.list[0], Relation::table({0, 4}, {1, 2, 3, 4}));
  classes.deal(values.list[0]);
  EXPECT_EQ(classes.ownersOf(values.list[0])[0], IndexSet::range(0, 5));
  EXPECT_EQ(classes.ownersOf(values.list[0])[1], IndexSet::of({5}));
}

TEST(OwnerClasses, WhatIsOwnedCounts) {
  // Node 1 owns channels 0 to 2 of eight already: it gets one more, node 0 four.
  Values values(1);
  OwnerClasses classes(2);
  classes.add(values.list[0], 8);
  EXPECT_FALSE(classes.fix(values.list[0], IndexSet::range(0, 3), 1));
  classes.deal(values.list[0]);
  EXPECT_EQ(classes.ownersOf(values.list[0])[0], IndexSet::range(3, 7));
  EXPECT_EQ(classes.ownersOf(values.list[0])[1], IndexSet::of({0, 1, 2, 7}));
}

TEST(OwnerClasses, ConflictsNameTheOtherValue) {
  Values values(2);
  OwnerClasses classes(2);
  classes.add(values.list[0], 2);
  classes.add(values.list[1], 2);
  classes.tie(values.list[1], values.list[0], Relation::identity(2));
  EXPECT_FALSE(classes.fix(values.list[0], IndexSet::of({0}), 0));
  EXPECT_FALSE(classes.fix(values.list[1], IndexSet::of({0}), 0));
  EXPECT_EQ(classes.fix(values.list[1], IndexSet::of({0}), 1), values.list[0]);
}

TEST(OwnerClasses, BlocksOfARelation) {
  EXPECT_EQ(OwnerClasses::countBlocks(Relation::identity(5)), 5);
  // Two groups of two channels, three rows each.
  EXPECT_EQ(OwnerClasses::countBlocks(
                Relation::table({0, 2, 4, 6, 8, 10, 12}, {0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3})),
            2);
  // A chain ties everything.
  EXPECT_EQ(OwnerClasses::countBlocks(Relation::table({0, 2, 4}, {0, 1, 1, 2})), 1);
}

/// Each channel of a listed value has one element and so many multiply-accumulates.
auto weights(llvm::DenseMap<Value, int64_t> macs) {
  return [macs = std::move(macs)](Value value) {
    return ChannelWeight{1, macs.lookup(value), macs.contains(value)};
  };
}

TEST(EvenShares, AsMapOneWhereEverythingDivides) {
  for (int64_t nodes = 1; nodes <= 6; ++nodes) {
    Values values(2);
    OwnerClasses one(nodes), two(nodes);
    for (OwnerClasses *classes : {&one, &two}) {
      for (Value value : values.list)
        classes->add(value, 4 * nodes);
      classes->tie(values.list[1], values.list[0], Relation::identity(4 * nodes));
    }
    one.deal(values.list[0]);
    two.dealEvenly(weights({{values.list[0], 9}, {values.list[1], 0}}));
    EXPECT_EQ(one.ownersOf(values.list[0]), two.ownersOf(values.list[0]));
    EXPECT_EQ(one.ownersOf(values.list[1]), two.ownersOf(values.list[1]));
  }
}

TEST(EvenShares, HalvesThatAreReadAreSharedThemselves) {
  // Eight channels; arithmetic reads channels 4 to 7 by themselves.
  Values values(2);
  OwnerClasses classes(2);
  classes.add(values.list[0], 8);
  classes.add(values.list[1], 4);
  classes.tie(values.list[1], values.list[0], Relation::list({4, 5, 6, 7}));
  classes.dealEvenly(weights({{values.list[0], 9}, {values.list[1], 0}}));
  EXPECT_EQ(classes.ownersOf(values.list[0])[0], IndexSet::of({0, 1, 4, 5}));
  EXPECT_EQ(classes.ownersOf(values.list[1])[1], IndexSet::range(2, 4));
}

TEST(EvenShares, WhatNoArithmeticReadsDoesNotBreakUpATensor) {
  Values values(2);
  OwnerClasses classes(2);
  classes.add(values.list[0], 8);
  classes.add(values.list[1], 4);
  classes.tie(values.list[1], values.list[0], Relation::list({4, 5, 6, 7}));
  classes.dealEvenly(weights({{values.list[0], 9}}));
  EXPECT_EQ(classes.ownersOf(values.list[0])[0], IndexSet::range(0, 4));
}

TEST(EvenShares, RemaindersGoToTheNodeWithTheLeastWork) {
  // Three channels in each of two layers: 2 and 1, then 1 and 2. What comes in five channels, each
  // of less work, is dealt last: again as many as possible, the rest where there is less.
  Values values(3);
  OwnerClasses classes(2);
  for (auto [value, extent] : {std::pair(0, 5), {1, 3}, {2, 3}})
    classes.add(values.list[value], extent);
  classes.dealEvenly(weights({{values.list[0], 1}, {values.list[1], 9}, {values.list[2], 8}}));
  EXPECT_EQ(sizes(classes, values.list[1]), (Sizes{2, 1}));
  EXPECT_EQ(sizes(classes, values.list[2]), (Sizes{1, 2}));
  EXPECT_EQ(sizes(classes, values.list[0]), (Sizes{2, 3}));
}

TEST(EvenShares, NodesGetTheirShare) {
  // Of seven channels of one layer 1, 2 and 4; of three others, for their share, the same: the node
  // with the largest share gets two. A node without a share gets none.
  for (int64_t zeros : {0, 1}) {
    Values values(2);
    std::vector<int64_t> shares{1, 2, 4};
    shares.insert(shares.begin(), static_cast<size_t>(zeros), 0);
    OwnerClasses classes(shares);
    classes.add(values.list[0], 7);
    classes.add(values.list[1], 3);
    classes.dealEvenly(weights({{values.list[0], 9}, {values.list[1], 8}}));
    Sizes seven{1, 2, 4}, three{0, 1, 2};
    for (Sizes *all : {&seven, &three})
      all->insert(all->begin(), static_cast<size_t>(zeros), 0);
    EXPECT_EQ(sizes(classes, values.list[0]), seven);
    EXPECT_EQ(sizes(classes, values.list[1]), three);
  }
}

TEST(EvenShares, EqualSharesAreNone) {
  Values values(2);
  OwnerClasses one(3), two(std::vector<int64_t>{7, 7, 7});
  for (OwnerClasses *classes : {&one, &two}) {
    classes->add(values.list[0], 11);
    classes->add(values.list[1], 5);
    classes->dealEvenly(weights({{values.list[0], 3}, {values.list[1], 4}}));
  }
  for (Value value : values.list)
    EXPECT_EQ(one.ownersOf(value), two.ownersOf(value));
}

TEST(EvenShares, WhatIsOwnedCounts) {
  // Node 1 owns channels 0 to 2 of eight already: it gets one more, node 0 four.
  Values values(1);
  OwnerClasses classes(2);
  classes.add(values.list[0], 8);
  EXPECT_FALSE(classes.fix(values.list[0], IndexSet::range(0, 3), 1));
  classes.dealEvenly(weights({{values.list[0], 9}}));
  EXPECT_EQ(classes.ownersOf(values.list[0])[0], IndexSet::range(3, 7));
  EXPECT_EQ(classes.ownersOf(values.list[0])[1], IndexSet::of({0, 1, 2, 7}));
}

TEST(OwnerClasses, AlwaysAPartitionWithWholeClasses) {
  Random random(3);
  for (int round = 0; round < 400; ++round) {
    int64_t nodes = random.between(1, 6), count = random.between(2, 4);
    Values values(static_cast<int>(count));
    OwnerClasses classes(nodes);
    std::vector<int64_t> extents;
    for (int64_t v = 0; v < count; ++v) {
      extents.push_back(random.between(1, 10));
      classes.add(values.list[v], extents.back());
    }
    std::vector<std::array<int64_t, 4>> ties; // value, channel, value, channel
    for (int64_t v = 1; v < count; ++v) {
      std::vector<int64_t> list;
      for (int64_t i = 0; i < extents[v]; ++i) {
        list.push_back(random.chance(40) ? random.between(0, extents[v - 1] - 1) : -1);
        if (list.back() >= 0)
          ties.push_back({v, i, v - 1, list.back()});
      }
      classes.tie(values.list[v], values.list[v - 1], Relation::list(list));
    }
    if (random.chance(50))
      classes.dealEvenly(weights({{values.list[0], 3}, {values.list[1], 1}}));
    for (Value value : values.list)
      classes.deal(value);
    std::vector<std::vector<int64_t>> ownerOf(count);
    for (int64_t v = 0; v < count; ++v) {
      ownerOf[v].assign(extents[v], -1);
      auto owners = classes.ownersOf(values.list[v]);
      ASSERT_EQ(static_cast<int64_t>(owners.size()), nodes);
      for (int64_t rank = 0; rank < nodes; ++rank)
        owners[rank].forEach([&](int64_t channel) {
          ASSERT_EQ(ownerOf[v][channel], -1);
          ownerOf[v][channel] = rank;
        });
      for (int64_t owner : ownerOf[v])
        ASSERT_GE(owner, 0);
    }
    for (auto [v, i, u, j] : ties)
      ASSERT_EQ(ownerOf[v][i], ownerOf[u][j]) << "round " << round;
  }
}

} // namespace
