//===- MemoryUse.h - what a program takes of a board's memories ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_MEMORYUSE_H
#define DISCOC_FORMATS_MEMORYUSE_H

#include <cstdint>
#include <map>
#include <string>

namespace discoc {

/// One part of a program (BoardPart) on a bare board.
struct MemoryUse {
  std::string part;   ///< "weights", "arena", "buffers", "code", "data", "stack"
  std::string memory; ///< the board's name of where it lies
  int64_t bytes = 0;
  bool exact = false; ///< else an upper bound, which `discoc build` checks
  /// Of the buffers, in reports: each one's bytes as it is emitted, without what aligns them.
  std::map<std::string, int64_t> items = {};
};

} // namespace discoc

#endif // DISCOC_FORMATS_MEMORYUSE_H
