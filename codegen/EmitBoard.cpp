//===- EmitBoard.cpp - the program of a node on a bare board --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitBoard.h"
#include "codegen/Template.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace mlir;
using namespace disco;

/// The kinds of links that a node has ports of, or reaches the desk by, in the table's order.
static std::vector<const discoc::LinkKind *> kindsOf(const discoc::ClusterNode &node,
                                                     const Desk &desk) {
  std::vector<const discoc::LinkKind *> kinds;
  for (const discoc::LinkKind &kind : discoc::linkKinds())
    if ((desk.link && desk.link->kind == &kind) ||
        llvm::any_of(node.ports, [&](const auto &port) { return port.kind == &kind; }))
      kinds.push_back(&kind);
  return kinds;
}

LogicalResult disco::addBoardRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                     const discoc::ClusterNode &node, const Desk &desk,
                                     bool checksImage) {
  std::vector<std::string> names = {"disco.cpp", "disco_frame.cpp", "disco_crc.cpp",
                                    "disco_link.cpp", "board/fault.cpp"};
  for (const char *source : desk.sources())
    names.push_back(source);
  if (checksImage)
    names.push_back("board/image_check.cpp");
  if (emitter.notesSteps())
    names.push_back("board/notes.cpp");
  if (!node.ports.empty())
    names.push_back("board/links.cpp");
  if (!node.ports.empty())
    for (const discoc::LinkKind *kind : kindsOf(node, desk))
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
  std::string states, rows;
  for (const discoc::ClusterPort &port : node.ports)
    emitPort(states, rows, board, port, rank);
  return states + "static const board_port ports[] = {\n" + rows +
         "};\nstatic disco_port opened[sizeof ports / sizeof ports[0]];\n"
         "// Port and next node.\nstatic const disco_hop hops[] = {\n" +
         hopRows(node) +
         "};\nstatic disco_packets packets;\n"
         "static disco_packets_config config = {\n    " +
         number(rank) +
         ", nodes, nullptr, sizeof ports / sizeof ports[0], hops, payload, window,\n"
         "    memory.packets, sizeof memory.packets, forward_slots, 0, " +
         number(plan.packets.retryUs) +
         ", nullptr, nullptr,\n    nullptr};\n"
         "static const board_links links = {&packets, &config, ports, opened};\n";
}

/// For those whose console goes through this node, and for what it goes through itself.
static std::string letterTables(const Desk &desk) {
  std::string ranks;
  for (int64_t rank : desk.asking)
    ranks += (ranks.empty() ? "" : ", ") + number(rank);
  if (!desk.asking.empty())
    return "// Whose console is this board's UART.\n"
           "const board_links *const board_relay_links = &links;\n"
           "const uint16_t board_relay_ranks[] = {" +
           ranks + "};\nconst uint32_t board_relay_count = " +
           number(static_cast<int64_t>(desk.asking.size())) + ";\n";
  if (desk.kind == Desk::Letters)
    return "// To the desk: through the UART of node " + number(desk.way.back()) +
           ".\nconst board_links *const board_desk_links = &links;\n"
           "const uint32_t board_desk_node = " +
           number(desk.way.back()) + ";\n";
  return "";
}

/// For desk_ask.cpp and the UART to the desk. A node that is given the inputs waits for them, and
/// one that is emulated has a desk; one behind another board has to be there when that one starts.
static std::string deskTables(const discoc::Board &board, const Desk &desk,
                              const std::string &prefix, bool givenInputs) {
  if (!desk.asks())
    return "";
  const bool own = desk.kind == Desk::Serial,
             waits = givenInputs || (own && board.status == discoc::Board::emulatedStatus);
  std::string text;
  if (own)
    text = "// To the desk: " + desk.link->name +
           ".\ndisco_uart board_desk = {memory.desk_rx, memory.desk_tx, sizeof memory.desk_rx,\n"
           "    sizeof memory.desk_tx, board_desk_packet, nullptr, nullptr, 0, 0, 0, 0, 0, 0};\n"
           "const uint32_t board_desk_link = " +
           number(desk.link - board.links.data()) + ";\n";
  return text + "const uint32_t board_desk_patience_ms = " +
         (waits ? "60000"
          : own ? "5000"
                : "10000") +
         ";\nconst disco_program *const board_desk_program = &" + prefix + "_program;\n";
}

/// The ring of a traced program, for notes.cpp.
static std::string noteTables(const std::string &prefix) {
  const std::string capacity = StringRef(prefix).upper() + "_NOTES";
  return "// What is noted of the latest steps.\nstatic_assert(sizeof memory.notes == "
         "disco_notes_bytes(" +
         capacity +
         "));\ndisco_notes *const board_notes = reinterpret_cast<disco_notes *>(memory.notes);\n"
         "const uint32_t board_notes_capacity = " +
         capacity + ";\ndisco_notes **const board_notes_place = &" + prefix +
         "_notes;\nconst disco_program *const board_notes_program = &" + prefix + "_program;\n";
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
  const Desk desk = deskOf(options, rank);
  std::string text = "// The program of one node on a bare board: " + board.title + ".\n";
  text += "#include \"model.h\"\n#include \"runtime/board/board_main.h\"\n";
  if (linked)
    text += "#include \"runtime/board/links.h\"\n";
  for (const discoc::LinkKind *kind : kindsOf(node, desk))
    text += "#include \"runtime/" + std::string(kind->transport) + ".h\"\n";
  if (desk.kind == Desk::Serial)
    text += "#include \"runtime/board/desk_serial.h\"\n";
  if (emitter.notesSteps())
    text += "#include \"runtime/board/notes.h\"\n";
  if (desk.hasLetters())
    text += desk.kind == Desk::Letters ? "#include \"runtime/board/desk_letters.h\"\n"
                                       : "#include \"runtime/board/desk_relay.h\"\n";
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
  text += deskTables(board, desk, prefix, !emitter.tensorBytes("inputs").empty());
  if (emitter.notesSteps())
    text += noteTables(prefix);
  if (linked)
    text += linkTables(plan, board, node, rank) + letterTables(desk);
  text += "\nstatic const board_shard shard = {&" + prefix + "_program,\n    ";
  text += linked ? "reinterpret_cast<disco_peer *>(memory.peers), "
                   "reinterpret_cast<disco_slot *>(memory.slots),\n    "
                 : "nullptr, nullptr, ";
  text += (placed ? prefix + "_inputs" : std::string(inputs ? "inputs" : "nullptr")) + ", " +
          (outputs ? "outputs" : "nullptr") + ", ";
  text += linked ? "&links, board_links_connect, board_links_describe, board_links_finish,\n    " +
                       number(plan.packets.floor) + ", " + number(plan.packets.floorMost()) +
                       (desk.stays ? ", board_links_stay};\n" : "};\n")
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
  std::string memories, aliases;
  for (const discoc::BoardMemory &memory : board.memories)
    memories += "  " + memory.name + (memory.kind == "flash" ? " (rx)" : " (rwx)") +
                " : ORIGIN = " + hex(memory.address) + ", LENGTH = " + hex(memory.size) + "\n";
  for (const std::string &part : discoc::BoardPart::all())
    aliases +=
        "REGION_ALIAS(\"" + StringRef(part).upper() + "\", " + board.memoryOf(part)->name + ")\n";
  const discoc::BoardMemory *boot = board.memoryOf(discoc::BoardPart::boot);
  aliases += "REGION_ALIAS(\"BOOT\", " +
             (boot ? boot : board.memoryOf(discoc::BoardPart::code))->name + ")\n";
  return fillTemplate("board/memory.ld", {{"board", board.name},
                                          {"memories", memories},
                                          {"aliases", aliases},
                                          {"stack_bytes", number(board.stackBytes)}});
}

static std::vector<std::string> boardSources(const discoc::Board &board,
                                             const discoc::ClusterNode &node, const Desk &desk) {
  std::vector<std::string> list = board.sources;
  for (const discoc::LinkKind *kind : kindsOf(node, desk))
    if (auto drivers = board.linkSources.find(kind->name); drivers != board.linkSources.end())
      for (const std::string &source : drivers->second)
        if (!llvm::is_contained(list, source)) // what drivers share
          list.push_back(source);
  return list;
}

static LogicalResult copyBoard(const discoc::Board &board, const discoc::ClusterNode &node,
                               const Desk &desk, StringRef directory) {
  if (failed(makeDirectories(directory)))
    return failure();
  std::vector<std::string> files = boardSources(board, node, desk);
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

/// The speed of every port of the board, in its order: of a UART without a link, and of no UART,
/// the usual one.
static std::string portBauds(const discoc::Board &board, const discoc::Cluster &cluster,
                             const discoc::ClusterNode &node) {
  std::string text;
  for (const discoc::BoardLink &own : board.links) {
    int64_t baud = discoc::usualBaud;
    for (const discoc::ClusterPort &port : node.ports)
      if (port.name == own.name && cluster.links[port.link].baud > 0)
        baud = cluster.links[port.link].baud;
    text += (text.empty() ? "" : ",") + std::to_string(baud);
  }
  return text;
}

/// What the board's sources are told beside the clock.
static std::string definitions(const discoc::Board &board, const EmitOptions &options,
                               const discoc::ClusterNode &node, const Desk &desk, bool notesSteps) {
  std::string text;
  if (llvm::is_contained(kindsOf(node, desk), discoc::linkKindThat(discoc::Carries::Bytes)))
    text += " BOARD_BAUDS=" + portBauds(board, options.cluster, node);
  for (const auto &[name, value] : board.defines)
    text += " " + name + "=" + value;
  for (const discoc::LinkKind *kind : kindsOf(node, desk))
    text += std::string(" ") + kind->define;
  if (desk.kind == Desk::Semihosting)
    text += " BOARD_SEMIHOSTING";
  if (desk.asks())
    text += " BOARD_RESTARTS"; // a person runs the next inputs without touching the boards
  if (desk.hasLetters())
    text += " DISCO_LETTERS";
  if (!desk.asking.empty())
    text += " BOARD_RELAYS";
  if (desk.stays)
    text += " BOARD_STAYS";
  if (checksImage(options))
    text += " BOARD_CHECKS_IMAGE";
  if (notesSteps)
    text += " BOARD_NOTES";
  return text + (checksWeights(options) ? " BOARD_CHECKS_WEIGHTS" : "");
}

static std::string cmakeLists(StringRef prefix, const discoc::Board &board,
                              const EmitOptions &options, const discoc::ClusterNode &node,
                              const Desk &desk, const RuntimeFiles &runtime, bool binaryWeights,
                              bool notesSteps) {
  std::string sources;
  for (const std::string &source : runtime.sources())
    sources += "\n  runtime/" + source;
  for (const std::string &source : boardSources(board, node, desk))
    if (!StringRef(source).ends_with(".h"))
      sources += "\n  board/" + llvm::sys::path::filename(source).str();
  return fillTemplate(
      "board/CMakeLists.txt",
      {{"board", board.name},
       {"toolchain", board.toolchain},
       {"project", prefix.str()},
       {"weights", binaryWeights ? "weights.S" : "weights.cpp"},
       {"sources", sources},
       {"clock", number(static_cast<int64_t>(board.clockHz))},
       {"definitions", definitions(board, options, node, desk, notesSteps)},
       {"flags", words(board.flags)},
       {"werror", werrorOption("shard.elf")},
       {"optimize", board.optimize},
       {"weights_rule",
        binaryWeights ? weightsRule("weights.S", "${CMAKE_CURRENT_SOURCE_DIR}") : ""},
       {"linker_script", llvm::sys::path::filename(board.linkerScript).str()},
       {"link_flags", words(board.linkFlags)}});
}

LogicalResult disco::emitBoardNode(const ModelEmitter &emitter, const EmitOptions &options,
                                   const discoc::Board &board, const RuntimeFiles &runtime,
                                   int64_t rank, StringRef directory) {
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  const Desk desk = deskOf(options, rank);
  BoardPlan plan = planBoard(
      options.cluster, rank, emitter.bufferBytes("inputs"), emitter.tensorBytes("outputs"),
      static_cast<int64_t>(emitter.messageCount()), desk.kind == Desk::Serial, emitter.noteBytes());
  return failure(
      failed(copyBoard(board, node, desk, pathIn(directory, "board"))) ||
      failed(writeText(directory, "main.cpp", mainSource(plan, emitter, options, board, rank))) ||
      failed(writeText(directory, "CMakeLists.txt",
                       cmakeLists(shardPrefix(options, rank), board, options, node, desk, runtime,
                                  emitter.weights().isBinary(), emitter.notesSteps()))));
}

std::string disco::crossCompiler(const discoc::Board &board) {
  std::string flags = StringRef(words(board.flags)).trim().str();
  return fillTemplate("parts/linux_board.cmake",
                      {{"toolchain", board.toolchain},
                       {"flags", flags.empty() ? "" : "add_compile_options(" + flags + ")\n"}});
}
