//===- Scatter.cpp - slices replaced, by indices known at run time --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), indices = shapeOf(op.getIndices());
  size_t batch = op.getBatch();
  if (batch >= x.size() || batch > indices.size() ||
      x.take_front(batch) != indices.take_front(batch))
    return emitOptionalError(loc, "x and the indices do not share their first ", batch,
                             " dimensions");
  Shape updates(indices);
  updates.append(x.begin() + batch + 1, x.end());
  if (ArrayRef<int64_t>(updates) != shapeOf(op.getUpdates()))
    return emitOptionalError(loc, "the shape of the updates does not follow from x and indices");
  Type element = typeOf(op.getX()).getElementType();
  if (element != typeOf(op.getUpdates()).getElementType())
    return emitOptionalError(loc, "x and the updates have different element types");
  return infer(types, x, element);
}

/// Only plain replacement: what exporters do to constants.
OpFoldResult ScatterOp::fold(FoldAdaptor adaptor) {
  auto x = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       list = dyn_cast_or_null<ElementsAttr>(adaptor.getIndices()),
       updates = dyn_cast_or_null<ElementsAttr>(adaptor.getUpdates());
  if (!x || !list || !updates || getKind() != ScatterKind::None)
    return {};
  ConstantView from(x, shapeOf(getX())), indices(list, shapeOf(getIndices())),
      with(updates, shapeOf(getUpdates()));
  std::optional<RankedTensorType> type = foldedType(
      *this, shapeOf(getResult()), from.storedCount() + indices.storedCount() + with.storedCount());
  if (!type || !from.isValid() || !indices.isValid() || !with.isValid())
    return {};
  ArrayRef<int64_t> shape = shapeOf(getX());
  int64_t outer = product(shape.take_front(getBatch())), extent = shape[getBatch()];
  int64_t inner = product(shape.drop_front(getBatch() + 1));
  int64_t count = outer == 0 ? 0 : indices.size() / outer;
  ConstantBuilder result(*type);
  for (int64_t i = 0; i < from.size(); ++i)
    result.setBytes(i, from.bytes(i));
  for (int64_t i = 0; i < outer * count; ++i) {
    int64_t at = indices.integer(i);
    at = at < 0 ? at + extent : at;
    if (at >= 0 && at < extent)
      for (int64_t k = 0; k < inner; ++k)
        result.setBytes((i / count * extent + at) * inner + k, with.bytes(i * inner + k));
  }
  return result.finish();
}

Divisions ScatterOp::divide(int64_t axis) {
  int64_t batch = getBatch(), indexRank = rankOf(getIndices()) - batch;
  if (axis == batch)
    return std::nullopt;
  Relation same = Relation::identity(shapeOf(getResult())[axis]);
  Division division;
  if (axis < batch)
    division.operands.assign(3, OperandNeed::along(axis, same));
  else
    division.operands = {OperandNeed::along(axis, same), OperandNeed::whole(),
                         OperandNeed::along(axis - 1 + indexRank, same)};
  return division;
}

void ScatterOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  call.use("scatter").type("x_t", getX()).type("index_t", getIndices());
  call.alias("op", "scatter_" + stringifyScatterKind(getKind()).str());
  addOuterInner(call, shape, getBatch());
  call.constant("extent", shape[getBatch()])
      .constant("count", product(shapeOf(getIndices()).drop_front(getBatch())));
  call.pointers = {getResult(), getX(), getIndices(), getUpdates()};
}
