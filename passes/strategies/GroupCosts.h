//===- GroupCosts.h - what groups of nodes take for a program ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What steps take in a group of nodes that divide them, what its nodes exchange, and what one group
// hands to the next.
#ifndef DISCOC_PASSES_STRATEGIES_GROUPCOSTS_H
#define DISCOC_PASSES_STRATEGIES_GROUPCOSTS_H

#include "compiler/dialect/Cost.h"
#include "passes/strategies/Strategy.h"

namespace disco {

/// Nodes that divide a stretch, and how.
struct Group {
  llvm::SmallVector<int64_t> ranks; // the fastest first, where speeds matter
  Proposal plan;                    // of the whole program
};

/// What a reader of a tensor needs of it in one group.
struct Reading {
  size_t place;                     // of the reader in the program
  int64_t axis;                     // of the needs; -1: all of it
  llvm::SmallVector<IndexSet> sets; // by rank
  double sums;                      // seconds, if nodes add for each other instead; 0: they cannot
};

/// What the groups take for the steps of a program.
class GroupCosts {
public:
  /// `overlap`: messages move while their ends compute, so they take a link, and no more of it than
  /// their bytes do.
  GroupCosts(const Problem &problem, llvm::ArrayRef<Group> groups, bool overlap = false);

  /// Seconds of a step, with what its group exchanges for it.
  double step(size_t place, size_t group) const;
  /// What a group hands to another before a step, less what steps of the second group have been
  /// charged for the same tensors.
  double cut(size_t at, size_t from, size_t to) const;

  /// Of a step on one node: seconds of its share, and bytes of weights.
  double computing(size_t group, size_t place, int64_t rank) const;
  int64_t weights(size_t group, size_t place, int64_t rank) const;
  /// Seconds until the group's nodes have what they need of each other's part of a tensor.
  double exchange(size_t place, size_t group) const { return exchanges[group][place]; }
  /// Seconds that all tensors which cross a cut take from one group to another.
  double handing(size_t at, size_t from, size_t to) const;
  /// The messages and bytes of all tensors which cross a cut.
  Cost crossingCost(size_t at) const;
  /// Of what crosses the cut before steps [begin, end) the part that leaves once more: what these
  /// steps read, and others behind them. Whoever has it sends it to both.
  double sentAgain(size_t begin, size_t end) const;

private:
  OwnedAttr owners(size_t group, size_t i) const;
  size_t lastReader(size_t i) const;
  void fill(size_t group);
  double slowest(size_t group, size_t i) const;
  int64_t extentOf(size_t group, size_t place) const;
  int64_t bytesOf(size_t i, OwnedAttr own) const;
  int64_t wireBytesOf(size_t i, OwnedAttr own) const;
  void readOf(size_t group, size_t i);
  Reading readBy(size_t group, mlir::OpOperand &use, DivisionOpInterface rule, size_t place) const;
  double adding(OwnedAttr result, size_t place) const;
  double sending(int64_t from, int64_t to, const Cost &bytes) const;
  double arriving(int64_t to, llvm::ArrayRef<int64_t> senders,
                  llvm::function_ref<int64_t(int64_t from)> bytesFrom) const;
  double passing(OwnedAttr own, llvm::ArrayRef<IndexSet> needs, int64_t each) const;
  double handing(size_t i, OwnedAttr own, llvm::ArrayRef<Reading> all, size_t from) const;

  const Problem &problem;
  llvm::ArrayRef<Group> groups;
  const bool overlap;
  llvm::DenseMap<mlir::Operation *, size_t> places;
  std::vector<std::vector<llvm::SmallVector<Reading>>> readings; // by group and tensor
  std::vector<std::vector<double>> steps, exchanges;             // likewise
  std::vector<llvm::SmallVector<size_t>> crossing;               // by cut: tensors
};

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_GROUPCOSTS_H
