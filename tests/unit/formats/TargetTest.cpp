//===- TargetTest.cpp - targets and levels, and the table of links --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Target.h"
#include "compiler/formats/LinkKind.h"
#include "compiler/formats/Text.h"

#include <gtest/gtest.h>

namespace discoc {

static std::string read(const std::string &text) {
  Diagnostics out;
  const auto target = parseTarget(text, "f", "w", out);
  return target ? target->text() : toString(out);
}

TEST(Target, StandsForLevels) {
  EXPECT_EQ(read("x86-64"), defaultTarget().text());
  EXPECT_EQ(read("x86-64-v2"), "x86-64-v2");
  EXPECT_EQ(read("aarch64"), "armv8-a,armv8.2-a+dotprod");
  EXPECT_EQ(read("generic"), "generic");
  EXPECT_EQ(read("x86-64-v3,x86-64-v4+avx512vnni"), "x86-64-v3,x86-64-v4+avx512vnni");
  // What is written is read back as the same, this processor's too.
  for (const char *text : {"x86-64", "aarch64", "generic", "native"})
    EXPECT_EQ(read(read(text)), read(text));
}

TEST(Target, Refuses) {
  for (const auto &[text, why] : {std::pair{"", "unknown target"},
                                  {"x86-64-v9", "unknown target \"x86-64-v9\""},
                                  {"x86-64-v3+", "unknown target"},
                                  {"x86-64-v3+dotprod", "unknown target"},
                                  {"x86-64-v3,", "unknown target"},
                                  {"x86-64-v3,armv8-a", "levels of x86-64 and of aarch64"}})
    EXPECT_NE(read(text).find(why), std::string::npos) << text << ": " << read(text);
}

TEST(Target, LevelsSayHowTheyAreBuilt) {
  const auto four = findLevel("x86-64-v4+avx512vnni"), arm = findLevel("armv8.2-a+dotprod");
  ASSERT_TRUE(four && arm);
  EXPECT_EQ(four->flags, "-march=x86-64-v4 -mavx512vnni");
  EXPECT_EQ(four->vectorBytes, 64);
  EXPECT_TRUE(four->onlyForDotProducts);
  EXPECT_NE(four->compiled.find("__AVX512VNNI__"), std::string::npos);
  EXPECT_EQ(arm->flags, "-march=armv8.2-a+dotprod");
  EXPECT_FALSE(findLevel("x86-64-v4")->onlyForDotProducts);
  EXPECT_FALSE(findLevel("x86-64-v4+avx512vnni+avx512bf16")->onlyForDotProducts);
  EXPECT_EQ(findLevel("x86-64-v1")->flags, "-march=x86-64");
}

/// The page has a row for every level, and every feature.
TEST(Target, PageNamesAll) {
  Diagnostics out;
  const std::string page = readText(std::string(DISCOC_DOCS) + "/target.md", out).value_or("");
  for (const char *arch : {"x86-64", "aarch64"}) {
    EXPECT_NE(page.find("`" + read(arch) + "`"), std::string::npos) << arch;
    for (const Level &level : levelsOf(arch))
      EXPECT_NE(page.find("| `" + level.name + "` |"), std::string::npos) << level.name;
  }
}

TEST(LinkKind, Table) {
  EXPECT_STREQ(linkKindThat(Carries::Stream)->name, "tcp");
  EXPECT_EQ(findLinkKind("smoke"), nullptr);
  EXPECT_EQ(linkKindNames([](const LinkKind &) { return true; }),
            "\"tcp\", \"uart\" and \"ethernet\"");
  for (const LinkKind &kind : linkKinds()) {
    EXPECT_EQ(findLinkKind(kind.name), &kind);
    EXPECT_EQ(kind.hasPackets(), kind.carries != Carries::Stream);
  }
}

} // namespace discoc
