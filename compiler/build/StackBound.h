//===- StackBound.h - the deepest stack of a program, from its call graph ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_STACKBOUND_H
#define DISCOC_BUILD_STACKBOUND_H

#include "compiler/formats/CallTable.h"

#include <set>

namespace discoc {

/// The call graphs that gcc wrote beside the objects (-fcallgraph-info=su), joined.
class CallGraph {
public:
  /// Adds one file's text; `source` is the name of the source file, without directories.
  void add(const std::string &text, const std::string &source);

  /// Every function of the graph that has code there, as the linker calls it.
  const std::set<std::string> &defined() const { return defined_; }

  struct Bound {
    int64_t bytes = 0;
    std::vector<std::string> path; ///< of the thread, from where it begins, for people
    int64_t interrupts = 0;        ///< of `bytes`, what interrupts take
  };
  /// Nothing, with diagnostics, when a call leads to a function of which nothing is known, or back
  /// to itself.
  std::optional<Bound> bound(const CallTable &table, const std::string &toolchain,
                             Diagnostics &out) const;

private:
  friend class StackWalk;
  struct Function {
    int64_t bytes = -1; ///< of its frame; -1: no code here
    bool dynamic = false;
    std::string source;          ///< of its code
    std::set<std::string> calls; ///< titles
    bool indirect = false;       ///< calls through a pointer
  };
  std::map<std::string, Function> functions_;           ///< by title
  std::map<std::string, std::set<std::string>> titles_; ///< by plain name
  std::set<std::string> defined_;
};

/// "pump" of "_ZN12_GLOBAL__N_14pumpEP13disco_packets", with or without a file in front.
std::string plainName(const std::string &title);

} // namespace discoc

#endif // DISCOC_BUILD_STACKBOUND_H
