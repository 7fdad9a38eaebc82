//===- DivisionTest.cpp - random models divided over random clusters ------===//
// SPDX-License-Identifier: Apache-2.0
//
// The shards of a random model, through every pass, give the very numbers of the model itself: for
// any number of nodes, sparse weights, stated owner maps and roots.
#include "Interpreter.h"
#include "mlir/AsmParser/AsmParser.h"
#include <numeric>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

/// Writes the text of a random model over feature maps of 1 x C x 4 x 4.
class ModelWriter {
public:
  ModelWriter(Random &random, int64_t nodes) : random(random), nodes(nodes) {}

  std::string write() {
    int64_t channels = random.between(1, 5);
    std::string x = "x";
    body += "%x = disco.input {name = \"x\", index = 0 : i64} : () -> " + map(channels) + "\n";
    values.push_back({x, channels});
    if (random.chance(30))
      op("disco.unary %x {act = #disco.act<abs>}", channels, {values.back()});
    convolution();
    for (int64_t n = random.between(2, 9); n > 0; --n)
      step();
    int64_t index = 0;
    for (size_t i = 1; i < values.size(); ++i)
      if (i + 1 == values.size() || random.chance(15))
        output(values[i].first, map(values[i].second), index++);
    if (random.chance(60))
      classifier(index++);
    if (random.chance(30))
      attention(index++);
    std::string root =
        random.chance(30)
            ? ", disco.root = " + std::to_string(random.between(0, nodes - 1)) + " : i64"
            : "";
    return "module attributes {disco.nodes = " + std::to_string(nodes) + " : i64" + root +
           "} {\nfunc.func @main() {\n" + body + "return\n}\n}\n";
  }

private:
  using Value = std::pair<std::string, int64_t>; // name and channels

  static std::string map(int64_t channels, int64_t side = 4) {
    return tensorText({1, channels, side, side}, "f32");
  }
  std::string fresh() { return "v" + std::to_string(count++); }
  const Value &any() {
    return values[static_cast<size_t>(random.between(0, static_cast<int64_t>(values.size()) - 1))];
  }

  void output(const std::string &name, const std::string &type, int64_t index) {
    body += "disco.output %" + name + " {name = \"y" + std::to_string(index) +
            "\", index = " + std::to_string(index) + " : i64} : (" + type + ") -> ()\n";
  }

  /// Any partition of the channels.
  std::string owners(int64_t channels) {
    std::vector<Ints> sets(static_cast<size_t>(nodes));
    for (int64_t i = 0; i < channels; ++i)
      sets[static_cast<size_t>(random.between(0, nodes - 1))].push_back(i);
    std::string text;
    for (const Ints &set : sets) {
      std::string out;
      llvm::raw_string_ostream stream(out);
      IndexSet::of(set).print(stream);
      text += (&set == &sets.front() ? "" : " | ") + out;
    }
    return "disco.owners = #disco.owned<axis 1 : " + text + ">";
  }

  /// Appends an op that makes a feature map; `text` up to its closing brace.
  void op(std::string text, int64_t channels, std::vector<Value> operands,
          const std::string &constants = "", bool mayState = true) {
    std::string name = fresh(), types;
    for (const Value &operand : operands)
      types += (types.empty() ? "" : ", ") + map(operand.second);
    types += constants;
    text.pop_back();
    text += std::string(text.back() == '{' ? "" : ", ") + "disco.tensor = \"" + name + "\"";
    // Maps of one tensor at a time: two might contradict each other.
    if (mayState && !stated && random.chance(12)) {
      stated = true;
      text += ", " + owners(channels);
    }
    body += "%" + name + " = " + text + "} : (" + types + ") -> " + map(channels) + "\n";
    values.push_back({name, channels});
  }

  /// Small whole numbers; some columns of some rows are zero.
  std::string weights(const Ints &shape, int64_t low = -2, int64_t high = 2) {
    std::string name = fresh(), type = tensorText(shape, "f32"), list;
    int64_t perRow = shape.size() > 1 ? product(shape) / shape[0] / shape[1] : 1,
            columns = shape.size() > 1 ? shape[1] : 1;
    std::vector<bool> zero(static_cast<size_t>(columns) * 2);
    for (auto &&bit : zero)
      bit = sparse && random.chance(60);
    for (int64_t i = 0; i < product(shape); ++i) {
      int64_t column = i / perRow % columns,
              half = shape.size() > 1 && i / perRow / columns * 2 >= shape[0];
      double value = shape.size() > 1 && zero[static_cast<size_t>(column * 2 + half)]
                         ? 0
                         : static_cast<double>(random.between(low, high));
      auto number = static_cast<float>(value);
      uint32_t bits;
      memcpy(&bits, &number, 4);
      char text[9];
      snprintf(text, sizeof(text), "%08X", __builtin_bswap32(bits));
      list += text;
    }
    std::string attribute =
        product(shape) == 1 ? "dense<\"0x" + list + "\">" : "dense<\"0x" + list + "\">";
    body += "%" + name + " = disco.constant " + attribute + " : " + type + " : " + type + "\n";
    return name;
  }

  void clip() {
    op("disco.unary %" + values.back().first + " {act = #disco.act<clip, -8.0, 8.0>}",
       values.back().second, {values.back()});
  }

  /// `open`: nothing follows it yet, so that a sum can be folded into it.
  void convolution(int64_t outputs = 0, int64_t groups = 1, bool open = false) {
    Value x = any();
    if (groups != 1)
      groups = x.second % 2 == 0 && random.chance(50) ? 2 : x.second;
    if (!outputs)
      outputs = groups * random.between(1, groups == 1 ? 7 : 2);
    int64_t kernel = random.chance(50) ? 1 : 3, pad = kernel / 2;
    sparse = random.chance(60);
    Ints shape{outputs, x.second / groups, kernel, kernel};
    std::string w = weights(shape), types = ", " + tensorText(shape, "f32"), bias;
    if (random.chance(50)) {
      bias = " bias %" + weights({outputs});
      types += ", " + tensorText({outputs}, "f32");
    }
    op("disco.conv %" + x.first + ", %" + w + bias +
           " {strides = array<i64: 1, 1>, pads = " + arrayText({pad, pad, pad, pad}) +
           ", dilations = array<i64: 1, 1>, group = " + std::to_string(groups) + " : i64}",
       outputs, {x}, types);
    if (open)
      return;
    if (random.chance(30))
      affine();
    clip();
  }

  void affine() {
    Value x = values.back();
    std::string c = weights({x.second, 1, 1}, 1, 3);
    op("disco.binary %" + x.first + ", %" + c + " {kind = " + (random.chance(50) ? "0" : "2") +
           " : i32}",
       x.second, {x}, ", " + tensorText({x.second, 1, 1}, "f32"));
  }

  void residual() {
    Value a = any(), b = any();
    bool folded = random.chance(60);
    if (folded || a.second != b.second) {
      convolution(a.second, 1, folded);
      b = values.back();
    }
    op("disco.binary %" + a.first + ", %" + b.first + " {kind = 0 : i32}", a.second, {a, b});
    clip();
  }

  void concat() {
    Value a = any(), b = any();
    op("disco.concat %" + a.first + ", %" + b.first + " {axis = 1 : i64}", a.second + b.second,
       {a, b});
  }

  void cut() {
    Value x = any();
    int64_t first = random.between(0, x.second - 1), step = random.chance(70) ? 1 : -1;
    int64_t room = step > 0 ? x.second - first : first + 1, channels = random.between(1, room);
    op("disco.slice %" + x.first + " {starts = " + arrayText({0, first, 0, 0}) +
           ", steps = " + arrayText({1, step, 1, 1}) + "}",
       channels, {x});
  }

  void select() {
    Value x = any();
    Ints list;
    for (int64_t n = random.between(1, 6); n > 0; --n)
      list.push_back(random.between(0, x.second - 1));
    op("disco.select %" + x.first + " {axis = 1 : i64, indices = " + arrayText(list) + "}",
       static_cast<int64_t>(list.size()), {x});
  }

  void shuffle() {
    Value x = any();
    int64_t groups = x.second % 3 == 0 ? 3 : x.second % 2 == 0 ? 2 : 1;
    op("disco.rearrange %" + x.first + " {view = " +
           arrayText({1, groups, x.second / groups, 4, 4}) + ", perm = array<i64: 0, 2, 1, 3, 4>}",
       x.second, {x});
  }

  /// Pixel shuffle, in either mode, and a pool that brings the size back.
  void pixelShuffle() {
    Value x = any();
    if (x.second % 4)
      return;
    int64_t channels = x.second / 4;
    std::string up = fresh();
    bool columnRow = random.chance(50);
    body += "%" + up + " = disco.rearrange %" + x.first + " {view = " +
            arrayText(columnRow ? Ints{1, channels, 2, 2, 4, 4} : Ints{1, 2, 2, channels, 4, 4}) +
            ", perm = " +
            (columnRow ? "array<i64: 0, 1, 4, 2, 5, 3>" : "array<i64: 0, 3, 4, 1, 5, 2>") +
            "} : (" + map(x.second) + ") -> " + map(channels, 8) + "\n";
    std::string down = fresh();
    body += "%" + down + " = disco.pool %" + up +
            " {kind = 0 : i32, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = "
            "array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (" +
            map(channels, 8) + ") -> " + map(channels) + "\n";
    values.push_back({down, channels});
  }

  void pool() {
    Value x = any();
    op("disco.pool %" + x.first +
           " {kind = 0 : i32, kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = "
           "array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}",
       x.second, {x});
  }

  /// A constant of indices into an extent, some counted from the end.
  std::string indices(const Ints &shape, int64_t extent) {
    std::string name = fresh(), list;
    for (int64_t i = 0; i < product(shape); ++i)
      list += (i ? ", " : "") + std::to_string(random.between(-extent, extent - 1));
    std::string type = tensorText(shape, "i64"), flat = tensorText({product(shape)}, "i64");
    std::string constant = shape.size() == 1 ? name : fresh();
    body +=
        "%" + constant + " = disco.constant dense<[" + list + "]> : " + flat + " : " + flat + "\n";
    if (constant != name)
      body += "%" + name + " = disco.rearrange %" + constant +
              " {view = " + arrayText({product(shape)}) + ", perm = array<i64: 0>} : (" + flat +
              ") -> " + type + "\n";
    return name;
  }

  void runningSum() {
    Value x = any();
    int64_t axis = random.between(1, 3);
    op("disco.cum_sum %" + x.first + " {axis = " + std::to_string(axis) + " : i64" +
           (random.chance(50) ? ", exclusive" : "") + (random.chance(50) ? ", reverse" : "") + "}",
       x.second, {x}, "", axis != 1);
    clip();
  }

  /// The places of the greatest values along an axis, added to the values.
  void order() {
    Value x = any();
    int64_t axis = random.between(1, 3);
    Ints shape{1, x.second, 4, 4};
    shape[static_cast<size_t>(axis)] = 1;
    std::string at = fresh(), real = fresh(), where = " {axis = " + std::to_string(axis) + " : i64";
    body += "%" + at + " = disco." +
            (random.chance(50)
                 ? "top_k %" + x.first + where + ", k = 1 : i64" +
                       (random.chance(50) ? ", smallest" : "")
                 : "arg_extreme %" + x.first + where + (random.chance(50) ? ", minimum" : "") +
                       (random.chance(50) ? ", last" : "")) +
            "} : (" + map(x.second) + ") -> " + tensorText(shape, "i64") + "\n";
    body += "%" + real + " = disco.cast %" + at + " : (" + tensorText(shape, "i64") + ") -> " +
            tensorText(shape, "f32") + "\n";
    op("disco.binary %" + x.first + ", %" + real + " {kind = 0 : i32}", x.second, {x},
       ", " + tensorText(shape, "f32"));
    clip();
  }

  void gather() {
    Value x = any();
    if (random.chance(50)) {
      int64_t count = random.between(1, 5);
      op("disco.gather %" + x.first + ", %" + indices({count}, x.second) + " {axis = 1 : i64}",
         count, {x}, ", " + tensorText({count}, "i64"));
    } else {
      op("disco.gather %" + x.first + ", %" + indices({1, x.second, 4}, 4) +
             " {axis = 2 : i64, batch = 2 : i64}",
         x.second, {x}, ", " + tensorText({1, x.second, 4}, "i64"));
    }
  }

  /// Into rows of pixels of every channel, or into channels.
  void scatter() {
    Value x = any(), u = any();
    bool rows = u.second == x.second;
    Ints shape = rows ? Ints{1, x.second, 4} : Ints{1, u.second};
    std::string types = tensorText(shape, "i64");
    std::string list = indices(shape, rows ? 4 : x.second), name = fresh();
    body += "%" + name + " = disco.scatter %" + x.first + ", %" + list + ", %" + u.first +
            " {batch = " + (rows ? "2" : "1") +
            " : i64, kind = " + (random.chance(50) ? "1" : "0") + " : i32} : (" + map(x.second) +
            ", " + types + ", " + map(u.second) + ") -> " + map(x.second) + "\n";
    values.push_back({name, x.second});
    clip();
  }

  /// Squeeze and excite: a factor for each channel, computed from all of them.
  void squeeze() {
    Value x = any();
    std::string one = tensorText({1, x.second, 1, 1}, "f32"),
                weight = tensorText({x.second, x.second, 1, 1}, "f32");
    std::string s = fresh(), e = fresh(), c = fresh();
    body += "%" + s + " = disco.reduce %" + x.first +
            " {kind = 2 : i32, axes = array<i64: 2, 3>, keepdims} : (" + map(x.second) + ") -> " +
            one + "\n";
    std::string w = weights({x.second, x.second, 1, 1});
    body += "%" + e + " = disco.conv %" + s + ", %" + w +
            " {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: "
            "1, 1>, group = 1 : i64} : (" +
            one + ", " + weight + ") -> " + one + "\n";
    body += "%" + c + " = disco.unary %" + e + " {act = #disco.act<clip, 0.0, 2.0>} : (" + one +
            ") -> " + one + "\n";
    op("disco.binary %" + x.first + ", %" + c + " {kind = 2 : i32}", x.second, {x}, ", " + one);
    clip();
  }

  void classifier(int64_t index) {
    Value x = any();
    int64_t features = x.second * 16, classes = random.between(1, 6);
    std::string f = fresh(), y = fresh(), flat = tensorText({1, features}, "f32");
    body += "%" + f + " = disco.rearrange %" + x.first +
            " {view = " + arrayText({1, x.second, 4, 4}) + ", perm = array<i64: 0, 1, 2, 3>} : (" +
            map(x.second) + ") -> " + flat + "\n";
    sparse = random.chance(50);
    bool turned = random.chance(50);
    Ints shape = turned ? Ints{classes, features} : Ints{features, classes};
    std::string w = weights(shape), result = tensorText({1, classes}, "f32");
    body += "%" + y + " = disco.matmul %" + f + ", %" + w + " {disco.tensor = \"" + y + "\"" +
            (turned ? ", trans_b" : "") + "} : (" + flat + ", " + tensorText(shape, "f32") +
            ") -> " + result + "\n";
    output(y, result, index);
  }

  /// Heads of channels, their products over pixels, back to a row of features.
  void attention(int64_t index) {
    Value x = any();
    int64_t heads = x.second % 3 == 0 ? 3 : x.second % 2 == 0 ? 2 : 1, inner = x.second / heads;
    std::string head = tensorText({heads, inner, 16}, "f32"),
                square = tensorText({heads, inner, inner}, "f32"),
                row = tensorText({1, x.second * inner}, "f32");
    std::string h = fresh(), s = fresh(), r = fresh();
    body += "%" + h + " = disco.rearrange %" + x.first +
            " {view = " + arrayText({heads, inner, 16}) + ", perm = array<i64: 0, 1, 2>} : (" +
            map(x.second) + ") -> " + head + "\n";
    body += "%" + s + " = disco.matmul %" + h + ", %" + h + " {trans_b} : (" + head + ", " + head +
            ") -> " + square + "\n";
    body += "%" + r + " = disco.rearrange %" + s + " {view = " + arrayText({heads, inner, inner}) +
            ", perm = array<i64: 0, 2, 1>} : (" + square + ") -> " + row + "\n";
    output(r, row, index);
  }

  void step() {
    switch (random.between(0, 15)) {
    case 0:
    case 1:
    case 2: return convolution();
    case 3: return convolution(0, 2);
    case 4: return residual();
    case 5: return concat();
    case 6: return cut();
    case 7: return select();
    case 8: return shuffle();
    case 9: return pixelShuffle();
    case 10: return pool();
    case 11: return runningSum();
    case 12: return order();
    case 13: return gather();
    case 14: return scatter();
    default: return squeeze();
    }
  }

  Random &random;
  int64_t nodes, count = 0;
  bool sparse = false, stated = false;
  std::string body;
  std::vector<Value> values;
};

Named randomInput(func::FuncOp function, Random &random) {
  Named inputs;
  for (InputOp input : function.getOps<InputOp>()) {
    Array array{Ints(shapeOf(input.getResult()).begin(), shapeOf(input.getResult()).end()), {}};
    for (int64_t i = 0; i < product(array.shape); ++i)
      array.data.push_back(static_cast<double>(random.between(-4, 4)));
    inputs[input.getName().str()] = array;
  }
  return inputs;
}

void expectSame(const Named &expected, const Named &actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (const auto &[name, array] : expected) {
    ASSERT_TRUE(actual.count(name)) << name;
    ASSERT_EQ(actual.at(name).shape, array.shape) << name;
    ASSERT_EQ(actual.at(name).data, array.data) << name;
  }
}

/// Three nodes are the fewest where an own part stands beside more than one of others: every third
/// model has them.
int64_t drawNodes(uint64_t seed, Random &random) {
  int64_t nodes = random.between(1, 6);
  return seed % 3 == 0 ? 3 : nodes;
}

TEST(Division, ShardsGiveTheModelsNumbers) {
  for (uint64_t seed = 0; seed < rounds(250); ++seed) {
    Random random(seed);
    int64_t nodes = drawNodes(seed, random);
    std::string text = ModelWriter(random, nodes).write();
    Ir ir;
    OwningOpRef<ModuleOp> module = ir.parse(text);
    ASSERT_TRUE(module) << "seed " << seed << "\n" << text;
    Named inputs = randomInput(mainOf(*module), random);
    Named expected = interpret(mainOf(*module), inputs);
    PassManager manager(&ir.context);
    buildPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << "seed " << seed << "\n" << text;
    expectSame(expected, interpretShards(*module, inputs));
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", " << nodes << " nodes\n" << text;
  }
}

/// Hosts whose vectors have 64, 32 and 16 bytes, and one without, in turn.
std::string clusterText(int64_t nodes) {
  std::string list;
  for (int64_t i = 0; i < nodes; ++i)
    list += std::string(i ? ", " : "") + "#disco.node<name = \"n" + std::to_string(i) +
            "\", address = \"\", listen = \"\", device = #disco.target<arch = \"x86-64\", levels = "
            "[\"x86-64-v3\"], vector = " +
            std::to_string(i % 4 == 3 ? 0 : 64 >> i % 4) +
            ", caches = [], clock = 0.0, cycles = {}>, hops = []>";
  return "#disco.cluster<nodes = [" + list + "], links = []>";
}

/// The same where tensors do not lie by rows, with NaN wherever a layout has no element. Nodes have
/// vectors of different widths, and so blocks of different sizes, on both ends of a message.
TEST(Division, WhateverTheLayout) {
  for (const char *layout : {"nhwc", "blocked", "reversed"})
    for (uint64_t seed = 0; seed < rounds(60); ++seed) {
      Random random(seed);
      int64_t nodes = drawNodes(seed, random);
      std::string text = ModelWriter(random, nodes).write();
      Ir ir;
      OwningOpRef<ModuleOp> module = ir.parse(text);
      ASSERT_TRUE(module) << "seed " << seed << "\n" << text;
      (*module)->setAttr(kLayoutAttr, StringAttr::get(&ir.context, layout));
      (*module)->setAttr(kClusterAttr, parseAttribute(clusterText(nodes), &ir.context));
      Named inputs = randomInput(mainOf(*module), random);
      Named expected = interpret(mainOf(*module), inputs);
      PassManager manager(&ir.context);
      buildPipeline(manager);
      ASSERT_TRUE(succeeded(manager.run(*module))) << "seed " << seed << "\n" << text;
      expectSame(expected, interpretShards(*module, inputs));
      ASSERT_FALSE(HasFailure()) << layout << ", seed " << seed << "\n" << text;
    }
}

/// The same with every stage read back from text.
TEST(Division, ThroughTextToo) {
  for (uint64_t seed = 1000; seed < 1000 + rounds(40); ++seed) {
    Random random(seed);
    int64_t nodes = drawNodes(seed, random);
    std::string text = ModelWriter(random, nodes).write();
    Ir first;
    OwningOpRef<ModuleOp> module = first.parse(text);
    ASSERT_TRUE(module);
    Named inputs = randomInput(mainOf(*module), random);
    Named expected = interpret(mainOf(*module), inputs);
    std::string between = text;
    for (const Stage &stage : stages()) {
      Ir ir;
      OwningOpRef<ModuleOp> parsed = ir.parse(between);
      ASSERT_TRUE(parsed) << "seed " << seed << "\n" << between;
      ASSERT_TRUE(ir.run(*parsed, stage.create())) << "seed " << seed << "\n" << between;
      between.clear();
      llvm::raw_string_ostream stream(between);
      parsed->print(stream, OpPrintingFlags().enableDebugInfo());
    }
    Ir last;
    OwningOpRef<ModuleOp> planned = last.parse(between);
    ASSERT_TRUE(planned);
    expectSame(expected, interpretShards(*planned, inputs));
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", " << nodes << " nodes\n" << text;
  }
}

} // namespace
