//===- DivisionBoundsTest.cpp - divided models whose numbers are not exact ===//
// SPDX-License-Identifier: Apache-2.0
//
// Normalisations, softmax and means over divided channels, and narrow numbers on links: the shards
// give the model's numbers within bounds that are stated here.
#include "Interpreter.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

/// Three nodes are the fewest where merging two statistics differs from merging all.
constexpr int64_t kNodes[] = {2, 3, 5};

/// Writes text of models over maps 1 x C x 2 x 2 or over C features of each of three tokens: axis 1
/// is divided in both.
class Writer {
public:
  Writer(Random &random, int64_t nodes, bool tokens)
      : random(random), nodes(nodes), tokens(tokens) {}

  struct Value {
    std::string name;
    Ints shape;
    std::string type() const { return tensorText(shape, "f32"); }
  };

  Ints features(int64_t channels) const {
    return tokens ? Ints{3, channels} : Ints{1, channels, 2, 2};
  }
  /// Appends "op operands {attributes}".
  Value op(const std::string &name, const std::vector<Value> &operands, const std::string &attrs,
           const Ints &shape) {
    std::string list, types;
    for (const Value &operand : operands) {
      list += (list.empty() ? "%" : ", %") + operand.name;
      types += (types.empty() ? "" : ", ") + operand.type();
    }
    Value result = fresh(shape);
    body += "%" + result.name + " = disco." + name + " " + list + " {disco.tensor = \"" +
            result.name + "\"" + (attrs.empty() ? "" : ", ") + attrs + "} : (" + types + ") -> " +
            result.type() + "\n";
    return result;
  }
  Value input(int64_t channels) {
    Value result = fresh(features(channels));
    body += "%" + result.name + " = disco.input {name = \"x\", index = 0 : i64} : () -> " +
            result.type() + "\n";
    return result;
  }
  void output(const Value &x) {
    body += "disco.output %" + x.name + " {name = \"y" + std::to_string(outputs) +
            "\", index = " + std::to_string(outputs) + " : i64} : (" + x.type() + ") -> ()\n";
    ++outputs;
  }
  /// Numbers of thirty-seconds between -1 and 1, or one number.
  Value constant(const Ints &shape, std::optional<double> one = std::nullopt) {
    Value result = fresh(shape);
    std::string list;
    for (int64_t i = 0; i < product(shape); ++i) {
      auto number =
          static_cast<float>(one ? *one : static_cast<double>(random.between(-32, 32)) / 32);
      constants[result.name].push_back(number);
      uint32_t bits;
      memcpy(&bits, &number, 4);
      char text[9];
      snprintf(text, sizeof(text), "%08X", __builtin_bswap32(bits));
      list += text;
    }
    body += "%" + result.name + " = disco.constant dense<\"0x" + list + "\"> : " + result.type() +
            " : " + result.type() + "\n";
    return result;
  }

  /// A product with constant weights that reads all channels; with a residual to be folded into it.
  Value contraction(const Value &x, int64_t channels, const Value *residual = nullptr,
                    Value *weights = nullptr) {
    Ints shape = tokens ? Ints{x.shape[1], channels} : Ints{channels, x.shape[1], 1, 1};
    Value w = constant(shape);
    if (weights)
      *weights = w;
    Value y = tokens ? op("matmul", {x, w}, "", features(channels))
                     : op("conv", {x, w},
                          "strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = "
                          "array<i64: 1, 1>, group = 1 : i64",
                          features(channels));
    return residual ? binary(BinaryKind::Add, y, *residual) : y;
  }
  Value binary(BinaryKind kind, const Value &a, const Value &b) {
    return op("binary", {a, b}, "kind = " + std::to_string(static_cast<int>(kind)) + " : i32",
              a.shape);
  }
  Value reduce(ReduceKind kind, const Value &x, const Ints &axes) {
    Ints shape = x.shape;
    for (int64_t axis : axes)
      shape[static_cast<size_t>(axis)] = 1;
    return op("reduce", {x},
              "kind = " + std::to_string(static_cast<int>(kind)) +
                  " : i32, axes = " + arrayText(axes) + ", keepdims",
              shape);
  }

  /// (x - mean) / sqrt(variance + 0.5): large enough that rounding is not made larger.
  Value normalised(const Value &x, const Ints &axes) {
    Value mean = reduce(ReduceKind::Mean, x, axes), centred = binary(BinaryKind::Sub, x, mean);
    Value square = random.chance(50) ? binary(BinaryKind::Mul, centred, centred)
                                     : op("binary", {centred, constant({1}, 2.0)}, "kind = 6 : i32",
                                          centred.shape);
    Value variance = reduce(ReduceKind::Mean, square, axes);
    Value sum = binary(BinaryKind::Add, variance, constant({1}, 0.5));
    return binary(BinaryKind::Div, centred,
                  op("unary", {sum}, "act = #disco.act<sqrt>", sum.shape));
  }
  /// The same over each group of channels. Of two groups a node is given whole ones; the channels
  /// of one are divided by a stated map.
  Value groupNormalised(const Value &x) {
    int64_t groups = tokens ? 1 : random.between(1, 2), channels = x.shape[1];
    Ints grouped{x.shape[0], groups, channels / groups}, axes{2}, order{0, 1, 2};
    for (size_t i = 2; i < x.shape.size(); ++i) {
      grouped.push_back(x.shape[i]);
      axes.push_back(static_cast<int64_t>(i) + 1);
      order.push_back(axes.back());
    }
    std::string flat = "view = " + arrayText(grouped) + ", perm = " + arrayText(order);
    Value rows = op("rearrange", {x}, groups == 1 ? flat + ", " + owners(channels) : flat, grouped);
    return op("rearrange", {normalised(rows, axes)}, flat, x.shape);
  }
  Value softmax(const Value &x) {
    return op("softmax", {x},
              std::string("axis = 1 : i64, count = 1 : i64") + (random.chance(30) ? ", log" : ""),
              x.shape);
  }
  /// Each channel and what is known of all of them.
  Value statistic(const Value &x) {
    static constexpr ReduceKind kinds[] = {ReduceKind::Mean, ReduceKind::Sum, ReduceKind::Max,
                                           ReduceKind::Min,  ReduceKind::L1,  ReduceKind::SumSquare,
                                           ReduceKind::L2};
    ReduceKind kind = kinds[random.between(0, std::size(kinds) - 1)];
    Value of = reduce(kind, x, random.chance(50) || tokens ? Ints{1} : Ints{1, 2, 3});
    output(of);
    return binary(BinaryKind::Add, x, of);
  }

  /// The largest sum of magnitudes of the weights of one result.
  double rowSum(const Value &w) const {
    const std::vector<double> &list = constants.at(w.name);
    int64_t columns = tokens ? w.shape[1] : w.shape[0], inner = product(w.shape) / columns;
    double most = 0;
    for (int64_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < inner; ++i)
        sum += std::fabs(
            list[static_cast<size_t>(tokens ? i * columns + column : column * inner + i)]);
      most = std::max(most, sum);
    }
    return most;
  }

  std::string module(const std::string &wire) const {
    std::string attrs = wire.empty() ? "" : ", disco.wire = \"" + wire + "\"";
    return "module attributes {disco.nodes = " + std::to_string(nodes) + " : i64" + attrs +
           "} {\nfunc.func @main() {\n" + body + "return\n}\n}\n";
  }

  Random &random;

private:
  /// Any partition of channels along axis 2.
  std::string owners(int64_t channels) {
    std::vector<Ints> sets(static_cast<size_t>(nodes));
    for (int64_t i = 0; i < channels; ++i)
      sets[static_cast<size_t>(random.between(0, nodes - 1))].push_back(i);
    std::string text;
    llvm::raw_string_ostream stream(text);
    for (const Ints &set : sets) {
      stream << (&set == &sets.front() ? "" : " | ");
      IndexSet::of(set).print(stream);
    }
    return "disco.owners = #disco.owned<axis 2 : " + text + ">";
  }
  Value fresh(const Ints &shape) { return {"v" + std::to_string(count++), shape}; }

  int64_t nodes;
  bool tokens;
  int64_t count = 0, outputs = 0;
  std::string body;
  std::map<std::string, std::vector<double>> constants;
};

struct Both {
  Named inputs, expected, actual;
  int64_t statistics = 0, partialSums = 0; // parts of messages that carry some
};

/// The numbers of a model, and of its shards.
void runBoth(const std::string &text, Random &random, Both &run) {
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse(text);
  ASSERT_TRUE(module) << text;
  for (InputOp input : mainOf(*module).getOps<InputOp>()) {
    Array array{Ints(shapeOf(input.getResult()).begin(), shapeOf(input.getResult()).end()), {}};
    for (int64_t i = 0; i < product(array.shape); ++i)
      array.data.push_back(static_cast<double>(random.between(-4000, 4000)) / 1024);
    run.inputs[input.getName().str()] = array;
  }
  run.expected = interpret(mainOf(*module), run.inputs);
  PassManager manager(&ir.context);
  buildPipeline(manager);
  ASSERT_TRUE(succeeded(manager.run(*module))) << text;
  module->walk([&](SendOp send) {
    for (auto part : send.getParts().getAsRange<PartAttr>()) {
      run.statistics += part.getKind() == RouteKind::Statistic;
      run.partialSums += part.getKind() == RouteKind::PartialSum;
    }
  });
  run.actual = interpretShards(*module, run.inputs);
  ASSERT_FALSE(::testing::Test::HasFailure());
}

double largest(const Array &array) {
  double most = 0;
  for (double x : array.data)
    most = std::max(most, std::fabs(x));
  return most;
}

void expectWithin(const Array &expected, const Array &actual, double bound) {
  ASSERT_EQ(expected.shape, actual.shape);
  for (size_t i = 0; i < expected.data.size(); ++i)
    ASSERT_LE(std::fabs(expected.data[i] - actual.data[i]), bound) << "element " << i;
}

TEST(DivisionBounds, NormalisationsOverDividedChannels) {
  int64_t divided[4] = {}, seen[4] = {};
  for (uint64_t seed = 0; seed < rounds(60); ++seed)
    for (int64_t nodes : kNodes) {
      Random random(seed);
      Writer writer(random, nodes, /*tokens=*/seed % 2 == 1);
      int64_t kind = static_cast<int64_t>(seed / 2 % 4);
      Writer::Value x = writer.input(random.between(2, 5));
      int64_t channels = kind == 1 ? 2 * random.between(2, 5) : random.between(4, 12);
      Writer::Value y = writer.contraction(x, channels);
      if (random.chance(50))
        y = writer.contraction(y, channels, &y);
      y = kind == 0   ? writer.normalised(y, {1})
          : kind == 1 ? writer.groupNormalised(y)
          : kind == 2 ? writer.softmax(y)
                      : writer.statistic(y);
      writer.output(y);
      Writer::Value z = writer.contraction(y, random.between(2, 6));
      writer.output(writer.contraction(z, channels, &y));
      std::string text = writer.module("");
      SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
      Both run;
      ASSERT_NO_FATAL_FAILURE(runBoth(text, random, run));
      // Shares and scales are constants in single precision.
      for (const auto &[name, array] : run.expected)
        ASSERT_NO_FATAL_FAILURE(
            expectWithin(array, run.actual.at(name), 1e-6 * (1 + largest(array))));
      divided[kind] += run.statistics > 0;
      ++seen[kind];
    }
  // Not a test of ops that every node computes for itself.
  for (int64_t kind = 0; kind < 4; ++kind)
    EXPECT_GE(divided[kind] * 5, seen[kind]) << "kind " << kind;
}

/// Products of features that travelled once. Each feature, or each addend of a sum, may be wrong by
/// `error` of the largest of its message. `reached` of all that may be wrong is seen: a bound that
/// is never nearly reached would let other steps pass.
void checkWire(const std::string &wire, double error, double reached) {
  double most = 0;
  for (uint64_t seed = 0; seed < rounds(40); ++seed)
    for (int64_t nodes : kNodes) {
      Random random(seed);
      Writer writer(random, nodes, /*tokens=*/seed % 2 == 1);
      Writer::Value x = writer.input(random.between(2, 5)), w;
      Writer::Value hidden = writer.contraction(x, random.between(3, 8));
      writer.output(hidden);
      writer.output(writer.contraction(hidden, random.between(2, 9), nullptr, &w));
      std::string text = writer.module(wire);
      SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
      Both run;
      ASSERT_NO_FATAL_FAILURE(runBoth(text, random, run));
      double feature = error * largest(run.expected.at("y0"));
      ASSERT_NO_FATAL_FAILURE(
          expectWithin(run.expected.at("y0"), run.actual.at("y0"), feature * (1 + 1e-5)));
      const Array &expected = run.expected.at("y1"), &actual = run.actual.at("y1");
      double step = feature * writer.rowSum(w);
      if (run.partialSums)
        step *= static_cast<double>(nodes - 1);
      ASSERT_NO_FATAL_FAILURE(expectWithin(expected, actual, step * (1 + 1e-5) + 1e-6));
      for (size_t i = 0; i < actual.data.size(); ++i)
        most = std::max(most, std::fabs(expected.data[i] - actual.data[i]) / step);
    }
  EXPECT_GT(most, reached);
}

TEST(DivisionBounds, HalfFloatsOnWires) { checkWire("f16", std::ldexp(1.0, -11), 0.3); }

TEST(DivisionBounds, BytesOnWires) { checkWire("i8", 0.5 / 127, 0.5); }

/// Statistics, residuals and partial sums beside features: errors of several exchanges add up, by
/// less than this share of the largest number. Statistics themselves stay as they are.
TEST(DivisionBounds, WiresOfEveryKindOfExchange) {
  for (auto [wire, share] : {std::pair<const char *, double>{"f16", 0.004}, {"i8", 0.06}})
    for (uint64_t seed = 0; seed < rounds(20); ++seed)
      for (int64_t nodes : kNodes) {
        Random random(seed);
        Writer writer(random, nodes, /*tokens=*/seed % 2 == 1);
        Writer::Value x = writer.input(random.between(2, 5));
        int64_t channels = random.between(2, 9);
        Writer::Value y = writer.contraction(x, channels);
        y = writer.normalised(writer.contraction(y, channels, &y), {1});
        writer.output(y);
        writer.output(writer.softmax(writer.contraction(y, channels, &y)));
        std::string text = writer.module(wire);
        SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
        Both run;
        ASSERT_NO_FATAL_FAILURE(runBoth(text, random, run));
        for (const auto &[name, array] : run.expected)
          ASSERT_NO_FATAL_FAILURE(
              expectWithin(array, run.actual.at(name), share * (1 + largest(array))));
      }
}

} // namespace
