//===- OutputDirectory.h - a directory that appears whole or not at all -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_OUTPUTDIRECTORY_H
#define DISCOC_DRIVER_OUTPUTDIRECTORY_H

#include "compiler/formats/FileList.h"
#include "compiler/formats/TemporaryDirectory.h"
#include <optional>
#include <string>
#include <vector>

namespace disco {

/// Everything is written beside the wanted place and exchanged with what is there at the end.
/// Without commit() nothing is left behind, and what was there before stays. Prints errors.
class OutputDirectory {
public:
  /// `replace`: files in the place that are none of discoc's are moved into the new directory;
  /// else they are a reason to refuse.
  OutputDirectory(const std::string &path, bool replace);
  ~OutputDirectory();

  /// Whether the place can be taken. Writes nothing: for before the work.
  bool check();
  /// Makes the directory to write into.
  bool prepare();
  const std::string &path() const { return temporary.path(); }
  /// Lists the files that were written, and puts them in the place.
  bool commit();

private:
  bool checkPlace();
  bool checkOwn();
  bool keepForeign();
  bool exchange();
  bool exchangeInSteps();
  void restoreAbandoned();
  void removeOld();
  std::string prefix() const;

  std::string named;  // as on the command line
  std::string wanted; // without links
  bool replace;
  discoc::TemporaryDirectory temporary;
  std::vector<std::string> made; // folders around it
};

/// The files and folders (these with a slash at the end) of an output that are none of discoc's.
/// Nothing: the directory could not be read, which was printed. Without a list, what the versions
/// before wrote is known by its name.
std::optional<std::vector<std::string>> foreignFiles(const std::string &directory);

} // namespace disco

#endif // DISCOC_DRIVER_OUTPUTDIRECTORY_H
