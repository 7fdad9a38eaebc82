//===- ModuleNotes.cpp - what a module's attributes say of its model ------===//
// SPDX-License-Identifier: Apache-2.0
//
// A planned module in text form is all that emission needs, so everything that ends up in the
// emitted files travels on the module.
#include "codegen/Codegen.h"
#include "compiler/dialect/Replication.h"
#include "mlir/IR/Builders.h"
#include "passes/strategies/Strategy.h"
#include <map>

using namespace mlir;
using namespace disco;

void disco::writeEmitOptions(ModuleOp module, const EmitOptions &options) {
  Builder builder(module.getContext());
  auto text = [&](StringRef name, StringRef value) {
    return builder.getNamedAttr(name, builder.getStringAttr(value));
  };
  module->setAttr(kModelAttr,
                  builder.getDictionaryAttr(
                      {text("name", options.modelName), text("file", options.modelFile),
                       text("path", options.modelPath), text("sha256", options.modelSha256),
                       text("compiler", options.compilerVersion)}));
  SmallVector<NamedAttribute> settings;
  for (auto &[key, value] : options.settings)
    settings.push_back(text(key, value));
  module->setAttr(kSettingsAttr, builder.getDictionaryAttr(settings));
  writeCluster(module, options.cluster);
  SmallVector<Attribute> labels;
  for (const std::string &label : options.labels)
    labels.push_back(builder.getStringAttr(label));
  module->setAttr(kLabelsAttr, builder.getArrayAttr(labels));
  if (options.preprocess)
    module->setAttr(kPreprocessAttr, builder.getStringAttr(discoc::toJson(*options.preprocess)));
}

FailureOr<EmitOptions> disco::readEmitOptions(ModuleOp module) {
  EmitOptions options;
  auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr);
  auto text = [&](StringRef name, const char *otherwise = "model") {
    auto attr = model ? model.getAs<StringAttr>(name) : StringAttr();
    return attr ? attr.str() : otherwise;
  };
  options.modelName = text("name");
  options.modelFile = text("file");
  options.modelPath = text("path", "");
  options.modelSha256 = text("sha256");
  options.compilerVersion = text("compiler");
  if (auto settings = module->getAttrOfType<DictionaryAttr>(kSettingsAttr))
    for (NamedAttribute entry : settings)
      options.settings[entry.getName().str()] = cast<StringAttr>(entry.getValue()).str();
  if (int64_t number = ownerMapOf(module).value_or(1); number != 1)
    options.settings["owner-map"] = std::to_string(number);
  FailureOr<discoc::Cluster> cluster = readCluster(module);
  if (failed(cluster))
    return failure();
  options.cluster = std::move(*cluster);
  if (auto labels = module->getAttrOfType<ArrayAttr>(kLabelsAttr))
    for (auto label : labels.getAsRange<StringAttr>())
      options.labels.push_back(label.str());
  if (auto preprocess = module->getAttrOfType<StringAttr>(kPreprocessAttr)) {
    discoc::Diagnostics errors;
    options.preprocess = discoc::parsePreprocess(preprocess.str(), "disco.preprocess", errors);
    if (!options.preprocess)
      return module.emitError(discoc::toString(errors)), failure();
  }
  return options;
}

static discoc::OwnerMap toOwnerMap(OwnedAttr layout) {
  discoc::OwnerMap map;
  map.axis = layout.getAxis();
  for (SetAttr set : layout.getSets())
    map.owners.push_back(set.getSet());
  return map;
}

discoc::Owners disco::makeOwners(ModuleOp module) {
  discoc::Owners owners;
  owners.nodes = nodesOf(module);
  owners.ownerMap = ownerMapOf(module).value_or(1);
  for (auto entry : module->getAttrOfType<ArrayAttr>(kTensorsAttr).getAsRange<DictionaryAttr>()) {
    auto layout = entry.getAs<OwnedAttr>("owners");
    if (!layout || layout.getAxis() < 0)
      continue;
    owners.tensors[entry.getAs<StringAttr>("name").str()] = toOwnerMap(layout);
  }
  return owners;
}

discoc::Plan disco::makePlan(ModuleOp module, ArrayAttr plan) {
  discoc::Plan file;
  file.nodes = nodesOf(module);
  auto strategy = module->getAttrOfType<StringAttr>(kStrategyAttr);
  file.strategy = strategy ? strategy.str() : strategies().front().name.str();
  if (auto stages = module->getAttrOfType<ArrayAttr>(kStagesAttr))
    for (auto stage : stages.getAsRange<DictionaryAttr>()) {
      auto from = stage.getAs<StringAttr>("from");
      file.stages.push_back(
          {stage.getAs<DenseI64ArrayAttr>("nodes").asArrayRef().vec(), from ? from.str() : ""});
    }
  for (auto entry : plan.getAsRange<DictionaryAttr>()) {
    discoc::PlannedTensor tensor;
    tensor.name = entry.getAs<StringAttr>("name").str();
    tensor.shape = entry.getAs<DenseI64ArrayAttr>("shape").asArrayRef().vec();
    auto owners = entry.getAs<OwnedAttr>("owners");
    if (owners.getAxis() >= 0)
      tensor.map = toOwnerMap(owners);
    else if (owners.isReplicated())
      tensor.why = entry.getAs<StringAttr>("reason").str();
    else
      tensor.owner = ranksOf(owners).front();
    if (tensor.why && !isEverywhere(owners))
      llvm::append_range(tensor.among, ranksOf(owners));
    file.tensors.push_back(std::move(tensor));
  }
  return file;
}

/// So many pairs of nodes are all listed in a masks file. Of more, where most are empty, only the
/// others.
static constexpr size_t kMostListedPairs = 65'536;

namespace {
/// What was noted of the masks of one contraction.
struct NotedMasks {
  std::string op;
  OwnedAttr sources, readers;
  ArrayAttr routes;

  static size_t nodesWith(OwnedAttr owners) {
    return llvm::count_if(owners.getSets(), [](SetAttr set) { return !set.getSet().empty(); });
  }
  size_t pairs() const { return nodesWith(sources) * nodesWith(readers); }

  void addRoutes(std::vector<discoc::MaskEntry> &entries) const {
    for (auto route : routes.getAsRange<RouteAttr>())
      if (isPair(route.getFrom(), route.getTo()))
        entries.push_back({op, route.getFrom(), route.getTo(), route.getSet()});
  }
  void addPairs(std::vector<discoc::MaskEntry> &entries) const {
    std::map<std::pair<int64_t, int64_t>, IndexSet> channels;
    for (auto route : routes.getAsRange<RouteAttr>())
      channels[{route.getFrom(), route.getTo()}] = route.getSet();
    for (int64_t from = 0; from < sources.getNodes(); ++from)
      for (int64_t to = 0; to < sources.getNodes(); ++to)
        if (isPair(from, to))
          entries.push_back({op, from, to, channels[{from, to}]});
  }

private:
  bool isPair(int64_t from, int64_t to) const {
    return !sources.getSet(from).empty() && !readers.getSet(to).empty();
  }
};
} // namespace

/// Masks are stated by name: an op that became several contractions has none.
static std::vector<NotedMasks> notedMasks(ModuleOp module) {
  auto noted = module->getAttrOfType<ArrayAttr>(kMasksAttr).getAsRange<DictionaryAttr>();
  std::map<std::string, int> uses;
  for (auto entry : noted)
    ++uses[entry.getAs<StringAttr>("op").str()];
  std::vector<NotedMasks> all;
  for (auto entry : noted) {
    NotedMasks masks{entry.getAs<StringAttr>("op").str(), entry.getAs<OwnedAttr>("sources"),
                     entry.getAs<OwnedAttr>("readers"), entry.getAs<ArrayAttr>("routes")};
    if (masks.sources && masks.readers && uses[masks.op] == 1)
      all.push_back(masks);
  }
  return all;
}

/// The masks in use, as a file from which compiling again gives the same programs.
///
/// For that the file must leave nothing open. It has an entry for every pair of nodes that could
/// exchange features for a contraction, also where the list of channels is empty, and it says that
/// weights outside the masks are zero. It does not matter in which of the four ways the masks were
/// stated. Of very many pairs the empty ones are said to be so once.
discoc::Masks disco::makeMasks(ModuleOp module) {
  discoc::Masks masks;
  masks.nodes = nodesOf(module);
  masks.ownerMap = ownerMapOf(module).value_or(1);
  masks.apply = discoc::Masks::Apply::Zero;
  std::vector<NotedMasks> noted = notedMasks(module);
  size_t pairs = 0, routes = 0;
  for (const NotedMasks &each : noted) {
    pairs += each.pairs();
    routes += each.routes.size();
  }
  if (pairs > kMostListedPairs && pairs > 2 * routes)
    masks.unlisted = discoc::Masks::Unlisted::Empty;
  for (const NotedMasks &each : noted)
    if (masks.unlisted == discoc::Masks::Unlisted::Empty)
      each.addRoutes(masks.entries);
    else
      each.addPairs(masks.entries);
  return masks;
}
