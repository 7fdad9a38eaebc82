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

bool writeTrace(const std::string &out, const Manifest &manifest, const std::string &folder,
                const std::string &path, Diagnostics &faults) {
  const std::optional<Report> report = readReport(out + "/report.json", faults);
  if (!report)
    return false;
  if (report->buildHash != manifest.buildHash) {
    faults.push_back({out + "/report.json", "$.build_hash", "is not that of manifest.json",
                      "compile the model again"});
    return false;
  }
  const std::optional<std::vector<NodeNotes>> notes = readNotes(folder, *report, faults);
  return notes &&
         writeText(path, traceBytes(measuredTrace(*report, manifest, *notes), *report, manifest),
                   faults);
}

bool RunTrace::write(const std::string &path, Diagnostics &out) const {
  return writeTrace(out_, manifest_, folder_, path, out);
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
