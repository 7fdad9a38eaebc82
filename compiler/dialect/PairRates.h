//===- PairRates.h - what the ways between nodes take -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_PAIRRATES_H
#define DISCOC_DIALECT_PAIRRATES_H

#include "compiler/dialect/Target.h"
#include "llvm/ADT/DenseMap.h"

namespace disco {

/// Bandwidth and latency between nodes, each pair looked up once: a search asks for them millions
/// of times, and a cluster of 64 nodes has 2,016 links to look through.
class PairRates {
public:
  /// `cluster` may be null: nothing is known.
  explicit PairRates(ClusterAttr cluster) : cluster(cluster) {}

  /// Payload bytes a second; 0: unknown.
  double bandwidth(int64_t from, int64_t to) { return of(from, to).first; }
  /// Seconds beside the bytes; 0: unknown.
  double latency(int64_t from, int64_t to) { return of(from, to).second; }

private:
  std::pair<double, double> of(int64_t from, int64_t to) {
    if (!cluster)
      return {0, 0};
    auto [at, isNew] = known.try_emplace({from, to});
    if (isNew)
      at->second = {bandwidthBetween(cluster, from, to), latencyBetween(cluster, from, to)};
    return at->second;
  }

  ClusterAttr cluster;
  llvm::DenseMap<std::pair<int64_t, int64_t>, std::pair<double, double>> known;
};

} // namespace disco

#endif // DISCOC_DIALECT_PAIRRATES_H
