//===- WireFormat.h - narrower numbers on links -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_WIREFORMAT_H
#define DISCOC_DIALECT_WIREFORMAT_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/BuiltinOps.h"

namespace disco {

/// What so many bytes of features of a type are in messages.
int64_t travellingBytes(mlir::ModuleOp module, mlir::RankedTensorType type, int64_t bytes);

/// How the features of one exchange are written into messages.
class WireFormat {
public:
  /// Handed-out inputs, handed-in outputs and statistics travel as they are; what is no f32 too.
  static WireFormat of(mlir::ModuleOp module, ExchangeOp exchange);

  /// What a sender makes of the channels that travel, widest elements first.
  llvm::SmallVector<mlir::Value> narrow(mlir::OpBuilder &builder, mlir::Location loc,
                                        mlir::Value features) const;
  /// The parts of a message, for values that `narrow` made of the part `features`.
  mlir::ArrayAttr parts(PartAttr features) const;
  /// The types of what a receiver gets of features of a type.
  llvm::SmallVector<mlir::Type> types(mlir::RankedTensorType features) const;
  /// The features again.
  mlir::Value widen(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange received,
                    mlir::RankedTensorType features) const;

  bool isPlain() const { return kind == Kind::Plain; }

private:
  enum class Kind { Plain, Half, Byte } kind = Kind::Plain;
};

} // namespace disco

#endif // DISCOC_DIALECT_WIREFORMAT_H
