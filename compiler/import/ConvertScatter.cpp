//===- ConvertScatter.cpp - triangles, and writing by indices -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Exporters build attention masks with these ops; of constants they fold away.
#include "Converters.h"
#include "Evaluate.h"
#include "Indices.h"
#include "llvm/ADT/STLExtras.h"

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

/// `reduction`, which came with opset 16; max and min with 18.
static std::optional<ScatterKind> scatterKind(OpImport &op) {
  std::string name = op.text("reduction", "none");
  std::optional<ScatterKind> kind = symbolizeScatterKind(name);
  if (!kind)
    (void)op.error("attribute 'reduction' is '" + name +
                   "', but must be none, add, mul, max or min");
  else if (*kind != ScatterKind::None && op.inputType(0) == ElemType::Bool)
    (void)op.error("bools can only be replaced");
  return op.hasFailed() ? std::nullopt : kind;
}

static LogicalResult convertScatterND(OpImport &op) {
  std::optional<ScatterKind> kind = scatterKind(op);
  Value x = op.input(0), indices = op.input(1), updates = op.input(2);
  if (!kind || op.hasFailed() || !hasIndexType(op, 1))
    return failure();
  ArrayRef<int64_t> shape = op.shape(x), list = op.shape(indices);
  int64_t depth = list.empty() ? 0 : list.back();
  if (depth < 1 || depth > op.rank(x))
    return op.error("the indices have the shape " + shapeText(list) + ", but the data " +
                    shapeText(shape));
  Ints fits(list.drop_back());
  llvm::append_range(fits, shape.drop_front(depth));
  if (ArrayRef<int64_t>(fits) != op.shape(updates))
    return op.error("the updates have the shape " + shapeText(op.shape(updates)) +
                    ", but must have " + shapeText(fits));
  ArrayRef<int64_t> indexed = shape.take_front(depth);
  Ints flat{elementCount(indexed)};
  llvm::append_range(flat, shape.drop_front(depth));
  Value y = op.scatter(op.reshape(x, flat), linearIndices(op, indices, indexed), updates, 0, *kind);
  return op.result(op.reshape(y, shape));
}

/// The place of every index's element in the flattened data, as if its index were 0.
static Value placesOf(OpImport &op, ArrayRef<int64_t> list, ArrayRef<int64_t> shape, int64_t axis) {
  Ints places;
  for (int64_t i = 0; i < elementCount(list); ++i) {
    int64_t rest = i, place = 0, stride = 1;
    for (size_t k = list.size(); k-- > 0; rest /= list[k], stride *= shape[k])
      place += static_cast<int64_t>(k) == axis ? 0 : rest % list[k] * stride;
    places.push_back(place);
  }
  return op.integersOf(list, places);
}

static LogicalResult convertScatterElements(OpImport &op) {
  std::optional<ScatterKind> kind = scatterKind(op);
  Value x = op.input(0), indices = op.input(1), updates = op.input(2);
  if (!kind || op.hasFailed() || !hasIndexType(op, 1))
    return failure();
  Ints shape(op.shape(x)), list(op.shape(indices));
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  if (!axis)
    return failure();
  bool fits = list.size() == shape.size() && op.shape(updates) == ArrayRef<int64_t>(list),
       same = true;
  for (int64_t i = 0; fits && i < op.rank(x); ++i) {
    fits = i == *axis || list[i] <= shape[i];
    same &= i == *axis || list[i] == shape[i];
  }
  if (!fits || elementCount(list) > kMostConstant)
    return op.error("indices of the shape " + shapeText(list) + " and updates of the shape " +
                    shapeText(op.shape(updates)) + " do not fit data of the shape " +
                    shapeText(shape));
  if (same) {
    Value y = op.scatter(op.movedLast(x, *axis), op.movedLast(indices, *axis),
                         op.movedLast(updates, *axis), op.rank(x) - 1, *kind);
    return op.result(op.movedFromLast(y, *axis));
  }
  int64_t extent = shape[*axis], stride = elementCount(op.shape(x).drop_front(*axis + 1));
  Value at = op.convertTo(indices, op.builder.getI64Type());
  at = fromTheFront(op, at, op.integersOf({}, {extent}));
  Value linear =
      op.binary(BinaryKind::Add, op.binary(BinaryKind::Mul, at, op.integersOf({}, {stride})),
                placesOf(op, list, shape, *axis));
  int64_t count = elementCount(list);
  Value y = op.scatter(op.reshape(x, {elementCount(shape)}), op.reshape(linear, {count}),
                       op.reshape(updates, {count}), 0, *kind);
  return op.result(op.reshape(y, shape));
}

void disco::importing::addScatter(ConverterTable &table) {
  table["Trilu"] = {convertTrilu, 1, 2, 1};
  table["ScatterND"] = {convertScatterND, 3, 3, 1};
  table["ScatterElements"] = {convertScatterElements, 3, 3, 1};
  table["Scatter"] = {convertScatterElements, 3, 3, 1};
}
