//===- Expect.h - what the tests of the formats share ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_TESTS_FORMATS_EXPECT_H
#define DISCOC_TESTS_FORMATS_EXPECT_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// The blocks between ```LANGUAGE and ``` of a page under docs/formats.
inline std::vector<std::string> examplesOf(const std::string &page, const std::string &language) {
  discoc::Diagnostics out;
  std::string text = discoc::readText(std::string(DISCOC_DOCS) + "/" + page, out).value_or("");
  EXPECT_TRUE(out.empty()) << discoc::toString(out);
  std::vector<std::string> blocks;
  const std::string open = "```" + language + "\n";
  for (size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    at += open.size();
    size_t end = text.find("```", at);
    if (end == std::string::npos)
      break;
    blocks.push_back(text.substr(at, end - at));
    at = end;
  }
  EXPECT_FALSE(blocks.empty()) << page << " has no " << language << " example";
  return blocks;
}

/// One diagnostic at least, whose text has all the parts.
inline void expectFault(const discoc::Diagnostics &out, const std::vector<std::string> &parts) {
  ASSERT_FALSE(out.empty());
  for (const std::string &part : parts)
    EXPECT_NE(toString(out).find(part), std::string::npos) << part << " is not in\n"
                                                           << toString(out);
}

/// Leaves what a writer wrote where check_schemas.py looks at it.
inline void keepForSchemas(const std::string &name, const std::string &text) {
  discoc::Diagnostics out;
  discoc::writeText(std::string(DISCOC_WRITTEN) + "/" + name, text, out);
  EXPECT_TRUE(out.empty()) << discoc::toString(out);
}

#endif // DISCOC_TESTS_FORMATS_EXPECT_H
