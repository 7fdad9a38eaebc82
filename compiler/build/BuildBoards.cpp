//===- BuildBoards.cpp - checks the images of boards against what compile stated ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildBoards.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/build/Image.h"
#include "compiler/build/StackBound.h"
#include "compiler/formats/Board.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;

namespace discoc {

//===- toolchains ---===//

/// The first line that a program prints; empty when it fails.
static std::string answerOf(const std::vector<std::string> &argv) {
  Diagnostics ignored;
  ProcessGroup group;
  std::string answer;
  if (!group.start(argv, ignored))
    return "";
  while (!group.allEnded())
    group.step(std::chrono::milliseconds(100),
               [&](size_t, const std::string &line) { answer = answer.empty() ? line : answer; });
  return group.children().front().failed() ? "" : answer;
}

bool findToolchains(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  constexpr int oldest = 10; // the first that writes call graphs
  std::set<std::string> asked;
  bool good = true;
  for (const ManifestNode &node : manifest.nodes) {
    if (node.board == anyHost || !asked.insert(node.board).second)
      continue;
    const auto board = readNodeBoard(nodePath(outDirectory, node), node.board, out);
    if (!board)
      return false;
    const std::string compiler = board->toolchain + "g++";
    const std::string package = board->package.empty() ? "boards" : board->package;
    if (findProgram(compiler).empty()) {
      out.push_back({compiler, "", "is not installed: it builds for the board " + node.board,
                     "scripts/setup " + package + " installs it"});
      good = false;
      continue;
    }
    const std::string version = answerOf({compiler, "-dumpversion"});
    if (!board->isLinux() && std::atoi(version.c_str()) < oldest) {
      out.push_back({compiler, "",
                     "is version " + (version.empty() ? "unknown" : version) +
                         ", and discoc needs " + std::to_string(oldest) + " or later",
                     "scripts/setup " + package + " installs one"});
      good = false;
    }
  }
  return good;
}

//===- images ---===//

namespace {
class ImageChecker {
public:
  ImageChecker(const std::string &outDirectory, const ManifestNode &node, const CallTable &table,
               Diagnostics &out)
      : node_(node), table_(table), out_(out), path_(shardPath(outDirectory, node)),
        directory_(nodePath(outDirectory, node)) {
    facts_.rank = node.rank;
  }

  std::optional<BoardFacts> run() {
    const auto image = readImage(path_, out_);
    const auto board = readNodeBoard(directory_, node_.board, out_);
    if (!image || !board)
      return std::nullopt;
    facts_.parts = image->parts;
    const bool sizes = checkParts();
    const bool stack = checkStack(*image, *board);
    return sizes && stack ? std::optional(std::move(facts_)) : std::nullopt;
  }

private:
  bool fault(const std::string &what, const std::string &hint) {
    out_.push_back({path_, "", what, hint});
    return false;
  }

  bool checkParts() {
    bool good = true;
    for (const MemoryUse &use : node_.memory) {
      const int64_t is = facts_.parts[use.part];
      if (use.exact && is != use.bytes)
        good = fault(fmt::format("the section of {} has {} bytes, and compile stated {}", use.part,
                                 is, use.bytes),
                     "compile and build again; should it persist, it is a fault of discoc");
      else if (!use.exact && is > use.bytes)
        good = fault(fmt::format("the section of {} has {} bytes, {} above the bound of {}",
                                 use.part, is, is - use.bytes, use.bytes),
                     "measure the board again with scripts/measure-boards");
    }
    return good;
  }

  bool checkStack(const Image &image, const Board &board) {
    CallGraph graph;
    if (!readGraphs(graph) || !knowsAll(image, graph, board))
      return false;
    const size_t before = out_.size();
    const auto bound = graph.bound(table_, board.toolchain, out_);
    for (size_t i = before; i < out_.size(); ++i)
      out_[i].file = path_;
    if (!bound)
      return false;
    facts_.stackBound = bound->bytes;
    facts_.interruptBytes = bound->interrupts;
    facts_.stackPath = bound->path;
    if (bound->bytes <= board.stackBytes)
      return true;
    std::string path;
    for (const std::string &name : bound->path)
      path += (path.empty() ? "" : " > ") + name;
    return fault(fmt::format("the stack may take {} bytes, and the section of stack has {}: {}",
                             bound->bytes, board.stackBytes, path),
                 "give the board a larger stack in its board.toml");
  }

  bool readGraphs(CallGraph &graph) {
    std::error_code error;
    size_t count = 0;
    const fs::path build = fs::path(path_).parent_path();
    for (auto it = fs::recursive_directory_iterator(build, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      if (it->path().extension() != ".ci")
        continue;
      const auto text = readText(it->path().string(), out_);
      if (!text)
        return false;
      graph.add(*text, it->path().stem().string());
      ++count;
    }
    return count > 0 || fault("has no call graphs (*.ci) beside it", "build the node again");
  }

  /// The compiler may call a function of its library that its call graph does not show.
  bool knowsAll(const Image &image, const CallGraph &graph, const Board &board) {
    const auto toolchain = table_.toolchains.find(board.toolchain);
    bool good = true;
    std::set<std::string> seen;
    for (const std::string &name : image.functions) {
      const bool known = graph.defined().count(name) || (toolchain != table_.toolchains.end() &&
                                                         toolchain->second.library.count(name));
      if (!known && seen.insert(name).second)
        good = fault("has the function " + name + ", of which no stack is known",
                     "add it to codegen/boards/common/calls.toml");
    }
    return good;
  }

  const ManifestNode &node_;
  const CallTable &table_;
  Diagnostics &out_;
  std::string path_, directory_;
  BoardFacts facts_;
};
} // namespace

std::optional<std::vector<BoardFacts>> checkBoards(const std::string &outDirectory,
                                                   const Manifest &manifest, Diagnostics &out) {
  std::vector<BoardFacts> all;
  std::optional<CallTable> table;
  bool good = true;
  for (const ManifestNode &node : manifest.nodes) {
    if (!node.isBare())
      continue;
    if (!table)
      table = readCallTable(out);
    if (!table)
      return std::nullopt;
    if (auto facts = ImageChecker(outDirectory, node, *table, out).run())
      all.push_back(std::move(*facts));
    else
      good = false;
  }
  return good ? std::optional(std::move(all)) : std::nullopt;
}

} // namespace discoc
