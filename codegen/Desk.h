//===- Desk.h - where a board's files and console are -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_DESK_H
#define DISCOC_CODEGEN_DESK_H

#include "codegen/Codegen.h"

namespace disco {

/// What serves the inputs, outputs and console of a bare node (runtime_stub/board/desk.h).
struct Desk {
  enum Kind {
    Semihosting, ///< an emulator or a debugger
    Serial,      ///< a machine at the other end of a UART
    Letters,     ///< that machine, through the links and another board's UART
    None
  };
  Kind kind = None;
  const discoc::BoardLink *link = nullptr; ///< of Serial
  std::vector<int64_t> way = {};    ///< of Letters: the ranks on the way, the last has the UART
  std::vector<int64_t> asking = {}; ///< of Serial: the ranks that ask through this one
  bool stays = false;               ///< letters of others pass here

  bool asks() const { return kind == Serial || kind == Letters; }
  bool hasLetters() const { return kind == Letters || !asking.empty(); }
  /// The sources in the runtime stub.
  std::vector<const char *> sources() const;
  /// As the manifest says it.
  std::string text() const;
};

/// What `--console` says; by itself the first UART that no link of the node uses, and where none is
/// left that of the nearest board that packets reach, if there is one.
Desk deskOf(const EmitOptions &options, int64_t rank);

/// The first bare node that was to have a UART and has none left; -1: none.
int64_t nodeWithoutDesk(const EmitOptions &options);

} // namespace disco

#endif // DISCOC_CODEGEN_DESK_H
