//===- Expand.cpp - broadcast to a given shape ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace mlir;
using namespace disco;

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
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    return broadcastIndex(index, shapeOf(getX()), strides);
  });
}

MaybeDivision ExpandOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }

void ExpandOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperation()->getOperands());
  addStrided(call, getResult(), getX(), view.shape, view.strides[0], 0);
}
