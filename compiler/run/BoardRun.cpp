//===- BoardRun.cpp - starts the nodes of a cluster with boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/BoardRun.h"
#include "compiler/run/NodePaths.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;

namespace discoc {

bool BoardRun::open() {
  if (!files_.open())
    return false;
  wires_.open(files_.cluster(), files_.directory(), request_.wireErrors);
  return true;
}

bool BoardRun::findEmulators(const std::string &outDirectory, const Manifest &manifest,
                             Diagnostics &out) {
  std::set<std::string> missing, seen = {anyHost};
  for (const ManifestNode &node : manifest.nodes) {
    if (node.console == ManifestNode::noConsole) {
      out.push_back(
          {"", "",
           fmt::format(
               "node {} ({}, {}) has no console: every UART that it has is a link's, and no "
               "board that its packets reach has one left",
               node.rank, node.name, node.board),
           "join it to a board with a free UART, or compile with --console semihosting"});
      return false;
    }
    if (!seen.insert(node.board).second)
      continue;
    const auto board = readNodeBoard(nodePath(outDirectory, node), node.board, out);
    if (!board)
      return false;
    const std::string &program = board->emulator.program;
    if (program.empty()) {
      out.push_back(
          {"", "", "the board " + board->name + " has no emulator (" + board->statusText() + ")",
           "build with `discoc build` and flash the boards; `discoc verify` and --transport "
           "inproc run the same programs here"});
      return false;
    }
    if (findProgram(program).empty() && missing.insert(program).second)
      out.push_back({program, "", "is not installed: it runs the board " + board->name,
                     "scripts/setup boards installs it"});
  }
  return missing.empty();
}

//===- starting ---===//

bool BoardRun::overTcp(size_t a, size_t b) const {
  if (!needed())
    return true;
  if (isBare(a) || isBare(b))
    return false;
  const auto &hops = files_.cluster().nodes[a].hops;
  return hops.empty() || hops[b].tcp;
}

namespace {
struct EmulatorLinks {
  std::vector<std::string> argv;
  std::map<int64_t, std::string> serials; ///< what -serial says, by number
};
} // namespace

static std::string replaced(std::string text, const std::string &what, const std::string &by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// What the emulator is told of one of the board's links, whose other end is `fd`.
static void addLink(const BoardLink &link, const std::string &id, int fd, size_t rank,
                    EmulatorLinks &links) {
  const bool serves = link.serial || link.kind->carries == Carries::Bytes;
  if (serves)
    links.argv.insert(links.argv.end(), {"-chardev", fmt::format("socket,id={},fd={}", id, fd)});
  if (link.serial)
    links.serials[*link.serial] = "chardev:" + id;
  const std::string mac = fmt::format("02:d1:5c:00:{:02x}:{:02x}", rank >> 8 & 0xff, rank & 0xff);
  const bool netdev =
      std::any_of(link.emulator.begin(), link.emulator.end(), [](const std::string &text) {
        return text.find("{netdev}") != std::string::npos;
      });
  if (netdev)
    links.argv.insert(links.argv.end(), {"-netdev", fmt::format("socket,id=net-{},fd={}", id, fd)});
  for (std::string text : link.emulator) {
    text = replaced(text, "{chardev}", id);
    text = replaced(text, "{netdev}", "net-" + id);
    text = replaced(text, "{backend}", fmt::format("socket,fd={}", fd));
    links.argv.push_back(replaced(text, "{mac}", mac));
  }
}

/// The ends of the wires and the desk: -serial options in the board's order, and what its other
/// links say.
std::vector<std::string> BoardRun::portArguments(size_t rank, std::vector<int> &inherited) {
  const Board &board = boardOf(rank);
  const auto &ports = files_.cluster().nodes[rank].ports;
  EmulatorLinks links;
  for (size_t i = 0; i < ports.size(); ++i) {
    inherited.push_back(wires_.handOut(static_cast<int64_t>(rank), i));
    if (const BoardLink *link = board.findLink(ports[i].name))
      addLink(*link, "port" + std::to_string(i), inherited.back(), rank, links);
  }
  if (const BoardLink *link = board.findLink(manifest_.nodes[rank].console)) {
    inherited.push_back(desks_.handOut(rank, files_.directory(), files_.commandLine(rank)));
    addLink(*link, "desk", inherited.back(), rank, links);
  }
  if (manifest_.nodes[rank].consoleNode() >= 0)
    desks_.addBehind(rank, files_.directory(), files_.commandLine(rank));
  const int64_t last = links.serials.empty() ? 0 : links.serials.rbegin()->first;
  for (int64_t serial = 0; serial <= last; ++serial)
    links.argv.insert(links.argv.end(),
                      {"-serial", links.serials.count(serial) ? links.serials[serial] : "null"});
  return links.argv;
}

/// As -semihosting-config has it.
std::string BoardRun::semihosting(size_t rank) const {
  std::string text = "enable=on,target=native,chardev=console";
  for (const std::string &word : files_.arguments(rank))
    text += ",arg=" + replaced(word, ",", ",,");
  return text;
}

NodeStart BoardRun::bare(size_t rank) {
  const Board &board = boardOf(rank);
  const std::string &console = manifest_.nodes[rank].console;
  NodeStart start;
  start.how.directory = files_.directory();
  start.argv = {
      board.emulator.program, "-M", board.emulator.machine, "-display", "none", "-monitor", "none",
      "-nodefaults"};
  start.argv.insert(start.argv.end(), board.emulator.args.begin(), board.emulator.args.end());
  const auto ports = portArguments(rank, start.how.inherited);
  start.argv.insert(start.argv.end(), ports.begin(), ports.end());
  if (console.empty() || console == ManifestNode::semihosting)
    start.argv.insert(start.argv.end(), {"-chardev", "stdio,id=console,signal=off",
                                         "-semihosting-config", semihosting(rank)});
  const fs::path image = fs::absolute(shardPath(request_.out, manifest_.nodes[rank]));
  start.argv.insert(start.argv.end(), {"-kernel", image.string()});
  return start;
}

void BoardRun::hearDesks(RankGroup &ranks) {
  for (const DeskEvent &event : desks_.take(std::chrono::milliseconds(0)))
    if (event.kind == DeskEvent::Line)
      ranks.hear(event.rank, event.text);
    else if (event.kind == DeskEvent::Ended)
      ranks.finish(event.rank, event.code);
}

std::vector<std::string> BoardRun::emulatorOf(size_t rank) const {
  std::vector<std::string> argv;
  if (!needed() || boardOf(rank).emulator.program.empty())
    return argv;
  const BoardEmulator &emulator = boardOf(rank).emulator;
  argv.push_back(emulator.program);
  argv.insert(argv.end(), emulator.args.begin(), emulator.args.end());
  return argv;
}

std::vector<std::string> BoardRun::wiresOf(size_t rank) {
  std::vector<std::string> argv;
  if (!needed())
    return argv;
  const auto &ports = files_.cluster().nodes[rank].ports;
  for (size_t i = 0; i < ports.size(); ++i)
    argv.insert(argv.end(),
                {"--wire", ports[i].name + "=unix:" + wires_.path(static_cast<int64_t>(rank), i)});
  return argv;
}

void BoardRun::started(size_t rank) {
  if (!needed())
    return;
  for (size_t i = 0; i < files_.cluster().nodes[rank].ports.size(); ++i)
    wires_.given(static_cast<int64_t>(rank), i);
  desks_.given(rank);
}

void BoardRun::stopWires(RunResult &result) {
  wires_.stop();
  desks_.stop();
  for (size_t rank = 0; rank < files_.cluster().nodes.size(); ++rank)
    for (size_t i = 0; i < files_.cluster().nodes[rank].ports.size(); ++i)
      result.wires.push_back({static_cast<int64_t>(rank),
                              files_.cluster().nodes[rank].ports[i].name,
                              wires_.count(static_cast<int64_t>(rank), i)});
}

} // namespace discoc
