//===- PackedConstant.h - the bytes of a packed constant --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_PACKEDCONSTANT_H
#define DISCOC_DIALECT_PACKEDCONSTANT_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// Calls back with the bytes of a constant that has a packing, a step of its outermost dimension in
/// memory at a time: of large weights there is never a second copy. What is beside the elements is
/// 0. The value's bytes have to be there.
void forEachPackedPiece(ConstantOp op, llvm::function_ref<void(llvm::ArrayRef<char>)> callback);

} // namespace disco

#endif // DISCOC_DIALECT_PACKEDCONSTANT_H
