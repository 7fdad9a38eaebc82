//===- Unary.cpp - a scalar function of every element ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Scalars.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult UnaryOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                        DictionaryAttr, OpaqueProperties, RegionRange,
                                        Inferred types) {
  return infer(types, shapeOf(operands[0]), typeOf(operands[0]).getElementType());
}

OpFoldResult UnaryOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  ActAttr act = getAct();
  if (!value || act.getKind() == UnaryKind::Identity)
    return value;
  SmallVector<int64_t> stored = storedShape(value, shapeOf(getX()));
  ConstantView view(value, stored);
  UnaryFunction function = unaryFunction(act.getKind(), view.getElementType());
  if (!view.isValid() || !function)
    return {};
  ConstantBuilder builder(*foldedType(*this, stored, view.size()));
  for (int64_t i = 0; i < view.size(); ++i)
    function(builder.bytes(i), view.bytes(i), act.getAlphaValue(), act.getBetaValue());
  return builder.finish();
}

Divisions UnaryOp::divide(int64_t axis) { return elementwise(*this, axis); }

SmallVector<InPlaceOperand> UnaryOp::getInPlaceOperands() { return {{getX()}}; }

bool UnaryOp::takesLayouts(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return byRows(operands, result) || isRealThroughout(*this);
}

void UnaryOp::describeKernel(KernelCall &call) {
  if (liesOtherwise(*this)) {
    call.use("unary_any").type("x_t", getX()).type("y_t", getResult()).function("op", getAct());
    addPlaces(call, getResult(), {{"x", getX()}});
    call.pointers = {getResult(), getX()};
    return;
  }
  call.use("unary").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements()).function("op", getAct());
  call.pointers = {getResult(), getX()};
}
