//===- OnnxFunctions.cpp - inlining of model-local functions --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

using namespace discoc::importer;

namespace {

/// Calls nest and multiply: ten functions that call each other ten times are
/// ten thousand million ops, or as many calls without an op, and each copies
/// names and attributes. ReadOptions has the limits.
constexpr size_t maxDepth = 64;

class Inliner {
public:
  Inliner(ReadContext &context, const FunctionMap &functions)
      : context(context), functions(functions) {}

  bool run();

private:
  /// Appends \p op, or what it stands for, to the result.
  bool expand(Op op, std::vector<FunctionKey> &stack);
  /// Expands the ops of a branch or loop in their place.
  bool expandGraphs(Op &op, std::vector<FunctionKey> &stack);
  bool expandCall(const Op &call, const Function &function, std::vector<FunctionKey> &stack);
  bool substitute(const Op &call, const Function &function, Op &inner);
  /// Whether the copy of \p inner that \p call makes is still paid for.
  bool pay(const Op &call, const Op &inner);
  void noteNames(const Graph &graph);
  std::string freshTensor(const std::string &wanted);
  bool append(Op op);
  /// `to = Identity(from)`: for outputs that have a name already.
  bool copyTensor(const Op &call, const std::string &from, const std::string &to);

  ReadContext &context;
  const FunctionMap &functions;
  std::unordered_set<std::string> tensorNames;
  std::unordered_map<std::string, int> nextNumber; // by wanted name
  size_t calls = 0, bytes = 0, ops = 0;
  std::set<std::string> used;
  std::vector<Op> result;
};

/// What an attribute adds to memory with every copy; tensors are shared.
size_t sizeOf(const Attribute &attribute) {
  size_t size = sizeof(Attribute) + attribute.name.size() + attribute.s.size() +
                attribute.refName.size() + attribute.floats.size() * sizeof(float) +
                attribute.ints.size() * sizeof(int64_t);
  for (const std::string &text : attribute.strings)
    size += sizeof(text) + text.size();
  for (const Tensor &tensor : attribute.tensors)
    size += sizeof(tensor) + tensor.name.size() + tensor.dims.size() * sizeof(int64_t);
  return size;
}

/// The same of an op in a function that \p call calls: every name of the copy begins with that of
/// the call.
size_t sizeOf(const Op &inner, const Op &call) {
  const size_t nameSize = sizeof(std::string) + call.name.size() + 1;
  size_t names = 1 + inner.inputs.size() + inner.outputs.size();
  size_t size = sizeof(Op) + inner.type.size() + inner.domain.size() + inner.name.size();
  for (const auto *list : {&inner.inputs, &inner.outputs})
    for (const std::string &name : *list)
      size += name.size();
  for (const Attribute &attribute : inner.attributes) {
    const Attribute *given =
        attribute.refName.empty() ? nullptr : call.findAttribute(attribute.refName);
    size += sizeOf(given ? *given : attribute);
    for (const Graph &graph : attribute.graphs) {
      names += graph.inputs.size() + graph.outputs.size() + graph.initializers.size();
      for (const Op &op : graph.ops)
        size += sizeOf(op, call);
    }
  }
  return size + names * nameSize;
}

using Rename = std::function<void(std::string &)>;

void renameGraph(Graph &graph, const Rename &rename, const std::string &callName) {
  for (Tensor &tensor : graph.initializers)
    rename(tensor.name);
  for (auto *infos : {&graph.inputs, &graph.outputs})
    for (ValueInfo &info : *infos)
      rename(info.name);
  for (Op &op : graph.ops) {
    op.name = callName + "/" + op.name;
    std::for_each(op.inputs.begin(), op.inputs.end(), rename);
    std::for_each(op.outputs.begin(), op.outputs.end(), rename);
    for (Attribute &attribute : op.attributes)
      for (Graph &inner : attribute.graphs)
        renameGraph(inner, rename, callName);
  }
}

bool Inliner::pay(const Op &call, const Op &inner) {
  bytes += sizeOf(inner, call);
  size_t most = context.options.maxInlined;
  if (bytes <= most)
    return true;
  return context.errorAt(call,
                         "the model's functions expand to more than " + std::to_string(most >> 20) +
                             " MB of names and attributes",
                         "inline them before, or give functions and ops shorter names and fewer "
                         "attributes");
}

std::string Inliner::freshTensor(const std::string &wanted) {
  if (tensorNames.insert(wanted).second)
    return wanted;
  int &number = nextNumber.try_emplace(wanted, 2).first->second;
  std::string name;
  do
    name = wanted + "#" + std::to_string(number++);
  while (!tensorNames.insert(name).second);
  return name;
}

bool Inliner::append(Op op) {
  if (++ops > context.options.maxOps)
    return context.error("the model's functions expand to more than " +
                             std::to_string(context.options.maxOps) + " ops",
                         "calls multiply where functions call functions: divide the model, or "
                         "export a smaller one");
  result.push_back(std::move(op));
  return true;
}

bool Inliner::copyTensor(const Op &call, const std::string &from, const std::string &to) {
  Op op;
  op.name = call.name + "/" + to;
  op.type = "Identity";
  op.opset = call.opset;
  if (auto it = context.model.opsets.find(""); it != context.model.opsets.end())
    op.opset = it->second;
  else if (!call.domain.empty())
    op.opset = context.options.maxOpset; // Identity never changed its meaning
  op.inputs = {from};
  op.outputs = {to};
  return append(std::move(op));
}

/// Replaces attributes by reference with what the call gives, else with the
/// function's default; with neither, the op's own default holds.
bool Inliner::substitute(const Op &call, const Function &function, Op &inner) {
  std::vector<Attribute> attributes;
  for (Attribute &attribute : inner.attributes) {
    if (attribute.refName.empty()) {
      attributes.push_back(std::move(attribute));
      continue;
    }
    const Attribute *value = call.findAttribute(attribute.refName);
    for (const Attribute &fallback : function.defaults)
      if (!value && fallback.name == attribute.refName)
        value = &fallback;
    if (!value)
      continue;
    if (attribute.kind != Attribute::Kind::Undefined && attribute.kind != value->kind)
      return context.errorAt(call, "attribute " + quote(attribute.refName) + " is " +
                                       std::string(attributeKindName(value->kind)) + ", and op " +
                                       quote(inner.name) + " in function " + quote(function.name) +
                                       " needs " + std::string(attributeKindName(attribute.kind)));
    Attribute copy = *value;
    copy.name = attribute.name;
    attributes.push_back(std::move(copy));
  }
  inner.attributes = std::move(attributes);
  for (Attribute &attribute : inner.attributes)
    for (Graph &graph : attribute.graphs)
      for (Op &op : graph.ops)
        if (!substitute(call, function, op))
          return false;
  return true;
}

bool Inliner::expandCall(const Op &call, const Function &function,
                         std::vector<FunctionKey> &stack) {
  if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size())
    return context.errorAt(call, "has " + std::to_string(call.inputs.size()) + " inputs and " +
                                     std::to_string(call.outputs.size()) +
                                     " outputs; the function has " +
                                     std::to_string(function.inputs.size()) + " and " +
                                     std::to_string(function.outputs.size()));
  std::map<std::string, std::string> names = {{"", ""}};
  for (size_t i = 0; i < function.inputs.size(); ++i)
    names[function.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : "";
  std::vector<std::pair<std::string, std::string>> copies;
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (call.outputs[i].empty())
      continue;
    auto [it, isNew] = names.emplace(function.outputs[i], call.outputs[i]);
    if (!isNew)
      copies.emplace_back(it->second, call.outputs[i]);
  }
  const Rename rename = [&](std::string &name) {
    auto [it, isNew] = names.emplace(name, "");
    if (isNew)
      it->second = freshTensor(call.name + "/" + name);
    name = it->second;
  };
  for (const Op &original : function.ops) {
    if (!pay(call, original))
      return false;
    Op inner = original;
    if (!substitute(call, function, inner))
      return false;
    inner.name = call.name + "/" + inner.name;
    std::for_each(inner.inputs.begin(), inner.inputs.end(), rename);
    std::for_each(inner.outputs.begin(), inner.outputs.end(), rename);
    for (Attribute &attribute : inner.attributes)
      for (Graph &graph : attribute.graphs)
        renameGraph(graph, rename, call.name);
    if (!expand(std::move(inner), stack))
      return false;
  }
  for (const auto &[from, to] : copies)
    if (!copyTensor(call, from, to))
      return false;
  return true;
}

bool Inliner::expandGraphs(Op &op, std::vector<FunctionKey> &stack) {
  for (Attribute &attribute : op.attributes)
    for (Graph &graph : attribute.graphs) {
      std::vector<Op> around = std::exchange(result, {});
      for (Op &inner : graph.ops)
        if (!expand(std::move(inner), stack))
          return false;
      graph.ops = std::exchange(result, std::move(around));
    }
  return true;
}

bool Inliner::expand(Op op, std::vector<FunctionKey> &stack) {
  FunctionKey key = functionKey(op);
  auto it = functions.find(key);
  if (it == functions.end())
    return expandGraphs(op, stack) && append(std::move(op));
  if (std::find(stack.begin(), stack.end(), key) != stack.end())
    return context.errorAt(op, "function " + quote(op.type) + " calls itself, which ONNX forbids");
  if (stack.size() >= maxDepth)
    return context.errorAt(op,
                           "functions are nested more than " + std::to_string(maxDepth) + " deep",
                           "inline the inner ones before");
  if (++calls > context.options.maxCalls)
    return context.errorAt(op,
                           "the model's functions are called more than " +
                               std::to_string(context.options.maxCalls) + " times",
                           "calls multiply where functions call functions: inline them before, and "
                           "remove those that compute nothing");
  used.insert(op.domain + "::" + op.type);
  stack.push_back(std::move(key));
  bool good = expandCall(op, it->second, stack);
  stack.pop_back();
  return good;
}

void Inliner::noteNames(const Graph &graph) {
  for (const ValueInfo &input : graph.inputs)
    tensorNames.insert(input.name);
  for (const Tensor &tensor : graph.initializers)
    tensorNames.insert(tensor.name);
  for (const Op &op : graph.ops) {
    tensorNames.insert(op.inputs.begin(), op.inputs.end());
    tensorNames.insert(op.outputs.begin(), op.outputs.end());
    for (const Attribute &attribute : op.attributes)
      for (const Graph &inner : attribute.graphs)
        noteNames(inner);
  }
}

bool Inliner::run() {
  if (functions.empty())
    return true;
  Graph &graph = context.model.graph;
  noteNames(graph);
  std::vector<FunctionKey> stack;
  for (Op &op : graph.ops)
    if (!expand(std::move(op), stack))
      return false;
  graph.ops = std::move(result);
  context.model.inlinedFunctions.assign(used.begin(), used.end());
  return true;
}

bool readFunction(ReadContext &context, const onnx::FunctionProto &proto, Function &function) {
  std::string what = "function " + quote(proto.name());
  function.name = proto.name();
  function.domain = normalDomain(proto.domain());
  auto overload = bytesField(proto, 13);
  if (!overload.empty())
    function.overload = overload.back();
  function.inputs.assign(proto.input().begin(), proto.input().end());
  function.outputs.assign(proto.output().begin(), proto.output().end());
  std::set<std::string> formals;
  for (const std::string &input : function.inputs)
    if (input.empty() || !formals.insert(input).second)
      return context.error(what + " has the input " + quote(input) + " twice, or without a name");
  if (!readOpsets(context, proto.opset_import(), what, function.opsets))
    return false;
  for (const std::string &bytes : bytesField(proto, 11)) {
    onnx::AttributeProto attribute;
    if (!attribute.ParseFromString(bytes))
      return context.error(what + " has a damaged attribute default");
    if (!readAttribute(context, attribute, function.opsets, false,
                       function.defaults.emplace_back()))
      return false;
  }
  for (const onnx::NodeProto &op : proto.node())
    if (!readOp(context, op, function.opsets, true, function.ops.emplace_back()))
      return false;
  nameOps(function.ops);
  return true;
}

} // namespace

bool discoc::importer::readFunctions(ReadContext &context, const onnx::ModelProto &proto,
                                     FunctionMap &functions) {
  for (const onnx::FunctionProto &functionProto : proto.functions()) {
    Function function;
    if (!readFunction(context, functionProto, function))
      return false;
    FunctionKey key{function.domain, function.name, function.overload};
    if (!functions.emplace(std::move(key), std::move(function)).second)
      return context.error("the model defines the function " + quote(functionProto.name()) +
                           " of domain " + quote(functionProto.domain()) + " twice");
  }
  return true;
}

bool discoc::importer::inlineFunctions(ReadContext &context, const FunctionMap &functions) {
  return Inliner(context, functions).run();
}

std::vector<std::string> discoc::importer::bytesField(const google::protobuf::Message &message,
                                                      int number) {
  const auto *reflection = message.GetReflection();
  std::vector<std::string> values;
  const auto *field = message.GetDescriptor()->FindFieldByNumber(number);
  using Descriptor = google::protobuf::FieldDescriptor;
  if (!field) { // this libonnx is older than the field
    const auto &unknown = reflection->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i)
      if (unknown.field(i).number() == number &&
          unknown.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
        values.push_back(unknown.field(i).length_delimited());
  } else if (field->is_repeated() && field->cpp_type() == Descriptor::CPPTYPE_MESSAGE) {
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      values.push_back(reflection->GetRepeatedMessage(message, field, i).SerializeAsString());
  } else if (!field->is_repeated() && field->cpp_type() == Descriptor::CPPTYPE_STRING &&
             reflection->HasField(message, field)) {
    values.push_back(reflection->GetString(message, field));
  }
  return values;
}
