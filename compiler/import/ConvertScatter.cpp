//===- ConvertScatter.cpp - triangles, and writing into constants ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// Exporters build attention masks with these ops.
#include "Converters.h"
#include "Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

static LogicalResult convertTrilu(OpImport &op) {
  bool upper = op.flag("upper", true);
  Value x = op.input(0);
  std::optional<Ints> given = op.hasInput(1) ? op.constantInts(1, "k") : Ints{0};
  if (!given || op.hasFailed())
    return failure();
  if (op.rank(x) < 2 || given->size() != 1)
    return op.error("needs matrices and a scalar k");
  int64_t rows = op.shape(x).drop_back().back(), columns = op.shape(x).back();
  if (rows * columns > kMostConstant)
    return op.error("the matrices are too large");
  int64_t k = std::clamp<int64_t>(given->front(), -rows - 1, columns + 1);
  auto type = RankedTensorType::get({rows, columns}, op.builder.getI1Type());
  ConstantBuilder mask(type);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      mask.setInteger(row * columns + column, upper ? column - row >= k : column - row <= k);
  Value kept = op.constant(type, mask.finish()), zero = op.scalar(x, 0);
  return op.result(op.where(kept, x, zero));
}

/// Only of constants: a run-time scatter has no place in a divided tensor.
static LogicalResult convertScatterND(OpImport &op) {
  std::string reduction = op.text("reduction", "none");
  Value data = op.input(0), indices = op.input(1), updates = op.input(2);
  if (op.hasFailed())
    return failure();
  for (Value operand : {data, indices, updates})
    if (!OpImport::constant(operand))
      return op.error("its operands must be constants",
                      "fold it with onnxsim, or export the model without it");
  if (reduction != "none" || op.inputType(1) != ElemType::I64 || op.rank(indices) < 1)
    return op.error("reduction must be none and the indices of type int64");
  ConstantView from(OpImport::constant(data)), at(OpImport::constant(indices)),
      with(OpImport::constant(updates));
  ArrayRef<int64_t> shape = op.shape(data), list = op.shape(indices);
  int64_t depth = list.back();
  if (depth < 1 || depth > op.rank(data))
    return op.error("the indices have the shape " + shapeText(list) + ", but the data " +
                    shapeText(shape));
  int64_t block = elementCount(shape.drop_front(depth)), count = elementCount(list.drop_back());
  if (with.size() != count * block)
    return op.error("the updates have the shape " + shapeText(op.shape(updates)) +
                    ", which does not fit the indices");
  ConstantBuilder result(tensorType(data));
  for (int64_t i = 0; i < from.size(); ++i)
    result.setBytes(i, from.bytes(i));
  for (int64_t i = 0; i < count; ++i) {
    int64_t linear = 0;
    for (int64_t axis = 0; axis < depth; ++axis) {
      int64_t index = at.integer(i * depth + axis), extent = shape[axis];
      if (index < -extent || index >= extent)
        return op.error("index " + Twine(index) + " is outside axis " + Twine(axis) +
                        " of a tensor of the shape " + shapeText(shape));
      linear = linear * extent + (index < 0 ? index + extent : index);
    }
    for (int64_t k = 0; k < block; ++k)
      result.setBytes(linear * block + k, with.bytes(i * block + k));
  }
  return op.result(op.constant(tensorType(data), result.finish()));
}

void disco::importing::addScatter(ConverterTable &table) {
  table["Trilu"] = {convertTrilu, 1, 2, 1};
  table["ScatterND"] = {convertScatterND, 3, 3, 1};
}
