//===- FileListTest.cpp - tests of files.json ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/FileList.h"
#include "Expect.h"

using namespace discoc;

TEST(FileList, ReadsWhatItWrites) {
  const FileList list{{"node0/model.cpp", "node0/runtime/disco.h", "manifest.json", "a \"b\"/ü"}};
  Diagnostics out;
  const std::string text = toJson(list);
  keepForSchemas("files.json", text);
  const auto back = parseFileList(text, "f.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(back->files, list.files);
}

TEST(FileList, KnowsFilesAndTheFoldersOnTheWay) {
  const FileList list{{"node0/model.cpp", "node0/runtime/disco.h", "node10/x", "node0-b/y"}};
  EXPECT_TRUE(list.holds("node0/model.cpp"));
  EXPECT_FALSE(list.holds("node0"));
  for (const char *folder : {"node0", "node0/runtime", "node10", "node0-b"})
    EXPECT_TRUE(list.reaches(folder)) << folder;
  for (const char *folder : {"node", "node1", "node0/run", "node0/model.cpp", ""})
    EXPECT_FALSE(list.reaches(folder)) << folder;
}

TEST(FileList, SaysWhatIsWrong) {
  struct Case {
    std::string text, part;
  } cases[] = {
      {R"({"format":"discoc-files","version":2,"files":[]})", "version"},
      {R"({"format":"discoc-masks","version":1,"files":[]})", "discoc-masks"},
      {R"({"format":"discoc-files","version":1,"files":{}})", "$.files"},
      {R"({"format":"discoc-files","version":1,"files":[1]})", "$.files[0]"},
      {R"({"format":"discoc-files","version":1,"files":["a","a"]})", "$.files[1]: comes twice"},
      {R"({"format":"discoc-files","version":1})", "files"},
      {R"({"format":"discoc-files","version":1,"files":[],"more":1})", "more"},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parseFileList(c.text, "f.json", out)) << c.text;
    expectFault(out, {"f.json", c.part});
  }
}
