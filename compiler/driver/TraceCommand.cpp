//===- TraceCommand.cpp - discoc trace: what a trace says -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/RunTrace.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/trace/TraceFile.h"
#include "compiler/trace/TraceText.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdint>
#include <filesystem>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Shows what `discoc run OUT --trace FILE` measured: of every layer on every node how long it\n"
    "took and which part of that was waiting, and which messages were waited for. The file itself\n"
    "can be looked at with Perfetto (ui.perfetto.dev).";

static constexpr const char *footer =
    "Example:\n"
    "  discoc compile model.onnx -n 2 --trace -o out\n"
    "  discoc run out --input x=x.npy --repeat 100 --trace run.trace\n"
    "  discoc trace run.trace\n"
    "  discoc trace run.trace --notes FOLDER --of out      of programs that were started by hand\n"
    "Exit codes: 0 shown, 1 the file is no trace, 2 usage.";

namespace {
struct TraceOptions {
  std::string file;
  std::string notes, of; ///< a folder, and the OUT that its notes are of; both or none
  bool all = false, json = false;
};

/// Of programs that were started by hand, on whatever hosts.
bool putTogether(const TraceOptions &options, Diagnostics &faults) {
  const std::optional<Manifest> manifest = readManifest(options.of + "/manifest.json", faults);
  if (!manifest)
    return false;
  if (!RunTrace::isTraced(*manifest)) {
    faults.push_back({options.of, "", "was compiled without --trace: its programs note nothing",
                      "compile the model again with --trace"});
    return false;
  }
  for (const ManifestNode &node : manifest->nodes) {
    const std::string path = options.notes + "/node" + std::to_string(node.rank) + ".notes";
    std::error_code error;
    if (!std::filesystem::exists(path, error))
      faults.push_back({path, "", "is not there",
                        "start every node's program with DISCO_TRACE=FOLDER, and copy here what it "
                        "leaves there"});
  }
  return faults.empty() && writeTrace(options.of, *manifest, options.notes, options.file, faults);
}

int show(const TraceOptions &options) {
  constexpr size_t rows = 16;
  Diagnostics faults;
  std::optional<Activity> activity(std::in_place, "reading the trace");
  const bool isThere = options.notes.empty() || putTogether(options, faults);
  const std::optional<Trace> trace =
      isThere ? readTrace(options.file, faults) : std::optional<Trace>();
  if (!trace) {
    activity.reset();
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  const std::string text = options.json
                               ? traceJson(*trace)
                               : printableLines(traceText(*trace, options.all ? SIZE_MAX : rows));
  activity.reset();
  fmt::print("{}", text);
  return ExitSuccess;
}
} // namespace

void addTraceCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App *command = app.add_subcommand("trace", description);
  command->footer(footer);
  command->add_option("FILE", options->file, "that `discoc run OUT --trace FILE` wrote")
      ->required();
  auto *notes = command
                    ->add_option("--notes", options->notes,
                                 "write FILE first: of the notes in this folder, which programs "
                                 "left that were started by hand with DISCO_TRACE")
                    ->type_name("FOLDER");
  auto *of = command->add_option("--of", options->of, "the OUT that these programs are of")
                 ->type_name("OUT")
                 ->needs(notes);
  notes->needs(of);
  command->add_flag("--all", options->all, "every row of every table");
  command->add_flag("--json", options->json, "one line of JSON, as docs/formats/trace.md says");
  command->callback([options, &exitCode] { exitCode = show(*options); });
}

} // namespace discoc
