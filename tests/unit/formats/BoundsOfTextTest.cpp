//===- BoundsOfTextTest.cpp - files that are too large or too deep ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Board.h"
#include "compiler/formats/BoardBounds.h"
#include "compiler/formats/CallTable.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Masks.h"

#include "Expect.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace discoc;

static std::string repeated(const std::string &text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

/// Every reader of TOML refuses the text, with these words.
static void refusedAsToml(const std::string &text, const std::vector<std::string> &words) {
  Diagnostics out[4];
  EXPECT_FALSE(parseCluster(text, "f", std::nullopt, out[0]));
  EXPECT_FALSE(parseBoard(text, "b", "f", out[1]));
  EXPECT_FALSE(parseBounds(text, "f", out[2]));
  EXPECT_FALSE(parseCallTable(text, "f", out[3]));
  for (const Diagnostics &one : out)
    expectFault(one, words);
}

TEST(BoundsOfText, TomlKeysOfManyParts) {
  const std::string parts = repeated("a.", 88000) + "a";
  for (const std::string &text :
       {parts + " = 1\n", "[" + parts + "]\nx = 1\n", "x = {" + parts + " = 1}\n",
        "# c\n\n[[" + parts + "]]\n", repeated("\"a\".", 88000) + "a = 1\n",
        // Strings that end otherwise than they seem to.
        "x = {b = \"\"\"q\"\"\"\", " + parts + " = 1}\n",
        "x = {b = '''q''''', " + parts + " = 1}\n", "x = {b = \"\\\\\", " + parts + " = 1}\n",
        "x = {b = 'q\\', " + parts + " = 1}\n"})
    refusedAsToml(text, {"a key of more than 16 parts"});
  refusedAsToml("# c\n\n" + parts + " = 1\n", {"line 3"});
}

TEST(BoundsOfText, TomlNested) {
  refusedAsToml("x = " + repeated("[", 100000), {"nested more than 64 deep"});
  refusedAsToml("x = " + repeated("{a=", 100000), {"nested more than 64 deep"});
}

TEST(BoundsOfText, TomlBeyondAscii) {
  refusedAsToml("a = 1\na.a\xcc\x9e. = 2\n", {"line 2", "beyond ASCII"});
  refusedAsToml("a = 1\"\xcc\x9e\"\n", {"line 1", "within a word"});
  Diagnostics out;
  EXPECT_TRUE(parseCluster("\xef\xbb\xbf# \xc3\xa4\n[[node]]\nname = \"\xc3\xa4\"\n", "f",
                           std::nullopt, out))
      << toString(out);
}

TEST(BoundsOfText, TomlTooLarge) {
  refusedAsToml(repeated("# comment\n", 500000), {"larger than 4 MiB"});
}

TEST(BoundsOfText, TomlStringsAndNumbersMayHaveDots) {
  Diagnostics out;
  const std::string dots = repeated("1.", 100);
  EXPECT_TRUE(parseCluster("# " + dots + "\n[[node]]\nname = \"" + dots +
                               "\"\n[[node]]\nname = 'b" + dots + "'\n[[node]]\nname = \"\"\"c" +
                               dots + "\"\"\"\"\"\n",
                           "f", std::nullopt, out))
      << toString(out);
}

TEST(BoundsOfText, JsonOfTooManyValues) {
  Diagnostics out;
  EXPECT_FALSE(parseMasks("{\"masks\": [" + repeated("1,", 9000000) + "1]}", "f", 2, out));
  expectFault(out, {"more than 8388608 values"});
}

TEST(BoundsOfText, JsonNested) {
  Diagnostics out;
  EXPECT_FALSE(parseMasks(repeated("[", 1000000), "f", 2, out));
  expectFault(out, {"nested more than 64 deep"});
}

TEST(BoundsOfText, FilesThatAreNone) {
  const std::string fifo = std::string(DISCOC_WRITTEN) + "/fifo";
  unlink(fifo.c_str());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string &path : {fifo, std::string("/dev/zero"), std::string("/")}) {
    Diagnostics out;
    EXPECT_FALSE(readText(path, out)); // and waits for nobody
    expectFault(out, {"is not a file"});
  }
  unlink(fifo.c_str());
}

TEST(BoundsOfText, FilesOfHoles) {
  const std::string path = std::string(DISCOC_WRITTEN) + "/holes";
  Diagnostics out;
  ASSERT_TRUE(writeText(path, "", out));
  ASSERT_EQ(truncate(path.c_str(), int64_t(1) << 42), 0);
  EXPECT_FALSE(readCluster(path, std::nullopt, out));
  expectFault(out, {"larger than 4 MiB"});
  unlink(path.c_str());
}
