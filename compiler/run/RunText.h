//===- RunText.h - what a run computed and exchanged, for people and as JSON ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_RUNTEXT_H
#define DISCOC_RUN_RUNTEXT_H

#include "compiler/formats/Npy.h"
#include "compiler/run/ShardRun.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace discoc {

/// One output of all inferences.
struct RunOutput {
  ManifestTensor tensor; ///< of one inference
  std::string file;      ///< where it was written; empty: nowhere
  Array values;          ///< inferences stacked along the first dimension
};

/// One of the largest scores of an inference.
struct Score {
  int64_t index = 0;
  double value = 0;
  std::string label; ///< empty when there is none
};

/// Whether one inference's output is one vector of scores: a floating-point
/// tensor with one dimension above 1.
bool isScores(const ManifestTensor &tensor);

/// The `most` largest of inference `which`, largest first; NaN last.
std::vector<Score> topScores(const RunOutput &output, int64_t which, size_t most,
                             const std::vector<std::string> &labels);

/// What crossed the links, summed over all inferences.
struct RunTraffic {
  int64_t messages = 0, bytes = 0;         ///< without the root's
  int64_t rootMessages = 0, rootBytes = 0; ///< inputs handed out, outputs handed in
  int64_t plainBytes = 0;                  ///< what `bytes` were before they were compressed
  bool isCompressed = false;               ///< whether the programs compress them
  int64_t wireBytes = 0;                   ///< everything: headers, handshakes
};
RunTraffic trafficOf(const RunResult &result, const Manifest &manifest);

/// The values of inference `which`, empty when there are none.
std::vector<double> valuesOf(const RunOutput &output, int64_t which);
int64_t inferencesIn(const RunOutput &output);
/// "cat 5.104, dog 2.698".
std::string scoreText(const std::vector<Score> &top);
/// What stands in front of inference `which` of `count`: its title, or its number.
std::string titleOf(int64_t which, int64_t count, const std::vector<std::string> &titles);

/// `shown` has lines for outputs that are not to be described by their values.
std::string runText(const RunResult &result, const Manifest &manifest,
                    const std::vector<RunOutput> &outputs, const std::vector<std::string> &titles,
                    const std::map<std::string, std::string> &shown = {});
/// One line; docs/formats/run.md says what each key means.
std::string runJson(const RunResult &result, const Manifest &manifest,
                    const std::vector<RunOutput> &outputs, const std::vector<std::string> &titles,
                    int exitCode);

} // namespace discoc

#endif // DISCOC_RUN_RUNTEXT_H
