//===- Layer.cpp - a contraction as a product of matrices ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Layer.h"

#include <algorithm>
#include <cstring>

using discoc::importer::Attribute;
using discoc::importer::ElemType;
using discoc::importer::Graph;
using discoc::importer::Op;
using discoc::importer::Tensor;

namespace discoc::mask {

//===----------------------------------------------------------------------===//
// What an op is
//===----------------------------------------------------------------------===//

static const Tensor *findTensor(const Graph &graph, const std::string &name) {
  for (const Tensor &tensor : graph.initializers)
    if (tensor.name == name)
      return &tensor;
  for (const Op &op : graph.ops)
    if (op.type == "Constant" && op.domain.empty() && op.outputs[0] == name)
      if (const Attribute *value = op.findAttribute("value"); value && value->tensors.size() == 1)
        return &value->tensors[0];
  return nullptr;
}

static int64_t integer(const Op &op, const char *name, int64_t otherwise) {
  const Attribute *attribute = op.findAttribute(name);
  return attribute ? attribute->i : otherwise;
}

static double number(const Op &op, const char *name) {
  const Attribute *attribute = op.findAttribute(name);
  return attribute ? attribute->f : 1;
}

static std::vector<int64_t> integers(const Op &op, const char *name, size_t count,
                                     int64_t otherwise) {
  const Attribute *attribute = op.findAttribute(name);
  std::vector<int64_t> values = attribute ? attribute->ints : std::vector<int64_t>();
  values.resize(count, otherwise);
  return values;
}

static bool refuse(std::string &why, const char *what) {
  why = what;
  return false;
}

static bool makeConvolution(const Op &op, const std::vector<int64_t> &dims, Layer &layer,
                            std::string &why) {
  const bool transposed = op.type == "ConvTranspose";
  if (dims.size() < 3)
    return refuse(why, "its weights have too few axes");
  layer.kind = transposed ? Layer::Kind::Transposed : Layer::Kind::Conv;
  layer.groups = std::max<int64_t>(1, integer(op, "group", 1));
  layer.columnsFirst = transposed;
  layer.rows = transposed ? dims[1] * layer.groups : dims[0];
  layer.columns = transposed ? dims[0] : dims[1] * layer.groups;
  layer.kernel.assign(dims.begin() + 2, dims.end());
  for (int64_t extent : layer.kernel)
    layer.taps *= extent;
  const size_t axes = layer.kernel.size();
  layer.strides = integers(op, "strides", axes, 1);
  layer.dilations = integers(op, "dilations", axes, 1);
  layer.pads = integers(op, "pads", 2 * axes, 0);
  layer.pads.resize(axes);
  const Attribute *automatic = op.findAttribute("auto_pad");
  layer.automatic = automatic && automatic->s.rfind("SAME", 0) == 0;
  layer.automaticUpper = layer.automatic && automatic->s == "SAME_UPPER";
  if (automatic && automatic->s == "VALID")
    layer.pads.assign(axes, 0);
  if (transposed && (layer.automatic || op.findAttribute("output_shape")))
    return refuse(why, "its pads follow from its output's shape");
  return true;
}

static bool makeMatrix(const Op &op, const std::vector<int64_t> &dims, Layer &layer,
                       std::string &why) {
  if (dims.size() != 2)
    return refuse(why, "its weights are no matrix");
  layer.columnsFirst = integer(op, "transB", 0) == 0;
  layer.rows = dims[layer.columnsFirst ? 1 : 0];
  layer.columns = dims[layer.columnsFirst ? 0 : 1];
  if (op.type != "Gemm")
    return true;
  layer.scale = number(op, "alpha");
  if (integer(op, "transA", 0) != 0 || layer.scale == 0)
    return refuse(why, "its input is transposed, or counts for nothing");
  if (op.inputs.size() > 2 && !op.inputs[2].empty() && number(op, "beta") != 1)
    return refuse(why, "its bias is scaled");
  return true;
}

static bool takeBias(const Graph &graph, const Op &op, Layer &layer, std::string &why) {
  if (op.type == "MatMul" || op.inputs.size() < 3 || op.inputs[2].empty())
    return true;
  layer.bias = op.inputs[2];
  const Tensor *bias = findTensor(graph, layer.bias);
  return (bias && bias->type == ElemType::F32 && bias->elementCount() == layer.rows) ||
         refuse(why, "its bias is not one float32 constant a channel");
}

bool makeLayer(const Graph &graph, size_t at, Layer &layer, std::string &why) {
  why.clear();
  const Op &op = graph.ops[at];
  const bool convolution = op.type == "Conv" || op.type == "ConvTranspose";
  if (!op.domain.empty() || !(convolution || op.type == "Gemm" || op.type == "MatMul"))
    return false;
  layer = {};
  layer.op = at;
  layer.name = op.name;
  layer.type = op.type;
  layer.input = op.inputs[0];
  layer.weights = op.inputs[1];
  layer.output = op.outputs[0];
  const Tensor *weights = findTensor(graph, layer.weights);
  if (!weights)
    return refuse(why, "its weights are no constant of the file");
  if (weights->type != ElemType::F32)
    return refuse(why, "its weights are not float32");
  return (convolution ? makeConvolution : makeMatrix)(op, weights->dims, layer, why) &&
         takeBias(graph, op, layer, why);
}

bool canHaveBias(const Layer &layer) { return layer.type != "MatMul"; }

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Calls `visit` with row, column of the matrix, and the place in the tensor.
template <typename Visit> static void visitWeights(const Layer &layer, Visit visit) {
  const int64_t columns = layer.columnsInGroup(), rows = layer.rowsInGroup(), taps = layer.taps;
  for (int64_t row = 0; row < layer.rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t first = row / rows * columns + column; // of [columns, rows in a group]
      const int64_t block = layer.columnsFirst ? first * rows + row % rows : row * columns + column;
      for (int64_t tap = 0; tap < taps; ++tap)
        visit(row, column * taps + tap, block * taps + tap);
    }
}

static std::vector<float> floatsOf(const Tensor &tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
  return values;
}

Matrix readWeights(const Graph &graph, const Layer &layer) {
  Matrix weights = Matrix::Zero(layer.rows, layer.width() + 1);
  const std::vector<float> values = floatsOf(*findTensor(graph, layer.weights));
  visitWeights(layer, [&](int64_t row, int64_t column, int64_t at) {
    weights(row, column) = layer.scale * values[static_cast<size_t>(at)];
  });
  if (layer.bias.empty())
    return weights;
  const std::vector<float> bias = floatsOf(*findTensor(graph, layer.bias));
  for (int64_t row = 0; row < layer.rows; ++row)
    weights(row, layer.width()) = bias[static_cast<size_t>(row)];
  return weights;
}

static bool isTaken(const Graph &graph, const std::string &name) {
  if (findTensor(graph, name))
    return true;
  for (const Op &op : graph.ops)
    if (std::count(op.outputs.begin(), op.outputs.end(), name) > 0)
      return true;
  return std::any_of(graph.inputs.begin(), graph.inputs.end(),
                     [&](const importer::ValueInfo &input) { return input.name == name; });
}

/// Gives input `k` of the op a tensor of its own with these values.
static void replaceInput(Graph &graph, const Layer &layer, size_t k, const std::string &base,
                         std::vector<int64_t> dims, const std::vector<float> &values) {
  Tensor tensor;
  tensor.name = base;
  for (int i = 2; isTaken(graph, tensor.name); ++i)
    tensor.name = base + "#" + std::to_string(i);
  tensor.type = ElemType::F32;
  tensor.dims = std::move(dims);
  auto bytes = std::make_shared<std::vector<std::byte>>(values.size() * sizeof(float));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  tensor.bytes = *bytes;
  tensor.owner = std::move(bytes);
  Op &op = graph.ops[layer.op];
  const std::string before = op.inputs.size() > k ? op.inputs[k] : "";
  if (op.inputs.size() <= k)
    op.inputs.resize(k + 1);
  op.inputs[k] = tensor.name;
  graph.initializers.push_back(std::move(tensor));
  const bool read = std::any_of(graph.ops.begin(), graph.ops.end(), [&](const Op &other) {
    return std::count(other.inputs.begin(), other.inputs.end(), before) > 0;
  });
  if (!read)
    std::erase_if(graph.initializers, [&](const Tensor &old) { return old.name == before; });
}

void writeWeights(Graph &graph, const Layer &layer, const Matrix &weights) {
  const Tensor &old = *findTensor(graph, graph.ops[layer.op].inputs[1]);
  std::vector<float> values(static_cast<size_t>(old.elementCount()));
  visitWeights(layer, [&](int64_t row, int64_t column, int64_t at) {
    values[static_cast<size_t>(at)] = static_cast<float>(weights(row, column) / layer.scale);
  });
  const std::vector<int64_t> dims = old.dims;
  replaceInput(graph, layer, 1, layer.weights + ".masked", dims, values);
  if (!canHaveBias(layer) || (layer.bias.empty() && weights.col(layer.width()).isZero(0)))
    return;
  std::vector<float> bias(static_cast<size_t>(layer.rows));
  for (int64_t row = 0; row < layer.rows; ++row)
    bias[static_cast<size_t>(row)] = static_cast<float>(weights(row, layer.width()));
  replaceInput(graph, layer, 2, (layer.bias.empty() ? layer.name : layer.bias) + ".adjusted",
               {layer.rows}, bias);
}

} // namespace discoc::mask
