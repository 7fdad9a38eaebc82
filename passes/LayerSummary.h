//===- LayerSummary.h - what the undivided program was ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_LAYERSUMMARY_H
#define DISCOC_PASSES_LAYERSUMMARY_H

#include "passes/Passes.h"

namespace disco {

/// Notes on the module what only the global program knows and the report needs: `disco.inputs` and
/// `disco.outputs` (name, type, owners), `disco.tensors` (likewise), `disco.masks` (op, routes),
/// and `disco.layers`: for each ONNX op its cost on one node, masked and dense.
void noteLayers(mlir::ModuleOp module, mlir::func::FuncOp function);

/// On a reader before the split: bytes that dense gather would bring to it for the first time, and
/// messages.
inline constexpr llvm::StringLiteral kDenseBytesAttr = "disco.dense_bytes";
inline constexpr llvm::StringLiteral kDenseMessagesAttr = "disco.dense_messages";

} // namespace disco

#endif // DISCOC_PASSES_LAYERSUMMARY_H
