//===- Where.cpp - a choice between two operands --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult WhereOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                        ValueRange operands, DictionaryAttr, OpaqueProperties,
                                        RegionRange, Inferred types) {
  SmallVector<int64_t> inner, shape;
  if (failed(broadcast(loc, shapeOf(operands[1]), shapeOf(operands[2]), inner)) ||
      failed(broadcast(loc, shapeOf(operands[0]), inner, shape)))
    return failure();
  if (typeOf(operands[1]).getElementType() != typeOf(operands[2]).getElementType())
    return emitOptionalError(loc, "the operands have different element types");
  return infer(types, shape, typeOf(operands[1]).getElementType());
}

OpFoldResult WhereOp::fold(FoldAdaptor adaptor) {
  auto condition = dyn_cast_or_null<ElementsAttr>(adaptor.getCondition());
  auto x = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       y = dyn_cast_or_null<ElementsAttr>(adaptor.getY());
  if (!condition || !x || !y)
    return {};
  ConstantView c(condition, shapeOf(getCondition())), a(x, shapeOf(getX())), b(y, shapeOf(getY()));
  std::optional<RankedTensorType> type = foldedType(*this, {&c, &a, &b});
  if (!c.isValid() || !a.isValid() || !b.isValid() || !type)
    return {};
  ConstantBuilder builder(*type);
  SmallVector<int64_t> stridesC = stridesOf(shapeOf(getCondition())),
                       stridesA = stridesOf(shapeOf(getX())), stridesB = stridesOf(shapeOf(getY()));
  forEachIndex(type->getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
    bool first = c.integer(broadcastIndex(index, shapeOf(getCondition()), stridesC)) != 0;
    builder.setBytes(linear, first ? a.bytes(broadcastIndex(index, shapeOf(getX()), stridesA))
                                   : b.bytes(broadcastIndex(index, shapeOf(getY()), stridesB)));
  });
  return builder.finish();
}

Divisions WhereOp::divide(int64_t axis) { return elementwise(*this, axis); }

bool WhereOp::readsSmaller(unsigned k, ArrayRef<int64_t> shape) {
  return broadcastsTo(*this, k, shape);
}

void WhereOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.use("where").type("x_t", getX()).constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape).array("c_strides", view.strides[0]);
  call.array("a_strides", view.strides[1]).array("b_strides", view.strides[2]);
  call.pointers = {getResult(), getCondition(), getX(), getY()};
}
