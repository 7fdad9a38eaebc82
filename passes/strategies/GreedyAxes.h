//===- GreedyAxes.h - the axis that moves the fewest bytes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_STRATEGIES_GREEDYAXES_H
#define DISCOC_PASSES_STRATEGIES_GREEDYAXES_H

#include "passes/strategies/Strategy.h"

namespace disco {

/// Along which axis each tensor is divided (-1: not at all), and what every node computes.
struct GreedyAxes {
  llvm::DenseMap<mlir::Value, int64_t> axes;
  llvm::DenseSet<mlir::Value> replicated;
  llvm::DenseMap<mlir::Value, std::string> reasons; // why every node computes it on purpose

  int64_t operator[](mlir::Value value) const { return axes.lookup(value); }
  /// How an op is divided along an axis, as its operands are divided; null: not at all.
  const Division *divide(DivisionRules &rules, DivisionOpInterface op, int64_t axis) const;
};

/// Chooses, in program order, the axis along which a tensor and its readers, up to the next
/// contractions, have to move the fewest bytes.
GreedyAxes chooseGreedyAxes(const Problem &problem);

/// Whether an op looks things up in a constant larger than what it finds: a table (of word
/// embeddings) is divided like weights.
bool looksUp(mlir::Operation *op);

/// Whether an op is worth dividing even where that moves more bytes.
bool isArithmetic(mlir::Operation *op);

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_GREEDYAXES_H
