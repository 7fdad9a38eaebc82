//===- PageFile.cpp - a compiled model as a page for browsers ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/CompareText.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/SummaryText.h"
#include "compiler/formats/Text.h"
#include "compiler/page/ReportPage.h"

#include <fmt/core.h>

#include <cstdio>

namespace discoc {

static bool write(const std::string &out, const std::string &other, const std::string &path,
                  Diagnostics &faults) {
  std::optional<Report> report = readReport(out + "/report.json", faults);
  if (!report)
    return false;
  std::optional<Masks> masks =
      readMasks(out + "/masks.json", static_cast<int64_t>(report->nodes.size()), faults);
  if (!masks)
    return false;
  PageContent content{std::move(*report), std::move(*masks), {}, std::nullopt};
  if (!other.empty() && !(content.against = readAgainst(content.report, other, faults)))
    return false;
  content.sentences = disco::sentencesOf(content.report);
  return writeText(path, reportPage(content), faults);
}

int writePage(const std::string &out, const std::string &against, const std::string &path) {
  Diagnostics faults;
  if (write(out, against, path, faults))
    return ExitSuccess;
  fmt::print(stderr, "{}", toString(faults));
  return ExitFault;
}

} // namespace discoc
