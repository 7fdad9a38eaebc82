//===- Progress.h - what a command that takes long is doing -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_PROGRESS_H
#define DISCOC_FORMATS_PROGRESS_H

#include <cstdint>
#include <string>

namespace discoc {

/// From here on activities are shown on standard error, once the command has taken a second: on a
/// terminal in one line that is drawn anew, elsewhere in whole lines, the rarer the longer it
/// takes. Never called, or with `isOff`: nothing is shown. DISCOC_PROGRESS in the environment is
/// the number of seconds before the first, or "no".
void startProgress(const std::string &command, bool isOff);
/// Shows nothing any more.
void endProgress();
/// Takes the line off the terminal, before something else is printed. It comes back by itself.
void hideProgress();
/// Whether single lines about what is done by now are to be printed: not where progress is off.
bool showsProgress();

/// One thing that the command does, for as long as this lives. What it does for another, its words
/// are behind that one's: "verify: one node: compile: stage 3 of 17, schedule, 4 s". For the thread
/// that started the progress. Nothing may be written to standard output meanwhile.
class Activity {
public:
  explicit Activity(const std::string &what);
  ~Activity();
  Activity(const Activity &) = delete;
  Activity &operator=(const Activity &) = delete;

  /// What of it: "stage 3 of 17". `share`: how much of it is done, from 0 to 1, from which the rest
  /// is estimated; below 0: not known.
  void at(const std::string &detail, double share = -1);
  /// "inference 3 of 17": the third is being done, two are.
  void count(const std::string &what, int64_t number, int64_t all);

private:
  size_t depth;
};

} // namespace discoc

#endif // DISCOC_FORMATS_PROGRESS_H
