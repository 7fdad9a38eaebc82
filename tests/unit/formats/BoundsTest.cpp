//===- BoundsTest.cpp - tests of the measured tables of boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "Expect.h"
#include "compiler/formats/Board.h"
#include "compiler/formats/BoardBounds.h"
#include "compiler/formats/CallTable.h"

using namespace discoc;

TEST(BoardBounds, Sums) {
  Diagnostics out;
  auto b = parseBounds(R"(
[code]
base = 1000
links = 100
uart = 10
ethernet = 1
library = 50
call = 7
[data]
base = 500
uart = 20
ethernet = 3
[kernel]
conv = 300
other = 400
)",
                       "bounds.toml", out);
  ASSERT_TRUE(b) << toString(out);
  EXPECT_EQ(b->codeBytes({}), 1000);
  EXPECT_EQ(b->codeBytes({{"conv", "gemm"}, 4, false, {{"uart", 1}}}),
            1000 + 100 + 10 + 4 * 7 + 700);
  EXPECT_EQ(b->codeBytes({{}, 0, true, {{"uart", 1}, {"ethernet", 1}}}), 1111 + 50);
  EXPECT_EQ(b->dataBytes({{"uart", 3}}), 560);
  EXPECT_EQ(b->dataBytes({{"ethernet", 1}}), 503);
}

TEST(BoardBounds, DocumentedExamples) {
  for (const std::string &text : examplesOf("bounds.md", "toml")) {
    Diagnostics out;
    EXPECT_TRUE(parseBounds(text, "bounds.md", out)) << toString(out);
  }
}

TEST(BoardBounds, SaysWhatIsWrong) {
  struct Case {
    const char *text;
    std::vector<std::string> parts;
  } cases[] = {{"", {"has no table [code]"}},
               {"[code]\n[data]\n", {"has no table [kernel]"}},
               {"[code]\nbase=-1\n[data]\n[kernel]\n", {"line 2", "base"}},
               {"[code]\n[data]\ncall=1\n[kernel]\n", {"line 3", "call"}},
               {"[code]\n[data]\n[kernel]\nconv='a'\n", {"line 4", "number of bytes"}},
               {"[code]\n[data]\n[kernel]\n[more]\n", {"line 4", "unknown key \"more\""}},
               {"[code", {"line 1", "not TOML"}}};
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseBounds(c.text, "bounds.toml", out)) << c.text;
    expectFault(out, c.parts);
  }
}

/// Measured, or with the bounds that hold unmeasured.
TEST(BoardBounds, OfAllBoards) {
  for (const std::string &name : boardNames()) {
    Diagnostics out;
    auto board = readBoard(name, out);
    ASSERT_TRUE(board) << toString(out);
    if (board->isLinux())
      continue;
    auto bounds = readBounds(board->folder, out);
    ASSERT_TRUE(bounds) << toString(out);
    EXPECT_GT(bounds->code.base, 0) << name;
    EXPECT_GT(bounds->kernel, 0) << name;
  }
}

TEST(CallTable, OfTheBoards) {
  Diagnostics out;
  auto table = readCallTable(out);
  ASSERT_TRUE(table) << toString(out);
  EXPECT_FALSE(table->thread.empty());
  for (const std::string &name : boardNames()) {
    auto board = readBoard(name, out);
    ASSERT_TRUE(board) << toString(out);
    if (!board->isLinux())
      EXPECT_TRUE(table->toolchains.count(board->toolchain)) << name;
  }
}

TEST(CallTable, SaysWhatIsWrong) {
  struct Case {
    const char *text;
    std::vector<std::string> parts;
  } cases[] = {{"thread = 3", {"line 1", "not a list of names"}},
               {"thread = [3]", {"line 1", "not a name"}},
               {"interrupts = ['a']", {"line 1", "not a list of names"}},
               {"[indirect]\na = 1", {"line 2", "not a list"}},
               {"[toolchain.x]\nframes = 1", {"line 2", "unknown key \"frames\""}},
               {"[toolchain.x.library]\nmemcpy = -1", {"line 2", "not a number of bytes"}},
               {"more = 1", {"unknown key \"more\""}}};
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseCallTable(c.text, "calls.toml", out)) << c.text;
    expectFault(out, c.parts);
  }
}
