//===- Windows.h - the settings of convolutions and pools -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_WINDOWS_H
#define DISCOC_IMPORT_WINDOWS_H

#include "OpImport.h"

namespace disco::importing {

struct Window {
  Ints strides, pads, dilations; ///< pads: all begins, then all ends
};

/// Reads strides, pads, auto_pad and dilations; nothing when they are wrong.
std::optional<Window> readWindow(OpImport &op, llvm::ArrayRef<int64_t> spatial, llvm::ArrayRef<int64_t> kernel);

} // namespace disco::importing

#endif // DISCOC_IMPORT_WINDOWS_H
