//===- PlanTest.cpp - tests of plans ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Plan.h"
#include "Expect.h"

using namespace discoc;

/// A plan for two nodes with one tensor of shape [1, 4].
static std::string file(const std::string &choice, const std::string &shape = "[1,4]") {
  return R"({"format":"discoc-plan","version":1,"nodes":2,"strategy":"s","tensors":[{"name":"t","shape":)" +
         shape + (choice.empty() ? "" : "," + choice) + "}]}";
}

TEST(Plan, ReadsWhatItWrites) {
  Plan plan;
  plan.nodes = 2;
  plan.strategy = "stages";
  plan.tensors.push_back(
      {"b", {1, 4}, OwnerMap{1, {IndexSet::of({0, 3}), IndexSet::of({1, 2})}}, {}, {}});
  plan.tensors.push_back({"", {}, {}, 1, {}});
  plan.tensors.push_back({"a", {7}, {}, {}, "squeeze-and-excite"});
  plan.tensors.push_back({"c", {7}, {}, {}, "", {0, 1}});
  plan.stages = {{{0}, ""}, {{1}, "c"}};
  Diagnostics out;
  const std::string text = toJson(plan);
  keepForSchemas("plan.json", text);
  auto back = parsePlan(text, "p.json", 2, out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->strategy, "stages");
  ASSERT_EQ(back->stages.size(), 2u);
  EXPECT_EQ(back->stages[1].nodes, (std::vector<int64_t>{1}));
  EXPECT_EQ(back->stages[1].from, "c");
  ASSERT_EQ(back->tensors.size(), 4u);
  EXPECT_EQ(back->tensors[0].name, "b");
  EXPECT_EQ(back->tensors[0].map->owners, plan.tensors[0].map->owners);
  EXPECT_EQ(back->tensors[1].owner, 1);
  EXPECT_EQ(back->tensors[2].why, "squeeze-and-excite");
  EXPECT_TRUE(back->tensors[2].among.empty());
  EXPECT_EQ(back->tensors[3].among, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(toJson(*back), text);
}

TEST(Plan, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {file(""), {"$.tensors[0]", "does not say who has it"}},
      {file(R"("owner":0,"everywhere":"")"), {"does not say who has it"}},
      {file(R"("axis":1)"), {"does not say who has it"}},
      {file(R"("axis":1,"owners":[[0],[1]],"owner":1)"), {"does not say who has it"}},
      {file(R"("owner":2)"), {"$.tensors[0].owner", "2"}},
      {R"({"format":"discoc-plan","version":1,"nodes":2,"strategy":"s","stages":[{"nodes":[2]}],"tensors":[]})",
       {"$.stages[0].nodes[0]", "2"}},
      {file(R"("everywhere":1)"), {"$.tensors[0].everywhere", "not a string"}},
      {file(R"("everywhere":"","among":[1])"), {"$.tensors[0].among", "names no two nodes"}},
      {file(R"("everywhere":"","among":[1,0])"), {"$.tensors[0].among[1]", "0"}},
      {file(R"("owner":0,"among":[0,1])"), {"does not say who has it"}},
      {file(R"("axis":2,"owners":[[0],[]])"), {"$.tensors[0].axis", "rank 2"}},
      {file(R"("axis":1,"owners":[[0]])"), {"$.tensors[0].owners", "has 1 elements"}},
      {file(R"("axis":1,"owners":[[0],[1]])"), {"channel 2 is owned by no node"}},
      {file(R"("axis":1,"owners":[[[0,3]],[4]])"), {"node 1 owns channel 4"}},
      {file(R"("axis":1,"owners":[[[0,3]],[3]])"), {"channel 3 is owned by nodes 0 and 1"}},
      {file(R"("owner":0)", "[-1]"), {"$.tensors[0].shape[0]", "-1"}},
      {file(R"("owner":0)", "4"), {"$.tensors[0].shape", "not a list"}},
      {file(R"("owner":0,"rank":1)"), {"unknown key \"rank\""}},
      {R"({"format":"discoc-plan","version":1,"nodes":3,"strategy":"","tensors":[]})",
       {"$.nodes", "3"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parsePlan(c.text, "p.json", 2, out)) << c.text;
    expectFault(out, c.parts);
  }
}

TEST(Plan, ReadsTheExampleOfItsPage) {
  for (const std::string &example : examplesOf("plan.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parsePlan(example, "plan.md", 2, out)) << toString(out);
  }
}
