//===- Evaluate.h - computing with constants --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Reads and makes constants. Values may be views of a file at any alignment, so elements are copied
// out byte by byte; integers are computed in 64 bits, floats in double.
#ifndef DISCOC_DIALECT_EVALUATE_H
#define DISCOC_DIALECT_EVALUATE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <vector>

namespace disco {

/// The elements of a constant, in row-major order. Holds a copy only when the attribute stores them
/// packed (a splat, or bits).
class ConstantView {
public:
  explicit ConstantView(mlir::ElementsAttr value);

  bool isValid() const { return data != nullptr || count == 0; }
  mlir::Type getElementType() const { return element; }
  int64_t size() const { return count; }
  int64_t elementSize() const { return bytesEach; }
  const char *bytes(int64_t index) const { return data + index * bytesEach; }
  double real(int64_t index) const;
  int64_t integer(int64_t index) const;
  bool isZero(int64_t index) const;

private:
  mlir::Type element;
  int64_t count = 0, bytesEach = 0;
  const char *data = nullptr;
  std::vector<char> copy;
};

/// Collects the elements of a new constant.
class ConstantBuilder {
public:
  explicit ConstantBuilder(mlir::RankedTensorType type);
  void setReal(int64_t index, double value);
  void setInteger(int64_t index, int64_t value);
  void setBytes(int64_t index, const char *bytes);
  /// Small constants are stored in the attribute, others as a resource.
  mlir::ElementsAttr finish();

private:
  mlir::RankedTensorType type;
  int64_t bytesEach;
  std::vector<char> data;
};

/// A constant whose bytes are kept alive by somebody else, such as a mapped file.
mlir::ElementsAttr makeExternalConstant(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);

} // namespace disco

#endif // DISCOC_DIALECT_EVALUATE_H
