//===- PinTest.cpp - giving dimensions their sizes ------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Models.h"

using namespace discoc::importer;
using namespace discoc::importer::testing;

namespace {

using Pins = std::map<std::string, int64_t>;
using Shapes = std::map<std::string, std::vector<int64_t>>;

/// x is [batch, 3, ?], z is [batch, width]; y is [batch, 3].
Model openModel() {
  auto proto = reluModel();
  auto *graph = proto.mutable_graph();
  auto dim = [](onnx::ValueInfoProto *info) {
    return info->mutable_type()->mutable_tensor_type()->mutable_shape();
  };
  graph->clear_input();
  setValue(graph->add_input(), "x", {});
  setValue(graph->add_input(), "z", {});
  dim(graph->mutable_input(0))->add_dim()->set_dim_param("batch");
  dim(graph->mutable_input(0))->add_dim()->set_dim_value(3);
  dim(graph->mutable_input(0))->add_dim();
  dim(graph->mutable_input(1))->add_dim()->set_dim_param("batch");
  dim(graph->mutable_input(1))->add_dim()->set_dim_param("width");
  dim(graph->mutable_output(0))->mutable_dim(0)->set_dim_param("batch");
  Result result = read(proto);
  EXPECT_TRUE(result.model) << result.text();
  return *result.model;
}

std::string pin(Model &model, const Pins &pins, const Shapes &shapes) {
  Diagnostics errors;
  bool good = pinDimensions(model, pins, shapes, errors);
  EXPECT_EQ(good, errors.empty());
  std::string text;
  for (const Diagnostic &error : errors)
    text += error.str() + "\n";
  return text;
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

} // namespace

TEST(Pin, PinsAndShapesTogether) {
  Model model = openModel();
  EXPECT_EQ(pin(model, {{"width", 9}}, {{"x", {2, 3, 4}}}), "");
  EXPECT_EQ(model.graph.inputs[0].dims[0].size, 2);
  EXPECT_EQ(model.graph.inputs[0].dims[2].size, 4);
  EXPECT_EQ(model.graph.inputs[1].dims[0].size, 2) << "batch is one symbol";
  EXPECT_EQ(model.graph.inputs[1].dims[1].size, 9);
  EXPECT_EQ(model.graph.outputs[0].dims[0].size, 2);
}

TEST(Pin, NothingIsGuessed) {
  Model model = openModel();
  std::string text = pin(model, {{"width", 9}}, {});
  EXPECT_HAS(text, "input 'x' (float)");
  EXPECT_HAS(text, "dimension 0, 'batch', has no size");
  EXPECT_HAS(text, "--pin 'batch=SIZE'");
  EXPECT_HAS(text, "--input-shape 'x=?x3x?'");
  EXPECT_HAS(text, "dimension 2 has neither size nor name");
}

TEST(Pin, Faults) {
  Model model = openModel();
  EXPECT_HAS(pin(model, {{"hight", 9}}, {}), "no dimension of that name");
  EXPECT_HAS(pin(model, {{"hight", 9}}, {}), "'batch', 'width'");
  EXPECT_HAS(pin(model, {{"batch", 0}}, {}), "at least 1");
  EXPECT_HAS(pin(model, {}, {{"q", {1}}}), "no such input");
  EXPECT_HAS(pin(model, {}, {{"q", {1}}}), "'x', 'z'");
  EXPECT_HAS(pin(model, {}, {{"x", {1, 3}}}), "has 3 dimensions, not 2");
  EXPECT_HAS(pin(model, {}, {{"x", {1, 4, 4}}}), "fixed to 3");
  model = openModel();
  EXPECT_HAS(pin(model, {{"batch", 2}}, {{"x", {1, 3, 4}}}), "two sizes");
  model = openModel();
  EXPECT_HAS(pin(model, {}, {{"x", {1, 3, 4}}, {"z", {2, 4}}}), "two sizes");
  model = openModel();
  EXPECT_HAS(pin(model, {}, {{"x", {INT64_MAX, 3, INT64_MAX}}, {"z", {INT64_MAX, 1}}}),
             "impossible shape");
}

TEST(Pin, InputWithoutAShape) {
  auto proto = reluModel();
  proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  Model model = *read(proto).model;
  EXPECT_HAS(pin(model, {}, {}), "has no shape");
  EXPECT_EQ(pin(model, {}, {{"x", {2, 3}}}), "");
  EXPECT_EQ(model.graph.inputs[0].dims.size(), 2u);
}

TEST(Pin, SizesThatExportersLeaveOpen) {
  auto proto = reluModel();
  proto.mutable_graph()->clear_input();
  setValue(proto.mutable_graph()->add_input(), "x", {-1, 0});
  proto.mutable_graph()->clear_output();
  setValue(proto.mutable_graph()->add_output(), "y", {-1, 0});
  Model model = *read(proto).model;
  EXPECT_HAS(pin(model, {}, {}), "dimension 0 has neither size nor name");
  EXPECT_EQ(pin(model, {}, {{"x", {2, 3}}}), "");
  EXPECT_EQ(model.graph.inputs[0].dims[1].size, 3);
  EXPECT_FALSE(model.graph.outputs[0].dims[1].isFixed());
}

namespace {

/// x is 2x3, y = x + x, or of another type.
std::string set(Model &model, const std::map<std::string, std::string> &values) {
  Diagnostics errors;
  bool good = setInputs(model, values, errors);
  EXPECT_EQ(good, errors.empty());
  std::string text;
  for (const Diagnostic &error : errors)
    text += error.str() + "\n";
  return text;
}

Model modelOf(int type) {
  auto proto = reluModel();
  proto.mutable_graph()->clear_input();
  setValue(proto.mutable_graph()->add_input(), "x", {2, 3}, type);
  return *read(proto).model;
}

} // namespace

TEST(Set, InputsBecomeConstants) {
  Model model = modelOf(onnx::TensorProto::INT64);
  EXPECT_EQ(set(model, {{"x", "-7"}}), "");
  EXPECT_TRUE(model.graph.inputs.empty());
  EXPECT_EQ(elements<int64_t>(model.graph.initializers[0]), (std::vector<int64_t>(6, -7)));
  EXPECT_EQ(model.setInputs, (std::vector<std::string>{"x"}));
  model = modelOf(onnx::TensorProto::FLOAT);
  EXPECT_EQ(set(model, {{"x", "1,2.5,-3e2,4,5,6"}}), "");
  EXPECT_EQ(elements<float>(model.graph.initializers[0]),
            (std::vector<float>{1, 2.5f, -300, 4, 5, 6}));
  model = modelOf(onnx::TensorProto::BOOL);
  EXPECT_EQ(set(model, {{"x", "true"}}), "");
  EXPECT_EQ(elements<uint8_t>(model.graph.initializers[0]), (std::vector<uint8_t>(6, 1)));
  model = modelOf(onnx::TensorProto::FLOAT16);
  EXPECT_EQ(set(model, {{"x", "1"}}), "");
  EXPECT_EQ(elements<uint16_t>(model.graph.initializers[0]), (std::vector<uint16_t>(6, 0x3c00)));
}

TEST(Set, Faults) {
  Model model = modelOf(onnx::TensorProto::INT8);
  EXPECT_HAS(set(model, {{"q", "1"}}), "the model has no such input; its inputs: 'x'");
  EXPECT_HAS(set(model, {{"x", "128"}}), "'128' is no int8");
  EXPECT_HAS(set(model, {{"x", "1,,2"}}), "'' is no int8");
  EXPECT_HAS(set(model, {{"x", "1,2"}}), "has 2 values, the input of the shape 2x3 6");
  model = modelOf(onnx::TensorProto::BOOL);
  EXPECT_HAS(set(model, {{"x", "maybe"}}), "'maybe' is no bool");
  model = openModel();
  EXPECT_HAS(set(model, {{"x", "1"}}), "the shape of the input is not fixed");
}
