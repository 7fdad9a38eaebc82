//===- MaskDivision.cpp - what the compiler knows of a model that is to get masks ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/MaskDivision.h"
#include "codegen/Codegen.h"
#include "codegen/Times.h"
#include "compiler/dialect/Target.h"
#include "compiler/driver/Frontend.h"
#include "mlir/Pass/PassManager.h"
#include "passes/LayerSummary.h"
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

static bool runStages(ModuleOp module, StringRef last, StringRef after = "") {
  PassManager manager(module.getContext());
  buildPipeline(manager, last, after);
  return succeeded(manager.run(module));
}

static std::vector<int64_t> ownerOfEach(OwnedAttr owners, int64_t extent) {
  std::vector<int64_t> ranks(static_cast<size_t>(extent), 0);
  for (int64_t rank = 0; rank < owners.getNodes(); ++rank)
    owners.getSet(rank).forEach([&](int64_t i) { ranks[static_cast<size_t>(i)] = rank; });
  return ranks;
}

using Classes = std::map<std::string, std::vector<int64_t>>;

/// Of the simplified program.
static Classes classesOf(ModuleOp module) {
  func::FuncOp main = mainOf(module);
  Problem problem(main, nodesOf(module), rootsOf(module).input, CostModel(clusterOf(module)));
  problem.ownerMap = ownerMapOf(module).value_or(1);
  if (llvm::any_of(problem.tensors, [&](Value tensor) { return problem.statedFor(tensor); }))
    return {};
  Classes classes;
  for (auto &[tensor, each] : tiedClasses(problem))
    classes[tensorName(tensor).str()] = each;
  return classes;
}

/// Leaves out tensors that have no owner maps by now, or are divided another way.
static void keepOwned(Classes &classes, const discoc::Owners &owners) {
  std::erase_if(classes, [&](const auto &each) {
    auto map = owners.tensors.find(each.first);
    int64_t channels = 0;
    if (map != owners.tensors.end())
      for (const discoc::IndexSet &set : map->second.owners)
        channels += set.size();
    return channels != static_cast<int64_t>(each.second.size());
  });
}

static std::vector<int64_t> classesOf(Value tensor, const Classes &classes, int64_t channels) {
  auto found = classes.find(tensorName(tensor).str());
  const bool fits =
      found != classes.end() && static_cast<int64_t>(found->second.size()) == channels;
  return fits ? found->second : std::vector<int64_t>(static_cast<size_t>(channels), -1);
}

/// Nothing where its input is not divided along the channels that it sums over.
static std::optional<discoc::mask::Division> describe(ContractionOpInterface op,
                                                      const Classes &classes) {
  std::optional<Contraction> contraction = op.getContraction();
  Value input = op->getOperand(0);
  auto routes = op->getAttrOfType<ArrayAttr>(kMaskAttr);
  if (!contraction || !routes || isConstant(input))
    return std::nullopt;
  OwnedAttr inputs = ownersOf(input), outputs = ownersOf(op->getResult(0));
  if (inputs.getAxis() != contraction->inputAxis || outputs.getAxis() != contraction->resultAxis)
    return std::nullopt;
  RankedTensorType type = tensorType(input);
  const int64_t columns = type.getDimSize(contraction->inputAxis);
  const int64_t rows = tensorType(op->getResult(0)).getDimSize(contraction->resultAxis);
  discoc::mask::Division divided;
  divided.op = opName(op);
  divided.rowOwner = ownerOfEach(outputs, rows);
  divided.columnOwner = ownerOfEach(inputs, columns);
  divided.rowClass = classesOf(op->getResult(0), classes, rows);
  divided.columnClass = classesOf(input, classes, columns);
  divided.reads.assign(static_cast<size_t>(outputs.getNodes()),
                       std::vector<char>(static_cast<size_t>(columns), 0));
  for (auto route : routes.getAsRange<RouteAttr>())
    route.getSet().forEach([&](int64_t column) {
      divided.reads[static_cast<size_t>(route.getTo())][static_cast<size_t>(column)] = 1;
    });
  divided.bytes = type.getNumElements() / columns * (type.getElementTypeBitWidth() / 8);
  return divided;
}

static std::vector<discoc::mask::Division> describeAll(ModuleOp module, const Classes &classes) {
  std::vector<discoc::mask::Division> all;
  llvm::DenseMap<Value, int64_t> features;
  mainOf(module).walk([&](ContractionOpInterface op) {
    std::optional<discoc::mask::Division> one = describe(op, classes);
    if (!one)
      return;
    // What the root hands out is no exchange.
    if (!isa_and_nonnull<InputOp>(op->getOperand(0).getDefiningOp()))
      one->feature = features.try_emplace(op->getOperand(0), static_cast<int64_t>(features.size()))
                         .first->second;
    all.push_back(std::move(*one));
  });
  return all;
}

/// Nothing after errors on standard error, or where no link states its speed.
static FailureOr<std::optional<int64_t>> predictLatency(ModuleOp module,
                                                        const discoc::ModelOptions &options) {
  if (options.cluster.empty())
    return std::optional<int64_t>();
  const std::optional<discoc::Profile> profile =
      findProfile(options.profile, vectorBytes(clusterOf(module).getNode(0)));
  FailureOr<TimedSchedule> timed = TimedSchedule::read(module);
  if (!profile || failed(timed))
    return failure();
  Times times(*timed, &*profile);
  if (!times.knowsAll())
    return std::optional<int64_t>();
  return std::optional<int64_t>(
      runSchedule(timed->schedule, times.timing(), 1, 0).finished.front());
}

std::optional<discoc::ModelDivision> discoc::divideModel(const ModelOptions &options) {
  std::optional<LoadedModel> loaded = loadModel(options);
  if (!loaded)
    return std::nullopt;
  DiagnosticPrinter printer(*loaded->context, options.model);
  ModuleOp module = *loaded->module;
  if (!runStages(module, "simplify"))
    return std::nullopt;
  ModelDivision division;
  division.classes = classesOf(module);
  if (!runStages(module, "derive-masks", "simplify"))
    return std::nullopt;
  noteLayers(module, mainOf(module));
  division.owners = makeOwners(module);
  keepOwned(division.classes, division.owners);
  division.contractions = describeAll(module, division.classes);
  if (!runStages(module, stages().back().name, "derive-masks"))
    return std::nullopt;
  FailureOr<EmitOptions> emitOptions = readEmitOptions(module);
  if (failed(emitOptions))
    return std::nullopt;
  const Report report = makeReport(module, *emitOptions, "");
  division.exchangedBytes = report.cluster.exchanged.bytes;
  FailureOr<std::optional<int64_t>> latency = predictLatency(module, options);
  if (failed(latency))
    return std::nullopt;
  division.latencyNs = *latency;
  division.model = std::move(*loaded->model);
  return division;
}
