//===- OnnxReaderGraph.cpp - GraphProto to plain structures ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <set>

using namespace discoc::importer;

namespace {

constexpr const char *renameAdvice = "rename it in the model";

/// Old writers leave the type out; then the field that is there tells it.
Attribute::Kind attributeKind(const onnx::AttributeProto &proto) {
  if (proto.type() != onnx::AttributeProto::UNDEFINED)
    return static_cast<Attribute::Kind>(proto.type());
  if (proto.has_f())
    return Attribute::Kind::Float;
  if (proto.has_i())
    return Attribute::Kind::Int;
  if (proto.has_s())
    return Attribute::Kind::String;
  if (proto.has_t())
    return Attribute::Kind::Tensor;
  if (proto.has_g())
    return Attribute::Kind::Graph;
  if (proto.floats_size() != 0)
    return Attribute::Kind::Floats;
  if (proto.ints_size() != 0)
    return Attribute::Kind::Ints;
  if (proto.strings_size() != 0)
    return Attribute::Kind::Strings;
  return Attribute::Kind::Undefined;
}

bool readNames(ReadContext &context, const google::protobuf::RepeatedPtrField<std::string> &protos,
               const char *what, std::vector<std::string> &names) {
  for (const std::string &name : protos) {
    if (!isCleanName(name))
      return context.error(std::string("has an ") + what +
                               " whose name is not plain UTF-8 text: " + quote(name),
                           renameAdvice);
    names.push_back(name);
  }
  return true;
}

bool readDims(ReadContext &context, const onnx::TensorShapeProto &proto, const std::string &what,
              ValueInfo &info) {
  std::vector<int64_t> fixed;
  if (static_cast<size_t>(proto.dim_size()) > context.options.maxDims)
    return context.error(what + " has " + std::to_string(proto.dim_size()) +
                             " dimensions; a tensor may have " +
                             std::to_string(context.options.maxDims),
                         "reshape it before it is exported");
  for (const auto &dimProto : proto.dim()) {
    Dim dim;
    if (dimProto.has_dim_value()) {
      dim.size = dimProto.dim_value();
      if (dim.size < -1)
        return context.error(what + " has a negative dimension: " + std::to_string(dim.size),
                             "export the model again with a size or a name in its place");
      if (dim.size >= 0) // -1 is what some exporters write for a size that is open
        fixed.push_back(dim.size);
    } else if (dimProto.has_dim_param()) {
      dim.symbol = dimProto.dim_param();
      if (!isCleanName(dim.symbol))
        return context.error(what +
                                 " has a dimension whose name is not plain "
                                 "UTF-8 text: " +
                                 quote(dim.symbol),
                             renameAdvice);
    }
    info.dims.push_back(std::move(dim));
  }
  if (!dimsFit(fixed, info.type))
    return context.error(what + " has an impossible shape: " + dimsText(fixed) +
                         " has more bytes than 63 bits can count");
  return true;
}

/// \p required: graph inputs and outputs must be tensors; other declarations
/// are hints, and \p info keeps an empty name when they are of no use.
bool readValueInfo(ReadContext &context, const onnx::ValueInfoProto &proto, const char *role,
                   bool required, ValueInfo &info) {
  std::string what = std::string(role) + " " + quote(proto.name());
  const onnx::TypeProto &type = proto.type();
  if (!required && !type.has_tensor_type())
    return true;
  if (proto.name().empty())
    return context.error(std::string("a graph ") + role + " has no name");
  if (!isCleanName(proto.name()))
    return context.error(what + " has a name that is not plain UTF-8 text", renameAdvice);
  if (type.value_case() != onnx::TypeProto::VALUE_NOT_SET && !type.has_tensor_type())
    return context.error(what + " is no tensor",
                         "sequences, maps, optional and sparse values are not "
                         "supported: take them out of the model");
  info.type = static_cast<ElemType>(type.tensor_type().elem_type());
  // Outputs may be declared by name alone; inference finds their type.
  bool typeless = info.type == ElemType::Undefined && role[0] != 'i';
  if (!typeless && required &&
      (elemTypeBits(info.type) == 0 || info.type == ElemType::C64 || info.type == ElemType::C128))
    return context.error(what + " has the element type " + elemTypeName(info.type) +
                             ", which is not supported",
                         "use a numeric or boolean tensor");
  if (type.tensor_type().has_shape()) {
    info.hasShape = true;
    if (!readDims(context, type.tensor_type().shape(), what, info))
      return false;
  }
  info.name = proto.name();
  return true;
}

bool readInitializers(ReadContext &context, const onnx::GraphProto &proto, Graph &graph) {
  bool good = true;
  auto checkName = [&](const std::string &name, const std::string &what) {
    return (!name.empty() && isCleanName(name)) || context.error(what + " has no proper name");
  };
  for (const onnx::TensorProto &tensor : proto.initializer()) {
    std::string what = "initialiser " + quote(tensor.name());
    good &= checkName(tensor.name(), what) &&
            readTensor(context, tensor, what, graph.initializers.emplace_back());
  }
  for (const onnx::SparseTensorProto &sparse : proto.sparse_initializer()) {
    std::string what = "initialiser " + quote(sparse.values().name());
    good &= checkName(sparse.values().name(), what) &&
            readSparseTensor(context, sparse, what, graph.initializers.emplace_back());
  }
  return good;
}

bool readOps(ReadContext &context, const onnx::GraphProto &proto, const Opsets &opsets,
             bool inFunction, Graph &graph) {
  context.ops += static_cast<size_t>(proto.node_size());
  if (context.ops > context.options.maxOps)
    return context.error("the model has " + std::to_string(context.ops) +
                             " ops; discoc compiles up to " +
                             std::to_string(context.options.maxOps),
                         "divide the model, or fold constants and merge ops before: try onnxsim");
  graph.ops.reserve(static_cast<size_t>(proto.node_size()));
  bool good = true;
  for (const onnx::NodeProto &op : proto.node()) {
    good &= readOp(context, op, opsets, inFunction, graph.ops.emplace_back());
    context.opName.clear();
    context.opType.clear();
    context.opset = 0;
  }
  return good;
}

/// What a branch or a loop's body declares are hints; sequences may pass here.
bool readSubgraphValues(ReadContext &context,
                        const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> &protos,
                        const char *role, std::vector<ValueInfo> &infos) {
  for (const onnx::ValueInfoProto &proto : protos) {
    ValueInfo &info = infos.emplace_back();
    if (!readValueInfo(context, proto, role, false, info))
      return false;
    info.name = proto.name();
    if (info.name.empty() || !isCleanName(info.name))
      return context.error(std::string("an ") + role + " of its graph has no proper name",
                           renameAdvice);
  }
  return true;
}

/// The graph of an attribute, within the op that context speaks of.
bool readSubgraph(ReadContext &context, const onnx::GraphProto &proto, const Opsets &opsets,
                  bool inFunction, Graph &graph) {
  const std::string opName = context.opName, opType = context.opType;
  const int64_t opset = context.opset;
  graph.name = proto.name();
  bool good = readInitializers(context, proto, graph) &&
              readSubgraphValues(context, proto.input(), "input", graph.inputs) &&
              readSubgraphValues(context, proto.output(), "output", graph.outputs) &&
              readOps(context, proto, opsets, inFunction, graph);
  nameOps(graph.ops);
  context.opName = opName;
  context.opType = opType;
  context.opset = opset;
  return good;
}

} // namespace

bool discoc::importer::readAttribute(ReadContext &context, const onnx::AttributeProto &proto,
                                     const Opsets &opsets, bool inFunction, Attribute &attribute) {
  std::string what = "attribute " + quote(proto.name());
  if (proto.name().empty() || !isCleanName(proto.name()))
    return context.error(what + " has no proper name");
  attribute.name = proto.name();
  attribute.kind = attributeKind(proto);
  if (proto.has_ref_attr_name() && !proto.ref_attr_name().empty()) {
    if (!inFunction)
      return context.error(what + " refers to " + quote(proto.ref_attr_name()) +
                           " of a function, but is not in a function");
    attribute.refName = proto.ref_attr_name();
    return true;
  }
  switch (attribute.kind) {
  case Attribute::Kind::Float: attribute.f = proto.f(); return true;
  case Attribute::Kind::Int: attribute.i = proto.i(); return true;
  case Attribute::Kind::String: attribute.s = proto.s(); return true;
  case Attribute::Kind::Floats:
    attribute.floats.assign(proto.floats().begin(), proto.floats().end());
    return true;
  case Attribute::Kind::Ints:
    attribute.ints.assign(proto.ints().begin(), proto.ints().end());
    return true;
  case Attribute::Kind::Strings:
    attribute.strings.assign(proto.strings().begin(), proto.strings().end());
    return true;
  case Attribute::Kind::Tensor:
    if (!proto.has_t())
      return context.error(what + " says that it is a tensor and has none");
    return readTensor(context, proto.t(), what, attribute.tensors.emplace_back());
  case Attribute::Kind::Tensors:
    for (const onnx::TensorProto &tensor : proto.tensors())
      if (!readTensor(context, tensor, what, attribute.tensors.emplace_back()))
        return false;
    return true;
  case Attribute::Kind::SparseTensor:
    return readSparseTensor(context, proto.sparse_tensor(), what, attribute.tensors.emplace_back());
  case Attribute::Kind::SparseTensors:
    return context.error(what + " is a list of sparse tensors, which no op of ONNX has");
  case Attribute::Kind::Graph:
    return readSubgraph(context, proto.g(), opsets, inFunction, attribute.graphs.emplace_back());
  case Attribute::Kind::Graphs:
    for (const onnx::GraphProto &graph : proto.graphs())
      if (!readSubgraph(context, graph, opsets, inFunction, attribute.graphs.emplace_back()))
        return false;
    return true;
  case Attribute::Kind::TypeProto:
  case Attribute::Kind::TypeProtos: return true; // whoever converts the op decides
  case Attribute::Kind::Undefined: break;
  }
  return context.error(what + " has no value of a known type");
}

bool discoc::importer::readOp(ReadContext &context, const onnx::NodeProto &proto,
                              const Opsets &opsets, bool inFunction, Op &op) {
  context.opType = proto.op_type();
  context.opName = proto.name();
  for (int i = 0; i < proto.output_size() && context.opName.empty(); ++i)
    context.opName = proto.output(i);
  if (context.opName.empty())
    context.opName = "?";
  op.domain = normalDomain(proto.domain());
  auto opset = opsets.find(op.domain);
  op.opset = context.opset = opset == opsets.end() ? 0 : opset->second;
  op.name = proto.name();
  op.type = proto.op_type();
  if (op.type.empty() || !isCleanName(op.type) || !isCleanName(op.domain))
    return context.error("has no proper op type");
  if (!isCleanName(op.name))
    return context.error("has a name that is not plain UTF-8 text", renameAdvice);
  auto overload = bytesField(proto, 8);
  if (!overload.empty())
    op.overload = overload.back();
  if (!readNames(context, proto.input(), "input", op.inputs) ||
      !readNames(context, proto.output(), "output", op.outputs))
    return false;
  if (static_cast<size_t>(proto.attribute_size()) > context.options.maxAttributes)
    return context.error("has " + std::to_string(proto.attribute_size()) +
                             " attributes; an op may have " +
                             std::to_string(context.options.maxAttributes),
                         "no op of ONNX has more than a few: export the model again");
  std::set<std::string_view> names;
  for (const onnx::AttributeProto &attribute : proto.attribute()) {
    if (!names.insert(attribute.name()).second)
      return context.error("has the attribute " + quote(attribute.name()) + " twice");
    if (!readAttribute(context, attribute, opsets, inFunction, op.attributes.emplace_back()))
      return false;
  }
  context.opName.clear();
  context.opType.clear();
  context.opset = 0;
  return true;
}

bool discoc::importer::readGraph(ReadContext &context, const onnx::GraphProto &proto,
                                 Graph &graph) {
  graph.name = proto.name();
  bool good = readInitializers(context, proto, graph);
  for (const auto &input : proto.input())
    good &= readValueInfo(context, input, "input", true, graph.inputs.emplace_back());
  for (const auto &output : proto.output())
    good &= readValueInfo(context, output, "output", true, graph.outputs.emplace_back());
  for (const auto &value : proto.value_info()) {
    ValueInfo info;
    good &= readValueInfo(context, value, "value", false, info);
    if (!info.name.empty())
      graph.valueInfos.push_back(std::move(info));
  }
  return readOps(context, proto, context.model.opsets, false, graph) && good;
}
