//===- Search.h - which division of a model is best -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Candidates are compiled as far as memory is planned, and the schedule of each is played. Nothing
// here knows what anything takes: that is codegen/Times.h.
#ifndef DISCOC_DRIVER_SEARCH_H
#define DISCOC_DRIVER_SEARCH_H

#include "compiler/driver/Divider.h"
#include "compiler/formats/Plan.h"
#include "compiler/formats/Profile.h"
#include "compiler/formats/Progress.h"
#include <array>
#include <map>

namespace disco {

/// What is to be least.
enum class Objective { Latency, Throughput, Memory, Bytes, Energy };
/// By its name; nothing: there is none of that name.
std::optional<Objective> objectiveOf(llvm::StringRef name);

/// What is searched, and for what.
struct SearchOptions {
  discoc::ModelOptions model; ///< without strategy and plan
  Objective objective = Objective::Latency;
  std::optional<int64_t> deadlineNs; ///< that one inference may take
  int64_t least = 1, most = 8;       ///< nodes
  std::string explain;               ///< an op; may be empty
  bool withRest = false;             ///< also divisions that are only compared with
  discoc::Profile profile;           ///< of all hosts
  double bandwidth = 0, latency = 0; ///< of links that state nothing
};

/// How one layer came out, of one candidate.
struct TriedLayer {
  std::string op;
  std::vector<int64_t> channels; ///< of its result, by rank
  int64_t receivedBytes = 0;     ///< by all nodes
  int64_t computeNs = 0;         ///< of the node that takes longest
};

/// One candidate, and what came out.
struct Tried {
  std::string name; ///< for people: "greedy"
  Way way;
  std::vector<int64_t> ranks; ///< of the cluster's nodes those that take part
  bool isChoice = true;       ///< else it is only compared with
  bool fits = true;           ///< into the boards
  std::optional<int64_t> latencyNs, periodNs, chainNs;
  int64_t withoutExchangeNs = 0; ///< the same schedule where messages take no time
  int64_t exchangedBytes = 0, exchangePoints = 0;
  int64_t weightBytes = 0, arenaBytes = 0; ///< of the largest node of each
  std::optional<int64_t> energyUj;         ///< microjoules of one inference, an estimate
  int64_t memoryBytes = 0;                 ///< weights and arena of the node that takes most
  std::optional<Cover> cover;              ///< of the op that is explained
  bool masked = false;                     ///< masks or zeros leave something out
  std::vector<TriedLayer> layers;
  std::vector<discoc::PlannedStage> stages; ///< which the strategy found

  int64_t nodes() const { return static_cast<int64_t>(ranks.size()); }
};

/// What a search found.
struct SearchResult {
  std::vector<Tried> tried;     ///< in the order in which they were
  std::optional<size_t> chosen; ///< among them; nothing: none fits, or none meets the deadline
  std::vector<std::string> nodeNames;
  std::vector<int64_t> oneNodeNs; ///< what all arithmetic takes on each node alone, by rank
  /// By number of nodes: the least time between two inferences of a pipeline of one node a stage,
  /// of all cuts. Where inferences overlap, no link carries packets, and all times are known.
  std::map<int64_t, int64_t> pipelineNs;
  std::optional<int64_t> leastNs; ///< that arithmetic takes, shared without a rest
  size_t improvedBy = 0;          ///< how many moves of the local search were taken
  int64_t movesTried = 0;
};

/// Looks for the division that has least of the objective, among those that fit and meet the
/// deadline. The same answer every time. Nothing after errors on standard error.
std::optional<SearchResult> search(LoadedModel &loaded, const SearchOptions &options,
                                   discoc::Activity &activity);

/// What a candidate has of the objective; nothing where it is not known.
std::optional<int64_t> valueOf(const Tried &tried, Objective objective);

} // namespace disco

#endif // DISCOC_DRIVER_SEARCH_H
