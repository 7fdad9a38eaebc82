//===- Scratch.h - a temporary directory that goes away ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_SCRATCH_H
#define DISCOC_DRIVER_SCRATCH_H

#include <cstdlib>
#include <filesystem>
#include <string>

namespace discoc {

class Scratch {
public:
  Scratch() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "discoc-XXXXXX").string();
    if (!error && mkdtemp(&name[0]))
      path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty())
      std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  /// Empty when it could not be made.
  const std::string &path() const { return path_; }

private:
  std::string path_;
};

} // namespace discoc

#endif // DISCOC_DRIVER_SCRATCH_H
