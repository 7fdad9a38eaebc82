//===- PhysicalLayout.h - where a tensor's elements lie ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// All that is derived from a shape and a #disco.physical (null: by rows, without gaps): extents and
// strides in memory, bytes, where an element lies, whether a piece is one stretch of bytes, and
// packing. It knows nothing of nodes and owners, and serves activations and constants alike.
//
// Along each axis an index has an offset, and an element lies at the sum of those of its indices:
// every layout that the attribute can state is so, and everything here follows from it.
#ifndef DISCOC_DIALECT_PHYSICALLAYOUT_H
#define DISCOC_DIALECT_PHYSICALLAYOUT_H

#include "compiler/dialect/Disco.h"
#include <optional>

namespace disco {

/// A dimension in memory.
struct PhysicalDim {
  int64_t axis;   ///< of the tensor
  int64_t unit;   ///< indices of the axis that a step goes
  int64_t extent; ///< steps, with borders and up to the pitch
  int64_t stride; ///< elements that a step goes
};

/// A stretch of a buffer.
struct ByteRun {
  int64_t offset, bytes;
};

/// Loops over some elements in row-major order: extents and strides, both in elements, outermost
/// first, and the offset of the first one. What strided kernels take.
struct StridedLoops {
  llvm::SmallVector<int64_t> shape, strides;
  int64_t offset = 0;
};

class PhysicalLayout {
public:
  /// The attribute must fit the shape (verifyPhysical).
  PhysicalLayout(llvm::ArrayRef<int64_t> shape, mlir::Type element, PhysicalAttr physical);
  /// As the encoding of a type says.
  explicit PhysicalLayout(mlir::RankedTensorType type);

  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  llvm::ArrayRef<PhysicalDim> getDims() const { return dims; }
  /// Elements in front of the first index of an axis.
  int64_t getBorder(int64_t axis) const { return before[axis]; }
  /// The axis whose indices lie in another order (-1: none), and where each of them comes in it.
  int64_t getOrderAxis() const { return orderAxis; }
  llvm::ArrayRef<int64_t> getPlaces() const { return places; }
  /// Elements of one copy, those that are not used with them.
  int64_t getElements() const { return elements; }
  /// Of all copies.
  int64_t getBytes() const { return elements * elementSize * copies; }
  /// Bytes at a multiple of which it should begin: a whole innermost block, up to 16, at a multiple
  /// of which every buffer of a program begins.
  int64_t getAlignment() const;

  /// The offset of every index of an axis, in elements.
  llvm::SmallVector<int64_t> offsetsAlong(int64_t axis) const;
  /// The offset of an element of one of the copies, in elements.
  int64_t offsetOf(llvm::ArrayRef<int64_t> index, int64_t copy = 0) const;
  /// Whether its bytes are those of the shape by rows, without gaps, once.
  bool isRowMajor() const;

  // A piece has some indices of one axis and all of the others (axis -1: all of all axes). On the
  // wire, and in files, it lies by rows, without gaps.

  /// The stretch of the buffer that has the very bytes of a piece on the wire; nothing where there
  /// is none, and the piece has to be packed.
  std::optional<ByteRun> findRun(int64_t axis, llvm::ArrayRef<int64_t> indices) const;
  /// Loops that read a piece in the wire's order, or write it; nothing where strides do not say it.
  std::optional<StridedLoops> findLoops(int64_t axis, llvm::ArrayRef<int64_t> indices) const;

  /// Between row-major elements and a buffer; unused bytes of the buffer stay as they are.
  void pack(const char *rowMajor, char *buffer, int64_t copy = 0) const;
  void unpack(const char *buffer, char *rowMajor, int64_t copy = 0) const;

private:
  /// offsetsAlong every axis, those of the indices of a piece alone.
  llvm::SmallVector<llvm::SmallVector<int64_t>> offsetsOf(int64_t axis,
                                                          llvm::ArrayRef<int64_t> indices) const;
  void forEachOffset(llvm::function_ref<void(int64_t, int64_t)> callback) const;

  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<PhysicalDim> dims;
  llvm::SmallVector<int64_t> before; // border, by axis
  int64_t orderAxis = -1;
  llvm::SmallVector<int64_t> places; // by index of orderAxis: where it comes in its order
  int64_t elements = 1, elementSize = 1, copies = 1;
};

/// Whether a layout fits a shape; emitError says what does not.
mlir::LogicalResult verifyPhysical(PhysicalAttr physical, llvm::ArrayRef<int64_t> shape,
                                   llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// How a type says that its tensor lies; null: by rows.
PhysicalAttr physicalOf(mlir::Type type);
inline PhysicalAttr physicalOf(mlir::Value value) {
  return value ? physicalOf(value.getType()) : PhysicalAttr();
}
/// Whether every element of two tensors of one shape lies at the same offset.
bool lieAlike(mlir::RankedTensorType a, mlir::RankedTensorType b);

} // namespace disco

#endif // DISCOC_DIALECT_PHYSICALLAYOUT_H
