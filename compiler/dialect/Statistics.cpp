//===- Statistics.cpp - statistics of divided channels --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Statistics.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/Replication.h"

using namespace mlir;
using namespace disco;

bool disco::runsOverDividedAxis(DivisionOpInterface op) {
  if (op->getNumOperands() != 1 || isConstant(op->getOperand(0)))
    return false;
  OwnedAttr operand = ownersOf(op->getOperand(0)), result = ownersOf(op->getResult(0));
  if (!operand || !result || !llvm::is_contained(op.getStatisticAxes(), operand.getAxis()))
    return false;
  return result.isReplicated() || result == operand;
}

//===----------------------------------------------------------------------===//
// Making ops
//===----------------------------------------------------------------------===//

static RankedTensorType typed(Value like, ArrayRef<int64_t> shape, Attribute layout) {
  return RankedTensorType::get(shape, tensorType(like).getElementType(), layout);
}

StatisticsContext::StatisticsContext(Operation *op, int64_t nodes)
    : builder(op), loc(op->getLoc()), nodes(nodes), everywhere(wholeAt(ownersOf(op->getResult(0)))),
      name(tensorName(op->getResult(0)).empty() ? opName(op) : tensorName(op->getResult(0)).str()) {
}

OwnedAttr StatisticsContext::at(int64_t rank, int64_t axis, int64_t extent) const {
  return OwnedAttr::at(everywhere.getContext(), rank, nodes, axis, extent);
}

OwnedAttr StatisticsContext::wholeAt(OwnedAttr layout) {
  return computedBy(layout.getContext(), ranksOf(layout), layout.getNodes());
}

Value StatisticsContext::binary(BinaryKind kind, Value lhs, Value rhs, ArrayRef<int64_t> shape,
                                Attribute layout) {
  return builder.create<BinaryOp>(loc, typed(lhs, shape, layout), lhs, rhs, kind);
}

Value StatisticsContext::unary(UnaryKind kind, Value x) {
  return builder.create<UnaryOp>(loc, x.getType(), x, ActAttr::get(builder.getContext(), kind));
}

Value StatisticsContext::reduce(ReduceKind kind, Value x, ArrayRef<int64_t> axes,
                                Attribute layout) {
  SmallVector<int64_t> shape(shapeOf(x));
  for (int64_t axis : axes)
    shape[axis] = 1;
  return builder.create<ReduceOp>(loc, typed(x, shape, layout), x, kind, axes, /*keepdims=*/true);
}

Value StatisticsContext::reshape(Value x, ArrayRef<int64_t> shape, Attribute layout) {
  int64_t count = tensorType(x).getNumElements();
  return builder.create<RearrangeOp>(loc, typed(x, shape, layout), x,
                                     builder.getDenseI64ArrayAttr({count}),
                                     builder.getDenseI64ArrayAttr({0}));
}

Value StatisticsContext::concat(ArrayRef<Value> values, int64_t axis, Attribute layout) {
  SmallVector<int64_t> shape(shapeOf(values[0]));
  shape[axis] = 0;
  for (Value value : values)
    shape[axis] += shapeOf(value)[axis];
  return builder.create<ConcatOp>(loc, typed(values[0], shape, layout), values,
                                  builder.getI64IntegerAttr(axis));
}

Value StatisticsContext::columns(Value x, int64_t first, int64_t count) {
  return builder.create<SliceOp>(loc, typed(x, {shapeOf(x)[0], count}, everywhere), x,
                                 builder.getDenseI64ArrayAttr({0, first}),
                                 builder.getDenseI64ArrayAttr({1, 1}));
}

Value StatisticsContext::ownedBy(int64_t rank, Value x, int64_t axis, const IndexSet &set) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[axis] = set.size();
  return builder.create<SelectOp>(loc, typed(x, shape, at(rank, axis, set.size())), x,
                                  builder.getI64IntegerAttr(axis),
                                  builder.getDenseI64ArrayAttr(set.toVector()));
}

Value StatisticsContext::constant(Type element, ArrayRef<int64_t> shape, ArrayRef<double> reals) {
  ConstantBuilder values(RankedTensorType::get(shape, element));
  for (auto [i, real] : llvm::enumerate(reals))
    values.setReal(static_cast<int64_t>(i), real);
  auto attr = values.finish();
  return builder.create<ConstantOp>(loc, RankedTensorType::get(shape, element), attr, ArrayAttr());
}

void StatisticsContext::replace(Operation *op, Value by) {
  if (shapeOf(by) != shapeOf(op->getResult(0)))
    by = reshape(by, shapeOf(op->getResult(0)), everywhere);
  if (auto tensor = op->getAttr(kTensorAttr))
    by.getDefiningOp()->setAttr(kTensorAttr, tensor);
  op->getResult(0).replaceAllUsesWith(by);
  replaced.push_back(op);
}

//===----------------------------------------------------------------------===//
// Exchanging and merging
//===----------------------------------------------------------------------===//

Statistics::Statistics(StatisticsContext &make, Value x, ArrayRef<int64_t> axes)
    : make(make), x(x), owners(ownersOf(x)) {
  for (auto [axis, extent] : llvm::enumerate(shapeOf(x))) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(axis));
    keptShape.push_back(reduced ? 1 : extent);
    rows *= keptShape.back();
  }
}

Value Statistics::partOf(int64_t rank, const IndexSet &set, Local local, size_t &count) {
  SmallVector<Value> flat;
  for (Value statistic : local(make.ownedBy(rank, x, owners.getAxis(), set)))
    flat.push_back(make.reshape(statistic, {1, rows}, make.at(rank)));
  count = flat.size();
  Value part = flat.size() == 1 ? flat[0] : make.concat(flat, 1, make.at(rank));
  Operation *op = part.getDefiningOp();
  op->setAttr(kTensorAttr,
              make.builder.getStringAttr(make.name + " of node " + std::to_string(rank)));
  op->setAttr(kRouteKindAttr, RouteKindAttr::get(op->getContext(), RouteKind::Statistic));
  return part;
}

SmallVector<Value> Statistics::exchange(Local local) {
  SmallVector<Value> parts;
  size_t count = 0;
  auto extent = static_cast<double>(shapeOf(x)[owners.getAxis()]);
  for (int64_t rank = 0; rank < make.nodes; ++rank) {
    IndexSet set = owners.getSet(rank);
    if (set.empty())
      continue;
    shares.push_back(static_cast<double>(set.size()) / extent);
    parts.push_back(partOf(rank, set, local, count));
  }
  Value all = make.concat(parts, 0, make.everywhere);
  if (count == 1)
    return {all};
  SmallVector<Value> matrices;
  for (size_t i = 0; i < count; ++i)
    matrices.push_back(make.columns(all, static_cast<int64_t>(i) * rows, rows));
  return matrices;
}

Value Statistics::merge(ReduceKind kind, Value matrix) {
  return make.reduce(kind, matrix, {0}, make.everywhere);
}

Value Statistics::weighted(Value matrix) {
  Value column = make.constant(tensorType(x).getElementType(),
                               {static_cast<int64_t>(shares.size()), 1}, shares);
  return merge(ReduceKind::Sum,
               make.binary(BinaryKind::Mul, matrix, column, shapeOf(matrix), make.everywhere));
}

Value Statistics::kept(Value row) { return make.reshape(row, keptShape, make.everywhere); }
