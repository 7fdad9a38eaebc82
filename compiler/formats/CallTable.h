//===- CallTable.h - what a call graph does not say about the stack ---===//
// SPDX-License-Identifier: Apache-2.0
//
// codegen/boards/common/calls.toml; docs/formats/bounds.md says what it means.
#ifndef DISCOC_FORMATS_CALLTABLE_H
#define DISCOC_FORMATS_CALLTABLE_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct CallTable {
  std::vector<std::string> thread; ///< functions with which a program may begin
  /// Functions that interrupt, by level: one of each level may be on the stack at a time.
  std::vector<std::vector<std::string>> interrupts;
  /// What is called through pointers, by the source file that calls.
  std::map<std::string, std::vector<std::string>> indirect;
  /// By toolchain: bytes that the processor itself pushes for an interrupt, and the stack of
  /// functions of the libraries, with all that they call.
  struct Toolchain {
    int64_t frame = 0;
    std::map<std::string, int64_t> library;
  };
  std::map<std::string, Toolchain> toolchains;
};

/// The table of the boards that discoc has.
std::optional<CallTable> readCallTable(Diagnostics &diagnostics);
std::optional<CallTable> parseCallTable(const std::string &text, const std::string &file,
                                        Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_CALLTABLE_H
