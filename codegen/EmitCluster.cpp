//===- EmitCluster.cpp - writes the programs of a cluster -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Codegen.h"
#include "EmitModel.h"
#include "OutputFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <memory>
#include <set>

using namespace mlir;
using namespace disco;

static std::string pathIn(StringRef directory, StringRef name) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

static LogicalResult writeText(StringRef directory, StringRef name, StringRef text) {
  OutputFile file(pathIn(directory, name));
  file << text;
  return file.close();
}

//===----------------------------------------------------------------------===//
// The runtime stub, as source
//===----------------------------------------------------------------------===//

/// Files of the runtime stub that a shard needs: those that are asked for and everything that they
/// include.
class RuntimeFiles {
public:
  explicit RuntimeFiles(StringRef root) : root(root) {}

  LogicalResult add(const std::string &name) {
    if (!names.insert(name).second)
      return success();
    auto buffer = llvm::MemoryBuffer::getFile(pathIn(root, name));
    if (!buffer) {
      llvm::errs() << "error: the runtime stub lacks '" << name << "' in " << root
                   << ": reinstall discoc\n";
      return failure();
    }
    for (StringRef line : llvm::split((*buffer)->getBuffer(), '\n')) {
      if (!line.consume_front("#include \""))
        continue;
      llvm::SmallString<128> included(llvm::sys::path::parent_path(name));
      llvm::sys::path::append(included, line.take_until([](char c) { return c == '"'; }));
      llvm::sys::path::remove_dots(included, /*remove_dot_dot=*/true);
      if (failed(addWithSource(included.str().str())))
        return failure();
    }
    return success();
  }

  /// A header and the source file of the same name, if there is one.
  LogicalResult addWithSource(const std::string &header) {
    if (failed(add(header)))
      return failure();
    llvm::SmallString<128> source(header);
    llvm::sys::path::replace_extension(source, "cpp");
    bool exists = StringRef(header).ends_with(".h") && llvm::sys::fs::exists(pathIn(root, source));
    return exists ? add(source.str().str()) : success();
  }

  LogicalResult copyTo(StringRef directory) const {
    for (const std::string &name : names) {
      std::string target = pathIn(directory, name);
      std::error_code error =
          llvm::sys::fs::create_directories(llvm::sys::path::parent_path(target));
      if (!error)
        error = llvm::sys::fs::copy_file(pathIn(root, name), target);
      if (error) {
        llvm::errs() << "error: cannot write '" << target << "': " << error.message() << "\n";
        return failure();
      }
    }
    return success();
  }

  /// What another directory beside this one has is taken from there.
  void leaveOut(const RuntimeFiles &other) {
    for (const std::string &name : other.names)
      names.erase(name);
  }

  std::vector<std::string> sources() const {
    std::vector<std::string> list;
    for (const std::string &name : names)
      if (StringRef(name).ends_with(".cpp"))
        list.push_back(name);
    return list;
  }

private:
  std::string root;
  std::set<std::string> names; // sorted: the order of files must not depend on anything else
};

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

static std::string mainSource(StringRef prefix, StringRef addresses) {
  std::string more =
      addresses.empty() ? "" : (",\n                         \"" + addresses + "\"").str();
  return ("// The program of one node on a POSIX host; --help says how it is started.\n"
          "#include \"model.h\"\n#include \"runtime/host/host_main.h\"\n\n"
          "int main(int argc, char **argv) { return disco_host_main(argc, argv, &" +
          prefix + "_program" + more + "); }\n")
      .str();
}

static constexpr StringRef buildHead =
    "set(CMAKE_CXX_STANDARD 17)\nset(CMAKE_CXX_STANDARD_REQUIRED ON)\nset(CMAKE_CXX_EXTENSIONS "
    "OFF)\n"
    "if(NOT CMAKE_BUILD_TYPE)\n  set(CMAKE_BUILD_TYPE Release)\nendif()\n"
    "set(DISCO_ARCH \"native\" CACHE STRING \"What -march= is given; empty: the compiler's "
    "default\")\n"
    "find_package(Threads REQUIRED)\n\n";

static std::string buildTail(StringRef target) {
  std::string options = ("target_compile_options(" + target + " PRIVATE").str();
  return options +
         "\n  $<$<COMPILE_LANGUAGE:CXX>:-O3 -Wall -Wextra -Wconversion -Werror -fno-exceptions "
         "-fno-rtti>)\nif(DISCO_ARCH)\n  " +
         options + " $<$<COMPILE_LANGUAGE:CXX>:-march=${DISCO_ARCH}>)\nendif()\n" +
         ("target_link_libraries(" + target + " PRIVATE Threads::Threads)\n").str();
}

/// How the assembler finds a node's weights; `path` is the node's directory in terms of CMake.
static std::string weightsRule(StringRef source, StringRef path) {
  return ("set_source_files_properties(" + source + " PROPERTIES\n  INCLUDE_DIRECTORIES " + path +
          " COMPILE_OPTIONS \"-I" + path + "\"\n  OBJECT_DEPENDS " + path + "/weights.bin)\n")
      .str();
}

static std::string cmakeLists(StringRef prefix, const RuntimeFiles &runtime, bool binaryWeights) {
  std::string text = "# Builds the program of one node; needs a C++17 compiler and nothing else.\n"
                     "cmake_minimum_required(VERSION 3.16)\n";
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

static LogicalResult addNodeRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter) {
  for (const char *name : {"disco.cpp", "disco_frame.cpp", "disco_link.cpp", "host/options.cpp"})
    if (failed(runtime.add(name)))
      return failure();
  if (failed(runtime.addWithSource("host/host_main.h")))
    return failure();
  for (const std::string &header : emitter.headers())
    if (failed(runtime.addWithSource(header)))
      return failure();
  return success();
}

static LogicalResult emitNode(const ModelEmitter &emitter, const EmitOptions &options,
                              StringRef runtimeDirectory, const discoc::Manifest &manifest,
                              int64_t rank, StringRef directory, StringRef buildHash) {
  std::string prefix = shardPrefix(options, rank);
  RuntimeFiles runtime(runtimeDirectory);
  if (failed(addNodeRuntime(runtime, emitter)))
    return failure();
  return failure(
      failed(runtime.copyTo(pathIn(directory, "runtime"))) ||
      failed(writeText(directory, "model.h", emitter.header())) ||
      failed(writeText(directory, "model.cpp", emitter.source(buildHash))) ||
      failed(writeText(directory, "main.cpp", mainSource(prefix, knownAddresses(options, rank)))) ||
      failed(writeText(directory, "CMakeLists.txt",
                       cmakeLists(prefix, runtime, emitter.weights().isBinary()))) ||
      failed(writeText(directory, "manifest.json", discoc::toNodeJson(manifest, rank))));
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
                                    const RuntimeFiles &shared, const RuntimeFiles &own) {
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
    if (source != "host/host_main.cpp" && source != "transport/tcp.cpp")
      text += "\n  ../node0/runtime/" + source;
  for (const std::string &source : own.sources())
    text += "\n  runtime/" + source;
  text += ")\n# Headers of the runtime are named from where they lie: those of node 0 are found "
          "from its folders.\n"
          "target_include_directories(cluster PRIVATE ../node0/runtime/host)\n";
  return text + buildTail("cluster") + rules;
}

static LogicalResult emitInproc(ArrayRef<std::unique_ptr<ModelEmitter>> emitters,
                                const EmitOptions &options, StringRef runtimeDirectory,
                                StringRef directory) {
  RuntimeFiles shared(runtimeDirectory), own(runtimeDirectory);
  if (failed(addNodeRuntime(shared, *emitters.front())) ||
      failed(own.addWithSource("host/inproc_main.h")))
    return failure();
  own.leaveOut(shared);
  return failure(failed(own.copyTo(pathIn(directory, "runtime"))) ||
                 failed(writeText(directory, "main.cpp", inprocMain(options, emitters.size()))) ||
                 failed(writeText(directory, "CMakeLists.txt",
                                  inprocCmakeLists(options, emitters, shared, own))));
}

LogicalResult disco::emitCluster(ModuleOp module, StringRef runtimeDirectory, StringRef directory) {
  EmitOptions options = readEmitOptions(module);
  SmallVector<ModuleOp> shards = shardsOf(module);
  std::vector<std::unique_ptr<ModelEmitter>> emitters;
  // The build hash covers everything that must agree between the nodes: all programs and all
  // weights.
  std::string content = options.compilerVersion + options.modelSha256;
  for (auto [rank, shard] : llvm::enumerate(shards)) {
    std::string node = pathIn(directory, "node" + std::to_string(rank));
    if (std::error_code error = llvm::sys::fs::create_directories(node)) {
      llvm::errs() << "error: cannot make '" << node << "': " << error.message() << "\n";
      return failure();
    }
    emitters.push_back(std::make_unique<ModelEmitter>(shard, options));
    content += emitters.back()->body();
    if (failed(emitters.back()->weights().write(
            node, shardPrefix(options, static_cast<int64_t>(rank)), content)))
      return failure();
  }
  llvm::XXH128_hash_t value = llvm::xxh3_128bits(
      ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(content.data()), content.size()));
  std::string hash;
  for (uint64_t half : {value.high64, value.low64})
    hash += llvm::toHex(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(&half), 8),
                        /*LowerCase=*/true);
  discoc::Manifest manifest = makeManifest(module, options, hash);
  for (size_t rank = 0; rank < shards.size(); ++rank)
    if (failed(emitNode(*emitters[rank], options, runtimeDirectory, manifest,
                        static_cast<int64_t>(rank),
                        pathIn(directory, "node" + std::to_string(rank)), hash)))
      return failure();
  if (failed(emitInproc(emitters, options, runtimeDirectory, pathIn(directory, "cluster"))))
    return failure();
  return failure(failed(writeText(directory, "manifest.json", discoc::toJson(manifest))) ||
                 failed(writeText(directory, "owners.json", discoc::toJson(makeOwners(module)))) ||
                 failed(writeText(directory, "masks.json", discoc::toJson(makeMasks(module)))) ||
                 failed(writeText(directory, "report.json",
                                  discoc::toJson(makeReport(module, options, hash)))));
}
