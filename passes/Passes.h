//===- Passes.h - the passes of discoc --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_PASSES_H
#define DISCOC_PASSES_PASSES_H

#include "compiler/dialect/Disco.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace disco {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// A stage of the one pipeline.
struct Stage {
  llvm::StringLiteral name; // as --stop-after knows it
  std::unique_ptr<mlir::Pass> (*create)();
};
/// From simplification to memory planning, in order, the checks included.
llvm::ArrayRef<Stage> stages();
/// Adds all stages, or those behind `after` and up to `last`.
void buildPipeline(mlir::OpPassManager &manager, llvm::StringRef last = "",
                   llvm::StringRef after = "");

/// The nodes that are given the inputs and return the outputs of the model.
struct Roots {
  int64_t input, output;
  bool compute; // else they own nothing

  /// Whether a node only hands inputs out or takes outputs in.
  bool isDispatcher(int64_t rank) const { return !compute && (rank == input || rank == output); }
};
/// The number of nodes that a module is compiled for, and its roots; `disco.output_at` is there
/// only where it differs from `disco.root`.
int64_t nodesOf(mlir::ModuleOp module);
Roots rootsOf(mlir::ModuleOp module);
/// The ranks that compute, rising.
llvm::SmallVector<int64_t> computingRanks(mlir::ModuleOp module);
/// By stage of a pipeline: its ranks. Without stages those behind a dispatcher are the only one.
/// Empty: all nodes compute, and every one takes part in every layer.
std::vector<llvm::SmallVector<int64_t>> stageRanksOf(mlir::ModuleOp module);
/// By rank: its stage, -1 where it has none; empty where there are no stages.
std::vector<int64_t> stagesByRank(mlir::ModuleOp module);
/// How many inferences a node may have begun and not ended.
int64_t inFlightOf(mlir::ModuleOp module);
/// The module's one function before the split; a diagnostic and null when there is none.
mlir::func::FuncOp mainOf(mlir::ModuleOp module);
/// The shards of a split module by rank; empty when the module is not split.
llvm::SmallVector<mlir::ModuleOp> shardsOf(mlir::ModuleOp module);
/// The function of a shard.
mlir::func::FuncOp inferOf(mlir::ModuleOp shard);

} // namespace disco

#endif // DISCOC_PASSES_PASSES_H
