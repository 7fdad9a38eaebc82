//===- BoardMemory.h - what a node takes of its board's memories -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_BOARDMEMORY_H
#define DISCOC_CODEGEN_BOARDMEMORY_H

#include "codegen/EmitModel.h"
#include "compiler/formats/MemoryUse.h"

namespace disco {

/// Weights, arena, buffers and stack exactly, as emitBoardNode() will write them; code and
/// variables as the board's table bounds them. In the order of BoardPart::all().
std::vector<discoc::MemoryUse> boardMemory(const ModelEmitter &emitter, const EmitOptions &options,
                                           int64_t rank, const discoc::Board &board);

/// A memory that does not hold all of what is put there.
struct BoardShortage {
  std::string memory;
  int64_t wanted = 0, size = 0; ///< bytes
};
/// "flash 4100 of 131072 bytes (code at most 4000, weights 100)".
std::string memoryText(const discoc::BoardMemory &memory,
                       const std::vector<discoc::MemoryUse> &uses);
/// "flash has 131072 bytes, and it needs 140000 (code at most 30000, weights 110000): 8928 too
/// many".
std::string shortageText(const BoardShortage &shortage, const std::vector<discoc::MemoryUse> &uses);
std::vector<BoardShortage> shortages(const std::vector<discoc::MemoryUse> &uses,
                                     const discoc::Board &board);

} // namespace disco

#endif // DISCOC_CODEGEN_BOARDMEMORY_H
