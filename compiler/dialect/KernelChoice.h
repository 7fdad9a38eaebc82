//===- KernelChoice.h - a kernel that could compute an op -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_KERNELCHOICE_H
#define DISCOC_DIALECT_KERNELCHOICE_H

#include <cstdint>
#include <string>

namespace disco {

/// One way to compute an op on a node.
struct KernelChoice {
  std::string kernel; ///< of runtime_stub/kernels/kernels.inc
  double cost = 0;    ///< multiply-accumulates that it takes, those for nothing with them
  int64_t scratch =
      0; ///< bytes of the stack that it is told to keep within; 0: it has its own bound
};

} // namespace disco

#endif // DISCOC_DIALECT_KERNELCHOICE_H
