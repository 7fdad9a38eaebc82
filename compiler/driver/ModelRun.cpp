//===- ModelRun.cpp - what run and launch have in common ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/ModelRun.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/RunTrace.h"
#include "compiler/formats/Printable.h"
#include "compiler/run/Process.h"
#include "compiler/run/RunInputs.h"
#include "compiler/run/RunText.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShowOutputs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <filesystem>

namespace discoc {

const char *const inputsHelp =
    "An input is an .npy file of the input's type and shape; a multiple of the shape's first\n"
    "dimension is as many inferences. It can also be a picture, if a preprocessing is stated, by\n"
    "--preprocess or in the model's metadata: docs/formats/preprocess.md. PNG, JPEG, BMP, PPM, "
    "PGM,\n"
    "GIF and TGA are read, of 64 MiB and 24 Mi pixels at most. Several --input for one NAME are\n"
    "inferences in turn; a folder stands for all arrays and pictures in it, - for standard "
    "input.\n";

namespace {
class ModelRun {
public:
  ModelRun(const ModelRunOptions &options, const ModelRunSteps &steps)
      : options_(options), steps_(steps) {}

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
    if (!options_.trace.empty() && !RunTrace::isTraced(*manifest_))
      return fault(options_.out, "was compiled without --trace: its programs note nothing",
                   "compile the model again with --trace");
    std::optional<Preprocess> preprocess = manifest_->preprocess;
    if (!options_.preprocess.empty()) {
      for (const ManifestTensor &input : manifest_->inputs)
        if (!input.modelType.empty())
          return fault(options_.preprocess,
                       "says how pictures become input \"" + input.name +
                           "\", and the programs apply what they were compiled with",
                       "leave --preprocess out, or compile the model without --picture-bytes");
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
    if (const int code = steps_.check(*manifest_, faults_))
      return code;
    InterruptGuard guard;
    if (!steps_.build(*manifest_, faults_))
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
    request.inputs = inputs.files;
    request.count = inputs.count;
    request.repeat = options_.repeat;
    request.deadlineMs = options_.deadlineMs;
    const bool keep = !options_.outputDirectory.empty();
    request.outputDirectory = keep ? options_.outputDirectory : scratch_.path() + "/outputs";
    const RunTrace trace(options_.out, *manifest_, scratch_.path() + "/notes");
    request.notesDirectory = trace.folder();
    result_ = steps_.start(request, *manifest_, faults_);
    const bool traced = options_.trace.empty() || trace.write(options_.trace, faults_);
    if (result_.interrupted) {
      faults_.push_back({"", "", "interrupted; all programs were ended", ""});
      return ExitInterrupted;
    }
    if (!result_.ok) {
      explainFailure(inputs.count, trace.standings());
      return ExitRun;
    }
    if (!traced)
      return ExitRun;
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

  void explainFailure(int64_t count, const std::vector<std::string> &standings) {
    std::string text = result_.failedRank         ? fmt::format("rank {} failed first: {}",
                                                                *result_.failedRank, result_.failure)
                       : !result_.failure.empty() ? result_.failure
                                                  : "the programs could not be started";
    std::string said;
    std::vector<std::string> lines = result_.details;
    lines.insert(lines.end(), standings.begin(), standings.end());
    for (const std::string &line : lines)
      said += (said.empty() ? "  " : "\n  ") + line;
    if (result_.written > 0 && !options_.outputDirectory.empty())
      said += fmt::format("{}outputs of the first {} of {} inferences are in {}",
                          said.empty() ? "  " : "\n  ", result_.written, count,
                          options_.outputDirectory);
    faults_.push_back({"", "", text, "", said});
  }

  const ModelRunOptions &options_;
  const ModelRunSteps &steps_;
  Diagnostics faults_;
  std::optional<Manifest> manifest_;
  Scratch scratch_;
  RunResult result_;
  std::vector<RunOutput> outputs_;
  std::vector<std::string> titles_;
  std::optional<ShownOutputs> shown_;
};
} // namespace

int runModel(const ModelRunOptions &options, const ModelRunSteps &steps) {
  return ModelRun(options, steps).run();
}

void addModelRunOptions(CLI::App &command, ModelRunOptions &options) {
  command.add_option("OUT", options.out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command.add_option("--input", options.inputs, "NAME=FILE.npy, NAME=FILE.png, ...; repeatable")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
  command
      .add_option("--show", options.show,
                  "what an output is: scores, boxes, mask or picture (docs/formats/show.md); with "
                  "--output-dir pictures of it are written there; repeatable")
      ->allow_extra_args(false)
      ->type_name("OUTPUT=KIND");
  command
      .add_option("--preprocess", options.preprocess,
                  "how pictures become tensors; wins over the model's metadata")
      ->type_name("FILE");
  command
      .add_option("--output-dir", options.outputDirectory, "write every output there, as NAME.npy")
      ->type_name("DIR");
  command.add_option("--repeat", options.repeat, "run everything so many times")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 32))
      ->type_name("R");
  command
      .add_option("--deadline-ms", options.deadlineMs,
                  "longest silence of an awaited node before it counts as failed (default "
                  "30000)")
      ->check(CLI::Range(int64_t(1), int64_t(1000000000)))
      ->type_name("MS");
  command
      .add_option("--trace", options.trace,
                  "write what every node did when, for `discoc trace`, `discoc report --html` and "
                  "Perfetto, also when the run fails; OUT has to be compiled with --trace")
      ->type_name("FILE");
  command.add_flag("--json", options.json, "one line of JSON instead of text");
}

} // namespace discoc
