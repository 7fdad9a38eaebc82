//===- InprocRun.cpp - runs all shards of a compiled model in one process ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/NodePaths.h"
#include "compiler/run/Process.h"
#include "compiler/run/ShardRun.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace discoc {

static std::vector<std::string> arguments(const RunRequest &request) {
  std::vector<std::string> argv = {
      clusterPath(request.out),           "--json",   "--deadline-ms",
      std::to_string(request.deadlineMs), "--repeat", std::to_string(request.repeat)};
  if (request.transport == RunRequest::Transport::Exact)
    argv.push_back("--exact");
  for (const auto &[name, file] : request.inputs) {
    argv.push_back("--input");
    argv.push_back(name + "=" + file);
  }
  if (request.inputs.empty()) {
    argv.push_back("--count");
    argv.push_back(std::to_string(request.count));
  }
  if (!request.outputDirectory.empty()) {
    argv.push_back("--output-dir");
    argv.push_back(request.outputDirectory);
  }
  return argv;
}

/// {"ok": ..., "nodes": [what a shard's program says, ...]}
static void readReports(const std::string &line, RunResult &result) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  const auto nodes = json.is_object() ? json.find("nodes") : json.end();
  if (!json.is_object() || nodes == json.end() || !nodes->is_array())
    return;
  for (size_t rank = 0; rank < std::min(nodes->size(), result.reports.size()); ++rank)
    result.reports[rank] = parseShardReport((*nodes)[rank].dump());
}

static void blame(const Child &child, RunResult &result) {
  result.failure = child.endText();
  if (const std::string words = lastLine(child.errText); !words.empty())
    result.failure += ": " + words;
  for (size_t rank = 0; rank < result.reports.size(); ++rank) {
    const auto &report = result.reports[rank];
    if (!report || report->ok)
      continue;
    result.details.push_back("rank " + std::to_string(rank) + ": " + report->error);
    if (!result.failedRank) {
      result.failedRank = report->failedRank.value_or(static_cast<int64_t>(rank));
      result.failure = report->error;
    }
  }
  if (!result.failedRank)
    result.details.push_back(result.failure);
}

RunResult runInProcess(const RunRequest &request, const Manifest &manifest, Diagnostics &out) {
  RunResult result;
  result.reports.resize(manifest.nodes.size());
  ProcessGroup group;
  Activity activity("run");
  const auto began = Clock::now();
  ChildStart how;
  how.environment = shardEnvironment(request);
  if (!group.start(arguments(request), out, how))
    return result;
  while (!group.allEnded() && !result.interrupted) {
    group.step(std::chrono::milliseconds(200), [&](size_t, const std::string &line) {
      if (!showInferences(activity, request, line))
        readReports(line, result);
    });
    result.interrupted = InterruptGuard::interrupted();
  }
  group.endAll();
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const Child &child = group.children().front();
  bool all = true;
  for (const auto &report : result.reports)
    all = all && report && report->ok;
  result.ok = all && !child.failed() && !result.interrupted;
  if (!result.ok && !result.interrupted)
    blame(child, result);
  if (!result.ok)
    result.written = writtenInferences(request, manifest, result.reports);
  return result;
}

} // namespace discoc
