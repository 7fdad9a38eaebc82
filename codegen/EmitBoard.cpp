//===- EmitBoard.cpp - the program of a node on a bare board --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitBoard.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace mlir;
using namespace disco;

/// The kinds of links that a node has ports of, in the table's order.
static std::vector<const discoc::LinkKind *> kindsOf(const discoc::ClusterNode &node) {
  std::vector<const discoc::LinkKind *> kinds;
  for (const discoc::LinkKind &kind : discoc::linkKinds())
    if (llvm::any_of(node.ports, [&](const auto &port) { return port.kind == &kind; }))
      kinds.push_back(&kind);
  return kinds;
}

LogicalResult disco::addBoardRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                     const discoc::ClusterNode &node) {
  std::vector<std::string> names = {"disco.cpp", "disco_frame.cpp", "disco_crc.cpp",
                                    "disco_link.cpp", "board/fault.cpp"};
  if (!node.ports.empty())
    names.push_back("board/links.cpp");
  for (const discoc::LinkKind *kind : kindsOf(node))
    names.push_back(std::string(kind->boardPort) + ".cpp");
  for (const std::string &name : names)
    if (failed(runtime.add(name)))
      return failure();
  if (failed(runtime.addWithSource("board/board_main.h")))
    return failure();
  for (const std::string &header : emitter.headers())
    if (failed(runtime.addWithSource(header)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// main.cpp
//===----------------------------------------------------------------------===//

static std::string number(int64_t value) { return std::to_string(value); }

/// The struct of buffers, and the constants that say how large it must be.
static std::string bufferStruct(const BoardPlan &plan) {
  std::string text = "// Everything beside arena and variables; the size is what was planned for.\n"
                     "struct buffers {\n";
  for (const BoardBuffer &buffer : plan.buffers)
    text += "  alignas(" + number(kBoardBufferAlignment) + ") uint8_t " + buffer.name + "[" +
            number(buffer.bytes) + "];\n";
  text += "};\n";
  text += "static_assert(sizeof(buffers) == " + number(plan.bytes()) + ");\n";
  if (plan.packets.window > 0) {
    text += "static_assert(sizeof(buffers::peers) == sizeof(disco_peer) * nodes);\n"
            "static_assert(sizeof(buffers::slots) >= sizeof(disco_slot) * messages);\n"
            "static_assert(sizeof(buffers::packets) ==\n"
            "              disco_packets_bytes(peers, payload, window, forward_slots));\n";
  }
  return text + "__attribute__((section(\".bss.disco_buffers\"))) static buffers memory;\n\n";
}

static std::string pointerTable(StringRef name, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", memory." : "memory.") + name.str() + number(static_cast<int64_t>(i));
  return count ? "static void *const " + name.str() + "s[] = {" + text + "};\n" : "";
}

/// One driver's state and its row in the table of ports.
static void emitPort(std::string &states, std::string &rows, const discoc::Board &board,
                     const discoc::ClusterPort &port, int64_t rank) {
  int64_t link = board.findLink(port.name) - board.links.data();
  std::string name = port.name;
  std::replace(name.begin(), name.end(), '-', '_');
  bool isUart = port.kind->carries == discoc::Carries::Bytes;
  if (isUart)
    states += "static disco_uart " + name + " = {memory." + name + "_rx, memory." + name +
              "_tx, sizeof memory." + name + "_rx,\n    sizeof memory." + name +
              "_tx, payload + DISCO_PACKET_OVERHEAD, nullptr, nullptr, 0, 0, 0, 0, 0, 0};\n";
  else
    states += "static disco_ethernet " + name + " = {" + number(rank) + ", 0, memory." + name +
              "_frame,\n    sizeof memory." + name + "_frame, nullptr, nullptr, nullptr};\n";
  rows += "    {" + number(link) + ", &" + name + ", " +
          (isUart ? "board_uart_port" : "board_ethernet_port") + "}, // " + port.name +
          (port.neighbour < 0 ? ", to a switch" : ", to node " + number(port.neighbour)) + "\n";
}

static std::string linkTables(const BoardPlan &plan, const discoc::Board &board,
                              const discoc::ClusterNode &node, int64_t rank) {
  std::string states, rows, hops;
  for (const discoc::ClusterPort &port : node.ports)
    emitPort(states, rows, board, port, rank);
  for (auto [to, hop] : llvm::enumerate(node.hops))
    hops += (hop.port < 0 ? "    {DISCO_NO_PORT, 0}"
                          : "    {" + number(hop.port) + ", " + number(hop.next) + "}") +
            ", // to node " + number(static_cast<int64_t>(to)) + "\n";
  return states + "static const board_port ports[] = {\n" + rows +
         "};\nstatic disco_port opened[sizeof ports / sizeof ports[0]];\n"
         "// Port and next node.\nstatic const disco_hop hops[] = {\n" +
         hops +
         "};\nstatic disco_packets packets;\n"
         "static disco_packets_config config = {\n    " +
         number(rank) +
         ", nodes, nullptr, sizeof ports / sizeof ports[0], hops, payload, window,\n"
         "    memory.packets, sizeof memory.packets, forward_slots, 0, " +
         number(plan.packets.retryUs) +
         ", nullptr, nullptr,\n    nullptr};\n"
         "static const board_links links = {&packets, &config, ports, opened};\n";
}

static std::string mainSource(const BoardPlan &plan, const ModelEmitter &emitter,
                              const EmitOptions &options, const discoc::Board &board,
                              int64_t rank) {
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  std::string prefix = shardPrefix(options, rank);
  bool placed = emitter.hasInputPlaces();
  size_t inputs = placed ? 0 : emitter.tensorBytes("inputs").size(),
         outputs = emitter.tensorBytes("outputs").size();
  bool linked = plan.packets.window > 0;
  std::string text = "// The program of one node on a bare board: " + board.title + ".\n";
  text += "#include \"model.h\"\n#include \"runtime/board/board_main.h\"\n";
  if (linked)
    text += "#include \"runtime/board/links.h\"\n";
  for (const discoc::LinkKind *kind : kindsOf(node))
    text += "#include \"runtime/" + std::string(kind->transport) + ".h\"\n";
  text += "\n";
  if (linked)
    text +=
        "constexpr uint32_t nodes = " + number(static_cast<int64_t>(node.hops.size())) +
        ", peers = " + number(plan.peers) +
        ", messages = " + number(static_cast<int64_t>(emitter.messageCount())) +
        ", forward_slots = " + number(plan.forwardSlots) +
        ";\n// The same on every node that these packets reach.\nconstexpr uint16_t payload = " +
        number(plan.packets.payload) + ", window = " + number(plan.packets.window) + ";\n\n";
  text += bufferStruct(plan);
  text += pointerTable("input", inputs) + pointerTable("output", outputs);
  if (linked)
    text += linkTables(plan, board, node, rank);
  text += "\nstatic const board_shard shard = {&" + prefix + "_program,\n    ";
  text += linked ? "reinterpret_cast<disco_peer *>(memory.peers), "
                   "reinterpret_cast<disco_slot *>(memory.slots),\n    "
                 : "nullptr, nullptr, ";
  text += (placed ? prefix + "_inputs" : std::string(inputs ? "inputs" : "nullptr")) + ", " +
          (outputs ? "outputs" : "nullptr") + ", ";
  text += linked ? "&links, board_links_connect, board_links_describe, board_links_finish,\n    " +
                       number(plan.packets.floor) + ", " + number(plan.packets.floorMost()) + "};\n"
                 : std::string("nullptr, nullptr, nullptr, nullptr, 0, 0};\n");
  return text + "\nint main() { return board_main(&shard); }\n";
}

//===----------------------------------------------------------------------===//
// Build files
//===----------------------------------------------------------------------===//

static std::string hex(uint64_t value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format_hex(value, 10);
  return text;
}

/// What the linker script includes: the memories, what is where, and the stack's size.
static std::string memoryScript(const discoc::Board &board) {
  std::string text = "/* Memories of " + board.name + ", from its board.toml. */\nMEMORY {\n";
  for (const discoc::BoardMemory &memory : board.memories)
    text += "  " + memory.name + (memory.kind == "flash" ? " (rx)" : " (rwx)") +
            " : ORIGIN = " + hex(memory.address) + ", LENGTH = " + hex(memory.size) + "\n";
  text += "}\n";
  for (const std::string &part : discoc::BoardPart::all())
    text +=
        "REGION_ALIAS(\"" + StringRef(part).upper() + "\", " + board.memoryOf(part)->name + ")\n";
  return text + "BOARD_STACK_BYTES = " + number(board.stackBytes) + ";\n";
}

static std::vector<std::string> boardSources(const discoc::Board &board,
                                             const discoc::ClusterNode &node) {
  std::vector<std::string> list = board.sources;
  for (const discoc::LinkKind *kind : kindsOf(node))
    if (auto drivers = board.linkSources.find(kind->name); drivers != board.linkSources.end())
      for (const std::string &source : drivers->second)
        if (!llvm::is_contained(list, source)) // what drivers share
          list.push_back(source);
  return list;
}

static LogicalResult copyBoard(const discoc::Board &board, const discoc::ClusterNode &node,
                               StringRef directory) {
  if (failed(makeDirectories(directory)))
    return failure();
  std::vector<std::string> files = boardSources(board, node);
  files.push_back(board.linkerScript);
  for (const std::string &file : files) {
    std::string from = pathIn(board.folder, file),
                to = pathIn(directory, llvm::sys::path::filename(file));
    if (failed(copyFile(from, to)))
      return failure();
  }
  return writeText(directory, "memory.ld", memoryScript(board));
}

static std::string words(const std::vector<std::string> &list) {
  std::string text;
  for (const std::string &word : list)
    text += " " + word;
  return text;
}

static std::string definitions(const discoc::Board &board, const discoc::ClusterNode &node,
                               bool checksWeights) {
  std::string text = "target_compile_definitions(shard.elf PRIVATE\n  BOARD_CLOCK_HZ=" +
                     number(static_cast<int64_t>(board.clockHz));
  for (const auto &[name, value] : board.defines)
    text += " " + name + "=" + value;
  for (const discoc::LinkKind *kind : kindsOf(node))
    text += std::string(" ") + kind->define;
  if (checksWeights)
    text += " BOARD_CHECKS_WEIGHTS";
  return text + ")\n";
}

static std::string cmakeLists(StringRef prefix, const discoc::Board &board,
                              const discoc::ClusterNode &node, const RuntimeFiles &runtime,
                              bool binaryWeights, bool checksWeights) {
  std::string text = "# Builds the program of one node for " + board.name + ": shard.elf.\n";
  text += "cmake_minimum_required(VERSION 3.16)\nset(CMAKE_SYSTEM_NAME Generic)\n"
          "set(DISCO_TOOLCHAIN \"" +
          board.toolchain +
          "\" CACHE STRING \"Prefix of the compiler's name, with its path if need be\")\n"
          "set(CMAKE_CXX_COMPILER ${DISCO_TOOLCHAIN}g++)\n"
          "set(CMAKE_ASM_COMPILER ${DISCO_TOOLCHAIN}g++)\n"
          "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n"
          "project(" +
          prefix.str() +
          " LANGUAGES CXX ASM)\n"
          "set(CMAKE_CXX_STANDARD 17)\nset(CMAKE_CXX_STANDARD_REQUIRED ON)\n"
          "set(CMAKE_CXX_EXTENSIONS OFF)\n"
          "# What the memories were planned for; other types take more.\n"
          "set(CMAKE_CXX_FLAGS_RELEASE \"-Os -g -DNDEBUG\")\n"
          "if(NOT CMAKE_BUILD_TYPE)\n  set(CMAKE_BUILD_TYPE Release)\nendif()\n\n"
          "add_executable(shard.elf\n  main.cpp\n  model.cpp\n  ";
  text += binaryWeights ? "weights.S" : "weights.cpp";
  for (const std::string &source : runtime.sources())
    text += "\n  runtime/" + source;
  for (const std::string &source : boardSources(board, node))
    if (!StringRef(source).ends_with(".h"))
      text += "\n  board/" + llvm::sys::path::filename(source).str();
  text +=
      ")\ntarget_include_directories(shard.elf PRIVATE board runtime/board runtime/transport)\n";
  text += definitions(board, node, checksWeights);
  text += "set(BOARD" + words(board.flags) + ")\n";
  text += "target_compile_options(shard.elf PRIVATE ${BOARD} -ffunction-sections -fdata-sections\n"
          "  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -fno-exceptions -fno-rtti\n"
          "  -fno-threadsafe-statics -fno-asynchronous-unwind-tables -fstack-usage "
          "-fcallgraph-info=su>)\n" +
          werrorOption("shard.elf") +
          "set_source_files_properties(model.cpp PROPERTIES COMPILE_OPTIONS "
          "$<$<CONFIG:Release>:" +
          board.optimize + ">)\n";
  if (binaryWeights)
    text += weightsRule("weights.S", "${CMAKE_CURRENT_SOURCE_DIR}");
  text += "target_link_options(shard.elf PRIVATE ${BOARD} -nostdlib -Wl,--gc-sections "
          "-Wl,-Map=shard.map\n  -Wl,--fatal-warnings -L${CMAKE_CURRENT_SOURCE_DIR}/board -T "
          "${CMAKE_CURRENT_SOURCE_DIR}/board/" +
          llvm::sys::path::filename(board.linkerScript).str() + words(board.linkFlags) +
          ")\n"
          "target_link_libraries(shard.elf PRIVATE -Wl,--start-group -lm -lc -lgcc "
          "-Wl,--end-group)\n"
          "set_target_properties(shard.elf PROPERTIES LINK_DEPENDS\n  "
          "\"${CMAKE_CURRENT_SOURCE_DIR}/board/memory.ld\")\n";
  return text;
}

LogicalResult disco::emitBoardNode(const ModelEmitter &emitter, const EmitOptions &options,
                                   const discoc::Board &board, const RuntimeFiles &runtime,
                                   int64_t rank, StringRef directory) {
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  BoardPlan plan =
      planBoard(options.cluster, rank, emitter.bufferBytes("inputs"),
                emitter.tensorBytes("outputs"), static_cast<int64_t>(emitter.messageCount()));
  return failure(
      failed(copyBoard(board, node, pathIn(directory, "board"))) ||
      failed(writeText(directory, "main.cpp", mainSource(plan, emitter, options, board, rank))) ||
      failed(writeText(directory, "CMakeLists.txt",
                       cmakeLists(shardPrefix(options, rank), board, node, runtime,
                                  emitter.weights().isBinary(), checksWeights(options)))));
}

std::string disco::crossCompiler(const discoc::Board &board) {
  return "set(CMAKE_SYSTEM_NAME Linux)\nset(DISCO_TOOLCHAIN \"" + board.toolchain +
         "\" CACHE STRING \"Prefix of the compiler's name, with its path if need be\")\n"
         "set(CMAKE_CXX_COMPILER ${DISCO_TOOLCHAIN}g++)\n"
         "set(CMAKE_ASM_COMPILER ${DISCO_TOOLCHAIN}g++)\n"
         "set(CMAKE_EXE_LINKER_FLAGS_INIT -static)\n" +
         (board.flags.empty()
              ? ""
              : "add_compile_options(" + StringRef(words(board.flags)).trim().str() + ")\n");
}
