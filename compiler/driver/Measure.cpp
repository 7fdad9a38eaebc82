//===- Measure.cpp - what the steps of a model take on this host ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Measure.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/Options.h"
#include "compiler/driver/ScheduleFile.h"
#include "compiler/formats/Interrupt.h"
#include "compiler/formats/Npy.h"
#include "compiler/import/OnnxWriter.h"
#include "compiler/trace/Notes.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <sched.h>

namespace discoc {

double medianOf(std::vector<double> values) {
  if (values.empty())
    return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Numbers from -1 to 1.
static Array inputOf(const importer::ValueInfo &info) {
  Array array;
  for (const importer::Dim &dim : info.dims)
    array.shape.push_back(dim.size);
  std::vector<float> values(static_cast<size_t>(array.count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 37 % 1024) / 512 - 1;
  array.data.resize(values.size() * sizeof(float));
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

bool MeasuredModel::writeInputs(const importer::Model &model, Diagnostics &out) {
  for (const importer::ValueInfo &info : model.graph.inputs) {
    inputs_.emplace_back(info.name, folder_ + "/" + info.name + ".npy");
    if (!writeNpy(inputs_.back().second, inputOf(info), out))
      return false;
  }
  return true;
}

int MeasuredModel::make(const importer::Model &model, Diagnostics &out) {
  CompileOptions compile;
  compile.model.model = folder_ + "/samples.onnx";
  compile.model.nodes = nodes_;
  compile.model.target = "native";
  compile.model.trace = true;
  compile.quiet = true;
  compile.out = program();
  std::vector<importer::Diagnostic> errors;
  if (!importer::writeOnnx(model, compile.model.model, errors)) {
    for (const importer::Diagnostic &error : errors)
      out.push_back({"", "", error.str(), ""});
    return ExitFault;
  }
  if (!writeInputs(model, out))
    return ExitFault;
  if (const int code = runCompile(compile))
    return code;
  std::error_code ignored;
  std::filesystem::remove(compile.model.model, ignored); // its weights are in the programs
  manifest_ = readManifest(program() + "/manifest.json", out);
  std::optional<std::vector<std::vector<StepWork>>> works = disco::readStepWorks(program());
  if (!manifest_ || !works)
    return ExitFault;
  works_ = std::move(*works);
  return buildNodes(program(), *manifest_, out) ? ExitSuccess
         : InterruptGuard::interrupted()        ? ExitInterrupted
                                                : ExitBuild;
}

std::string MeasuredModel::target() const { return manifest_->nodes.front().target; }

//===----------------------------------------------------------------------===//
// Notes
//===----------------------------------------------------------------------===//

namespace {

using Key = std::pair<int64_t, int64_t>; // message, inference

/// The first inferences read everything from memory, and find sleeping processors.
constexpr int64_t notCounted = 2;

/// What is sent so long before it is waited for is there.
constexpr int64_t longBefore = 300'000;

MessageTime timeOf(int64_t bytes, const Note &send, const Note &wait) {
  MessageTime time;
  time.bytes = bytes;
  time.sendNs = static_cast<double>(send.end - send.start);
  if (wait.start < send.start)
    time.wayNs = static_cast<double>(std::max<int64_t>(wait.end - send.end, 1));
  else if (wait.start > send.end + longBefore)
    time.readNs = static_cast<double>(wait.end - wait.start);
  return time;
}

/// The notes of all nodes, put together.
class NotesOf {
public:
  NotesOf(const std::vector<std::vector<StepWork>> &works, int64_t cacheBytes) : works_(works) {
    int64_t weights = 0; // of all nodes: here they share the last cache
    for (const std::vector<StepWork> &own : works)
      for (const StepWork &work : own)
        weights += work.weightBytes;
    isCold_ = weights > cacheBytes;
  }

  void add(const NodeReport &node, const NodeNotes &notes) {
    std::map<int64_t, const StepReport *> steps;
    std::map<int64_t, std::vector<double>> times; // by step
    for (const StepReport &step : node.steps)
      steps[step.step] = &step;
    for (const Note &note : notes.notes) {
      const auto time = static_cast<double>(note.end - note.start);
      if (note.isOpen || note.inference < notCounted)
        continue;
      if (note.step == Note::inferenceStep)
        inferences_.push_back(time);
      const auto step = steps.find(note.step);
      if (step == steps.end())
        continue;
      if (step->second->kind == StepReport::Kind::Compute)
        times[note.step].push_back(time);
      else if (step->second->kind == StepReport::Kind::Send)
        sends_[{step->second->message, note.inference}] = note;
      else if (step->second->kind == StepReport::Kind::Wait)
        waits_[{step->second->message, note.inference}] = note;
    }
    addSteps(node, times);
  }

  Measured finish(const Manifest &manifest) {
    for (const ManifestMessage &message : manifest.messages)
      addMessages(message);
    const size_t third = inferences_.size() / 3;
    if (nodes_ == 1 && third > 0)
      measured_.drift =
          medianOf({inferences_.end() - static_cast<std::ptrdiff_t>(third), inferences_.end()}) /
          std::max(medianOf({inferences_.begin(),
                             inferences_.begin() + static_cast<std::ptrdiff_t>(third)}),
                   1.0);
    return std::move(measured_);
  }

private:
  /// The steps that compute stand in one order in the report and in the schedule.
  void addSteps(const NodeReport &node, std::map<int64_t, std::vector<double>> &times) {
    const std::vector<StepWork> &works = works_[static_cast<size_t>(node.rank)];
    auto work = works.begin();
    for (const StepReport &step : node.steps) {
      if (step.kind != StepReport::Kind::Compute || work == works.end())
        continue;
      const std::vector<double> &all = times[step.step];
      if (!all.empty())
        measured_.steps.push_back(
            {*work, medianOf(all), *std::min_element(all.begin(), all.end()), isCold_});
      ++work;
    }
    ++nodes_;
  }

  void addMessages(const ManifestMessage &message) {
    for (auto send = sends_.lower_bound({message.id, 0});
         send != sends_.end() && send->first.first == message.id; ++send) {
      const auto wait = waits_.find(send->first);
      if (wait == waits_.end())
        continue;
      measured_.messages.push_back(timeOf(message.bytes, send->second, wait->second));
    }
  }

  const std::vector<std::vector<StepWork>> &works_;
  bool isCold_ = false;
  size_t nodes_ = 0;
  std::map<Key, Note> sends_, waits_;
  std::vector<double> inferences_;
  Measured measured_;
};

} // namespace

/// While one lives, what this process starts runs before everything else on the machine.
class FirstInLine {
public:
  explicit FirstInLine(bool wanted) {
    sched_param one{};
    one.sched_priority = 1;
    is_ = wanted && sched_setscheduler(0, SCHED_FIFO, &one) == 0;
  }
  ~FirstInLine() {
    const sched_param none{};
    if (is_)
      sched_setscheduler(0, SCHED_OTHER, &none);
  }
  FirstInLine(const FirstInLine &) = delete;
  FirstInLine &operator=(const FirstInLine &) = delete;

private:
  bool is_ = false;
};

std::optional<Measured> MeasuredModel::run(const MeasureRun &how, Diagnostics &out) const {
  RunRequest request;
  request.out = program();
  request.transport = how.transport;
  request.inputs = inputs_;
  request.repeat = how.inferences + notCounted;
  request.outputDirectory = folder_ + "/outputs";
  request.notesDirectory = folder_ + "/notes";
  std::error_code error;
  std::filesystem::create_directories(request.notesDirectory, error);
  std::filesystem::create_directories(request.outputDirectory, error);
  const FirstInLine priority(how.isFirstInLine);
  const RunResult result = runShards(request, *manifest_, out);
  if (result.interrupted)
    return std::nullopt;
  if (!result.ok) {
    std::string said;
    for (const std::string &line : result.details)
      said += (said.empty() ? "  " : "\n  ") + line;
    out.push_back({"", "", "a program that is measured failed: " + result.failure, "", said});
    return std::nullopt;
  }
  const std::optional<Report> report = readReport(program() + "/report.json", out);
  const auto notes = report ? readNotes(request.notesDirectory, *report, out) : std::nullopt;
  if (!notes)
    return std::nullopt;
  NotesOf all(works_, how.cacheBytes);
  for (const NodeNotes &node : *notes)
    all.add(report->nodes[static_cast<size_t>(node.rank)], node);
  return all.finish(*manifest_);
}

} // namespace discoc
