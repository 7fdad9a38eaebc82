//===- Pad.cpp - a border around every axis -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"

using namespace mlir;
using namespace disco;

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                      ValueRange operands, DictionaryAttr attributes,
                                      OpaqueProperties properties, RegionRange regions,
                                      Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  SmallVector<int64_t> shape(shapeOf(op.getX()));
  if (op.getPads().size() != 2 * shape.size())
    return emitOptionalError(loc, "pads must have ", 2 * shape.size(), " entries");
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t begin = op.getPads()[i], end = op.getPads()[i + shape.size()];
    if (op.getMode() == PadMode::Reflect && std::max(begin, end) >= std::max<int64_t>(shape[i], 1))
      return emitOptionalError(loc, "a reflected border must be smaller than the tensor");
    shape[i] += begin + end;
    if (shape[i] < 0)
      return emitOptionalError(loc, "the pads crop more than dimension ", i, " has");
  }
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value || getMode() != PadMode::Constant)
    return {};
  ArrayRef<int64_t> shape = shapeOf(getX());
  ConstantView view(value, shape);
  // More of the same value is no border.
  bool same = view.size() > 0 && view.uniform() == getValue().convertToDouble();
  Shape stored(view.getStoredShape());
  for (size_t i = 0; i < stored.size(); ++i)
    if (product(shapeOf(getResult())) == 0 ||
        (!same && (getPads()[i] != 0 || getPads()[i + stored.size()] != 0 || stored[i] != 1)))
      stored[i] = shapeOf(getResult())[i];
    else if (same)
      stored[i] = 1;
  std::optional<RankedTensorType> type = foldedType(*this, stored, view.storedCount());
  if (!view.isValid() || !type)
    return {};
  ConstantBuilder builder(*type);
  SmallVector<int64_t> strides = stridesOf(shape);
  forEachIndex(stored, [&](int64_t linear, ArrayRef<int64_t> index) {
    int64_t from = 0;
    bool inside = true;
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t at = index[i] - getPads()[i];
      inside &= at >= 0 && at < shape[i];
      from += at * strides[i];
    }
    inside ? builder.setBytes(linear, view.bytes(from))
           : builder.setReal(linear, getValue().convertToDouble());
  });
  return builder.finish();
}

MaybeDivision PadOp::divide(int64_t axis, ArrayRef<int64_t>) {
  bool kept = getPads()[axis] == 0 && getPads()[axis + rankOf(getX())] == 0;
  return kept ? sameAxis(*this, axis) : std::nullopt;
}

void PadOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("move.h", "pad").type("x_t", getX()).constant("rank", static_cast<int64_t>(x.size()));
  call.array("x_shape", x)
      .array("shape", shapeOf(getResult()))
      .array("begins", getPads().take_front(x.size()));
  call.member("static constexpr disco::pad_mode mode = disco::pad_mode::" +
              stringifyPadMode(getMode()).str() + ";");
  call.pointers = {getResult(), getX()};
  std::string storage = storageType(tensorType(getX()).getElementType());
  double value = getValue().convertToDouble();
  call.value = storage == "disco::f16"
                   ? "disco::f32_to_f16(static_cast<float>(" + realText(value) + "))"
                   : "static_cast<" + storage + ">(" + realText(value) + ")";
}
