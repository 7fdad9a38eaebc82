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

int64_t at(const Tensor &tensor, const Ints &index) {
  return tensor.data[static_cast<size_t>(linear(index, tensor.shape))];
}

/// What of a tensor a constant stores: once what is repeated along an axis.
Tensor storedOf(const Tensor &tensor) {
  Ints shape = tensor.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    bool repeated = shape[axis] > 0;
    for (int64_t i = 0; i < product(tensor.shape) && repeated; ++i) {
      Ints index = digits(i, tensor.shape);
      index[axis] = 0;
      repeated = tensor.data[static_cast<size_t>(i)] == at(tensor, index);
    }
    shape[axis] = repeated ? 1 : shape[axis];
  }
  return make(shape, [&](const Ints &index) { return at(tensor, index); });
}

std::string constantText(const std::string &name, const Tensor &whole) {
  Tensor tensor = storedOf(whole);
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
  return "%" + name + " = disco.constant dense<" + value + "> : " + type + " : " +
         tensorText(whole.shape, "i64") + "\n";
}

/// Whether an op may become a constant that is larger than what it is made of.
enum class Growth { Evaluated, Never };

/// Folds one op on constants a, b... and returns its value; without one when it is not folded.
Tensor fold(const std::string &op, std::string attributes, const std::vector<Tensor> &operands,
            const Ints &shape, Growth growth = Growth::Evaluated, int64_t *stored = nullptr) {
  Ir ir;
  if (growth == Growth::Evaluated)
    attributes += (attributes.empty() ? "" : ", ") + std::string(kEvaluatedAttr);
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
  EXPECT_TRUE(constant || growth == Growth::Never) << "not folded: " << text;
  if (!constant)
    return {};
  ConstantView view(constant.getResult());
  if (stored)
    *stored = view.storedCount();
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

/// A tensor that is repeated along some axes.
Tensor repeated(Random &random, const Ints &shape) {
  Ints once = shape;
  for (int64_t &extent : once)
    extent = random.chance(50) ? 1 : extent;
  int64_t first = random.between(-50, 50);
  return make(shape, [&](Ints index) {
    for (size_t i = 0; i < shape.size(); ++i)
      index[i] = once[i] == 1 ? 0 : index[i];
    return first + linear(index, once);
  });
}

/// One op on repeated operands.
struct Case {
  std::string op, attributes;
  std::vector<Tensor> operands;
  Tensor expected;
};

Case movement(Random &random, int which) {
  Ints shape = randomShape(random, random.between(1, 4), 4);
  size_t axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(shape.size()) - 1));
  std::string axisText = "axis = " + std::to_string(axis) + " : i64";
  Tensor x = repeated(random, shape);
  switch (which) {
  case 0: { // the operand and the result are seen through other shapes of as many elements
    Ints perm(shape.size()), permuted;
    std::iota(perm.begin(), perm.end(), 0);
    random.shuffle(perm);
    for (int64_t p : perm)
      permuted.push_back(shape[static_cast<size_t>(p)]);
    Tensor expected = make(permuted, [&](const Ints &index) {
      Ints source(shape.size());
      for (size_t i = 0; i < perm.size(); ++i)
        source[static_cast<size_t>(perm[i])] = index[i];
      return at(x, source);
    });
    auto merged = [&](Tensor &tensor) { // two neighbours become one
      if (tensor.shape.size() < 2 || random.chance(50))
        return;
      int64_t at = random.between(1, static_cast<int64_t>(tensor.shape.size()) - 1);
      tensor.shape[static_cast<size_t>(at) - 1] *= tensor.shape[static_cast<size_t>(at)];
      tensor.shape.erase(tensor.shape.begin() + at);
    };
    std::string attributes = "view = " + arrayText(shape) + ", perm = " + arrayText(perm);
    auto reshaped = [&](Tensor &tensor) { // any two extents
      Ints divisors;
      int64_t count = product(tensor.shape);
      for (int64_t d = 1; d <= count; ++d)
        if (count % d == 0)
          divisors.push_back(d);
      int64_t d = divisors[static_cast<size_t>(
          random.between(0, static_cast<int64_t>(divisors.size()) - 1))];
      tensor.shape = {count / d, d};
    };
    random.chance(70) ? merged(x) : reshaped(x);
    random.chance(70) ? merged(expected) : reshaped(expected);
    return {"disco.rearrange", attributes, {x}, expected};
  }
  case 1: {
    Ints starts, steps, result;
    for (int64_t extent : shape) {
      starts.push_back(random.between(0, extent - 1));
      steps.push_back(1);
      result.push_back(random.between(1, extent - starts.back()));
    }
    return {"disco.slice",
            "starts = " + arrayText(starts) + ", steps = " + arrayText(steps),
            {x},
            make(result, [&](Ints index) {
              for (size_t i = 0; i < index.size(); ++i)
                index[i] += starts[i];
              return at(x, index);
            })};
  }
  case 2:
  case 3: {
    Tensor list = repeated(random, {random.between(1, 9)});
    for (int64_t &value : list.data)
      value = (value % shape[axis] + shape[axis]) % shape[axis];
    Ints result = shape;
    result[axis] = list.shape[0];
    Tensor expected = make(result, [&](Ints index) {
      index[axis] = list.data[static_cast<size_t>(index[axis])];
      return at(x, index);
    });
    if (which == 3)
      return {"disco.gather", axisText, {x, list}, expected};
    return {"disco.select", axisText + ", indices = " + arrayText(list.data), {x}, expected};
  }
  case 4: {
    Tensor y = random.chance(50) ? x : repeated(random, shape);
    Ints result = shape;
    result[axis] *= 2;
    return {"disco.concat", axisText, {x, y}, make(result, [&](Ints index) {
              bool second = index[axis] >= shape[axis];
              index[axis] -= second ? shape[axis] : 0;
              return at(second ? y : x, index);
            })};
  }
  default: {
    Ints pads, result;
    for (size_t i = 0; i < 2 * shape.size(); ++i)
      pads.push_back(random.chance(50) ? random.between(0, 2) : 0);
    for (size_t i = 0; i < shape.size(); ++i)
      result.push_back(shape[i] + pads[i] + pads[i + shape.size()]);
    int64_t value = random.chance(50) ? x.data[0] : 7;
    return {"disco.pad",
            "pads = " + arrayText(pads) + ", mode = 0 : i32, value = " + std::to_string(value) +
                " : i64",
            {x},
            make(result, [&](Ints index) {
              for (size_t i = 0; i < index.size(); ++i) {
                index[i] -= pads[i];
                if (index[i] < 0 || index[i] >= shape[i])
                  return value;
              }
              return at(x, index);
            })};
  }
  }
}

Case arithmetic(Random &random, int which) {
  Ints shape = randomShape(random, random.between(1, 4), 4);
  Tensor x = repeated(random, shape), y = repeated(random, shape);
  switch (which) {
  case 0:
    return {"disco.binary", "kind = 1 : i32", {x, y}, make(shape, [&](const Ints &i) {
              return at(x, i) - at(y, i);
            })};
  case 1:
    return {"disco.unary", "act = #disco.act<abs>", {x}, make(shape, [&](const Ints &i) {
              return std::abs(at(x, i));
            })};
  case 2: {
    Ints wide = shape;
    wide.insert(wide.begin(), random.between(1, 6));
    return {"disco.expand", "", {x}, make(wide, [&](const Ints &i) {
              return at(x, Ints(i.begin() + 1, i.end()));
            })};
  }
  default: {
    int kind = which - 2; // sum, max, min, product
    Ints axes, reduced = shape;
    for (size_t i = 0; i < shape.size(); ++i)
      if (random.chance(50)) {
        axes.push_back(static_cast<int64_t>(i));
        reduced[i] = 1;
      }
    std::vector<bool> started(static_cast<size_t>(product(reduced)), false);
    Tensor expected{reduced, Ints(static_cast<size_t>(product(reduced)), 0)};
    for (int64_t i = 0; i < product(shape); ++i) {
      Ints index = digits(i, shape);
      for (int64_t axis : axes)
        index[static_cast<size_t>(axis)] = 0;
      auto to = static_cast<size_t>(linear(index, reduced));
      int64_t &sum = expected.data[to], value = x.data[static_cast<size_t>(i)];
      sum = !started[to] ? value
            : kind == 1  ? sum + value
            : kind == 2  ? std::max(sum, value)
            : kind == 3
                ? std::min(sum, value)
                : static_cast<int64_t>(static_cast<uint64_t>(sum) * static_cast<uint64_t>(value));
      started[to] = true;
    }
    return {"disco.reduce",
            "kind = " + std::to_string(kind) + " : i32, keepdims, axes = " + arrayText(axes),
            {x},
            expected};
  }
  }
}

/// What is stored once is computed once, and means the same as if it were stored in full.
TEST(Fold, RepeatedOperands) {
  Random random(16);
  for (int round = 0; round < 150; ++round)
    for (int which = 0; which < 13; ++which) {
      Case one = which < 6 ? movement(random, which) : arithmetic(random, which - 6);
      std::string what = one.op + " " + one.attributes + ", round " + std::to_string(round);
      expectSame(one.expected, fold(one.op, one.attributes, one.operands, one.expected.shape),
                 what);
      // A constant has no more elements than what it is made of, unless it is small.
      int64_t stored = 0, made = 0;
      Tensor folded =
          fold(one.op, one.attributes, one.operands, one.expected.shape, Growth::Never, &stored);
      for (const Tensor &operand : one.operands)
        made += product(storedOf(operand).shape);
      if (one.op == "disco.select")
        made += one.expected.shape.empty() ? 0 : 9;
      ASSERT_LE(stored * 8, std::max(kSmallConstantBytes, made * 8)) << what;
      if (!folded.data.empty())
        expectSame(one.expected, folded, what);
    }
}

/// Shapes of more elements than could be looked at one by one.
TEST(Fold, HugeIsQuick) {
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse(R"(func.func @main() {
    %c = disco.constant dense<3> : tensor<i64> : tensor<i64>
    %x = disco.expand %c : (tensor<i64>) -> tensor<65536x65536x65536xi64>
    %y = disco.binary %x, %x {kind = 2 : i32} : (tensor<65536x65536x65536xi64>, tensor<65536x65536x65536xi64>) -> tensor<65536x65536x65536xi64>
    %t = disco.rearrange %y {view = array<i64: 4294967296, 65536>, perm = array<i64: 1, 0>} : (tensor<65536x65536x65536xi64>) -> tensor<65536x4294967296xi64>
    %s = disco.reduce %t {kind = 1 : i32, axes = array<i64: 0, 1>} : (tensor<65536x4294967296xi64>) -> tensor<i64>
    disco.output %s {name = "y", index = 0 : i64} : (tensor<i64>) -> ()
    return
  })");
  ASSERT_TRUE(module && ir.run(*module, createSimplify()));
  OutputOp output = *mainOf(*module).getOps<OutputOp>().begin();
  auto constant = output.getX().getDefiningOp<ConstantOp>();
  ASSERT_TRUE(constant);
  EXPECT_EQ(ConstantView(constant.getResult()).integer(0), 9 * (int64_t{1} << 48));
}

} // namespace
