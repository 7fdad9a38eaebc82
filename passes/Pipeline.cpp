//===- Pipeline.cpp - the order of the stages -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace disco;

ArrayRef<Stage> disco::stages() {
  static const Stage all[] = {
      {"simplify", [] { return createSimplify(); }},
      {"assign-owners", [] { return createAssignOwners(); }},
      {"divide-reductions", [] { return createDivideReductions(); }},
      {"derive-masks", [] { return createDeriveMasks(); }},
      {"choose-partial-sums", [] { return createChoosePartialSums(); }},
      {"insert-exchanges", [] { return createInsertExchanges(); }},
      {"split-into-shards", [] { return createSplitIntoShards(); }},
      {"schedule", [] { return createSchedule(); }},
      {"check-schedule", [] { return createCheckSchedule(); }},
      {"assign-layouts", [] { return createAssignLayouts(); }},
      {"choose-kernels", [] { return createChooseKernels(); }},
      {"plan-memory", [] { return createPlanMemory(); }},
      {"check-plan", [] { return createCheckSchedule(); }},
  };
  return all;
}

void disco::buildPipeline(OpPassManager &manager, StringRef last, StringRef after) {
  bool isBehind = after.empty();
  for (const Stage &stage : stages()) {
    if (isBehind)
      manager.addPass(stage.create());
    isBehind |= stage.name == after;
    if (stage.name == last)
      break;
  }
}

static int64_t integerAttr(ModuleOp module, StringRef name, int64_t otherwise) {
  auto attr = module->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

int64_t disco::nodesOf(ModuleOp module) { return integerAttr(module, kNodesAttr, 1); }

int64_t disco::inFlightOf(ModuleOp module) { return integerAttr(module, kInFlightAttr, 1); }

Roots disco::rootsOf(ModuleOp module) {
  const int64_t input = integerAttr(module, kRootAttr, 0);
  return {input, integerAttr(module, kOutputAtAttr, input), !module->hasAttr(kDispatcherAttr)};
}

SmallVector<int64_t> disco::computingRanks(ModuleOp module) {
  const Roots roots = rootsOf(module);
  SmallVector<int64_t> ranks;
  for (int64_t rank = 0; rank < nodesOf(module); ++rank)
    if (!roots.isDispatcher(rank))
      ranks.push_back(rank);
  return ranks;
}

std::vector<SmallVector<int64_t>> disco::stageRanksOf(ModuleOp module) {
  std::vector<SmallVector<int64_t>> stages;
  if (auto stated = module->getAttrOfType<ArrayAttr>(kStagesAttr))
    for (auto stage : stated.getAsRange<DictionaryAttr>())
      stages.emplace_back(stage.getAs<DenseI64ArrayAttr>("nodes").asArrayRef());
  else if (module->hasAttr(kDispatcherAttr))
    stages.push_back(computingRanks(module));
  return stages;
}

std::vector<int64_t> disco::stagesByRank(ModuleOp module) {
  std::vector<int64_t> byRank;
  for (auto [index, ranks] : llvm::enumerate(stageRanksOf(module))) {
    byRank.resize(nodesOf(module), -1);
    for (int64_t rank : ranks)
      if (rank >= 0 && rank < nodesOf(module))
        byRank[rank] = static_cast<int64_t>(index);
  }
  return byRank;
}

func::FuncOp disco::mainOf(ModuleOp module) {
  auto functions = module.getOps<func::FuncOp>();
  if (functions.empty()) {
    module.emitError("has no function: is it split into shards already?");
    return {};
  }
  return *functions.begin();
}

SmallVector<ModuleOp> disco::shardsOf(ModuleOp module) {
  SmallVector<ModuleOp> shards;
  for (ModuleOp shard : module.getOps<ModuleOp>())
    if (shard->hasAttr(kRankAttr))
      shards.push_back(shard);
  return shards;
}

func::FuncOp disco::inferOf(ModuleOp shard) { return *shard.getOps<func::FuncOp>().begin(); }
