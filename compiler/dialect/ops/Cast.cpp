//===- Cast.cpp - conversion to another element type ----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace mlir;
using namespace disco;

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> stored = storedShape(value, shapeOf(getX()));
  ConstantView view(value, stored);
  if (!view.isValid())
    return {};
  Type to = tensorType(getResult()).getElementType();
  ConstantBuilder builder(*foldedType(*this, stored, view.size()));
  for (int64_t i = 0; i < view.size(); ++i) {
    if (to.isInteger(1))
      builder.setInteger(i, !view.isZero(i));
    else if (isReal(view.getElementType()))
      builder.setReal(i, view.real(i));
    else
      builder.setInteger(i, view.integer(i));
  }
  return builder.finish();
}

MaybeDivision CastOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }

void CastOp::describeKernel(KernelCall &call) {
  call.use("eltwise.h", "cast").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements());
  call.pointers = {getResult(), getX()};
}
