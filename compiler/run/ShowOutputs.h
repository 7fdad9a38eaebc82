//===- ShowOutputs.h - outputs as what they mean ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_SHOWOUTPUTS_H
#define DISCOC_RUN_SHOWOUTPUTS_H

#include "compiler/formats/Preprocess.h"
#include "compiler/run/RunInputs.h"
#include "compiler/run/RunText.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// What an output is; docs/formats/show.md.
struct Shown {
  enum class Kind { Scores, Boxes, Mask, Picture } kind = Kind::Scores;
  enum class Corners { Xyxy, Xywh, Cxcywh } corners = Corners::Xyxy; ///< of boxes
  std::string scores;    ///< the output with the scores of boxes; empty: there is none
  double least = 0.5;    ///< boxes with less are not shown
  bool relative = false; ///< boxes count in widths and heights of the picture, not in pixels
};
using ShownOutputs = std::map<std::string, Shown>; ///< by the output's name

/// OUTPUT=KIND[,WORD...] of the command line, each of them; and metadata `discoc.show`, where the
/// same lines stand below each other. Diagnostics name an output that is not the model's.
std::optional<ShownOutputs> parseShown(const std::vector<std::string> &lines,
                                       const Manifest &manifest, Diagnostics &out);

/// A line or a few for every inference of `output`, and a PNG each in `directory` where that is not
/// empty. Boxes are drawn on the pictures that the first input was given.
std::optional<std::string> showOutput(const RunOutput &output, const Shown &shown,
                                      const std::vector<RunOutput> &outputs,
                                      const Manifest &manifest, const RunInputs &inputs,
                                      const std::optional<Preprocess> &preprocess,
                                      const std::string &directory, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_SHOWOUTPUTS_H
