//===- FlashCommand.cpp - discoc flash: the image of a node onto its board ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/FlashImage.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/ShellWord.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <filesystem>
#include <memory>

namespace fs = std::filesystem;

namespace discoc {

static constexpr const char *description =
    "Writes the image of one node to the board that is plugged in, with the tool that the board's\n"
    "description names, and no other. The image has to be the one that its shard.elf makes: what\n"
    "is damaged, of another board or in the boot loader's place is refused.";

static constexpr const char *footer =
    "Example:\n"
    "  discoc build out\n"
    "  discoc flash out --node 0 --dry-run                     shows the command\n"
    "  discoc flash out --node 0\n"
    "  discoc flash out --node 1 --drive /media/me/RPI-RP2     copies the .uf2 to a loader's "
    "drive\n"
    "\n"
    "Exit codes: 0 written; 1 nothing built, no tool for it, or a wrong image; 2 usage; 4 the "
    "tool\n"
    "failed; 6 interrupted.";

namespace {
struct FlashOptions {
  std::string out, tool, drive;
  int64_t node = 0;
  bool dryRun = false;
};

std::string replaced(std::string text, const std::string &what, const std::string &by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

class Flasher {
public:
  Flasher(const FlashOptions &options, const ManifestNode &node, const Board &board,
          Diagnostics &out)
      : options_(options), board_(board), out_(out), elf_(shardPath(options.out, node)) {}

  int run() {
    if (!checkImages())
      return ExitFault;
    return options_.drive.empty() ? useTool() : useDrive();
  }

private:
  int fault(const std::string &file, const std::string &what, const std::string &hint) {
    out_.push_back({file, "", what, hint});
    return ExitFault;
  }

  /// Whether every file is what the program makes of it now.
  bool checkImages() {
    std::error_code error;
    if (!fs::exists(elf_, error)) {
      fault(elf_, "is not there", "discoc build " + options_.out + " makes it");
      return false;
    }
    const auto bytes = readFlashBytes(elf_, board_, out_);
    if (!bytes)
      return false;
    for (const std::string &format : board_.image.formats) {
      const std::string path = imagePath(elf_, format);
      const auto text = readText(path, out_);
      if (!text)
        return false;
      if (*text != imageText(*bytes, format, board_)) {
        fault(path, "is not the image of shard.elf for the board " + board_.name,
              "its addresses, family id or bytes are others: remove it and build again");
        return false;
      }
    }
    return true;
  }

  std::vector<std::string> commandOf(const BoardFlasher &tool) const {
    std::vector<std::string> argv = {tool.program};
    for (std::string word : tool.args) {
      word = replaced(word, "{elf}", elf_);
      for (const std::string &format : BoardImage::allFormats())
        word = replaced(word, "{" + format + "}", imagePath(elf_, format));
      argv.push_back(word);
    }
    return argv;
  }

  /// The one that was asked for, else the first that is installed, else the first.
  const BoardFlasher *choose() const {
    const BoardFlasher *first = nullptr;
    for (const BoardFlasher &tool : board_.flashers) {
      if (!options_.tool.empty() && tool.program != options_.tool)
        continue;
      if (!findProgram(tool.program).empty())
        return &tool;
      first = first ? first : &tool;
    }
    return first;
  }

  int useTool() {
    std::string known;
    for (const BoardFlasher &tool : board_.flashers)
      known += (known.empty() ? "" : ", ") + tool.program;
    const BoardFlasher *tool = choose();
    if (!tool && known.empty())
      return fault("", "the board " + board_.name + " names no tool that flashes it",
                   board_.image.uf2Family ? "--drive copies its .uf2 to the boot loader's drive"
                                          : "flash " + elf_ + " as its maker says");
    if (!tool)
      return fault("", "the board " + board_.name + " is not flashed with " + options_.tool,
                   "known: " + known);
    const std::vector<std::string> argv = commandOf(*tool);
    std::string line;
    for (const std::string &word : argv)
      line += (line.empty() ? "" : " ") + shellQuoted(word);
    fmt::print("{}\n", printable(line));
    std::fflush(stdout);
    if (options_.dryRun)
      return ExitSuccess;
    if (findProgram(tool->program).empty())
      return fault(tool->program, "is not installed: it flashes the board " + board_.name,
                   "it comes from: " + tool->from +
                       (tool == &board_.flashers.back() ? "" : "; or use another of: " + known));
    return start(argv);
  }

  int start(const std::vector<std::string> &argv) {
    InterruptGuard guard;
    ProcessGroup group;
    if (!group.start(argv, out_))
      return ExitFault;
    while (!group.allEnded() && !InterruptGuard::interrupted())
      group.step(std::chrono::milliseconds(200), [](size_t, const std::string &line) {
        fmt::print("{}\n", printable(line, maxShownText));
      });
    if (InterruptGuard::interrupted())
      return ExitInterrupted;
    const Child &child = group.children().front();
    if (!child.errText.empty())
      fmt::print(stderr, "{}\n", printableLines(child.errText));
    if (!child.failed())
      return ExitSuccess;
    fault(argv.front(), "ended with " + child.endText(),
          "what it printed says why: a board that is not plugged in, or not in its loader");
    return ExitRun;
  }

  /// The drive that a UF2 loader shows has a file that says what it is.
  int useDrive() {
    if (board_.image.uf2Family == 0)
      return fault("", "the board " + board_.name + " has no loader that shows a drive",
                   "leave --drive out");
    const fs::path drive = options_.drive;
    std::error_code error;
    if (!fs::is_regular_file(drive / "INFO_UF2.TXT", error))
      return fault(options_.drive, "is not the drive of a UF2 loader: it has no INFO_UF2.TXT",
                   "hold the board's button while plugging it in, and wait for the drive");
    const std::string from = imagePath(elf_, "uf2"), to = (drive / "shard.uf2").string();
    fmt::print("cp {} {}\n", printable(shellQuoted(from)), printable(shellQuoted(to)));
    if (options_.dryRun)
      return ExitSuccess;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    return error ? fault(to, "cannot be written: " + error.message(), "") : int(ExitSuccess);
  }

  const FlashOptions &options_;
  const Board &board_;
  Diagnostics &out_;
  const std::string elf_;
};

int flashNode(const FlashOptions &options, const Manifest &manifest, Diagnostics &out) {
  const auto count = static_cast<int64_t>(manifest.nodes.size());
  if (options.node < 0 || options.node >= count) {
    out.push_back({options.out, "", fmt::format("has no node {}", options.node),
                   fmt::format("it has the nodes 0 to {}", count - 1)});
    return ExitFault;
  }
  const ManifestNode &node = manifest.nodes[static_cast<size_t>(options.node)];
  if (!node.isBare()) {
    out.push_back({options.out, "",
                   fmt::format("node {} is a Linux host: nothing is flashed", options.node),
                   "start its program there"});
    return ExitFault;
  }
  const auto board = readNodeBoard(nodePath(options.out, node), node.board, out);
  return board ? Flasher(options, node, *board, out).run() : int(ExitFault);
}

int flash(const FlashOptions &options) {
  Diagnostics faults;
  const auto manifest = readManifest(options.out + "/manifest.json", faults);
  const int code = manifest ? flashNode(options, *manifest, faults) : int(ExitFault);
  fmt::print(stderr, "{}", toString(faults));
  return code;
}
} // namespace

void addFlashCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<FlashOptions>();
  CLI::App *command = app.add_subcommand("flash", description);
  command->footer(footer);
  command->add_option("OUT", options->out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command->add_option("--node", options->node, "rank of the node whose board is plugged in")
      ->required()
      ->type_name("K");
  auto *tool = command->add_option("--tool", options->tool, "one of the tools that the board names")
                   ->type_name("PROGRAM");
  command->add_option("--drive", options->drive, "copy the .uf2 to this drive of the boot loader")
      ->type_name("DIR")
      ->excludes(tool);
  command->add_flag("--dry-run", options->dryRun, "show the command and run nothing");
  command->callback([options, &exitCode] { exitCode = flash(*options); });
}

} // namespace discoc
