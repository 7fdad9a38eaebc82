//===- Evaluate.h - computing with constants --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Reads and makes constants. Values may be views of a file at any alignment, so elements are copied
// out byte by byte. Conversions are the kernels' (Scalars.h).
//
// A constant never grows: what stands for a tensor may be stored in a smaller shape, which is
// broadcast to that of the tensor (docs/design.md, "Constants").
#ifndef DISCOC_DIALECT_EVALUATE_H
#define DISCOC_DIALECT_EVALUATE_H

#include "compiler/dialect/Scalars.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <vector>

namespace disco {

/// A constant of up to this many bytes is stored in full, whatever it was made of.
inline constexpr int64_t kSmallConstantBytes = 256;

/// The shape in which a value that stands for a tensor of `shape` is stored: of the same rank, 1
/// where it is broadcast. A splat is one element.
llvm::SmallVector<int64_t> storedShape(mlir::ElementsAttr value, llvm::ArrayRef<int64_t> shape);

/// The elements of a tensor, in row-major order, of which `value` is broadcast to its shape. Holds
/// a copy only when the attribute stores them packed (a splat, or bits).
class ConstantView {
public:
  ConstantView(mlir::ElementsAttr value, llvm::ArrayRef<int64_t> shape);
  /// What a constant op stands for.
  explicit ConstantView(mlir::Value constant);

  bool isValid() const { return data != nullptr || count == 0; }
  mlir::Type getElementType() const { return element; }
  int64_t size() const { return count; }
  int64_t elementSize() const { return bytesEach; }
  const char *bytes(int64_t index) const {
    return data + (steps.empty() ? index : placeOf(index)) * bytesEach;
  }
  double real(int64_t index) const;
  /// Of unsigned integers of 64 bits: their bits. Floats are truncated and saturate.
  int64_t integer(int64_t index) const;
  bool isZero(int64_t index) const;

  /// The shape of what is stored; 1 where it is broadcast.
  llvm::ArrayRef<int64_t> getStoredShape() const { return stored; }
  int64_t storedCount() const;
  /// Whether all elements have one value, and it. Looks at what is stored only.
  bool isUniform() const;
  std::optional<double> uniform() const;

private:
  /// Where an element of what is broadcast is stored.
  int64_t placeOf(int64_t index) const;

  mlir::Type element;
  ElementCasts casts;
  int64_t count = 0, bytesEach = 0;
  const char *data = nullptr;
  std::vector<char> copy;
  llvm::SmallVector<int64_t> stored;
  struct Step {
    int64_t extent, stride;
  };
  llvm::SmallVector<Step, 4> steps; // innermost first; empty: stored element by element
};

/// A FloatAttr's or an IntegerAttr's value.
double numberOf(mlir::Attribute value);

/// Collects the elements of a new constant.
class ConstantBuilder {
public:
  explicit ConstantBuilder(mlir::RankedTensorType type);
  void setReal(int64_t index, double value);
  void setInteger(int64_t index, int64_t value);
  /// A FloatAttr or an IntegerAttr.
  void setAttribute(int64_t index, mlir::Attribute value);
  void setBytes(int64_t index, const char *bytes);
  /// Where an element is made.
  char *bytes(int64_t index) { return &data[static_cast<size_t>(index * bytesEach)]; }
  /// Small constants are stored in the attribute, others as a resource.
  mlir::ElementsAttr finish();

private:
  mlir::RankedTensorType type;
  ElementCasts casts;
  int64_t bytesEach;
  std::vector<char> data;
};

/// A constant whose bytes are kept alive by somebody else, such as a mapped file.
mlir::ElementsAttr makeExternalConstant(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

/// The value in another shape with the same elements in the same order.
mlir::ElementsAttr reshaped(mlir::ElementsAttr value, llvm::ArrayRef<int64_t> shape);

//===----------------------------------------------------------------------===//
// Folding without growing
//===----------------------------------------------------------------------===//

/// The type in which the folded result of an op is stored, given the stored shape; nothing when it
/// would have more elements than the operands together.
std::optional<mlir::RankedTensorType>
foldedType(mlir::Operation *op, llvm::ArrayRef<int64_t> stored, int64_t operandElements);
/// The same for an op that broadcasts its operands against each other, element by element.
std::optional<mlir::RankedTensorType> foldedType(mlir::Operation *op,
                                                 llvm::ArrayRef<const ConstantView *> operands);

} // namespace disco

#endif // DISCOC_DIALECT_EVALUATE_H
