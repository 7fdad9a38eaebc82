//===- OneOp.cpp - the IR that a model becomes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The only file of the tests that sees MLIR.
//
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Disco.h"
#include "compiler/import/Import.h"
#include "compiler/import/OnnxReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace discoc::importer;

/// `bytes` outlives the module.
static std::string print(const std::string &bytes, mlir::OpPrintingFlags flags) {
  Diagnostics errors;
  std::string text;
  ReadOptions options;
  options.minOpset = 6;
  std::optional<Model> model =
      readOnnxBytes(std::as_bytes(std::span(bytes)), nullptr, "test.onnx", "", errors, options);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (model)
    module = disco::importModel(context, *model, errors);
  for (const Diagnostic &error : errors)
    text += "error: " + error.str() + "\n";
  if (module && !errors.empty())
    text += "error: a module and messages\n";
  if (!module && errors.empty())
    text += "error: neither a module nor messages\n";
  llvm::raw_string_ostream stream(text);
  if (module)
    module->print(stream, flags);
  return text;
}

namespace discoc::importer::testing {

std::string importedBytes(const std::string &bytes, bool withLocations) {
  return print(bytes, withLocations ? mlir::OpPrintingFlags().enableDebugInfo()
                                    : mlir::OpPrintingFlags().printGenericOpForm());
}

std::string reparsed(const std::string &text) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<disco::DiscoDialect, mlir::func::FuncDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  std::string again;
  llvm::raw_string_ostream stream(again);
  if (module)
    module->print(stream, mlir::OpPrintingFlags().printGenericOpForm());
  return again;
}

} // namespace discoc::importer::testing
