//===- Target.h - the instruction sets that a program is compiled for ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/target.md is the specification.
#ifndef DISCOC_FORMATS_TARGET_H
#define DISCOC_FORMATS_TARGET_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// An instruction set that code can be compiled for: "x86-64-v4", "armv8.2-a+dotprod".
struct Level {
  std::string name;
  std::string arch;        ///< "x86-64" or "aarch64"
  int64_t vectorBytes;     ///< of one register
  std::string flags;       ///< of the compiler
  std::string compiled;    ///< condition of the preprocessor: the compiler is told to build for it
  std::string supported;   ///< condition of C++: the processor has it
  bool onlyForDotProducts; ///< whether all that its name has behind + serves 8-bit sums alone
};

/// What the programs of hosts are compiled for.
struct Target {
  /// Names of levels, rising. The first is what a processor has to have; code for the others lies
  /// beside it, and the last one that the processor has is taken. None: what the compiler is told.
  std::vector<std::string> levels;

  std::string text() const; ///< "x86-64-v3,x86-64-v4"; "generic" without levels
};

/// Nothing when there is none of that name.
std::optional<Level> findLevel(const std::string &name);
/// What holds where nothing is said.
Target defaultTarget();
/// Levels with commas between them, the name of an architecture for its usual ones, "generic", or
/// "native": what this processor has, by its names. `file` and `where` are for diagnostics.
std::optional<Target> parseTarget(const std::string &text, const std::string &file,
                                  const std::string &where, Diagnostics &diagnostics);
/// The architecture of a target's levels; "generic" without any.
std::string archOf(const Target &target);
/// All levels without features, of one architecture, rising.
std::vector<Level> levelsOf(const std::string &arch);

} // namespace discoc

#endif // DISCOC_FORMATS_TARGET_H
