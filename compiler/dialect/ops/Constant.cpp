//===- Constant.cpp - weights and other constants -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PackedConstant.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ConstantOp::verify() {
  auto view = getView();
  ShapedType stored = getValue().getShapedType();
  if (stored.getElementType() != getType().getElementType() ||
      stored.getRank() != getType().getRank())
    return emitOpError("value and result differ in type");
  SmallVector<int64_t> shape(stored.getShape());
  SmallVector<bool> picked(shape.size(), false);
  for (Attribute entry : view ? *view : ArrayAttr::get(getContext(), {})) {
    auto local = dyn_cast<LocalAttr>(entry);
    if (!local || local.getAxis() < 0 || local.getAxis() >= static_cast<int64_t>(shape.size()))
      return emitOpError("the view names an axis that the value does not have");
    IndexSet set = local.getSet();
    if (!set.empty() && set.last() >= getValue().getShapedType().getDimSize(local.getAxis()))
      return emitOpError("the view reaches beyond axis ") << local.getAxis();
    shape[local.getAxis()] = set.size();
    picked[local.getAxis()] = true;
  }
  // A value is broadcast along the axes where it has one element and the view picks none; a packed
  // one is what a kernel reads, and has all of its elements.
  for (auto [have, want, pick] : llvm::zip(shape, getType().getShape(), picked))
    if (have != want && (have != 1 || pick || getPacking()))
      return view ? emitOpError("view and result differ in shape")
                  : emitOpError("value and result differ in type");
  if (!getPacking())
    return success();
  return verifyPacking(*getPacking(), getType(), [&] { return emitOpError(); });
}

OpFoldResult ConstantOp::fold(FoldAdaptor) {
  return getView() || getPacking() ? OpFoldResult() : OpFoldResult(getValue());
}
