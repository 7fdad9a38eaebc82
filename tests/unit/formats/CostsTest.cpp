//===- CostsTest.cpp - what a channel costs that another node reads -------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Costs.h"
#include "Expect.h"
#include "compiler/formats/Json.h"

using namespace discoc;

// discoc writes these files and reads none: what is written is what the page shows.
TEST(Costs, ReadsWhatItWrites) {
  Costs costs;
  costs.nodes = 2;
  costs.ownerMap = 2;
  costs.tensors["relu1_out"] = {1, {{0, 1, 32, 256, 20.48, 120}, {1, 0, 32, 256, 20.48, 120}}};
  const std::string text = toJson(costs);
  keepForSchemas("costs.json", text);
  const std::vector<std::string> blocks = examplesOf("costs.md", "json");
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(Json::parse(text).dump(), Json::parse(blocks[0]).dump());
}

TEST(Costs, TimesAreLeftOutWhereNobodyStatesThem) {
  Costs costs;
  costs.tensors["x"] = {1, {{0, 1, 1, 4, {}, {}}}};
  EXPECT_EQ(toJson(costs).find("us"), std::string::npos);
}
