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
    None
  };
  Kind kind = None;
  const discoc::BoardLink *link = nullptr; ///< of Serial

  /// The source in the runtime stub.
  const char *source() const;
  /// As the manifest says it.
  std::string text() const;
};

/// What `--console` says; by itself the first UART that no link of the node uses, and where none is
/// left semihosting if the board has an emulator.
Desk deskOf(const EmitOptions &options, int64_t rank);

/// The first bare node that was to have a UART and has none left; -1: none.
int64_t nodeWithoutDesk(const EmitOptions &options);

} // namespace disco

#endif // DISCOC_CODEGEN_DESK_H
