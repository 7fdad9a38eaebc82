//===- ModuleNotes.cpp - what a module's attributes say of its model ------===//
// SPDX-License-Identifier: Apache-2.0
//
// A planned module in text form is all that emission needs, so everything that ends up in the
// emitted files travels on the module.
#include "codegen/Codegen.h"
#include "mlir/IR/Builders.h"
#include "passes/BufferPlan.h"
#include <map>

using namespace mlir;
using namespace disco;

void disco::writeEmitOptions(ModuleOp module, const EmitOptions &options) {
  Builder builder(module.getContext());
  auto text = [&](StringRef name, StringRef value) {
    return builder.getNamedAttr(name, builder.getStringAttr(value));
  };
  module->setAttr(kModelAttr, builder.getDictionaryAttr(
                                  {text("name", options.modelName), text("file", options.modelFile),
                                   text("sha256", options.modelSha256),
                                   text("compiler", options.compilerVersion)}));
  SmallVector<NamedAttribute> settings;
  for (auto &[key, value] : options.settings)
    settings.push_back(text(key, value));
  module->setAttr(kSettingsAttr, builder.getDictionaryAttr(settings));
  module->setAttr("disco.cluster", builder.getStringAttr(discoc::toToml(options.cluster)));
  SmallVector<int64_t> bare;
  discoc::Diagnostics ignored;
  for (auto [rank, node] : llvm::enumerate(options.cluster.nodes))
    if (node.board != "linux")
      if (auto board = discoc::readBoard(node.board, ignored); board && !board->isLinux())
        bare.push_back(static_cast<int64_t>(rank));
  if (!bare.empty())
    module->setAttr(kInputsInArenaAttr, builder.getDenseI64ArrayAttr(bare));
  SmallVector<Attribute> labels;
  for (const std::string &label : options.labels)
    labels.push_back(builder.getStringAttr(label));
  module->setAttr(kLabelsAttr, builder.getArrayAttr(labels));
  if (options.preprocess)
    module->setAttr(kPreprocessAttr, builder.getStringAttr(discoc::toJson(*options.preprocess)));
}

EmitOptions disco::readEmitOptions(ModuleOp module) {
  EmitOptions options;
  auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr);
  auto text = [&](StringRef name) {
    auto attr = model ? model.getAs<StringAttr>(name) : StringAttr();
    return attr ? attr.str() : "model";
  };
  options.modelName = text("name");
  options.modelFile = text("file");
  options.modelSha256 = text("sha256");
  options.compilerVersion = text("compiler");
  if (auto settings = module->getAttrOfType<DictionaryAttr>(kSettingsAttr))
    for (NamedAttribute entry : settings)
      options.settings[entry.getName().str()] = cast<StringAttr>(entry.getValue()).str();
  discoc::Diagnostics ignored;
  int64_t nodes = nodesOf(module);
  if (auto cluster = module->getAttrOfType<StringAttr>("disco.cluster"))
    if (auto parsed = discoc::parseCluster(cluster.str(), "disco.cluster", nodes, ignored))
      options.cluster = *parsed;
  if (static_cast<int64_t>(options.cluster.nodes.size()) != nodes)
    options.cluster = discoc::defaultCluster(nodes);
  if (auto labels = module->getAttrOfType<ArrayAttr>(kLabelsAttr))
    for (auto label : labels.getAsRange<StringAttr>())
      options.labels.push_back(label.str());
  if (auto preprocess = module->getAttrOfType<StringAttr>(kPreprocessAttr))
    options.preprocess = discoc::parsePreprocess(preprocess.str(), "disco.preprocess", ignored);
  return options;
}

discoc::Owners disco::makeOwners(ModuleOp module) {
  discoc::Owners owners;
  owners.nodes = nodesOf(module);
  for (auto entry : module->getAttrOfType<ArrayAttr>(kTensorsAttr).getAsRange<DictionaryAttr>()) {
    auto layout = entry.getAs<OwnedAttr>("owners");
    if (!layout || layout.getAxis() < 0)
      continue;
    discoc::OwnerMap map;
    map.axis = layout.getAxis();
    for (SetAttr set : layout.getSets())
      map.owners.push_back(set.getSet());
    owners.tensors[entry.getAs<StringAttr>("name").str()] = std::move(map);
  }
  return owners;
}

/// The masks in use, as a file from which compiling again gives the same programs.
///
/// For that the file must leave nothing open. It has an entry for every pair of nodes that could
/// exchange features for a contraction, also where the list of channels is empty, and it says that
/// weights outside the masks are zero. It does not matter in which of the four ways the masks were
/// stated.
discoc::Masks disco::makeMasks(ModuleOp module) {
  discoc::Masks masks;
  masks.nodes = nodesOf(module);
  masks.apply = discoc::Masks::Apply::Zero;
  auto noted = module->getAttrOfType<ArrayAttr>(kMasksAttr).getAsRange<DictionaryAttr>();
  std::map<std::string, int>
      uses; // masks are stated by name: an op that became several contractions has none
  for (auto entry : noted)
    ++uses[entry.getAs<StringAttr>("op").str()];
  for (auto entry : noted) {
    auto sources = entry.getAs<OwnedAttr>("sources"), readers = entry.getAs<OwnedAttr>("readers");
    if (!sources || !readers || uses[entry.getAs<StringAttr>("op").str()] > 1)
      continue;
    std::map<std::pair<int64_t, int64_t>, IndexSet> channels;
    for (auto route : entry.getAs<ArrayAttr>("routes").getAsRange<RouteAttr>())
      channels[{route.getFrom(), route.getTo()}] = route.getSet();
    for (int64_t from = 0; from < masks.nodes; ++from)
      for (int64_t to = 0; to < masks.nodes; ++to)
        if (!sources.getSet(from).empty() && !readers.getSet(to).empty())
          masks.entries.push_back(
              {entry.getAs<StringAttr>("op").str(), from, to, channels[{from, to}]});
  }
  return masks;
}
