//===- ModelImport.h - the state of one import ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_MODELIMPORT_H
#define DISCOC_IMPORT_MODELIMPORT_H

#include "compiler/import/Converters.h"
#include "compiler/import/OpImport.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"

namespace disco::importing {

using discoc::importer::Diagnostic;
using discoc::importer::Diagnostics;
using discoc::importer::Model;
using discoc::importer::ValueInfo;

/// What an ONNX tensor is in the IR. An initialiser has no value before its first use.
struct ImportedTensor {
  mlir::Value value;  ///< float16 as f32
  mlir::Value narrow; ///< a float16 constant as such
  ElemType type = ElemType::Undefined;
  const Tensor *initializer = nullptr;
  bool isBroken = false; ///< made by an op that had an error, which has been told
};

class ModelImport {
public:
  ModelImport(mlir::MLIRContext &context, const Model &model, Diagnostics &errors);
  mlir::OwningOpRef<mlir::ModuleOp> run();

  const Model &model;
  mlir::MLIRContext &context;
  mlir::OpBuilder builder;

  ImportedTensor *find(const std::string &name);
  void define(const std::string &name, ImportedTensor tensor) { tensors[name] = tensor; }
  bool isUsed(const std::string &name) const { return used.contains(name); }
  /// Makes the initialiser's constant if it is not there yet.
  void materialise(ImportedTensor &tensor);
  /// The f16 form of a float16 constant, made once; else the value.
  mlir::Value narrowed(ImportedTensor &tensor);
  mlir::Value constantOf(const Tensor &tensor, mlir::Location loc);
  mlir::Value widened(mlir::Value value);

  void report(Diagnostic diagnostic);
  /// What MLIR complained about since the last call.
  std::string takeCaught();

private:
  bool isFull() const { return errors.size() - errorsBefore >= kMaxErrors; }
  void importInputs();
  void importOp(const OnnxOp &op);
  bool checkArity(OpImport &importer, const Converter &converter);
  bool checkTypes(OpImport &importer, const Converter &converter);
  bool checkDeclared(OpImport &importer);
  void importOutputs();
  void dropUnused();
  mlir::Location locationOf(const std::string &name);

  static constexpr size_t kMaxErrors = 20;

  Diagnostics &errors;
  const size_t errorsBefore;
  llvm::StringMap<ImportedTensor> tensors;
  llvm::StringMap<ElemType> declared;
  llvm::StringSet<> used;
  ConverterTable table;
  std::string caught;
  mlir::Block *body = nullptr;
};

} // namespace disco::importing

#endif // DISCOC_IMPORT_MODELIMPORT_H
