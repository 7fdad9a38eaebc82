//===- PrintableTest.cpp - what may be shown of any bytes ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Printable.h"
#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Manifest.h"
#include "host/text.h"

#include <gtest/gtest.h>

#include <cstdint>

using namespace discoc;

TEST(Printable, LeavesVisibleTextAlone) {
  for (const char *text :
       {"", "conv/1:0", "Schicht \xc3\xa4 \xe6\xbc\xa2 \xf0\x9f\x90\x88", "a\\b"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatSteersTerminals) {
  EXPECT_EQ(printable("\x1b[2Jgone"), "\\x1b[2Jgone");
  EXPECT_EQ(printable("a\nerror: b\r\t"), "a\\x0aerror: b\\x0d\\x09");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m"); // C1: CSI in one character
}

TEST(Printable, EscapesWhatTurnsOrHidesText) {
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\u{202e}b");
  EXPECT_EQ(printable("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf"), "\\u{2066}\\u{200b}\\u{feff}");
  EXPECT_EQ(printable("\xe2\x80\xa8\xf3\xa0\x81\x81"), "\\u{2028}\\u{e0041}");
}

TEST(Printable, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80"); // a surrogate
  EXPECT_EQ(printable("a\xe2\x80"), "a\\xe2\\x80");        // cut off
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Printable, CutsAtCharacters) {
  EXPECT_EQ(printable("abcdef", 4), "abcd...");
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("\xc3\xa4\xc3\xa4\xc3\xa4", 2), "\xc3\xa4\xc3\xa4...");
  EXPECT_EQ(printable("a\x1b\x1b", 5), "a\\x1b...");
}

TEST(Printable, IsStable) {
  uint64_t state = 5;
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (int n = 0; n < 24; ++n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += static_cast<char>(state >> 33);
    }
    const std::string once = printable(text);
    EXPECT_EQ(printable(once), once);
    EXPECT_EQ(once.find_first_of("\x1b\n\r"), std::string::npos);
  }
}

TEST(Printable, KeepsLinesOfPrograms) {
  EXPECT_EQ(printableLines("a\n\tb\x1b\n"), "a\n\tb\\x1b\n");
}

TEST(Printable, DiagnosticsAreOneLine) {
  const Diagnostic fault{"f\n", "w\x1b", "what\xe2\x80\xae", "hint\n", "line 1\nline\x1b 2"};
  EXPECT_EQ(fault.str(), "f\\x0a: w\\x1b: what\\u{202e}; hint\\x0a\nline 1\nline\\x1b 2");
  const Diagnostic large{"f", "", std::string(1 << 20, 'x'), ""};
  EXPECT_LT(large.str().size(), 3000u);
}

TEST(Printable, JsonIsExactAndAscii) {
  Manifest m;
  m.model.name = "a\xe2\x80\xa8\xe2\x80\xae\x1b\x7f\xc2\x9b\xc3\xa4\xf0\x9f\x90\x88";
  m.nodes.push_back({0, "n", "linux", "node0", 1, 1, {}});
  const std::string text = toJson(m);
  for (char c : text)
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7f)) << static_cast<int>(c);
  Diagnostics out;
  auto back = parseManifest(text, "m", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->model.name, m.model.name);
}

static std::string encoded(uint32_t character) {
  auto rest = [&](int shift) { return static_cast<char>(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80)
    return {static_cast<char>(character)};
  if (character < 0x800)
    return {static_cast<char>(0xc0 | character >> 6), rest(0)};
  if (character < 0x10000)
    return {static_cast<char>(0xe0 | character >> 12), rest(6), rest(0)};
  return {static_cast<char>(0xf0 | character >> 18), rest(12), rest(6), rest(0)};
}

TEST(Printable, EmittedProgramsShowEveryCharacterAlike) {
  std::string all;
  for (uint32_t character = 1; character <= 0x10ffff; ++character)
    if (character < 0xd800 || character > 0xdfff)
      all += encoded(character);
  testing::internal::CaptureStderr();
  disco_print_error(all.c_str());
  EXPECT_TRUE(testing::internal::GetCapturedStderr() == "error: " + printable(all) + "\n");
}
