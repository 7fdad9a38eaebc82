//===- ConvertRuntimeTest.cpp - ONNX Runtime's own ops, refused -----------===//
// SPDX-License-Identifier: Apache-2.0
//
// What they compute is tested against NumPy and ONNX Runtime (tests/conformance, tests/fuzz).

#include "OneOp.h"

using namespace discoc::importer::testing;

namespace {

constexpr int kByte = onnx::TensorProto::INT8;

OneOp ofRuntime(const std::string &type) {
  OneOp op(type);
  op.domain("com.microsoft");
  return op;
}

OneOp attention(const std::vector<int64_t> &x, int64_t columns) {
  OneOp op = ofRuntime("Attention");
  op.input(x).zeros({x.back(), columns}, onnx::TensorProto::FLOAT, 4).attr("num_heads", 2);
  return op;
}

TEST(ConvertRuntime, Attention) {
  EXPECT_EQ(attention({1, 3, 4}, 12).text().find("error:"), std::string::npos);
  expectParts(attention({1, 3, 4}, 13).text(),
              {"error: test.onnx: op 'op' (com.microsoft.Attention", "'qkv_hidden_sizes'"});
  expectParts(attention({1, 3, 4}, 9).text(), {"error:", "divisible by attribute 'num_heads'"});
  expectParts(attention({1, 3, 4}, 12).attr("do_rotary", 1).text(),
              {"error:", "'do_rotary' is not supported"});
  expectParts(attention({1, 3, 4}, 12).leftOut().input({1, 9}, onnx::TensorProto::INT32).text(),
              {"error:", "the mask has the shape [1, 9]", "one number a key"});
  expectParts(attention({1, 3, 4}, 12).leftOut().leftOut().input({1, 2, 2, 2}).text(),
              {"error:", "the past must have five dimensions"});
  expectParts(ofRuntime("MultiHeadAttention").input({1, 2, 3, 3, 4}).attr("num_heads", 3).text(),
              {"error:", "keys and values of their own are needed"});
}

TEST(ConvertRuntime, Embedding) {
  auto embedding = [](int64_t positions) {
    OneOp op = ofRuntime("EmbedLayerNormalization");
    op.input({1, 4}, onnx::TensorProto::INT32).leftOut();
    op.zeros({9, 8}, onnx::TensorProto::FLOAT, 4)
        .zeros({positions, 8}, onnx::TensorProto::FLOAT, 4);
    return op.leftOut();
  };
  auto complete = [&](int64_t positions) {
    OneOp op = embedding(positions);
    return op.zeros({8}, onnx::TensorProto::FLOAT, 4).zeros({8}, onnx::TensorProto::FLOAT, 4);
  };
  EXPECT_EQ(complete(4).text().find("error:"), std::string::npos);
  expectParts(complete(3).text(), {"error:", "3 positions for 4 tokens", "--input-shape"});
  expectParts(embedding(4).text(), {"error:", "gamma and beta are needed"});
}

OneOp lstm(int64_t steps, bool complete = true, int64_t scales = 1) {
  OneOp op = ofRuntime("DynamicQuantizeLSTM");
  op.input({steps, 1, 3}).zeros({1, 3, 8}, kByte, 1).zeros({1, 2, 8}, kByte, 1);
  for (int i = 3; complete && i < 8; ++i)
    op.leftOut();
  for (int i = 0; complete && i < 2; ++i)
    op.zeros({scales}, onnx::TensorProto::FLOAT, 4).zeros({1}, kByte, 1);
  return op;
}

TEST(ConvertRuntime, DynamicQuantizeLstm) {
  EXPECT_EQ(lstm(3).text().find("error:"), std::string::npos);
  expectParts(lstm(65).text(), {"error:", "at most 64 steps", "65", "leave 'LSTM' out"});
  expectParts(lstm(3, false).text(), {"error:", "input 8 is missing"});
  expectParts(lstm(3, true, 3).text(), {"error:", "do not fit each other"});
  expectParts(lstm(3).attr("direction", "both").text(), {"error:", "'direction' is 'both'"});
}

} // namespace
