//===- BoardMemory.cpp - what a node takes of its board's memories --------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/BoardMemory.h"
#include "codegen/BoardPlan.h"
#include "codegen/Desk.h"

using namespace mlir;
using namespace disco;
using discoc::BoardPart;

/// Code, table and text of the check: 176 bytes on a Cortex-M4, 200 on RISC-V, with g++ 12.
static constexpr int64_t kWeightCheckBytes = 256;
/// Code of a traced program: of handing the notes out, and of a step (68 bytes on a Cortex-M4).
static constexpr int64_t kNotesBytes = 512, kNoteBytes = 160;
/// Code, table and text of the check: 320 bytes on a Cortex-M4.
static constexpr int64_t kImageCheckBytes = 512;
/// Of a node through which others ask the desk: 590 bytes on a Cortex-M4, 830 on RISC-V.
static constexpr int64_t kRelayBytes = 1024;

/// Of code that was not in the images that the bounds were measured of.
static int64_t optionBytes(const EmitOptions &options, const Desk &desk) {
  return (checksWeights(options) ? kWeightCheckBytes : 0) +
         (checksImage(options) ? kImageCheckBytes : 0) +
         (desk.hasLetters() || desk.stays ? kRelayBytes : 0);
}

std::vector<discoc::MemoryUse> disco::boardMemory(const ModelEmitter &emitter,
                                                  const EmitOptions &options, int64_t rank,
                                                  const discoc::Board &board) {
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  const Desk desk = deskOf(options, rank);
  std::map<std::string, int64_t> ports;
  for (const discoc::ClusterPort &port : node.ports)
    ++ports[port.kind->name];
  if (desk.kind == Desk::Serial)
    ++ports[desk.link->kind->name];
  int64_t messages = static_cast<int64_t>(emitter.messageCount());
  BoardPlan plan = planBoard(options.cluster, rank, emitter.bufferBytes("inputs"),
                             emitter.tensorBytes("outputs"), messages, desk.kind == Desk::Serial,
                             emitter.noteBytes());
  std::vector<discoc::MemoryUse> list;
  auto add = [&](const char *part, int64_t bytes, bool exact) {
    list.push_back({part, board.memoryOf(part)->name, bytes, exact});
  };
  const discoc::CodeUse use{emitter.kernelInstances(), emitter.kernelCallCount() + messages,
                            emitter.mayCallLibrary(), ports};
  add(BoardPart::code,
      board.bounds.codeBytes(use) + optionBytes(options, desk) +
          (emitter.notesSteps() ? kNotesBytes + emitter.notedSteps() * kNoteBytes : 0),
      false);
  add(BoardPart::weights, emitter.weights().bytes(), true);
  add(BoardPart::data, board.bounds.dataBytes(ports), false);
  add(BoardPart::arena, emitter.arenaBytes(), true);
  add(BoardPart::buffers, plan.bytes(), true);
  for (const BoardBuffer &buffer : plan.buffers)
    list.back().items[buffer.name] = buffer.bytes;
  add(BoardPart::stack, board.stackBytes, true);
  return list;
}

/// "code at most 4000, weights 100".
static std::string partsText(const std::string &memory,
                             const std::vector<discoc::MemoryUse> &uses) {
  std::string parts;
  for (const discoc::MemoryUse &use : uses)
    if (use.memory == memory)
      parts += (parts.empty() ? "" : ", ") + use.part + (use.exact ? " " : " at most ") +
               std::to_string(use.bytes);
  return parts;
}

/// With the gaps between parts, which begin at multiples of 64.
static int64_t wantedOf(const std::string &memory, const std::vector<discoc::MemoryUse> &uses) {
  int64_t wanted = 0;
  for (const discoc::MemoryUse &use : uses)
    if (use.memory == memory)
      wanted += (use.bytes + 63) / 64 * 64;
  return wanted;
}

std::string disco::memoryText(const discoc::BoardMemory &memory,
                              const std::vector<discoc::MemoryUse> &uses) {
  return memory.name + " " + std::to_string(wantedOf(memory.name, uses)) + " of " +
         std::to_string(memory.size) + " bytes (" + partsText(memory.name, uses) + ")";
}

std::string disco::shortageText(const BoardShortage &shortage,
                                const std::vector<discoc::MemoryUse> &uses) {
  return shortage.memory + " has " + std::to_string(shortage.size) + " bytes, and it needs " +
         std::to_string(shortage.wanted) + " (" + partsText(shortage.memory, uses) +
         "): " + std::to_string(shortage.wanted - shortage.size) + " too many";
}

std::vector<BoardShortage> disco::shortages(const std::vector<discoc::MemoryUse> &uses,
                                            const discoc::Board &board) {
  std::vector<BoardShortage> list;
  for (const discoc::BoardMemory &memory : board.memories) {
    const int64_t wanted = wantedOf(memory.name, uses);
    if (wanted > static_cast<int64_t>(memory.size))
      list.push_back({memory.name, wanted, static_cast<int64_t>(memory.size)});
  }
  return list;
}
