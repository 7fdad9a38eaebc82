//===- BuildBoards.h - checks the images of boards against what compile stated ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_BUILDBOARDS_H
#define DISCOC_BUILD_BUILDBOARDS_H

#include "compiler/formats/Manifest.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// Of one linked image.
struct BoardFacts {
  int64_t rank = 0;
  std::map<std::string, int64_t> parts; ///< bytes, by part
  int64_t stackBound = 0;               ///< the deepest that the stack can get
  int64_t interruptBytes = 0;           ///< what interrupts take of it
  std::vector<std::string> stackPath;   ///< the calls on the way there
};

/// Whether the compilers of all boards are here, and young enough.
bool findToolchains(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

/// Reads the image of every bare node and its call graphs. Data that differs by a byte from what
/// compile stated, code above its bound, a stack that is too small or cannot be bounded:
/// diagnostics.
std::optional<std::vector<BoardFacts>> checkBoards(const std::string &outDirectory,
                                                   const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_BUILDBOARDS_H
