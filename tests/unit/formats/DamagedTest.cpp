//===- DamagedTest.cpp - damaged files end in diagnostics, never in a crash ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Cluster.h"
#include "compiler/formats/FileList.h"
#include "compiler/formats/Manifest.h"
#include "compiler/formats/Masks.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Preprocess.h"
#include "compiler/formats/Report.h"

#include "Expect.h"

#include <functional>
#include <random>

using namespace discoc;

/// One to four small damages: bytes changed, pieces cut out, doubled or moved.
static std::string damaged(std::string text, std::mt19937 &random) {
  static const char *const pieces[] = {"[",
                                       "]",
                                       "{",
                                       "}",
                                       ",",
                                       "-1",
                                       "1e99",
                                       "99999999999999999999",
                                       "null",
                                       "\"\"",
                                       "[[0,2147483647]]",
                                       "\xff",
                                       "\"nodes\":",
                                       "0.5"};
  for (uint32_t n = 1 + random() % 4; n > 0 && !text.empty(); --n) {
    const size_t at = random() % text.size();
    const size_t size = std::min<size_t>(1 + random() % 12, text.size() - at);
    switch (random() % 5) {
    case 0: text[at] = static_cast<char>(random() % 256); break;
    case 1: text.erase(at, size); break;
    case 2: text.insert(at, text.substr(at, size)); break;
    case 3: text.replace(at, size, pieces[random() % (sizeof pieces / sizeof *pieces)]); break;
    default: text.resize(at);
    }
  }
  return text;
}

/// Reads damaged copies; a reader gives a value or says why not.
static void hurt(const std::string &page, const std::string &language,
                 const std::function<bool(const std::string &, Diagnostics &)> &read) {
  std::mt19937 random(7);
  int refused = 0;
  for (const std::string &example : examplesOf(page, language))
    for (int i = 0; i < 1500; ++i) {
      Diagnostics out;
      const std::string text = damaged(example, random);
      const bool good = read(text, out);
      ASSERT_EQ(good, out.empty()) << text << "\n" << toString(out);
      refused += !good;
    }
  EXPECT_GT(refused, 500) << page;
}

TEST(Damaged, Masks) {
  hurt("masks.md", "json", [](const std::string &text, Diagnostics &out) {
    auto masks = parseMasks(text, "f", std::nullopt, out);
    if (masks) {
      Diagnostics more;
      for (const MaskEntry &entry : masks->entries)
        checkMaskEntry(entry, 0, IndexSet::range(0, 10), 10, "f", more);
    }
    return masks.has_value();
  });
}

TEST(Damaged, Owners) {
  hurt("owners.md", "json", [](const std::string &text, Diagnostics &out) {
    auto owners = parseOwners(text, "f", std::nullopt, out);
    if (owners) {
      Diagnostics more;
      for (const auto &[name, map] : owners->tensors)
        checkPartition(map, 64, name, "f", more);
    }
    return owners.has_value();
  });
}

TEST(Damaged, Others) {
  hurt("cluster.md", "toml", [](const std::string &text, Diagnostics &out) {
    return parseCluster(text, "f", std::nullopt, out).has_value();
  });
  hurt("preprocess.md", "json", [](const std::string &text, Diagnostics &out) {
    return parsePreprocess(text, "f", out).has_value();
  });
  hurt("manifest.md", "json", [](const std::string &text, Diagnostics &out) {
    return parseManifest(text, "f", out).has_value();
  });
  hurt("files.md", "json", [](const std::string &text, Diagnostics &out) {
    return parseFileList(text, "f", out).has_value();
  });
  hurt("report.md", "json", [](const std::string &text, Diagnostics &out) {
    return parseReport(text, "f", out).has_value();
  });
}
