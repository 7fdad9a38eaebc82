//===- EmitLibrary.cpp - a node as a library for a project of one's own ---===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/EmitBoard.h"
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
  for (const std::string &header : emitter.headers())
    if (failed(runtime.addWithSource(header)))
      return failure();
  return success();
}

/// What the callbacks of ports need to be told.
static std::string portNotes(const BoardPlan &plan, const discoc::ClusterNode &node) {
  auto uses = [&](discoc::Carries carries) {
    return llvm::any_of(node.ports,
                        [&](const auto &port) { return port.kind->carries == carries; });
  };
  std::string mtu = number(plan.packets.payload) + " + DISCO_PACKET_OVERHEAD";
  std::string text = "  // Callbacks that carry packets of up to " + mtu + " bytes (mtu).\n";
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

static std::string headerText(StringRef prefix, StringRef buildHash, const BoardPlan &plan,
                              const discoc::ClusterNode &node) {
  std::string name = prefix.str(), scope = shardScope(prefix, buildHash);
  std::string banner =
      "// The node as three calls. One thread at a time; nothing is allocated. Where one program "
      "has several\n// nodes, their runtime/ folders become one: files of the same name are the "
      "same, and are built once.\n// Those of two versions of discoc stay apart, and are both "
      "built: no name is the same.\n";
  std::string text = "\n#include \"model.h\"\n";
  if (!node.ports.empty()) {
    text += "#include \"runtime/transport/packets.h\"\n\n// Ports, in this order:";
    for (const discoc::ClusterPort &port : node.ports)
      text += " " + port.name +
              (port.neighbour < 0 ? " (to a switch)" : " (to node " + number(port.neighbour) + ")");
    text += ".\n#define " + StringRef(prefix).upper() + "_PORTS " +
            number(static_cast<int64_t>(node.ports.size())) + "\n";
  }
  text += "\n// Named after the build, so that calls find the node whose header this is.\ninline "
          "namespace " +
          scope + " {\n";
  text += "\n// What the node is given; all of it stays in place until " + name +
          "_close has returned.\nstruct " + name + "_world {\n";
  if (!node.ports.empty())
    text += portNotes(plan, node) +
            "  const disco_port *ports;\n"
            "  // Tells this start from all others: random bytes, or a counter that outlives a "
            "reset;\n  // zeros: none known, and what was recorded of an earlier session may pass "
            "for this one.\n  uint8_t nonce[DISCO_NONCE_SIZE];\n"
            "  // Sleeps until something may have come, or the time is over.\n"
            "  void (*idle)(void *clock, uint64_t us);\n";
  text += "  uint64_t (*now_us)(void *clock); // never goes back\n  void *clock;\n};\n\n"
          "// All return 0 or a negative disco_code.\n"
          "int " +
          name + "_open(const " + name +
          "_world *world); // waits for the other nodes\n"
          "// An inference. `inputs` and `outputs` as " +
          name +
          "_program describes them, aligned to 8; null on "
          "a node\n// that is given, or returns, none.\n"
          "int " +
          name +
          "_infer(const void *const *inputs, void *const *outputs);\n"
          "int " +
          name +
          "_close(void);\n"
          "const disco_error *" +
          name + "_error(void);\n\n} // namespace " + scope + "\n";
  return banner + guarded(prefix.upper() + "_SHARD_H", prefix, buildHash, text);
}

static std::string packetTables(const BoardPlan &plan, const discoc::ClusterNode &node,
                                int64_t rank, int64_t messages) {
  std::string hops;
  for (auto [to, hop] : llvm::enumerate(node.hops))
    hops += (hop.port < 0 ? "    {DISCO_NO_PORT, 0}"
                          : "    {" + number(hop.port) + ", " + number(hop.next) + "}") +
            ", // to node " + number(static_cast<int64_t>(to)) + "\n";
  return "static const disco_hop hops[] = {\n" + hops + "};\nstatic disco_peer peers[" +
         number(static_cast<int64_t>(node.hops.size())) + "];\nstatic disco_slot slots[" +
         number(std::max<int64_t>(messages, 1)) +
         "];\nalignas(8) static uint8_t memory[disco_packets_bytes(" + number(plan.peers) + ", " +
         number(plan.packets.payload) + ", " + number(plan.packets.window) + ", " +
         number(plan.forwardSlots) +
         ")];\nstatic disco_packets packets;\nstatic disco_packets_config links = {" +
         number(rank) + ", " + number(static_cast<int64_t>(node.hops.size())) + ", nullptr, " +
         number(static_cast<int64_t>(node.ports.size())) + ", hops, " +
         number(plan.packets.payload) + ", " + number(plan.packets.window) +
         ", memory,\n    sizeof memory, " + number(plan.forwardSlots) + ", 0, " +
         number(plan.packets.retryUs) + ", nullptr, nullptr, nullptr};\n";
}

static std::string sourceText(StringRef prefix, StringRef scope, const BoardPlan &plan,
                              const discoc::ClusterNode &node, int64_t rank, int64_t messages) {
  std::string name = prefix.str();
  bool linked = !node.ports.empty();
  std::string text = "// The node as three calls.\n#include \"" + name + "_shard.h\"\n\n";
  text += "#include <string.h>\n\n";
  if (linked)
    text += packetTables(plan, node, rank, messages);
  text += "static disco_node node;\nstatic disco_config config;\n\ninline namespace " +
          scope.str() + " {\n\nint " + name + "_open(const " + name + "_world *world) {\n";
  if (linked)
    text += "  links.ports = world->ports;\n"
            "  links.nonce = static_cast<uint16_t>(world->nonce[0] | world->nonce[1] << 8);\n"
            "  memcpy(config.nonce, world->nonce, sizeof config.nonce);\n  config.floor = " +
            number(std::min(kDeadlineSeconds * plan.packets.floor, plan.packets.floorMost())) +
            ";\n"
            "  links.now_us = world->now_us;\n  links.idle = world->idle;\n"
            "  links.clock_context = world->clock;\n"
            "  int code = disco_packets_init(&packets, &links);\n  if (code != DISCO_OK)\n"
            "    return code;\n  config.transport = disco_packets_transport(&packets);\n"
            "  config.peers = peers;\n  config.slots = slots;\n";
  else
    text += "  config.transport.context = world->clock;\n"
            "  config.transport.now_us = world->now_us;\n  int code;\n";
  text += "  code = disco_init(&node, &" + name +
          "_program, &config);\n  return code != DISCO_OK ? code : disco_start(&node);\n}\n\nint " +
          name + "_infer(const void *const *inputs, void *const *outputs) {\n  return " + name +
          "_program.infer(&node, inputs, outputs);\n}\n\nint " + name +
          "_close(void) {\n  const int code = disco_stop(&node);\n";
  if (linked)
    text += "  disco_packets_linger(&packets, 0);\n";
  return text + "  return code;\n}\n\nconst disco_error *" + name +
         "_error(void) { return disco_last_error(&node); }\n\n} // namespace " + scope.str() + "\n";
}

/// The descriptions that Arduino, PlatformIO and Zephyr look for.
static LogicalResult writeDescriptions(StringRef prefix, const RuntimeFiles &runtime,
                                       bool binaryWeights, StringRef directory) {
  std::string name = prefix.str();
  std::string zephyr =
      "# A module of Zephyr: add this folder to ZEPHYR_EXTRA_MODULES.\nif(CONFIG_" +
      prefix.upper() + ")\n  zephyr_library_named(" + name +
      ")\n  zephyr_library_include_directories(../src)\n"
      "  zephyr_library_compile_options($<$<COMPILE_LANGUAGE:CXX>:-O2>)\n"
      "  zephyr_library_sources(\n    ../src/" +
      name + "_shard.cpp\n    ../src/model.cpp\n    ../src/weights." +
      (binaryWeights ? "S" : "cpp");
  for (const std::string &source : runtime.sources())
    zephyr += "\n    ../src/runtime/" + source;
  zephyr += ")\n  zephyr_include_directories(../src)\nendif()\n";
  for (StringRef folder : {"zephyr", "src"})
    if (failed(makeDirectories(pathIn(directory, folder))))
      return failure();
  return failure(
      failed(
          writeText(directory, "library.properties",
                    "name=" + name +
                        "\nversion=1.0.0\nauthor=discoc\nmaintainer=discoc\nsentence=One node of a "
                        "model that several boards compute together.\nparagraph=" +
                        name +
                        "_shard.h has three calls.\ncategory=Data Processing\n"
                        "url=https://onnx.ai\n"
                        "architectures=*\nincludes=" +
                        name + "_shard.h\n")) ||
      failed(writeText(
          directory, "library.json",
          "{\n  \"name\": \"" + name +
              "\",\n  \"version\": \"1.0.0\",\n  \"description\": \"One node of a model that "
              "several boards compute together\",\n  \"frameworks\": \"*\",\n  "
              "\"platforms\": \"*\",\n  \"headers\": \"" +
              name +
              "_shard.h\",\n  \"build\": {\"srcDir\": \"src\", \"includeDir\": \"src\", "
              "\"flags\": [\"-std=gnu++17\", \"-O2\"]}\n}\n")) ||
      failed(
          writeText(directory, "zephyr/module.yml",
                    "name: " + name + "\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n")) ||
      failed(writeText(directory, "zephyr/Kconfig",
                       "config " + prefix.upper() + "\n\tbool \"Node " + name +
                           " of a model\"\n\tdepends on CPP && !STD_CPP98 && !STD_CPP11 && "
                           "!STD_CPP14\n\thelp\n\t  Includes " +
                           name +
                           "_shard.h: one node of a model that several boards compute.\n\t  Needs "
                           "C++17: CONFIG_STD_CPP17=y.\n")) ||
      failed(writeText(directory, "zephyr/CMakeLists.txt", zephyr)));
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
