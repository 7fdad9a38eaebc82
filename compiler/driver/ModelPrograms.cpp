//===- ModelPrograms.cpp - programs of parts of a model, one after another ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/ModelPrograms.h"
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/Options.h"
#include "compiler/formats/Interrupt.h"
#include "compiler/formats/Text.h"
#include "compiler/import/OnnxWriter.h"
#include "compiler/run/NodePaths.h"
#include "compiler/run/ShardRun.h"

#include <filesystem>

namespace fs = std::filesystem;

namespace discoc {

/// Most of a program is the runtime: files with the bytes of before get the time of before, and
/// what was built of them stays.
void ModelPrograms::keepBuild(const std::string &before) const {
  const fs::path node = nodePath(out(), manifest_->nodes[0]);
  const fs::path old = fs::path(before) / fs::relative(node, out());
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(node, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path twin = old / fs::relative(it->path(), node, error);
    Diagnostics ignored;
    if (!it->is_regular_file() || !fs::is_regular_file(twin))
      continue;
    const auto now = readText(it->path().string(), ignored),
               then = readText(twin.string(), ignored);
    if (now && then && *now == *then)
      fs::last_write_time(it->path(), fs::last_write_time(twin), error);
  }
  fs::rename(old / "build", node / "build", error);
}

int ModelPrograms::compile(const importer::Model &model, Diagnostics &faults) {
  const std::string file = scratch_ + "/program.onnx", before = scratch_ + "/before";
  std::vector<importer::Diagnostic> errors;
  std::error_code error;
  if (!importer::writeOnnx(model, file, errors)) {
    for (const importer::Diagnostic &one : errors)
      faults.push_back({"", "", one.str(), ""});
    return ExitFault;
  }
  fs::remove_all(before, error);
  const bool again = manifest_.has_value();
  if (again)
    fs::rename(out(), before, error);
  CompileOptions compile;
  compile.model.model = file;
  compile.model.nodes = 1;
  compile.model.name = "program";
  compile.model.target = "native";
  compile.quiet = true;
  compile.out = out();
  if (const int code = runCompile(compile))
    return code;
  manifest_ = readManifest(out() + "/manifest.json", faults);
  if (!manifest_)
    return ExitFault;
  if (again)
    keepBuild(before);
  return ExitSuccess;
}

int ModelPrograms::build(Diagnostics &faults) {
  InterruptGuard guard;
  if (buildNodes(out(), *manifest_, faults))
    return ExitSuccess;
  return InterruptGuard::interrupted() ? ExitInterrupted : ExitBuild;
}

std::string ModelPrograms::outputFileOf(const std::string &folder, size_t output) const {
  return folder + "/" + outputFile(*manifest_, output);
}

int ModelPrograms::run(const Files &inputs, int64_t count, const std::string &folder,
                       Diagnostics &faults) {
  InterruptGuard guard;
  RunRequest request;
  request.out = out();
  request.transport = RunRequest::Transport::Tcp;
  request.inputs = inputs;
  request.count = count;
  request.outputDirectory = folder;
  const RunResult result = runShards(request, *manifest_, faults);
  if (result.interrupted)
    return ExitInterrupted;
  if (result.ok)
    return ExitSuccess;
  std::string text = "the program of a part of the model failed: " + result.failure;
  for (const std::string &line : result.details)
    text += "\n  " + line;
  faults.push_back({"", "", text, ""});
  return ExitRun;
}

} // namespace discoc
