//===- MaskedModel.cpp - writes a model with forbidden weights zeroed -----===//
// SPDX-License-Identifier: Apache-2.0
//
// Weights that are plain tensors lose the values themselves. Others (computed,
// stored as repeated fields, or in files of external data) are multiplied with
// ones and zeros on their way to the op, which needs to know nothing of how
// they come about.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/MaskedModel.h"
#include "compiler/import/OnnxProto.h"

#include <climits>
#include <filesystem>
#include <fstream>
#include <set>
#include <unordered_map>
#include <unordered_set>

using namespace discoc::importer;
namespace fs = std::filesystem;

namespace {

//===----------------------------------------------------------------------===//
// The writer
//===----------------------------------------------------------------------===//

class Writer {
public:
  Writer(const Model &model, Diagnostics &errors) : model(model), errors(errors) {}

  bool run(const std::vector<ForbiddenWeights> &forbidden, const std::string &target) {
    if (!parse() || !inlineFunctions())
      return false;
    clean();
    noteNames(proto.graph());
    for (const ForbiddenWeights &weights : forbidden)
      if (!apply(weights))
        return false;
    return copyExternalData(target) && write(target);
  }

private:
  bool error(const std::string &message, const std::string &advice = "") {
    errors.push_back({message, advice, model.path, "", "", 0});
    return false;
  }

  bool parse();
  bool inlineFunctions();
  void addSetInputs();
  void clean();
  void noteNames(const onnx::GraphProto &graph);
  bool apply(const ForbiddenWeights &weights);
  bool zero(const ForbiddenWeights &weights, onnx::NodeProto &node);
  bool multiply(const ForbiddenWeights &weights, int at);
  onnx::TensorProto &constantFor(const ForbiddenWeights &weights, const std::string &what,
                                 ElemType type);
  std::string freshName(const std::string &wanted);
  bool copyExternalData(const std::string &target);
  bool write(const std::string &target);

  const Model &model;
  Diagnostics &errors;
  onnx::ModelProto proto;
  std::unordered_set<std::string> names;
  std::unordered_map<std::string, int> uses;
};

bool Writer::parse() {
  const std::span<const std::byte> bytes = model.files.front();
  if (bytes.size() > INT_MAX)
    return error("the model is over 2 GiB, more than protobuf reads", "save it with external data");
  return proto.ParseFromArray(bytes.data(), int(bytes.size())) ||
         error("the file is no ONNX model: protobuf cannot parse it");
}

/// Masks name ops as they are after inlining.
bool Writer::inlineFunctions() {
  if (model.inlinedFunctions.empty())
    return true;
  proto.clear_functions();
  proto.mutable_graph()->clear_node();
  for (const Op &op : model.graph.ops) {
    if (op.domain.empty() && op.opset != model.defaultOpset())
      return error("its functions use several versions of ONNX's operators, "
                   "which one graph cannot");
    if (!toProto(op, *proto.mutable_graph()->add_node()))
      return error("op '" + op.name + "' has an attribute that is not read");
  }
  return true;
}

/// ONNX Runtime has to be given what `--set` fixed, and has it from the file.
void Writer::addSetInputs() {
  for (const std::string &name : model.setInputs)
    for (const Tensor &tensor : model.graph.initializers) {
      if (tensor.name != name)
        continue;
      onnx::TensorProto &copy = *proto.mutable_graph()->add_initializer();
      copy.set_name(name);
      copy.set_data_type(static_cast<int32_t>(tensor.type));
      for (int64_t dim : tensor.dims)
        copy.add_dims(dim);
      copy.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
    }
}

void Writer::clean() {
  onnx::GraphProto &graph = *proto.mutable_graph();
  std::set<std::string> initializers;
  addSetInputs();
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  auto &inputs = *graph.mutable_input();
  for (int i = inputs.size(); i-- > 0;)
    if (initializers.count(inputs[i].name()))
      inputs.DeleteSubrange(i, 1);
  auto &metadata = *proto.mutable_metadata_props();
  for (int i = metadata.size(); i-- > 0;)
    if (metadata[i].key() == "discoc.masks" || metadata[i].key() == "discoc.owners")
      metadata.DeleteSubrange(i, 1);
}

void Writer::noteNames(const onnx::GraphProto &graph) {
  for (const auto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (const auto &input : graph.input())
    names.insert(input.name());
  for (const auto &node : graph.node()) {
    for (const auto &input : node.input())
      ++uses[input];
    for (const auto &output : node.output())
      names.insert(output);
    for (const auto &attribute : node.attribute())
      if (attribute.has_g())
        noteNames(attribute.g());
  }
  for (const auto &output : graph.output())
    ++uses[output.name()];
}

std::string Writer::freshName(const std::string &wanted) {
  std::string name = wanted;
  for (int i = 2; !names.insert(name).second; ++i)
    name = wanted + "#" + std::to_string(i);
  return name;
}

bool Writer::apply(const ForbiddenWeights &weights) {
  onnx::GraphProto &graph = *proto.mutable_graph();
  for (int i = 0; i < graph.node_size(); ++i) {
    onnx::NodeProto &node = *graph.mutable_node(i);
    if (node.output_size() == 0 || node.output(0) != weights.op->outputs[0])
      continue;
    const auto at = static_cast<int>(weights.input);
    if (node.input_size() <= at || node.input(at) != weights.weights)
      break;
    return zero(weights, node) || multiply(weights, i);
  }
  return error("op '" + weights.op->name + "' is not found again");
}

/// For plain weights; false when these are none.
bool Writer::zero(const ForbiddenWeights &weights, onnx::NodeProto &node) {
  onnx::GraphProto &graph = *proto.mutable_graph();
  onnx::TensorProto *tensor = nullptr;
  for (auto &initializer : *graph.mutable_initializer())
    if (initializer.name() == weights.weights)
      tensor = &initializer;
  const size_t blocks = weights.forbidden.size();
  if (!tensor || !tensor->has_raw_data() || blocks == 0 ||
      tensor->data_location() == onnx::TensorProto::EXTERNAL)
    return false;
  if (uses[weights.weights] > 1) { // others read the same values whole
    --uses[weights.weights];
    onnx::TensorProto &own = *graph.add_initializer();
    own.CopyFrom(*tensor);
    own.set_name(freshName(weights.weights + ".masked"));
    node.set_input(static_cast<int>(weights.input), own.name());
    tensor = &own;
  }
  std::string &bytes = *tensor->mutable_raw_data();
  const size_t block = bytes.size() / blocks;
  for (size_t i = 0; i < blocks; ++i)
    if (weights.forbidden[i])
      bytes.replace(i * block, block, block, weights.fill.empty() ? '\0' : weights.fill[i]);
  return true;
}

/// The bytes of 1 in an element type; empty where there is none.
std::string oneOf(ElemType type) {
  auto bytes = [](auto value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof(value));
  };
  switch (type) {
  case ElemType::F32: return bytes(1.0f);
  case ElemType::F64: return bytes(1.0);
  case ElemType::F16: return bytes(uint16_t(0x3c00));
  case ElemType::BF16: return bytes(uint16_t(0x3f80));
  case ElemType::I32: return bytes(int32_t(1));
  case ElemType::I64: return bytes(int64_t(1));
  default: return "";
  }
}

/// An empty constant with an entry for each of the first two axes of the weights.
onnx::TensorProto &Writer::constantFor(const ForbiddenWeights &weights, const std::string &what,
                                       ElemType type) {
  onnx::TensorProto &made = *proto.mutable_graph()->add_initializer();
  made.set_name(freshName(weights.weights + what));
  made.set_data_type(int32_t(type));
  for (size_t i = 0; i < weights.dims.size(); ++i)
    made.add_dims(i < 2 ? weights.dims[i] : 1);
  return made;
}

/// Weights of one byte are chosen, since they cannot be multiplied.
bool Writer::multiply(const ForbiddenWeights &weights, int at) {
  onnx::GraphProto &graph = *proto.mutable_graph();
  const bool isByte = weights.type == ElemType::I8 || weights.type == ElemType::U8;
  const std::string one = isByte ? std::string(1, '\1') : oneOf(weights.type);
  if (one.empty())
    return error("op '" + weights.op->name + "': its weights have the type " +
                 elemTypeName(weights.type) + ", which cannot be masked");
  onnx::TensorProto &keep = constantFor(weights, ".keep", isByte ? ElemType::Bool : weights.type);
  std::string &bytes = *keep.mutable_raw_data();
  for (char forbidden : weights.forbidden)
    bytes += forbidden ? std::string(one.size(), '\0') : one;

  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type(isByte ? "Where" : "Mul");
  node.set_name(freshName(weights.op->name + "/mask"));
  if (isByte)
    node.add_input(keep.name());
  node.add_input(weights.weights);
  if (isByte) {
    onnx::TensorProto &fill = constantFor(weights, ".fill", weights.type);
    *fill.mutable_raw_data() =
        weights.fill.empty() ? std::string(weights.forbidden.size(), '\0') : weights.fill;
    node.add_input(fill.name());
  } else {
    node.add_input(keep.name());
  }
  node.add_output(freshName(weights.weights + ".masked"));
  graph.mutable_node(at)->set_input(static_cast<int>(weights.input), node.output(0));
  // In front of its reader: ops stay sorted.
  for (int i = graph.node_size() - 1; i > at; --i)
    graph.mutable_node()->SwapElements(i, i - 1);
  return true;
}

bool Writer::copyExternalData(const std::string &target) {
  std::set<std::string> locations;
  auto note = [&](const onnx::TensorProto &tensor) {
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
      for (const auto &entry : tensor.external_data())
        if (entry.key() == "location")
          locations.insert(entry.value());
  };
  for (const auto &tensor : proto.graph().initializer())
    note(tensor);
  for (const auto &node : proto.graph().node())
    for (const auto &attribute : node.attribute())
      if (attribute.has_t())
        note(attribute.t());
  // What was read is written: a file that was exchanged since, or one outside, is not looked at.
  for (const std::string &location : locations) {
    auto known = model.externalFiles.find(location);
    if (known == model.externalFiles.end())
      continue; // of a tensor that nothing reads
    const fs::path copy = fs::path(target).parent_path() / location;
    std::error_code failed;
    fs::create_directories(copy.parent_path(), failed);
    std::ofstream file(copy, std::ios::binary);
    file.write(reinterpret_cast<const char *>(known->second.data()),
               static_cast<std::streamsize>(known->second.size()));
    if (!file.flush())
      return error("external data '" + location + "' cannot be copied to '" + copy.string() + "'");
  }
  return true;
}

bool Writer::write(const std::string &target) {
  std::ofstream file(target, std::ios::binary);
  return (proto.SerializeToOstream(&file) && file.flush()) ||
         error("'" + target + "' cannot be written");
}

} // namespace

bool discoc::importer::writeMaskedModel(const Model &model,
                                        const std::vector<ForbiddenWeights> &forbidden,
                                        const std::string &target, Diagnostics &errors) {
  try {
    return Writer(model, errors).run(forbidden, target);
  } catch (const std::exception &exception) {
    errors.push_back(
        {std::string("copying the model failed: ") + exception.what(), "", model.path, "", "", 0});
    return false;
  }
}
