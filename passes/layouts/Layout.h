//===- Layout.h - how tensors of a shard could lie --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_LAYOUTS_LAYOUT_H
#define DISCOC_PASSES_LAYOUTS_LAYOUT_H

#include "compiler/dialect/PhysicalLayout.h"
#include <string>

namespace disco {

struct LayoutInfo {
  llvm::StringRef name;
  /// How a local tensor should lie on a node (null: any); null for one that stays by rows.
  PhysicalAttr (*propose)(mlir::RankedTensorType type, NodeAttr node);
};

/// A row of Layouts.def; null: there is none of that name.
const LayoutInfo *findLayout(llvm::StringRef name);
std::string layoutNames();

/// Whether a tensor is a batch of images of floats: [N, C, one to three spatial axes].
bool isImages(mlir::RankedTensorType type);

#define LAYOUT(name, function) PhysicalAttr function(mlir::RankedTensorType type, NodeAttr node);
#include "passes/layouts/Layouts.def"
#undef LAYOUT

} // namespace disco

#endif // DISCOC_PASSES_LAYOUTS_LAYOUT_H
