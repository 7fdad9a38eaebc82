//===- Inspect.cpp - discoc inspect ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "compiler/driver/Advice.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/LoadText.h"
#include "compiler/driver/OpenDimensions.h"
#include "compiler/driver/States.h"
#include "compiler/driver/SummaryText.h"
#include "compiler/driver/WhatIf.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"
#include "compiler/formats/Text.h"
#include "mlir/Pass/PassManager.h"
#include "passes/LayerSummary.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace disco;
using discoc::importer::Dim;
using discoc::importer::Model;
using discoc::importer::ValueInfo;

//===----------------------------------------------------------------------===//
// The model as it was read
//===----------------------------------------------------------------------===//

/// A line; a long one goes on below, broken behind commas.
static void say(StringRef what, const Twine &text) {
  constexpr size_t indent = 11, most = 100 - indent;
  const std::string whole = text.str();
  StringRef left = whole;
  llvm::outs() << what;
  llvm::outs().indent(static_cast<unsigned>(indent - what.size()));
  while (left.size() > most) {
    const size_t comma = left.take_front(most + 1).rfind(", ");
    if (comma == StringRef::npos)
      break;
    llvm::outs() << left.take_front(comma + 1) << "\n";
    llvm::outs().indent(indent);
    left = left.drop_front(comma + 2);
  }
  llvm::outs() << left << "\n";
}

static std::string shownName(StringRef name) {
  return discoc::printable(name, discoc::maxShownName);
}

/// "1x3x224x224", and with names of open dimensions "batch x 3 x ? x ?".
static std::string shapeText(ArrayRef<Dim> dims) {
  const bool open = llvm::any_of(dims, [](const Dim &dim) { return !dim.isFixed(); });
  std::string text;
  for (const Dim &dim : dims)
    text += (text.empty() ? ""
             : open       ? " x "
                          : "x") +
            (dim.isFixed()        ? std::to_string(dim.size)
             : dim.symbol.empty() ? std::string("?")
                                  : shownName(dim.symbol));
  return text.empty() ? "a scalar" : text;
}

static std::string typeName(discoc::ElementType type) {
  const discoc::ElementInfo *info = discoc::elementInfo(type);
  return info && info->name ? info->name : discoc::elemTypeName(type);
}

static std::string valueText(const ValueInfo &value) {
  return shownName(value.name) + ": " + typeName(value.type) + " " +
         (value.hasShape ? shapeText(value.dims) : "of unknown shape");
}

/// "Conv 53, Relu 15": the ops that `counts` takes, by type; empty where there are none.
static std::string opsText(const Model &model,
                           llvm::function_ref<bool(const discoc::importer::Op &)> counts) {
  std::map<std::string, int64_t> found;
  for (const discoc::importer::Op &op : model.graph.ops)
    if (counts(op))
      ++found[(op.domain.empty() ? "" : op.domain + ".") + op.type];
  std::vector<std::pair<std::string, int64_t>> sorted(found.begin(), found.end());
  llvm::stable_sort(sorted, [](const auto &a, const auto &b) { return a.second > b.second; });
  std::string text;
  for (const auto &[type, number] : sorted)
    text += (text.empty() ? "" : ", ") + shownName(type) + " " + std::to_string(number);
  return text;
}

/// What computes one step after the other, or not at all before something is known.
static bool isSequential(const discoc::importer::Op &op) {
  return op.type == "LSTM" || op.type == "GRU" || op.type == "RNN" ||
         llvm::any_of(op.attributes, [](const auto &a) { return !a.graphs.empty(); });
}

static void printModel(const Model &model) {
  say("model", discoc::printable(model.path) + ", opset " + Twine(model.defaultOpset()) +
                   ", IR version " + Twine(model.irVersion));
  for (const ValueInfo &input : model.graph.inputs)
    say("input", valueText(input));
  say("ops", Twine(model.graph.ops.size()) + ": " +
                 opsText(model, [](const discoc::importer::Op &) { return true; }));
  if (const std::string sequential = opsText(model, isSequential); !sequential.empty())
    say("in turn", sequential + " (recurrent, or with sub-graphs)");
  int64_t bytes = 0;
  for (const discoc::importer::Tensor &tensor : model.graph.initializers)
    bytes += static_cast<int64_t>(tensor.bytes.size());
  say("stored",
      discoc::bytes(bytes) + " in " + Twine(model.graph.initializers.size()) + " constant tensors");
}

/// As declared: the import did not get so far that they are known.
static void printOutputs(const Model &model) {
  for (const ValueInfo &output : model.graph.outputs)
    say("output", valueText(output));
}

static void printOutputs(func::FuncOp function) {
  function.walk([](OutputOp op) {
    RankedTensorType type = tensorType(op.getX());
    std::vector<Dim> dims;
    for (int64_t extent : type.getShape())
      dims.push_back({extent, ""});
    say("output", shownName(op.getName()) + ": " + elementInfo(type.getElementType()).name + " " +
                      shapeText(dims));
  });
}

/// What could stay on the nodes between two inferences.
static void printStates(ModuleOp module) {
  std::string pairs;
  for (auto &[input, output] : usualStates(module))
    pairs += (pairs.empty() ? "" : ", ") + shownName(output) + "=" + shownName(input);
  if (!pairs.empty())
    say("state", pairs + ": kept by the nodes with --state auto");
}

static void printOpen(const OpenDimensions &open) {
  std::string names;
  for (const std::string &name : open.names)
    names += (names.empty() ? "" : ", ") + shownName(name);
  say("open",
      names + (open.left.empty() ? "; with sizes that would do, for which the rest is shown:"
                                 : "; give their sizes, such as these:"));
  say("", open.added);
}

//===----------------------------------------------------------------------===//
// The division
//===----------------------------------------------------------------------===//

/// How many of the channels that could be exchanged the masks let through, by op.
static std::map<std::string, double> densitiesOf(ModuleOp module) {
  std::map<std::string, double> densities;
  const int64_t nodes = nodesOf(module);
  mainOf(module).walk([&](ContractionOpInterface op) {
    if (!op.getContraction() || isConstant(op->getOperand(0)) || !op->hasAttr(kMaskAttr))
      return;
    OwnedAttr inputs = ownersOf(op->getOperand(0)), outputs = ownersOf(op->getResult(0));
    int64_t kept = 0, possible = 0;
    for (auto route : op->getAttrOfType<ArrayAttr>(kMaskAttr).getAsRange<RouteAttr>())
      if (route.getFrom() != route.getTo())
        kept += route.getSet().size();
    for (int64_t to = 0; to < nodes; ++to)
      for (int64_t from = 0; from < nodes && !outputs.getSet(to).empty(); ++from)
        possible += from == to ? 0 : inputs.getSet(from).size();
    if (possible > 0)
      densities[opName(op)] = static_cast<double>(kept) / static_cast<double>(possible);
  });
  return densities;
}

/// The recurrences that are one op: no node can compute a step before the one before it is there.
static std::string wholeRecurrences(ModuleOp module) {
  constexpr size_t mostNames = 3;
  SmallVector<std::string> names;
  mainOf(module).walk([&](RecurrentOp op) {
    names.push_back(shownName(opName(op)) + " (" + std::to_string(shapeOf(op.getX())[0]) +
                    " steps)");
  });
  if (names.empty())
    return "";
  const size_t shown = std::min(names.size(), mostNames);
  std::string text = llvm::join(ArrayRef<std::string>(names).take_front(shown), ", ");
  if (names.size() > shown)
    text += ", and " + std::to_string(names.size() - shown) + " more";
  return text + ": every node computes all steps; the products of the inputs are divided";
}

static bool write(const std::string &path, const std::string &text) {
  discoc::Diagnostics diagnostics;
  const bool good = discoc::writeText(path, text, diagnostics);
  llvm::errs() << discoc::toString(diagnostics);
  return good;
}

static bool runStages(ModuleOp module, StringRef last, StringRef after = "") {
  PassManager manager(module.getContext());
  buildPipeline(manager, last, after);
  return succeeded(manager.run(module));
}

/// As far as masks are known; writes what the options ask for.
static bool divide(ModuleOp module, const discoc::InspectOptions &options) {
  if (!runStages(module, "assign-owners"))
    return false;
  if (!options.writePlan.empty() &&
      !write(options.writePlan, discoc::toJson(makePlan(module, planOf(mainOf(module))))))
    return false;
  if (!runStages(module, "derive-masks", "assign-owners"))
    return false;
  if (!options.advise.empty() && !write(options.advise, discoc::toJson(costsOf(module))))
    return false;
  if (options.writeOwners.empty())
    return true;
  noteLayers(module, mainOf(module));
  return write(options.writeOwners, discoc::toJson(makeOwners(module)));
}

static void printDivision(const discoc::Report &report,
                          const std::map<std::string, double> &densities,
                          const std::string &recurrences, bool pairs) {
  say("total", discoc::count(report.oneNode.macs) + " MACs, " +
                   discoc::bytes(report.oneNode.weightBytes) + " of weights");
  say(nodesWord(report), (report.nodes.size() == 1 ? "" : "at most ") + sharesText(report));
  if (report.nodes.size() > 1) {
    say("exchanged", trafficText(report));
    say("in a row", exchangePointsText(report));
    say("undivided", undividedText(report));
    if (!recurrences.empty())
      say("in steps", recurrences);
  }
  if (report.schedule && !report.schedule->stages.empty())
    llvm::outs() << "\nstages (of the busiest node: of its processor, and of its links)\n\n"
                 << stagesText(*report.schedule);
  llvm::outs() << "\nlayers that compute"
               << (report.nodes.size() == 1
                       ? ""
                       : " or read from other nodes (share: the largest node's of the MACs; "
                         "density: of\nthe masks between nodes; read: in all)")
               << "\n\n"
               << layersText(report, densities, pairs);
}

/// Divides and plans all of it, since bytes are known for sure when messages are.
static int inspectDivision(ModuleOp module, const discoc::InspectOptions &options) {
  if (!divide(module, options))
    return discoc::ExitFault;
  const std::map<std::string, double> densities = densitiesOf(module);
  const std::string recurrences = wholeRecurrences(module);
  const int64_t nodes = nodesOf(module);
  if (!runStages(module, stages().back().name, "derive-masks"))
    return discoc::ExitFault;
  FailureOr<EmitOptions> emitOptions = readEmitOptions(module);
  if (failed(emitOptions))
    return discoc::ExitFault;
  discoc::Report report = makeReport(module, *emitOptions, "");
  if (failed(addSchedule(report, module)))
    return discoc::ExitFault;
  printDivision(report, densities, recurrences, nodes == 2 || options.pairs);
  return discoc::ExitSuccess;
}

int discoc::runInspect(const InspectOptions &options) {
  if (options.whatIf)
    return runWhatIf(options);
  std::optional<importer::Model> model = readModel(options.model);
  if (!model)
    return ExitFault;
  printModel(*model);
  const OpenDimensions open = findOpenDimensions(*model, options.model);
  if (open.any())
    printOpen(open);
  if (!open.left.empty()) {
    printOutputs(*model);
    llvm::outs().flush(); // before what is said on standard error
    print(open.left);
    return ExitFault;
  }
  // What others read is for sizes that somebody stated.
  const bool writes =
      !options.writeOwners.empty() || !options.writePlan.empty() || !options.advise.empty();
  std::optional<LoadedModel> loaded = loadModel(writes ? options.model : open.options);
  if (!loaded)
    return ExitFault;
  DiagnosticPrinter printer(*loaded->context, options.model.model);
  printOutputs(mainOf(*loaded->module));
  printStates(*loaded->module);
  llvm::outs() << loaded->choice;
  return inspectDivision(*loaded->module, options);
}
