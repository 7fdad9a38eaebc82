//===- ModelMutation.cpp - damage that the reader cannot see --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "ModelMutation.h"

#include <cstring>
#include <limits>

using namespace discoc::importer;

namespace {

size_t below(std::mt19937_64 &random, size_t limit) { return limit == 0 ? 0 : random() % limit; }

int64_t nastyInteger(std::mt19937_64 &random) {
  static constexpr int64_t list[] = {0,
                                     1,
                                     -1,
                                     2,
                                     3,
                                     -2,
                                     4,
                                     5,
                                     7,
                                     100,
                                     65536,
                                     -65536,
                                     int64_t(1) << 31,
                                     int64_t(1) << 33,
                                     int64_t(1) << 62,
                                     std::numeric_limits<int64_t>::max(),
                                     std::numeric_limits<int64_t>::min()};
  return list[below(random, std::size(list))];
}

float nastyFloat(std::mt19937_64 &random) {
  static constexpr float list[] = {0,
                                   1,
                                   -1,
                                   0.5f,
                                   1e-30f,
                                   1e30f,
                                   std::numeric_limits<float>::infinity(),
                                   std::numeric_limits<float>::quiet_NaN()};
  return list[below(random, std::size(list))];
}

void mutateInts(std::vector<int64_t> &list, std::mt19937_64 &random) {
  size_t way = below(random, 4);
  if (way == 0 || list.empty())
    list.push_back(nastyInteger(random));
  else if (way == 1)
    list.pop_back();
  else
    list[below(random, list.size())] = nastyInteger(random);
}

void mutateAttribute(Op &op, std::mt19937_64 &random) {
  static constexpr const char *texts[] = {"",        "SAME_UPPER",    "cubic",   "linear",
                                          "reflect", "align_corners", "nonsense"};
  if (op.attributes.empty())
    return;
  Attribute &attribute = op.attributes[below(random, op.attributes.size())];
  if (below(random, 8) == 0) {
    attribute.kind = static_cast<Attribute::Kind>(below(random, 9));
    if (attribute.kind == Attribute::Kind::Tensor && attribute.tensors.empty())
      attribute.kind = Attribute::Kind::Int;
  } else if (below(random, 8) == 0) {
    op.attributes.erase(op.attributes.begin() + (&attribute - op.attributes.data()));
  } else if (attribute.kind == Attribute::Kind::Ints) {
    mutateInts(attribute.ints, random);
  } else {
    attribute.i = nastyInteger(random);
    attribute.f = nastyFloat(random);
    attribute.s = texts[below(random, std::size(texts))];
  }
}

/// Any tensor that is defined before op `at`.
std::string earlierTensor(const Model &model, size_t at, std::mt19937_64 &random) {
  std::vector<std::string> names{""};
  for (const ValueInfo &input : model.graph.inputs)
    names.push_back(input.name);
  for (const Tensor &tensor : model.graph.initializers)
    names.push_back(tensor.name);
  for (size_t i = 0; i < at; ++i)
    for (const std::string &output : model.graph.ops[i].outputs)
      names.push_back(output);
  return names[below(random, names.size())];
}

void mutateOperands(Model &model, size_t at, std::mt19937_64 &random) {
  std::vector<std::string> &inputs = model.graph.ops[at].inputs;
  std::string other = earlierTensor(model, at, random);
  if (inputs.empty() || below(random, 4) == 0)
    inputs.push_back(other);
  else if (below(random, 4) == 0)
    inputs.pop_back();
  else
    inputs[below(random, inputs.size())] = other;
}

void mutateType(Model &model, Op &op, std::mt19937_64 &random) {
  static constexpr const char *types[] = {"Conv",
                                          "Gemm",
                                          "MatMul",
                                          "Add",
                                          "Mul",
                                          "Clip",
                                          "PRelu",
                                          "Where",
                                          "Cast",
                                          "Reshape",
                                          "Flatten",
                                          "Squeeze",
                                          "Unsqueeze",
                                          "Transpose",
                                          "DepthToSpace",
                                          "SpaceToDepth",
                                          "Concat",
                                          "Split",
                                          "Slice",
                                          "Gather",
                                          "Expand",
                                          "Tile",
                                          "Pad",
                                          "MaxPool",
                                          "AveragePool",
                                          "GlobalAveragePool",
                                          "ReduceMean",
                                          "ReduceSum",
                                          "ReduceLogSumExp",
                                          "Softmax",
                                          "BatchNormalization",
                                          "LayerNormalization",
                                          "InstanceNormalization",
                                          "GroupNormalization",
                                          "Resize",
                                          "Upsample",
                                          "Constant",
                                          "ConstantOfShape",
                                          "Shape",
                                          "Size",
                                          "Range",
                                          "EyeLike",
                                          "Dropout",
                                          "Pow",
                                          "Mod",
                                          "Equal",
                                          "Max",
                                          "Mean",
                                          "Gelu",
                                          "Celu",
                                          "CastLike",
                                          "ConvTranspose",
                                          "Trilu",
                                          "ScatterND",
                                          "LRN",
                                          "Shrink",
                                          "MeanVarianceNormalization"};
  if (below(random, 2) == 0) {
    op.type = types[below(random, std::size(types))];
  } else {
    const Op &other = model.graph.ops[below(random, model.graph.ops.size())];
    op.type = other.type;
    op.attributes = other.attributes;
  }
}

/// Another value or another shape of the same size.
void mutateConstant(Tensor &tensor, std::mt19937_64 &random) {
  if (below(random, 2) == 0 && tensor.dims.size() > 1) {
    tensor.dims = {tensor.elementCount()};
  } else if (tensor.type == ElemType::I64 && !tensor.bytes.empty()) {
    auto copy = std::make_shared<std::vector<std::byte>>(tensor.bytes.begin(), tensor.bytes.end());
    int64_t value = nastyInteger(random);
    std::memcpy(copy->data() + 8 * below(random, copy->size() / 8), &value, 8);
    tensor.bytes = *copy;
    tensor.owner = copy;
  } else if (tensor.dims.empty()) {
    tensor.dims = {1};
  }
}

void mutateInput(ValueInfo &input, std::mt19937_64 &random) {
  if (below(random, 3) == 0)
    input.type = static_cast<ElemType>(below(random, 24));
  else if (input.dims.empty() || below(random, 4) == 0)
    input.dims.push_back({static_cast<int64_t>(1 + below(random, 4)), ""});
  else if (below(random, 4) == 0)
    input.dims.pop_back();
  else
    input.dims[below(random, input.dims.size())].size = std::abs(nastyInteger(random) / 2);
}

} // namespace

void discoc::importer::mutateModel(Model &model, std::mt19937_64 &random) {
  Graph &graph = model.graph;
  size_t at = below(random, graph.ops.size());
  switch (below(random, 8)) {
  case 0: return mutateType(model, graph.ops[at], random);
  case 1:
  case 2: return mutateOperands(model, at, random);
  case 3: graph.ops[at].opset = static_cast<int64_t>(6 + below(random, 17)); return;
  case 4:
    if (!graph.initializers.empty())
      mutateConstant(graph.initializers[below(random, graph.initializers.size())], random);
    return;
  case 5:
    if (!graph.inputs.empty())
      mutateInput(graph.inputs[below(random, graph.inputs.size())], random);
    return;
  default: return mutateAttribute(graph.ops[at], random);
  }
}
