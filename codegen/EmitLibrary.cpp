//===- EmitLibrary.cpp - a node as a library for a project of one's own ---===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitBoard.h"
#include "codegen/Template.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace disco;

/// The runtime's own deadline, which the library leaves as it is.
static constexpr int64_t kDeadlineSeconds = 10;

static std::string number(int64_t value) { return std::to_string(value); }

/// What the library has of the runtime: no main program, no drivers.
static LogicalResult addLibraryRuntime(RuntimeFiles &runtime, const ModelEmitter &emitter,
                                       const discoc::ClusterNode &node) {
  std::vector<std::string> names = {"disco.cpp", "disco_frame.cpp", "disco_crc.cpp",
                                    "disco_link.cpp"};
  for (const discoc::ClusterPort &port : node.ports)
    names.push_back(std::string(port.kind->transport) + ".cpp");
  for (const std::string &name : names)
    if (failed(runtime.add(name)))
      return failure();
  if (!node.ports.empty() && failed(runtime.addWithSource("transport/packets.h")))
    return failure();
  if (emitter.notesSteps() && failed(runtime.add("disco_note.h")))
    return failure();
  for (const std::string &header : emitter.headers())
    if (failed(runtime.addWithSource(header)))
      return failure();
  return success();
}

/// What there is to make a port of, and how large its rings are.
static std::string driverNotes(const BoardPlan &plan, const discoc::ClusterNode &node) {
  auto uses = [&](discoc::Carries carries) {
    return llvm::any_of(node.ports,
                        [&](const auto &port) { return port.kind->carries == carries; });
  };
  std::string text;
  if (uses(discoc::Carries::Bytes)) {
    text += "  // runtime/transport/uart.h makes one of two byte rings. At least:";
    for (const BoardBuffer &buffer : plan.buffers)
      for (const discoc::ClusterPort &port : node.ports)
        if (port.kind->carries == discoc::Carries::Bytes &&
            (buffer.name == port.name + "_rx" || buffer.name == port.name + "_tx"))
          text += "\n  //   " + buffer.name + " " + number(buffer.bytes) + " bytes";
    text += "\n";
  }
  if (uses(discoc::Carries::Frames))
    text += "  // runtime/transport/ethernet.h makes one of a driver for frames.\n";
  return text;
}

static std::string portNames(StringRef prefix, const discoc::ClusterNode &node) {
  std::string ports;
  for (const discoc::ClusterPort &port : node.ports)
    ports += " " + port.name +
             (port.neighbour < 0 ? " (to a switch)" : " (to node " + number(port.neighbour) + ")");
  return fillTemplate("library/port_names.h",
                      {{"ports", ports},
                       {"upper", prefix.upper()},
                       {"count", number(static_cast<int64_t>(node.ports.size()))}});
}

static std::string headerText(StringRef prefix, StringRef buildHash, const BoardPlan &plan,
                              const discoc::ClusterNode &node) {
  const bool linked = !node.ports.empty();
  std::string links =
      linked ? fillTemplate("library/links.h", {{"payload", number(plan.packets.payload)},
                                                {"drivers", driverNotes(plan, node)}})
             : "";
  std::string text =
      fillTemplate("library/shard.h", {{"port_names", linked ? portNames(prefix, node) : ""},
                                       {"scope", shardScope(prefix, buildHash)},
                                       {"name", prefix.str()},
                                       {"links", links}});
  return fillTemplate("library/banner.h", {}) +
         guarded(prefix.upper() + "_SHARD_H", prefix, buildHash, text);
}

static std::string packetTables(const BoardPlan &plan, const discoc::ClusterNode &node,
                                int64_t rank, int64_t messages) {
  return fillTemplate("library/packet_tables.cpp",
                      {{"hops", hopRows(node)},
                       {"nodes", number(static_cast<int64_t>(node.hops.size()))},
                       {"messages", number(std::max<int64_t>(messages, 1))},
                       {"peers", number(plan.peers)},
                       {"payload", number(plan.packets.payload)},
                       {"window", number(plan.packets.window)},
                       {"forward_slots", number(plan.forwardSlots)},
                       {"rank", number(rank)},
                       {"ports", number(static_cast<int64_t>(node.ports.size()))},
                       {"retry_us", number(plan.packets.retryUs)}});
}

static std::string sourceText(StringRef prefix, StringRef scope, const BoardPlan &plan,
                              const discoc::ClusterNode &node, int64_t rank, int64_t messages) {
  const bool linked = !node.ports.empty();
  const int64_t floor = std::min(kDeadlineSeconds * plan.packets.floor, plan.packets.floorMost());
  return fillTemplate(
      "library/shard.cpp",
      {{"name", prefix.str()},
       {"packet_tables", linked ? packetTables(plan, node, rank, messages) : ""},
       {"scope", scope.str()},
       {"transport", linked ? fillTemplate("library/packets.cpp", {{"floor", number(floor)}})
                            : fillTemplate("library/alone.cpp", {})},
       {"linger", linked ? "  disco_packets_linger(&packets, 0);\n" : ""}});
}

/// The descriptions that Arduino, PlatformIO and Zephyr look for.
static LogicalResult writeDescriptions(StringRef prefix, const RuntimeFiles &runtime,
                                       bool binaryWeights, StringRef directory) {
  std::string sources;
  for (const std::string &source : runtime.sources())
    sources += "\n    ../src/runtime/" + source;
  const TemplateValue name = {"name", prefix.str()}, config = {"config", prefix.upper()},
                      weights = {"weights", binaryWeights ? "weights.S" : "weights.cpp"};
  const std::pair<StringRef, SmallVector<TemplateValue>> files[] = {
      {"library.properties", {name}},
      {"library.json", {name}},
      {"zephyr/module.yml", {name}},
      {"zephyr/Kconfig", {name, config}},
      {"zephyr/CMakeLists.txt", {name, config, weights, {"sources", sources}}}};
  for (StringRef folder : {"zephyr", "src"})
    if (failed(makeDirectories(pathIn(directory, folder))))
      return failure();
  for (auto &[file, values] : files)
    if (failed(writeText(directory, file, fillTemplate(("library/" + file).str(), values))))
      return failure();
  return success();
}

LogicalResult disco::emitLibrary(const ModelEmitter &emitter, const EmitOptions &options,
                                 const RuntimeStub &stub, int64_t rank, StringRef node,
                                 StringRef buildHash) {
  std::string prefix = shardPrefix(options, rank), directory = pathIn(node, "library"),
              source = pathIn(directory, "src");
  const discoc::ClusterNode &here = options.cluster.nodes[static_cast<size_t>(rank)];
  RuntimeFiles runtime(stub);
  std::string scope = shardScope(prefix, buildHash);
  bool binary = emitter.weights().isBinary();
  if (failed(addLibraryRuntime(runtime, emitter, here)) ||
      failed(writeDescriptions(prefix, runtime, binary, directory)))
    return failure();
  std::vector<std::string> copied = {"model.h", "model.cpp", binary ? "weights.S" : "weights.cpp"};
  if (binary)
    copied.push_back("weights.bin");
  for (const std::string &name : copied)
    if (failed(copyFile(pathIn(node, name), pathIn(source, name))))
      return failure();
  int64_t messages = static_cast<int64_t>(emitter.messageCount());
  BoardPlan plan = planBoard(options.cluster, rank, {}, {}, messages);
  return failure(
      failed(runtime.copyTo(pathIn(source, "runtime"))) ||
      failed(writeText(source, prefix + "_shard.h", headerText(prefix, buildHash, plan, here))) ||
      failed(writeText(source, prefix + "_shard.cpp",
                       sourceText(prefix, scope, plan, here, rank, messages))));
}
