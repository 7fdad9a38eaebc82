//===- discoc-opt.cpp - runs any stage of discoc on text ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<disco::DiscoDialect, mlir::func::FuncDialect>();
  disco::registerDiscoPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::PassPipelineRegistration<>(
      "disco-pipeline", "Every stage from simplification to memory planning",
      [](mlir::OpPassManager &manager) { disco::buildPipeline(manager); });
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "discoc-opt: runs stages of discoc on text\n", registry));
}
