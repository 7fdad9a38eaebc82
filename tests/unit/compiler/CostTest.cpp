//===- CostTest.cpp - what ops cost, and time of it -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include "passes/strategies/CostModel.h"

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// What the last op of a text costs that has a cost.
Cost costOfLast(const std::string &body) {
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse("func.func @f() {\n" + body + "return\n}\n");
  EXPECT_TRUE(module) << body;
  Cost cost;
  module->walk([&](CostOpInterface op) { cost = op.getCost(); });
  return cost;
}

const std::string x =
    "%w = disco.constant dense<1.0> : tensor<8x4x3x3xf32> : tensor<8x4x3x3xf32>\n"
    "%x = disco.input {name = \"x\", index = 0 : i64} : () -> tensor<1x4x6x6xf32>\n";

TEST(Cost, Convolution) {
  Cost cost = costOfLast(
      x + "%y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, "
          "dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x6x6xf32>, "
          "tensor<8x4x3x3xf32>) -> tensor<1x8x6x6xf32>\n");
  EXPECT_EQ(cost.macs, 8 * 36 * 4 * 9);
  EXPECT_EQ(cost.elements, 0);
  EXPECT_EQ(cost.bytesRead, 4 * (4 * 36 + 8 * 4 * 9));
  EXPECT_EQ(cost.bytesWritten, 4 * 8 * 36);
  EXPECT_EQ(cost.messages, 0);
}

TEST(Cost, ElementsAndViews) {
  Cost cost = costOfLast(x + "%y = disco.unary %x {act = #disco.act<relu>} : (tensor<1x4x6x6xf32>) "
                             "-> tensor<1x4x6x6xf32>\n");
  EXPECT_EQ(cost.macs, 0);
  EXPECT_EQ(cost.elements, 144);
  EXPECT_EQ(cost.bytesRead, 576);
  cost = costOfLast(x + "%y = disco.rearrange %x {view = array<i64: 144>, perm = array<i64: 0>} : "
                        "(tensor<1x4x6x6xf32>) -> tensor<1x144xf32>\n");
  EXPECT_EQ(cost.elements + cost.bytesRead + cost.bytesWritten, 0) << "a view moves nothing";
}

TEST(Cost, Messages) {
  Cost cost = costOfLast(
      "%a = disco.constant dense<1.0> : tensor<1x4xf32> : tensor<1x4xf32>\n"
      "%x = disco.unary %a {act = #disco.act<relu>} : (tensor<1x4xf32>) -> tensor<1x4xf32, "
      "#disco.owned<axis 1 : 0 to 2 | 3>>\n"
      "%r = disco.exchange %x routes [#disco.route<0 -> 1 : 0, 2>, #disco.route<1 -> 0 : 3>] "
      "{tensor = \"x\"} : (tensor<1x4xf32, #disco.owned<axis 1 : 0 to 2 | 3>>) -> tensor<1x4xf32, "
      "#disco.held<axis 1 : 3 | 0, 2>>\n");
  EXPECT_EQ(cost.messages, 2);
  EXPECT_EQ(cost.wireBytes, 12);
  EXPECT_EQ(cost.macs, 0);
}

TEST(Cost, Time) {
  CostModel model({{1.0, 10.0, 100.0}, {2.0, 20.0, 200.0}}, {5.0, 7.0});
  Cost cost;
  cost.macs = 3;
  cost.elements = 2;
  cost.bytesRead = 1;
  cost.bytesWritten = 1;
  cost.messages = 2;
  cost.wireBytes = 4;
  EXPECT_EQ(model.compute(0, cost), 3 + 20 + 200);
  EXPECT_EQ(model.compute(1, cost), 6 + 40 + 400);
  EXPECT_EQ(model.send(cost), 10 + 28);
}

} // namespace
