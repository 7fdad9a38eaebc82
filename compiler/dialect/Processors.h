//===- Processors.h - what kernels may expect of a node ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of contractions take their tiles from the instructions that they are compiled for, and
// runtime_stub/kernels/tiles.h says by what. Here is for which instructions that will be, so that
// the compiler can ask the same functions.
#ifndef DISCOC_DIALECT_PROCESSORS_H
#define DISCOC_DIALECT_PROCESSORS_H

#include "compiler/dialect/Target.h"
#include "runtime_stub/kernels/tiles.h"

namespace disco {

/// Every set of instructions that the program of a node may be compiled for, the best last: that of
/// each of its levels. All that there are where nobody has stated one.
llvm::SmallVector<processor> processorsOf(NodeAttr node);

/// The bytes of scratch memory with which a kernel does on all of them: the most that `bytes` says.
int64_t mostScratch(llvm::ArrayRef<processor> processors,
                    llvm::function_ref<int64_t(const processor &)> bytes);

} // namespace disco

#endif // DISCOC_DIALECT_PROCESSORS_H
