//===- Select.cpp - listed indices of one axis ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  SmallVector<int64_t> shape(shapeOf(op.getX()));
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ",
                             shape.size());
  shape[axis] = static_cast<int64_t>(op.getIndices().size());
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

LogicalResult SelectOp::verify() {
  int64_t extent = axisExtent(tensorType(getX()), static_cast<int64_t>(getAxis()));
  for (int64_t index : getIndices())
    if (index < 0 || index >= extent)
      return emitOpError("index ") << index << " is outside an axis of extent " << extent;
  return success();
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  SmallVector<int64_t> stored = storedShape(value, shapeOf(getX()));
  auto picked = static_cast<int64_t>(getIndices().size());
  if (stored[getAxis()] != 1 || picked == 0)
    stored[getAxis()] = picked;
  return moveElements(*this, value, getX(), stored, picked, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size(); ++i)
      from += (i == getAxis() ? getIndices()[index[i]] : index[i]) * strides[i];
    return from;
  });
}

Divisions SelectOp::divide(int64_t axis) {
  if (axis != static_cast<int64_t>(getAxis()))
    return sameAxis(*this, axis);
  Division division;
  division.operands.push_back(OperandNeed::along(axis, Relation::list(getIndices())));
  return division;
}

bool SelectOp::isMovement() { return true; }

bool SelectOp::relabels(int64_t axis) { return axis == static_cast<int64_t>(getAxis()); }

Local SelectOp::localize(LocalContext &context) {
  if (context.axis != static_cast<int64_t>(getAxis()))
    return localizeByCloning(*this, context);
  Local x = context.getOperand(0);
  if (failed(x))
    return failure();
  return reorder(context, *this, *x, context.axis,
                 localOrder(*context.division.operands[0].relation, context.set),
                 context.getResultType(getResult()));
}

void SelectOp::describeKernel(KernelCall &call) {
  call.use("select").type("x_t", getX());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("x_extent", shapeOf(getX())[getAxis()])
      .constant("extent", static_cast<int64_t>(getIndices().size()));
  call.table("index", getIndices());
  call.pointers = {getResult(), getX()};
}
