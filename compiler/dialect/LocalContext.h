//===- LocalContext.h - what an op sees when a shard is built ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_LOCALCONTEXT_H
#define DISCOC_DIALECT_LOCALCONTEXT_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/Builders.h"

namespace disco {

/// One addend of a contraction on a node: some columns, read from one local tensor.
struct ContractionPart {
  mlir::Value source;                   // local tensor
  IndexSet columns;                     // global channels of the contraction's own input, ascending
  llvm::SmallVector<int64_t> positions; // their channels in the source, in the order of `columns`
  llvm::SmallVector<int64_t>
      origins; // and what they are called where they were made, when that differs
};

/// Gives the local values from which an op builds what one node computes of it.
class LocalContext {
public:
  virtual ~LocalContext() = default;

  mlir::OpBuilder &builder;
  int64_t rank; // of the node
  int64_t axis; // of the result that is divided; -1 when this node computes all of it
  IndexSet set; // the indices of that axis that the node computes
  Division division;

  /// The local form of operand k: exactly the indices that the division rule names.
  virtual mlir::FailureOr<mlir::Value> getOperand(unsigned k) = 0;
  /// The addends of a contraction over operand k: the own part first, then by sender in the order
  /// of arrival.
  virtual llvm::ArrayRef<ContractionPart> getParts(unsigned k) = 0;
  /// A constant's indices `sets[i]` of the axes `axes[i]`.
  virtual mlir::Value getConstant(mlir::Value constant, llvm::ArrayRef<int64_t> axes,
                                  llvm::ArrayRef<IndexSet> sets) = 0;
  /// The type of what the node computes of a global result.
  virtual mlir::RankedTensorType getResultType(mlir::Value globalResult) const {
    return localType(tensorType(globalResult), axis, set);
  }

protected:
  LocalContext(mlir::OpBuilder &builder, int64_t rank, int64_t axis, IndexSet set,
               Division division)
      : builder(builder), rank(rank), axis(axis), set(std::move(set)),
        division(std::move(division)) {}
};

} // namespace disco

#endif // DISCOC_DIALECT_LOCALCONTEXT_H
