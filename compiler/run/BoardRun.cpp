//===- BoardRun.cpp - starts the nodes of a cluster with boards ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/BoardRun.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

namespace fs = std::filesystem;

namespace discoc {

//===- opening ---===//

bool BoardRun::open() {
  auto cluster = parseCluster(manifest_.cluster, "the cluster in manifest.json",
                              static_cast<int64_t>(manifest_.nodes.size()), out_);
  if (!cluster)
    return false;
  cluster_ = std::move(*cluster);
  if (!readBoards())
    return false;
  if (scratch_.path().empty()) {
    out_.push_back({"the temporary directory", "", "cannot be made", "set TMPDIR"});
    return false;
  }
  wires_.open(cluster_, scratch_.path(), request_.wireErrors);
  return writeInputs();
}

bool BoardRun::readBoards() {
  for (size_t rank = 0; rank < cluster_.nodes.size(); ++rank) {
    const ClusterNode &node = cluster_.nodes[rank];
    if (boards_.count(node.board))
      continue;
    Board &board = boards_[node.board];
    board.status = Board::linuxStatus;
    if (!node.hasBoard())
      continue;
    auto read = readNodeBoard(nodePath(request_.out, manifest_.nodes[rank]), node.board, out_);
    if (!read)
      return false;
    board = std::move(*read);
  }
  return true;
}

bool BoardRun::findEmulators(const std::string &outDirectory, const Manifest &manifest,
                             Diagnostics &out) {
  std::set<std::string> missing, seen = {anyHost};
  for (const ManifestNode &node : manifest.nodes) {
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

//===- files ---===//

bool BoardRun::writesOutputs(size_t rank) const {
  return discoc::writesOutputs(request_, manifest_, static_cast<int64_t>(rank));
}

std::string BoardRun::outputPath(size_t rank, size_t output) const {
  return request_.outputDirectory +
         (request_.outputsOfAll ? "/" + manifest_.nodes[rank].directory : "") + "/" +
         outputFile(manifest_, output);
}

/// A board reads the bare elements; the names are short because its command line is.
bool BoardRun::writeInputs() {
  bool any = false;
  for (size_t rank = 0; rank < manifest_.nodes.size(); ++rank)
    any = any || (isBare(rank) && isRootRank(manifest_.root.inputAt, static_cast<int64_t>(rank)));
  if (!any)
    return true;
  for (const auto &[name, file] : request_.inputs) {
    const auto array = readNpy(file, out_);
    const auto at = std::find_if(manifest_.inputs.begin(), manifest_.inputs.end(),
                                 [&](const ManifestTensor &t) { return t.name == name; });
    if (!array || at == manifest_.inputs.end())
      return false;
    const std::string path = scratch_.path() + "/i" + std::to_string(at - manifest_.inputs.begin());
    if (!writeText(path, std::string(array->data.begin(), array->data.end()), out_))
      return false;
  }
  return true;
}

std::string BoardRun::rawPath(size_t rank, size_t output) const {
  return fmt::format("{}/o{}-{}", scratch_.path(), rank, output);
}

static int64_t bytesOf(const ManifestTensor &tensor) {
  return tensor.elements() * elementInfo(tensor.type)->bytes();
}

/// The inferences of which every output is whole in its file.
int64_t BoardRun::finished(size_t rank) const {
  int64_t least = request_.count;
  for (size_t i = 0; i < manifest_.outputs.size(); ++i) {
    std::error_code error;
    const auto size = static_cast<int64_t>(fs::file_size(rawPath(rank, i), error));
    const int64_t bytes = bytesOf(manifest_.outputs[i]);
    if (error || bytes > 0)
      least = error ? 0 : std::min(least, size / bytes);
  }
  return least;
}

bool BoardRun::collectOutput(size_t rank, size_t output, int64_t count) {
  const ManifestTensor &tensor = manifest_.outputs[output];
  const auto text = readText(rawPath(rank, output), out_);
  if (!text)
    return false;
  Array array;
  array.type = elementInfo(tensor.type)->type;
  array.shape = tensor.shape;
  if (request_.count > 1 && array.shape.empty())
    array.shape = {count};
  else if (count > 1)
    array.shape[0] *= count;
  array.data.assign(text->begin(), text->begin() + bytesOf(tensor) * count);
  std::error_code ignored;
  fs::create_directories(fs::path(outputPath(rank, output)).parent_path(), ignored);
  return writeNpy(outputPath(rank, output), array, out_);
}

bool BoardRun::collectOutputs(RunResult &result) {
  for (size_t rank = 0; rank < manifest_.nodes.size(); ++rank) {
    if (!isBare(rank) || !writesOutputs(rank))
      continue;
    const int64_t count = finished(rank);
    if (result.ok && count < request_.count) {
      out_.push_back({manifest_.nodes[rank].name, "",
                      fmt::format("rank {} returned the outputs of {} inferences instead of {}",
                                  rank, count, request_.count),
                      ""});
      return false;
    }
    for (size_t i = 0; count > 0 && i < manifest_.outputs.size(); ++i)
      if (!collectOutput(rank, i, count))
        return false;
    if (!result.ok)
      result.written = count;
  }
  return true;
}

//===- starting ---===//

bool BoardRun::overTcp(size_t a, size_t b) const {
  if (!needed())
    return true;
  if (isBare(a) || isBare(b))
    return false;
  const auto &hops = cluster_.nodes[a].hops;
  return hops.empty() || hops[b].tcp;
}

static std::string replaced(std::string text, const std::string &what, const std::string &by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// The ends of the wires: -serial options in the board's order, and what its other links say.
std::vector<std::string> BoardRun::portArguments(size_t rank, std::vector<int> &inherited) {
  const Board &board = boardOf(rank);
  const auto &ports = cluster_.nodes[rank].ports;
  std::vector<std::string> argv;
  std::map<int64_t, std::string> serials;
  for (size_t i = 0; i < ports.size(); ++i) {
    const int fd = wires_.handOut(static_cast<int64_t>(rank), i);
    const BoardLink *link = board.findLink(ports[i].name);
    inherited.push_back(fd);
    if (!link)
      continue;
    const std::string number = std::to_string(i);
    if (link->serial || link->kind->carries == Carries::Bytes) {
      argv.insert(argv.end(), {"-chardev", fmt::format("socket,id=port{},fd={}", i, fd)});
      if (link->serial)
        serials[*link->serial] = "chardev:port" + number;
    }
    const std::string mac = fmt::format("02:d1:5c:00:{:02x}:{:02x}", rank >> 8 & 0xff, rank & 0xff);
    const bool netdev =
        std::any_of(link->emulator.begin(), link->emulator.end(), [](const std::string &text) {
          return text.find("{netdev}") != std::string::npos;
        });
    if (netdev)
      argv.insert(argv.end(), {"-netdev", fmt::format("socket,id=net{},fd={}", i, fd)});
    for (std::string text : link->emulator) {
      text = replaced(text, "{chardev}", "port" + number);
      text = replaced(text, "{netdev}", "net" + number);
      text = replaced(text, "{backend}", fmt::format("socket,fd={}", fd));
      argv.push_back(replaced(text, "{mac}", mac));
    }
  }
  const int64_t last = serials.empty() ? 0 : serials.rbegin()->first;
  for (int64_t serial = 0; serial <= last; ++serial)
    argv.insert(argv.end(), {"-serial", serials.count(serial) ? serials[serial] : "null"});
  return argv;
}

/// What boards read has at most 18 digits: 59 bits.
static uint64_t randomNonce() {
  std::random_device random;
  return ((static_cast<uint64_t>(random()) << 32) | random()) >> 5;
}

/// What the program finds as its command line, as -semihosting-config has it.
std::string BoardRun::programArguments(size_t rank) const {
  std::vector<std::string> words = {"shard",         "--json",
                                    "--deadline-ms", std::to_string(request_.deadlineMs),
                                    "--repeat",      std::to_string(request_.repeat),
                                    "--nonce",       std::to_string(randomNonce())};
  if (isRootRank(manifest_.root.inputAt, static_cast<int64_t>(rank)) && !manifest_.inputs.empty()) {
    for (size_t i = 0; i < manifest_.inputs.size(); ++i)
      for (const auto &[name, file] : request_.inputs)
        if (name == manifest_.inputs[i].name)
          words.insert(words.end(), {"--input", fmt::format("{}=i{}", i, i)});
  } else {
    words.insert(words.end(), {"--count", std::to_string(request_.count)});
  }
  for (size_t i = 0; writesOutputs(rank) && i < manifest_.outputs.size(); ++i)
    words.insert(words.end(), {"--output", fmt::format("{}=o{}-{}", i, rank, i)});
  std::string text = "enable=on,target=native,chardev=console";
  for (const std::string &word : words)
    text += ",arg=" + replaced(word, ",", ",,");
  return text;
}

NodeStart BoardRun::bare(size_t rank) {
  const Board &board = boardOf(rank);
  NodeStart start;
  start.how.directory = scratch_.path();
  start.argv = {
      board.emulator.program, "-M", board.emulator.machine, "-display", "none", "-monitor", "none",
      "-nodefaults"};
  start.argv.insert(start.argv.end(), board.emulator.args.begin(), board.emulator.args.end());
  const auto ports = portArguments(rank, start.how.inherited);
  start.argv.insert(start.argv.end(), ports.begin(), ports.end());
  const fs::path image = fs::absolute(shardPath(request_.out, manifest_.nodes[rank]));
  start.argv.insert(start.argv.end(),
                    {"-chardev", "stdio,id=console,signal=off", "-semihosting-config",
                     programArguments(rank), "-kernel", image.string()});
  return start;
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
  const auto &ports = cluster_.nodes[rank].ports;
  for (size_t i = 0; i < ports.size(); ++i)
    argv.insert(argv.end(),
                {"--wire", ports[i].name + "=unix:" + wires_.path(static_cast<int64_t>(rank), i)});
  return argv;
}

void BoardRun::started(size_t rank) {
  if (!needed())
    return;
  for (size_t i = 0; i < cluster_.nodes[rank].ports.size(); ++i)
    wires_.given(static_cast<int64_t>(rank), i);
}

void BoardRun::stopWires(RunResult &result) {
  wires_.stop();
  for (size_t rank = 0; rank < cluster_.nodes.size(); ++rank)
    for (size_t i = 0; i < cluster_.nodes[rank].ports.size(); ++i)
      result.wires.push_back({static_cast<int64_t>(rank), cluster_.nodes[rank].ports[i].name,
                              wires_.count(static_cast<int64_t>(rank), i)});
}

std::string BoardRun::title(size_t rank) const {
  const ManifestNode &node = manifest_.nodes[rank];
  return node.name + ", " + node.board;
}

/// As runtime_stub/board/board.h numbers them.
std::string BoardRun::codeText(int code) {
  static const std::map<int, const char *> texts = {
      {64, "a fault that the processor does not name"},
      {65, "access to protected memory"},
      {66, "access to an address where nothing is"},
      {67, "an instruction that cannot be carried out"},
      {68, "the stack is too small"},
      {69, "the program stood still and the watchdog ended it"},
      {70, "an interrupt that nobody waits for"},
      {71, "the hardware of a link does not answer"}};
  const auto found = texts.find(code);
  return found == texts.end() ? "" : found->second;
}

} // namespace discoc
