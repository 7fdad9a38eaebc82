//===- TemporaryDirectory.h - a directory that goes away, whatever ends the process ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_TEMPORARYDIRECTORY_H
#define DISCOC_FORMATS_TEMPORARYDIRECTORY_H

#include "compiler/formats/Interrupt.h"

#include <string>
#include <sys/types.h>

namespace discoc {

/// PREFIX-XXXXXX. The destructor removes it, and so do INT, TERM and HUP. Its maker holds a lock on
/// it: what a killed process left has none, and is removed by removeAbandoned().
class TemporaryDirectory {
public:
  TemporaryDirectory() = default;
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

  /// False, with errno set, when it cannot be made. `mode`: before the umask.
  bool make(const std::string &prefix, mode_t mode);
  /// Empty when it was not made.
  const std::string &path() const { return path_; }
  /// Removes what lies there now; false, with errno set, when something is left.
  bool remove();
  /// It is no temporary directory any more: it has been moved away.
  void release();

private:
  std::string path_;
  Unfinished unfinished_;
  int fd_ = -1;
};

/// Whether an open folder is one that this process made and holds: to lock it again would never
/// end.
bool isHeldHere(int folder);

/// Removes the directories PREFIX-XXXXXX of this user that no process holds.
void removeAbandoned(const std::string &prefix);

} // namespace discoc

#endif // DISCOC_FORMATS_TEMPORARYDIRECTORY_H
