//===- Verify.cpp - discoc verify: do the nodes compute what the model says? ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/RunTrace.h"
#include "compiler/driver/VerifyDirectory.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/run/Process.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShardRun.h"
#include "compiler/verify/VerifyInputs.h"
#include "compiler/verify/VerifyModel.h"
#include "compiler/verify/VerifyOrt.h"
#include "compiler/verify/VerifyText.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Checks a compiled model: runs its programs on random inputs, and compares the results with\n"
    "those of the whole model, without the weights that the masks forbid.";

static constexpr const char *footer =
    "The model's file is needed: where the manifest says that it was, or one of that name in the\n"
    "current directory, in OUT or in the folders around it, or --model. Its sha256 has to be the\n"
    "manifest's.\n"
    "\n"
    "Prints for each output, and for each node that computed a part of it, the largest error. "
    "Where\n"
    "results differ and files of OUT are not as compile writes them, these are named.\n"
    "\n"
    "Examples:\n"
    "  discoc verify out\n"
    "  discoc verify out --against onnxruntime=libonnxruntime.so.1 --seed 7 --samples 10\n"
    "\n"
    "Exit codes: 0 equal; 1 a file is wrong or missing; 2 usage; 3 a node does not build; 4 a "
    "node\n"
    "failed while running; 5 the results differ; 6 interrupted.";

namespace {
struct VerifyOptions {
  std::string out, model;
  std::string against = "single-node";
  std::string transport = "local";
  std::string on; ///< a desk file
  uint64_t seed = 0;
  int64_t samples = 2;
  std::optional<double> tolerance; // else what the wire allows
  int64_t deadlineMs = 30000;
  bool followLinks = false;
  bool json = false;
};

constexpr const char *ortPrefix = "onnxruntime=";

/// What features may lose on links: nothing as f32; f16 rounds to 11 bits, i8 to a 127th of a
/// message's largest value.
double wireTolerance(const Manifest &manifest) {
  auto wire = manifest.settings.find("wire"), packed = manifest.settings.find("wire-compress");
  if (packed != manifest.settings.end() && packed->second.find(':') != std::string::npos)
    return 1e-1;
  if (wire == manifest.settings.end())
    return 1e-4;
  return wire->second == "f16" ? 1e-2 : 1e-1;
}

bool keepsStates(const Manifest &manifest) {
  const auto next = manifest.settings.lower_bound("state.");
  return next != manifest.settings.end() && next->first.rfind("state.", 0) == 0;
}

class VerifyCommand {
public:
  explicit VerifyCommand(const VerifyOptions &options) : options_(options) {
    result_.against = ortPath().empty() ? "single-node" : "onnxruntime";
    result_.seed = options.seed;
    result_.samples = options.samples;
  }

  int run() {
    const int code = steps();
    activity_.reset();
    const std::string faults = toString(faults_);
    fmt::print(stderr, "{}", faults);
    if (options_.json && manifest_)
      fmt::print("{}", verifyJson(result_, *manifest_, faults, code));
    return code;
  }

private:
  std::string ortPath() const {
    return options_.against.rfind(ortPrefix, 0) == 0
               ? options_.against.substr(std::string(ortPrefix).size())
               : "";
  }

  int fault(const std::string &file, const std::string &what, const std::string &hint) {
    faults_.push_back({file, "", what, hint});
    return ExitFault;
  }

  int steps() {
    manifest_ = readManifest(options_.out + "/manifest.json", faults_);
    if (!manifest_)
      return ExitFault;
    if (!ortPath().empty() && keepsStates(*manifest_))
      return fault(
          options_.out,
          "keeps states from one inference to the next, which ONNX Runtime would have to be given",
          "leave --against out: the same model on one node keeps them, too");
    result_.tolerance = options_.tolerance.value_or(wireTolerance(*manifest_));
    if (scratch_.path().empty())
      return fault("the temporary directory", "cannot be made", "set TMPDIR");
    activity_.emplace("verify");
    activity_->at("reading the model");
    model_ = findModel(options_.out, *manifest_, options_.model, options_.followLinks, faults_);
    if (!model_ || !useSettings(*model_, *manifest_, faults_))
      return ExitFault;
    masked_ = writeMasked(*model_, options_.out, *manifest_, scratch_.path() + "/masked", faults_);
    if (masked_.empty())
      return ExitFault;
    // Before anything is built: a path that is wrong is told at once.
    if (!ortPath().empty()) {
      ort_ = OrtSession::open(ortPath(), masked_, /*optimise=*/true, faults_);
      if (!ort_)
        return ExitFault;
    }
    inputs_ = randomInputs(*manifest_, options_.samples, options_.seed, /*forPrograms=*/false);
    const std::vector<Array> given =
        randomInputs(*manifest_, options_.samples, options_.seed, /*forPrograms=*/true);
    if (!writeInputs(given, "given", given_) || !writeInputs(inputs_, "input", files_))
      return ExitFault;
    activity_->at("the programs");
    int code = runCluster();
    activity_->at(ort_ ? "ONNX Runtime" : "the same on one node");
    if (code == ExitSuccess)
      code = !ort_ ? runSingleNode() : askOrt(*ort_, inputs_, wanted_) ? ExitSuccess : ExitFault;
    if (code == ExitSuccess) {
      activity_->at("comparing");
      code = compare();
    }
    return code;
  }

  using Files = std::vector<std::pair<std::string, std::string>>; // by input

  bool writeInputs(const std::vector<Array> &inputs, const char *name, Files &files) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      files.emplace_back(manifest_->inputs[i].name,
                         fmt::format("{}/{}{}.npy", scratch_.path(), name, i));
      if (!writeNpy(files.back().second, inputs[i], faults_))
        return false;
    }
    return true;
  }

  int runCluster() {
    using Transport = RunRequest::Transport;
    const std::string &name = options_.transport;
    on_ = options_.on;
    const int code = runPrograms(options_.out, *manifest_,
                                 name == "inproc" ? Transport::Exact
                                 : name == "tcp"  ? Transport::Tcp
                                 : name == "udp"  ? Transport::Udp
                                                  : Transport::Local,
                                 given_, got_);
    on_.clear(); // the reference is computed here
    return code;
  }

  /// Builds and runs what lies in `out`; the outputs, samples stacked, in the manifest's order.
  int runPrograms(const std::string &out, const Manifest &manifest, RunRequest::Transport transport,
                  const Files &inputs, std::vector<Array> &outputs) {
    InterruptGuard guard; // what is outside ends at once
    const bool built = transport != RunRequest::Transport::Exact
                           ? buildNodes(out, manifest, faults_)
                           : buildCluster(out, manifest, faults_);
    if (!built)
      return InterruptGuard::interrupted() ? ExitInterrupted : ExitBuild;
    RunRequest request;
    request.out = out;
    request.transport = transport;
    request.on = on_;
    request.inputs = inputs;
    request.count = options_.samples;
    request.deadlineMs = options_.deadlineMs;
    request.outputDirectory = fmt::format("{}/outputs{}", scratch_.path(), runs_++);
    const RunTrace trace(out, manifest, fmt::format("{}/notes{}", scratch_.path(), runs_));
    request.notesDirectory = trace.folder();
    const RunResult result = runShards(request, manifest, faults_);
    if (result.interrupted) {
      fault("", "interrupted; all programs were ended", "");
      return ExitInterrupted;
    }
    if (!result.ok) {
      std::string text = result.failedRank ? fmt::format("rank {} failed first: {}",
                                                         *result.failedRank, result.failure)
                                           : "the programs could not be started";
      for (const std::string &line : result.details)
        text += "\n  " + line;
      for (const std::string &line : trace.standings())
        text += "\n  " + line;
      fault(out, text, "");
      return ExitRun;
    }
    for (size_t i = 0; i < manifest.outputs.size(); ++i) {
      auto array = readNpy(request.outputDirectory + "/" + outputFile(manifest, i), faults_);
      if (!array)
        return ExitRun;
      outputs.push_back(std::move(*array));
    }
    return ExitSuccess;
  }

  int runSingleNode() {
    CompileOptions compile;
    compile.model = settingsOf(*manifest_, masked_);
    compile.model.sets.clear(); // they are constants of the masked copy
    compile.model.nodes = 1;
    compile.quiet = true;
    compile.out = scratch_.path() + "/single";
    if (runCompile(compile) != ExitSuccess)
      return fault(manifest_->model.file, "the masked model does not compile for one node", "");
    const auto single = readManifest(compile.out + "/manifest.json", faults_);
    if (!single)
      return ExitFault;
    return runPrograms(compile.out, *single, RunRequest::Transport::Tcp, files_, wanted_);
  }

  /// All samples, one after the other; stacked.
  bool askOrt(OrtSession &session, const std::vector<Array> &inputs, std::vector<Array> &answers) {
    std::vector<std::string> inputNames, outputNames;
    for (const ManifestTensor &input : manifest_->inputs)
      inputNames.push_back(input.name);
    for (const ManifestTensor &output : manifest_->outputs)
      outputNames.push_back(output.name);
    Activity activity("inferences");
    for (int64_t sample = 0; sample < options_.samples; ++sample) {
      activity.count("inference", sample + 1, options_.samples);
      std::vector<Array> one = inputs;
      for (size_t i = 0; i < one.size(); ++i) {
        const size_t size = inputs[i].data.size() / static_cast<size_t>(options_.samples);
        const auto from = inputs[i].data.begin() + static_cast<ptrdiff_t>(size) * sample;
        one[i].shape = manifest_->inputs[i].shape;
        one[i].data.assign(from, from + static_cast<ptrdiff_t>(size));
      }
      auto outputs = session.run(inputNames, one, outputNames, faults_);
      if (!outputs)
        return false;
      answers.resize(outputs->size());
      for (size_t i = 0; i < outputs->size(); ++i) {
        Array &all = answers[i], &next = (*outputs)[i];
        all.type = next.type;
        all.shape = next.shape;
        all.data.insert(all.data.end(), next.data.begin(), next.data.end());
      }
    }
    return true;
  }

  /// What ONNX Runtime answers with inputs moved by a unit in the last place, and when it takes the
  /// model op by op, for each output.
  bool askOrtAgain(std::vector<ReferenceError> &allowed) {
    std::vector<Array> moved, apart;
    if (!askOrt(*ort_, movedByUlp(inputs_), moved))
      return false;
    ort_.reset(); // two sessions may need more memory than there is
    auto plain = OrtSession::open(ortPath(), masked_, /*optimise=*/false, faults_);
    if (!plain || !askOrt(*plain, inputs_, apart))
      return false;
    for (size_t i = 0; i < allowed.size(); ++i)
      for (std::vector<Array> *answers : {&moved, &apart})
        if ((*answers)[i].data.size() == wanted_[i].data.size())
          allowed[i].others.push_back(std::move((*answers)[i]));
    return true;
  }

  bool sameTypes() {
    for (size_t i = 0; i < manifest_->outputs.size(); ++i) {
      const ManifestTensor &tensor = manifest_->outputs[i];
      if (i < wanted_.size() && got_[i].type == wanted_[i].type &&
          got_[i].data.size() == wanted_[i].data.size())
        continue;
      fault("output \"" + tensor.name + "\"",
            "is " + tensor.type + " " + shapeText(tensor.shape) +
                ", the reference has another type or size",
            "");
      return false;
    }
    return true;
  }

  void compareOutputs(const std::vector<ReferenceError> &allowed) {
    const int64_t root = std::max<int64_t>(0, manifest_->root.outputAt);
    result_.outputs.clear();
    for (size_t i = 0; i < manifest_->outputs.size(); ++i)
      result_.outputs.push_back(compareOutput(manifest_->outputs[i], root, got_[i], wanted_[i],
                                              result_.tolerance, allowed[i]));
  }

  int compare() {
    if (!sameTypes())
      return ExitFault;
    std::vector<ReferenceError> allowed(manifest_->outputs.size());
    for (ReferenceError &error : allowed)
      error.floor = ort_ ? ortFloor : 0;
    compareOutputs(allowed);
    if (ort_ && !result_.good()) {
      if (!askOrtAgain(allowed))
        return ExitFault;
      compareOutputs(allowed);
    }
    return judge();
  }

  int judge() {
    activity_.reset();
    if (!options_.json)
      fmt::print("{}", printableLines(verifyText(result_, *manifest_)));
    if (result_.good())
      return ExitSuccess;
    for (const std::string &line : differences(result_))
      fault("", line, "");
    if (auto changed = changedFiles(options_.out, *manifest_, model_->path, options_.followLinks,
                                    scratch_.path()))
      result_.changed = std::move(*changed);
    for (const std::string &file : result_.changed)
      fault(options_.out + "/" + file, "is not as compile writes it", "compile the model again");
    return ExitMismatch;
  }

  const VerifyOptions &options_;
  Diagnostics faults_;
  std::optional<Manifest> manifest_;
  Scratch scratch_;
  std::optional<importer::Model> model_;
  std::string masked_; ///< the masked copy's file
  std::unique_ptr<OrtSession> ort_;
  std::vector<Array> inputs_, got_, wanted_;
  Files given_, files_; // what the programs are given, and the model as it is written
  int runs_ = 0;
  std::optional<Activity> activity_;
  std::string on_; ///< the desk file of what runs now
  VerifyResult result_;
};

std::string checkAgainst(const std::string &text) {
  const bool path = text.rfind(ortPrefix, 0) == 0 && text.size() > std::string(ortPrefix).size();
  return path || text == "single-node"
             ? ""
             : "'" + text + "' is neither single-node nor onnxruntime=PATH";
}
} // namespace

void addVerifyCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App *command = app.add_subcommand("verify", description);
  command->footer(footer);
  command->add_option("OUT", options->out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command->add_option("--model", options->model, "the model that OUT was compiled from")
      ->type_name("MODEL.onnx");
  command
      ->add_option("--against", options->against,
                   "what to compare with: single-node, the same model compiled for one node "
                   "(default), or onnxruntime=PATH, PATH being libonnxruntime.so.1")
      ->check(CLI::Validator(checkAgainst, ""))
      ->type_name("single-node|onnxruntime=PATH");
  command->add_option("--seed", options->seed, "of the random inputs (default 0)")->type_name("S");
  command->add_option("--samples", options->samples, "inferences, one after the other (default 2)")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->type_name("K");
  command
      ->add_option(
          "--tolerance", options->tolerance,
          "largest error of floating-point values, as a part of the output's range (default "
          "1e-4, float16 may also be off by 2 ulp; 1e-2 and 1e-1 for models compiled with --wire "
          "f16 and i8)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("T");
  auto *transport =
      command
          ->add_option(
              "--transport", options->transport,
              "local: a process for each node, data by shared memory (the default); tcp: likewise, "
              "over loopback TCP; udp: likewise, by datagrams; inproc: one process, over links "
              "that buffer nothing")
          ->check(CLI::IsMember({"local", "tcp", "udp", "inproc"}))
          ->type_name("local|tcp|udp|inproc");
  command
      ->add_option("--on", options->on,
                   "run OUT on real boards: which serial port leads to which "
                   "(docs/formats/desk.md)")
      ->excludes(transport)
      ->type_name("desk.toml");
  command
      ->add_option("--deadline-ms", options->deadlineMs,
                   "longest silence of an awaited node before it counts as failed (default "
                   "30000)")
      ->check(CLI::Range(int64_t(1), int64_t(1000000000)))
      ->type_name("MS");
  command->add_flag("--follow-links", options->followLinks, followLinksHelp);
  command->add_flag("--json", options->json, "one line of JSON instead of text");
  command->callback([options, &exitCode] { exitCode = VerifyCommand(*options).run(); });
}

} // namespace discoc
