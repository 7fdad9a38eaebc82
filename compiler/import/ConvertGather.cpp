//===- ConvertGather.cpp - reading by indices -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// All are disco.gather, or, when the indices are known, disco.select.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Indices.h"
#include "compiler/import/Known.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

bool disco::importing::hasIndexType(OpImport &op, size_t i) {
  if (op.inputType(i) == ElemType::I64 || op.inputType(i) == ElemType::I32)
    return true;
  (void)op.error("the indices must be of type int32 or int64");
  return false;
}

Value disco::importing::fromTheFront(OpImport &op, Value indices, Value extents) {
  Value zero = indices ? op.scalar(indices, 0) : Value();
  return op.where(op.binary(BinaryKind::Less, indices, zero),
                  op.binary(BinaryKind::Add, indices, extents), indices);
}

Value disco::importing::linearIndices(OpImport &op, Value indices, ArrayRef<int64_t> extents) {
  if (!indices)
    return {};
  ElementsAttr known = OpImport::known(indices);
  if (known && elementCount(op.shape(indices)) <= kMostConstant) {
    ConstantView view(known, op.shape(indices));
    auto depth = static_cast<int64_t>(extents.size());
    for (int64_t i = 0; i < view.size(); ++i) {
      int64_t index = view.integer(i), extent = extents[i % depth];
      if (index < -extent || index >= extent) {
        (void)op.error("index " + Twine(index) + " is outside an axis of extent " + Twine(extent));
        return {};
      }
    }
  }
  Ints strides(extents.size()), shape(op.shape(indices).drop_back());
  int64_t next = 1;
  for (size_t i = extents.size(); i-- > 0; next *= extents[i])
    strides[i] = next;
  Value front = fromTheFront(op, indices, op.constantInts(extents));
  if (extents.size() == 1)
    return op.reshape(front, shape);
  return op.reduce(op.binary(BinaryKind::Mul, front, op.constantInts(strides)), ReduceKind::Sum,
                   {op.rank(indices) - 1}, false);
}

//===----------------------------------------------------------------------===//
// Gather, GatherElements, GatherND
//===----------------------------------------------------------------------===//

static LogicalResult convertGather(OpImport &op) {
  Value x = op.input(0), indices = op.input(1);
  if (op.hasFailed() || !hasIndexType(op, 1))
    return failure();
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  return axis ? op.result(op.gather(x, indices, *axis)) : failure();
}

static LogicalResult convertGatherElements(OpImport &op) {
  Value x = op.input(0), indices = op.input(1);
  if (op.hasFailed() || !hasIndexType(op, 1))
    return failure();
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  if (!axis)
    return failure();
  Ints shape(op.shape(indices));
  bool fits = op.rank(indices) == op.rank(x);
  for (int64_t i = 0; fits && i < op.rank(x); ++i)
    fits = i == *axis || shape[i] <= op.shape(x)[i];
  if (!fits)
    return op.error("the indices have the shape " + shapeText(shape) +
                    ", which does not fit an input of the shape " + shapeText(op.shape(x)));
  shape[*axis] = op.shape(x)[*axis];
  size_t rank = shape.size();
  if (ArrayRef<int64_t>(shape) != op.shape(x))
    x = op.slice(x, Ints(rank, 0), Ints(rank, 1), shape);
  int64_t last = static_cast<int64_t>(rank) - 1;
  Value y = op.gather(op.movedLast(x, *axis), op.movedLast(indices, *axis), last, last);
  return op.result(op.movedFromLast(y, *axis));
}

static LogicalResult convertGatherND(OpImport &op) {
  int64_t batch = op.integer("batch_dims", 0);
  Value x = op.input(0), indices = op.input(1);
  if (op.hasFailed() || !hasIndexType(op, 1))
    return failure();
  ArrayRef<int64_t> shape = op.shape(x), list = op.shape(indices);
  int64_t depth = list.empty() ? 0 : list.back();
  if (batch < 0 || depth < 1 || batch >= op.rank(indices) || batch + depth > op.rank(x) ||
      shape.take_front(batch) != list.take_front(batch))
    return op.error("the indices have the shape " + shapeText(list) +
                    ", which does not fit an input of the shape " + shapeText(shape) + " with " +
                    Twine(batch) + " batch dimensions");
  ArrayRef<int64_t> indexed = shape.slice(batch, depth);
  Ints flat(shape.take_front(batch));
  flat.push_back(elementCount(indexed));
  llvm::append_range(flat, shape.drop_front(batch + depth));
  return op.result(
      op.gather(op.reshape(x, flat), linearIndices(op, indices, indexed), batch, batch));
}

//===----------------------------------------------------------------------===//
// Relatives
//===----------------------------------------------------------------------===//

/// Step t of sequence b is step length - 1 - t as long as there is one, else t.
static LogicalResult convertReverseSequence(OpImport &op) {
  int64_t batchAxis = op.integer("batch_axis", 1), timeAxis = op.integer("time_axis", 0);
  Value x = op.input(0), lengths = op.input(1);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 2 || batchAxis < 0 || batchAxis > 1 || timeAxis != 1 - batchAxis ||
      op.shape(lengths) != op.shape(x).slice(batchAxis, 1))
    return op.error("time_axis and batch_axis must be 0 and 1, or 1 and 0, and there must be a "
                    "length for each sequence");
  Ints perm = iota(op.rank(x));
  std::swap(perm[0], perm[1]);
  if (batchAxis == 1)
    x = op.transpose(x, perm);
  int64_t sequences = op.shape(x)[0], steps = op.shape(x)[1];
  Value time = op.integersOf({1, steps}, iota(steps));
  Value length = op.reshape(op.convertTo(lengths, op.builder.getI64Type()), {sequences, 1});
  Value last = op.binary(BinaryKind::Sub, length, op.integersOf({}, {1}));
  Value from = op.where(op.binary(BinaryKind::Less, time, length),
                        op.binary(BinaryKind::Sub, last, time), time);
  Value y = op.gather(x, from, 1, 1);
  return op.result(batchAxis == 1 ? op.transpose(y, perm) : y);
}

/// How many elements are kept decides the shape: the condition must be known.
static LogicalResult convertCompress(OpImport &op) {
  Value x = op.input(0), condition = op.input(1);
  if (op.hasFailed())
    return failure();
  ElementsAttr known = OpImport::known(condition);
  if (!known || op.inputType(1) != ElemType::Bool || op.rank(condition) != 1)
    return op.error("input 'condition' must be a list of bools that is known when compiling",
                    "the shape of the result depends on it: export the model with a constant");
  int64_t axis = 0;
  if (op.hasAttr("axis")) {
    std::optional<int64_t> normal = op.normalAxis(op.integer("axis", 0), op.rank(x));
    if (!normal)
      return failure();
    axis = *normal;
  } else {
    x = op.reshape(x, {elementCount(op.shape(x))});
  }
  ConstantView view(known, op.shape(condition));
  if (view.size() > kMostConstant)
    return op.error("input 'condition' has more than " + Twine(kMostConstant) + " elements",
                    "give Gather the indices that are kept");
  Ints kept;
  for (int64_t i = 0; i < view.size(); ++i)
    if (!view.isZero(i))
      kept.push_back(i);
  if (!kept.empty() && kept.back() >= op.shape(x)[axis])
    return op.error("the condition keeps element " + Twine(kept.back()) + " of an axis of extent " +
                    Twine(op.shape(x)[axis]));
  return op.result(op.select(x, axis, kept));
}

static LogicalResult convertNonZero(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  ElementsAttr known = OpImport::known(x);
  if (!known)
    return op.error("the shape of the result depends on the values of its input, which must be "
                    "known when compiling",
                    adviceToKnow(x));
  ConstantView view(known, op.shape(x));
  if (view.size() > kMostConstant)
    return op.error("its input has more than " + Twine(kMostConstant) + " elements",
                    "store the indices as an initialiser");
  Ints found, all;
  for (int64_t i = 0; i < view.size(); ++i)
    if (!view.isZero(i))
      found.push_back(i);
  int64_t inner = view.size();
  for (int64_t extent : op.shape(x)) {
    inner /= std::max<int64_t>(extent, 1);
    for (int64_t i : found)
      all.push_back(i / inner % extent);
  }
  return op.result(op.integersOf({op.rank(x), static_cast<int64_t>(found.size())}, all));
}

static LogicalResult convertOneHot(OpImport &op) {
  Value indices = op.input(0), values = op.input(2);
  std::optional<Reals> depth = op.constantReals(1, "depth");
  if (!depth || op.hasFailed())
    return failure();
  if (depth->size() != 1 || !(depth->front() >= 1 && depth->front() <= 1e9) ||
      elementCount(op.shape(values)) != 2)
    return op.error("depth must be one positive number and values must be two");
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", -1), op.rank(indices) + 1);
  if (!axis)
    return failure();
  auto count = static_cast<int64_t>(depth->front());
  if (count > kMostConstant) // a list of its places is stored
    return op.error("depth is " + Twine(count) + ", and at most " + Twine(kMostConstant) +
                        " is supported",
                    "compare the indices with parts of the range, or gather rows instead");
  Ints apart(op.shape(indices)), along(apart.size() + 1, 1);
  apart.insert(apart.begin() + *axis, 1);
  along[*axis] = count;
  Value at = op.convertTo(op.reshape(indices, apart), op.builder.getI64Type());
  Value hot = op.binary(BinaryKind::Equal, fromTheFront(op, at, op.integersOf({}, {count})),
                        op.integersOf(along, iota(count)));
  auto value = [&](int64_t i) { return op.reshape(op.slice(values, {i}, {1}, {1}), {}); };
  return op.result(op.where(hot, value(1), value(0)), 0, 2);
}

void disco::importing::addGather(ConverterTable &table) {
  table["Gather"] = {convertGather, 2, 2, 1};
  table["GatherElements"] = {convertGatherElements, 2, 2, 1};
  table["GatherND"] = {convertGatherND, 2, 2, 1};
  table["ReverseSequence"] = {convertReverseSequence, 2, 2, 1};
  table["Compress"] = {convertCompress, 2, 2, 1};
  table["NonZero"] = {convertNonZero, 1, 1, 1};
  table["OneHot"] = {convertOneHot, 3, 3, 1, kNumbers};
}
