//===- CostTest.cpp - what ops cost, and time of it -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include "compiler/dialect/Target.h"
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

/// Two boards on wires, and a host of which only its vectors are known.
const std::string cluster = R"(
#slow = #disco.target<arch = "armv7e-m", levels = [], vector = 0, caches = [4096], clock = 1.0e8,
                      cycles = {conv = 6.5, f32 = 4.0, i8 = 2.5}>
#board = #disco.board<name = "small", reference = "./small", title = "", status = "emulated",
    target = #slow, memories = [],
    ports = [#disco.port<name = "uart0", kind = "uart", bandwidth = 1.0e4, latency = 0.0>],
    stack = 64, toolchain = {}, build = {}, bounds = {}>
#host = #disco.target<arch = "x86-64", levels = ["x86-64-v3"], vector = 32, caches = [],
                      clock = 0.0, cycles = {}>
module attributes {disco.nodes = 3 : i64, disco.cluster = #disco.cluster<
    nodes = [#disco.node<name = "a", address = "", listen = "", device = #board,
                         hops = [-1, -1, 0, 2, 0, 2]>,
             #disco.node<name = "b", address = "", listen = "", device = #board,
                         hops = [0, 2, -1, -1, 0, 2]>,
             #disco.node<name = "c", address = "h:1", listen = "", device = #host,
                         hops = [0, 0, 1, 1, -1, -1]>],
    links = [#disco.link<ends = [0, 2], kind = "uart", ports = ["uart0", "wire0"],
                         bandwidth = 0.0, latency = 0.5>,
             #disco.link<ends = [1, 2], kind = "uart", ports = ["uart0", "wire1"],
                         bandwidth = 5.0e3, latency = 0.25>]>} {
  func.func @f() {
    %w = disco.constant dense<1.0> : tensor<8x4x3x3xf32> : tensor<8x4x3x3xf32>
    %x = disco.input {name = "x", index = 0 : i64} : () -> tensor<1x4x6x6xf32>
    %y = disco.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
        dilations = array<i64: 1, 1>, group = 1 : i64}
        : (tensor<1x4x6x6xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x6x6xf32>
    return
  }
})";

TEST(CostModel, WhatNodesState) {
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse(cluster);
  ASSERT_TRUE(module);
  CostModel model(clusterOf(*module)), nothing((ClusterAttr()));
  CostOpInterface conv;
  module->walk([&](CostOpInterface op) { conv = op; });
  const Cost cost = conv.getCost();
  const auto macs = static_cast<double>(cost.macs);
  const auto bytes = static_cast<double>(cost.bytesRead + cost.bytesWritten);
  ASSERT_LE(bytes, 4096) << "this fits the board's cache";
  EXPECT_DOUBLE_EQ(model.compute(0, conv), macs * 6.5 / 1e8);
  const discoc::StepWork work = workOf(conv);
  EXPECT_EQ(work.macs, cost.macs);
  EXPECT_EQ(work.weightBytes, 8 * 4 * 9 * 4);
  EXPECT_DOUBLE_EQ(model.compute(2, conv), discoc::nominalProfile(32).timeOf(work, false) / 1e9);
  EXPECT_DOUBLE_EQ(nothing.compute(0, conv), discoc::nominalProfile(0).timeOf(work, false) / 1e9);
  discoc::Profile profile;
  profile.stepNs = 7e9;
  CostModel measured(clusterOf(*module), profile);
  EXPECT_DOUBLE_EQ(measured.compute(2, conv), 7) << "a host takes what its profile says";
  EXPECT_EQ(measured.compute(0, conv), model.compute(0, conv)) << "a board has none";
  EXPECT_EQ(model.targetOf(0), model.targetOf(1));
  EXPECT_NE(model.targetOf(0), model.targetOf(2));
  EXPECT_FALSE(nothing.targetOf(0));
}

TEST(CostModel, WhatLinksState) {
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse(cluster);
  ASSERT_TRUE(module);
  CostModel model(clusterOf(*module)), nothing((ClusterAttr()));
  Cost cost;
  cost.messages = 2;
  cost.wireBytes = 1000;
  const double handling = (2 * 10'000 + 1000 * 0.5) / 1e9; // of a nominal core
  EXPECT_DOUBLE_EQ(model.send(0, 2, cost), handling + 2 * 0.5 + 1000 / 1e4);
  EXPECT_DOUBLE_EQ(model.send(0, 1, cost), 2 * 0.75 + 1000 / 5e3) << "the sum, and the slowest";
  EXPECT_DOUBLE_EQ(nothing.send(0, 1, cost), 2 * handling + 2 * 5e-5 + 1000 / 1e8);
}

} // namespace
