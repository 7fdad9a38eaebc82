//===- OutputFileTest.cpp - files that cannot be written ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/OutputFile.h"
#include <gtest/gtest.h>

using namespace disco;

namespace {

/// What close() says, and whether it says that all is well.
std::pair<bool, std::string> closeAfter(const std::string &path, size_t bytes) {
  OutputFile file(path);
  file << std::string(bytes, 'x');
  ::testing::internal::CaptureStderr();
  bool good = succeeded(file.close());
  llvm::errs().flush();
  return {good, ::testing::internal::GetCapturedStderr()};
}

TEST(OutputFile, SaysWhyItCannotBeOpened) {
  auto [good, text] = closeAfter("/nonexistent/file", 1 << 20);
  EXPECT_FALSE(good);
  // Not that nothing could be written afterwards.
  EXPECT_EQ(text, "error: cannot write '/nonexistent/file': No such file or directory\n");
}

TEST(OutputFile, SaysThatTheDiskIsFull) {
  for (size_t bytes : {size_t(1), size_t(1) << 20}) {
    auto [good, text] = closeAfter("/dev/full", bytes);
    EXPECT_FALSE(good);
    EXPECT_EQ(text, "error: cannot write '/dev/full': No space left on device\n");
  }
}

TEST(OutputFile, SaysNothingOtherwise) {
  auto [good, text] = closeAfter("/dev/null", 1 << 20);
  EXPECT_TRUE(good);
  EXPECT_EQ(text, "");
}

} // namespace
