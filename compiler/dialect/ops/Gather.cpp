//===- Gather.cpp - slices by indices known at run time -------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace mlir;
using namespace disco;

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), indices = shapeOf(op.getIndices());
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(x.size()))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ", x.size());
  SmallVector<int64_t> shape(x.take_front(axis));
  shape.append(indices.begin(), indices.end());
  shape.append(x.begin() + axis + 1, x.end());
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

OpFoldResult GatherOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       list = dyn_cast_or_null<ElementsAttr>(adaptor.getIndices());
  if (!value || !list)
    return {};
  ConstantView indices(list);
  if (!indices.isValid())
    return {};
  size_t axis = getAxis(), indexRank = shapeOf(getIndices()).size();
  int64_t extent = shapeOf(getX())[axis];
  for (int64_t i = 0; i < indices.size(); ++i)
    if (indices.integer(i) < -extent || indices.integer(i) >= extent)
      return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX())),
                       indexStrides = stridesOf(shapeOf(getIndices()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t which = 0, from = 0;
    for (size_t i = 0; i < indexRank; ++i)
      which += index[axis + i] * indexStrides[i];
    int64_t at = indices.integer(which);
    for (size_t i = 0; i < axis; ++i)
      from += index[i] * strides[i];
    from += (at < 0 ? at + extent : at) * strides[axis];
    for (size_t i = axis + 1; i < strides.size(); ++i)
      from += index[i + indexRank - 1] * strides[i];
    return from;
  });
}

MaybeDivision GatherOp::divide(int64_t axis, ArrayRef<int64_t>) {
  int64_t gathered = getAxis(), indexRank = rankOf(getIndices());
  Relation same = Relation::identity(shapeOf(getResult())[axis]);
  Division division;
  if (axis >= gathered && axis < gathered + indexRank)
    division.operands = {OperandNeed::whole(), OperandNeed::along(axis - gathered, same)};
  else
    division.operands = {OperandNeed::along(axis < gathered ? axis : axis - indexRank + 1, same),
                         OperandNeed::whole()};
  return division;
}

void GatherOp::describeKernel(KernelCall &call) {
  call.use("move.h", "gather").type("x_t", getX()).type("index_t", getIndices());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("extent", shapeOf(getX())[getAxis()])
      .constant("count", tensorType(getIndices()).getNumElements());
  call.pointers = {getResult(), getX(), getIndices()};
}
