//===- Frontend.h - from a model file to a module ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_FRONTEND_H
#define DISCOC_DRIVER_FRONTEND_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Plan.h"
#include "compiler/formats/Profile.h"
#include "compiler/import/OnnxModel.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/Passes.h"
#include <memory>
#include <optional>

namespace disco {

/// A module, and what its weights are views of.
struct LoadedModel {
  std::unique_ptr<mlir::MLIRContext> context;
  std::optional<discoc::importer::Model> model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Which division was looked for and found, and why, for people; empty: it was stated.
  std::string choice;
};

/// Prints diagnostics of the compiler as `error: FILE: op 'NAME' (TYPE, opset N): ...` while it
/// lives.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext &context, std::string file);
  ~DiagnosticPrinter();

private:
  mlir::MLIRContext &context;
  uint64_t handler;
};

/// One line, "error: " in front, printable whatever names are in it.
void printError(const llvm::Twine &text);
/// A name of the model in quotes, as messages show it: cut when it is long.
std::string quoted(llvm::StringRef name);

std::unique_ptr<mlir::MLIRContext> makeContext();

/// Reads the file. Null after errors on standard error.
std::optional<discoc::importer::Model> readModel(const discoc::ModelOptions &options);

/// Reads, pins and imports. Null with at least one entry in `errors`.
std::optional<LoadedModel> importModel(const discoc::ModelOptions &options,
                                       discoc::importer::Diagnostics &errors);

/// The same, and notes everything that users stated. Null after errors on standard error.
std::optional<LoadedModel> loadModel(const discoc::ModelOptions &options);

/// The profile in a file, or a nominal one of vectors of so many bytes where none is named. Null
/// after errors on standard error.
std::optional<discoc::Profile> findProfile(const std::string &path, int64_t vectorBytes);

/// For which nodes and links; null after errors on standard error.
std::optional<discoc::Cluster> findCluster(const discoc::ModelOptions &options);
/// Whether there are strategies and layouts of the names that are stated; else says so.
bool checkNames(const discoc::ModelOptions &options);
/// Notes on an imported module what users stated, and for which cluster it is. `sha256` is the
/// model's; `plan`, where it is not null, holds instead of the one that the options name.
mlir::LogicalResult noteDivision(mlir::ModuleOp module, const discoc::ModelOptions &options,
                                 const discoc::importer::Model &model, const std::string &sha256,
                                 const discoc::Cluster &cluster,
                                 const discoc::Plan *plan = nullptr);

/// One line an error, "error: " in front, on standard error.
void print(const discoc::importer::Diagnostics &diagnostics);

} // namespace disco

#endif // DISCOC_DRIVER_FRONTEND_H
