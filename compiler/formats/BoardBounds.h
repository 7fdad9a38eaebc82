//===- BoardBounds.h - what code and variables take on a board, measured ---===//
// SPDX-License-Identifier: Apache-2.0
//
// bounds.toml beside a board.toml, written by tests/bench/bounds.py; docs/formats/bounds.md.
#ifndef DISCOC_FORMATS_BOARDBOUNDS_H
#define DISCOC_FORMATS_BOARDBOUNDS_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// What the code of a program depends on.
struct CodeUse {
  std::vector<std::string> instances;        ///< of kernels: the kernel of each
  int64_t calls = 0;                         ///< of kernels, and of the runtime for messages
  bool library = false;                      ///< a kernel may call the mathematical library
  std::map<std::string, int64_t> ports = {}; ///< how many of each kind of link
};

/// Upper bounds in bytes, before anything is built.
struct BoardBounds {
  struct Fixed {
    int64_t base = 0;  ///< start-up, main program, runtime stub
    int64_t links = 0; ///< more when the node has any link
    /// More when it has a port of a kind of link; of variables, for each.
    std::map<std::string, int64_t> kinds = {};
  };
  Fixed code, data;
  int64_t library = 0;                    ///< code more when a kernel may call the library
  int64_t call = 0;                       ///< code of infer() for a call, a send or a receive
  int64_t kernel = 0;                     ///< code of a kernel that the table does not have
  std::map<std::string, int64_t> kernels; ///< code of one instance, by kernel

  int64_t codeBytes(const CodeUse &use) const;
  int64_t dataBytes(const std::map<std::string, int64_t> &ports) const;
};

/// What holds on a board that nobody has measured yet.
BoardBounds unmeasuredBounds();

/// The table in a board's folder, or unmeasuredBounds() when it has none.
std::optional<BoardBounds> readBounds(const std::string &folder, Diagnostics &diagnostics);
std::optional<BoardBounds> parseBounds(const std::string &text, const std::string &file,
                                       Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_BOARDBOUNDS_H
