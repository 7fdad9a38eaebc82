//===- OutputDirectory.h - a directory that appears whole or not at all -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_OUTPUTDIRECTORY_H
#define DISCOC_DRIVER_OUTPUTDIRECTORY_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace disco {

/// Everything is written beside the wanted place and moved there at the end. Without commit()
/// nothing is left behind.
class OutputDirectory {
public:
  explicit OutputDirectory(llvm::StringRef path);
  ~OutputDirectory();

  /// Refuses places that hold something else than an earlier output of discoc. Prints errors.
  bool prepare();
  const std::string &path() const { return temporary; }
  bool commit();

private:
  std::string wanted, temporary;
};

} // namespace disco

#endif // DISCOC_DRIVER_OUTPUTDIRECTORY_H
