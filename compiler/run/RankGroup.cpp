//===- RankGroup.cpp - the programs of all ranks, and who was at fault ----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/RankGroup.h"

#include <fmt/core.h>

#include <algorithm>

namespace discoc {

//===- who was at fault ---===//

static void blame(const std::vector<size_t> &bad, const std::vector<RankEnd> &ends,
                  RunResult &result) {
  for (size_t rank : bad) {
    const auto &report = result.reports[rank];
    if (ends[rank].wasEnded || (report && report->failedRank))
      continue;
    result.failedRank = static_cast<int64_t>(rank);
    result.failure = ends[rank].how + (ends[rank].words.empty() ? "" : ": " + ends[rank].words);
    return;
  }
  for (size_t rank : bad) {
    const auto &report = result.reports[rank];
    if (!report || !report->failedRank)
      continue;
    result.failedRank = report->failedRank;
    result.failure = report->error;
    return;
  }
  result.failedRank = static_cast<int64_t>(bad.front());
  result.failure = "it ended without a report";
}

void judge(const std::vector<RankEnd> &ends, RunResult &result) {
  std::vector<size_t> bad;
  for (size_t rank = 0; rank < ends.size(); ++rank)
    if (!ends[rank].good || !result.reports[rank] || !result.reports[rank]->ok)
      bad.push_back(rank);
  result.ok = bad.empty() && ends.size() == result.reports.size() && !result.interrupted;
  if (result.ok || bad.empty() || result.interrupted)
    return;
  std::sort(bad.begin(), bad.end(), [&](size_t a, size_t b) {
    return std::pair(ends[a].at, a) < std::pair(ends[b].at, b);
  });
  for (size_t rank : bad) {
    const RankEnd &end = ends[rank];
    result.details.push_back(fmt::format("rank {}: {}{}{}", rank,
                                         end.wasEnded ? "still ran and was ended" : end.how,
                                         end.words.empty() ? "" : ": ", end.words));
  }
  blame(bad, ends, result);
}

//===- children ---===//

bool RankGroup::start(const std::vector<std::string> &argv, Diagnostics &out,
                      const ChildStart &how) {
  return group_.start(argv, out, how);
}

void RankGroup::hear(size_t rank, const std::string &line) {
  if (auto report = parseShardReport(line))
    result_.reports[rank] = std::move(report);
  else if (line.rfind("error: ", 0) == 0)
    errors_[rank] = line;
  if (watch_.line)
    watch_.line(rank, line);
}

void RankGroup::step() {
  group_.step(
      std::chrono::milliseconds(watch_.step ? 20 : 200),
      [&](size_t rank, const std::string &line) { hear(rank, line); }, watch_.said);
  if (watch_.step)
    watch_.step();
  for (size_t rank = 0; watch_.ended && rank < group_.children().size(); ++rank)
    if (child(rank).ended && told_.insert(rank).second)
      watch_.ended(rank);
}

void RankGroup::wait() {
  Clock::time_point until = Clock::time_point::max();
  while (!group_.allEnded() && Clock::now() < until) {
    step();
    if (InterruptGuard::interrupted()) {
      result_.interrupted = true;
      break;
    }
    const auto &all = group_.children();
    if (until == Clock::time_point::max() &&
        std::any_of(all.begin(), all.end(), [](const Child &c) { return c.failed(); }))
      until = Clock::now() + graceOfRanks;
  }
  for (size_t rank = 0; rank < group_.children().size(); ++rank)
    if (child(rank).ended)
      natural_.insert(rank);
}

/// Emulators warn of much that explains nothing.
static std::string withoutWarnings(const std::string &text) {
  std::string left;
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.rfind("qemu-", 0) != 0 || line.find(": warning: ") == std::string::npos)
      left += line + "\n";
  }
  return left;
}

std::string RankGroup::lastWords(size_t rank) const {
  if (result_.reports[rank] && !result_.reports[rank]->error.empty())
    return result_.reports[rank]->error;
  return lastLine(errors_[rank].empty() ? withoutWarnings(child(rank).errText) : errors_[rank]);
}

std::string RankGroup::endText(size_t rank) const {
  return watch_.how ? watch_.how(rank) : child(rank).endText();
}

void RankGroup::judge() {
  std::vector<RankEnd> ends;
  for (size_t rank = 0; rank < group_.children().size(); ++rank)
    ends.push_back({child(rank).ended && !child(rank).failed(), natural_.count(rank) == 0,
                    child(rank).endedAt.time_since_epoch().count(), endText(rank),
                    lastWords(rank)});
  discoc::judge(ends, result_);
}

} // namespace discoc
