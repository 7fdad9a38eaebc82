//===- BoardFiles.cpp - what the programs of boards read and write --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/BoardFiles.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>

namespace fs = std::filesystem;

namespace discoc {

//===- opening ---===//

bool BoardFiles::open() {
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
  return writeInputs();
}

bool BoardFiles::readBoards() {
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

//===- files ---===//

bool BoardFiles::writesOutputs(size_t rank) const {
  return discoc::writesOutputs(request_, manifest_, static_cast<int64_t>(rank));
}

std::string BoardFiles::outputPath(size_t rank, size_t output) const {
  return request_.outputDirectory +
         (request_.outputsOfAll ? "/" + manifest_.nodes[rank].directory : "") + "/" +
         outputFile(manifest_, output);
}

/// A board reads the bare elements; the names are short because its command line is.
bool BoardFiles::writeInputs() {
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

std::string BoardFiles::rawPath(size_t rank, size_t output) const {
  return fmt::format("{}/o{}-{}", scratch_.path(), rank, output);
}

static int64_t bytesOf(const ManifestTensor &tensor) {
  return tensor.elements() * elementInfo(tensor.type)->bytes();
}

/// The inferences of which every output is whole in its file.
int64_t BoardFiles::finished(size_t rank) const {
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

void BoardFiles::showFinished(Activity &activity) const {
  const auto root = static_cast<size_t>(std::max<int64_t>(0, manifest_.root.outputAt));
  if (request_.repeat == 1 && request_.count > 1 && isBare(root) && writesOutputs(root))
    activity.count("inference", std::min(finished(root) + 1, request_.count), request_.count);
}

bool BoardFiles::collectOutput(size_t rank, size_t output, int64_t count) {
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

/// A board that did not come to its end has handed none out.
void BoardFiles::collectNotes() const {
  std::error_code ignored;
  for (size_t rank = 0; !request_.notesDirectory.empty() && rank < manifest_.nodes.size(); ++rank)
    if (isBare(rank))
      fs::copy_file(fmt::format("{}/n{}", scratch_.path(), rank),
                    fmt::format("{}/node{}.notes", request_.notesDirectory, rank), ignored);
}

bool BoardFiles::collectOutputs(RunResult &result) {
  collectNotes();
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

/// What boards read has at most 18 digits: 59 bits.
static uint64_t randomNonce() {
  std::random_device random;
  return ((static_cast<uint64_t>(random()) << 32) | random()) >> 5;
}

std::vector<std::string> BoardFiles::arguments(size_t rank) const {
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
  if (!request_.notesDirectory.empty())
    words.insert(words.end(), {"--trace", fmt::format("n{}", rank)});
  for (size_t i = 0; writesOutputs(rank) && i < manifest_.outputs.size(); ++i)
    words.insert(words.end(), {"--output", fmt::format("{}=o{}-{}", i, rank, i)});
  return words;
}

std::string BoardFiles::commandLine(size_t rank) const {
  return fmt::format("{}", fmt::join(arguments(rank), " "));
}

std::string BoardFiles::doneText(const ShardReport &report) {
  std::string text = fmt::format("done, {} {}", report.inferences,
                                 report.inferences == 1 ? "inference" : "inferences");
  if (report.medianUs)
    text += fmt::format(" of {:.1f} ms", static_cast<double>(report.medianUs) / 1000);
  if (report.stackBytes)
    text += fmt::format(", {} bytes of stack", *report.stackBytes);
  if (report.packets)
    text += fmt::format(", {} packets sent, {} again, {} damaged", report.packets->sent,
                        report.packets->repeated, report.packets->damaged);
  return text;
}

void sayOfNode(double seconds, size_t rank, const std::string &title, const std::string &what,
               bool isAsked) {
  if (!isAsked && !showsProgress())
    return;
  hideProgress();
  fmt::print(stderr, "{:6.2f} s  rank {} ({}): {}\n", seconds, rank, printable(title, maxShownName),
             printable(what, maxShownText));
}

std::string BoardFiles::title(size_t rank) const {
  const ManifestNode &node = manifest_.nodes[rank];
  return node.name + ", " + node.board;
}

/// As runtime_stub/board/board.h numbers them.
std::string BoardFiles::codeText(int code) {
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
