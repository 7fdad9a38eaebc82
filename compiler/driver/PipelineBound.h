//===- PipelineBound.h - how fast a pipeline can be at best -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_PIPELINEBOUND_H
#define DISCOC_DRIVER_PIPELINEBOUND_H

#include "compiler/driver/Divider.h"
#include "compiler/formats/Profile.h"
#include <map>

namespace disco {

/// What the steps of one node's program take on every node: the least time between two inferences
/// of a pipeline of one node a stage, over all cuts, is that of the slowest stage or cut. Messages
/// take nothing of processors, and links no latency.
class PipelineBound {
public:
  /// `alone`: the program in which node `rank` computes everything. It has to outlive this object.
  PipelineBound(Divided &alone, int64_t rank) : alone(alone), rank(rank) {}

  /// Notes a node of the cluster: hosts are as fast as the profile, boards as `rates`. False: that
  /// is not known.
  bool addNode(const discoc::NodeRates &rates, const discoc::Profile &profile);

  /// Nanoseconds, of these nodes in this order; `bandwidth` of two of them in bytes a second.
  std::optional<int64_t>
  leastOf(llvm::ArrayRef<int64_t> nodes,
          llvm::function_ref<double(int64_t from, int64_t to)> bandwidth) const;

private:
  /// Sums over the first steps, where their weights were read just before and where not.
  struct Sums {
    std::vector<double> warm, cold;
  };
  Divided &alone;
  const int64_t rank;
  std::vector<Sums> nodes;
  int64_t cacheBytes = 0; // stages with more weights read them from memory; 0: no matter
};

} // namespace disco

#endif // DISCOC_DRIVER_PIPELINEBOUND_H
