//===- Constant.cpp - weights and other constants -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ConstantOp::verify() {
  auto view = getView();
  if (!view)
    return sameShapes(getValue().getShapedType(), getType())
               ? success()
               : emitOpError("value and result differ in type");
  SmallVector<int64_t> shape(getValue().getShapedType().getShape());
  for (Attribute entry : *view) {
    auto local = dyn_cast<LocalAttr>(entry);
    if (!local || local.getAxis() < 0 || local.getAxis() >= static_cast<int64_t>(shape.size()))
      return emitOpError("the view names an axis that the value does not have");
    IndexSet set = local.getSet();
    if (!set.empty() && set.last() >= getValue().getShapedType().getDimSize(local.getAxis()))
      return emitOpError("the view reaches beyond axis ") << local.getAxis();
    shape[local.getAxis()] = set.size();
  }
  return ArrayRef<int64_t>(shape) == getType().getShape()
             ? success()
             : emitOpError("view and result differ in shape");
}

OpFoldResult ConstantOp::fold(FoldAdaptor) {
  return getView() ? OpFoldResult() : OpFoldResult(getValue());
}
