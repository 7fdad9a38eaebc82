//===- Cast.cpp - conversion to another element type ----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Scalars.h"
#include "compiler/dialect/ops/Support.h"

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
  CastFunction function =
      castFunction(view.getElementType(), tensorType(getResult()).getElementType());
  if (!view.isValid() || !function)
    return {};
  ConstantBuilder builder(*foldedType(*this, stored, view.size()));
  for (int64_t i = 0; i < view.size(); ++i)
    function(builder.bytes(i), view.bytes(i));
  return builder.finish();
}

Divisions CastOp::divide(int64_t axis) { return elementwise(*this, axis); }

void CastOp::describeKernel(KernelCall &call) {
  call.use("cast").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements());
  call.pointers = {getResult(), getX()};
}
