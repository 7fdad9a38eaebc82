//===- FunctionTest.cpp - inlining of model-local functions ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Models.h"

using namespace discoc::importer;
using namespace discoc::importer::testing;

namespace {

using Names = std::vector<std::string>;

onnx::FunctionProto *addFunction(onnx::ModelProto &model, const std::string &name,
                                 const Names &inputs, const Names &outputs) {
  auto *function = model.add_functions();
  function->set_name(name);
  function->set_domain("local");
  for (const std::string &input : inputs)
    function->add_input(input);
  for (const std::string &output : outputs)
    function->add_output(output);
  auto *import = function->add_opset_import();
  import->set_version(17);
  import = function->add_opset_import();
  import->set_domain("local");
  import->set_version(1);
  return function;
}

onnx::NodeProto *addInner(onnx::FunctionProto *function, const std::string &type,
                          const std::string &name, const Names &inputs, const Names &outputs) {
  onnx::GraphProto scratch;
  *function->add_node() = *addOp(&scratch, type, name, inputs, outputs);
  return function->mutable_node(function->node_size() - 1);
}

onnx::NodeProto *call(onnx::ModelProto &model, const std::string &type, const std::string &name,
                      const Names &inputs, const Names &outputs) {
  auto *op = addOp(model.mutable_graph(), type, name, inputs, outputs);
  op->set_domain("local");
  return op;
}

onnx::ModelProto localModel() {
  auto model = emptyModel();
  auto *import = model.add_opset_import();
  import->set_domain("local");
  import->set_version(1);
  return model;
}

void addRef(onnx::NodeProto *op, const std::string &name, const std::string &ref,
            onnx::AttributeProto::AttributeType type) {
  auto *attribute = op->add_attribute();
  attribute->set_name(name);
  attribute->set_ref_attr_name(ref);
  attribute->set_type(type);
}

} // namespace

TEST(Function, IsInlined) {
  auto proto = localModel();
  auto *function = addFunction(proto, "Twice", {"a"}, {"b"});
  addInner(function, "Relu", "one", {"a"}, {"t"});
  addInner(function, "Tanh", "", {"t"}, {"b"});
  call(proto, "Twice", "f", {"x"}, {"m"});
  call(proto, "Twice", "g", {"m"}, {"y"});
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const auto &ops = result.model->graph.ops;
  ASSERT_EQ(ops.size(), 4u);
  EXPECT_EQ(ops[0].name, "f/one");
  EXPECT_EQ(ops[0].inputs, Names{"x"});
  EXPECT_EQ(ops[0].outputs, Names{"f/t"});
  EXPECT_EQ(ops[1].name, "f/b");
  EXPECT_EQ(ops[1].outputs, Names{"m"});
  EXPECT_EQ(ops[3].name, "g/b");
  EXPECT_EQ(ops[3].outputs, Names{"y"});
  EXPECT_EQ(result.model->inlinedFunctions, Names{"local::Twice"});
}

TEST(Function, AttributesByReferenceAndDefaults) {
  auto proto = localModel();
  auto *function = addFunction(proto, "Leaky", {"a"}, {"b"});
  function->add_attribute("slope");
  auto *inner = addInner(function, "LeakyRelu", "l", {"a"}, {"b"});
  addRef(inner, "alpha", "slope", onnx::AttributeProto::FLOAT);
  addRef(inner, "beta", "other", onnx::AttributeProto::INT);
  addRef(inner, "gamma", "nowhere", onnx::AttributeProto::INT);
  onnx::AttributeProto fallback;
  fallback.set_name("other");
  fallback.set_type(onnx::AttributeProto::INT);
  fallback.set_i(7);
  // attribute_proto, field 11, is newer than this libonnx.
  function->GetReflection()->MutableUnknownFields(function)->AddLengthDelimited(
      11, fallback.SerializeAsString());
  auto *op = call(proto, "Leaky", "f", {"x"}, {"y"});
  auto *slope = op->add_attribute();
  slope->set_name("slope");
  slope->set_type(onnx::AttributeProto::FLOAT);
  slope->set_f(0.25f);
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const Op &read1 = result.model->graph.ops[0];
  ASSERT_TRUE(read1.findAttribute("alpha"));
  EXPECT_EQ(read1.findAttribute("alpha")->f, 0.25f);
  ASSERT_TRUE(read1.findAttribute("beta"));
  EXPECT_EQ(read1.findAttribute("beta")->i, 7);
  EXPECT_FALSE(read1.findAttribute("gamma"));

  slope->set_type(onnx::AttributeProto::INT);
  expectError(read(proto), {"op 'f' (Leaky, opset 1)", "'slope'", "FLOAT"});
}

TEST(Function, NestsAndKeepsNamesApart) {
  auto proto = localModel();
  auto *inner = addFunction(proto, "Inner", {"a"}, {"b"});
  addInner(inner, "Relu", "r", {"a"}, {"t"});
  addInner(inner, "Relu", "s", {"t"}, {"b"});
  auto *outer = addFunction(proto, "Outer", {"a"}, {"b"});
  addInner(outer, "Inner", "i", {"a"}, {"t"})->set_domain("local");
  addInner(outer, "Inner", "j", {"t"}, {"b"})->set_domain("local");
  addOp(proto.mutable_graph(), "Relu", "pre", {"x"}, {"f/t"}); // in the way
  call(proto, "Outer", "f", {"f/t"}, {"y"});
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const auto &ops = result.model->graph.ops;
  ASSERT_EQ(ops.size(), 5u);
  EXPECT_EQ(ops[1].name, "f/i/r");
  EXPECT_EQ(ops[1].inputs, Names{"f/t"});
  EXPECT_EQ(ops[2].outputs, Names{"f/t#2"});
  EXPECT_EQ(ops[4].name, "f/j/s");
}

TEST(Function, PassesInputsThrough) {
  auto proto = localModel();
  addFunction(proto, "Same", {"a"}, {"a"});
  call(proto, "Same", "f", {"x"}, {"y"});
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  ASSERT_EQ(result.model->graph.ops.size(), 1u);
  EXPECT_EQ(result.model->graph.ops[0].type, "Identity");
}

TEST(Function, OmittedArguments) {
  auto proto = localModel();
  auto *function = addFunction(proto, "F", {"a", "lo"}, {"b", "c"});
  addInner(function, "Clip", "clip", {"a", "lo"}, {"b"});
  addInner(function, "Relu", "r", {"a"}, {"c"});
  call(proto, "F", "f", {"x"}, {"y"});
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  EXPECT_EQ(result.model->graph.ops[0].inputs, (Names{"x", ""}));
  EXPECT_EQ(result.model->graph.ops[1].outputs, Names{"f/c"});
  proto.mutable_graph()->mutable_node(0)->add_input("x");
  proto.mutable_graph()->mutable_node(0)->add_input("x");
  expectError(read(proto), {"op 'f'", "3 inputs", "has 2"});
}

TEST(Function, KeepsItsOwnOpset) {
  auto proto = localModel();
  auto *function = addFunction(proto, "F", {"a"}, {"b"});
  addInner(function, "Relu", "r", {"a"}, {"b"});
  function->mutable_opset_import(0)->set_version(13);
  call(proto, "F", "f", {"x"}, {"y"});
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  EXPECT_EQ(result.model->graph.ops[0].opset, 13);
  function = proto.mutable_functions(0);
  function->mutable_opset_import(0)->set_version(26);
  expectError(read(proto), {"function 'F'", "opset 26"});
}

TEST(Function, RecursionIsAnError) {
  auto proto = localModel();
  auto *f = addFunction(proto, "F", {"a"}, {"b"});
  addInner(f, "G", "g", {"a"}, {"b"})->set_domain("local");
  auto *g = addFunction(proto, "G", {"a"}, {"b"});
  addInner(g, "F", "f", {"a"}, {"b"})->set_domain("local");
  call(proto, "F", "top", {"x"}, {"y"});
  expectError(read(proto), {"op 'top/g/f'", "calls itself"});
}

TEST(Function, BombsAreDefused) {
  auto proto = localModel();
  for (int level = 0; level < 20; ++level) {
    auto *f = addFunction(proto, "F" + std::to_string(level), {"a"}, {"b"});
    for (int i = 0; i < 10; ++i) {
      auto *op = addInner(f, level == 0 ? "Relu" : "F" + std::to_string(level - 1),
                          "c" + std::to_string(i), {i == 0 ? "a" : "t" + std::to_string(i - 1)},
                          {i == 9 ? "b" : "t" + std::to_string(i)});
      if (level != 0)
        op->set_domain("local");
    }
  }
  call(proto, "F19", "top", {"x"}, {"y"});
  expectError(read(proto), {"expand to more than"});
}

/// Functions without ops: what multiplies is the calls.
TEST(Function, EmptyBombsAreDefused) {
  auto proto = localModel();
  addFunction(proto, "F0", {"a"}, {});
  for (int level = 1; level < 40; ++level) {
    auto *f = addFunction(proto, "F" + std::to_string(level), {"a"}, {});
    for (int i = 0; i < 10; ++i)
      addInner(f, "F" + std::to_string(level - 1), "c" + std::to_string(i), {"a"}, {})
          ->set_domain("local");
  }
  call(proto, "F39", "top", {"x"}, {});
  addOp(proto.mutable_graph(), "Relu", "r", {"x"}, {"y"});
  expectError(read(proto), {"are called more than 200000 times", "(F", "remove those"});
}

/// Few ops with much in each: what multiplies is bytes.
TEST(Function, BytesAreCounted) {
  auto proto = localModel();
  auto *f = addFunction(proto, "F", {"a"}, {"t24"});
  for (int i = 0; i < 25; ++i)
    addInner(f, "Relu", "r", {i == 0 ? "a" : "t" + std::to_string(i - 1)},
             {"t" + std::to_string(i)});
  auto *attribute = f->mutable_node(0)->add_attribute();
  attribute->set_name("many");
  attribute->set_type(onnx::AttributeProto::INTS);
  for (int i = 0; i < 20000; ++i)
    attribute->add_ints(i);
  std::string before = "x";
  for (int i = 0; i < 2000; ++i) {
    std::string after = i == 1999 ? "y" : "t" + std::to_string(i);
    call(proto, "F", "c" + std::to_string(i), {before}, {after});
    before = after;
  }
  expectError(read(proto), {"op 'c", "more than 256 MB of names and attributes"});
  attribute->clear_ints();
  EXPECT_TRUE(read(proto).model.has_value());
  // The call's name begins every name inside.
  for (auto &op : *proto.mutable_graph()->mutable_node())
    op.set_name(op.name() + std::string(2000, 'n'));
  expectError(read(proto), {"more than 256 MB of names and attributes"});
}

TEST(Function, CallsOfOneNameKeepTheirTensorsApart) {
  auto proto = localModel();
  auto *f = addFunction(proto, "F", {"a"}, {"b"});
  addInner(f, "Relu", "r", {"a"}, {"m"});
  addInner(f, "Tanh", "t", {"m"}, {"b"});
  call(proto, "F", "same", {"x"}, {"u"});
  call(proto, "F", "same", {"u"}, {"v"});
  call(proto, "F", "same", {"v"}, {"y"});
  auto result = read(proto);
  ASSERT_TRUE(result.model);
  EXPECT_EQ(result.model->graph.ops[0].outputs, Names{"same/m"});
  EXPECT_EQ(result.model->graph.ops[2].outputs, Names{"same/m#2"});
  EXPECT_EQ(result.model->graph.ops[4].outputs, Names{"same/m#3"});
}

TEST(Function, LimitsOfOpsAttributesAndDimensions) {
  auto proto = localModel();
  auto *op = addOp(proto.mutable_graph(), "Relu", "r", {"x"}, {"y"});
  for (int i = 0; i < 1001; ++i) {
    op->add_attribute()->set_name("a" + std::to_string(i));
    op->mutable_attribute(i)->set_type(onnx::AttributeProto::INT);
  }
  expectError(read(proto), {"op 'r'", "has 1001 attributes; an op may have 1000"});
  op->clear_attribute();
  ASSERT_TRUE(read(proto).model);
  auto *tensor = proto.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (int i = 0; i < 65; ++i)
    tensor->add_dims(1);
  tensor->add_float_data(1);
  expectError(read(proto), {"initialiser 'w'", "has 65 dimensions; a tensor may have 64"});
  tensor->mutable_dims()->RemoveLast();
  ASSERT_TRUE(read(proto).model);
  while (proto.graph().node_size() <= 200000)
    *proto.mutable_graph()->add_node() = *op;
  expectError(read(proto), {"has 200001 ops; discoc compiles up to 200000", "divide the model"});
}

TEST(Function, Faults) {
  auto proto = localModel();
  addFunction(proto, "F", {"a"}, {"b"});
  addFunction(proto, "F", {"a"}, {"b"});
  call(proto, "F", "f", {"x"}, {"y"});
  expectError(read(proto), {"function 'F'", "twice"});
  proto.mutable_functions()->RemoveLast();
  addOp(proto.mutable_graph(), "Relu", "more", {"x"}, {"z"});
  expectError(read(proto), {"graph output 'y'"});
  addInner(proto.mutable_functions(0), "Relu", "r", {"zz"}, {"b"});
  expectError(read(proto), {"op 'f/r' (Relu, opset 17)", "'f/zz'"});
}
