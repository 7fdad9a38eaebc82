//===- SampleModels.cpp - the networks that calibrate measures ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/SampleModels.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace discoc {

using importer::Attribute;
using importer::Model;
using importer::Op;

namespace {

using Dims = std::vector<int64_t>;

/// Adds ops to a model. A tensor is its name.
class Network {
public:
  Network() {
    model.path = "samples.onnx";
    model.irVersion = 8;
    model.opsets[""] = opset;
    model.graph.name = "samples";
  }

  std::string input(Dims dims) {
    importer::ValueInfo &info = model.graph.inputs.emplace_back();
    info.name = "x" + std::to_string(model.graph.inputs.size());
    info.type = ElementType::F32;
    info.hasShape = true;
    for (int64_t extent : dims)
      info.dims.push_back({extent, ""});
    return info.name;
  }

  /// Uniform, with the variance of one over `fan`.
  std::string floats(Dims dims, int64_t fan) {
    const float scale = std::sqrt(3.0F / static_cast<float>(fan));
    return constant<float>(std::move(dims), ElementType::F32,
                           [&] { return scale * (2 * uniform() - 1); });
  }
  std::string bytes(Dims dims) {
    return constant<int8_t>(std::move(dims), ElementType::I8,
                            [&] { return static_cast<int8_t>(254 * uniform() - 127); });
  }
  std::string number(float value) {
    return constant<float>({}, ElementType::F32, [&] { return value; });
  }
  std::string zero() {
    return constant<int8_t>({}, ElementType::I8, [] { return int8_t(0); });
  }
  std::string shape(const Dims &dims) {
    size_t at = 0;
    return constant<int64_t>({static_cast<int64_t>(dims.size())}, ElementType::I64,
                             [&] { return dims[at++]; });
  }

  std::string op(const std::string &type, std::vector<std::string> inputs,
                 std::vector<std::pair<const char *, Dims>> lists = {},
                 std::vector<std::pair<const char *, int64_t>> numbers = {}) {
    Op &op = model.graph.ops.emplace_back();
    op.name = type + std::to_string(model.graph.ops.size());
    op.type = type;
    op.opset = opset;
    op.inputs = std::move(inputs);
    op.outputs = {op.name + "_y"};
    for (auto &[name, values] : lists) {
      Attribute &attribute = op.attributes.emplace_back();
      attribute.name = name;
      attribute.kind = Attribute::Kind::Ints;
      attribute.ints = std::move(values);
    }
    for (const auto &[name, value] : numbers) {
      Attribute &attribute = op.attributes.emplace_back();
      attribute.name = name;
      attribute.kind = Attribute::Kind::Int;
      attribute.i = value;
    }
    return op.outputs.front();
  }

  /// The part's last tensor, of rows of numbers: what comes behind it waits for it.
  void endPart(const std::string &last) {
    ended = op("ReduceMean", {last}, {{"axes", {1}}}, {{"keepdims", 1}});
  }
  /// An input of the next part, which no program can begin before the part before has ended.
  std::string begin(const Dims &dims) {
    std::string x = input(dims);
    return ended.empty() ? x : op("Add", {x, op("Reshape", {ended, shape(Dims(dims.size(), 1))})});
  }

  Model finish() {
    importer::ValueInfo &output = model.graph.outputs.emplace_back();
    output.name = ended;
    output.type = ElementType::F32;
    return std::move(model);
  }

private:
  static constexpr int64_t opset = 17;

  float uniform() {
    state = state * 1664525 + 1013904223;
    return (static_cast<float>(state >> 8) + 0.5F) / static_cast<float>(1 << 24);
  }

  template <class T, class F> std::string constant(Dims dims, ElementType type, F next) {
    int64_t count = 1;
    for (int64_t extent : dims)
      count *= extent;
    auto values = std::make_shared<std::vector<T>>(static_cast<size_t>(count));
    for (T &value : *values)
      value = next();
    importer::Tensor &tensor = model.graph.initializers.emplace_back();
    tensor.name = "w" + std::to_string(model.graph.initializers.size());
    tensor.type = type;
    tensor.dims = std::move(dims);
    tensor.bytes = std::as_bytes(std::span<const T>(*values));
    tensor.owner = std::move(values);
    return tensor.name;
  }

  Model model;
  std::string ended;
  uint32_t state = 1;
};

struct Conv {
  int64_t ins, outs, kernel = 1, stride = 1;
  int64_t groups = 1;
};

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

std::string conv(Network &n, const std::string &x, Conv c) {
  const int64_t fan = c.ins / c.groups * c.kernel * c.kernel, pad = c.kernel / 2;
  return n.op(
      "Conv",
      {x, n.floats({c.outs, c.ins / c.groups, c.kernel, c.kernel}, fan), n.floats({c.outs}, 12)},
      {{"kernel_shape", {c.kernel, c.kernel}},
       {"strides", {c.stride, c.stride}},
       {"pads", {pad, pad, pad, pad}}},
      {{"group", c.groups}});
}

std::string relu(Network &n, const std::string &x) { return n.op("Relu", {x}); }

std::string relu6(Network &n, const std::string &x) {
  return n.op("Clip", {x, n.number(0), n.number(6)});
}

std::string linear(Network &n, const std::string &x, int64_t ins, int64_t outs) {
  return n.op("Gemm", {x, n.floats({outs, ins}, ins), n.floats({outs}, 12)}, {}, {{"transB", 1}});
}

void classify(Network &n, const std::string &x, int64_t channels, int64_t classes) {
  const std::string mean = n.op("GlobalAveragePool", {x});
  n.endPart(linear(n, n.op("Flatten", {mean}), channels, classes));
}

/// Two convolutions of 3x3 and what goes around them.
std::string plainBlock(Network &n, const std::string &x, int64_t ins, int64_t outs) {
  const int64_t stride = ins == outs ? 1 : 2;
  const std::string first = relu(n, conv(n, x, {ins, outs, 3, stride}));
  const std::string around = stride == 1 ? x : conv(n, x, {ins, outs, 1, stride});
  return relu(n, n.op("Add", {conv(n, first, {outs, outs, 3}), around}));
}

void plainPart(Network &n) {
  std::string x = relu(n, conv(n, n.begin({1, 3, 32, 32}), {3, 16, 3}));
  for (auto [ins, outs] : {std::pair{16, 16}, {16, 32}, {32, 32}, {32, 64}, {64, 64}})
    x = plainBlock(n, x, ins, outs);
  classify(n, x, 64, 10);
}

struct Mobile {
  int64_t ins, outs, stride, expansion;
};
constexpr Mobile mobileBlocks[] = {{32, 16, 1, 1},   {16, 24, 2, 6},  {24, 24, 1, 6},
                                   {24, 32, 2, 6},   {32, 32, 1, 6},  {32, 64, 2, 6},
                                   {64, 64, 1, 6},   {64, 96, 1, 6},  {96, 160, 2, 6},
                                   {160, 160, 1, 6}, {160, 320, 1, 6}};

std::string mobileBlock(Network &n, const std::string &x, const Mobile &b) {
  const int64_t wide = b.ins * b.expansion;
  const std::string in = b.expansion == 1 ? x : relu6(n, conv(n, x, {b.ins, wide}));
  const std::string deep = relu6(n, conv(n, in, {wide, wide, 3, b.stride, wide}));
  const std::string out = conv(n, deep, {wide, b.outs});
  return b.stride == 1 && b.ins == b.outs ? n.op("Add", {out, x}) : out;
}

void mobilePart(Network &n) {
  std::string x = relu6(n, conv(n, n.begin({1, 3, 224, 224}), {3, 32, 3, 2}));
  for (const Mobile &block : mobileBlocks)
    x = mobileBlock(n, x, block);
  classify(n, relu6(n, conv(n, x, {320, 1280})), 1280, 1000);
}

/// 1x1, 3x3, 1x1.
std::string bottleneck(Network &n, const std::string &x, int64_t ins, int64_t inner,
                       int64_t stride) {
  const std::string in = relu(n, conv(n, x, {ins, inner}));
  const std::string deep = relu(n, conv(n, in, {inner, inner, 3, stride}));
  const std::string out = conv(n, deep, {inner, 4 * inner});
  const std::string around = ins == 4 * inner ? x : conv(n, x, {ins, 4 * inner, 1, stride});
  return relu(n, n.op("Add", {out, around}));
}

void residualPart(Network &n) {
  const std::string stem = relu(n, conv(n, n.begin({1, 3, 224, 224}), {3, 64, 7, 2}));
  std::string x = n.op("MaxPool", {stem},
                       {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"pads", {1, 1, 1, 1}}});
  for (auto [ins, inner, stride] : {std::array<int64_t, 3>{64, 64, 1},
                                    {256, 64, 1},
                                    {256, 128, 2},
                                    {512, 128, 1},
                                    {512, 256, 2},
                                    {1024, 256, 1},
                                    {1024, 512, 2},
                                    {2048, 512, 1}})
    x = bottleneck(n, x, ins, inner, stride);
  classify(n, x, 2048, 1000);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

struct Tokens {
  int64_t count, width, heads;
};

std::string project(Network &n, const std::string &x, int64_t ins, int64_t outs) {
  return n.op("Add", {n.op("MatMul", {x, n.floats({ins, outs}, ins)}), n.floats({outs}, 12)});
}

std::string normalise(Network &n, const std::string &x, int64_t width) {
  return n.op("LayerNormalization", {x, n.floats({width}, 3), n.floats({width}, 12)});
}

std::string headsOf(Network &n, const std::string &x, const Tokens &t, const Dims &order) {
  const std::string apart = n.op("Reshape", {project(n, x, t.width, t.width),
                                             n.shape({1, t.count, t.heads, t.width / t.heads})});
  return n.op("Transpose", {apart}, {{"perm", order}});
}

std::string attention(Network &n, const std::string &x, const Tokens &t) {
  const std::string queries = headsOf(n, x, t, {0, 2, 1, 3}), keys = headsOf(n, x, t, {0, 2, 3, 1}),
                    values = headsOf(n, x, t, {0, 2, 1, 3});
  const std::string scores = n.op("Mul", {n.op("MatMul", {queries, keys}), n.number(0.1F)});
  const std::string mixed = n.op("MatMul", {n.op("Softmax", {scores}, {}, {{"axis", -1}}), values});
  const std::string joined = n.op("Reshape", {n.op("Transpose", {mixed}, {{"perm", {0, 2, 1, 3}}}),
                                              n.shape({1, t.count, t.width})});
  return project(n, joined, t.width, t.width);
}

std::string gelu(Network &n, const std::string &x) {
  const std::string erf = n.op("Erf", {n.op("Mul", {x, n.number(0.70710678F)})});
  return n.op("Mul", {n.op("Mul", {x, n.op("Add", {erf, n.number(1)})}), n.number(0.5F)});
}

void attentionPart(Network &n, const Tokens &t) {
  const std::string x = n.begin({1, t.count, t.width});
  const std::string mixed = n.op("Add", {attention(n, normalise(n, x, t.width), t), x});
  const std::string wide = gelu(n, project(n, normalise(n, mixed, t.width), t.width, 4 * t.width));
  const std::string out = n.op("Add", {project(n, wide, 4 * t.width, t.width), mixed});
  n.endPart(n.op("ReduceMean", {normalise(n, out, t.width)}, {{"axes", {1}}}, {{"keepdims", 0}}));
}

//===----------------------------------------------------------------------===//
// Eight bits
//===----------------------------------------------------------------------===//

/// As the readers of a quantised tensor see it.
std::string quantised(Network &n, const std::string &x) {
  const std::string unit = n.number(0.05F), zero = n.zero();
  return n.op("DequantizeLinear", {n.op("QuantizeLinear", {x, unit, zero}), unit, zero});
}

std::string quantisedWeights(Network &n, Dims dims, int64_t fan) {
  const std::string unit = n.number(1.0F / (64.0F * std::sqrt(static_cast<float>(fan))));
  return n.op("DequantizeLinear", {n.bytes(std::move(dims)), unit, n.zero()});
}

std::string quantisedConv(Network &n, const std::string &x, Conv c, bool clips) {
  const int64_t fan = c.ins / c.groups * c.kernel * c.kernel, pad = c.kernel / 2;
  const std::string y =
      n.op("Conv", {x, quantisedWeights(n, {c.outs, c.ins / c.groups, c.kernel, c.kernel}, fan)},
           {{"kernel_shape", {c.kernel, c.kernel}},
            {"strides", {c.stride, c.stride}},
            {"pads", {pad, pad, pad, pad}}},
           {{"group", c.groups}});
  return quantised(n, clips ? relu6(n, y) : y);
}

std::string quantisedBlock(Network &n, const std::string &x, const Mobile &b) {
  const int64_t wide = b.ins * b.expansion;
  const std::string in = b.expansion == 1 ? x : quantisedConv(n, x, {b.ins, wide}, true);
  const std::string deep = quantisedConv(n, in, {wide, wide, 3, b.stride, wide}, true);
  const std::string out = quantisedConv(n, deep, {wide, b.outs}, false);
  return b.stride == 1 && b.ins == b.outs ? quantised(n, n.op("Add", {out, x})) : out;
}

void quantisedPart(Network &n) {
  std::string x = quantisedConv(n, quantised(n, n.begin({1, 3, 224, 224})), {3, 32, 3, 2}, true);
  for (const Mobile &block : mobileBlocks)
    x = quantisedBlock(n, x, block);
  x = quantisedConv(n, x, {320, 1280}, true);
  const std::string mean = quantised(n, n.op("GlobalAveragePool", {x}));
  const std::string rows = n.op("Flatten", {mean});
  n.endPart(quantised(
      n, n.op("Gemm", {rows, quantisedWeights(n, {1000, 1280}, 1280)}, {}, {{"transB", 1}})));
}

} // namespace

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

Model sampleModel(SampleSet which, int64_t evictBytes) {
  constexpr int64_t inputs = 1024, floatBytes = 4;
  Network n;
  if (which == SampleSet::Large)
    residualPart(n);
  else
    plainPart(n);
  if (which == SampleSet::Small) {
    mobilePart(n);
    for (const Tokens &tokens : {Tokens{26, 48, 3}, {65, 192, 3}, {197, 384, 6}})
      attentionPart(n, tokens);
    quantisedPart(n);
  }
  if (evictBytes > 0)
    n.endPart(linear(n, n.begin({1, inputs}), inputs, evictBytes / floatBytes / inputs));
  return n.finish();
}

} // namespace discoc
