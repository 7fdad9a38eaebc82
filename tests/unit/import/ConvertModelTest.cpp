//===- ConvertModelTest.cpp - names, locations, messages, text form -------===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

using namespace discoc::importer::testing;

TEST(ConvertModel, LocationsAndNames) {
  expectParts(importedWithLocations(reluModel()),
              {"disco.tensor = \"y\"", "name = \"y\"", "\"act\"", "fused<\"Relu, opset 17\">"});
}

TEST(ConvertModel, TextIsTheSameAfterParsing) {
  std::vector<float> weights(200, 0.1f);
  weights[7] = 1e-30f;
  std::string text = OneOp("Conv").input({1, 2, 4, 4}).constant({100, 2, 1, 1}, weights).text();
  expectParts(text, {"dense_resource<weights>", "dialect_resources"});
  EXPECT_EQ(reparsed(text), text);
}

TEST(ConvertModel, ErrorsOfAllOpsAreCollected) {
  auto model = emptyModel();
  auto *graph = model.mutable_graph();
  addOp(graph, "Relu", "fine", {"x"}, {"a"});
  addOp(graph, "Einsum", "first", {"a"}, {"b"});
  addOp(graph, "Relu", "follows", {"b"}, {"c"});
  addOp(graph, "FancyOp", "second", {"a"}, {"d"});
  addOp(graph, "Add", "end", {"c", "d"}, {"y"});
  std::string text = importedText(model);
  expectParts(text, {"error: test.onnx: op 'first' (Einsum, opset 17)",
                     "error: test.onnx: op 'second' (FancyOp, opset 17)"});
  EXPECT_EQ(text.find("'follows'"), std::string::npos) << text;
  EXPECT_EQ(text.find("'end'"), std::string::npos) << text;
}

TEST(ConvertModel, AtMostTwentyErrors) {
  auto model = emptyModel();
  for (int i = 0; i < 40; ++i)
    addOp(model.mutable_graph(), "FancyOp", "op" + std::to_string(i), {"x"},
          {i ? "t" + std::to_string(i) : "y"});
  std::string text = importedText(model);
  size_t count = 0;
  for (size_t at = text.find("error:"); at != std::string::npos; at = text.find("error:", at + 1))
    ++count;
  EXPECT_EQ(count, 20u);
}

TEST(ConvertModel, ForeignDomains) {
  auto model = reluModel();
  auto *import = model.add_opset_import();
  import->set_domain("com.example");
  import->set_version(1);
  model.mutable_graph()->mutable_node(0)->set_domain("com.example");
  expectParts(importedText(model), {"error:", "com.example"});
}

TEST(ConvertModel, DeclaredTypesMustBeRight) {
  auto model = reluModel();
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::INT64);
  expectParts(importedText(model), {"error:", "op 'act' (Relu", "declares it as int64"});
}

TEST(ConvertModel, OutputsThatNoOpMakes) {
  auto model = emptyModel();
  addOp(model.mutable_graph(), "Identity", "same", {"x"}, {"y"});
  expectParts(importedText(model), {"\"disco.input\"", "#disco.act<identity>", "\"disco.output\""});
  auto constant = emptyModel();
  addRaw(constant.mutable_graph(), "w", {1}, std::string(4, '\0'));
  addOp(constant.mutable_graph(), "Identity", "same", {"w"}, {"y"});
  expectParts(importedText(constant), {"\"disco.constant\"", "\"disco.output\""});
}

TEST(ConvertModel, WeightsAreMadeOnceAndShapesAreNotKept) {
  auto model = emptyModel();
  auto *graph = model.mutable_graph();
  addRaw(graph, "w", {2, 3}, std::string(24, '\1'));
  addOp(graph, "Add", "a", {"x", "w"}, {"t"});
  addOp(graph, "Mul", "b", {"t", "w"}, {"y"});
  std::string text = importedText(model);
  EXPECT_EQ(text.find("disco.constant"), text.rfind("disco.constant")) << text;
}

TEST(ConvertModel, MasksFoldIntoWeights) {
  auto model = emptyModel();
  auto *graph = model.mutable_graph();
  float weights[6] = {1, 2, 3, 4, 5, 6}, mask[6] = {1, 0, 1, 0, 1, 0};
  addRaw(graph, "w", {3, 2}, std::string(reinterpret_cast<char *>(weights), 24));
  addRaw(graph, "m", {3, 2}, std::string(reinterpret_cast<char *>(mask), 24));
  addOp(graph, "Mul", "masked", {"w", "m"}, {"wm"});
  addOp(graph, "MatMul", "product", {"x", "wm"}, {"y"});
  expectParts(importedText(model),
              {"dense<[[1.000000e+00, 0.000000e+00], [3.000000e+00, 0.000000e+00], "
               "[5.000000e+00, 0.000000e+00]]>",
               "disco.tensor = \"wm\"", "\"disco.matmul\""});
}
