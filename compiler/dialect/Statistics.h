//===- Statistics.h - statistics of divided channels ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What DivisionOpInterface::mergeStatistics works with.
#ifndef DISCOC_DIALECT_STATISTICS_H
#define DISCOC_DIALECT_STATISTICS_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/Builders.h"

namespace disco {

/// Whether an op reduces over the axis along which its operand is divided, and every node has the
/// result, or each that of its own channels.
bool runsOverDividedAxis(DivisionOpInterface op);

/// Makes ops before one that reduces over divided channels, with stated layouts, and notes what
/// they replace.
class StatisticsContext {
public:
  StatisticsContext(mlir::Operation *op, int64_t nodes);

  /// The layout of a tensor that one node has alone.
  OwnedAttr at(int64_t rank, int64_t axis = -1, int64_t extent = 1) const;
  /// That of what the owners of a tensor have of all channels.
  static OwnedAttr wholeAt(OwnedAttr layout);

  mlir::Value binary(BinaryKind kind, mlir::Value lhs, mlir::Value rhs,
                     llvm::ArrayRef<int64_t> shape, mlir::Attribute layout);
  mlir::Value unary(UnaryKind kind, mlir::Value x);
  /// Reduced axes stay with extent 1.
  mlir::Value reduce(ReduceKind kind, mlir::Value x, llvm::ArrayRef<int64_t> axes,
                     mlir::Attribute layout);
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape, mlir::Attribute layout);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis, mlir::Attribute layout);
  /// Columns [first, first + count) of a matrix that all who need it have.
  mlir::Value columns(mlir::Value x, int64_t first, int64_t count);
  /// The channels that one node owns of a tensor.
  mlir::Value ownedBy(int64_t rank, mlir::Value x, int64_t axis, const IndexSet &set);
  mlir::Value constant(mlir::Type element, llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<double> reals);

  /// Everybody reads `by` from now on.
  void replace(mlir::Operation *op, mlir::Value by);

  mlir::OpBuilder builder;
  mlir::Location loc;
  int64_t nodes;
  OwnedAttr everywhere; // that of what all have who own something of the result
  std::string name;     // of what is replaced
  llvm::SmallVector<mlir::Operation *> replaced;
};

/// The statistics of one tensor that is reduced over its divided axis.
class Statistics {
public:
  using Local = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value part)>;

  Statistics(StatisticsContext &make, mlir::Value x, llvm::ArrayRef<int64_t> axes);

  /// Every owner computes `local` of its channels; all who need it get it. Returns one matrix
  /// [owners, rows] for each local statistic.
  llvm::SmallVector<mlir::Value> exchange(Local local);
  /// Merges a matrix [owners, rows] into one row, in rank order.
  mlir::Value merge(ReduceKind kind, mlir::Value matrix);
  /// The same by a sum in which every owner counts as its share of all channels.
  mlir::Value weighted(mlir::Value matrix);
  /// A row in the shape of the tensor, reduced axes with extent 1.
  mlir::Value kept(mlir::Value row);

private:
  /// What one owner tells the others.
  mlir::Value partOf(int64_t rank, const IndexSet &set, Local local, size_t &count);

  StatisticsContext &make;
  mlir::Value x;
  llvm::SmallVector<int64_t> keptShape;
  OwnedAttr owners;
  int64_t rows = 1;
  llvm::SmallVector<double> shares;
};

} // namespace disco

#endif // DISCOC_DIALECT_STATISTICS_H
