//===- WeightStore.h - the weights of one shard -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_WEIGHTSTORE_H
#define DISCOC_CODEGEN_WEIGHTSTORE_H

#include "passes/Passes.h"
#include "llvm/ADT/DenseMap.h"
#include <string>
#include <vector>

namespace disco {

/// Lays out the constants of a shard one after another. Rows and columns are picked out of the
/// model file's bytes only when they are written.
class WeightStore {
public:
  explicit WeightStore(mlir::func::FuncOp function);

  int64_t offsetOf(mlir::Value constant) const { return offsets.lookup(constant); }
  int64_t bytes() const { return total; }
  /// Bytes of one constant as stored.
  static int64_t storedBytes(ConstantOp op);

  /// Writes weights.bin, unless they are few. Adds the bytes to `hash`, and gives their CRC-32C.
  mlir::FailureOr<uint32_t> write(llvm::StringRef directory, std::string &hash) const;
  /// Writes weights.S, or weights.cpp when they are few, once the name of their symbol is known.
  mlir::LogicalResult writeSource(llvm::StringRef directory, llvm::StringRef symbol) const;
  bool isBinary() const;

  /// Every constant begins at a multiple of this many bytes.
  static constexpr int64_t alignment = 64;

private:
  /// All bytes in order, in pieces.
  mlir::LogicalResult forEachPiece(llvm::function_ref<void(llvm::ArrayRef<char>)> callback) const;

  std::vector<ConstantOp> constants; // one of each kind, in order of first use
  llvm::DenseMap<mlir::Value, int64_t> offsets;
  int64_t total = 0;
};

} // namespace disco

#endif // DISCOC_CODEGEN_WEIGHTSTORE_H
