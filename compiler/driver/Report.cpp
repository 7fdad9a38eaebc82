//===- Report.cpp - discoc report: a partition in tables ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Report.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/ReportText.h"
#include "compiler/formats/Printable.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Shows how a compiled model is divided: what each node computes, stores, sends and receives,\n"
    "layer by layer and link by link, against one node and against dense gather (N nodes, no\n"
    "masks). Layers stand in the order of what they cost. All numbers are for one inference. Bytes "
    "on links are payload; every message has\n"
    "a header beside it, whose size is stated. Nothing is built or run.";

static constexpr const char *footer = "Example:\n"
                                      "  discoc report out\n"
                                      "  discoc report out --json | jq .cluster.exchanged.bytes\n"
                                      "Exit codes: 0 shown, 1 no compiled model in OUT, 2 usage.";

namespace {
struct ReportOptions {
  std::string out;
  bool all = false, json = false;
};

int report(const ReportOptions &options) {
  Diagnostics faults;
  const std::optional<Report> report = readReport(options.out + "/report.json", faults);
  if (!report) {
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  fmt::print("{}",
             options.json ? toJson(*report) : printableLines(reportText(*report, options.all)));
  return ExitSuccess;
}
} // namespace

void addReportCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App *command = app.add_subcommand("report", description);
  command->footer(footer);
  command->add_option("OUT", options->out, "directory that `discoc compile -o OUT` wrote")
      ->required();
  command->add_flag("--all", options->all, "every row of every table; else fewer than 60 lines");
  command->add_flag("--json", options->json, "the exact numbers, as docs/formats/report.md says");
  command->callback([options, &exitCode] { exitCode = report(*options); });
}

} // namespace discoc
