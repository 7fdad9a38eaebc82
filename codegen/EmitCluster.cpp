//===- EmitCluster.cpp - writes the programs of a cluster -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/BoardMemory.h"
#include "codegen/Codegen.h"
#include "codegen/EmitBoard.h"
#include "codegen/EmitModel.h"
#include "codegen/NodeFiles.h"
#include "compiler/formats/Printable.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/xxhash.h"
#include <map>
#include <memory>

using namespace mlir;
using namespace disco;

//===----------------------------------------------------------------------===//
// Build files
//===----------------------------------------------------------------------===//

/// The addresses that the cluster file states, the own one as what the program binds:
/// "0=host:port,1=host:port".
static std::string knownAddresses(const EmitOptions &options, int64_t rank) {
  std::string list;
  for (auto [i, node] : llvm::enumerate(options.cluster.nodes)) {
    StringRef address = node.address;
    std::string own = node.listen;
    if (own.empty() && !address.empty())
      own = ("127.0.0.1:" + address.rsplit(':').second).str(); // loopback unless told otherwise
    std::string shown = static_cast<int64_t>(i) == rank ? own : node.address;
    if (!shown.empty())
      list += (list.empty() ? "" : ",") + std::to_string(i) + "=" + shown;
  }
  return list;
}

/// The tables of a host whose packets go over wires, and the call of its main program.
static std::string wiredMain(const discoc::Cluster &cluster, int64_t rank, StringRef prefix,
                             const std::string &addresses) {
  const discoc::ClusterNode &node = cluster.nodes[static_cast<size_t>(rank)];
  PacketPlan packets = planPackets(cluster);
  std::string names, hops;
  for (const discoc::ClusterPort &port : node.ports)
    names += (names.empty() ? "" : ", ") + cString(port.name);
  for (auto [to, hop] : llvm::enumerate(node.hops))
    hops += (hop.port < 0
                 ? "    {DISCO_NO_PORT, 0}"
                 : "    {" + std::to_string(hop.port) + ", " + std::to_string(hop.next) + "}") +
            ", // to node " + std::to_string(to) + "\n";
  return "static const char *const ports[] = {" + names +
         "};\n// Port and next node.\nstatic const disco_hop hops[] = {\n" + hops +
         "};\nstatic const disco_host_wires wires = {ports, " + std::to_string(node.ports.size()) +
         ", hops, " + std::to_string(packets.payload) + ", " + std::to_string(packets.window) +
         ", " + std::to_string(forwardSlots(cluster, rank)) + ", " +
         std::to_string(packets.retryUs) + ", " + std::to_string(packets.floor) +
         "};\n\nint main(int argc, char **argv) {\n  return disco_host_main_wired(argc, argv, &" +
         prefix.str() + "_program, " + (addresses.empty() ? "nullptr" : cString(addresses)) +
         ", &wires);\n}\n";
}

static std::string mainSource(const EmitOptions &options, int64_t rank) {
  std::string prefix = shardPrefix(options, rank), addresses = knownAddresses(options, rank);
  bool wired = !options.cluster.nodes[static_cast<size_t>(rank)].ports.empty();
  std::string text = "// The program of one node on a POSIX host; --help says how it is started.\n"
                     "#include \"model.h\"\n#include \"runtime/host/" +
                     std::string(wired ? "wires.h" : "host_main.h") + "\"\n\n";
  if (wired)
    return text + wiredMain(options.cluster, rank, prefix, addresses);
  std::string more = addresses.empty() ? "" : ",\n                         " + cString(addresses);
  return text + "int main(int argc, char **argv) { return disco_host_main(argc, argv, &" + prefix +
         "_program" + more + "); }\n";
}

/// What follows project(). CMAKE_BUILD_TYPE alone says how much is optimised.
static constexpr StringRef buildHead = R"cmake(set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Who builds here for another machine, or says for which processor, gets that.
set(arch native)
if(CMAKE_CROSSCOMPILING OR CMAKE_TOOLCHAIN_FILE OR CMAKE_CXX_COMPILER_TARGET
   OR "${CMAKE_CXX_FLAGS}" MATCHES "(^| )(-march|-mcpu|--?target)")
  set(arch "")
else()
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -march=native -fsyntax-only -x c++ /dev/null
                  RESULT_VARIABLE unknown OUTPUT_QUIET ERROR_QUIET)
  if(unknown)
    set(arch "")
  endif()
endif()
set(DISCO_ARCH "${arch}" CACHE STRING "What -march= is given; empty: the compiler's default")
find_package(Threads REQUIRED)

)cmake";

static std::string buildTail(const std::string &target) {
  std::string options = "target_compile_options(" + target + " PRIVATE ";
  return options +
         "$<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion\n  -fno-exceptions -fno-rtti "
         "-fvisibility=hidden>)\nif(DISCO_ARCH)\n  " +
         options + "$<$<COMPILE_LANGUAGE:CXX>:-march=${DISCO_ARCH}>)\nendif()\n" +
         werrorOption(target) + "target_link_libraries(" + target + " PRIVATE Threads::Threads)\n";
}

static std::string cmakeLists(StringRef prefix, const RuntimeFiles &runtime, bool binaryWeights,
                              const std::string &compiler) {
  std::string text = "# Builds the program of one node; needs a C++17 compiler and nothing else.\n"
                     "cmake_minimum_required(VERSION 3.16)\n" +
                     compiler;
  text +=
      ("project(" + prefix + " LANGUAGES CXX" + (binaryWeights ? " ASM" : "") + ")\n" + buildHead)
          .str();
  text += "add_executable(shard\n  main.cpp\n  model.cpp\n";
  text += binaryWeights ? "  weights.S" : "  weights.cpp";
  for (const std::string &source : runtime.sources())
    text += "\n  runtime/" + source;
  text += ")\n" + buildTail("shard");
  return text + (binaryWeights ? weightsRule("weights.S", "${CMAKE_CURRENT_SOURCE_DIR}") : "");
}

static LogicalResult addNodeRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                    const discoc::ClusterNode &node) {
  for (const char *name :
       {"disco.cpp", "disco_frame.cpp", "disco_crc.cpp", "disco_link.cpp", "host/options.cpp"})
    if (failed(runtime.add(name)))
      return failure();
  if (failed(runtime.addWithSource("host/host_main.h")) ||
      (!node.ports.empty() && failed(runtime.addWithSource("host/wires.h"))))
    return failure();
  for (const std::string &header : emitter.headers())
    if (failed(runtime.addWithSource(header)))
      return failure();
  return success();
}

/// The runtime of a node as its directory has it.
static LogicalResult addRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                const discoc::Board *board, const discoc::ClusterNode &node) {
  return board && !board->isLinux() ? addBoardRuntime(runtime, emitter, node)
                                    : addNodeRuntime(runtime, emitter, node);
}

/// With its own copy of board.toml, OUT is built and run without the board's folder.
static LogicalResult copyDescription(const discoc::Board &board, StringRef directory) {
  std::string from = pathIn(board.folder, "board.toml"), folder = pathIn(directory, "board");
  return failure(failed(makeDirectories(folder)) ||
                 failed(copyFile(from, pathIn(folder, "board.toml"))));
}

static LogicalResult emitNode(const ModelEmitter &emitter, const EmitOptions &options,
                              const RuntimeStub &stub, const discoc::NodeManifests &manifests,
                              const discoc::Board *board, int64_t rank, StringRef directory,
                              StringRef buildHash, uint32_t weightsCrc) {
  std::string prefix = shardPrefix(options, rank);
  RuntimeFiles runtime(stub);
  if (board && failed(copyDescription(*board, directory)))
    return failure();
  if (failed(addRuntime(runtime, emitter, board, options.cluster.nodes[rank])) ||
      failed(runtime.copyTo(pathIn(directory, "runtime"))) ||
      failed(
          writeText(directory, "model.h", emitter.header(buildHash, "0x" + stub.version + "u"))) ||
      failed(writeText(directory, "model.cpp", emitter.source(buildHash, weightsCrc))) ||
      failed(
          emitter.weights().writeSource(directory, shardScope(prefix, buildHash) + "_weights")) ||
      failed(writeText(directory, "manifest.json", manifests.toJson(rank))))
    return failure();
  if (board && !board->isLinux())
    return failure(failed(emitBoardNode(emitter, options, *board, runtime, rank, directory)) ||
                   failed(emitLibrary(emitter, options, stub, rank, directory, buildHash)));
  return failure(failed(writeText(directory, "main.cpp", mainSource(options, rank))) ||
                 failed(writeText(directory, "CMakeLists.txt",
                                  cmakeLists(prefix, runtime, emitter.weights().isBinary(),
                                             board ? crossCompiler(*board) : ""))));
}

/// The boards by rank; none for a node on any Linux host.
static LogicalResult readBoards(const discoc::Cluster &cluster,
                                std::vector<std::optional<discoc::Board>> &boards) {
  discoc::Diagnostics diagnostics;
  std::map<std::string, std::optional<discoc::Board>> read;
  for (const discoc::ClusterNode &node : cluster.nodes) {
    auto [at, isNew] = read.try_emplace(node.board);
    if (isNew && node.board != "linux")
      at->second = discoc::readBoard(node.board, diagnostics);
    boards.push_back(at->second);
  }
  if (!diagnostics.empty())
    llvm::errs() << discoc::toString(diagnostics);
  return success(diagnostics.empty());
}

//===----------------------------------------------------------------------===//
// All nodes in one process
//===----------------------------------------------------------------------===//

static std::string inprocMain(const EmitOptions &options, size_t nodes) {
  std::string text = "// All nodes in one process, a thread each, for tests and for trying without "
                     "a network; --help says how it is started.\n";
  for (size_t rank = 0; rank < nodes; ++rank)
    text += "#include \"../node" + std::to_string(rank) + "/model.h\"\n";
  text += "#include \"runtime/host/inproc_main.h\"\n\nint main(int argc, char **argv) {\n"
          "  static const disco_program *const programs[] = {\n";
  for (size_t rank = 0; rank < nodes; ++rank)
    text += "      &" + shardPrefix(options, static_cast<int64_t>(rank)) + "_program,\n";
  return text + "  };\n  return disco_inproc_main(argc, argv, programs, " + std::to_string(nodes) +
         ");\n}\n";
}

/// Builds the nodes' own sources; what it needs of the runtime beyond node 0's copy lies in its
/// own.
static std::string inprocCmakeLists(const EmitOptions &options,
                                    ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                    const RuntimeFiles &shared, const RuntimeFiles &own,
                                    const std::string &folder) {
  bool anyBinary =
      llvm::any_of(emitters, [](const auto &emitter) { return emitter->weights().isBinary(); });
  std::string text =
      "# Builds all nodes into one program, from their directories beside this one.\n"
      "cmake_minimum_required(VERSION 3.16)\nproject(" +
      options.modelName + "_cluster LANGUAGES CXX" + (anyBinary ? " ASM" : "") + ")\n" +
      buildHead.str();
  std::string rules;
  text += "add_executable(cluster\n  main.cpp";
  for (auto [rank, emitter] : llvm::enumerate(emitters)) {
    std::string node = "../node" + std::to_string(rank),
                weights = node + (emitter->weights().isBinary() ? "/weights.S" : "/weights.cpp");
    text += "\n  " + node + "/model.cpp\n  " + weights;
    if (emitter->weights().isBinary())
      rules += weightsRule(weights, "${CMAKE_CURRENT_SOURCE_DIR}/" + node);
  }
  for (const std::string &source : shared.sources())
    if (!StringRef(source).starts_with("board/") && !StringRef(source).starts_with("transport/") &&
        source != "host/host_main.cpp" && source != "host/wires.cpp")
      text += "\n  ../node0/runtime/" + source;
  for (const std::string &source : own.sources())
    text += "\n  runtime/" + source;
  text += ")\n# Headers of the runtime are named from where they lie: those of node 0 are found "
          "from its folders.\n"
          "target_include_directories(cluster PRIVATE ../node0/runtime/" +
          folder + ")\n";
  return text + buildTail("cluster") + rules;
}

static LogicalResult emitInproc(ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                const EmitOptions &options, const RuntimeStub &stub,
                                const discoc::Board *firstBoard, StringRef directory) {
  RuntimeFiles shared(stub), own(stub);
  bool isBare = firstBoard && !firstBoard->isLinux();
  if (failed(addRuntime(shared, *emitters.front(), firstBoard, options.cluster.nodes[0])) ||
      failed(own.addWithSource("host/inproc_main.h")) || failed(own.add("host/options.cpp")))
    return failure();
  own.leaveOut(shared);
  return failure(failed(own.copyTo(pathIn(directory, "runtime"))) ||
                 failed(writeText(directory, "main.cpp", inprocMain(options, emitters.size()))) ||
                 failed(writeText(
                     directory, "CMakeLists.txt",
                     inprocCmakeLists(options, emitters, shared, own, isBare ? "board" : "host"))));
}

/// What every node takes of each memory, a line a node; of many nodes the first ones.
static void printMemories(const EmitOptions &options, ArrayRef<std::optional<discoc::Board>> boards,
                          ArrayRef<std::vector<discoc::MemoryUse>> memories) {
  constexpr size_t most = 16;
  size_t left = 0;
  for (size_t rank = 0; rank < memories.size(); ++rank) {
    if (memories[rank].empty())
      continue;
    if (rank >= most) {
      ++left;
      continue;
    }
    std::string text;
    for (const discoc::BoardMemory &memory : boards[rank]->memories)
      if (!memory.holds.empty())
        text += (text.empty() ? "" : "; ") + memoryText(memory, memories[rank]);
    llvm::outs() << "node " << rank << " ("
                 << discoc::printable(options.cluster.nodes[rank].name, discoc::maxShownName)
                 << ", " << boards[rank]->name << "): " << text << "\n";
  }
  if (left)
    llvm::outs() << "and " << left << " more nodes: `discoc report` shows them\n";
}

namespace {
/// Of all nodes that one memory is too small for, the one that needs the most.
struct WorstShortage {
  size_t rank = 0;
  int64_t nodes = 0;
  BoardShortage shortage;

  void add(size_t node, const BoardShortage &other) {
    if (nodes++ == 0 || other.wanted > shortage.wanted) {
      rank = node;
      shortage = other;
    }
  }
};
} // namespace

/// What every node takes of its board's memories. Fails when a node does not fit.
static LogicalResult planMemories(ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                  const EmitOptions &options,
                                  ArrayRef<std::optional<discoc::Board>> boards,
                                  std::vector<std::vector<discoc::MemoryUse>> &memories,
                                  FitCheck &fit) {
  memories.resize(emitters.size());
  std::map<std::pair<std::string, std::string>, WorstShortage> worst; // by board and memory
  for (size_t rank = 0; rank < emitters.size(); ++rank) {
    if (!boards[rank] || boards[rank]->isLinux())
      continue;
    const discoc::Board &board = *boards[rank];
    discoc::Diagnostics errors;
    std::optional<discoc::BoardBounds> bounds = discoc::readBounds(board, errors);
    llvm::errs() << discoc::toString(errors);
    if (!bounds)
      return failure();
    memories[rank] = boardMemory(*emitters[rank], options.cluster, static_cast<int64_t>(rank),
                                 board, *bounds, checksWeights(options));
    if (fit.anySize)
      continue;
    for (BoardShortage &shortage : shortages(memories[rank], board))
      worst[{options.cluster.nodes[rank].board, shortage.memory}].add(rank, shortage);
  }
  for (auto &[where, found] : worst) {
    llvm::errs() << "error: node " << found.rank << " ("
                 << discoc::printable(options.cluster.nodes[found.rank].name, discoc::maxShownName)
                 << ", " << boards[found.rank]->name
                 << ") does not fit: " << shortageText(found.shortage, memories[found.rank]);
    if (found.nodes > 1)
      llvm::errs() << "; and " << found.nodes - 1 << " more " << boards[found.rank]->name
                   << (found.nodes > 2 ? " do" : " does") << " not";
    llvm::errs() << "\n";
    fit.doesNotFit = true;
  }
  if (!fit.doesNotFit)
    printMemories(options, boards, memories);
  return failure(fit.doesNotFit);
}

LogicalResult disco::emitCluster(ModuleOp module, StringRef runtimeDirectory, StringRef directory,
                                 FitCheck &fit) {
  EmitOptions options = readEmitOptions(module);
  FailureOr<RuntimeStub> stub = openRuntimeStub(runtimeDirectory);
  if (failed(stub))
    return failure();
  SmallVector<ModuleOp> shards = shardsOf(module);
  std::vector<std::unique_ptr<ModelEmitter>> emitters;
  std::vector<std::optional<discoc::Board>> boards;
  if (failed(readBoards(options.cluster, boards)))
    return failure();
  auto boardOf = [&](size_t rank) { return boards[rank] ? &*boards[rank] : nullptr; };
  // The build hash covers everything that must agree between the nodes: all programs and all
  // weights.
  std::string content = options.compilerVersion + options.modelSha256;
  for (auto [rank, shard] : llvm::enumerate(shards)) {
    std::string node = pathIn(directory, "node" + std::to_string(rank));
    if (failed(makeDirectories(node)))
      return failure();
    emitters.push_back(std::make_unique<ModelEmitter>(shard, options));
    content += emitters.back()->body();
  }
  std::vector<std::vector<discoc::MemoryUse>> memories;
  if (failed(planMemories(emitters, options, boards, memories, fit)))
    return failure();
  std::vector<uint32_t> weightsCrc;
  for (size_t rank = 0; rank < shards.size(); ++rank) {
    std::string node = pathIn(directory, "node" + std::to_string(rank));
    FailureOr<uint32_t> crc = emitters[rank]->weights().write(node, content);
    if (failed(crc))
      return failure();
    weightsCrc.push_back(*crc);
  }
  llvm::XXH128_hash_t value = llvm::xxh3_128bits(
      ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(content.data()), content.size()));
  std::string hash;
  for (uint64_t half : {value.high64, value.low64})
    hash += llvm::toHex(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(&half), 8),
                        /*LowerCase=*/true);
  discoc::Manifest manifest = makeManifest(module, options, hash);
  discoc::Report report = makeReport(module, options, hash);
  if (failed(addSchedule(report, module, options.cluster, boards)))
    return failure();
  for (size_t rank = 0; rank < shards.size(); ++rank)
    manifest.nodes[rank].memory = report.nodes[rank].memory = memories[rank];
  discoc::NodeManifests manifests(manifest);
  for (size_t rank = 0; rank < shards.size(); ++rank)
    if (failed(emitNode(*emitters[rank], options, *stub, manifests, boardOf(rank),
                        static_cast<int64_t>(rank),
                        pathIn(directory, "node" + std::to_string(rank)), hash, weightsCrc[rank])))
      return failure();
  if (failed(emitInproc(emitters, options, *stub, boardOf(0), pathIn(directory, "cluster"))))
    return failure();
  return failure(failed(writeText(directory, "manifest.json", discoc::toJson(manifest))) ||
                 failed(writeText(directory, "owners.json", discoc::toJson(makeOwners(module)))) ||
                 failed(writeText(directory, "masks.json", discoc::toJson(makeMasks(module)))) ||
                 failed(writeText(directory, "report.json", discoc::toJson(report))));
}
