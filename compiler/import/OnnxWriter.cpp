//===- OnnxWriter.cpp - writing .onnx files -------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxWriter.h"
#include "compiler/import/OnnxProto.h"

#include <climits>
#include <cstdio>
#include <fstream>

namespace discoc::importer {

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

namespace {

void toProto(const Tensor &tensor, onnx::TensorProto &proto) {
  proto.set_name(tensor.name);
  proto.set_data_type(int32_t(tensor.type));
  for (int64_t dim : tensor.dims)
    proto.add_dims(dim);
  proto.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
}

/// False for attributes that the reader keeps nothing of.
bool toProto(const Attribute &attribute, onnx::AttributeProto &proto) {
  using Kind = Attribute::Kind;
  proto.set_name(attribute.name);
  proto.set_type(onnx::AttributeProto::AttributeType(int(attribute.kind)));
  switch (attribute.kind) {
  case Kind::Float: proto.set_f(attribute.f); return true;
  case Kind::Int: proto.set_i(attribute.i); return true;
  case Kind::String: proto.set_s(attribute.s); return true;
  case Kind::Tensor: toProto(attribute.tensors.at(0), *proto.mutable_t()); return true;
  case Kind::Tensors:
    for (const Tensor &tensor : attribute.tensors)
      toProto(tensor, *proto.add_tensors());
    return true;
  case Kind::Floats:
    for (float value : attribute.floats)
      proto.add_floats(value);
    return true;
  case Kind::Ints:
    for (int64_t value : attribute.ints)
      proto.add_ints(value);
    return true;
  case Kind::Strings:
    for (const std::string &value : attribute.strings)
      proto.add_strings(value);
    return true;
  case Kind::Graph: return toProto(attribute.graphs.at(0), *proto.mutable_g());
  default: return false;
  }
}

void toProto(const ValueInfo &value, onnx::ValueInfoProto &proto) {
  proto.set_name(value.name);
  if (value.type == ElemType::Undefined)
    return;
  onnx::TypeProto::Tensor &type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(int32_t(value.type));
  if (!value.hasShape)
    return;
  onnx::TensorShapeProto &shape = *type.mutable_shape();
  for (const Dim &dim : value.dims) {
    onnx::TensorShapeProto::Dimension &made = *shape.add_dim();
    if (dim.isFixed())
      made.set_dim_value(dim.size);
    else if (!dim.symbol.empty())
      made.set_dim_param(dim.symbol);
  }
}

} // namespace

bool toProto(const Op &op, onnx::NodeProto &proto) {
  proto.set_name(op.name);
  proto.set_op_type(op.type);
  proto.set_domain(op.domain);
  for (const std::string &input : op.inputs)
    proto.add_input(input);
  for (const std::string &output : op.outputs)
    proto.add_output(output);
  for (const Attribute &attribute : op.attributes)
    if (!toProto(attribute, *proto.add_attribute()))
      return false;
  return true;
}

bool toProto(const Graph &graph, onnx::GraphProto &proto) {
  proto.set_name(graph.name.empty() ? "graph" : graph.name);
  for (const Tensor &tensor : graph.initializers)
    toProto(tensor, *proto.add_initializer());
  for (const ValueInfo &input : graph.inputs)
    toProto(input, *proto.add_input());
  for (const ValueInfo &output : graph.outputs)
    toProto(output, *proto.add_output());
  for (const Op &op : graph.ops)
    if (!toProto(op, *proto.add_node()))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

static bool fail(const Model &model, const std::string &message, const std::string &advice,
                 Diagnostics &errors) {
  errors.push_back({message, advice, model.path, "", "", 0});
  return false;
}

static bool fill(const Model &model, onnx::ModelProto &proto, Diagnostics &errors) {
  constexpr int64_t apart = 4; // the first version whose initialisers need not be inputs
  proto.set_ir_version(std::max(model.irVersion, apart));
  proto.set_producer_name("discoc");
  for (const auto &[domain, version] : model.opsets) {
    onnx::OperatorSetIdProto &set = *proto.add_opset_import();
    set.set_domain(domain);
    set.set_version(version);
  }
  for (const auto &[key, value] : model.metadata) {
    onnx::StringStringEntryProto &entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  for (const Op &op : model.graph.ops)
    if (op.domain.empty() && op.opset != model.defaultOpset())
      return fail(model,
                  "its functions use several versions of ONNX's operators, which one graph cannot",
                  "inline them, as onnx.inliner does, and convert it to one version", errors);
  return toProto(model.graph, *proto.mutable_graph()) ||
         fail(model,
              "an op has an attribute that discoc does not keep, so the model cannot be written "
              "again",
              "", errors);
}

static bool write(const Model &model, const std::string &path, Diagnostics &errors) {
  size_t bytes = 0;
  for (const Tensor &tensor : model.graph.initializers)
    bytes += tensor.bytes.size();
  if (bytes > INT_MAX)
    return fail(model, "the model is over 2 GiB, more than one ONNX file can have", "", errors);
  onnx::ModelProto proto;
  if (!fill(model, proto, errors))
    return false;
  std::ofstream file(path, std::ios::binary);
  if (proto.SerializeToOstream(&file) && file.flush())
    return true;
  file.close();
  std::remove(path.c_str());
  return fail(model, "'" + path + "' cannot be written", "", errors);
}

bool writeOnnx(const Model &model, const std::string &path, Diagnostics &errors) {
  try {
    return write(model, path, errors);
  } catch (const std::exception &exception) {
    return fail(model, std::string("writing the model failed: ") + exception.what(), "", errors);
  }
}

} // namespace discoc::importer
