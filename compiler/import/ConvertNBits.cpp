//===- ConvertNBits.cpp - products with weights of a few bits -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// ONNX Runtime's MatMulNBits, as its quantiser of weights writes it: rows of columns in blocks,
// each with a scale and perhaps a zero point, packed with the lowest bits first.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

namespace {
class NBits {
public:
  explicit NBits(OpImport &op) : op(op) {}
  LogicalResult run();

private:
  /// Whether input i is a constant of so many elements.
  bool isConstant(size_t i, int64_t count);
  /// Element `index` of a packed row that begins at byte `first`.
  int64_t packed(const ConstantView &bytes, int64_t first, int64_t index) const;
  std::optional<Reals> zeroPoints();
  Value weights();

  OpImport &op;
  int64_t columns = 0, rows = 0, bits = 0, block = 0, blocks = 0;
};
} // namespace

bool NBits::isConstant(size_t i, int64_t count) {
  Value value = op.input(i);
  if (!value)
    return false;
  if (!OpImport::constant(value))
    (void)op.error("input " + Twine(i) + " must be a constant", "make it an initializer");
  else if (elementCount(op.shape(value)) != count)
    (void)op.error("input " + Twine(i) + " has the shape " + shapeText(op.shape(value)) + ", not " +
                   Twine(count) + " elements");
  return !op.hasFailed();
}

int64_t NBits::packed(const ConstantView &bytes, int64_t first, int64_t index) const {
  const int64_t byte = bytes.integer(first + index * bits / 8) & 255;
  return byte >> (index * bits % 8) & ((1 << bits) - 1);
}

/// Those of all blocks, packed bytes or numbers in the type of the scales.
std::optional<Reals> NBits::zeroPoints() {
  Reals zeros(static_cast<size_t>(rows * blocks), static_cast<double>(1 << (bits - 1)));
  if (!op.hasInput(3))
    return zeros;
  const bool isPacked = op.inputType(3) == ElemType::U8;
  const int64_t each = isPacked ? (blocks * bits + 7) / 8 : blocks;
  if (!isConstant(3, rows * each))
    return std::nullopt;
  ConstantView view(op.input(3));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t k = 0; k < blocks; ++k)
      zeros[row * blocks + k] =
          isPacked ? static_cast<double>(packed(view, row * each, k)) : view.real(row * blocks + k);
  return zeros;
}

/// [rows, columns] in single precision.
Value NBits::weights() {
  const int64_t bytes = block * bits / 8;
  if (!isConstant(1, rows * blocks * bytes) || !isConstant(2, rows * blocks))
    return {};
  std::optional<Reals> zeros = zeroPoints();
  if (!zeros)
    return {};
  ConstantView view(op.input(1)), scales(op.input(2));
  Reals values(static_cast<size_t>(rows * columns));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t at = row * blocks + column / block;
      const auto number = static_cast<double>(packed(view, at * bytes, column % block));
      values[row * columns + column] = (number - (*zeros)[at]) * scales.real(at);
    }
  return op.reals({rows, columns}, op.builder.getF32Type(), values);
}

LogicalResult NBits::run() {
  columns = op.integer("K", 0), rows = op.integer("N", 0);
  bits = op.integer("bits", 4), block = op.integer("block_size", 0);
  op.ignore({"accuracy_level", "weight_prepacked"}); // how it is computed, not what
  Value x = op.input(0), bias = op.input(5);
  if (op.hasFailed())
    return failure();
  const bool isPower = block >= 8 && (block & (block - 1)) == 0;
  if (columns < 1 || rows < 1 || !isPower || (bits != 2 && bits != 4 && bits != 8) ||
      !isReasonable({rows, columns}) || rows * columns > kMostConstant * 16)
    return op.error("has weights of " + Twine(rows) + " x " + Twine(columns) + " elements of " +
                        Twine(bits) + " bits in blocks of " + Twine(block),
                    "weights of 2, 4 or 8 bits in blocks of 16, 32, 64, 128 or 256 are supported");
  if (op.hasInput(4))
    return op.error("'g_idx' is not supported", "quantise the weights without reordering them");
  if (op.rank(x) < 1 || op.shape(x).back() != columns)
    return op.error("the input has the shape " + shapeText(op.shape(x)) + ", but the weights " +
                    Twine(columns) + " columns");
  blocks = (columns + block - 1) / block;
  Value w = op.transpose(weights(), {1, 0});
  Ints shape(op.shape(x));
  shape.back() = rows;
  Value y = matrixProduct(op, op.reshape(x, {elementCount(op.shape(x)) / columns, columns}), w, {},
                          false, false);
  y = op.reshape(y, shape);
  return op.result(bias ? op.binary(BinaryKind::Add, y, bias) : y);
}

static LogicalResult convertMatMulNBits(OpImport &op) { return NBits(op).run(); }

void disco::importing::addNBits(ConverterTable &table) {
  table["com.microsoft.MatMulNBits"] = {convertMatMulNBits, 3, 6, 1, kFloats, 1};
}
