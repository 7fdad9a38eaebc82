//===- WireForm.h - compressed messages -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_WIREFORM_H
#define DISCOC_DIALECT_WIREFORM_H

#include "compiler/dialect/Disco.h"
#include <optional>

namespace disco {

/// The form of a message's payload: how it is compressed, if it is. The program says how
/// (`disco.compress`); a message is where it has elements of one type and enough of them. Both ends
/// find the same.
struct WireForm {
  enum class Kind : uint8_t { Plain = 0, Sparse = 3, Lz4 = 4, Zfp = 5 }; ///< as in the protocol
  Kind kind = Kind::Plain;
  mlir::Type element;
  /// Of zfp: the array, the fastest dimension first, and the bits that are kept (0: all).
  int64_t shape[3] = {1, 1, 1}, precision = 0;

  /// Of a send, a post, or a recv.
  static WireForm of(mlir::Operation *op);

  bool isPlain() const { return kind == Kind::Plain; }
  /// What the payload may have at most where the message has so many bytes.
  int64_t bound(int64_t bytes) const { return isPlain() ? bytes : bytes + kHeadBytes; }

  static constexpr int64_t kHeadBytes = 4;
};

/// What `--wire-compress` may say.
struct Compression {
  WireForm::Kind kind = WireForm::Kind::Plain;
  int64_t precision = 0;
};
std::optional<Compression> parseCompression(llvm::StringRef text);

/// The forms that the messages of a cluster may have, a bit each: what its nodes tell each other.
int64_t formsOf(mlir::ModuleOp cluster);

/// Of the elements of a tensor, the one that stands for zero: the zero point of bytes, else 0.
int64_t fillOf(mlir::Value value);

} // namespace disco

#endif // DISCOC_DIALECT_WIREFORM_H
