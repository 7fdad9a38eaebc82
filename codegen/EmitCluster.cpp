//===- EmitCluster.cpp - writes the programs of a cluster -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/BoardMemory.h"
#include "codegen/ClusterTexts.h"
#include "codegen/Codegen.h"
#include "codegen/Desk.h"
#include "codegen/EmitBoard.h"
#include "codegen/EmitModel.h"
#include "codegen/LauncherFiles.h"
#include "codegen/NodeFiles.h"
#include "codegen/Template.h"
#include "compiler/dialect/Target.h"
#include "compiler/formats/Printable.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/xxhash.h"
#include <functional>
#include <future>
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

/// main.cpp of a host whose packets go over wires: with the tables of its ports.
static std::string wiredMain(const discoc::Cluster &cluster, int64_t rank, StringRef program,
                             const std::string &processorCheck, const std::string &notes,
                             const std::string &addresses) {
  const discoc::ClusterNode &node = cluster.nodes[static_cast<size_t>(rank)];
  PacketPlan packets = planPackets(cluster);
  std::string names, bauds;
  for (const discoc::ClusterPort &port : node.ports) {
    names += (names.empty() ? "" : ", ") + cString(port.name);
    bauds += (bauds.empty() ? "" : ", ") + std::to_string(cluster.links[port.link].baud);
  }
  return fillTemplate("host/wired_main.cpp",
                      {{"processor_check", processorCheck},
                       {"notes", notes},
                       {"ports", names},
                       {"bauds", bauds},
                       {"hops", hopRows(node)},
                       {"port_count", std::to_string(node.ports.size())},
                       {"payload", std::to_string(packets.payload)},
                       {"window", std::to_string(packets.window)},
                       {"forward_slots", std::to_string(forwardSlots(cluster, rank))},
                       {"retry_us", std::to_string(packets.retryUs)},
                       {"floor", std::to_string(packets.floor)},
                       {"program", program.str()},
                       {"addresses", addresses.empty() ? "nullptr" : cString(addresses)}});
}

/// What main does first where the program notes its steps.
static std::string openNotes(const EmitOptions &options, const std::string &program) {
  if (!isTraced(options))
    return "";
  return "  if (!disco_trace_open(&" + program + "_notes, &" + program + "_program, " +
         StringRef(program).upper() + "_NOTES))\n    return 3;\n";
}

static std::string mainSource(const EmitOptions &options, const Levels &levels, int64_t rank) {
  std::string program = shardPrefix(options, rank), addresses = knownAddresses(options, rank),
              check = processorCheck(program, levels);
  if (!options.cluster.nodes[static_cast<size_t>(rank)].ports.empty())
    return wiredMain(options.cluster, rank, program, check, openNotes(options, program), addresses);
  if (!addresses.empty())
    addresses = ",\n                         " + cString(addresses);
  return fillTemplate("host/main.cpp", {{"processor_check", check},
                                        {"notes", openNotes(options, program)},
                                        {"program", program},
                                        {"addresses", addresses}});
}

/// The files that a node's program is compiled from beside main.cpp and the runtime.
static std::string modelFiles(const ModelEmitter &emitter, const std::string &folder) {
  std::string text = "\n  " + folder + "model.cpp";
  for (const discoc::Level &level :
       ArrayRef(emitter.levels()).drop_front(emitter.levels().empty() ? 0 : 1))
    text += "\n  " + folder + levelFile(level);
  return text + "\n  " + folder + (emitter.weights().isBinary() ? "weights.S" : "weights.cpp");
}

/// The runtime of a program with several inferences in flight has room for so many.
static std::string flightOption(int64_t inFlight, StringRef target) {
  return inFlight == 1 ? ""
                       : "target_compile_definitions(" + target.str() +
                             " PRIVATE DISCO_IN_FLIGHT=" + std::to_string(inFlight) + ")\n";
}

/// What compresses messages is a library of the host.
static std::string compressionOptions(const ModelEmitter &emitter, StringRef target) {
  std::string text;
  for (const std::string &name : emitter.libraries())
    text += fillTemplate(
        "parts/compression.cmake",
        {{"name", name}, {"upper", StringRef(name).upper()}, {"target", target.str()}});
  return text;
}

static std::string cmakeLists(StringRef prefix, const RuntimeFiles &runtime,
                              const ModelEmitter &emitter, const std::string &toolchain,
                              bool hasWires) {
  const bool binaryWeights = emitter.weights().isBinary();
  std::string sources = modelFiles(emitter, "");
  for (const std::string &source : runtime.sources())
    sources += "\n  runtime/" + source;
  std::string fileOptions = levelOptions(emitter.levels(), "", emitter.levels());
  if (binaryWeights)
    fileOptions += weightsRule("weights.S", "${CMAKE_CURRENT_SOURCE_DIR}");
  return fillTemplate(
      "host/CMakeLists.txt",
      {{"title", "Builds the program of one node; needs a C++17 compiler and nothing else."},
       {"toolchain", toolchain},
       {"project", prefix.str()},
       {"assembler", binaryWeights ? " ASM" : ""},
       {"architecture", architectureCheck(emitter.levels())},
       {"target", "shard"},
       {"sources", sources},
       {"folders", ""},
       {"base_options", baseOptions(emitter.levels(), "shard") +
                            flightOption(emitter.inFlightCount(), "shard") +
                            compressionOptions(emitter, "shard")},
       {"werror", werrorOption("shard")},
       {"mpi", hasWires ? "" : fillTemplate("parts/mpi.cmake", {})},
       {"file_options", fileOptions}});
}

static LogicalResult addNodeRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                    const discoc::ClusterNode &node) {
  if (emitter.notesSteps() && failed(runtime.addWithSource("host/trace.h")))
    return failure();
  if (emitter.inFlightCount() > 1 && failed(runtime.add("disco_flight.cpp")))
    return failure();
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
                                const EmitOptions &options, const discoc::Board *board,
                                int64_t rank) {
  const discoc::ClusterNode &node = options.cluster.nodes[static_cast<size_t>(rank)];
  return board && !board->isLinux()
             ? addBoardRuntime(runtime, emitter, node, deskOf(options, rank), checksImage(options))
             : addNodeRuntime(runtime, emitter, node);
}

/// With its own copy of board.toml, OUT is built and run without the board's folder.
static LogicalResult copyDescription(const discoc::Board &board, StringRef directory) {
  std::string from = pathIn(board.folder, "board.toml"), folder = pathIn(directory, "board");
  return failure(failed(makeDirectories(folder)) ||
                 failed(copyFile(from, pathIn(folder, "board.toml"))));
}

static LogicalResult writeLevels(const ModelEmitter &emitter, StringRef directory) {
  for (size_t i = 1; i < emitter.levels().size(); ++i)
    if (failed(
            writeText(directory, levelFile(emitter.levels()[i]), levelSource(emitter.levels(), i))))
      return failure();
  return success();
}

/// What a node's directory has beside the runtime and its manifest.
static LogicalResult emitNode(const ModelEmitter &emitter, const EmitOptions &options,
                              const RuntimeStub &stub, const RuntimeFiles &runtime,
                              const discoc::Board *board, int64_t rank, StringRef directory,
                              StringRef buildHash, uint32_t weightsCrc) {
  std::string prefix = shardPrefix(options, rank);
  if (board && failed(copyDescription(*board, directory)))
    return failure();
  if (failed(
          writeText(directory, "model.h", emitter.header(buildHash, "0x" + stub.version + "u"))) ||
      failed(writeText(directory, "model.cpp", emitter.source(buildHash, weightsCrc))) ||
      failed(writeLevels(emitter, directory)) ||
      failed(emitter.weights().writeSource(directory, shardScope(prefix, buildHash) + "_weights")))
    return failure();
  if (board && !board->isLinux())
    return failure(failed(emitBoardNode(emitter, options, *board, runtime, rank, directory)) ||
                   failed(emitLibrary(emitter, options, stub, rank, directory, buildHash)));
  return failure(
      failed(writeText(directory, "main.cpp", mainSource(options, emitter.levels(), rank))) ||
      failed(
          writeText(directory, "CMakeLists.txt",
                    cmakeLists(prefix, runtime, emitter, board ? crossCompiler(*board) : "",
                               !options.cluster.nodes[static_cast<size_t>(rank)].ports.empty()))));
}

//===----------------------------------------------------------------------===//
// All nodes in one process
//===----------------------------------------------------------------------===//

/// What all nodes in one process are compiled for: their least level, and all that a processor has
/// to have. None where a node is a board, says nothing, or is of another architecture: their code
/// is then right everywhere, and for no processor in particular.
static std::optional<LeastLevels> leastLevels(const EmitOptions &options,
                                              ArrayRef<std::unique_ptr<ModelEmitter>> emitters) {
  LeastLevels least;
  for (auto [node, emitter] : llvm::zip(options.cluster.nodes, emitters))
    if (node.hasBoard() || !least.add(emitter->levels()))
      return std::nullopt;
  return least;
}

static std::string inprocMain(const EmitOptions &options, const std::optional<LeastLevels> &least,
                              size_t nodes) {
  std::string models, programs, notes;
  for (size_t rank = 0; rank < nodes; ++rank) {
    notes += openNotes(options, shardPrefix(options, static_cast<int64_t>(rank)));
    models += "#include \"../node" + std::to_string(rank) + "/model.h\"\n";
    programs += "      &" + shardPrefix(options, static_cast<int64_t>(rank)) + "_program,\n";
  }
  if (isTraced(options))
    models += "#include \"runtime/host/trace.h\"\n";
  return fillTemplate(
      "host/cluster_main.cpp",
      {{"models", models},
       {"notes", notes},
       {"processor_check", processorCheck(options.modelName, least ? least->needed() : Levels())},
       {"programs", programs},
       {"count", std::to_string(nodes)}});
}

/// Builds the nodes' own sources; what it needs of the runtime beyond node 0's copy lies in its
/// own.
static std::string inprocCmakeLists(const EmitOptions &options,
                                    const std::optional<LeastLevels> &least,
                                    ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                    const RuntimeFiles &shared, const RuntimeFiles &own,
                                    const std::string &folder) {
  std::string sources, fileOptions;
  for (auto [rank, emitter] : llvm::enumerate(emitters)) {
    std::string node = "../node" + std::to_string(rank);
    sources += least ? modelFiles(*emitter, node + "/")
                     : "\n  " + node + "/model.cpp\n  " + node + "/weights." +
                           (emitter->weights().isBinary() ? "S" : "cpp");
    if (emitter->weights().isBinary())
      fileOptions += weightsRule(node + "/weights.S", "${CMAKE_CURRENT_SOURCE_DIR}/" + node);
    if (least)
      fileOptions += levelOptions(emitter->levels(), node + "/", least->shared());
  }
  for (const std::string &source : shared.sources())
    if (!StringRef(source).starts_with("board/") && !StringRef(source).starts_with("transport/") &&
        source != "host/host_main.cpp" && source != "host/wires.cpp")
      sources += "\n  ../node0/runtime/" + source;
  for (const std::string &source : own.sources())
    sources += "\n  runtime/" + source;
  const Levels levels = least ? least->shared() : Levels();
  bool anyBinary =
      llvm::any_of(emitters, [](const auto &emitter) { return emitter->weights().isBinary(); });
  return fillTemplate(
      "host/CMakeLists.txt",
      {{"title", "Builds all nodes into one program, from their directories beside this one."},
       {"toolchain", ""},
       {"project", options.modelName + "_cluster"},
       {"assembler", anyBinary ? " ASM" : ""},
       {"architecture", architectureCheck(levels)},
       {"target", "cluster"},
       {"sources", sources},
       {"folders",
        fillTemplate("parts/cluster_folders.cmake",
                     {{"folder", folder},
                      {"any_processor",
                       levels.empty() ? fillTemplate("parts/any_processor.cmake", {}) : ""}})},
       {"base_options", baseOptions(levels, "cluster") +
                            flightOption(emitters.front()->inFlightCount(), "cluster") +
                            compressionOptions(*emitters.front(), "cluster")},
       {"werror", werrorOption("cluster")},
       {"mpi", ""},
       {"file_options", fileOptions}});
}

static LogicalResult emitInproc(ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                const EmitOptions &options, const RuntimeStub &stub,
                                const discoc::Board *firstBoard, StringRef directory) {
  RuntimeFiles shared(stub), own(stub);
  bool isBare = firstBoard && !firstBoard->isLinux();
  if (failed(addRuntime(shared, *emitters.front(), options, firstBoard, 0)) ||
      (isTraced(options) && failed(own.addWithSource("host/trace.h"))) ||
      failed(own.addWithSource("host/inproc_main.h")) || failed(own.add("host/options.cpp")))
    return failure();
  own.leaveOut(shared);
  const std::optional<LeastLevels> least = leastLevels(options, emitters);
  return failure(
      failed(own.copyTo(pathIn(directory, "runtime"))) ||
      failed(writeText(directory, "main.cpp", inprocMain(options, least, emitters.size()))) ||
      failed(writeText(
          directory, "CMakeLists.txt",
          inprocCmakeLists(options, least, emitters, shared, own, isBare ? "board" : "host"))));
}

/// What every node takes of each memory, a line a node; of many nodes the first ones.
static void printMemories(const EmitOptions &options,
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
    const discoc::Board &board = *options.cluster.boardOf(static_cast<int64_t>(rank));
    for (const discoc::BoardMemory &memory : board.memories)
      if (!memory.holds.empty())
        text += (text.empty() ? "" : "; ") + memoryText(memory, memories[rank]);
    llvm::outs() << "node " << rank << " ("
                 << discoc::printable(options.cluster.nodes[rank].name, discoc::maxShownName)
                 << ", " << board.name << "): " << text << "\n";
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
                                  std::vector<std::vector<discoc::MemoryUse>> &memories,
                                  FitCheck &fit) {
  if (const int64_t rank = nodeWithoutDesk(options); rank >= 0) {
    llvm::errs() << "error: node " << rank << " ("
                 << discoc::printable(options.cluster.nodes[rank].name, discoc::maxShownName)
                 << ", " << options.cluster.boardOf(rank)->name
                 << ") has no UART left for the console: every one that it has is a link's; leave "
                    "--console out, or say --console semihosting\n";
    return failure();
  }
  for (size_t rank = 0; checksImage(options) && rank < options.cluster.nodes.size(); ++rank)
    if (const auto at = static_cast<int64_t>(rank);
        options.cluster.isBare(at) &&
        options.cluster.boardOf(at)->memoryOf(discoc::BoardPart::code)->kind != "flash") {
      llvm::errs() << "error: the board " << options.cluster.boardOf(at)->name
                   << " has its program in no flash that could be half written; leave "
                      "--check-image out\n";
      return failure();
    }
  memories.resize(emitters.size());
  std::map<std::pair<std::string, std::string>, WorstShortage> worst; // by board and memory
  for (size_t rank = 0; rank < emitters.size(); ++rank) {
    if (!options.cluster.isBare(static_cast<int64_t>(rank)))
      continue;
    const discoc::Board &board = *options.cluster.boardOf(static_cast<int64_t>(rank));
    memories[rank] = boardMemory(*emitters[rank], options, static_cast<int64_t>(rank), board);
    if (fit.anySize)
      continue;
    for (BoardShortage &shortage : shortages(memories[rank], board))
      worst[{options.cluster.nodes[rank].board, shortage.memory}].add(rank, shortage);
  }
  for (auto &[where, found] : worst) {
    const discoc::Board &board = *options.cluster.boardOf(static_cast<int64_t>(found.rank));
    llvm::errs() << "error: node " << found.rank << " ("
                 << discoc::printable(options.cluster.nodes[found.rank].name, discoc::maxShownName)
                 << ", " << board.name
                 << ") does not fit: " << shortageText(found.shortage, memories[found.rank]);
    if (found.nodes > 1)
      llvm::errs() << "; and " << found.nodes - 1 << " more " << board.name
                   << (found.nodes > 2 ? " do" : " does") << " not";
    llvm::errs() << "\n";
    fit.doesNotFit = true;
  }
  if (!fit.doesNotFit)
    printMemories(options, memories);
  return failure(fit.doesNotFit);
}

/// Whether each constant that an op reads is packed as the kernel that it names reads it.
static bool readsPackedAsIs(KernelOpInterface op, ArrayRef<KernelChoice> choices) {
  Attribute wanted;
  for (const KernelChoice &choice : choices)
    if (KernelAttr chosen = chosenKernel(op);
        chosen && chosen.getName().getValue() == choice.kernel)
      wanted = choice.packing;
  auto contraction = dyn_cast<ContractionOpInterface>(op.getOperation());
  std::optional<Contraction> rule = contraction ? contraction.getContraction() : std::nullopt;
  for (OpOperand &operand : op->getOpOperands())
    if (auto constant = operand.get().getDefiningOp<ConstantOp>()) {
      const bool isWeights = rule && operand.getOperandNumber() == rule->weights;
      if (constant.getPackingAttr() != (isWeights ? wanted : Attribute()))
        return false;
    }
  return true;
}

/// Every op that several kernels could compute has to name one, its weights to lie as that one
/// reads them, and its other tensors as some kernel does.
static LogicalResult checkKernels(ModuleOp module) {
  WalkResult walked = module.walk([](KernelOpInterface op) {
    SmallVector<KernelChoice> choices = op.getKernelChoices(nodeOf(op));
    if (!takesItsLayouts(op))
      op->emitError("no kernel computes it on tensors that lie so; 'disco-assign-layouts' gives "
                    "layouts that kernels take");
    else if (!chosenKernel(op) && !choices.empty())
      op->emitError("names no kernel; run it through 'disco-choose-kernels' first");
    else if (!readsPackedAsIs(op, choices))
      op->emitError("its weights are not packed as its kernel reads them; run it through "
                    "'disco-choose-kernels' first");
    else
      return WalkResult::advance();
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

static LogicalResult writeLauncherFiles(const EmitOptions &options,
                                        const discoc::RootPlacement &root, StringRef directory) {
  const auto files = launcherFiles(options.cluster, root);
  if (files.empty())
    return success();
  if (failed(makeDirectories(directory)))
    return failure();
  for (const auto &[name, text] : files)
    if (failed(writeText(directory, name, text)))
      return failure();
  return success();
}

static std::string nodeDirectory(StringRef directory, size_t rank) {
  return pathIn(directory, "node" + std::to_string(rank));
}

/// The build hash covers everything that must agree between the nodes: all programs and all
/// weights. The latter are appended.
static std::string hashedContent(const EmitOptions &options,
                                 ArrayRef<std::unique_ptr<ModelEmitter>> emitters) {
  size_t bytes = 0;
  for (const auto &emitter : emitters)
    bytes += emitter->body().size() + 256;
  std::string content = options.compilerVersion + options.modelSha256;
  content.reserve(bytes);
  for (const auto &emitter : emitters) {
    content += emitter->body();
    for (const discoc::Level &level : emitter->levels())
      content += level.name;
  }
  return content;
}

static std::string hashOf(const std::string &content) {
  llvm::XXH128_hash_t value = llvm::xxh3_128bits(
      ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(content.data()), content.size()));
  std::string hash;
  for (uint64_t half : {value.high64, value.low64})
    hash += llvm::toHex(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(&half), 8),
                        /*LowerCase=*/true);
  return hash;
}

/// The weights of all nodes, and the checksums that their programs know.
static FailureOr<std::vector<uint32_t>>
writeWeights(ArrayRef<std::unique_ptr<ModelEmitter>> emitters, StringRef directory,
             std::string &content) {
  std::vector<uint32_t> checksums;
  for (auto [rank, emitter] : llvm::enumerate(emitters)) {
    FailureOr<uint32_t> crc = emitter->weights().write(nodeDirectory(directory, rank), content);
    if (failed(crc))
      return failure();
    checksums.push_back(*crc);
  }
  return checksums;
}

static LogicalResult copyRuntimes(ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                  const EmitOptions &options, const RuntimeStub &stub,
                                  StringRef directory, std::vector<RuntimeFiles> &runtimes) {
  for (auto [rank, emitter] : llvm::enumerate(emitters)) {
    const discoc::Board *board = options.cluster.boardOf(static_cast<int64_t>(rank));
    if (failed(addRuntime(runtimes.emplace_back(stub), *emitter, options, board,
                          static_cast<int64_t>(rank))) ||
        failed(runtimes.back().copyTo(pathIn(nodeDirectory(directory, rank), "runtime"))))
      return failure();
  }
  return success();
}

namespace {
/// Runs something beside what follows, on another thread where the context has some. It writes no
/// files: an interrupt removes what there is, and only the main thread is sure not to go on.
class Beside {
public:
  Beside(MLIRContext &context, std::function<void()> work) {
    if (context.isMultithreadingEnabled())
      done = context.getThreadPool().async(std::move(work));
    else
      work();
  }
  ~Beside() { wait(); }
  void wait() {
    if (done.valid())
      done.wait();
  }

private:
  std::shared_future<void> done;
};
} // namespace

FailureOr<Emitted> disco::emitCluster(ModuleOp module, StringRef runtimeDirectory,
                                      StringRef directory, FitCheck &fit) {
  if (failed(checkKernels(module)))
    return failure();
  FailureOr<EmitOptions> read = readEmitOptions(module);
  if (failed(read))
    return failure();
  const EmitOptions &options = *read;
  FailureOr<RuntimeStub> stub = openRuntimeStub(runtimeDirectory);
  if (failed(stub))
    return failure();
  FailureOr<SpinBounds> spins = spinBounds(module);
  if (failed(spins))
    return failure();
  SmallVector<ModuleOp> shards = shardsOf(module);
  std::vector<std::unique_ptr<ModelEmitter>> emitters(shards.size());
  parallelFor(module.getContext(), 0, shards.size(), [&](size_t rank) {
    emitters[rank] = std::make_unique<ModelEmitter>(shards[rank], options, *spins);
  });
  for (size_t rank = 0; rank < shards.size(); ++rank)
    if (failed(makeDirectories(nodeDirectory(directory, rank))))
      return failure();
  std::vector<std::vector<discoc::MemoryUse>> memories;
  if (failed(planMemories(emitters, options, memories, fit)))
    return failure();
  std::string content = hashedContent(options, emitters);
  FailureOr<std::vector<uint32_t>> checksums = writeWeights(emitters, directory, content);
  if (failed(checksums))
    return failure();
  const std::string hash = hashOf(content);
  std::string().swap(content);

  ClusterTexts texts;
  LogicalResult made = success();
  Beside making(*module.getContext(), [&] { made = texts.make(module, options, hash, memories); });
  std::vector<RuntimeFiles> runtimes;
  if (failed(copyRuntimes(emitters, options, *stub, directory, runtimes)))
    return failure();
  for (size_t rank = 0; rank < shards.size(); ++rank)
    if (failed(emitNode(*emitters[rank], options, *stub, runtimes[rank],
                        options.cluster.boardOf(static_cast<int64_t>(rank)),
                        static_cast<int64_t>(rank), nodeDirectory(directory, rank), hash,
                        (*checksums)[rank])))
      return failure();
  making.wait();
  for (size_t rank = 0; isTraced(options) && succeeded(made) && rank < shards.size(); ++rank)
    if (static_cast<int64_t>(texts.content.report.nodes[rank].steps.size()) !=
        emitters[rank]->notedSteps())
      llvm::report_fatal_error("a program notes other steps than the report has");
  if (failed(made) || failed(emitInproc(emitters, options, *stub, options.cluster.boardOf(0),
                                        pathIn(directory, "cluster"))))
    return failure();
  for (size_t rank = 0; rank < shards.size(); ++rank)
    if (failed(writeText(nodeDirectory(directory, rank), "manifest.json",
                         texts.ofNode(static_cast<int64_t>(rank)))))
      return failure();
  if (failed(texts.writeTo(directory)) ||
      failed(writeLauncherFiles(options, texts.content.manifest.root, pathIn(directory, "launch"))))
    return failure();
  return std::move(texts.content);
}
