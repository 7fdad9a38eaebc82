//===- RunInputs.h - from NAME=FILE on the command line to .npy files ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_RUNINPUTS_H
#define DISCOC_RUN_RUNINPUTS_H

#include "compiler/formats/Manifest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace discoc {

struct RunInputs {
  std::vector<std::pair<std::string, std::string>> files; ///< input name, one .npy file
  int64_t count = 1;                                      ///< inferences that they hold
  std::vector<std::string> titles; ///< of each inference, for people; may be fewer
};

/// Reads `arguments` (NAME=FILE, several for one NAME are inferences in turn; a folder stands for
/// the arrays and pictures in it, "-" for standard input) for the model's inputs. Pictures go
/// through `preprocess`; what is not a single .npy file already becomes one in `scratch`. An input
/// without a file, a file without an input, a wrong shape or type: diagnostics.
std::optional<RunInputs> collectInputs(const std::vector<std::string> &arguments,
                                       const Manifest &manifest,
                                       const std::optional<Preprocess> &preprocess,
                                       const std::string &scratch, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_RUNINPUTS_H
