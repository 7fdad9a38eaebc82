//===- Directives.cpp - masks and owner maps that users state -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Directives.h"
#include "codegen/Codegen.h"
#include "compiler/dialect/Replication.h"
#include "compiler/driver/Frontend.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/Printable.h"
#include "passes/DenseMasks.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace mlir;
using namespace disco;

/// The default map of what states none.
static constexpr int64_t kDefaultOwnerMap = discoc::latestOwnerMap;

namespace {

/// A directive and where it came from.
template <typename T> struct Stated {
  std::optional<T> value;
  std::string source;
  bool failed = false;
};

/// The file when one is named, else the metadata entry, else nothing.
/// Of `members` nodes it is for those of every stage; 0: there are none, or not of equal size.
template <typename T, typename Read, typename Parse>
Stated<T> find(const std::string &file, const discoc::importer::Model &model, const char *key,
               int64_t nodes, int64_t members, bool hasStages, Read read, Parse parse) {
  Stated<T> stated;
  discoc::Diagnostics errors, ignored;
  auto entry = model.metadata.find(key);
  if (!file.empty()) {
    stated.source = file;
    if (members > 0)
      stated.value = read(file, members, ignored);
    if (!stated.value)
      stated.value = read(file, nodes, errors);
  } else if (entry != model.metadata.end()) {
    stated.source = llvm::sys::path::filename(model.path).str() + ": " + key;
    stated.value = parse(entry->second, stated.source, errors);
    // Metadata is for the number of nodes for which the model was trained; about others it says
    // nothing.
    if (stated.value && stated.value->nodes != (hasStages ? members : nodes)) {
      stated.value.reset();
      return stated;
    }
  } else {
    return stated;
  }
  llvm::errs() << discoc::toString(errors);
  stated.failed = !stated.value;
  return stated;
}

/// The name among `known` that is nearest to a misspelt one.
std::string suggestion(StringRef name, const std::vector<std::string> &known) {
  std::string best;
  unsigned bestDistance = 1 + static_cast<unsigned>(name.size()) / 2;
  for (const std::string &other : known)
    if (unsigned distance = name.edit_distance(other, true, bestDistance); distance < bestDistance)
      best = other, bestDistance = distance;
  return best.empty() ? "" : "; did you mean " + quoted(best) + "?";
}

class DirectiveAttacher {
public:
  DirectiveAttacher(ModuleOp module, const discoc::importer::Model &model)
      : module(module), model(model) {
    module.walk([&](Operation *op) {
      if (auto input = dyn_cast<InputOp>(op))
        tensors[input.getName()] = op;
      if (auto name = op->getAttrOfType<StringAttr>(kTensorAttr))
        tensors[name.getValue()] = op;
      if (isa<ContractionOpInterface>(op))
        contractions[opName(op)] = op;
    });
  }

  LogicalResult attachMasks(const discoc::Masks &masks, const std::string &source) {
    llvm::MapVector<Operation *, SmallVector<Attribute>> routes;
    bool good = true;
    std::set<std::string> unknown; // an op has an entry for each pair of nodes
    for (auto [i, entry] : llvm::enumerate(masks.entries)) {
      Operation *op = findContraction(entry.op);
      if (!op) {
        good = false;
        if (unknown.insert(entry.op).second)
          complain(source, entry.op);
        continue;
      }
      routes[op].push_back(
          RouteAttr::get(module.getContext(), entry.from, entry.to, entry.channels));
    }
    Builder builder(module.getContext());
    for (auto &[op, list] : routes) {
      SmallVector<NamedAttribute> mask{builder.getNamedAttr("routes", builder.getArrayAttr(list))};
      if (masks.apply == discoc::Masks::Apply::Zero)
        mask.push_back(builder.getNamedAttr("zero", builder.getUnitAttr()));
      if (masks.nodes != nodesOf(module))
        mask.push_back(builder.getNamedAttr(kMembersAttr, builder.getUnitAttr()));
      if (masks.unlisted == discoc::Masks::Unlisted::Empty)
        mask.push_back(builder.getNamedAttr("unlisted_empty", builder.getUnitAttr()));
      op->setAttr(kStatedMaskAttr, builder.getDictionaryAttr(mask));
    }
    return success(good);
  }

  LogicalResult attachOwners(const discoc::Owners &owners, const std::string &source) {
    bool good = true;
    for (auto &[name, map] : owners.tensors) {
      auto at = tensors.find(name);
      if (at == tensors.end()) {
        std::vector<std::string> known;
        for (auto &tensor : tensors)
          known.push_back(tensor.getKey().str());
        printError(source + ": the model has no tensor " + quoted(name) + suggestion(name, known));
        good = false;
        continue;
      }
      good &= attachOwner(at->second, name, map, source);
    }
    return success(good);
  }

private:
  Operation *findContraction(const std::string &name) {
    auto at = contractions.find(name);
    if (at != contractions.end())
      return at->second;
    auto tensor = tensors.find(name);
    return tensor != tensors.end() && isa<ContractionOpInterface>(tensor->second) ? tensor->second
                                                                                  : nullptr;
  }

  void complain(const std::string &source, const std::string &name) {
    for (const discoc::importer::Op &op : model.graph.ops)
      if (op.name == name)
        return printError(source + ": op " + quoted(name) + " (" + op.type + ", opset " +
                          Twine(op.opset) + ") is not a contraction; masks belong to Conv, Gemm " +
                          "and MatMul with constant weights");
    std::vector<std::string> known;
    for (auto &entry : contractions)
      known.push_back(entry.getKey().str());
    printError(source + ": the model has no op " + quoted(name) + suggestion(name, known));
  }

  bool attachOwner(Operation *op, const std::string &name, const discoc::OwnerMap &map,
                   const std::string &source) {
    RankedTensorType type = tensorType(op->getResult(0));
    if (map.axis >= type.getRank()) {
      printError(source + ": the owner map of " + quoted(name) + " divides axis " +
                 Twine(map.axis) + ", but the tensor has rank " + Twine(type.getRank()));
      return false;
    }
    discoc::Diagnostics errors;
    if (!discoc::checkPartition(map, type.getDimSize(map.axis), name, source, errors)) {
      llvm::errs() << discoc::toString(errors);
      return false;
    }
    ArrayRef<IndexSet> sets = map.owners;
    // Inputs are the root's, whatever a map says; maps that discoc itself wrote say so too.
    if (isa<InputOp>(op)) {
      if (static_cast<int64_t>(sets.size()) != nodesOf(module))
        return true; // of a stage's nodes
      bool root = sets[rootsOf(module).input].isAll(type.getDimSize(map.axis));
      if (!root)
        printError(source + ": " + quoted(name) + " is an input of the model, which the root owns");
      return root;
    }
    op->setAttr(kOwnersAttr, OwnedAttr::get(module.getContext(), map.axis, sets));
    return true;
  }

  ModuleOp module;
  const discoc::importer::Model &model;
  llvm::StringMap<Operation *> tensors, contractions;
};

OwnedAttr ownersOf(MLIRContext *context, const discoc::PlannedTensor &tensor, int64_t nodes) {
  if (tensor.why)
    return tensor.among.empty() ? OwnedAttr::replicated(context, nodes)
                                : computedBy(context, tensor.among, nodes);
  if (tensor.owner)
    return OwnedAttr::at(context, *tensor.owner, nodes, /*axis=*/-1, /*extent=*/1);
  return OwnedAttr::get(context, tensor.map->axis, tensor.map->owners);
}

/// The choices of a plan, on the module: disco-assign-owners finds out whether they fit.
void attachPlan(ModuleOp module, const discoc::Plan *plan) {
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (const discoc::PlannedTensor &tensor : plan->tensors)
    entries.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("name", builder.getStringAttr(tensor.name)),
         builder.getNamedAttr("shape", builder.getDenseI64ArrayAttr(tensor.shape)),
         builder.getNamedAttr("owners", ownersOf(module.getContext(), tensor, plan->nodes)),
         builder.getNamedAttr("reason", builder.getStringAttr(tensor.why.value_or("")))}));
  module->setAttr(kPlanAttr, builder.getArrayAttr(entries));
  if (!plan->stages.empty())
    attachStages(module, plan->stages);
  module->setAttr(kStrategyAttr, builder.getStringAttr(plan->strategy));
}

LogicalResult attachPlan(ModuleOp module, const std::string &file) {
  discoc::Diagnostics errors;
  const std::optional<discoc::Plan> plan = discoc::readPlan(file, nodesOf(module), errors);
  llvm::errs() << discoc::toString(errors);
  if (plan)
    attachPlan(module, &*plan);
  return success(plan.has_value());
}

/// How many nodes every stage has; 0: not all as many, or there are no stages.
int64_t membersOf(ModuleOp module) {
  const std::vector<SmallVector<int64_t>> stages = stageRanksOf(module);
  const bool alike = llvm::all_of(stages, [&](const SmallVector<int64_t> &ranks) {
    return ranks.size() == stages.front().size();
  });
  return alike && !stages.empty() ? static_cast<int64_t>(stages.front().size()) : 0;
}

/// By which default map channels are dealt that nothing states. What was stated before the maps had
/// numbers is for the first; of masks alone the pass finds out.
std::optional<int64_t> findOwnerMap(const discoc::ModelOptions &options,
                                    const std::optional<discoc::Owners> &owners,
                                    const std::optional<discoc::Masks> &masks) {
  if (options.ownerMap > 0)
    return options.ownerMap;
  if (!options.shares.empty() && !owners && (!masks || masks->ownerMap == 0))
    return 2; // the one that deals shares
  if (owners)
    return owners->ownerMap;
  if (masks && masks->ownerMap == 0)
    return std::nullopt;
  return masks ? masks->ownerMap : kDefaultOwnerMap;
}

} // namespace

void disco::attachStages(ModuleOp module, const std::vector<discoc::PlannedStage> &stages) {
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (const discoc::PlannedStage &stage : stages)
    entries.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("nodes", builder.getDenseI64ArrayAttr(stage.nodes)),
         builder.getNamedAttr("from", builder.getStringAttr(stage.from))}));
  module->setAttr(kStagesAttr, builder.getArrayAttr(entries));
}

LogicalResult disco::attachDirectives(ModuleOp module, const discoc::ModelOptions &options,
                                      const discoc::importer::Model &model,
                                      const discoc::Plan *plan) {
  if (plan)
    attachPlan(module, plan);
  else if (!options.plan.empty() && failed(attachPlan(module, options.plan)))
    return failure();
  const int64_t nodes = nodesOf(module), members = membersOf(module);
  const bool hasStages = !stageRanksOf(module).empty();
  auto masks = find<discoc::Masks>(
      options.masks, model, discoc::metadataMasks, nodes, members, hasStages,
      [](const std::string &file, int64_t n, discoc::Diagnostics &errors) {
        return discoc::readMasks(file, n, errors);
      },
      [](const std::string &text, const std::string &source, discoc::Diagnostics &errors) {
        return discoc::parseMasks(text, source, std::nullopt, errors);
      });
  auto owners = find<discoc::Owners>(
      options.owners, model, discoc::metadataOwners, nodes, members, hasStages,
      [](const std::string &file, int64_t n, discoc::Diagnostics &errors) {
        return discoc::readOwners(file, n, errors);
      },
      [](const std::string &text, const std::string &source, discoc::Diagnostics &errors) {
        return discoc::parseOwners(text, source, std::nullopt, errors);
      });
  if (module->hasAttr(kDenseAttr))
    masks.value.reset();
  if (masks.failed || owners.failed)
    return failure();
  auto strategy = module->getAttrOfType<StringAttr>(kStrategyAttr);
  bool isDefault = !strategy || strategy.getValue() == strategies().front().name || members > 1;
  std::optional<int64_t> number = findOwnerMap(options, owners.value, masks.value);
  if (isDefault && number)
    module->setAttr(kOwnerMapAttr, Builder(module.getContext()).getI64IntegerAttr(*number));
  DirectiveAttacher attacher(module, model);
  if (masks.value && failed(attacher.attachMasks(*masks.value, masks.source)))
    return failure();
  return owners.value ? attacher.attachOwners(*owners.value, owners.source) : success();
}
