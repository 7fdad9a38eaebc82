//===- IndexSetTest.cpp - sets of channels against std::set ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <set>

using namespace disco;
using namespace disco::test;

namespace {

using Plain = std::set<int64_t>;

IndexSet toIndexSet(const Plain &set, Random &random) {
  std::vector<int64_t> list(set.begin(), set.end());
  // Order and repetitions do not matter.
  if (!list.empty())
    list.push_back(
        list[static_cast<size_t>(random.between(0, static_cast<int64_t>(list.size()) - 1))]);
  random.shuffle(list);
  return IndexSet::of(list);
}

Plain toPlain(const IndexSet &set) {
  Plain plain;
  set.forEach([&](int64_t index) { plain.insert(index); });
  return plain;
}

/// Ranges ascend and neither touch nor overlap: equal sets have equal texts.
void expectCanonical(const IndexSet &set) {
  int64_t before = -1;
  for (IndexSet::Range range : set.getRanges()) {
    EXPECT_LT(before, range.first);
    EXPECT_LT(range.first, range.second);
    before = range.second;
  }
}

Plain randomPlain(Random &random) {
  Plain plain;
  int64_t extent = random.between(1, 40), percent = random.between(0, 100);
  for (int64_t i = 0; i < extent; ++i)
    if (random.chance(percent))
      plain.insert(i);
  return plain;
}

TEST(IndexSet, AgreesWithStdSet) {
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    Plain a = randomPlain(random), b = randomPlain(random), both, either = a, without;
    for (int64_t index : a)
      (b.count(index) ? both : without).insert(index);
    either.insert(b.begin(), b.end());
    IndexSet x = toIndexSet(a, random), y = toIndexSet(b, random);
    for (const IndexSet &set : {x, x.unite(y), x.intersect(y), x.minus(y)})
      expectCanonical(set);
    ASSERT_EQ(toPlain(x), a);
    ASSERT_EQ(toPlain(x.unite(y)), either);
    ASSERT_EQ(toPlain(x.intersect(y)), both);
    ASSERT_EQ(toPlain(x.minus(y)), without);
    ASSERT_EQ(x == y, a == b);
    ASSERT_EQ(x.containsAll(y), both.size() == b.size());
    ASSERT_EQ(x.size(), static_cast<int64_t>(a.size()));
    ASSERT_EQ(x.empty(), a.empty());
    int64_t position = 0;
    for (int64_t index = 0; index < 42; ++index) {
      ASSERT_EQ(x.contains(index), a.count(index) == 1);
      if (a.count(index))
        ASSERT_EQ(x.positionOf(index), position++);
    }
    ASSERT_EQ(IndexSet::fromBounds(x.toBounds()), x);
    ASSERT_EQ(IndexSet::of(x.toVector()), x);
    if (!a.empty()) {
      ASSERT_EQ(x.front(), *a.begin());
      ASSERT_EQ(x.last(), *a.rbegin());
    }
  }
}

TEST(IndexSet, Ranges) {
  EXPECT_TRUE(IndexSet::range(3, 3).empty());
  EXPECT_TRUE(IndexSet::range(4, 3).empty());
  EXPECT_TRUE(IndexSet::all(0).empty());
  EXPECT_TRUE(IndexSet::all(5).isAll(5));
  EXPECT_FALSE(IndexSet::all(5).isAll(6));
  EXPECT_FALSE(IndexSet().contains(0));
}

TEST(IndexSet, Text) {
  auto text = [](std::vector<int64_t> list) {
    std::string out;
    llvm::raw_string_ostream stream(out);
    IndexSet::of(list).print(stream);
    return out;
  };
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(text({7}), "7");
  EXPECT_EQ(text({1, 0}), "0 to 1");
  EXPECT_EQ(text({9, 0, 1, 2, 3, 7}), "0 to 3, 7, 9");
}

} // namespace
