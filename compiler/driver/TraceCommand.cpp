//===- TraceCommand.cpp - discoc trace: what a trace says -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Printable.h"
#include "compiler/trace/TraceFile.h"
#include "compiler/trace/TraceText.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdint>
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
    "Exit codes: 0 shown, 1 the file is no trace, 2 usage.";

namespace {
struct TraceOptions {
  std::string file;
  bool all = false, json = false;
};

int show(const TraceOptions &options) {
  constexpr size_t rows = 16;
  Diagnostics faults;
  const std::optional<Trace> trace = readTrace(options.file, faults);
  if (!trace) {
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  fmt::print("{}", options.json ? traceJson(*trace)
                                : printableLines(traceText(*trace, options.all ? SIZE_MAX : rows)));
  return ExitSuccess;
}
} // namespace

void addTraceCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App *command = app.add_subcommand("trace", description);
  command->footer(footer);
  command->add_option("FILE", options->file, "that `discoc run OUT --trace FILE` wrote")
      ->required();
  command->add_flag("--all", options->all, "every row of every table");
  command->add_flag("--json", options->json, "one line of JSON, as docs/formats/trace.md says");
  command->callback([options, &exitCode] { exitCode = show(*options); });
}

} // namespace discoc
