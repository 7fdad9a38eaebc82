//===- Slice.cpp - every so many indices of every axis --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult());
  if (getStarts().size() != x.size() || getSteps().size() != x.size() || y.size() != x.size())
    return emitOpError("starts, steps and result must have the input's rank");
  for (size_t i = 0; i < x.size(); ++i) {
    int64_t last = getStarts()[i] + (y[i] - 1) * getSteps()[i];
    if (y[i] > 0 && (getStarts()[i] < 0 || getStarts()[i] >= x[i] || last < 0 || last >= x[i]))
      return emitOpError("the slice leaves dimension ") << i;
  }
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  bool identity = llvm::all_of(getStarts(), [](int64_t start) { return start == 0; }) &&
                  llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  if (identity && getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  SmallVector<int64_t> stored = storedShape(value, shapeOf(getX()));
  for (auto [extent, result] : llvm::zip(stored, shapeOf(getResult())))
    extent = extent == 1 ? std::min<int64_t>(result, 1) : result;
  return moveElements(*this, value, getX(), stored, 0, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size(); ++i)
      from += (getStarts()[i] + index[i] * getSteps()[i]) * strides[i];
    return from;
  });
}

Divisions SliceOp::divide(int64_t axis) {
  SmallVector<int64_t> list;
  for (int64_t i = 0; i < shapeOf(getResult())[axis]; ++i)
    list.push_back(getStarts()[axis] + i * getSteps()[axis]);
  Division division;
  division.operands.push_back(OperandNeed::along(axis, Relation::list(list)));
  return division;
}

bool SliceOp::isMovement() { return true; }

bool SliceOp::relabels(int64_t axis) {
  for (int64_t i = 0; i < rankOf(getX()); ++i)
    if (i != axis && (getSteps()[i] != 1 || shapeOf(getX())[i] != shapeOf(getResult())[i]))
      return false;
  return true;
}

Local SliceOp::localize(LocalContext &context) {
  Local x = context.getOperand(0);
  if (failed(x) || context.axis < 0)
    return failed(x) ? Local(failure()) : localizeByCloning(*this, context);
  OpBuilder &builder = context.builder;
  SmallVector<int64_t> starts(getStarts()), steps(getSteps());
  starts[context.axis] = 0;
  steps[context.axis] = 1;
  RankedTensorType type = context.getResultType(getResult());
  Value sliced = *x;
  bool whole = llvm::all_of(llvm::zip(shapeOf(sliced), type.getShape()),
                            [](auto pair) { return std::get<0>(pair) == std::get<1>(pair); }) &&
               llvm::all_of(steps, [](int64_t step) { return step == 1; });
  if (!whole) {
    auto slice = builder.create<SliceOp>(getLoc(), type, sliced, starts, steps);
    slice->setAttr(kTensorAttr, builder.getStringAttr(tensorName(getResult())));
    sliced = slice;
  }
  return reorder(context, *this, sliced, context.axis,
                 localOrder(*context.division.operands[0].relation, context.set), type);
}

void SliceOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(shapeOf(getX())), steps;
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += getStarts()[i] * strides[i];
    steps.push_back(getSteps()[i] * strides[i]);
  }
  addStrided(call, getResult(), getX(), shapeOf(getResult()), steps, offset);
}
