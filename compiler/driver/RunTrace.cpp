//===- RunTrace.cpp - what the programs of a run noted --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/RunTrace.h"
#include "compiler/formats/Text.h"
#include "compiler/trace/TraceFile.h"

#include <filesystem>
#include <utility>

namespace discoc {

RunTrace::RunTrace(std::string out, const Manifest &manifest, std::string folder)
    : out_(std::move(out)), manifest_(manifest) {
  std::error_code error;
  if (isTraced(manifest) && std::filesystem::create_directories(folder, error))
    folder_ = std::move(folder);
}

bool RunTrace::write(const std::string &path, Diagnostics &out) const {
  const std::optional<Report> report = readReport(out_ + "/report.json", out);
  if (!report)
    return false;
  if (report->buildHash != manifest_.buildHash) {
    out.push_back({out_ + "/report.json", "$.build_hash", "is not that of manifest.json",
                   "compile the model again"});
    return false;
  }
  const std::optional<std::vector<NodeNotes>> notes = readNotes(folder_, *report, out);
  return notes &&
         writeText(path, traceBytes(measuredTrace(*report, manifest_, *notes), *report, manifest_),
                   out);
}

std::vector<std::string> RunTrace::standings() const {
  Diagnostics ignored; // what failed is told already
  if (folder_.empty())
    return {};
  const std::optional<Report> report = readReport(out_ + "/report.json", ignored);
  const auto notes = report && report->buildHash == manifest_.buildHash
                         ? readNotes(folder_, *report, ignored)
                         : std::nullopt;
  return notes ? discoc::standings(measuredTrace(*report, manifest_, *notes), manifest_)
               : std::vector<std::string>();
}

} // namespace discoc
