//===- Gather.cpp - slices by indices known at run time -------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), indices = shapeOf(op.getIndices());
  int64_t axis = op.getAxis(), batch = op.getBatch();
  if (failed(checkAxis(loc, axis, x.size())))
    return failure();
  if (batch < 0 || batch > axis || batch > static_cast<int64_t>(indices.size()) ||
      x.take_front(batch) != indices.take_front(batch))
    return emitOptionalError(loc, "x and the indices do not share their first ", batch,
                             " dimensions");
  Shape shape(x.take_front(axis));
  shape.append(indices.begin() + batch, indices.end());
  shape.append(x.begin() + axis + 1, x.end());
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

OpFoldResult GatherOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       list = dyn_cast_or_null<ElementsAttr>(adaptor.getIndices());
  if (!value || !list)
    return {};
  ConstantView indices(list, shapeOf(getIndices()));
  if (!indices.isValid())
    return {};
  size_t axis = getAxis(), batch = getBatch(), indexRank = shapeOf(getIndices()).size() - batch;
  int64_t extent = shapeOf(getX())[axis];
  ConstantView known(list, indices.getStoredShape());
  for (int64_t i = 0; i < known.size(); ++i)
    if (known.integer(i) < -extent || known.integer(i) >= extent)
      return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX())),
                       indexStrides = stridesOf(shapeOf(getIndices()));
  SmallVector<int64_t> own = storedShape(value, shapeOf(getX())), stored(shapeOf(getResult()));
  bool oneSlice = own[axis] == 1 && product(stored) != 0;
  for (size_t i = 0; i < stored.size() && product(shapeOf(getResult())) != 0; ++i) {
    if (i < axis)
      stored[i] = own[i] == 1 && (i >= batch || indices.getStoredShape()[i] == 1) ? 1 : stored[i];
    else if (i < axis + indexRank)
      stored[i] = oneSlice ? 1 : indices.getStoredShape()[i - axis + batch];
    else
      stored[i] = own[i - indexRank + 1];
  }
  return moveElements(*this, value, getX(), stored, known.size(),
                      [&](int64_t, ArrayRef<int64_t> index) {
                        int64_t which = 0, from = 0;
                        for (size_t i = 0; i < batch; ++i)
                          which += index[i] * indexStrides[i];
                        for (size_t i = 0; i < indexRank; ++i)
                          which += index[axis + i] * indexStrides[batch + i];
                        int64_t at = indices.integer(which);
                        for (size_t i = 0; i < axis; ++i)
                          from += index[i] * strides[i];
                        from += (at < 0 ? at + extent : at) * strides[axis];
                        for (size_t i = axis + 1; i < strides.size(); ++i)
                          from += index[i + indexRank - 1] * strides[i];
                        return from;
                      });
}

Divisions GatherOp::divide(int64_t axis) {
  int64_t gathered = getAxis(), batch = getBatch(), indexRank = rankOf(getIndices()) - batch;
  Relation same = Relation::identity(shapeOf(getResult())[axis]);
  Division division;
  if (axis < batch)
    division.operands.assign(2, OperandNeed::along(axis, same));
  else if (axis >= gathered && axis < gathered + indexRank)
    division.operands = {OperandNeed::whole(), OperandNeed::along(axis - gathered + batch, same)};
  else
    division.operands = {OperandNeed::along(axis < gathered ? axis : axis - indexRank + 1, same),
                         OperandNeed::whole()};
  return division;
}

void GatherOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX()).drop_front(getBatch());
  call.use("gather").type("x_t", getX()).type("index_t", getIndices());
  call.constant("batch", product(shapeOf(getX()).take_front(getBatch())));
  addOuterInner(call, x, getAxis() - getBatch());
  call.constant("extent", shapeOf(getX())[getAxis()])
      .constant("count", product(shapeOf(getIndices()).drop_front(getBatch())));
  call.pointers = {getResult(), getX(), getIndices()};
}
