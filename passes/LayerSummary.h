//===- LayerSummary.h - what the undivided program was ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_LAYERSUMMARY_H
#define DISCOC_PASSES_LAYERSUMMARY_H

#include "passes/Passes.h"

namespace disco {

/// Notes on the module what the report needs and only the undivided program knows; after the split
/// it is gone.
/// - `disco.inputs`, `disco.outputs`, `disco.tensors`: name, type and owners of each.
/// - `disco.masks`: the routes of each contraction's mask.
/// - `disco.layers`: what each ONNX op costs on one node, with its masks and without; the shape of
/// its
///   result, and whose results it reads; how much of its weights is left.
void noteLayers(mlir::ModuleOp module, mlir::func::FuncOp function);

} // namespace disco

#endif // DISCOC_PASSES_LAYERSUMMARY_H
