//===- FoldTest.cpp - ops on constants against plain loops ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <functional>
#include <numeric>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

/// An i64 tensor and its shape.
struct Tensor {
  Ints shape, data;
};

/// A tensor without equal elements, so that every misplaced one shows.
Tensor iota(Ints shape, int64_t first) {
  Tensor tensor{shape, Ints(static_cast<size_t>(product(shape)))};
  std::iota(tensor.data.begin(), tensor.data.end(), first);
  return tensor;
}

Tensor make(Ints shape, std::function<int64_t(const Ints &)> element) {
  Tensor tensor{shape, {}};
  for (int64_t i = 0; i < product(shape); ++i)
    tensor.data.push_back(element(digits(i, shape)));
  return tensor;
}

std::string constantText(const std::string &name, const Tensor &tensor) {
  std::string type = tensorText(tensor.shape, "i64");
  std::string hex;
  for (int64_t value : tensor.data)
    for (int byte = 0; byte < 8; ++byte) {
      char digits[3];
      snprintf(digits, sizeof(digits), "%02X",
               static_cast<unsigned>(static_cast<uint64_t>(value) >> (8 * byte) & 255));
      hex += digits;
    }
  std::string value =
      tensor.data.size() == 1 ? std::to_string(tensor.data[0]) : "\"0x" + hex + "\"";
  return "%" + name + " = disco.constant dense<" + value + "> : " + type + " : " + type + "\n";
}

/// Folds one op on constants a, b... and returns its value.
Tensor fold(const std::string &op, const std::string &attributes,
            const std::vector<Tensor> &operands, const Ints &shape) {
  Ir ir;
  std::string text = "func.func @main() {\n", names, types;
  for (size_t i = 0; i < operands.size(); ++i) {
    std::string name = "c" + std::to_string(i), separator = i ? ", " : "";
    text += constantText(name, operands[i]);
    names += separator + "%" + name;
    types += separator + tensorText(operands[i].shape, "i64");
  }
  std::string type = tensorText(shape, "i64");
  text += "%y = " + op + " " + names + " {" + attributes + "} : (" + types + ") -> " + type + "\n";
  text += "disco.output %y {name = \"y\", index = 0 : i64} : (" + type + ") -> ()\nreturn\n}\n";
  OwningOpRef<ModuleOp> module = ir.parse(text);
  EXPECT_TRUE(module) << text;
  if (!module || !ir.run(*module, createSimplify()))
    return {};
  OutputOp output = *mainOf(*module).getOps<OutputOp>().begin();
  auto constant = output.getX().getDefiningOp<ConstantOp>();
  EXPECT_TRUE(constant) << "not folded: " << text;
  if (!constant)
    return {};
  ConstantView view(constant.getValue());
  Tensor result{Ints(constant.getType().getShape().begin(), constant.getType().getShape().end()),
                {}};
  for (int64_t i = 0; i < view.size(); ++i)
    result.data.push_back(view.integer(i));
  return result;
}

void expectSame(const Tensor &expected, const Tensor &actual, const std::string &what) {
  ASSERT_EQ(expected.shape, actual.shape) << what;
  ASSERT_EQ(expected.data, actual.data) << what;
}

Ints randomShape(Random &random, int64_t rank, int64_t largest) {
  Ints shape;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(random.between(1, largest));
  return shape;
}

int64_t at(const Tensor &tensor, const Ints &index) {
  return tensor.data[static_cast<size_t>(linear(index, tensor.shape))];
}

TEST(Fold, Rearrange) {
  Random random(10);
  for (int round = 0; round < 200; ++round) {
    Ints view = randomShape(random, random.between(1, 5), 4), perm(view.size());
    std::iota(perm.begin(), perm.end(), 0);
    random.shuffle(perm);
    Ints permuted;
    for (int64_t p : perm)
      permuted.push_back(view[static_cast<size_t>(p)]);
    Tensor x = iota(view, 5);
    Tensor expected = make(permuted, [&](const Ints &index) {
      Ints source(view.size());
      for (size_t i = 0; i < perm.size(); ++i)
        source[static_cast<size_t>(perm[i])] = index[i];
      return at(x, source);
    });
    // The operand and the result are seen as flat tensors.
    expected.shape = x.shape = {product(view)};
    expectSame(expected,
               fold("disco.rearrange", "view = " + arrayText(view) + ", perm = " + arrayText(perm),
                    {x}, expected.shape),
               join(view) + " by " + join(perm));
  }
}

TEST(Fold, Slice) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    Tensor x = iota(randomShape(random, random.between(1, 3), 6), -3);
    Ints starts, steps, shape;
    for (int64_t extent : x.shape) {
      starts.push_back(random.between(0, extent - 1));
      int64_t step = random.between(1, 3) * (random.chance(50) ? 1 : -1);
      int64_t room = step > 0 ? extent - 1 - starts.back() : starts.back();
      steps.push_back(step);
      shape.push_back(1 + random.between(0, room / std::abs(step)));
    }
    Tensor expected = make(shape, [&](const Ints &index) {
      Ints source;
      for (size_t i = 0; i < shape.size(); ++i)
        source.push_back(starts[i] + index[i] * steps[i]);
      return at(x, source);
    });
    expectSame(expected,
               fold("disco.slice",
                    "starts = " + arrayText(starts) + ", steps = " + arrayText(steps), {x}, shape),
               "slice");
  }
}

TEST(Fold, Concat) {
  Random random(12);
  for (int round = 0; round < 100; ++round) {
    Ints shape = randomShape(random, random.between(1, 3), 4);
    size_t axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(shape.size()) - 1));
    std::vector<Tensor> pieces;
    std::vector<std::pair<size_t, int64_t>> origin; // piece and index in it
    for (int64_t n = random.between(1, 4); n > 0; --n) {
      Ints own = shape;
      own[axis] = random.between(1, 3);
      for (int64_t i = 0; i < own[axis]; ++i)
        origin.push_back({pieces.size(), i});
      pieces.push_back(iota(own, 100 * n));
    }
    shape[axis] = static_cast<int64_t>(origin.size());
    Tensor expected = make(shape, [&](Ints index) {
      auto [piece, inside] = origin[static_cast<size_t>(index[axis])];
      index[axis] = inside;
      return at(pieces[piece], index);
    });
    expectSame(expected,
               fold("disco.concat", "axis = " + std::to_string(axis) + " : i64", pieces, shape),
               "concat");
  }
}

TEST(Fold, SelectAndGather) {
  Random random(13);
  for (int round = 0; round < 100; ++round) {
    Tensor x = iota(randomShape(random, random.between(1, 3), 5), 0);
    size_t axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(x.shape.size()) - 1));
    Tensor list{randomShape(random, 1, 6), {}};
    for (int64_t i = 0; i < list.shape[0]; ++i)
      list.data.push_back(random.between(0, x.shape[axis] - 1));
    Ints shape = x.shape;
    shape[axis] = list.shape[0];
    Tensor expected = make(shape, [&](Ints index) {
      index[axis] = list.data[static_cast<size_t>(index[axis])];
      return at(x, index);
    });
    std::string axisText = "axis = " + std::to_string(axis) + " : i64";
    expectSame(expected,
               fold("disco.select", axisText + ", indices = " + arrayText(list.data), {x}, shape),
               "select");
    Tensor fromTheEnd = list;
    for (int64_t &index : fromTheEnd.data)
      index -= random.chance(50) ? x.shape[axis] : 0;
    expectSame(expected, fold("disco.gather", axisText, {x, fromTheEnd}, shape), "gather");
    // Indices with two dimensions put two into the result.
    fromTheEnd.shape = {1, list.shape[0]};
    Ints deeper = shape;
    deeper.insert(deeper.begin() + static_cast<int64_t>(axis), 1);
    expected.shape = deeper;
    expectSame(expected, fold("disco.gather", axisText, {x, fromTheEnd}, deeper), "gather");
  }
}

/// Every batch has indices of its own; what is written last stays.
TEST(Fold, BatchedGatherAndScatter) {
  Random random(15);
  for (int round = 0; round < 100; ++round) {
    int64_t batch = random.between(1, 3), extent = random.between(1, 4),
            count = random.between(1, 5), inner = random.between(1, 3);
    Tensor x = iota({batch, extent, inner}, 0), list{{batch, count}, {}},
           updates = iota({batch, count, inner}, 100), gathered = updates, scattered = x;
    for (int64_t i = 0; i < batch * count; ++i) {
      int64_t at = random.between(0, extent - 1);
      list.data.push_back(at - (random.chance(50) ? extent : 0));
      for (int64_t k = 0; k < inner; ++k) {
        auto from = static_cast<size_t>((i / count * extent + at) * inner + k),
             to = static_cast<size_t>(i * inner + k);
        gathered.data[to] = x.data[from];
        scattered.data[from] = updates.data[to];
      }
    }
    expectSame(gathered,
               fold("disco.gather", "axis = 1 : i64, batch = 1 : i64", {x, list}, gathered.shape),
               "gather");
    expectSame(scattered,
               fold("disco.scatter", "batch = 1 : i64, kind = 0 : i32", {x, list, updates},
                    scattered.shape),
               "scatter");
  }
}

TEST(Fold, Bits) {
  Tensor a = iota({20}, -9), b = iota({20}, 3);
  auto expected = [&](auto function) {
    return make({20}, [&](const Ints &i) { return function(at(a, i), at(b, i)); });
  };
  auto folded = [&](int kind) {
    return fold("disco.binary", "kind = " + std::to_string(kind) + " : i32", {a, b}, {20});
  };
  expectSame(expected([](int64_t x, int64_t y) { return x & y; }), folded(10), "and");
  expectSame(expected([](int64_t x, int64_t y) { return x | y; }), folded(11), "or");
  expectSame(expected([](int64_t x, int64_t y) { return x ^ y; }), folded(12), "xor");
  a = iota({20}, 1);
  expectSame(expected([](int64_t x, int64_t y) { return x << y; }), folded(18), "left");
  expectSame(expected([](int64_t x, int64_t y) { return x >> y; }), folded(19), "right");
}

TEST(Fold, BroadcastAndReduce) {
  Random random(14);
  for (int round = 0; round < 200; ++round) {
    Ints shape = randomShape(random, random.between(1, 4), 3);
    auto operand = [&](int64_t first) {
      Ints own(shape.begin() + random.between(0, static_cast<int64_t>(shape.size())), shape.end());
      for (int64_t &extent : own)
        extent = random.chance(30) ? 1 : extent;
      return iota(own, first);
    };
    auto pick = [&](const Tensor &x, const Ints &index) {
      Ints own;
      for (size_t i = 0; i < x.shape.size(); ++i)
        own.push_back(x.shape[i] == 1 ? 0 : index[i + index.size() - x.shape.size()]);
      return at(x, own);
    };
    Tensor x = iota(shape, 1), y = operand(-4), z = operand(7);
    expectSame(make(shape, [&](const Ints &i) { return at(x, i) - pick(y, i); }),
               fold("disco.binary", "kind = 1 : i32", {x, y}, shape), "sub");
    expectSame(make(shape, [&](const Ints &i) { return std::max(pick(y, i), at(x, i)); }),
               fold("disco.binary", "kind = 5 : i32", {y, x}, shape), "max");
    expectSame(make(shape, [&](const Ints &i) { return pick(z, i); }),
               fold("disco.expand", "", {z}, shape), "expand");
    Ints axes, reduced = shape;
    for (size_t i = 0; i < shape.size(); ++i)
      if (random.chance(50)) {
        axes.push_back(static_cast<int64_t>(i));
        reduced[i] = 1;
      }
    for (auto [kind, start] :
         {std::pair<int, int64_t>{1, 0}, {2, INT64_MIN}, {3, INT64_MAX}, {4, 1}}) {
      Tensor expected{reduced, Ints(static_cast<size_t>(product(reduced)), start)};
      for (int64_t i = 0; i < product(shape); ++i) {
        Ints index = digits(i, shape);
        for (int64_t axis : axes)
          index[static_cast<size_t>(axis)] = 0;
        int64_t &sum = expected.data[static_cast<size_t>(linear(index, reduced))],
                value = x.data[static_cast<size_t>(i)];
        sum = kind == 1   ? sum + value
              : kind == 2 ? std::max(sum, value)
              : kind == 3
                  ? std::min(sum, value)
                  : static_cast<int64_t>(static_cast<uint64_t>(sum) * static_cast<uint64_t>(value));
      }
      expectSame(
          expected,
          fold("disco.reduce",
               "kind = " + std::to_string(kind) + " : i32, keepdims, axes = " + arrayText(axes),
               {x}, reduced),
          "reduce " + std::to_string(kind));
    }
  }
}

} // namespace
