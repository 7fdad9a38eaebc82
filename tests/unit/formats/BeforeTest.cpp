//===- BeforeTest.cpp - files as other versions of discoc wrote them ---===//
// SPDX-License-Identifier: Apache-2.0
//
// before/ holds what discoc 0.1.0 wrote before protocol 2: `compile small.onnx -n 2`.
#include "compiler/formats/Manifest.h"
#include "compiler/formats/Masks.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Preprocess.h"
#include "compiler/formats/Report.h"

#include "Expect.h"

#include <functional>

using namespace discoc;

static std::string before(const std::string &name) {
  Diagnostics out;
  auto text = readText(std::string(DISCOC_BEFORE) + "/" + name, out);
  EXPECT_TRUE(text) << toString(out);
  return text.value_or("");
}

TEST(Before, IsRead) {
  Diagnostics out;
  auto manifest = parseManifest(before("manifest.json"), "manifest.json", out);
  ASSERT_TRUE(manifest) << toString(out);
  EXPECT_EQ(manifest->nodes.size(), 2u);
  EXPECT_EQ(manifest->labels.size(), 10u);
  auto report = parseReport(before("report.json"), "report.json", out);
  ASSERT_TRUE(report) << toString(out);
  EXPECT_EQ(report->nodes.size(), 2u);
  auto masks = parseMasks(before("masks.json"), "masks.json", 2, out);
  ASSERT_TRUE(masks) << toString(out);
  EXPECT_EQ(masks->entries.size(), 6u);
  auto owners = parseOwners(before("owners.json"), "owners.json", 2, out);
  ASSERT_TRUE(owners) << toString(out);
  EXPECT_EQ(owners->tensors.size(), 4u);
}

using Read = std::function<bool(const std::string &, Diagnostics &)>;

static const std::vector<std::pair<std::string, Read>> &readers() {
  static const std::vector<std::pair<std::string, Read>> all = {
      {"manifest.json", [](const std::string &text,
                           Diagnostics &out) { return parseManifest(text, "f", out).has_value(); }},
      {"report.json", [](const std::string &text,
                         Diagnostics &out) { return parseReport(text, "f", out).has_value(); }},
      {"masks.json", [](const std::string &text,
                        Diagnostics &out) { return parseMasks(text, "f", 2, out).has_value(); }},
      {"owners.json", [](const std::string &text, Diagnostics &out) {
         return parseOwners(text, "f", 2, out).has_value();
       }}};
  return all;
}

static std::string withVersion(std::string text, const std::string &version) {
  const std::string now = "\"version\": 1";
  const size_t at = text.find(now);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, now.size(), "\"version\": " + version);
}

TEST(Before, NewerVersionsAreRefusedByNumber) {
  for (const auto &[name, read] : readers()) {
    Diagnostics out;
    EXPECT_FALSE(read(withVersion(before(name), "2"), out)) << name;
    expectFault(out, {"$.version", "is 2", "this discoc knows only version 1", "a newer discoc"});
    EXPECT_EQ(out.size(), 1u) << name;
  }
}

TEST(Before, OlderVersionsAreRefusedByNumber) {
  for (const auto &[name, read] : readers()) {
    Diagnostics out;
    EXPECT_FALSE(read(withVersion(before(name), "0"), out)) << name;
    expectFault(out, {"$.version", "is 0", "make the file again"});
  }
}

TEST(Before, MissingKeysAreNamed) {
  const std::pair<const char *, const char *> cases[] = {{"manifest.json", "build_hash"},
                                                         {"report.json", "nodes"},
                                                         {"masks.json", "masks"},
                                                         {"owners.json", "tensors"}};
  for (const auto &[name, key] : cases) {
    std::string text = before(name);
    const std::string quoted = std::string("\"") + key + "\":";
    const size_t at = text.find(quoted);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, quoted.size(), "\"elsewhere\":");
    for (const auto &[file, read] : readers())
      if (file == name) {
        Diagnostics out;
        EXPECT_FALSE(read(text, out));
        expectFault(out, {std::string("has no \"") + key + "\""});
      }
  }
}
