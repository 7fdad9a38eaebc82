//===- DataDirectory.cpp - where the files lie that belong to discoc ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/DataDirectory.h"

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace discoc {

/// An installed program never looks into a source tree: what lies there may be of another version.
static bool isInBuildTree(const fs::path &program) {
  std::error_code error;
  const fs::path build = fs::weakly_canonical(DISCOC_BUILT_PROGRAMS, error);
  return std::mismatch(build.begin(), build.end(), program.begin(), program.end()).first ==
         build.end();
}

std::string dataDirectory(const std::string &name, const std::string &inSource) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (isInBuildTree(program))
    return (fs::path(DISCOC_SOURCE_TREE) / inSource).string();
  return (program.parent_path() / DISCOC_INSTALLED_DATA / name).lexically_normal().string();
}

} // namespace discoc
