//===- LayerTest.cpp - contractions as products of matrices ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Layer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

using namespace discoc;
using namespace discoc::mask;
using importer::Attribute;
using importer::Graph;
using importer::Op;
using importer::Tensor;

namespace {
Tensor tensorOf(const char *name, std::vector<int64_t> dims) {
  Tensor tensor;
  tensor.name = name;
  tensor.type = ElementType::F32;
  tensor.dims = std::move(dims);
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(tensor.elementCount()) *
                                                        sizeof(float));
  for (size_t i = 0; i < bytes->size() / sizeof(float); ++i) {
    const float value = static_cast<float>((i * 7 + 3) % 11) - 5;
    std::memcpy(bytes->data() + i * sizeof(float), &value, sizeof(float));
  }
  tensor.bytes = *bytes;
  tensor.owner = std::move(bytes);
  return tensor;
}

float at(const Tensor &tensor, int64_t i) {
  float value;
  std::memcpy(&value, tensor.bytes.data() + static_cast<size_t>(i) * sizeof(float), sizeof(float));
  return value;
}

Attribute ints(const char *name, std::vector<int64_t> values) {
  Attribute attribute;
  attribute.name = name;
  attribute.kind = Attribute::Kind::Ints;
  attribute.ints = std::move(values);
  return attribute;
}

Attribute integer(const char *name, int64_t value) {
  Attribute attribute;
  attribute.name = name;
  attribute.kind = Attribute::Kind::Int;
  attribute.i = value;
  return attribute;
}

Graph graphOf(const char *type, Tensor weights, std::vector<Attribute> attributes,
              std::vector<Tensor> bias = {}) {
  Graph graph;
  Op op;
  op.name = "layer";
  op.type = type;
  op.inputs = {"x", weights.name};
  op.outputs = {"y"};
  op.attributes = std::move(attributes);
  graph.initializers.push_back(std::move(weights));
  for (Tensor &tensor : bias) {
    op.inputs.push_back(tensor.name);
    graph.initializers.push_back(std::move(tensor));
  }
  graph.ops.push_back(std::move(op));
  return graph;
}

Layer layerOf(const Graph &graph, std::vector<int64_t> input, std::vector<int64_t> output) {
  Layer layer;
  std::string why;
  EXPECT_TRUE(makeLayer(graph, 0, layer, why)) << why;
  layer.inputShape = std::move(input);
  layer.outputShape = std::move(output);
  return layer;
}

/// The layer's outputs as its matrices give them, [position][row].
Samples outputsOf(const Graph &graph, const Layer &layer, const std::vector<float> &input) {
  std::vector<int64_t> positions(static_cast<size_t>(layer.positions()));
  std::iota(positions.begin(), positions.end(), 0);
  Samples outputs(layer.rows, layer.positions());
  const Matrix weights = readWeights(graph, layer);
  for (int64_t group = 0; group < layer.groups; ++group) {
    Samples patches(layer.width() + 1, layer.positions());
    gatherPatches(layer, group, input.data(), positions, patches);
    const int64_t rows = layer.rowsInGroup();
    outputs.middleRows(group * rows, rows) =
        weights.middleRows(group * rows, rows).cast<float>() * patches;
  }
  return outputs;
}

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((i * 5 + 1) % 7) - 3;
  return values;
}
} // namespace

TEST(Layer, ConvolutionsWithPadsStridesDilationsAndGroups) {
  // 4 channels of 5 x 6 in 2 groups, 6 rows, taps 3 x 2.
  const Graph graph = graphOf("Conv", tensorOf("w", {6, 2, 3, 2}),
                              {integer("group", 2), ints("strides", {2, 1}),
                               ints("dilations", {1, 2}), ints("pads", {1, 2, 1, 0})},
                              {tensorOf("b", {6})});
  const Layer layer = layerOf(graph, {1, 4, 5, 6}, {1, 6, 3, 6});
  const std::vector<float> input = numbers(4 * 5 * 6);
  const Samples got = outputsOf(graph, layer, input);
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t y = 0; y < 3; ++y)
      for (int64_t x = 0; x < 6; ++x) {
        float sum = at(graph.initializers[1], row);
        for (int64_t c = 0; c < 2; ++c)
          for (int64_t ky = 0; ky < 3; ++ky)
            for (int64_t kx = 0; kx < 2; ++kx) {
              const int64_t iy = y * 2 + ky - 1, ix = x + kx * 2 - 2;
              if (iy >= 0 && iy < 5 && ix >= 0 && ix < 6)
                sum += at(graph.initializers[0], ((row * 2 + c) * 3 + ky) * 2 + kx) *
                       input[static_cast<size_t>(((row / 3 * 2 + c) * 5 + iy) * 6 + ix)];
            }
        EXPECT_EQ(got(row, y * 6 + x), sum) << row << " " << y << " " << x;
      }
}

TEST(Layer, TransposedConvolutions) {
  // 4 channels of 3 in 2 groups, 3 rows a group, 3 taps, stride 2: 6 places with pads 1 and 0.
  const Graph graph = graphOf("ConvTranspose", tensorOf("w", {4, 3, 3}),
                              {integer("group", 2), ints("strides", {2}), ints("pads", {1, 0})});
  const Layer layer = layerOf(graph, {1, 4, 3}, {1, 6, 6});
  const std::vector<float> input = numbers(12);
  std::vector<float> wanted(6 * 6, 0);
  for (int64_t c = 0; c < 4; ++c)
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t tap = 0; tap < 3; ++tap)
          if (const int64_t o = i * 2 + tap - 1; o >= 0 && o < 6)
            wanted[static_cast<size_t>((c / 2 * 3 + row) * 6 + o)] +=
                input[static_cast<size_t>(c * 3 + i)] *
                at(graph.initializers[0], (c * 3 + row) * 3 + tap);
  const Samples got = outputsOf(graph, layer, input);
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t o = 0; o < 6; ++o)
      EXPECT_EQ(got(row, o), wanted[static_cast<size_t>(row * 6 + o)]) << row << " " << o;
}

TEST(Layer, MatricesEitherWay) {
  for (int64_t transposed : {0, 1}) {
    const Graph graph = graphOf(
        "Gemm", tensorOf("w", transposed ? std::vector<int64_t>{3, 4} : std::vector<int64_t>{4, 3}),
        {integer("transB", transposed)}, {tensorOf("b", {3})});
    const Layer layer = layerOf(graph, {2, 4}, {2, 3});
    const std::vector<float> input = numbers(8);
    const Samples got = outputsOf(graph, layer, input);
    for (int64_t position = 0; position < 2; ++position)
      for (int64_t row = 0; row < 3; ++row) {
        float sum = at(graph.initializers[1], row);
        for (int64_t c = 0; c < 4; ++c)
          sum += input[static_cast<size_t>(position * 4 + c)] *
                 at(graph.initializers[0], transposed ? row * 4 + c : c * 3 + row);
        EXPECT_EQ(got(row, position), sum);
      }
  }
}

TEST(Layer, WhatIsWrittenIsRead) {
  Graph graph = graphOf("ConvTranspose", tensorOf("w", {4, 3, 3}), {integer("group", 2)});
  graph.ops.push_back(graph.ops[0]); // another reader of the weights
  graph.ops[1].outputs = {"z"};
  const Layer layer = layerOf(graph, {1, 4, 3}, {1, 6, 5});
  Matrix weights = readWeights(graph, layer);
  weights *= 2;
  weights.col(layer.width()).setConstant(0.5);
  writeWeights(graph, layer, weights);
  Layer again, other;
  std::string why;
  ASSERT_TRUE(makeLayer(graph, 0, again, why) && makeLayer(graph, 1, other, why));
  EXPECT_EQ(readWeights(graph, again), weights);
  EXPECT_EQ(2 * readWeights(graph, other).leftCols(6), weights.leftCols(6));
  EXPECT_TRUE(other.bias.empty());
}
