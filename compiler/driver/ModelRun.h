//===- ModelRun.h - what run and launch have in common ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MODELRUN_H
#define DISCOC_DRIVER_MODELRUN_H

#include "compiler/run/ShardRun.h"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace discoc {

/// What both are told.
struct ModelRunOptions {
  std::string out;
  std::vector<std::string> inputs, show;
  std::string preprocess;
  std::string outputDirectory;
  std::string trace; ///< a file; may be empty
  int64_t repeat = 1;
  int64_t deadlineMs = 30000;
  bool json = false;
};
void addModelRunOptions(CLI::App &command, ModelRunOptions &options);

extern const char *const inputsHelp; ///< what --input takes, for footers

/// In what they differ.
struct ModelRunSteps {
  /// Before anything is built, which takes long: ExitSuccess, or an exit code with diagnostics.
  std::function<int(const Manifest &, Diagnostics &)> check;
  std::function<bool(const Manifest &, Diagnostics &)> build;
  /// `request`: files, counts and deadlines are filled.
  std::function<RunResult(RunRequest &request, const Manifest &, Diagnostics &)> start;
};

/// From inputs on the command line to outputs on the screen; returns an exit code.
int runModel(const ModelRunOptions &options, const ModelRunSteps &steps);

} // namespace discoc

#endif // DISCOC_DRIVER_MODELRUN_H
