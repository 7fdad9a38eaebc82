//===- PageFile.cpp - a compiled model as a page for browsers ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/CompareText.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/SummaryText.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/Text.h"
#include "compiler/page/ReportPage.h"
#include "compiler/trace/TraceFile.h"

#include <fmt/core.h>

#include <cstdio>

namespace discoc {

/// The inference of median duration of a trace of this very build.
static bool addMeasured(PageContent &content, const std::string &path, Diagnostics &faults) {
  const Report &report = content.report;
  const std::optional<Trace> trace = readTrace(path, faults);
  if (!trace)
    return false;
  if (trace->buildHash != report.buildHash) {
    faults.push_back({path, "",
                      "is of build " + trace->buildHash + ", and the report of " + report.buildHash,
                      "run the programs of this OUT with --trace"});
    return false;
  }
  content.measured = medianInference(*trace);
  for (const TraceNode &node : trace->nodes)
    content.clocks.push_back(node.isOpen ? std::nullopt : std::optional(node.aroundNs));
  if (!content.measured)
    faults.push_back({path, "",
                      "has no inference that all nodes noted from its beginning to its end",
                      "run the programs again"});
  return content.measured.has_value();
}

static bool write(const std::string &out, const std::string &other, const std::string &trace,
                  const std::string &path, Diagnostics &faults) {
  std::optional<Report> report = readReport(out + "/report.json", faults);
  if (!report)
    return false;
  std::optional<Masks> masks =
      readMasks(out + "/masks.json", static_cast<int64_t>(report->nodes.size()), faults);
  if (!masks)
    return false;
  PageContent content{std::move(*report), std::move(*masks), {}, std::nullopt, std::nullopt, {}};
  if (!other.empty() && !(content.against = readAgainst(content.report, other, faults)))
    return false;
  if (!trace.empty() && !addMeasured(content, trace, faults))
    return false;
  content.sentences = disco::sentencesOf(content.report);
  return writeText(path, reportPage(content), faults);
}

int writePage(const std::string &out, const std::string &against, const std::string &trace,
              const std::string &path) {
  Diagnostics faults;
  const Activity activity("writing the page");
  if (write(out, against, trace, path, faults))
    return ExitSuccess;
  fmt::print(stderr, "{}", toString(faults));
  return ExitFault;
}

} // namespace discoc
