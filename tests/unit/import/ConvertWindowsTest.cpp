//===- ConvertWindowsTest.cpp - convolution, pooling and products ---------===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

using namespace discoc::importer::testing;

namespace {

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(i);
  return values;
}

OneOp conv(int64_t opset = 17) {
  return OneOp("Conv", opset).input({1, 2, 7, 8}).constant({4, 2, 3, 3}, numbers(72));
}

OneOp pool(const char *type, int64_t opset = 17) { return OneOp(type, opset).input({1, 2, 7, 8}); }

} // namespace

TEST(ConvertConv, DefaultsAndBias) {
  expectParts(conv().constant({4}, numbers(4)).text(),
              {"\"disco.conv\"(%0, %1, %2)", "dilations = array<i64: 1, 1>, group = 1",
               "pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>", "disco.tensor = \"y\"",
               "-> tensor<1x4x5x6xf32>"});
}

TEST(ConvertConv, AutoPad) {
  // 7 / 2 rounds up to 4: one row of padding is missing on one side.
  expectParts(conv().attr("auto_pad", "SAME_UPPER").attr("strides", {2, 2}).text(),
              {"pads = array<i64: 1, 0, 1, 1>", "tensor<1x4x4x4xf32>"});
  expectParts(conv().attr("auto_pad", "SAME_LOWER").attr("strides", {2, 2}).text(),
              {"pads = array<i64: 1, 1, 1, 0>", "tensor<1x4x4x4xf32>"});
  expectParts(conv().attr("auto_pad", "VALID").text(),
              {"pads = array<i64: 0, 0, 0, 0>", "tensor<1x4x5x6xf32>"});
  expectParts(conv().attr("auto_pad", "BEST").text(),
              {"error:", "'op' (Conv", "'auto_pad' is 'BEST'"});
}

TEST(ConvertConv, AsymmetricPadsDilationsAndGroups) {
  expectParts(
      OneOp("Conv")
          .input({2, 4, 9})
          .constant({6, 2, 3}, numbers(36))
          .attr("group", 2)
          .attr("dilations", std::vector<int64_t>{2})
          .attr("pads", {0, 3})
          .text(),
      {"dilations = array<i64: 2>, group = 2", "pads = array<i64: 0, 3>", "tensor<2x6x8xf32>"});
}

TEST(ConvertConv, RuntimeBiasIsAdded) {
  expectParts(conv().input({4}).text(),
              {"\"disco.conv\"", "\"disco.rearrange\"", "tensor<4x1x1xf32>", "\"disco.binary\""});
}

TEST(ConvertConv, Mistakes) {
  expectParts(conv().attr("kernel_shape", {5, 5}).text(),
              {"error: test.onnx: op 'op' (Conv, opset 17)", "kernel_shape"});
  expectParts(conv().attr("strides", {1, 0}).text(), {"error:", "'strides'", "entry 0"});
  expectParts(conv().attr("group", 3).text(), {"error:", "not a multiple of group"});
  expectParts(conv().attr("group", 2).text(), {"error:", "the input has 2 channels"});
  expectParts(conv().attr("dilations", {9, 9}).text(), {"error:", "larger than the padded input"});
  expectParts(conv().attr("pads", {1, 1}).text(),
              {"error:", "'pads' has 2 entries, but must have 4"});
  expectParts(conv().attr("strides", "2").text(), {"error:", "'strides' is of kind STRING"});
  expectParts(conv().attr("colour", 3).text(), {"error:", "'colour' is not known"});
  expectParts(conv().constant({3}, numbers(3)).text(), {"error:", "bias has the shape [3]"});
  expectParts(OneOp("Conv").input({1, 2}).constant({2, 2}, numbers(4)).text(),
              {"error:", "3, 4 or 5 dimensions"});
  expectParts(OneOp("Conv")
                  .input({1, 2, 3}, onnx::TensorProto::INT64)
                  .input({2, 2, 1}, onnx::TensorProto::INT64)
                  .text(),
              {"error:", "does not take the element type int64"});
  expectParts(OneOp("Conv").input({1, 2, 3}).text(), {"error:", "input 1 is missing"});
}

TEST(ConvertConvTranspose, BecomesAConvolution) {
  // [C, M / group, k] is mirrored to [M, C / group, k].
  expectParts(
      OneOp("ConvTranspose").input({1, 2, 3}).constant({2, 1, 2}, {1, 2, 3, 4}).text(),
      {"dense<[[[2.000000e+00, 1.000000e+00], [4.000000e+00, 3.000000e+00]]]> : tensor<1x2x2xf32>",
       "\"disco.conv\"(%0", "pads = array<i64: 1, 1>, strides = array<i64: 1>",
       "tensor<1x1x4xf32>"});
  expectParts(OneOp("ConvTranspose")
                  .input({1, 2, 3})
                  .constant({2, 1, 2}, {1, 2, 3, 4})
                  .attr("strides", std::vector<int64_t>{3})
                  .attr("pads", {0, 1})
                  .attr("output_padding", std::vector<int64_t>{1})
                  .text(),
              {"\"disco.pad\"", "tensor<1x2x9xf32>", "tensor<1x1x8xf32>"});
  expectParts(OneOp("ConvTranspose").input({1, 2, 3}).constant({3, 1, 2}, numbers(6)).text(),
              {"error:", "2 channels"});
  expectParts(OneOp("ConvTranspose")
                  .input({1, 2, 3})
                  .constant({2, 1, 2}, numbers(4))
                  .attr("pads", {90, 90})
                  .text(),
              {"error:", "leave nothing"});
}

TEST(ConvertPool, CeilModeAndPads) {
  expectParts(pool("MaxPool").attr("kernel_shape", {3, 3}).attr("strides", {2, 2}).text(),
              {"tensor<1x2x3x3xf32>"});
  expectParts(pool("MaxPool")
                  .attr("kernel_shape", {3, 3})
                  .attr("strides", {2, 2})
                  .attr("ceil_mode", 1)
                  .text(),
              {"ceil_mode", "kind = 0", "tensor<1x2x3x4xf32>"});
  expectParts(pool("AveragePool")
                  .attr("kernel_shape", {2, 2})
                  .attr("pads", {1, 1, 1, 1})
                  .attr("count_include_pad", 1)
                  .text(),
              {"count_include_pad", "kind = 1", "tensor<1x2x8x9xf32>"});
}

TEST(ConvertPool, Mistakes) {
  expectParts(pool("MaxPool").text(), {"error:", "'kernel_shape' is missing"});
  expectParts(pool("MaxPool").attr("kernel_shape", {2, 2}).attr("pads", {2, 0, 0, 0}).text(),
              {"error:", "as large as the window"});
  expectParts(pool("MaxRoiPool").attr("kernel_shape", {2, 2}).text(),
              {"error:", "'op' (MaxRoiPool, opset 17)", "not supported"});
}

TEST(ConvertPool, IndicesCountOverAllPlanes) {
  expectParts(pool("MaxPool").attr("kernel_shape", {2, 2}).outputs(2).text(),
              {"\"disco.max_pool_index\"", "\"disco.binary\"", "kind = 0", "\"disco.pool\""});
}

TEST(ConvertPool, GlobalIsAReduction) {
  expectParts(
      pool("GlobalAveragePool").text(),
      {"\"disco.reduce\"", "axes = array<i64: 2, 3>, keepdims, kind = 0", "tensor<1x2x1x1xf32>"});
  expectParts(pool("GlobalMaxPool").text(), {"keepdims, kind = 2"});
}

TEST(ConvertGemm, BiasForms) {
  auto gemm = [](const std::vector<int64_t> &shape, size_t count) {
    return OneOp("Gemm")
        .input({2, 3})
        .constant({4, 3}, numbers(12))
        .constant(shape, numbers(count))
        .attr("transB", 1)
        .text();
  };
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{4}, {1, 4}})
    expectParts(gemm(shape, 4),
                {"\"disco.matmul\"(%0, %1, %2)", "trans_b", "tensor<4xf32>) -> tensor<2x4xf32>"});
  expectParts(gemm({1}, 1), {"dense<0.000000e+00> : tensor<1xf32>}> : () -> tensor<4xf32>",
                             "\"disco.matmul\"(%0, %1, %2)"});
  expectParts(gemm({2, 1}, 2), {"\"disco.matmul\"(%0, %1)", "\"disco.binary\"", "tensor<2x1xf32>"});
  expectParts(gemm({3, 4}, 12), {"error:", "C has the shape [3, 4]"});
}

TEST(ConvertGemm, AlphaScalesTheConstant) {
  expectParts(OneOp("Gemm")
                  .input({1, 2})
                  .constant({2, 1}, {1, 2})
                  .constant({1}, {4})
                  .attr("alpha", 2.f)
                  .attr("beta", 0.5f)
                  .text(),
              {"dense<[[2.000000e+00], [4.000000e+00]]>", "dense<2.000000e+00> : tensor<1xf32>",
               "\"disco.matmul\"(%0, %"});
  expectParts(OneOp("Gemm").input({1, 2}).input({2, 1}).input({1}).attr("alpha", 2.f).text(),
              {"\"disco.matmul\"(%0, %1)", "kind = 2", "kind = 0"});
}

TEST(ConvertGemm, TransposedInputOfAContraction) {
  // Its channels must be the last axis.
  expectParts(OneOp("Gemm").input({3, 2}).constant({3, 4}, numbers(12)).attr("transA", 1).text(),
              {"\"disco.rearrange\"(%0)", "perm = array<i64: 1, 0>", "\"disco.matmul\"",
               "tensor<2x3xf32>"});
  expectParts(OneOp("Gemm").input({3, 2}).input({3, 4}).attr("transA", 1).text(),
              {"\"disco.matmul\"(%0, %1)", "trans_a"});
}

TEST(ConvertMatMul, VectorsAndBatches) {
  expectParts(OneOp("MatMul").input({3}).input({3}).text(),
              {"tensor<1x3xf32>", "tensor<3x1xf32>", "-> tensor<f32>"});
  expectParts(OneOp("MatMul").input({3}).input({5, 3, 2}).text(),
              {"-> tensor<5x1x2xf32>", "-> tensor<5x2xf32>"});
  expectParts(OneOp("MatMul").input({5, 2, 3}).input({3}).text(),
              {"-> tensor<5x2x1xf32>", "-> tensor<5x2xf32>"});
  expectParts(OneOp("MatMul").input({4, 1, 2, 3}).input({5, 3, 6}).text(),
              {"-> tensor<4x5x2x6xf32>"});
  expectParts(OneOp("MatMul").input({2, 3}).input({2, 3}).text(), {"error:", "inner extents"});
}
