//===- ConvertElementwiseTest.cpp - scalar functions, casts, float16 ------===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

using namespace discoc::importer::testing;
using onnx::TensorProto;

TEST(ConvertUnary, Parameters) {
  expectParts(OneOp("Relu").input({2, 3}).text(),
              {"#disco.act<relu>", "disco.tensor = \"y\"", "tensor<2x3xf32>"});
  expectParts(OneOp("LeakyRelu").input({2}).attr("alpha", 0.5f).text(),
              {"#disco.act<leaky_relu, 5.0"});
  expectParts(OneOp("HardSigmoid").input({2}).attr("alpha", 0.25f).text(),
              {"#disco.act<hard_sigmoid, 2.5", "e-01, 5.0"});
  expectParts(OneOp("Selu").input({2}).text(), {"#disco.act<selu, 1.67326", "1.05070"});
  expectParts(OneOp("Gelu", 20).input({2}).text(), {"#disco.act<gelu>"});
  expectParts(OneOp("Gelu", 20).input({2}).attr("approximate", "tanh").text(),
              {"#disco.act<gelu_tanh>"});
  expectParts(OneOp("Not").input({2}).text(), {"error:", "does not take the element type float"});
}

TEST(ConvertClip, Bounds) {
  expectParts(OneOp("Clip", 6).input({2}).attr("min", 0.f).attr("max", 6.f).text(),
              {"#disco.act<clip, 0.0", "6.0"});
  expectParts(OneOp("Clip").input({2}).constant({}, {1}).text(),
              {"#disco.act<clip, 1.0", "3.40282346638528"});
  expectParts(OneOp("Clip").input({2}).leftOut().constant({}, {1}).text(),
              {"#disco.act<clip, -3.40282346638528", "1.0"});
  expectParts(OneOp("Clip").input({2}).input({}).input({}).text(), {"kind = 5", "kind = 4"});
  expectParts(OneOp("Clip").input({2}, TensorProto::INT64).zeros({}, TensorProto::INT64, 8).text(),
              {"\"disco.binary\"", "kind = 5"});
  expectParts(OneOp("Clip").input({2}, TensorProto::INT8).zeros({}, TensorProto::INT8, 1).text(),
              {"#disco.act<clip, 0.0", "1.27"});
  expectParts(OneOp("Clip").input({2}).constant({2}, {1, 2}).text(),
              {"error:", "bounds must be scalars"});
}

TEST(ConvertBinary, BroadcastsAndTypes) {
  expectParts(OneOp("Add").input({2, 1, 3}).input({4, 1}).text(),
              {"kind = 0", "tensor<2x4x3xf32>"});
  expectParts(OneOp("Less").input({2}).input({1}).text(), {"kind = 14", "tensor<2xi1>"});
  expectParts(OneOp("Add").input({2}).input({3}).text(),
              {"error:", "extents 2 and 3 cannot be broadcast"});
  expectParts(OneOp("Add").input({2}).input({2}, TensorProto::INT32).text(),
              {"error:", "must have the same element type", "float and int32"});
  expectParts(OneOp("Mod").input({2}).input({2}).text(), {"error:", "'fmod' must be 1"});
  expectParts(OneOp("Pow").input({2}).input({2}, TensorProto::INT32).text(),
              {"\"disco.cast\"", "kind = 6"});
}

TEST(ConvertBinary, BroadcastAttributeOfOpset6) {
  expectParts(
      OneOp("Add", 6).input({2, 3, 4, 5}).input({3}).attr("broadcast", 1).attr("axis", 1).text(),
      {"\"disco.rearrange\"(%1)", "tensor<3x1x1xf32>", "\"disco.binary\""});
  expectParts(OneOp("Add", 6).input({2, 3}).input({3}).text(), {"error:", "broadcast is 0"});
}

TEST(ConvertBinary, Variadic) {
  expectParts(OneOp("Mean").input({2}).input({2}).input({1}).text(),
              {"kind = 0", "kind = 0", "dense<3.000000e+00>", "kind = 3"});
  expectParts(OneOp("Max").input({2}).input({2}).text(), {"kind = 5"});
}

TEST(ConvertPrelu, SlopesBroadcastFromTheRight) {
  expectParts(OneOp("PRelu").input({1, 3, 4, 4}).constant({3, 1, 1}, {1, 2, 3}).text(),
              {"kind = 9", "tensor<1x3x4x4xf32>"});
  expectParts(OneOp("PRelu").input({1, 3, 4, 4}).constant({2}, {1, 2}).text(),
              {"error:", "a slope of the shape [2]", "[C, 1, 1]"});
  expectParts(OneOp("PRelu", 6).input({1, 3, 4, 4}).constant({3}, {1, 2, 3}).text(),
              {"tensor<3x1x1xf32>"});
}

TEST(ConvertWhere, Shapes) {
  expectParts(OneOp("Where").input({2, 1}, TensorProto::BOOL).input({3}).input({}).text(),
              {"\"disco.where\"", "-> tensor<2x3xf32>"});
  expectParts(OneOp("Where").input({2}, TensorProto::BOOL).input({3}).input({}).text(),
              {"error:", "cannot be broadcast"});
}

TEST(ConvertCast, Types) {
  expectParts(OneOp("Cast").input({2}).attr("to", TensorProto::UINT8).text(),
              {"\"disco.cast\"", "tensor<2xui8>"});
  expectParts(OneOp("Cast").input({2}).attr("to", TensorProto::BFLOAT16).text(),
              {"error:", "bfloat16"});
  expectParts(OneOp("Cast").input({2}).attr("to", TensorProto::STRING).text(),
              {"error:", "string"});
  // Rounds to float16 on the way.
  expectParts(OneOp("Cast").input({2}, TensorProto::DOUBLE).attr("to", TensorProto::FLOAT16).text(),
              {"tensor<2xf16>", "tensor<2xf32>", "disco.tensor = \"y\"", "tensor<2xf16>"});
}

TEST(ConvertFloat16, ComputesInFloatAndKeepsWeights) {
  expectParts(OneOp("Conv")
                  .input({1, 2, 4, 4}, TensorProto::FLOAT16)
                  .zeros({3, 2, 1, 1}, TensorProto::FLOAT16, 2)
                  .zeros({3}, TensorProto::FLOAT16, 2)
                  .text(),
              {"\"disco.input\"", "tensor<1x2x4x4xf16>", "\"disco.cast\"(%0)",
               "tensor<1x2x4x4xf32>", "tensor<3x2x1x1xf16>", "tensor<3xf32>",
               "-> tensor<1x3x4x4xf32>", "\"disco.cast\"", "-> tensor<1x3x4x4xf16>",
               "\"disco.output\""});
}

TEST(ConvertFloat16, MaskedWeightsStayNarrow) {
  auto model = emptyModel();
  auto *graph = model.mutable_graph();
  auto *type = graph->mutable_input(0)->mutable_type();
  type->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT16);
  graph->mutable_output(0)->clear_type();
  addRaw(graph, "w", {3, 1}, std::string("\x00\x3c\x00\x40\x00\x42", 6), TensorProto::FLOAT16);
  addRaw(graph, "m", {3, 1}, std::string("\x00\x3c\x00\x00\x00\x3c", 6), TensorProto::FLOAT16);
  addOp(graph, "Mul", "masked", {"w", "m"}, {"wm"});
  addOp(graph, "MatMul", "product", {"x", "wm"}, {"y"});
  expectParts(importedText(model),
              {"[1.000000e+00], [0.000000e+00], [3.000000e+00]", "tensor<3x1xf16>",
               "\"disco.matmul\"", "tensor<3x1xf16>) -> tensor<2x1xf32>"});
}

TEST(ConvertUnary, Compositions) {
  expectParts(OneOp("IsNaN").input({2}).text(), {"kind = 13 : i32", "#disco.act<not>"});
  expectParts(OneOp("IsInf").input({2}).attr("detect_negative", 0).text(),
              {"dense<0x7F800000>", "kind = 13 : i32"});
  expectParts(OneOp("BitwiseNot", 18).input({2}, TensorProto::UINT8).text(),
              {"dense<255>", "kind = 12 : i32"});
  expectParts(
      OneOp("BitShift").input({2}, TensorProto::UINT8).input({2}, TensorProto::UINT8).text(),
      {"error:", "LEFT or RIGHT"});
}

TEST(ConvertPrelu, ConvertedSlopesGoByChannel) {
  expectParts(OneOp("PRelu").input({2, 3, 4}).constant({3}, {1, 2, 3}).text(),
              {"tensor<3x1xf32>", "kind = 9"});
}

TEST(ConvertBatchNorm, FoldsIntoTwoConstants) {
  OneOp op = OneOp("BatchNormalization").input({1, 2, 4, 4});
  op.constant({2}, {2, 4})
      .constant({2}, {1, 1})
      .constant({2}, {1, 2})
      .constant({2}, {4, 16})
      .attr("epsilon", 0.f);
  expectParts(op.text(),
              {"dense<1.000000e+00> : tensor<2x1x1xf32>", "kind = 2",
               "[[0.000000e+00]], [[-1.000000e+00]]", "kind = 0", "disco.tensor = \"y\""});
  expectParts(OneOp("BatchNormalization")
                  .input({1, 2, 4})
                  .input({2})
                  .input({2})
                  .input({2})
                  .input({2})
                  .text(),
              {"#disco.act<sqrt>", "kind = 3"});
  op.attr("training_mode", 1);
  expectParts(op.text(), {"kind = 0 : i32", "axes = array<i64: 0, 2, 3>", "#disco.act<sqrt>"});
  OneOp old("BatchNormalization", 9);
  for (int i = 0; i < 5; ++i)
    old.input(i == 0 ? std::vector<int64_t>{1, 2, 4} : std::vector<int64_t>{2});
  expectParts(old.outputs(3).text(), {"error:", "training mode", "model.eval()"});
}

TEST(ConvertNormalisation, Decomposed) {
  expectParts(OneOp("LayerNormalization").input({2, 3, 4}).input({4}).input({4}).text(),
              {"axes = array<i64: 2>, keepdims", "#disco.act<sqrt>", "#disco.act<reciprocal>",
               "disco.tensor = \"y\""});
  expectParts(
      OneOp("LayerNormalization").input({2, 3, 4}).input({4}).attr("axis", 1).outputs(3).text(),
      {"axes = array<i64: 1, 2>", "disco.tensor = \"y1\"", "disco.tensor = \"y2\""});
  expectParts(OneOp("InstanceNormalization")
                  .input({2, 3, 4})
                  .constant({3}, {1, 2, 3})
                  .constant({3}, {1, 2, 3})
                  .text(),
              {"tensor<3x1xf32>", "tensor<2x3x4xf32>"});
  for (int64_t opset : {18, 21})
    expectParts(OneOp("GroupNormalization", opset)
                    .input({1, 4, 2, 2})
                    .input({opset == 18 ? 2 : 4})
                    .input({opset == 18 ? 2 : 4})
                    .attr("num_groups", 2)
                    .text(),
                {"tensor<1x2x2x2x2xf32>", "axes = array<i64: 2, 3, 4>", "\"disco.output\"",
                 "tensor<1x4x2x2xf32>"});
}

TEST(ConvertReduce, AxesOfEveryForm) {
  expectParts(OneOp("ReduceMean").input({2, 3, 4}).attr("axes", {-1, 0}).attr("keepdims", 0).text(),
              {"axes = array<i64: 0, 2>, kind = 0", "tensor<3xf32>"});
  expectParts(OneOp("ReduceSum").input({2, 3}).constantInts({1}).text(),
              {"axes = array<i64: 1>, keepdims, kind = 1"});
  expectParts(OneOp("ReduceMax", 18).input({2, 3}).constantInts({1}).text(),
              {"axes = array<i64: 1>, keepdims, kind = 2"});
  expectParts(OneOp("ReduceL2").input({2, 3}).text(),
              {"axes = array<i64: 0, 1>, keepdims, kind = 7"});
  expectParts(OneOp("ReduceSum").input({2, 3}).attr("noop_with_empty_axes", 1).text(),
              {"#disco.act<identity>"});
  // Nothing is summed; what is done to every element stays.
  auto nothing = [](const char *kind) {
    return OneOp(kind, 18).input({2, 3}).attr("noop_with_empty_axes", 1).text();
  };
  expectParts(nothing("ReduceL1"), {"#disco.act<abs>"});
  expectParts(nothing("ReduceL2"), {"#disco.act<abs>"});
  expectParts(nothing("ReduceLogSum"), {"#disco.act<log>"});
  expectParts(nothing("ReduceSumSquare"), {"\"disco.binary\"(%0, %0)"});
  expectParts(nothing("ReduceMax"), {"#disco.act<identity>"});
  expectParts(OneOp("ReduceMean").input({2, 3}).attr("axes", {0, -2}).text(),
              {"error:", "name one axis twice"});
  expectParts(OneOp("ReduceMean").input({2, 3}).attr("axes", {2, 0}).text(),
              {"error:", "axis 2 does not exist"});
  expectParts(OneOp("ReduceSum").input({2, 3}).input({1}, TensorProto::INT64).text(),
              {"error:", "must be known when compiling", "--set"});
}

TEST(ConvertSoftmax, AxesByOpset) {
  expectParts(OneOp("Softmax", 11).input({2, 3, 4}).text(), {"axis = 1 : i64, count = 2"});
  expectParts(OneOp("Softmax", 13).input({2, 3, 4}).text(), {"axis = 2 : i64, count = 1"});
  expectParts(OneOp("LogSoftmax", 13).input({2, 3, 4}).attr("axis", 0).text(),
              {"axis = 0 : i64, count = 1 : i64, log"});
}
