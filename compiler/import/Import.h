//===- Import.h - from an ONNX model into the disco dialect -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_IMPORT_H
#define DISCOC_IMPORT_IMPORT_H

#include "compiler/import/OnnxModel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace disco {

/// Converts a read and pinned model into `module { func.func @main() { disco.input ... disco.output
/// } }`. Every op carries the ONNX op's name, type and opset in its location, and the ONNX name of
/// the tensor that it makes (kTensorAttr). Weights stay views of the model's files: the model must
/// outlive the module. Null, with at least one entry in `errors`, on failure; mistakes of different
/// ops are collected.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context,
                                              const discoc::importer::Model &model,
                                              discoc::importer::Diagnostics &errors);

} // namespace disco

#endif // DISCOC_IMPORT_IMPORT_H
