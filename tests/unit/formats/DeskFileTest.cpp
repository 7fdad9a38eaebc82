//===- DeskFileTest.cpp - tests of the ports of boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/DeskFile.h"

#include <gtest/gtest.h>

using namespace discoc;

static Manifest twoNodes() {
  Manifest manifest;
  manifest.nodes.resize(2);
  manifest.nodes[1].rank = 1;
  manifest.nodes[0].name = "left";
  manifest.nodes[1].name = "right";
  return manifest;
}

TEST(DeskFile, NamesPortsByRankAndName) {
  Diagnostics out;
  const auto desk = parseDeskFile("[[board]]\nnode = \"right\"\nport = \"/dev/ttyACM1\"\n"
                                  "[[board]]\nnode = 0\nport = \"/dev/ttyACM0\"\n",
                                  "desk.toml", twoNodes(), out);
  ASSERT_TRUE(desk) << toString(out);
  EXPECT_EQ(desk->at(0), "/dev/ttyACM0");
  EXPECT_EQ(desk->at(1), "/dev/ttyACM1");
}

TEST(DeskFile, SaysWhatIsWrongAndWhere) {
  const std::string one = "[[board]]\nnode = 0\nport = \"a\"\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "names no board"},
      {"board = 3", "names no board"},
      {"board = [3]", "is no table"},
      {"[[board", "is not TOML"},
      {"[desk]", "unknown key \"desk\""},
      {"[[board]]\nnode = 0\nport = \"a\"\nbaud = 9600\n", "line 4: unknown key \"baud\""},
      {"[[board]]\nnode = 0\n", "has no node, or no port"},
      {"[[board]]\nnode = 0\nport = 3\n", "has no node, or no port"},
      {"[[board]]\nnode = 2\nport = \"a\"\n", "line 2: no node of OUT"},
      {"[[board]]\nnode = \"up\"\nport = \"a\"\n", "no node of OUT"},
      {one + one, "the same node twice"},
      {one + "[[board]]\nnode = 1\nport = \"a\"\n", "the same port twice"}};
  for (const auto &[text, why] : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseDeskFile(text, "desk.toml", twoNodes(), out)) << text;
    EXPECT_NE(toString(out).find(why), std::string::npos) << toString(out);
  }
}
