//===- BuildJobs.h - commands that build programs, several at a time ------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_BUILDJOBS_H
#define DISCOC_BUILD_BUILDJOBS_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/run/Process.h"

#include <string>
#include <vector>

namespace discoc {

/// One program on its way: commands, one after the other.
struct BuildJob {
  struct Step {
    std::string what; ///< "compile": what fails when it does
    std::vector<std::string> argv;
    ChildStart how = {};
  };
  std::string name;  ///< "node 3"
  std::string place; ///< of diagnostics: its folder, or its host
  std::vector<Step> steps;
};

/// Runs them all, at most `slots` at a time, with a line on stderr for each that is done. False,
/// with a diagnostic that has the command's own words, when one fails or discoc is interrupted.
bool runBuildJobs(std::vector<BuildJob> jobs, size_t slots, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_BUILDJOBS_H
