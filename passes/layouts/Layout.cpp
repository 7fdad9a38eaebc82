//===- Layout.cpp - layouts and their names -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/layouts/Layout.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

static const LayoutInfo all[] = {
#define LAYOUT(name, function) {name, function},
#include "passes/layouts/Layouts.def"
#undef LAYOUT
};

const LayoutInfo *disco::findLayout(StringRef name) {
  const auto *found = llvm::find_if(all, [&](const LayoutInfo &info) { return info.name == name; });
  return found == std::end(all) ? nullptr : found;
}

std::string disco::layoutNames() {
  std::string names;
  for (const LayoutInfo &info : all)
    names += (names.empty() ? "" : ", ") + info.name.str();
  return names;
}

bool disco::isImages(RankedTensorType type) {
  return type.getRank() >= 3 && type.getRank() <= 5 && type.getElementType().isF32();
}
