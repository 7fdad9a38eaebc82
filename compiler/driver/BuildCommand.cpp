//===- BuildCommand.cpp - discoc build: programs and images of all nodes ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildBoards.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Board.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Builds the program of every node: with the board's toolchain for a board, with the host's\n"
    "compiler for a Linux host. Only what is missing or older than its sources is built. Then\n"
    "the image of every board is read: weights, arena, buffers and stack have to agree to the\n"
    "byte with what compile stated, code and variables have to stay below their bounds, and the\n"
    "deepest stack, along the call graph and with interrupts, has to fit into its section.";

static constexpr const char *footer =
    "Example:\n"
    "  discoc build out          builds, and shows what every image takes\n"
    "  discoc build out --stack  shows the calls that lead to the deepest stack, too\n"
    "\n"
    "Exit codes: 0 built; 1 no compiled model in OUT; 2 usage; 3 a node does not build, its\n"
    "toolchain is missing, or its image is not what compile stated; 6 interrupted.";

namespace {
struct BuildOptions {
  std::string out;
  bool stack = false;
};

/// "41.2 %" of the memory that a part lies in.
std::string memoryText(const std::string &out, const Manifest &manifest,
                       const std::vector<BoardFacts> &all) {
  Table table({"<node", "<board", "<memory", "bytes", "of", "", "<parts"});
  for (const BoardFacts &facts : all) {
    const ManifestNode &node = manifest.nodes[static_cast<size_t>(facts.rank)];
    Diagnostics ignored;
    const auto board = readNodeBoard(nodePath(out, node), node.board, ignored);
    for (const BoardMemory &memory : board ? board->memories : std::vector<BoardMemory>()) {
      int64_t sum = 0;
      std::string parts;
      for (const MemoryUse &use : node.memory) {
        if (use.memory != memory.name)
          continue;
        const int64_t bytes = facts.parts.at(use.part);
        sum += bytes;
        parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", use.part, bytes);
      }
      if (sum > 0)
        table.row({std::to_string(facts.rank), fitted(node.board, 16), memory.name,
                   std::to_string(sum), std::to_string(memory.size),
                   percent(sum, static_cast<int64_t>(memory.size)), parts});
    }
  }
  return table.text();
}

std::string stackText(const Manifest &manifest, const std::vector<BoardFacts> &all, bool paths) {
  Table table({"<node", "<board", "stack at most", "of", "", "for interrupts"});
  std::string ways;
  for (const BoardFacts &facts : all) {
    const ManifestNode &node = manifest.nodes[static_cast<size_t>(facts.rank)];
    const int64_t size = facts.parts.at(BoardPart::stack);
    table.row({std::to_string(facts.rank), fitted(node.board, 16), std::to_string(facts.stackBound),
               std::to_string(size), percent(facts.stackBound, size),
               std::to_string(facts.interruptBytes)});
    ways += fmt::format("  node {}:", facts.rank);
    for (const std::string &name : facts.stackPath)
      ways += " " + name;
    ways += "\n";
  }
  return table.text() + (paths ? "\n" + ways : "");
}

int build(const BuildOptions &options) {
  Diagnostics faults;
  const auto manifest = readManifest(options.out + "/manifest.json", faults);
  if (!manifest) {
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  InterruptGuard guard;
  const bool good = buildNodes(options.out, *manifest, faults); // checks, too
  const auto facts = good ? checkBoards(options.out, *manifest, faults) : std::nullopt;
  fmt::print(stderr, "{}", toString(faults));
  if (!facts)
    return InterruptGuard::interrupted() ? ExitInterrupted : ExitBuild;
  if (!facts->empty())
    fmt::print("{}", printableLines(memoryText(options.out, *manifest, *facts) + "\n" +
                                    stackText(*manifest, *facts, options.stack)));
  return ExitSuccess;
}
} // namespace

void addBuildCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App *command = app.add_subcommand("build", description);
  command->footer(footer);
  command->add_option("OUT", options->out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command->add_flag("--stack", options->stack, "the calls that lead to the deepest stack");
  command->callback([options, &exitCode] { exitCode = build(*options); });
}

} // namespace discoc
