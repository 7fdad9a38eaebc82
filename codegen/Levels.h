//===- Levels.h - one program for processors of several levels --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// model.cpp is compiled for the first level of the node's target. For each further one a file
// beside it includes it again and is compiled for that level; `infer` takes the last one that the
// processor has. Arena, weights and tables are there once.
#ifndef DISCOC_CODEGEN_LEVELS_H
#define DISCOC_CODEGEN_LEVELS_H

#include "compiler/formats/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace disco {

using Levels = std::vector<discoc::Level>;

/// Those of a target that make a difference: where nothing sums products of 8 bits, levels that
/// serve nothing else are left out.
Levels usefulLevels(const discoc::Target &target, bool sumsBytes);

/// "model_x86-64-v4.cpp", and what it says; `index` is that of the level.
std::string levelFile(const discoc::Level &level);
std::string levelSource(const Levels &levels, size_t index);

/// The lines of model.cpp around what is compiled once a level: an error where the compiler is told
/// to build for less, the kernels' namespace, and the level's own namespace; then the choice.
std::string levelHead(const Levels &levels, llvm::StringRef scope);
/// A function that every level has: what it is, its result with a space behind it, and the rest.
struct LevelFunction {
  std::string what, result, name, parameters, arguments;
};
std::string levelChoice(const Levels &levels, const LevelFunction &function);
/// The arena's definition, which all levels share. `section`: an attribute in front of it.
std::string levelArena(const Levels &levels, int64_t bytes, llvm::StringRef section);

/// A function of main.cpp, `bool suits_processor()`, that says what is missing, and false.
std::string processorCheck(llvm::StringRef program, const Levels &levels);

/// CMake: refuses another architecture, before anything is compiled.
std::string architectureCheck(const Levels &levels);
/// CMake: what each of a node's files is compiled for. `folder` has its files, with a slash at the
/// end; the first of `base` is what the whole program is compiled for.
std::string levelOptions(const Levels &levels, llvm::StringRef folder, const Levels &base);
/// CMake: what everything else of a program is compiled for.
std::string baseOptions(const Levels &levels, llvm::StringRef target);

/// The first levels of nodes that are one program.
class LeastLevels {
public:
  /// False where a node has none, or is of another architecture than those before.
  bool add(const Levels &levels);
  /// Each lists one level: the least of all, for which what the nodes share is compiled, and one
  /// that a processor has that has them all.
  Levels shared() const { return {*least}; }
  Levels needed() const { return {*most}; }

private:
  std::optional<discoc::Level> least, most;
};

} // namespace disco

#endif // DISCOC_CODEGEN_LEVELS_H
