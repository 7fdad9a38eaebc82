//===- Strategy.h - who chooses axes and owners -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// disco-assign-owners asks one strategy for an axis and owners of every tensor. A strategy is a
// file in this folder and a line in Strategies.def.
#ifndef DISCOC_PASSES_STRATEGIES_STRATEGY_H
#define DISCOC_PASSES_STRATEGIES_STRATEGY_H

#include "compiler/dialect/DivisionRules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/strategies/CostModel.h"
#include "llvm/ADT/MapVector.h"
#include <memory>

namespace disco {

/// The latest default map; docs/formats/owners.md has them by their numbers.
inline constexpr int64_t kLatestOwnerMap = 2;
std::optional<int64_t> ownerMapOf(mlir::ModuleOp module);

/// Of the model's module: how much each node owns, compared with the others, by rank; 0: nothing.
/// None: all own as much.
inline constexpr llvm::StringLiteral kSharesAttr = "disco.shares";
/// Larger shares would not change what nodes own.
inline constexpr int64_t kLargestShare = 1000;

/// What a strategy decides of one tensor.
struct Choice {
  OwnedAttr owners;   // the axis, and the set of every node
  std::string reason; // why every node computes it on purpose, for the report; mostly empty
};

using Proposal = llvm::DenseMap<mlir::Value, Choice>;

/// What a strategy is told.
struct Problem {
  Problem(mlir::func::FuncOp function, int64_t nodes, int64_t root, CostModel costs);

  /// The same for some of the nodes alone: its rank k is that of `ranks[k]`, its root the first of
  /// them. Maps and shares that are stated for all nodes are those of these.
  Problem part(llvm::ArrayRef<int64_t> ranks) const;
  /// What a proposal for a part is for all nodes: inputs of the model are the root's.
  Proposal expand(const Problem &part, const Proposal &proposal) const;

  /// The map that was stated for a tensor; null: none was.
  OwnedAttr statedFor(mlir::Value tensor) const;
  /// The layout of a tensor all of which one node has: along an axis along which its op can be
  /// divided, so that parts of it may travel, else as a whole.
  OwnedAttr wholeAt(mlir::Value tensor, int64_t rank) const;

  mlir::func::FuncOp function;
  int64_t nodes, root;
  std::vector<int64_t> ranks; // of the cluster; of a part not all
  int64_t ownerMap = 1;       // the number of the default map that is asked for
  /// By rank: how much a node owns, compared with the others. One of them is more than 0.
  std::vector<int64_t> shares;
  /// The ranks whose share is more than 0.
  llvm::SmallVector<int64_t> sharers() const;
  CostModel costs;
  /// What is to be given owners: results in program order, constants left out.
  llvm::SmallVector<mlir::Value> tensors;
  /// Of the program's ops; computed once.
  mutable DivisionRules rules;
};

class Strategy {
public:
  virtual ~Strategy() = default;

  /// Gives every tensor of a problem axis and owners. Inputs of the model are the root's, and
  /// stated maps are kept. The program is not changed. Failure after a diagnostic.
  virtual mlir::LogicalResult propose(const Problem &problem, Proposal &proposal) = 0;

  /// Whether it gives nodes what their shares say.
  virtual bool dealsShares() const { return false; }

  /// Of the last proposal: who has which stretch of layers, in the form of kStagesAttr, by the
  /// cluster's ranks; null: every node takes part in every layer.
  virtual mlir::ArrayAttr stages() const { return {}; }
};

/// The strategy that `--strategy` calls by a name; null: there is none.
std::unique_ptr<Strategy> createStrategy(llvm::StringRef name);
#define STRATEGY(name, function, summary) std::unique_ptr<Strategy> function();
#include "passes/strategies/Strategies.def"
#undef STRATEGY

/// Which channels the default strategy gives one owner: of each tensor's channels the numbers of
/// their classes. Left out is what has no owners to choose: what is not divided, what every node
/// computes, what the root hands out.
llvm::MapVector<mlir::Value, std::vector<int64_t>> tiedClasses(const Problem &problem);

/// All names and what they do, the default first. The one that reads a plan is not among them.
struct StrategyInfo {
  llvm::StringLiteral name, summary;
};
llvm::ArrayRef<StrategyInfo> strategies();
/// `greedy, stages, ...`, for messages.
std::string strategyNames();

/// The strategy that takes the choices that the module states in kPlanAttr.
std::unique_ptr<Strategy> createGivenPlan();
/// The choices that were made for a program whose tensors have owners, in the form of kPlanAttr.
mlir::ArrayAttr planOf(mlir::func::FuncOp function);

//===----------------------------------------------------------------------===//
// What strategies share
//===----------------------------------------------------------------------===//

/// The axes along which a tensor could be divided, those that are worth it first, batch last.
llvm::SmallVector<int64_t> candidateAxes(mlir::Value tensor);
/// Whether an op can be divided as was proposed, as what it reads was. All of these are proposed.
bool fitsOperands(const Problem &problem, mlir::Value tensor, const Proposal &proposal);
/// Parts of a list one behind another, the first ones longer by one where they cannot be equal.
std::vector<llvm::ArrayRef<int64_t>> evenParts(llvm::ArrayRef<int64_t> list, size_t count);
/// A contraction's rows and columns; nothing for other ops.
std::optional<Contraction> contractionOf(mlir::Operation *op);

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_STRATEGY_H
