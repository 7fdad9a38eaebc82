//===- Frontend.cpp - from a model file to a module -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Frontend.h"
#include "codegen/Codegen.h"
#include "codegen/Times.h"
#include "compiler/dialect/WireForm.h"
#include "compiler/dialect/WireFormat.h"
#include "compiler/driver/Directives.h"
#include "compiler/driver/PictureInputs.h"
#include "compiler/driver/PlanChoice.h"
#include "compiler/driver/States.h"
#include "compiler/driver/Version.h"
#include "compiler/formats/Metadata.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "compiler/formats/ThisHost.h"
#include "compiler/import/Import.h"
#include "compiler/import/ModelHash.h"
#include "compiler/import/OnnxReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/layouts/Layout.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace mlir;
using namespace disco;

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

static NameLoc findName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name;
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location inner : fused.getLocations())
      if (NameLoc name = findName(inner))
        return name;
  return {};
}

static std::string findDescription(Location loc) {
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    if (auto text = dyn_cast_or_null<StringAttr>(fused.getMetadata()))
      return text.str();
    for (Location inner : fused.getLocations())
      if (std::string text = findDescription(inner); !text.empty())
        return text;
  }
  return {};
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context, std::string file) : context(context) {
  handler =
      context.getDiagEngine().registerHandler([file = std::move(file)](Diagnostic &diagnostic) {
        bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
        std::string text;
        llvm::raw_string_ostream os(text);
        os << file << ": ";
        if (NameLoc name = findName(diagnostic.getLocation())) {
          os << "op '" << discoc::printable(name.getName().getValue(), discoc::maxShownName) << "'";
          if (std::string type = findDescription(diagnostic.getLocation()); !type.empty())
            os << " (" << discoc::printable(type, discoc::maxShownName) << ")";
          os << ": ";
        }
        os << diagnostic;
        discoc::hideProgress();
        if (isError)
          printError(text);
        else
          llvm::errs() << "warning: " << discoc::printable(text, discoc::maxShownText) << "\n";
        return success();
      });
}

void disco::printError(const Twine &text) {
  discoc::hideProgress();
  llvm::errs() << "error: " << discoc::printable(text.str(), discoc::maxShownText) << "\n";
}

std::string disco::quoted(StringRef name) {
  return "'" + discoc::printable(name, discoc::maxShownName) + "'";
}

DiagnosticPrinter::~DiagnosticPrinter() { context.getDiagEngine().eraseHandler(handler); }

static void print(const discoc::Diagnostics &diagnostics) {
  for (const discoc::Diagnostic &diagnostic : diagnostics)
    llvm::errs() << "error: " << diagnostic.str() << "\n";
}

void disco::print(const discoc::importer::Diagnostics &diagnostics) {
  discoc::hideProgress();
  for (const discoc::importer::Diagnostic &diagnostic : diagnostics)
    llvm::errs() << "error: " << diagnostic.str() << "\n";
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

std::unique_ptr<MLIRContext> disco::makeContext() {
  DialectRegistry registry;
  registry.insert<DiscoDialect, func::FuncDialect>();
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

/// `name=size` and `NAME=AxBxC`.
static bool parsePins(const discoc::ModelOptions &options, std::map<std::string, int64_t> &pins,
                      std::map<std::string, std::vector<int64_t>> &shapes,
                      discoc::importer::Diagnostics &errors) {
  auto fail = [&](const Twine &option, const char *advice) {
    errors.push_back({option.str() + ": expected " + advice, "", "", "", "", 0});
    return false;
  };
  for (StringRef pin : options.pins) {
    auto [name, size] = pin.rsplit('=');
    int64_t value = 0;
    if (name.empty() || size.getAsInteger(10, value) || value < 0)
      return fail("--pin " + pin, "NAME=SIZE, such as --pin batch=1");
    pins[name.str()] = value;
  }
  for (StringRef shape : options.inputShapes) {
    auto [name, extents] = shape.rsplit('=');
    std::vector<int64_t> dims;
    SmallVector<StringRef> parts;
    extents.split(parts, 'x');
    for (StringRef part : parts) {
      int64_t value = 0;
      if (name.empty() || part.getAsInteger(10, value) || value < 0)
        return fail("--input-shape " + shape, "NAME=AxBxC, such as --input-shape x=1x3x224x224");
      dims.push_back(value);
    }
    shapes[name.str()] = std::move(dims);
  }
  return true;
}

/// `NAME=VALUE`. Values have no =, names may.
static bool parseSets(const discoc::ModelOptions &options,
                      std::map<std::string, std::string> &values,
                      discoc::importer::Diagnostics &errors) {
  for (StringRef set : options.sets) {
    auto [name, value] = set.rsplit('=');
    if (name.empty() || value.empty() || !values.emplace(name, value).second) {
      errors.push_back(
          {"--set " + set.str() + ": expected NAME=VALUE, each name once, such as --set sr=16000",
           "", "", "", "", 0});
      return false;
    }
  }
  return true;
}

/// Letters, digits and underscores, beginning with a letter.
static std::string symbolName(StringRef path) {
  std::string name;
  for (char c : llvm::sys::path::stem(path))
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || !llvm::isAlpha(name.front()))
    name = "m" + name;
  return name;
}

/// What cannot be had with several inferences in flight is said.
static bool canOverlap(const discoc::ModelOptions &options, const discoc::Cluster &cluster) {
  const std::string asked = "--in-flight " + std::to_string(options.inFlight);
  const auto board = llvm::find_if(llvm::seq<size_t>(0, cluster.nodes.size()), [&](size_t rank) {
    return cluster.isBare(static_cast<int64_t>(rank));
  });
  if (options.inFlight == 1)
    return true;
  if (!options.states.empty())
    printError(asked + ": with --state an inference begins where the one before has ended, so none "
                       "overlap in this version of discoc; leave --in-flight out");
  else if (options.trace)
    printError(asked + ": programs note the steps of one inference after the other; leave --trace "
                       "or --in-flight out");
  else if (board != llvm::seq<size_t>(0, cluster.nodes.size()).end())
    printError(asked + ": node " + std::to_string(*board) +
               " is a board without an operating system, which computes one inference at a time "
               "in this version of discoc; leave --in-flight out");
  else
    return true;
  return false;
}

/// Boards without an operating system have no libraries.
static bool canCompress(const discoc::ModelOptions &options, const discoc::Cluster &cluster) {
  const std::optional<Compression> compression = parseCompression(options.compress);
  if (!compression) {
    printError("--wire-compress " + options.compress +
               ": expected none, sparse, lz4, zfp, or zfp:P with P from 2 to 64");
    return false;
  }
  const bool isSparse =
      compression->kind == WireForm::Kind::Plain || compression->kind == WireForm::Kind::Sparse;
  for (size_t rank = 0; rank < cluster.nodes.size() && !isSparse; ++rank) {
    if (!cluster.isBare(static_cast<int64_t>(rank)))
      continue;
    printError("--wire-compress " + options.compress + ": node " + std::to_string(rank) +
               " is a board without an operating system, which has no such library; "
               "--wire-compress sparse needs none");
    return false;
  }
  return true;
}

static bool noteOptions(ModuleOp module, const discoc::ModelOptions &options, const States &states,
                        const discoc::importer::Model &model, const std::string &sha256,
                        const discoc::Cluster &cluster, bool hasPlan) {
  EmitOptions notes;
  notes.modelName = options.name.empty() ? symbolName(options.model) : options.name;
  notes.modelFile = llvm::sys::path::filename(options.model).str();
  SmallString<256> path(options.model);
  llvm::sys::fs::make_absolute(path);
  llvm::sys::path::remove_dots(path);
  notes.modelPath = std::string(path);
  notes.modelSha256 = sha256;
  notes.compilerVersion = DISCOC_VERSION;
  notes.cluster = cluster;
  notes.settings["nodes"] = std::to_string(cluster.nodes.size());
  if (options.featuresOnly) {
    notes.settings["exchange"] = "features";
    module->setAttr(kFeaturesOnlyAttr, UnitAttr::get(module.getContext()));
  }
  if (options.exactOrder) {
    notes.settings["order"] = "exact";
    module->setAttr(kExactOrderAttr, UnitAttr::get(module.getContext()));
  }
  if (options.inFlight > 1) {
    notes.settings["in-flight"] = std::to_string(options.inFlight);
    module->setAttr(kInFlightAttr,
                    Builder(module.getContext()).getI64IntegerAttr(options.inFlight));
  }
  if (hasPlan) {
    notes.settings["strategy"] = "plan";
  } else if (!options.strategy.empty() && options.strategy != strategies().front().name) {
    notes.settings["strategy"] = options.strategy;
    module->setAttr(kStrategyAttr, StringAttr::get(module.getContext(), options.strategy));
  }
  if (!options.shares.empty()) {
    notes.settings["shares"] = llvm::join(
        llvm::map_range(options.shares, [](int64_t share) { return std::to_string(share); }), ",");
    module->setAttr(kSharesAttr, DenseI64ArrayAttr::get(module.getContext(), options.shares));
  }
  if (options.wire != "f32") {
    notes.settings["wire"] = options.wire;
    module->setAttr(kWireAttr, StringAttr::get(module.getContext(), options.wire));
  }
  if (options.compress != "none") {
    notes.settings["wire-compress"] = options.compress;
    module->setAttr(kCompressAttr, StringAttr::get(module.getContext(), options.compress));
  }
  if (options.optimize != "speed") {
    notes.settings["optimize"] = options.optimize;
    module->setAttr(kOptimizeAttr, StringAttr::get(module.getContext(), options.optimize));
  }
  if (!options.layout.empty()) {
    notes.settings["layout"] = options.layout;
    module->setAttr(kLayoutAttr, StringAttr::get(module.getContext(), options.layout));
  }
  if (options.pictureBytes)
    notes.settings["pictures"] = "bytes";
  if (options.trace)
    notes.settings["trace"] = "on";
  if (options.weightCheck)
    notes.settings["weight-check"] = "boards";
  if (options.checkImage)
    notes.settings["check-image"] = "boards";
  if (!options.console.empty())
    notes.settings["console"] = options.console;
  for (const std::string &pin : options.pins)
    notes.settings["pin." + StringRef(pin).rsplit('=').first.str()] =
        StringRef(pin).rsplit('=').second.str();
  for (const std::string &shape : options.inputShapes)
    notes.settings["shape." + StringRef(shape).rsplit('=').first.str()] =
        StringRef(shape).rsplit('=').second.str();
  for (auto &[input, output] : states)
    notes.settings["state." + input] = output;
  for (const std::string &set : options.sets)
    notes.settings["set." + StringRef(set).rsplit('=').first.str()] =
        StringRef(set).rsplit('=').second.str();
  discoc::Diagnostics errors;
  auto metadata = [&](const char *key) -> const std::string * {
    auto entry = model.metadata.find(key);
    return entry == model.metadata.end() ? nullptr : &entry->second;
  };
  if (const std::string *text = metadata(discoc::metadataLabels))
    if (auto labels = discoc::parseLabels(*text, notes.modelFile + ": discoc.labels", errors))
      notes.labels = *labels;
  if (const std::string *text = metadata(discoc::metadataShow))
    notes.settings["show"] = *text;
  if (const std::string *text = metadata(discoc::metadataPreprocess))
    notes.preprocess =
        discoc::parsePreprocess(*text, notes.modelFile + ": discoc.preprocess", errors);
  print(errors);
  if (!errors.empty())
    return false;
  writeEmitOptions(module, notes);
  return true;
}

/// The cluster file's, --board's, or hosts.
static std::optional<discoc::Cluster> findNodes(const discoc::ModelOptions &options) {
  if (options.exactOrder && options.wire != "f32") {
    printError("--wire " + options.wire +
               ": with --exact-order features travel as they are; leave --wire out");
    return std::nullopt;
  }
  if (options.exactOrder && StringRef(options.compress).contains(':')) {
    printError("--wire-compress " + options.compress +
               ": with --exact-order features travel as they are; zfp without :P keeps all bits");
    return std::nullopt;
  }
  std::optional<int64_t> nodes;
  if (options.nodes > 0)
    nodes = options.nodes;
  discoc::Diagnostics errors;
  if (options.cluster.empty() && options.board.empty())
    return discoc::defaultCluster(nodes.value_or(1));
  if (options.cluster.empty()) {
    std::optional<discoc::Cluster> cluster;
    if (auto board = discoc::readBoard(options.board, errors))
      cluster = discoc::clusterOf(*board, nodes.value_or(1), errors);
    print(errors);
    return cluster;
  }
  auto cluster = discoc::readCluster(options.cluster, nodes, errors);
  if (cluster && !discoc::resolveCluster(*cluster, options.cluster, errors))
    cluster.reset();
  print(errors);
  if (cluster && (cluster->root.inputAt < 0 || cluster->root.outputAt < 0)) {
    printError(options.cluster +
               ": [root]: input_at and output_at must each name one node, not \"all\", in this "
               "version of discoc");
    return std::nullopt;
  }
  return cluster;
}

/// Gives the hosts that state no target that of --target.
std::optional<discoc::Cluster> disco::findCluster(const discoc::ModelOptions &options) {
  std::optional<discoc::Cluster> cluster = findNodes(options);
  if (!cluster || options.target.empty())
    return cluster;
  discoc::Diagnostics errors;
  const auto target = discoc::parseTarget(options.target, "--target", "", errors);
  ::print(errors);
  if (!target)
    return std::nullopt;
  for (discoc::ClusterNode &node : cluster->nodes)
    if (!node.hasBoard() && !node.statesTarget)
      node.target = *target;
  return cluster;
}

std::optional<discoc::Profile> disco::findProfile(const std::string &path, int64_t vectorBytes) {
  if (path.empty())
    return discoc::nominalProfile(vectorBytes);
  discoc::Diagnostics errors;
  std::optional<discoc::Profile> profile = discoc::readProfile(path, errors);
  if (profile && profile->compiler != DISCOC_VERSION) {
    errors.push_back({path, "$.compiler",
                      "was measured by discoc " + profile->compiler + ", this is " DISCOC_VERSION,
                      "kernels may have changed: measure anew, with 'discoc calibrate'"});
    profile.reset();
  }
  ::print(errors);
  static std::set<std::string> warned; // a search reads it for every candidate
  if (profile && profile->host != discoc::processorName() && warned.insert(path).second) {
    discoc::hideProgress();
    llvm::errs() << "warning: "
                 << discoc::printable(path + ": was measured on '" + profile->host +
                                          "', and this machine is '" + discoc::processorName() +
                                          "': times are those of the first; 'discoc calibrate' "
                                          "measures this one",
                                      discoc::maxShownText)
                 << "\n";
  }
  return profile;
}

static bool checkStrategy(const discoc::ModelOptions &options) {
  if (options.strategy.empty() || createStrategy(options.strategy))
    return true;
  printError("--strategy " + options.strategy + ": there is no such strategy; the strategies are " +
             strategyNames());
  return false;
}

static bool checkLayout(const discoc::ModelOptions &options) {
  if (options.layout.empty() || findLayout(options.layout))
    return true;
  printError("--layout " + options.layout + ": there is no such layout; the layouts are " +
             layoutNames());
  return false;
}

bool disco::checkNames(const discoc::ModelOptions &options) {
  return checkStrategy(options) && checkLayout(options);
}

static std::optional<discoc::importer::Model> readModel(const discoc::ModelOptions &options,
                                                        discoc::importer::Diagnostics &errors) {
  discoc::importer::ReadOptions readOptions;
  readOptions.followLinks = options.followLinks;
  return discoc::importer::readOnnx(options.model, errors, readOptions);
}

std::optional<discoc::importer::Model> disco::readModel(const discoc::ModelOptions &options) {
  discoc::importer::Diagnostics errors;
  auto model = ::readModel(options, errors);
  print(errors);
  return model;
}

std::optional<LoadedModel> disco::importModel(const discoc::ModelOptions &options,
                                              discoc::importer::Diagnostics &errors) {
  std::map<std::string, int64_t> pins;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, std::string> values;
  if (!parsePins(options, pins, shapes, errors) || !parseSets(options, values, errors))
    return std::nullopt;
  LoadedModel loaded;
  loaded.model = ::readModel(options, errors);
  if (!loaded.model || !discoc::importer::pinDimensions(*loaded.model, pins, shapes, errors) ||
      !discoc::importer::setInputs(*loaded.model, values, errors))
    return std::nullopt;
  loaded.context = makeContext();
  DiagnosticPrinter printer(*loaded.context, options.model);
  loaded.module = importModel(*loaded.context, *loaded.model, errors);
  if (!loaded.module || !errors.empty())
    return std::nullopt;
  return loaded;
}

/// Nothing after errors on standard error.
static std::optional<LoadedModel> importOrSay(const discoc::ModelOptions &options) {
  discoc::importer::Diagnostics errors;
  std::optional<LoadedModel> loaded = importModel(options, errors);
  print(errors);
  return loaded;
}

/// Of a division that has to be found first.
static std::optional<LoadedModel> loadChosen(const discoc::ModelOptions &options) {
  std::optional<LoadedModel> loaded = importOrSay(options);
  if (!loaded)
    return std::nullopt;
  DiagnosticPrinter printer(*loaded->context, options.model);
  const std::optional<PlanChoice> choice = choosePlan(*loaded, options);
  if (!choice || failed(noteDivision(*loaded->module, choice->options, *loaded->model,
                                     discoc::importer::hashModel(*loaded->model), choice->cluster,
                                     &choice->plan)))
    return std::nullopt;
  loaded->choice = choice->text;
  return loaded;
}

std::optional<LoadedModel> disco::loadModel(const discoc::ModelOptions &options) {
  if (asksForChoice(options))
    return loadChosen(options);
  std::optional<discoc::Cluster> cluster = findCluster(options);
  if (!cluster || !checkNames(options))
    return std::nullopt;
  std::optional<LoadedModel> loaded = importOrSay(options);
  if (!loaded)
    return std::nullopt;
  DiagnosticPrinter printer(*loaded->context, options.model);
  if (failed(noteDivision(*loaded->module, options, *loaded->model,
                          discoc::importer::hashModel(*loaded->model), *cluster)))
    return std::nullopt;
  return loaded;
}

LogicalResult disco::noteDivision(ModuleOp module, const discoc::ModelOptions &options,
                                  const discoc::importer::Model &model, const std::string &sha256,
                                  const discoc::Cluster &cluster, const discoc::Plan *plan) {
  Builder builder(module.getContext());
  module->setAttr(kNodesAttr,
                  builder.getI64IntegerAttr(static_cast<int64_t>(cluster.nodes.size())));
  module->setAttr(kRootAttr, builder.getI64IntegerAttr(cluster.root.inputAt));
  if (cluster.root.outputAt != cluster.root.inputAt)
    module->setAttr(kOutputAtAttr, builder.getI64IntegerAttr(cluster.root.outputAt));
  if (!cluster.root.compute)
    module->setAttr(kDispatcherAttr, builder.getUnitAttr());
  if (!options.profile.empty()) {
    const std::optional<discoc::Profile> profile = findProfile(options.profile, 0);
    if (!profile)
      return failure();
    module->setAttr(kProfileAttr, builder.getStringAttr(discoc::toJson(*profile)));
  }
  if (!canOverlap(options, cluster) || !canCompress(options, cluster))
    return failure();
  const std::optional<States> states = findStates(module, options.states);
  if (!states ||
      !noteOptions(module, options, *states, model, sha256, cluster, plan || !options.plan.empty()))
    return failure();
  if (!states->empty())
    keepStates(module, *states);
  return failure((options.pictureBytes && failed(takePictures(module))) ||
                 failed(attachDirectives(module, options, model, plan)));
}
