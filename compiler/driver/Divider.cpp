//===- Divider.cpp - one imported model divided in many ways --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Divider.h"
#include "codegen/BoardMemory.h"
#include "compiler/driver/Directives.h"
#include "compiler/driver/PlanPinning.h"
#include "compiler/import/ModelHash.h"
#include "mlir/Pass/PassManager.h"
#include "passes/DenseMasks.h"
#include "passes/ExplainCover.h"
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

bool Divided::fits() const {
  ModuleOp planned = *module;
  for (auto [index, shard] : llvm::enumerate(shardsOf(planned))) {
    const auto rank = static_cast<int64_t>(index);
    if (!emit.cluster.isBare(rank))
      continue;
    const discoc::Board &board = *emit.cluster.boardOf(rank);
    ModelEmitter emitter(shard, emit);
    if (!shortages(boardMemory(emitter, emit, rank, board), board).empty())
      return false;
  }
  return true;
}

Divider::Divider(LoadedModel &loaded)
    : loaded(loaded), sha256(discoc::importer::hashModel(*loaded.model)) {}

/// Takes out of all masks what one node reads of another, but what the root hands out.
static void isolate(ModuleOp module) {
  mainOf(module).walk([&](ContractionOpInterface op) {
    auto mask = op->getAttrOfType<ArrayAttr>(kMaskAttr);
    if (!mask || isa_and_nonnull<InputOp>(op->getOperand(0).getDefiningOp()))
      return;
    SmallVector<Attribute> own;
    for (auto route : mask.getAsRange<RouteAttr>())
      if (route.getFrom() == route.getTo())
        own.push_back(route);
    op->setAttr(kMaskAttr, ArrayAttr::get(module.getContext(), own));
  });
}

/// What disco-choose-partial-sums noted, off the module again.
static std::optional<Cover> takeCover(ModuleOp module) {
  module->removeAttr(kExplainAttr);
  auto noted = dyn_cast_or_null<DictionaryAttr>(module->removeAttr(kCoverAttr));
  if (!noted)
    return std::nullopt;
  Cover cover;
  if (auto why = noted.getAs<StringAttr>("why_features")) {
    cover.whyFeatures = why.str();
    return cover;
  }
  cover.features = noted.getAs<IntegerAttr>("features").getInt();
  cover.sums = noted.getAs<IntegerAttr>("sums").getInt();
  cover.inTime = noted.getAs<BoolAttr>("in_time").getValue();
  cover.sendsSums = noted.getAs<BoolAttr>("sends_sums").getValue();
  for (auto name : noted.getAs<ArrayAttr>("tied").getAsRange<StringAttr>())
    cover.tied.push_back(name.str());
  return cover;
}

static LogicalResult runStages(ModuleOp module, StringRef last, StringRef after) {
  PassManager manager(module.getContext());
  manager.enableVerifier(false); // what is compiled is verified; this is only looked at
  buildPipeline(manager, last, after);
  return manager.run(module);
}

OwningOpRef<ModuleOp> Divider::run(const Way &way, StringRef last) {
  OwningOpRef<ModuleOp> module(loaded.module->clone());
  if (way.dense)
    module.get()->setAttr(kDenseAttr, UnitAttr::get(loaded.context.get()));
  if (!way.shares.empty())
    module.get()->setAttr(kSharesAttr, DenseI64ArrayAttr::get(loaded.context.get(), way.shares));
  if (way.pins && !way.pins->stages.empty())
    attachStages(*module, way.pins->stages);
  // Pins name what is there once it is simplified.
  if (failed(noteDivision(*module, way.options, *loaded.model, sha256, way.cluster)) ||
      failed(runStages(*module, "simplify", "")) ||
      (way.pins && failed(attachPins(*module, *way.pins, way.pinsFile))) ||
      failed(runStages(*module, last, "simplify")))
    return {};
  return module;
}

std::optional<discoc::Plan> Divider::plan(const Way &way) {
  OwningOpRef<ModuleOp> module = run(way, "assign-owners");
  if (!module)
    return std::nullopt;
  return makePlan(*module, planOf(mainOf(*module)));
}

std::optional<Divided> Divider::divide(const Way &way) {
  constexpr llvm::StringLiteral masks = "derive-masks";
  Divided divided;
  divided.module = run(way, masks);
  if (!divided.module)
    return std::nullopt;
  ModuleOp module = *divided.module;
  if (way.isolated)
    isolate(module);
  constexpr llvm::StringLiteral sums = "choose-partial-sums";
  if (!way.explain.empty())
    module->setAttr(kExplainAttr, StringAttr::get(module.getContext(), way.explain));
  if (failed(runStages(module, sums, masks)))
    return std::nullopt;
  divided.cover = takeCover(module);
  if (failed(runStages(module, stages().back().name, sums)))
    return std::nullopt;
  FailureOr<EmitOptions> emit = readEmitOptions(module);
  FailureOr<TimedSchedule> timed = TimedSchedule::read(module);
  if (failed(emit) || failed(timed))
    return std::nullopt;
  divided.emit = std::move(*emit);
  divided.timed = std::move(*timed);
  divided.report = makeReport(module, divided.emit, /*buildHash=*/"");
  return divided;
}

discoc::ModelOptions disco::optionsFor(const discoc::ModelOptions &options, int64_t nodes,
                                       int64_t stated) {
  discoc::ModelOptions own = options;
  own.nodes = nodes;
  if (nodes != stated) {
    own.masks.clear();
    own.owners.clear();
  }
  if (static_cast<int64_t>(own.shares.size()) != nodes)
    own.shares.clear();
  return own;
}
