//===- MasksTest.cpp - tests of masks files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Masks.h"
#include "Expect.h"

using namespace discoc;

static std::string file(const std::string &masks, const std::string &more = "") {
  return R"({"format":"discoc-masks","version":1,"nodes":2,)" + more + "\"masks\":" + masks + "}";
}

TEST(Masks, ReadsWhatItWrites) {
  Masks masks;
  masks.nodes = 3;
  masks.apply = Masks::Apply::Zero;
  masks.entries = {{"fc", 2, 0, IndexSet::of({3, 8, 9, 10, 11, 12, 20})},
                   {"conv \"1\"\n", 0, 1, IndexSet()},
                   {"conv \"1\"\n", 0, 2, IndexSet::range(0, 2)}};
  Diagnostics out;
  const std::string text = toJson(masks);
  keepForSchemas("masks.json", text);
  auto back = parseMasks(text, "m.json", 3, out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->apply, Masks::Apply::Zero);
  ASSERT_EQ(back->entries.size(), 3u);
  EXPECT_EQ(back->entries[0].op, "conv \"1\"\n"); // sorted
  EXPECT_EQ(back->entries[2].channels, masks.entries[0].channels);
  EXPECT_EQ(toJson(*back), text);
}

TEST(Masks, UnlistedPairs) {
  Masks masks;
  masks.nodes = 2;
  masks.unlisted = Masks::Unlisted::Empty;
  masks.entries = {{"c", 0, 1, IndexSet::of({3})}};
  Diagnostics out;
  const std::string text = toJson(masks);
  keepForSchemas("masks-unlisted.json", text);
  auto back = parseMasks(text, "m.json", 2, out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->unlisted, Masks::Unlisted::Empty);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(parseMasks(file("[]"), "m.json", 2, out)->unlisted, Masks::Unlisted::Keep);
  EXPECT_FALSE(parseMasks(file("[]", R"("unlisted":"all",)"), "m.json", 2, out));
  expectFault(out, {"$.unlisted", "unknown word"});
}

TEST(Masks, SayForWhichDefaultMapTheyAre) {
  Diagnostics out;
  auto old = parseMasks(file("[]"), "m.json", 2, out);
  ASSERT_TRUE(old) << toString(out);
  EXPECT_EQ(old->ownerMap, 0);
  EXPECT_EQ(toJson(*old).find("owner_map"), std::string::npos);
  auto now = parseMasks(file("[]", R"("owner_map":2,)"), "m.json", 2, out);
  ASSERT_TRUE(now) << toString(out);
  EXPECT_EQ(now->ownerMap, 2);
  EXPECT_NE(toJson(*now).find("\"owner_map\": 2"), std::string::npos);
}

TEST(Masks, DefaultIsToCheck) {
  Diagnostics out;
  auto masks =
      parseMasks(file(R"([{"op":"c","from":0,"to":1,"channels":[3,[8,15]]}])"), "m", 2, out);
  ASSERT_TRUE(masks) << toString(out);
  EXPECT_EQ(masks->apply, Masks::Apply::Check);
  EXPECT_EQ(masks->entries[0].channels.size(), 9);
}

TEST(Masks, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {"", {"m.json", "not JSON"}},
      {"[]", {"not an object"}},
      {"{\"version\":1}", {"no \"format\"", "discoc-masks"}},
      {R"({"format":"discoc-owners","version":1})", {"$.format", "discoc-owners"}},
      {R"({"format":"discoc-masks","version":2,"nodes":2,"masks":[]})",
       {"$.version", "only version 1"}},
      {R"({"format":"discoc-masks","version":1,"nodes":3,"masks":[]})",
       {"$.nodes", "for 3 nodes", "has 2", "-n 3"}},
      {R"({"format":"discoc-masks","version":1,"nodes":2,"masks":[],"masks":[]})",
       {"\"masks\" twice"}},
      {R"({"format":"discoc-masks","version":1,"nodes":2.0,"masks":[]})",
       {"$.nodes", "not an integer"}},
      {R"({"format":"discoc-masks","version":1,"nodes":0,"masks":[]})", {"out of range"}},
      {file("[]", R"("apply":"maybe",)"), {"$.apply", "unknown word", "\"check\""}},
      {file("[]", R"("owner_map":3,)"), {"$.owner_map", "3"}},
      {file("[]", R"("extra":1,)"), {"unknown key \"extra\""}},
      {file("{}"), {"$.masks", "is an object, not a list"}},
      {file(R"([{"op":"c","from":0,"to":1}])"), {"$.masks[0]", "has no \"channels\""}},
      {file(R"([{"op":"","from":0,"to":1,"channels":[]}])"), {"$.masks[0].op", "empty"}},
      {file(R"([{"op":7,"from":0,"to":1,"channels":[]}])"), {"$.masks[0].op", "not a string"}},
      {file(R"([{"op":"c","from":2,"to":1,"channels":[]}])"), {"$.masks[0].from", "0 to 1"}},
      {file(R"([{"op":"c","from":0,"to":-1,"channels":[]}])"), {"$.masks[0].to", "-1"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[5,3]}])"),
       {"channels[1]", "3 comes after 5", "rising"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[5,5]}])"), {"listed twice"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[[4,2]]}])"), {"ends before"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[[4]]}])"), {"has 1 elements"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[-4]}])"), {"channels[0]", "-4"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[[0,99999999999]]}])"), {"out of range"}},
      {file(R"([{"op":"c","from":0,"to":1,"channels":[18446744073709551615]}])"), {"out of range"}},
      {file(
           R"([{"op":"c","from":0,"to":1,"channels":[]},{"op":"c","from":0,"to":1,"channels":[1]}])"),
       {"$.masks[1]", "has an entry already, $.masks[0]"}},
      {std::string(100000, '['), {"nested"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseMasks(c.text, "m.json", 2, out)) << c.text.substr(0, 200);
    expectFault(out, c.parts);
  }
}

TEST(Masks, CountsFaultsBeyondTwenty) {
  std::string list = "[";
  for (int i = 0; i < 1000; ++i)
    list += std::string(i ? "," : "") + R"({"op":"c","from":9,"to":1,"channels":[]})";
  Diagnostics out;
  EXPECT_FALSE(parseMasks(file(list + "]"), "m", 2, out));
  EXPECT_EQ(out.size(), 21u);
}

TEST(Masks, EntryAgainstTheModel) {
  Diagnostics out;
  MaskEntry entry{"c", 0, 1, IndexSet::of({1, 3})};
  EXPECT_TRUE(checkMaskEntry(entry, 0, IndexSet::range(0, 4), 8, "m", out));
  EXPECT_TRUE(out.empty());
  EXPECT_FALSE(checkMaskEntry(entry, 4, IndexSet::range(0, 3), 8, "m", out));
  expectFault(out, {"$.masks[4].channels", "op \"c\"", "channel 3", "not owned by node 0"});
  out.clear();
  entry.channels = IndexSet::range(0, (1LL << 30) + 1); // must not be walked through
  EXPECT_FALSE(checkMaskEntry(entry, 0, IndexSet::range(0, 4), 8, "m", out));
  expectFault(out, {"8 channels"});
}

TEST(Masks, MissingFile) {
  Diagnostics out;
  EXPECT_FALSE(readMasks("/nowhere/m.json", 2, out));
  expectFault(out, {"/nowhere/m.json", "cannot be read"});
  out.clear();
  EXPECT_FALSE(readMasks("/", 2, out));
  expectFault(out, {"is not a file"});
}

TEST(Masks, DocumentedExamples) {
  for (const std::string &text : examplesOf("masks.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parseMasks(text, "masks.md", std::nullopt, out)) << toString(out);
  }
}
