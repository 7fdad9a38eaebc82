//===- Cutter.h - cut a chain of steps into stretches -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Exact, by dynamic programming. What runs beside the chain (a skip connection) is traffic across
// every cut that it spans.
#ifndef DISCOC_PASSES_CUTTER_H
#define DISCOC_PASSES_CUTTER_H

#include "compiler/dialect/Cost.h"
#include "mlir/IR/Value.h"
#include <optional>
#include <vector>

namespace disco {

/// Steps [begin, end) of a chain, and who does them.
struct Stretch {
  size_t begin, end, worker;

  bool operator==(const Stretch &o) const {
    return begin == o.begin && end == o.end && worker == o.worker;
  }
};

/// What a chain of steps takes. A worker is a node, or a group of nodes that divide the steps.
struct ChainCosts {
  size_t steps = 0, workers = 0;
  /// Seconds that a worker takes for steps [begin, end); infinite: it cannot, its memory is too
  /// small. With more steps it takes no less.
  llvm::function_ref<double(size_t begin, size_t end, size_t worker)> compute;
  /// Seconds that what steps from `at` on read of those before takes from one worker to the next.
  llvm::function_ref<double(size_t at, size_t from, size_t to)> cut;
};

/// Each worker in turn has one stretch of a step or more; with fewer steps than workers the last
/// ones have none. Of all cuts that are possible those are left where the slowest, of workers and
/// of what they hand on, is as fast as can be; of these those where the slowest worker is; of these
/// one where all handing on takes the least. Nothing where no cut fits.
std::optional<std::vector<Stretch>> cutInTurn(const ChainCosts &chain);

/// Any worker has any stretch: all steps, one after the other, take the least time together, with
/// what is handed on. Costs are of steps: `compute` is asked for one step at a time. Nothing where
/// a step fits no worker.
std::optional<std::vector<Stretch>> cutFreely(const ChainCosts &chain);

/// What crosses a cut before each of some tensors, and behind the last: of every tensor that is
/// made before it and read after it, all bytes in one message.
std::vector<Cost> crossingCosts(llvm::ArrayRef<mlir::Value> tensors);

} // namespace disco

#endif // DISCOC_PASSES_CUTTER_H
