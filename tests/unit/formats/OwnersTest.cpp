//===- OwnersTest.cpp - tests of owners files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Owners.h"
#include "Expect.h"

using namespace discoc;

static std::string file(const std::string &owners, const std::string &axis = "1") {
  return R"({"format":"discoc-owners","version":1,"nodes":2,"tensors":{"t":{"axis":)" + axis +
         ",\"owners\":" + owners + "}}}";
}

TEST(Owners, ReadsWhatItWrites) {
  Owners owners;
  owners.nodes = 3;
  owners.tensors["z"] = {1, {IndexSet::range(0, 32), IndexSet(), IndexSet::range(32, 64)}};
  owners.tensors["a/b:0"] = {0, {IndexSet::of({0, 2}), IndexSet::of({1}), IndexSet()}};
  Diagnostics out;
  const std::string text = toJson(owners);
  keepForSchemas("owners.json", text);
  EXPECT_LT(text.find("a/b:0"), text.find("\"z\""));
  auto back = parseOwners(text, "o.json", 3, out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->tensors["z"].owners, owners.tensors["z"].owners);
  EXPECT_EQ(toJson(*back), text);
}

TEST(Owners, AFileWithoutANumberMeansTheFirstDefaultMap) {
  Diagnostics out;
  auto old = parseOwners(file("[[0],[1]]"), "o.json", 2, out);
  ASSERT_TRUE(old) << toString(out);
  EXPECT_EQ(old->ownerMap, 1);
  EXPECT_EQ(toJson(*old).find("owner_map"), std::string::npos);
  old->ownerMap = 2;
  auto now = parseOwners(toJson(*old), "o.json", 2, out);
  ASSERT_TRUE(now) << toString(out);
  EXPECT_EQ(now->ownerMap, 2);
}

TEST(Owners, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {file("[[0],[1],[2]]"), {"$.tensors.t.owners", "has 3 elements", "give 2"}},
      {file("[[0]]"), {"has 1 elements"}},
      {file("[[0,1],[1,2]]"), {"$.tensors.t.owners", "channel 1 is owned by nodes 0 and 1"}},
      {file("[[[0,9]],[4]]"), {"channel 4 is owned by nodes 0 and 1"}},
      {file("[[1,0],[2]]"), {"owners[0][1]", "0 comes after 1"}},
      {file("[[0],[1]]", "-1"), {"$.tensors.t.axis", "-1"}},
      {file("[[0],[1]]", "\"1\""), {"not an integer"}},
      {file("[0,1]"), {"owners[0]", "not a list"}},
      {file("{}"), {"not a list"}},
      {R"({"format":"discoc-owners","version":1,"nodes":2,"tensors":{"":{"axis":1,"owners":[[],[]]}}})",
       {"without a name"}},
      {R"({"format":"discoc-owners","version":1,"nodes":2,"owner_map":3,"tensors":{}})",
       {"$.owner_map", "3"}},
      {R"({"format":"discoc-owners","version":1,"nodes":2,"tensors":[]})",
       {"$.tensors", "not an object"}},
      {R"({"format":"discoc-owners","version":1,"nodes":2,"tensors":{"t":{"axis":1,"owners":[[],[]]},"t":{"axis":1,"owners":[[],[]]}}})",
       {"\"t\" twice"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseOwners(c.text, "o.json", 2, out)) << c.text;
    expectFault(out, c.parts);
  }
}

TEST(Owners, Partition) {
  auto fault = [](std::vector<IndexSet> sets, int64_t size) {
    Diagnostics out;
    bool good = checkPartition({1, std::move(sets)}, size, "t", "o.json", out);
    EXPECT_EQ(good, out.empty());
    return toString(out);
  };
  EXPECT_EQ(fault({IndexSet::range(0, 4), IndexSet::range(4, 8)}, 8), "");
  EXPECT_EQ(fault({IndexSet::of({1, 3, 5}), IndexSet::of({0, 2, 4})}, 6), "");
  EXPECT_EQ(fault({IndexSet(), IndexSet::range(0, 1), IndexSet()}, 1), "");
  EXPECT_EQ(fault({IndexSet(), IndexSet()}, 0), "");
  EXPECT_NE(
      fault({IndexSet::range(0, 4), IndexSet::range(5, 8)}, 8).find("channel 4 is owned by no"),
      std::string::npos);
  EXPECT_NE(
      fault({IndexSet::range(0, 4), IndexSet::range(4, 7)}, 8).find("channel 7 is owned by no"),
      std::string::npos);
  EXPECT_NE(fault({IndexSet::range(1, 4), IndexSet()}, 4).find("channel 0"), std::string::npos);
  EXPECT_NE(fault({IndexSet::range(0, 4), IndexSet::range(4, 9)}, 8).find("owns channel 8"),
            std::string::npos);
  EXPECT_NE(fault({IndexSet::range(0, 5), IndexSet::range(4, 8)}, 8).find("nodes 0 and 1"),
            std::string::npos);
}

TEST(Owners, DocumentedExamples) {
  for (const std::string &text : examplesOf("owners.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parseOwners(text, "owners.md", std::nullopt, out)) << toString(out);
  }
}
