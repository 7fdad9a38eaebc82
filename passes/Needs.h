//===- Needs.h - what every node needs of every operand ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_NEEDS_H
#define DISCOC_PASSES_NEEDS_H

#include "compiler/dialect/DivisionRules.h"
#include "passes/Passes.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace disco {

/// A channel of a tensor, or of the tensor that it was renamed from.
struct Feature {
  mlir::Value value;
  int64_t channel;
};

/// What one operand of one op lacks on some nodes.
struct Shortage {
  mlir::OpOperand *use;
  llvm::SmallVector<IndexSet> needs; // by rank, along the operand's owner axis
  bool output;                       // the reader hands an output in
};

/// By rank: the columns that a contraction's mask has for it. All at once, each set made once.
llvm::SmallVector<IndexSet> maskColumns(mlir::Operation *op, int64_t nodes);

/// Answers what the division rules, owner maps and masks of a program ask for. The program must
/// not be changed meanwhile.
class Needs {
public:
  /// `dense`: as if every contraction read all channels. `rules` are those of the program.
  Needs(int64_t nodes, Roots roots, bool dense, DivisionRules &rules)
      : nodes(nodes), roots(roots), dense(dense), rules(rules) {}

  /// The operands of an op that some node lacks a part of. Failure after a diagnostic.
  mlir::LogicalResult findShortages(mlir::Operation *op,
                                    llvm::SmallVectorImpl<Shortage> &shortages) const;

  /// Whether a tensor is an input of the model, or made of inputs by the root before any
  /// contraction.
  bool isHandedOut(mlir::Value value) const;

  /// For each channel of a tensor the feature that it was renamed from, as long as the same node
  /// owns it.
  const std::vector<Feature> &origins(mlir::Value value);

private:
  void findKept(KeepOp keep, llvm::SmallVectorImpl<Shortage> &shortages) const;
  bool handsIn(mlir::Operation *op) const;
  bool mayBeHandedOut(mlir::Value value) const;
  /// The division of an op along the axis of its owner map; null: it has none along it.
  const Division *divisionOf(DivisionOpInterface op) const;
  const Division *renamingOf(mlir::Value value) const;
  std::vector<Feature> traceOrigins(mlir::Value value, const Division *division);
  IndexSet needOf(mlir::Operation *op, unsigned k, const OperandNeed &need,
                  const IndexSet &computed, llvm::ArrayRef<IndexSet> columns, int64_t rank) const;
  void traceOperand(std::vector<Feature> &features, llvm::ArrayRef<IndexSet> owned,
                    const OperandNeed &need, mlir::Value operand);

  int64_t nodes;
  Roots roots;
  bool dense;
  DivisionRules &rules;
  llvm::DenseMap<mlir::Value, std::vector<Feature>> originCache;
  mutable llvm::DenseMap<mlir::Value, bool> handedOut;
  mutable llvm::DenseMap<mlir::Operation *, bool> handingIn;
};

} // namespace disco

#endif // DISCOC_PASSES_NEEDS_H
