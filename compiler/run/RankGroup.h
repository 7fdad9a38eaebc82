//===- RankGroup.h - the programs of all ranks, and who was at fault ------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_RANKGROUP_H
#define DISCOC_RUN_RANKGROUP_H

#include "compiler/run/Process.h"
#include "compiler/run/ShardRun.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace discoc {

/// How long the others may take to end after the first failure: their own grace is 2 s.
constexpr auto graceOfRanks = std::chrono::seconds(4);

/// How the program of a rank ended.
struct RankEnd {
  bool good = false;     ///< by itself, and well
  bool wasEnded = false; ///< it still ran when the grace was over
  int64_t at = 0;        ///< the earlier, the less
  std::string how;       ///< "exit code 3"
  std::string words;     ///< what it said last; may be empty
};

/// Fills ok, failedRank, failure and details of `result`, whose reports are there. `ends`: by rank.
/// A program that died or could not begin knows best who was first; otherwise the first report of a
/// failure names the rank.
void judge(const std::vector<RankEnd> &ends, RunResult &result);

/// A child for every rank, on this machine or the way to another.
class RankGroup {
public:
  /// What else is done with what they say and how they end; any may be null.
  struct Watch {
    std::function<void(size_t, const std::string &)> line; ///< of standard output, not the report
    std::function<void(size_t, const std::string &)> said; ///< a line of standard error
    std::function<void(size_t)> ended;
    std::function<std::string(size_t)> how; ///< of an end; null: Child::endText()
    std::function<void()> step;             ///< now and then
  };

  /// `result`: gets a report for each of so many ranks.
  RankGroup(size_t ranks, RunResult &result, Watch watch)
      : result_(result), watch_(std::move(watch)), errors_(ranks) {
    result.reports.resize(ranks);
  }

  /// The next rank's.
  bool start(const std::vector<std::string> &argv, Diagnostics &out, const ChildStart &how);
  /// A line that came another way than by standard output.
  void hear(size_t rank, const std::string &line);
  /// A program that stands still has said how it ended.
  void finish(size_t rank, int exitCode) { group_.finish(rank, exitCode); }
  /// Until all have ended, or some time after the first failure, or an interruption.
  void wait();
  /// Ends those that still run.
  void end() { group_.endAll(); }
  /// Who failed first, and what each said.
  void judge();

  const Child &child(size_t rank) const { return group_.children()[rank]; }

private:
  void step();
  std::string endText(size_t rank) const;
  std::string lastWords(size_t rank) const;

  RunResult &result_;
  Watch watch_;
  ProcessGroup group_;
  std::vector<std::string> errors_; ///< the last error that a rank printed to stdout
  std::set<size_t> told_;           ///< ranks whose end was told
  std::set<size_t> natural_;        ///< ranks that ended before we ended them
};

} // namespace discoc

#endif // DISCOC_RUN_RANKGROUP_H
