//===- convert.cpp - the conversion, for the fuzz target ------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Disco.h"
#include "import/Import.h"
#include "llvm/Support/raw_ostream.h"

using namespace discoc::importer;

bool convertsOrExplains(const Model &model) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Diagnostics errors;
  mlir::OwningOpRef<mlir::ModuleOp> module = disco::importModel(context, model, errors);
  for (const Diagnostic &error : errors)
    if (error.message.empty() || error.str().find("fault of discoc") != std::string::npos) {
      llvm::errs() << error.str() << "\n";
      return false;
    }
  return bool(module) == errors.empty();
}
