//===- RunTrace.h - what the programs of a run noted ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_RUNTRACE_H
#define DISCOC_DRIVER_RUNTRACE_H

#include "compiler/formats/Manifest.h"

#include <string>
#include <vector>

namespace discoc {

/// Puts the notes in `folder`, of the programs of `out`, together and writes the trace.
bool writeTrace(const std::string &out, const Manifest &manifest, const std::string &folder,
                const std::string &path, Diagnostics &faults);

/// The notes of one run, from which its trace is made. Of programs that were not compiled with
/// --trace there are none.
class RunTrace {
public:
  /// `folder`: is made, for the notes, where there are to be any.
  RunTrace(std::string out, const Manifest &manifest, std::string folder);

  static bool isTraced(const Manifest &manifest) { return manifest.settings.count("trace") != 0; }
  /// For RunRequest; empty where nothing is noted.
  const std::string &folder() const { return folder_; }

  /// Writes the trace of a run that has ended, well or not.
  bool write(const std::string &path, Diagnostics &out) const;
  /// Where each node stood that was in the middle of an inference, a line each.
  std::vector<std::string> standings() const;

private:
  std::string out_, folder_;
  const Manifest &manifest_;
};

} // namespace discoc

#endif // DISCOC_DRIVER_RUNTRACE_H
