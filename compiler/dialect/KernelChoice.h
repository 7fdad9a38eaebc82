//===- KernelChoice.h - a kernel that could compute an op -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_KERNELCHOICE_H
#define DISCOC_DIALECT_KERNELCHOICE_H

#include "mlir/IR/Attributes.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <string>

namespace disco {

/// One way to compute an op on a node.
struct KernelChoice {
  std::string kernel;  ///< of runtime_stub/kernels/kernels.inc
  double cost = 0;     ///< multiply-accumulates that it takes, those for nothing with them
  int64_t scratch = 0; ///< bytes of the arena that it works in, while it runs
  /// How its constant weights have to lie; null: as they are.
  mlir::Attribute packing = {};
};

} // namespace disco

#endif // DISCOC_DIALECT_KERNELCHOICE_H
