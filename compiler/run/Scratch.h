//===- Scratch.h - a folder for files that nobody sees ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_SCRATCH_H
#define DISCOC_RUN_SCRATCH_H

#include "compiler/formats/TemporaryDirectory.h"

#include <filesystem>

namespace discoc {

class Scratch {
public:
  Scratch() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    if (error)
      return;
    const std::string prefix = (folder / "discoc-scratch").string();
    removeAbandoned(prefix);
    directory_.make(prefix, 0700);
  }

  /// Empty when it could not be made.
  const std::string &path() const { return directory_.path(); }

private:
  TemporaryDirectory directory_;
};

} // namespace discoc

#endif // DISCOC_RUN_SCRATCH_H
