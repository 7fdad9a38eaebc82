//===- convert.cpp - conversion and compilation, for the fuzz target -------===//
// SPDX-License-Identifier: Apache-2.0

#include "codegen/Codegen.h"
#include "codegen/EmitModel.h"
#include "compiler/dialect/Disco.h"
#include "compiler/import/Import.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace discoc::importer;

namespace {

/// Budgets of what is compiled as well: the rest is only converted.
constexpr size_t maxOps = 200;
constexpr int64_t maxElements = 1 << 16;

bool isSmall(mlir::ModuleOp module) {
  size_t ops = 0;
  bool small = true;
  module.walk([&](mlir::Operation *op) {
    ++ops;
    for (mlir::Type type : op->getResultTypes())
      if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type))
        small = small && tensor.getNumElements() <= maxElements;
  });
  return small && ops <= maxOps;
}

/// Whether the stages and the emitter come to an end, or say why not.
bool compilesOrExplains(mlir::ModuleOp module, int64_t nodes) {
  mlir::MLIRContext *context = module.getContext();
  std::string said;
  mlir::ScopedDiagnosticHandler handler(context, [&](mlir::Diagnostic &diagnostic) {
    said += diagnostic.str() + "\n";
    return mlir::success();
  });
  mlir::Builder builder(context);
  module->setAttr(disco::kNodesAttr, builder.getI64IntegerAttr(nodes));
  mlir::PassManager manager(context);
  disco::buildPipeline(manager);
  if (failed(manager.run(module))) {
    bool isFault = said.empty() || said.find("fault of discoc") != std::string::npos;
    if (isFault)
      llvm::errs() << "the stages fail for " << nodes << " nodes: " << said << "\n";
    return !isFault;
  }
  disco::EmitOptions options;
  options.modelName = "fuzz";
  options.cluster = discoc::defaultCluster(nodes);
  for (mlir::ModuleOp shard : disco::shardsOf(module))
    if (disco::ModelEmitter(shard, options).source(std::string(32, '0'), 0).empty())
      return false;
  return true;
}

} // namespace

bool convertsOrExplains(const Model &model, unsigned nodes) {
  mlir::DialectRegistry registry;
  registry.insert<disco::DiscoDialect, mlir::func::FuncDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Diagnostics errors;
  mlir::OwningOpRef<mlir::ModuleOp> module = disco::importModel(context, model, errors);
  for (const Diagnostic &error : errors)
    if (error.message.empty() || error.str().find("fault of discoc") != std::string::npos) {
      llvm::errs() << error.str() << "\n";
      return false;
    }
  if (bool(module) != errors.empty())
    return false;
  return !module || nodes == 0 || !isSmall(*module) || compilesOrExplains(*module, nodes);
}
