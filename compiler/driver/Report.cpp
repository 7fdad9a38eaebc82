//===- Report.cpp - discoc report: a partition in tables, or as a page ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Report.h"
#include "compiler/driver/CompareText.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/ReportText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Text.h"
#include "compiler/trace/TraceFile.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdint>
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
                                      "  discoc report out --html report.html\n"
                                      "  discoc report out --json | jq .cluster.exchanged.bytes\n"
                                      "Exit codes: 0 shown, 1 no compiled model in OUT, 2 usage.";

namespace {
struct ReportOptions {
  std::string out, html, against, trace, planned;
  bool all = false, json = false;
};

int compare(const Report &report, const ReportOptions &options) {
  Diagnostics faults;
  const std::optional<Report> against = readAgainst(report, options.against, faults);
  if (!against) {
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  fmt::print("{}", options.json ? compareJson(report, *against)
                                : printableLines(
                                      compareText(report, *against, options.all ? SIZE_MAX : 16)));
  return ExitSuccess;
}

/// The schedule as a trace.
bool writePlanned(const ReportOptions &options, Diagnostics &faults) {
  const std::optional<Report> report = readReport(options.out + "/report.json", faults);
  const std::optional<Manifest> manifest = readManifest(options.out + "/manifest.json", faults);
  if (!report || !manifest)
    return false;
  const std::optional<Trace> trace = plannedTrace(*report, *manifest, faults);
  return trace && writeText(options.planned, traceBytes(*trace, *report, *manifest), faults);
}

int writePlanned(const ReportOptions &options) {
  Diagnostics faults;
  const Activity activity("writing the schedule as a trace");
  if (writePlanned(options, faults))
    return ExitSuccess;
  fmt::print(stderr, "{}", toString(faults));
  return ExitFault;
}

int report(const ReportOptions &options) {
  if (!options.html.empty())
    return writePage(options.out, options.against, options.trace, options.html);
  if (!options.planned.empty())
    return writePlanned(options);
  Diagnostics faults;
  std::optional<Activity> activity(std::in_place, "reading the report");
  const std::optional<Report> report = readReport(options.out + "/report.json", faults);
  activity.reset();
  if (!report) {
    fmt::print(stderr, "{}", toString(faults));
    return ExitFault;
  }
  if (!options.against.empty())
    return compare(*report, options);
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
  CLI::Option *html = command->add_option(
      "--html", options->html, "write FILE instead: one page for any browser, without a network");
  html->option_text("FILE");
  command
      ->add_option(
          "--trace", options->trace,
          "with --html: what `discoc run OUT --trace FILE` measured, under what was planned")
      ->option_text("FILE")
      ->needs(html);
  command
      ->add_option("--planned-trace", options->planned,
                   "write the schedule as a trace instead, for Perfetto and `discoc trace`")
      ->option_text("FILE")
      ->excludes(html);
  command->add_flag("--json", options->json, "the exact numbers, as docs/formats/report.md says")
      ->excludes(html);
  command
      ->add_option("--against", options->against,
                   "another OUT of the same model: what differs, in all, by node and by layer, "
                   "here or in the page")
      ->option_text("OUT");
  command->callback([options, &exitCode] { exitCode = report(*options); });
}

} // namespace discoc
