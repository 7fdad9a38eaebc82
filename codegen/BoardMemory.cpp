//===- BoardMemory.cpp - what a node takes of its board's memories --------===//
// SPDX-License-Identifier: Apache-2.0
#include "BoardMemory.h"
#include "BoardPlan.h"

using namespace mlir;
using namespace disco;
using discoc::BoardPart;

std::vector<discoc::MemoryUse> disco::boardMemory(const ModelEmitter &emitter,
                                                  const discoc::Cluster &cluster, int64_t rank,
                                                  const discoc::Board &board,
                                                  const discoc::BoardBounds &bounds) {
  const discoc::ClusterNode &node = cluster.nodes[rank];
  auto uses = [&](StringRef kind) {
    return llvm::count_if(node.ports, [&](const auto &port) { return port.kind == kind; });
  };
  int64_t messages = static_cast<int64_t>(emitter.messageCount());
  int64_t uart = uses("uart"), ethernet = uses("ethernet");
  BoardPlan plan = planBoard(cluster, rank, emitter.bufferBytes("inputs"),
                             emitter.tensorBytes("outputs"), messages);
  std::vector<discoc::MemoryUse> list;
  auto add = [&](const char *part, int64_t bytes, bool exact) {
    list.push_back({part, board.memoryOf(part)->name, bytes, exact});
  };
  add(BoardPart::code, bounds.codeBytes(emitter.kernelCalls(), messages, uart, ethernet), false);
  add(BoardPart::weights, emitter.weights().bytes(), true);
  add(BoardPart::data, bounds.dataBytes(uart, ethernet), false);
  add(BoardPart::arena, emitter.arenaBytes(), true);
  add(BoardPart::buffers, plan.bytes(), true);
  for (const BoardBuffer &buffer : plan.buffers)
    list.back().items[buffer.name] = buffer.bytes;
  add(BoardPart::stack, board.stackBytes, true);
  return list;
}

std::string disco::shortageText(const BoardShortage &shortage,
                                const std::vector<discoc::MemoryUse> &uses) {
  std::string parts;
  for (const discoc::MemoryUse &use : uses)
    if (use.memory == shortage.memory)
      parts += (parts.empty() ? "" : ", ") + use.part + (use.exact ? " " : " at most ") +
               std::to_string(use.bytes);
  return shortage.memory + " has " + std::to_string(shortage.size) + " bytes, and it needs " +
         std::to_string(shortage.wanted) + " (" + parts +
         "): " + std::to_string(shortage.wanted - shortage.size) + " too many";
}

std::vector<BoardShortage> disco::shortages(const std::vector<discoc::MemoryUse> &uses,
                                            const discoc::Board &board) {
  std::vector<BoardShortage> list;
  for (const discoc::BoardMemory &memory : board.memories) {
    int64_t wanted = 0;
    for (const discoc::MemoryUse &use : uses)
      if (use.memory == memory.name)
        wanted += (use.bytes + 63) / 64 * 64; // parts begin at multiples of 64
    if (wanted > static_cast<int64_t>(memory.size))
      list.push_back({memory.name, wanted, static_cast<int64_t>(memory.size)});
  }
  return list;
}
