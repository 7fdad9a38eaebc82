//===- text_test.cpp - what emitted programs show of names ----------------===//
// SPDX-License-Identifier: Apache-2.0

#include "host/text.h"

#include <gtest/gtest.h>
#include <string>

namespace {

std::string shown(const std::string &text) {
  testing::internal::CaptureStderr();
  disco_print_error(text.c_str());
  return testing::internal::GetCapturedStderr();
}

std::string json(const char *text) {
  char *data = nullptr;
  size_t size = 0;
  FILE *f = open_memstream(&data, &size);
  disco_print_json(f, text);
  fclose(f);
  std::string made(data, size);
  free(data);
  return made;
}

TEST(Text, ErrorsAreOneVisibleLine) {
  EXPECT_EQ(shown("input 'a' is missing"), "error: input 'a' is missing\n");
  EXPECT_EQ(shown("a\nerror: b\x1b[2J\x7f"), "error: a\\x0aerror: b\\x1b[2J\\x7f\n");
  EXPECT_EQ(shown("\xe2\x80\xae\xc2\x9b\xf3\xa0\x81\x81"), "error: \\u{202e}\\u{9b}\\u{e0041}\n");
  EXPECT_EQ(shown("\xc3\xa4\xf0\x9f\x90\x88"), "error: \xc3\xa4\xf0\x9f\x90\x88\n");
  EXPECT_EQ(shown("\xff\xc0\x80\xed\xa0\x80\xe2\x80"),
            "error: \\xff\\xc0\\x80\\xed\\xa0\\x80\\xe2\\x80\n");
}

TEST(Text, JsonIsAsciiAndExact) {
  EXPECT_EQ(json("a\"\\\n\x1b\x7f"), R"("a\"\\\u000a\u001b\u007f")");
  EXPECT_EQ(json("\xe2\x80\xa8\xc3\xa4"), R"("\u2028\u00e4")");
  EXPECT_EQ(json("\xf0\x9f\x90\x88"), R"("\ud83d\udc08")");
  EXPECT_EQ(json("\xff"), R"("\ufffd")");
}

} // namespace
