//===- GraphTest.cpp - definitions, order and names -----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Models.h"

using namespace discoc::importer;
using namespace discoc::importer::testing;

namespace {

std::vector<std::string> opNames(const Result &result) {
  std::vector<std::string> names;
  if (result.model)
    for (const Op &op : result.model->graph.ops)
      names.push_back(op.name);
  return names;
}

using Names = std::vector<std::string>;

} // namespace

TEST(Graph, InitialisersAreNoInputs) {
  for (int ir : {3, 8}) {
    auto proto = reluModel();
    proto.set_ir_version(ir);
    setValue(proto.mutable_graph()->add_input(), "w", {1});
    addRaw(proto.mutable_graph(), "w", {1}, "aaaa");
    Result result = read(proto);
    ASSERT_TRUE(result.model) << result.text();
    ASSERT_EQ(result.model->graph.inputs.size(), 1u);
    EXPECT_EQ(result.model->graph.inputs[0].name, "x");
  }
}

TEST(Graph, InitialiserMustAgreeWithItsInput) {
  auto proto = reluModel();
  setValue(proto.mutable_graph()->add_input(), "w", {2});
  addRaw(proto.mutable_graph(), "w", {1}, "aaaa");
  expectError(read(proto), {"initialiser 'w'", "disagrees"});
}

TEST(Graph, UnsortedOpsAreSorted) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addOp(graph, "Relu", "c", {"b"}, {"y"});
  addOp(graph, "Relu", "b", {"a"}, {"b"});
  addOp(graph, "Relu", "a", {"x"}, {"a"});
  addOp(graph, "Relu", "d", {"x"}, {"d"});
  EXPECT_EQ(opNames(read(proto)), (Names{"a", "b", "c", "d"}));
}

TEST(Graph, SortedOpsKeepTheirOrder) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addOp(graph, "Relu", "z", {"x"}, {"z"});
  addOp(graph, "Relu", "a", {"x"}, {"a"});
  addOp(graph, "Add", "m", {"z", "a"}, {"y"});
  EXPECT_EQ(opNames(read(proto)), (Names{"z", "a", "m"}));
}

TEST(Graph, NamesBecomeUnique) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addOp(graph, "Relu", "", {"x"}, {"a"}); // a is taken by the next
  addOp(graph, "Relu", "a", {"a"}, {"b"});
  addOp(graph, "Relu", "a", {"b"}, {"c"});
  addOp(graph, "Relu", "", {"c"}, {"y"});
  EXPECT_EQ(opNames(read(proto)), (Names{"a#2", "a", "a#3", "y"}));
}

TEST(Graph, Cycle) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addOp(graph, "Relu", "first", {"x"}, {"a"});
  addOp(graph, "Add", "p", {"a", "r"}, {"q"});
  addOp(graph, "Relu", "back", {"q"}, {"r"});
  addOp(graph, "Relu", "last", {"q"}, {"y"});
  expectError(read(proto), {"(Add, opset 17)", "cycle", "'p'", "'back'"});
  proto = emptyModel();
  addOp(proto.mutable_graph(), "Relu", "self", {"y"}, {"y"});
  expectError(read(proto), {"'self' needs 'self'"});
}

TEST(Graph, EveryTensorIsDefinedOnce) {
  auto proto = reluModel();
  addOp(proto.mutable_graph(), "Tanh", "other", {"x"}, {"y"});
  expectError(read(proto), {"op 'other' (Tanh, opset 17)", "'y'", "op 'act'"});
  proto = reluModel();
  addOp(proto.mutable_graph(), "Tanh", "other", {"x"}, {"x"});
  expectError(read(proto), {"op 'other'", "'x'", "graph input"});
  proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {1}, "aaaa");
  addRaw(proto.mutable_graph(), "w", {1}, "aaaa");
  expectError(read(proto), {"an initialiser", "'w'", "again"});
  proto = reluModel();
  setValue(proto.mutable_graph()->add_input(), "x", {1});
  expectError(read(proto), {"two graph inputs", "'x'"});
  proto = reluModel();
  setValue(proto.mutable_graph()->add_output(), "y", {1});
  expectError(read(proto), {"two graph outputs", "'y'"});
}

TEST(Graph, UndefinedTensors) {
  auto proto = emptyModel();
  addOp(proto.mutable_graph(), "Add", "sum", {"x", "gone"}, {"y"});
  expectError(read(proto), {"op 'sum' (Add, opset 17)", "'gone'"});
  proto = reluModel();
  proto.mutable_graph()->mutable_node(0)->set_output(0, "z");
  expectError(read(proto), {"graph output 'y'"});
}

TEST(Graph, EmptyGraphs) {
  expectError(read(emptyModel()), {"empty", "no ops"});
  auto proto = reluModel();
  proto.mutable_graph()->clear_output();
  expectError(read(proto), {"no outputs"});
  proto = reluModel();
  addOp(proto.mutable_graph(), "Relu", "dead", {"x"}, {""});
  expectError(read(proto), {"op 'dead'", "no output"});
}

TEST(Graph, OmittedInputsAndOutputs) {
  auto proto = emptyModel();
  addOp(proto.mutable_graph(), "Clip", "clip", {"x", "", "m"}, {"y", "", ""});
  addRaw(proto.mutable_graph(), "m", {}, "aaaa");
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  EXPECT_EQ(result.model->graph.ops[0].inputs, (Names{"x", "", "m"}));
}

TEST(Graph, BadDeclarations) {
  auto proto = reluModel();
  proto.mutable_graph()->clear_input();
  setValue(proto.mutable_graph()->add_input(), "x", {1}, onnx::TensorProto::STRING);
  expectError(read(proto), {"input 'x'", "string"});
  proto = reluModel();
  proto.mutable_graph()->clear_input();
  setValue(proto.mutable_graph()->add_input(), "x", {1 << 30, 1 << 30, 1 << 30});
  expectError(read(proto), {"input 'x'", "impossible shape"});
  proto = reluModel();
  proto.mutable_graph()->clear_input();
  setValue(proto.mutable_graph()->add_input(), "x", {-2, 3});
  expectError(read(proto), {"input 'x'", "negative dimension"});
  proto = reluModel();
  proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
  expectError(read(proto), {"input 'x'", "no tensor"});
}

TEST(Graph, Attributes) {
  auto proto = reluModel();
  auto *op = proto.mutable_graph()->mutable_node(0);
  auto *attribute = op->add_attribute();
  attribute->set_name("axes");
  attribute->add_ints(-1), attribute->add_ints(2);
  attribute = op->add_attribute(); // no type: old writers
  attribute->set_name("alpha");
  attribute->set_f(0.5f);
  attribute = op->add_attribute();
  attribute->set_name("body");
  attribute->set_type(onnx::AttributeProto::GRAPH);
  attribute->mutable_g();
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const Op &read1 = result.model->graph.ops[0];
  EXPECT_EQ(read1.findAttribute("axes")->ints, (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(read1.findAttribute("alpha")->f, 0.5f);
  EXPECT_EQ(read1.findAttribute("nothing"), nullptr);
  EXPECT_EQ(read1.attributes[2].graphs.size(), 1u);

  op->add_attribute()->set_name("axes");
  expectError(read(proto), {"op 'act'", "'axes'", "twice"});
  op->mutable_attribute()->RemoveLast();
  op->add_attribute()->set_name("void");
  expectError(read(proto), {"op 'act'", "'void'", "no value"});
  op->mutable_attribute()->RemoveLast();
  attribute = op->add_attribute();
  attribute->set_name("ref");
  attribute->set_ref_attr_name("r");
  expectError(read(proto), {"op 'act'", "'ref'", "not in a function"});
}
