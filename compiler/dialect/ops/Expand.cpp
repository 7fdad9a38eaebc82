//===- Expand.cpp - broadcast to a given shape ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Build.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

Value disco::buildExpanded(OpBuilder &builder, Location loc, RankedTensorType type, Value value) {
  return builder.create<ExpandOp>(loc, type, value);
}

LogicalResult ExpandOp::verify() {
  SmallVector<int64_t> shape;
  if (failed(broadcast(getLoc(), shapeOf(getX()), shapeOf(getResult()), shape)))
    return failure();
  return ArrayRef<int64_t>(shape) == shapeOf(getResult())
             ? success()
             : emitOpError("the result is smaller than the operand");
}

OpFoldResult ExpandOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  // The value stays as it is: what it stands for becomes larger.
  if (product(shapeOf(getResult())) == 0)
    return ConstantBuilder(tensorType(getResult())).finish();
  SmallVector<int64_t> own = storedShape(value, shapeOf(getX()));
  Shape stored(shapeOf(getResult()).size() - own.size(), 1);
  llvm::append_range(stored, own);
  return reshaped(value, stored);
}

Divisions ExpandOp::divide(int64_t axis) { return elementwise(*this, axis); }

/// The result's shape is that of its type, whatever is expanded.
bool ExpandOp::readsSmaller(unsigned, ArrayRef<int64_t>) { return true; }

void ExpandOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperation()->getOperands());
  addStrided(call, getResult(), getX(), view.shape, view.strides[0], 0);
}
