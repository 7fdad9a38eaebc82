//===- FileList.h - files.json: the files that compile wrote into OUT ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/files.md is the specification.
#ifndef DISCOC_FORMATS_FILELIST_H
#define DISCOC_FORMATS_FILELIST_H

#include "compiler/formats/Diagnostics.h"

#include <optional>
#include <set>
#include <string>

namespace discoc {

struct FileList {
  static constexpr int64_t version = 1;
  static constexpr const char *fileName = "files.json";
  std::set<std::string> files; ///< relative to OUT, with slashes

  bool holds(const std::string &file) const { return files.count(file) != 0; }
  /// Whether a file of it lies below this folder.
  bool reaches(const std::string &folder) const;
};

std::string toJson(const FileList &list);
std::optional<FileList> parseFileList(const std::string &text, const std::string &file,
                                      Diagnostics &diagnostics);
std::optional<FileList> readFileList(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_FILELIST_H
