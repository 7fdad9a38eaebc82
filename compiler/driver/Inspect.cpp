//===- Inspect.cpp - discoc inspect ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Text.h"
#include "mlir/Pass/PassManager.h"
#include "passes/LayerSummary.h"
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace disco;

static std::string shownName(StringRef name) {
  return discoc::printable(name, discoc::maxShownName);
}

static std::string typeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  type.getElementType().print(os);
  os << "[";
  llvm::interleave(type.getShape(), os, "x");
  os << "]";
  return text;
}

static void printBorders(const discoc::importer::Model &model, func::FuncOp function) {
  llvm::outs() << "model " << discoc::printable(model.path) << ", IR version " << model.irVersion
               << "\n";
  function.walk([](InputOp op) {
    llvm::outs() << "input  " << shownName(op.getName()) << " "
                 << typeText(tensorType(op.getResult())) << "\n";
  });
  function.walk([](OutputOp op) {
    llvm::outs() << "output " << shownName(op.getName()) << " " << typeText(tensorType(op.getX()))
                 << "\n";
  });
  std::map<std::string, int64_t> counts;
  for (const discoc::importer::Op &op : model.graph.ops)
    ++counts[op.type];
  llvm::outs() << "ops    ";
  llvm::interleave(
      counts, llvm::outs(),
      [](auto &entry) { llvm::outs() << shownName(entry.first) << " " << entry.second; }, ", ");
  llvm::outs() << "\n";
}

/// One line a contraction: its size, density by columns, and the bytes that its readers need by
/// ordered pair.
static void printContraction(ContractionOpInterface op, int64_t nodes) {
  std::optional<Contraction> rule = op.getContraction();
  if (!rule || isConstant(op->getOperand(0)))
    return;
  OwnedAttr inputs = ownersOf(op->getOperand(0));
  int64_t bytes = channelBytes(tensorType(op->getOperand(0)), inputs.getAxis());
  bool root = op->getOperand(0).getDefiningOp<InputOp>() != nullptr;
  llvm::outs() << llvm::format(
      "%-28s %-22s %10lld MAC", shownName(opName(op)).c_str(), shownName(opDescription(op)).c_str(),
      static_cast<long long>(cast<CostOpInterface>(op.getOperation()).getMacs()));
  int64_t kept = 0, possible = 0;
  std::string pairs;
  llvm::raw_string_ostream os(pairs);
  for (auto route : op->getAttrOfType<ArrayAttr>(kMaskAttr).getAsRange<RouteAttr>())
    if (route.getFrom() != route.getTo()) {
      kept += route.getSet().size();
      os << "  " << route.getFrom() << "->" << route.getTo() << ": "
         << route.getSet().size() * bytes;
    }
  OwnedAttr outputs = ownersOf(op->getResult(0));
  for (int64_t from = 0; from < nodes; ++from)
    for (int64_t to = 0; to < nodes; ++to)
      if (from != to && !outputs.getSet(to).empty())
        possible += inputs.getSet(from).size();
  if (possible > 0)
    llvm::outs() << llvm::format("  density %.3f",
                                 static_cast<double>(kept) / static_cast<double>(possible));
  if (!pairs.empty())
    llvm::outs() << (root ? "  root bytes" : "  bytes") << pairs;
  llvm::outs() << "\n";
}

static bool write(const std::string &path, const std::string &text) {
  discoc::Diagnostics diagnostics;
  const bool good = discoc::writeText(path, text, diagnostics);
  llvm::errs() << discoc::toString(diagnostics);
  return good;
}

/// As far as owners are assigned; writes what was chosen, when a file is named.
static bool assignOwners(ModuleOp module, const std::string &planPath) {
  PassManager manager(module.getContext());
  buildPipeline(manager, "assign-owners");
  if (failed(manager.run(module)))
    return false;
  return planPath.empty() ||
         write(planPath, discoc::toJson(makePlan(module, planOf(mainOf(module)))));
}

int discoc::runInspect(const InspectOptions &options) {
  std::optional<LoadedModel> loaded = loadModel(options.model);
  if (!loaded)
    return ExitFault;
  ModuleOp module = *loaded->module;
  DiagnosticPrinter printer(*loaded->context, options.model.model);
  printBorders(*loaded->model, mainOf(module));
  if (!assignOwners(module, options.writePlan))
    return ExitFault;
  PassManager manager(module.getContext());
  buildPipeline(manager, "derive-masks", "assign-owners");
  if (failed(manager.run(module)))
    return ExitFault;
  llvm::outs() << "contractions, " << nodesOf(module) << (nodesOf(module) == 1 ? " node" : " nodes")
               << "\n";
  func::FuncOp function = mainOf(module);
  function.walk([&](ContractionOpInterface op) { printContraction(op, nodesOf(module)); });
  if (options.writeOwners.empty())
    return ExitSuccess;
  noteLayers(module, function);
  return write(options.writeOwners, discoc::toJson(makeOwners(module))) ? ExitSuccess : ExitFault;
}
