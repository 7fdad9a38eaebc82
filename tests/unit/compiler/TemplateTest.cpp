//===- TemplateTest.cpp - texts of emitted files with places to fill ------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Template.h"
#include <gtest/gtest.h>

using namespace disco;

namespace {

TEST(Template, FillsPlacesWithinLines) {
  EXPECT_EQ(fillText("int @name@_open(@name@ *);\n", {{"name", "cat"}}, "t"),
            "int cat_open(cat *);\n");
  EXPECT_EQ(fillText("@first@@second@", {{"first", "a"}, {"second", "b"}}, "t"), "ab");
}

TEST(Template, APlaceWithALineToItselfStandsForLinesOrNone) {
  const llvm::StringRef text = "a\n@more@\nb\n";
  EXPECT_EQ(fillText(text, {{"more", ""}}, "t"), "a\nb\n");
  EXPECT_EQ(fillText(text, {{"more", "x\ny\n"}}, "t"), "a\nx\ny\nb\n");
  EXPECT_EQ(fillText("@one@\n@two@\n", {{"one", ""}, {"two", "2\n"}}, "t"), "2\n");
}

TEST(Template, LeavesWhatIsNoPlace) {
  const llvm::StringRef text = "${A} $<B:c> a@b @@ @Upper@ @";
  EXPECT_EQ(fillText(text, {}, "t"), text);
}

TEST(Template, ValuesAreNotReadAgain) {
  EXPECT_EQ(fillText("@a@ @b@", {{"a", "@b@"}, {"b", "2"}}, "t"), "@b@ 2");
}

TEST(TemplateDeathTest, FaultsOfOursEndTheCompiler) {
  EXPECT_DEATH(fillText("@name@", {}, "t"), "template 't' has no value for 'name'");
  EXPECT_DEATH(fillText("", {{"name", "x"}}, "t"), "template 't' has no place for 'name'");
  EXPECT_DEATH(fillText("@name@\n", {{"name", "x"}}, "t"), "wants whole lines for 'name'");
  EXPECT_DEATH(fillTemplate("none", {}), "template 'none' is no file of 'codegen/templates'");
}

} // namespace
