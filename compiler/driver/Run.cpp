//===- Run.cpp - discoc run: builds, starts and feeds all shards here ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Printable.h"
#include "compiler/run/BoardRun.h"
#include "compiler/run/Process.h"
#include "compiler/run/RunInputs.h"
#include "compiler/run/RunText.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShardRun.h"
#include "compiler/run/ShowOutputs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Runs a compiled model on this machine: builds the node directories that are not built,\n"
    "starts every node's program as a process of its own, connected over TCP on free loopback\n"
    "ports, feeds the inputs, and shows the outputs, the bytes exchanged, and the time.";

static constexpr const char *footer =
    "An input is an .npy file of the input's type and shape; a multiple of the shape's first\n"
    "dimension is as many inferences. It can also be a picture, if a preprocessing is stated, by\n"
    "--preprocess or in the model's metadata: docs/formats/preprocess.md. PNG, JPEG, BMP, PPM, "
    "PGM,\n"
    "GIF and TGA are read, of 64 MiB and 24 Mi pixels at most. Several --input for one NAME are\n"
    "inferences in turn; a folder stands for all arrays and pictures in it, - for standard input.\n"
    "\n"
    "Examples:\n"
    "  discoc run out --input image=cat.png\n"
    "  discoc run out --input x=x.npy --output-dir results --repeat 100 --json\n"
    "\n"
    "Exit codes: 0 done; 1 a file is wrong or does not fit; 2 usage; 3 a node does not build; 4 a\n"
    "node failed while running (the message names the rank that failed first); 6 interrupted.\n"
    "Whatever happens, no program stays behind.";

namespace {
struct RunOptions {
  std::string out;
  std::vector<std::string> inputs, show;
  std::string preprocess;
  std::string outputDirectory;
  int64_t repeat = 1;
  int64_t deadlineMs = 30000;
  bool json = false;
  bool boardLog = false;
  std::string wireErrors; ///< RATE[,SEED]
  std::string transport = "local";
  bool exact = false;
};

/// RATE[,SEED].
std::optional<WireErrors> parseWireErrors(const std::string &text) {
  WireErrors errors;
  char *end = nullptr;
  errors.rate = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !(errors.rate >= 0 && errors.rate <= 1))
    return std::nullopt;
  if (*end == ',') {
    const char *seed = end + 1;
    if (*seed < '0' || *seed > '9')
      return std::nullopt;
    errors.seed = std::strtoull(seed, &end, 10);
  }
  return *end ? std::nullopt : std::optional(errors);
}

class RunCommand {
public:
  explicit RunCommand(const RunOptions &options) : options_(options) {}

  int run() {
    const int code = steps();
    fmt::print(stderr, "{}", toString(faults_));
    if (options_.json && manifest_)
      fmt::print("{}", runJson(result_, *manifest_, outputs_, titles_, code));
    return code;
  }

private:
  int steps() {
    manifest_ = readManifest(options_.out + "/manifest.json", faults_);
    if (!manifest_)
      return ExitFault;
    std::optional<Preprocess> preprocess = manifest_->preprocess;
    if (!options_.preprocess.empty()) {
      preprocess = readPreprocess(options_.preprocess, faults_);
      if (!preprocess)
        return ExitFault;
    }
    if (scratch_.path().empty())
      return fault("the temporary directory", "cannot be made", "set TMPDIR");
    std::optional<RunInputs> inputs =
        collectInputs(options_.inputs, *manifest_, preprocess, scratch_.path(), faults_);
    if (!inputs)
      return ExitFault;
    titles_ = inputs->titles;
    shown_ = parseShown(options_.show, *manifest_, faults_);
    if (!shown_)
      return ExitFault;
    if (!makeOutputDirectory())
      return ExitFault;
    // Before anything is built, which takes long.
    if (options_.transport != "inproc" &&
        !BoardRun::findEmulators(options_.out, *manifest_, faults_))
      return ExitRun;
    InterruptGuard guard;
    const bool inproc = options_.transport == "inproc";
    if (inproc ? !buildCluster(options_.out, *manifest_, faults_)
               : !buildNodes(options_.out, *manifest_, faults_))
      return InterruptGuard::interrupted() ? ExitInterrupted : ExitBuild;
    const int code = runAll(*inputs);
    return code == ExitSuccess && !options_.json ? print(*inputs, preprocess) : code;
  }

  int fault(const std::string &file, const std::string &what, const std::string &hint) {
    faults_.push_back({file, "", what, hint});
    return ExitFault;
  }

  bool makeOutputDirectory() {
    std::error_code error;
    if (!options_.outputDirectory.empty())
      std::filesystem::create_directories(options_.outputDirectory, error);
    if (error)
      fault(options_.outputDirectory, "cannot be made: " + error.message(), "");
    return !error;
  }

  int runAll(const RunInputs &inputs) {
    RunRequest request;
    request.out = options_.out;
    request.transport = options_.exact                   ? RunRequest::Transport::Exact
                        : options_.transport == "inproc" ? RunRequest::Transport::Inproc
                        : options_.transport == "tcp"    ? RunRequest::Transport::Tcp
                                                         : RunRequest::Transport::Local;
    request.inputs = inputs.files;
    request.count = inputs.count;
    request.repeat = options_.repeat;
    request.deadlineMs = options_.deadlineMs;
    request.boardLog = options_.boardLog;
    request.wireErrors = parseWireErrors(options_.wireErrors).value_or(WireErrors());
    const bool keep = !options_.outputDirectory.empty();
    request.outputDirectory = keep ? options_.outputDirectory : scratch_.path() + "/outputs";
    result_ = runShards(request, *manifest_, faults_);
    if (result_.interrupted) {
      faults_.push_back({"", "", "interrupted; all programs were ended", ""});
      return ExitInterrupted;
    }
    if (!result_.ok) {
      explainFailure(inputs.count);
      return ExitRun;
    }
    for (size_t i = 0; i < manifest_->outputs.size(); ++i) {
      const std::string path = request.outputDirectory + "/" + outputFile(*manifest_, i);
      std::optional<Array> values = readNpy(path, faults_);
      if (!values)
        return ExitRun;
      outputs_.push_back({manifest_->outputs[i], keep ? path : "", std::move(*values)});
    }
    return ExitSuccess;
  }

  int print(const RunInputs &inputs, const std::optional<Preprocess> &preprocess) {
    std::map<std::string, std::string> lines;
    for (const RunOutput &output : outputs_)
      if (auto as = shown_->find(output.tensor.name); as != shown_->end()) {
        std::optional<std::string> text =
            showOutput(output, as->second, outputs_, *manifest_, inputs, preprocess,
                       options_.outputDirectory, faults_);
        if (!text)
          return ExitFault;
        lines[output.tensor.name] = std::move(*text);
      }
    fmt::print("{}", printableLines(runText(result_, *manifest_, outputs_, titles_, lines)));
    return ExitSuccess;
  }

  void explainFailure(int64_t count) {
    std::string text = result_.failedRank ? fmt::format("rank {} failed first: {}",
                                                        *result_.failedRank, result_.failure)
                                          : "the programs could not be started";
    std::string said;
    for (const std::string &line : result_.details)
      said += (said.empty() ? "  " : "\n  ") + line;
    if (result_.written > 0 && !options_.outputDirectory.empty())
      said += fmt::format("{}outputs of the first {} of {} inferences are in {}",
                          said.empty() ? "  " : "\n  ", result_.written, count,
                          options_.outputDirectory);
    faults_.push_back({"", "", text, "", said});
  }

  const RunOptions &options_;
  Diagnostics faults_;
  std::optional<Manifest> manifest_;
  Scratch scratch_;
  RunResult result_;
  std::vector<RunOutput> outputs_;
  std::vector<std::string> titles_;
  std::optional<ShownOutputs> shown_;
};
} // namespace

void addRunCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<RunOptions>();
  CLI::App *command = app.add_subcommand("run", description);
  command->footer(footer);
  command->add_option("OUT", options->out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command->add_option("--input", options->inputs, "NAME=FILE.npy, NAME=FILE.png, ...; repeatable")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
  command
      ->add_option("--show", options->show,
                   "what an output is: scores, boxes, mask or picture (docs/formats/show.md); with "
                   "--output-dir pictures of it are written there; repeatable")
      ->allow_extra_args(false)
      ->type_name("OUTPUT=KIND");
  command
      ->add_option("--preprocess", options->preprocess,
                   "how pictures become tensors; wins over the model's metadata")
      ->type_name("FILE");
  command
      ->add_option("--output-dir", options->outputDirectory,
                   "write every output there, as NAME.npy")
      ->type_name("DIR");
  command->add_option("--repeat", options->repeat, "run everything so many times")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 32))
      ->type_name("R");
  command
      ->add_option("--deadline-ms", options->deadlineMs,
                   "longest silence of an awaited node before it counts as failed (default "
                   "30000)")
      ->check(CLI::Range(int64_t(1), int64_t(1000000000)))
      ->type_name("MS");
  auto *transport =
      command
          ->add_option("--transport", options->transport,
                       "local: a process for each node, data by shared memory (the default); tcp: "
                       "likewise, over loopback TCP; inproc: one process, a thread for each node")
          ->check(CLI::IsMember({"local", "tcp", "inproc"}))
          ->type_name("local|tcp|inproc");
  command
      ->add_flag("--exact", options->exact,
                 "inproc: links buffer nothing, as the proof of the schedule assumes")
      ->needs(transport);
  command->add_flag("--json", options->json, "one line of JSON instead of text");
  command->add_flag("--board-log", options->boardLog,
                    "show every line that the boards' consoles print, on stderr");
  command
      ->add_option("--wire-errors", options->wireErrors,
                   "a trial: damage or drop a share RATE of the bytes between boards, chosen by "
                   "SEED")
      ->check([](const std::string &text) {
        return parseWireErrors(text) ? std::string() : "is not RATE[,SEED] with a rate from 0 to 1";
      })
      ->type_name("RATE[,SEED]");
  command->callback([options, &exitCode] {
    if (options->exact && options->transport != "inproc")
      throw CLI::ValidationError("--exact", "needs --transport inproc");
    exitCode = RunCommand(*options).run();
  });
}

} // namespace discoc
