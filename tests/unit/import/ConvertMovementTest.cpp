//===- ConvertMovementTest.cpp - shapes, slices, resampling, constants ----===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

using namespace discoc::importer::testing;
using onnx::TensorProto;

TEST(ConvertReshape, ViewsAreCommonFactors) {
  auto view = [](const std::vector<int64_t> &from, const std::vector<int64_t> &to,
                 const std::string &expected) {
    expectParts(OneOp("Reshape").input(from).constantInts(to).text(),
                {"view = array<i64: " + expected + ">"});
  };
  view({1, 6, 4, 4}, {1, 96}, "1, 6, 4, 4");
  view({1, 512}, {1, 8, 64}, "1, 8, 64");
  view({1, 12, 5}, {1, 4, 15}, "1, 4, 3, 5");
  view({6, 1}, {1, 6}, "6, 1");
  view({2, 6, 5}, {4, 3, 5}, "2, 2, 3, 5");
  // 4 | 6 and 6 | 4 have no common factors, what is around them has.
  view({1, 4, 6, 7}, {1, 6, 4, 7}, "1, 4, 6, 7");
}

TEST(ConvertReshape, ZeroAndMinusOne) {
  expectParts(OneOp("Reshape").input({2, 3, 4}).constantInts({0, -1}).text(),
              {"-> tensor<2x12xf32>"});
  expectParts(OneOp("Reshape").input({0, 3}).constantInts({3, 0}).attr("allowzero", 1).text(),
              {"-> tensor<3x0xf32>"});
  expectParts(OneOp("Reshape").input({2, 3}).constantInts({4, -1}).text(),
              {"error:", "[4, -1] does not fit"});
  expectParts(OneOp("Reshape").input({2, 3}).constantInts({-1, -1}).text(),
              {"error:", "is impossible"});
  expectParts(OneOp("Reshape").input({2, 3}).constantInts({7}).text(),
              {"error:", "numbers of elements differ"});
  expectParts(OneOp("Reshape").input({2, 3}).constantInts({INT64_MAX, INT64_MAX, 4}).text(),
              {"error:", "is impossible"});
  expectParts(OneOp("Reshape").input({2, 3}).input({2}, TensorProto::INT64).text(),
              {"error:", "input 'shape' ('x1')", "--set x1=VALUE fixes"});
  expectParts(OneOp("Reshape").input({2, 3}).constant({2}, {3, 2}).text(),
              {"error:", "must hold integers"});
}

TEST(ConvertReshape, Relatives) {
  expectParts(OneOp("Flatten").input({2, 3, 4}).attr("axis", -1).text(), {"-> tensor<6x4xf32>"});
  expectParts(OneOp("Flatten").input({2, 3}).attr("axis", 0).text(), {"-> tensor<1x6xf32>"});
  expectParts(OneOp("Squeeze", 11).input({1, 2, 1}).attr("axes", std::vector<int64_t>{-1}).text(),
              {"-> tensor<1x2xf32>"});
  expectParts(OneOp("Squeeze").input({1, 2, 1}).text(), {"-> tensor<2xf32>"});
  expectParts(OneOp("Squeeze").input({1, 2}).constantInts({1}).text(),
              {"error:", "axis 1", "extent is not 1"});
  expectParts(OneOp("Unsqueeze").input({2, 3}).constantInts({0, -1}).text(),
              {"-> tensor<1x2x3x1xf32>"});
  expectParts(OneOp("Transpose").input({2, 3, 4}).text(),
              {"perm = array<i64: 2, 1, 0>, view = array<i64: 2, 3, 4>", "tensor<4x3x2xf32>"});
  expectParts(OneOp("Transpose").input({2, 3}).attr("perm", {0, 0}).text(),
              {"error:", "no permutation"});
  expectParts(OneOp("DepthToSpace").input({1, 8, 2, 3}).attr("blocksize", 2).text(),
              {"perm = array<i64: 0, 3, 4, 1, 5, 2>, view = array<i64: 1, 2, 2, 2, 2, 3>",
               "tensor<1x2x4x6xf32>"});
  expectParts(
      OneOp("DepthToSpace").input({1, 8, 2, 3}).attr("blocksize", 2).attr("mode", "CRD").text(),
      {"perm = array<i64: 0, 1, 4, 2, 5, 3>"});
  expectParts(OneOp("SpaceToDepth").input({1, 2, 4, 6}).attr("blocksize", 2).text(),
              {"tensor<1x8x2x3xf32>"});
}

TEST(ConvertSlice, ClampsAndSteps) {
  auto slice = [](const std::vector<int64_t> &start, const std::vector<int64_t> &end,
                  const std::vector<int64_t> &step) {
    return OneOp("Slice")
        .input({10})
        .constantInts(start)
        .constantInts(end)
        .constantInts({0})
        .constantInts(step)
        .text();
  };
  expectParts(slice({-3}, {INT64_MAX}, {1}), {"starts = array<i64: 7>", "tensor<3xf32>"});
  expectParts(slice({INT64_MAX}, {INT64_MIN}, {-3}),
              {"starts = array<i64: 9>, steps = array<i64: -3>", "tensor<4xf32>"});
  expectParts(slice({2}, {9}, {INT64_MAX}), {"tensor<1xf32>"});
  expectParts(slice({5}, {2}, {1}), {"tensor<0xf32>"});
  expectParts(slice({5}, {2}, {0}), {"error:", "step must not be 0"});
  expectParts(OneOp("Slice", 9).input({4, 5}).attr("starts", {1, 1}).attr("ends", {3, -1}).text(),
              {"tensor<2x3xf32>"});
}

TEST(ConvertSplit, Forms) {
  expectParts(OneOp("Split", 11).input({6}).outputs(3).text(),
              {"starts = array<i64: 0>", "starts = array<i64: 2>", "starts = array<i64: 4>"});
  expectParts(OneOp("Split", 11).input({6}).attr("split", {1, 5}).outputs(2).text(),
              {"tensor<1xf32>", "tensor<5xf32>"});
  expectParts(OneOp("Split", 18).input({7}).attr("num_outputs", 3).outputs(3).text(),
              {"tensor<3xf32>", "tensor<3xf32>", "tensor<1xf32>"});
  expectParts(OneOp("Split").input({7}).outputs(2).text(), {"error:", "2 equal parts"});
  expectParts(OneOp("Split").input({7}).constantInts({3, 3}).outputs(2).text(),
              {"error:", "cannot be split"});
}

TEST(ConvertGather, ConstantAndRuntimeIndices) {
  expectParts(OneOp("Gather").input({3, 4}).constantInts({2, -3}).attr("axis", 0).text(),
              {"\"disco.select\"", "indices = array<i64: 2, 0>", "tensor<2x4xf32>"});
  expectParts(
      OneOp("Gather").input({3, 4}).input({2, 2}, TensorProto::INT64).attr("axis", 1).text(),
      {"\"disco.gather\"", "tensor<3x2x2xf32>"});
  expectParts(OneOp("Gather").input({3, 4}).constantInts({3}).text(),
              {"error:", "index 3 is outside axis 0"});
  expectParts(OneOp("Gather").input({3, 4}).constant({1}, {0}).text(),
              {"error:", "int32 or int64"});
}

TEST(ConvertPad, FormsByOpset) {
  expectParts(OneOp("Pad", 9).input({2, 3}).attr("pads", {0, 1, 0, 2}).attr("value", 1.5f).text(),
              {"pads = array<i64: 0, 1, 0, 2>, value = 1.5", "tensor<2x6xf32>"});
  expectParts(OneOp("Pad", 18)
                  .input({2, 3})
                  .constantInts({1, 2})
                  .leftOut()
                  .constantInts({-1})
                  .attr("mode", "edge")
                  .text(),
              {"mode = 2", "pads = array<i64: 0, 1, 0, 2>"});
  expectParts(OneOp("Pad").input({2, 3}).constantInts({0, -1, 0, 2}).text(),
              {"\"disco.slice\"", "tensor<2x2xf32>", "pads = array<i64: 0, 0, 0, 2>"});
  expectParts(OneOp("Pad").input({2, 3}).constantInts({0, 3, 0, 0}).attr("mode", "reflect").text(),
              {"error:", "reflected border"});
  expectParts(OneOp("Pad").input({2, 3}).constantInts({0, 0, 0, INT64_MIN}).text(),
              {"error:", "too large"});
  expectParts(OneOp("Pad").input({2, 3}).constantInts({0, 0}).text(),
              {"error:", "two entries for each of 2 axes"});
  expectParts(OneOp("Pad").input({2, 3}).constantInts({0, 0, 0, 0}).attr("mode", "grey").text(),
              {"error:", "'mode' is 'grey'"});
}

TEST(ConvertExpand, AndTile) {
  expectParts(OneOp("Expand").input({2, 1}).constantInts({3, 1, 4}).text(),
              {"\"disco.expand\"", "tensor<3x2x4xf32>"});
  expectParts(OneOp("Expand").input({2}).constantInts({3}).text(),
              {"error:", "cannot be broadcast"});
  expectParts(OneOp("Expand").input({1}).constantInts({INT64_MAX, INT64_MAX}).text(),
              {"error:", "cannot be broadcast"});
  expectParts(OneOp("Tile").input({2, 3}).constantInts({1, 3}).text(),
              {"\"disco.concat\"(%0, %0, %0)", "tensor<2x9xf32>"});
  expectParts(OneOp("Tile").input({2, 3}).constantInts({100, 1}).text(),
              {"\"disco.expand\"", "tensor<200x3xf32>"});
}

TEST(ConvertResize, ScalesAndSizes) {
  expectParts(OneOp("Resize").input({1, 1, 4, 4}).leftOut().constant({4}, {1, 1, 2, 0.7f}).text(),
              {"scales = array<f64: 1.0", "tensor<1x1x8x2xf32>"});
  expectParts(OneOp("Resize")
                  .input({1, 1, 4, 4})
                  .leftOut()
                  .leftOut()
                  .constantInts({1, 1, 6, 2})
                  .attr("mode", "cubic")
                  .text(),
              {"mode = 2", "1.500000e+00, 5.000000e-01>", "tensor<1x1x6x2xf32>"});
  expectParts(OneOp("Resize", 18)
                  .input({1, 1, 4, 8})
                  .leftOut()
                  .leftOut()
                  .constantInts({6, 6})
                  .attr("axes", {2, 3})
                  .attr("keep_aspect_ratio_policy", "not_larger")
                  .text(),
              {"tensor<1x1x3x6xf32>"});
  expectParts(OneOp("Resize", 18)
                  .input({1, 1, 4, 8})
                  .leftOut()
                  .leftOut()
                  .constantInts({6, 6})
                  .attr("axes", {2, 3})
                  .attr("antialias", 1)
                  .text(),
              {"\"disco.resize\"", "tensor<1x1x6x6xf32>"});
  expectParts(OneOp("Resize", 18)
                  .input({1, 1, 2, 5})
                  .leftOut()
                  .leftOut()
                  .constantInts({3})
                  .attr("axes", std::vector<int64_t>{3})
                  .attr("antialias", 1)
                  .attr("mode", "linear")
                  .attr("coordinate_transformation_mode", "asymmetric")
                  .text(),
              {"tensor<1x5x3xf32>", "\"disco.matmul\"", "tensor<1x1x2x3xf32>"});
  expectParts(OneOp("Resize").input({1, 1, 4, 4}).leftOut().constant({2}, {1, 1}).text(),
              {"error:", "'scales' has 2 entries"});
  expectParts(OneOp("Resize").input({1, 1, 4, 4}).leftOut().constant({4}, {1, 1, -1, 1}).text(),
              {"error:", "must be positive"});
  expectParts(OneOp("Resize").input({1, 1, 4, 4}).text(), {"error:", "either scales or sizes"});
  expectParts(OneOp("Upsample", 9).input({1, 1, 4, 4}).constant({4}, {1, 1, 2, 2}).text(),
              {"coordinates = 3", "nearest = 2", "tensor<1x1x8x8xf32>"});
}

TEST(ConvertConstants, ShapeArithmeticFolds) {
  // Reshape(x, Concat(Shape(x)[0:1], -1))
  auto model = emptyModel();
  auto *graph = model.mutable_graph();
  addOp(graph, "Shape", "shape", {"x"}, {"s"});
  int64_t zero = 0, minus = -1;
  addRaw(graph, "zero", {}, std::string(reinterpret_cast<char *>(&zero), 8), TensorProto::INT64);
  addRaw(graph, "minus", {1}, std::string(reinterpret_cast<char *>(&minus), 8), TensorProto::INT64);
  addRaw(graph, "axes", {1}, std::string(reinterpret_cast<char *>(&zero), 8), TensorProto::INT64);
  addOp(graph, "Gather", "gather", {"s", "zero"}, {"batch"});
  addOp(graph, "Unsqueeze", "unsqueeze", {"batch", "axes"}, {"batch1"});
  auto *concat = addOp(graph, "Concat", "concat", {"batch1", "minus"}, {"target"});
  auto *axis = concat->add_attribute();
  axis->set_name("axis");
  axis->set_type(onnx::AttributeProto::INT);
  axis->set_i(0);
  addOp(graph, "Reshape", "reshape", {"x", "target"}, {"y"});
  std::string text = importedText(model);
  // The shape is the input's: nothing is left of it.
  expectParts(text, {"\"disco.input\"", "#disco.act<identity>", "\"disco.output\""});
  EXPECT_EQ(text.find("disco.constant"), std::string::npos) << text;
}

TEST(ConvertConstants, Forms) {
  expectParts(OneOp("Constant").attr("value_ints", {1, 2}).text(),
              {"dense<[1, 2]> : tensor<2xi64>"});
  expectParts(OneOp("Constant").attr("value_float", 2.f).text(),
              {"dense<2.000000e+00> : tensor<f32>"});
  expectParts(OneOp("Constant").attr("value_string", "x").text(),
              {"error:", "'value_string' is not supported"});
  expectParts(OneOp("ConstantOfShape").constantInts({2, 3}).text(),
              {"dense<0.000000e+00> : tensor<2x3xf32>"});
  expectParts(OneOp("ConstantOfShape").constantInts({INT64_MAX, 3}).text(),
              {"error:", "too large"});
  expectParts(OneOp("Shape").input({2, 3, 4}).attr("start", -2).text(),
              {"dense<[3, 4]> : tensor<2xi64>"});
  expectParts(OneOp("Size").input({2, 3, 4}).text(), {"dense<24> : tensor<i64>"});
  expectParts(OneOp("Range").constant({}, {1}).constant({}, {2}).constant({}, {0.5f}).text(),
              {"dense<[1.000000e+00, 1.500000e+00]>"});
  expectParts(OneOp("Range").constant({}, {1}).constant({}, {2}).constant({}, {0}).text(),
              {"error:", "delta"});
  expectParts(OneOp("EyeLike").input({2, 2}).attr("k", 1).text(),
              {"[0.000000e+00, 1.000000e+00], [0.000000e+00, 0.000000e+00]"});
}

TEST(ConvertConstants, DropoutIsForwarded) {
  expectParts(OneOp("Dropout").input({2}).text(), {"#disco.act<identity>", "disco.tensor = \"y\""});
  expectParts(OneOp("Dropout").input({2}).outputs(2).text(), {"dense<true> : tensor<2xi1>"});
  expectParts(OneOp("Dropout").input({2}).leftOut().input({}, TensorProto::BOOL).text(),
              {"error:", "training_mode"});
}

TEST(ConvertScatter, MasksFold) {
  expectParts(OneOp("Trilu").constant({2, 2}, {1, 2, 3, 4}).text(),
              {"[1.000000e+00, 2.000000e+00], [0.000000e+00, 4.000000e+00]"});
  expectParts(OneOp("Trilu").input({3, 2, 2}).attr("upper", 0).text(),
              {"[true, false], [true, true]", "\"disco.where\""});
  expectParts(OneOp("ScatterND").constant({2}, {1, 2}).constantInts({1}).constant({}, {5}).text(),
              {"[1.000000e+00, 5.000000e+00]"});
  expectParts(OneOp("ScatterND").input({2}).constantInts({2}).constant({}, {1}).text(),
              {"error:", "index 2 is outside an axis of extent 2"});
  expectParts(OneOp("ScatterND").input({2}).constantInts({0}).constant({1}, {1}).text(),
              {"error:", "the updates have the shape [1], but must have []"});
  // An assignment to a slice of one axis, its places listed; index by index, also from the end.
  const std::vector<int64_t> places{2, 1, 2};
  auto assigned = [&](std::initializer_list<int64_t> values) {
    return OneOp("ScatterND").input({2, 4}).constantInts(values, places).input({2, 1}).text();
  };
  for (const std::string &text : {assigned({0, 2, 1, 2}), assigned({0, -2, -1, 2})})
    expectParts(text, {"\"disco.slice\"", "starts = array<i64: 0, 0>", "tensor<2x2xf32>",
                       "\"disco.slice\"", "starts = array<i64: 0, 3>", "tensor<2x1xf32>",
                       "\"disco.concat\"", "axis = 1"});
  for (const std::string &text : {assigned({0, 2, 1, 1}), assigned({1, 2, 0, 2})})
    expectParts(text, {"\"disco.scatter\""});
  expectParts(assigned({0, 4, 1, 4}), {"error:", "outside an axis of extent"});
  expectParts(OneOp("ScatterND", 18)
                  .input({2})
                  .constantInts({0})
                  .constant({}, {1})
                  .attr("reduction", "mean")
                  .text(),
              {"error:", "must be none, add, mul, max or min"});
}

TEST(ConvertGather, ElementsAndCoordinates) {
  expectParts(OneOp("GatherElements")
                  .input({4, 3})
                  .input({2, 2}, TensorProto::INT64)
                  .attr("axis", 0)
                  .text(),
              {"\"disco.slice\"", "tensor<4x2xf32>", "perm = array<i64: 1, 0>",
               "perm = array<i64: 1, 0>", "\"disco.gather\"", "batch = 1 : i64",
               "tensor<2x2xf32>"});
  expectParts(OneOp("GatherElements").input({4, 3}).input({5, 4}, TensorProto::INT64).text(),
              {"error:", "[5, 4], which does not fit an input of the shape [4, 3]"});
  expectParts(OneOp("GatherND")
                  .input({2, 3, 4})
                  .input({2, 1}, TensorProto::INT64)
                  .attr("batch_dims", 1)
                  .text(),
              {"\"disco.gather\"", "batch = 1 : i64", "tensor<2x4xf32>"});
  expectParts(OneOp("GatherND").input({2, 3}).constantInts({1, -1}).text(),
              {"\"disco.select\"", "indices = array<i64: 5>", "tensor<f32>"});
  expectParts(OneOp("GatherND").input({2}).input({2, 2}, TensorProto::INT64).text(),
              {"error:", "with 0 batch dimensions"});
}

TEST(ConvertGather, ShapesThatDependOnData) {
  expectParts(OneOp("Compress").input({3}).input({3}, TensorProto::BOOL).text(),
              {"error:", "'condition'", "known when compiling"});
  expectParts(OneOp("NonZero").input({3}).text(), {"error:", "known when compiling"});
  expectParts(OneOp("NonZero").constant({2, 2}, {0, 3, 0, 4}).text(), {"dense<[[0, 1], [1, 1]]>"});
  expectParts(
      OneOp("NonMaxSuppression", 11).input({1, 5, 4}).input({1, 2, 5}).constantInts({3}).text(),
      {"error:", "depends on the data", "--pin NAME=ROWS"});
}

TEST(ConvertOrder, IndicesThenValues) {
  expectParts(OneOp("TopK").input({2, 9, 4}).constantInts({3}).attr("axis", 1).outputs(2).text(),
              {"perm = array<i64: 0, 2, 1>", "\"disco.top_k\"", "axis = 2", "k = 3",
               "tensor<2x4x3xi64>", "\"disco.gather\"", "batch = 2", "tensor<2x3x4xf32>"});
  expectParts(OneOp("TopK").input({2, 9}).constantInts({10}).outputs(2).text(),
              {"error:", "k is [10], but axis 1 has the extent 9"});
  expectParts(OneOp("ArgMax").input({2, 9}).attr("axis", 1).attr("keepdims", 0).text(),
              {"\"disco.arg_extreme\"", "tensor<2x1xi64>", "tensor<2xi64>"});
  expectParts(OneOp("CumSum").input({2, 9}).constantInts({-1}).attr("reverse", 1).text(),
              {"\"disco.cum_sum\"", "axis = 1", "reverse"});
}

TEST(ConvertEinsum, ProductsAndDiagonals) {
  auto einsum = [](const char *equation) { return OneOp("Einsum").attr("equation", equation); };
  expectParts(einsum("bhid,bhjd->bhij").input({2, 3, 4, 5}).input({2, 3, 6, 5}).text(),
              {"\"disco.matmul\"", "tensor<2x3x4x6xf32>"});
  // Constant weights are the second factor, whatever their place.
  expectParts(einsum("od,bd->bo").constant({2, 1}, {1, 2}).input({3, 1}).text(),
              {"\"disco.matmul\"(%0, %", "tensor<3x2xf32>"});
  expectParts(einsum("bii->bi").input({2, 3, 3}).text(),
              {"indices = array<i64: 0, 4, 8>", "tensor<2x3xf32>"});
  expectParts(einsum("...i,i").input({2, 3, 4}).input({4}).text(), {"tensor<2x3xf32>"});
  expectParts(einsum("ij->ik").input({2, 3}).text(), {"error:", "the equation 'ij->ik'"});
  expectParts(einsum("ij,jk->ik").input({2, 3}).input({4, 5}).text(),
              {"error:", "a summed dimension has the extents 3 and 4"});
}

TEST(ConvertRecurrent, PacksItsResults) {
  OneOp op("LSTM");
  op.input({5, 2, 3}).input({2, 16, 3}).input({2, 16, 4}).attr("direction", "bidirectional");
  expectParts(op.outputs(3).text(),
              {"\"disco.matmul\"", "tensor<5x2x32xf32>", "\"disco.recurrent\"",
               "#disco.act<sigmoid>, #disco.act<tanh>, #disco.act<tanh>", "tensor<7x2x2x4xf32>",
               "starts = array<i64: 0, 0, 0, 0>", "starts = array<i64: 5",
               "starts = array<i64: 6"});
  expectParts(OneOp("GRU").input({5, 2, 3}).input({1, 11, 3}).input({1, 12, 4}).text(),
              {"error:", "do not fit the input and each other"});
  expectParts(OneOp("RNN")
                  .input({5, 2, 3})
                  .input({1, 4, 3})
                  .input({1, 4, 4})
                  .attr("direction", "sideways")
                  .text(),
              {"error:", "'sideways'", "bidirectional"});
}
