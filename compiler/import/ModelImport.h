//===- ModelImport.h - the state of one import ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_MODELIMPORT_H
#define DISCOC_IMPORT_MODELIMPORT_H

#include "compiler/import/Converters.h"
#include "compiler/import/OpImport.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>
#include <memory>
#include <vector>

namespace disco::importing {

using discoc::importer::Diagnostic;
using discoc::importer::Diagnostics;
using discoc::importer::Graph;
using discoc::importer::Model;
using discoc::importer::ValueInfo;

/// What an ONNX tensor is in the IR. An initialiser has no value before its first use.
struct ImportedTensor {
  mlir::Value value;  ///< float16 as f32
  mlir::Value narrow; ///< a float16 constant as such
  ElemType type = ElemType::Undefined;
  const Tensor *initializer = nullptr;
  std::shared_ptr<std::vector<ImportedTensor>> sequence; ///< of tensors; else null
  bool isBroken = false; ///< made by an op that had an error, which has been told
};

using Tensors = llvm::SmallVector<ImportedTensor>;

class ModelImport {
public:
  ModelImport(mlir::MLIRContext &context, const Model &model, Diagnostics &errors);
  mlir::OwningOpRef<mlir::ModuleOp> run();

  const Model &model;
  mlir::MLIRContext &context;
  mlir::OpBuilder builder;

  ImportedTensor *find(const std::string &name);
  void define(const std::string &name, ImportedTensor tensor) { (*scopes.back())[name] = tensor; }
  /// Names of ops and tensors in the IR. What is within a loop is there more than once, and
  /// branches may use a name again: each has its own.
  std::string opNameOf(const std::string &name);
  std::string tensorNameOf(const std::string &name);
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
  void importInitializers(const Graph &graph);
  void importOps(const Graph &graph);
  void importOp(const OnnxOp &op);
  mlir::LogicalResult importConverted(OpImport &importer);
  bool readsSequence(const OnnxOp &op);

  //===--- graphs within ops (ImportControl.cpp) ----------------------------===//

  mlir::LogicalResult importControl(OpImport &importer);
  mlir::LogicalResult importIf(OpImport &importer);
  mlir::LogicalResult importLoop(OpImport &importer);
  mlir::LogicalResult importScan(OpImport &importer);
  /// The outputs of a branch, or of one iteration of a body, which is given its inputs. Some are
  /// broken after an error, which has been told.
  Tensors importSubgraph(const Graph &graph, llvm::ArrayRef<ImportedTensor> inputs);
  /// Whether one more iteration is within the limit.
  mlir::LogicalResult payIteration(OpImport &importer, const Graph &body, int64_t iteration);
  /// A loop that is being unrolled.
  struct Unrolling {
    const Graph *body = nullptr;
    std::string around; ///< the iterations of the loops around it
    Tensors state;
    llvm::SmallVector<Tensors> scanned; ///< by output: a slice an iteration
    int64_t count = 0;
    bool isBroken = false;
  };
  ImportedTensor iterate(Unrolling &loop, Tensors fed, bool stateFirst);
  mlir::LogicalResult finish(OpImport &importer, const Unrolling &loop,
                             llvm::ArrayRef<int64_t> axes, llvm::ArrayRef<int64_t> ways);
  mlir::LogicalResult stackScanned(OpImport &importer, llvm::ArrayRef<ImportedTensor> parts,
                                   const ValueInfo &declared, size_t output, int64_t axis,
                                   bool reversed);

  //===--- sequences (ImportSequences.cpp) ----------------------------------===//

  static bool isSequenceOp(llvm::StringRef type);
  mlir::LogicalResult importSequenceOp(OpImport &importer);

  bool checkArity(OpImport &importer, const Converter &converter);
  bool checkTypes(OpImport &importer, const Converter &converter);
  bool checkDeclared(OpImport &importer);
  void importOutputs();
  void noteNames(const Graph &graph);
  void dropUnused();
  mlir::Location locationOf(const std::string &name);
  mlir::StringAttr nameOf(const Tensor &initializer);

  static constexpr size_t kMaxErrors = 20;

  Diagnostics &errors;
  const size_t errorsBefore;
  using Scope = llvm::StringMap<ImportedTensor>;
  /// The model's tensors, and around the op at hand those of branches and loops, innermost last.
  llvm::SmallVector<Scope *> scopes;
  Scope tensors;
  /// Initialisers of branches and loops: made once, whatever the number of iterations.
  std::map<const Graph *, Scope> inner;
  /// The numbers of the iterations around, as they end the names of ops: "@2@5".
  std::string iterations;
  int64_t unrolled = 0; ///< ops of loops so far
  llvm::StringSet<> opNames, tensorNames;
  llvm::StringMap<ElemType> declared;
  llvm::StringSet<> used;
  ConverterTable table;
  std::string caught;
  mlir::Block *body = nullptr;
};

} // namespace disco::importing

#endif // DISCOC_IMPORT_MODELIMPORT_H
