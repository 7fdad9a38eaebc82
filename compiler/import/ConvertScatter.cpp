//===- ConvertScatter.cpp - triangles, and writing by indices -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Exporters build attention masks with these ops; of constants they fold away.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Indices.h"
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
  int64_t k = std::clamp<int64_t>(given->front(), -rows - 1, columns + 1);
  if (std::max(rows, columns) > kMostConstant)
    return op.error("the matrices have an axis of more than " + Twine(kMostConstant) + " elements",
                    "divide them before");
  Value row = op.integersOf({rows, 1}, iota(rows)),
        column = op.integersOf({1, columns}, iota(columns, -k));
  Value kept = op.binary(upper ? BinaryKind::GreaterOrEqual : BinaryKind::LessOrEqual, column, row);
  return op.result(op.where(kept, x, op.scalar(x, 0)));
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

namespace {
/// Part of a tensor: so many indices of one axis, all of the others.
struct Band {
  int64_t axis, begin, size;
};
} // namespace

/// The band of data of some shape whose places constant indices list, in order: so exporters write
/// an assignment to a slice. Nothing where they are not known, or list anything else.
static std::optional<Band> bandOf(Value indices, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> box = shapeOf(indices).drop_back();
  const int64_t depth = shapeOf(indices).back();
  ElementsAttr list = OpImport::known(indices);
  if (!list || static_cast<int64_t>(box.size()) != depth || elementCount(box) == 0)
    return std::nullopt;
  ConstantView view(list, shapeOf(indices));
  if (!view.isValid())
    return std::nullopt;
  Ints begin;
  std::optional<Band> band;
  for (int64_t d = 0; d < depth; ++d) {
    begin.push_back(view.integer(d) < 0 ? view.integer(d) + shape[d] : view.integer(d));
    if (begin[d] < 0 || begin[d] > shape[d] - box[d] || (band && box[d] != shape[d]))
      return std::nullopt;
    if (box[d] != shape[d])
      band = {d, begin[d], box[d]};
  }
  Ints at(begin);
  for (int64_t row = 0; row < elementCount(box); ++row) {
    for (int64_t d = 0; d < depth; ++d)
      if (view.integer(row * depth + d) != at[d] &&
          view.integer(row * depth + d) != at[d] - shape[d])
        return std::nullopt;
    for (int64_t d = depth - 1; d >= 0 && ++at[d] == begin[d] + box[d] && d > 0; --d)
      at[d] = begin[d];
  }
  return band ? band : Band{0, 0, shape[0]};
}

/// x with a band of it replaced: what stays before it, the updates, what stays behind. Unlike a
/// scatter it can be divided along every other axis.
static Value withBand(OpImport &op, Value x, Value updates, const Band &band) {
  auto part = [&](int64_t begin, int64_t size) {
    Ints starts(op.rank(x), 0), shape(op.shape(x));
    starts[band.axis] = begin;
    shape[band.axis] = size;
    return op.slice(x, starts, Ints(op.rank(x), 1), shape);
  };
  const int64_t end = band.begin + band.size, extent = op.shape(x)[band.axis];
  SmallVector<Value> parts;
  if (band.begin > 0)
    parts.push_back(part(0, band.begin));
  parts.push_back(updates);
  if (end < extent)
    parts.push_back(part(end, extent - end));
  return parts.size() == 1 ? updates : op.concat(parts, band.axis);
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
  if (std::optional<Band> band = bandOf(indices, shape); band && *kind == ScatterKind::None)
    return op.result(withBand(op, x, updates, *band));
  ArrayRef<int64_t> indexed = shape.take_front(depth);
  Ints flat{elementCount(indexed)};
  llvm::append_range(flat, shape.drop_front(depth));
  Value y = op.scatter(op.reshape(x, flat), linearIndices(op, indices, indexed), updates, 0, *kind);
  return op.result(op.reshape(y, shape));
}

/// `places`, moved along every axis but one to where the element lies in the flattened data.
static Value movedToElements(OpImport &op, Value places, ArrayRef<int64_t> shape, int64_t axis) {
  Ints list(op.shape(places));
  int64_t stride = 1;
  for (int64_t k = static_cast<int64_t>(list.size()) - 1; k >= 0; stride *= shape[k--]) {
    if (k == axis || list[k] <= 1)
      continue;
    Ints along(list.size(), 1), steps;
    along[k] = list[k];
    for (int64_t i = 0; i < list[k]; ++i)
      steps.push_back(i * stride);
    places = op.binary(BinaryKind::Add, places, op.integersOf(along, steps));
  }
  return places;
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
  Value linear = movedToElements(op, op.binary(BinaryKind::Mul, at, op.integersOf({}, {stride})),
                                 shape, *axis);
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
