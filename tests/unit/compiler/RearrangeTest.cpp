//===- RearrangeTest.cpp - axes of rearrangements against brute force -----===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include "compiler/dialect/RearrangeFactors.h"
#include <numeric>
#include <set>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

/// A random rearrangement whose operand and result group the view's factors into dimensions.
struct Sample {
  Ints x, view, perm, y;
};

/// Joins neighbours here and there, and puts ones between.
Ints group(Random &random, const Ints &factors) {
  Ints shape;
  int64_t open = 1;
  for (size_t i = 0; i < factors.size(); ++i) {
    open *= factors[i];
    if (i + 1 == factors.size() || random.chance(60)) {
      shape.push_back(open);
      open = 1;
    }
    if (open == 1 && random.chance(10))
      shape.push_back(1);
  }
  return shape;
}

Sample sample(Random &random, Ints x = {}) {
  Sample s;
  if (x.empty()) {
    for (int64_t n = random.between(1, 5); n > 0; --n)
      s.view.push_back(random.between(1, 4));
    s.x = group(random, s.view);
  } else {
    // Factors of given dimensions.
    s.x = x;
    for (int64_t extent : x) {
      int64_t factor = extent % 2 == 0 && random.chance(60)   ? 2
                       : extent % 3 == 0 && random.chance(60) ? 3
                                                              : 1;
      if (factor > 1 && extent > factor)
        s.view.push_back(factor);
      s.view.push_back(factor > 1 && extent > factor ? extent / factor : extent);
    }
  }
  s.perm.resize(s.view.size());
  std::iota(s.perm.begin(), s.perm.end(), 0);
  random.shuffle(s.perm);
  Ints permuted;
  for (int64_t p : s.perm)
    permuted.push_back(s.view[static_cast<size_t>(p)]);
  s.y = group(random, permuted);
  return s;
}

/// For each linear index of the result that of the operand.
Ints sources(const Ints &view, const Ints &perm) {
  Ints permuted, list;
  for (int64_t p : perm)
    permuted.push_back(view[static_cast<size_t>(p)]);
  for (int64_t i = 0; i < product(permuted); ++i) {
    Ints index = digits(i, permuted), source(view.size());
    for (size_t k = 0; k < perm.size(); ++k)
      source[static_cast<size_t>(perm[k])] = index[k];
    list.push_back(linear(source, view));
  }
  return list;
}

std::string opText(const std::string &result, const std::string &operand, const Sample &s) {
  return "%" + result + " = disco.rearrange %" + operand + " {view = " + arrayText(s.view) +
         ", perm = " + arrayText(s.perm) + "} : (" + tensorText(s.x, "f32") + ") -> " +
         tensorText(s.y, "f32") + "\n";
}

std::string program(const std::vector<Sample> &chain) {
  std::string type = tensorText(chain.front().x, "f32"), last = tensorText(chain.back().y, "f32");
  std::string text =
      "func.func @main() {\n%v0 = disco.input {name = \"x\", index = 0 : i64} : () -> " + type +
      "\n";
  for (size_t i = 0; i < chain.size(); ++i)
    text += opText("v" + std::to_string(i + 1), "v" + std::to_string(i), chain[i]);
  return text + "disco.output %v" + std::to_string(chain.size()) +
         " {name = \"y\", index = 0 : i64} : (" + last + ") -> ()\nreturn\n}\n";
}

/// Which indices of the operand's axis the slice `index` of the result's axis touches.
std::set<int64_t> touched(const Sample &s, size_t resultAxis, int64_t index, size_t operandAxis) {
  std::set<int64_t> set;
  Ints from = sources(s.view, s.perm);
  for (size_t i = 0; i < from.size(); ++i)
    if (digits(static_cast<int64_t>(i), s.y)[resultAxis] == index)
      set.insert(digits(from[i], s.x)[operandAxis]);
  return set;
}

TEST(Rearrange, RelationsSayWhatIsRead) {
  Random random(20);
  int found = 0, permuted = 0;
  for (int round = 0; round < 600; ++round) {
    Sample s = sample(random);
    Ir ir;
    OwningOpRef<ModuleOp> module = ir.parse(program({s}));
    ASSERT_TRUE(module);
    RearrangeOp op = *mainOf(*module).getOps<RearrangeOp>().begin();
    for (size_t axis = 0; axis < s.y.size(); ++axis)
      for (int64_t preferred = -1; preferred < static_cast<int64_t>(s.x.size()); ++preferred) {
        auto shared = findSharedFactor(op, static_cast<int64_t>(axis), preferred);
        if (!shared)
          continue;
        ++found;
        permuted += shared->permuted;
        ASSERT_EQ(shared->relation.size(), s.y[axis]);
        for (int64_t i = 0; i < s.y[axis]; ++i) {
          std::set<int64_t> reads;
          shared->relation.forEach(i, [&](int64_t read) { reads.insert(read); });
          ASSERT_EQ(reads, touched(s, axis, i, static_cast<size_t>(shared->operandAxis)))
              << "axis " << axis << " of\n"
              << opText("y", "x", s);
        }
      }
  }
  // The samples must reach both kinds.
  EXPECT_GT(found, 500);
  EXPECT_GT(permuted, 20);
}

TEST(Rearrange, FollowsWheneverAnAxisStaysTogether) {
  // An axis that is one dimension on both sides is always followed.
  Random random(21);
  for (int round = 0; round < 300; ++round) {
    Sample s = sample(random);
    s.x = s.view;
    s.y.clear();
    for (int64_t p : s.perm)
      s.y.push_back(s.view[static_cast<size_t>(p)]);
    Ir ir;
    OwningOpRef<ModuleOp> module = ir.parse(program({s}));
    ASSERT_TRUE(module);
    RearrangeOp op = *mainOf(*module).getOps<RearrangeOp>().begin();
    for (size_t axis = 0; axis < s.y.size(); ++axis) {
      if (s.y[axis] == 1)
        continue;
      auto shared = findSharedFactor(op, static_cast<int64_t>(axis), -1);
      ASSERT_TRUE(shared) << opText("y", "x", s);
      ASSERT_EQ(shared->operandAxis, s.perm[axis]);
      for (int64_t i = 0; i < s.y[axis]; ++i)
        ASSERT_EQ(shared->relation.single(i), i);
    }
  }
}

/// Chains become one op, or stay; either way every element ends where it did.
TEST(Rearrange, ComposingMovesNothing) {
  Random random(22);
  int composed = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Sample> chain{sample(random)};
    for (int64_t n = random.between(1, 3); n > 0; --n)
      chain.push_back(sample(random, chain.back().y));
    Ints expected(static_cast<size_t>(product(chain.front().x)));
    std::iota(expected.begin(), expected.end(), 0);
    auto apply = [](const Ints &data, const Ints &from) {
      Ints moved;
      for (int64_t i : from)
        moved.push_back(data[static_cast<size_t>(i)]);
      return moved;
    };
    Ints actual = expected;
    for (const Sample &s : chain)
      expected = apply(expected, sources(s.view, s.perm));
    Ir ir;
    OwningOpRef<ModuleOp> module = ir.parse(program(chain));
    ASSERT_TRUE(module);
    ASSERT_TRUE(ir.run(*module, createSimplify()));
    size_t left = 0;
    for (RearrangeOp op : mainOf(*module).getOps<RearrangeOp>()) {
      actual = apply(actual, sources(Ints(op.getView().begin(), op.getView().end()),
                                     Ints(op.getPerm().begin(), op.getPerm().end())));
      ++left;
    }
    ASSERT_EQ(actual, expected) << program(chain);
    composed += left <= 1;
  }
  EXPECT_GT(composed, 200);
}

} // namespace
