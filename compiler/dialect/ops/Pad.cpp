//===- Pad.cpp - a border around every axis -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"
#include <cstring>

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

LogicalResult PadOp::verify() {
  if (isa<FloatAttr>(getValue()) == isReal(typeOf(getX()).getElementType()))
    return success();
  return emitOpError("the value must be an f64 in a tensor of floats, and else an i64");
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value || getMode() != PadMode::Constant)
    return {};
  ArrayRef<int64_t> shape = shapeOf(getX());
  ConstantView view(value, shape);
  ConstantBuilder border(RankedTensorType::get({}, view.getElementType()));
  border.setAttribute(0, getValue());
  // More of the same value is no border.
  bool same =
      view.isUniform() && std::memcmp(view.bytes(0), border.bytes(0), view.elementSize()) == 0;
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
    builder.setBytes(linear, inside ? view.bytes(from) : border.bytes(0));
  });
  return builder.finish();
}

Divisions PadOp::divide(int64_t axis) {
  bool kept = getPads()[axis] == 0 && getPads()[axis + rankOf(getX())] == 0;
  return kept ? sameAxis(*this, axis) : Divisions();
}

void PadOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("pad").type("x_t", getX()).constant("rank", static_cast<int64_t>(x.size()));
  call.array("x_shape", x)
      .array("shape", shapeOf(getResult()))
      .array("begins", getPads().take_front(x.size()));
  call.member("static constexpr disco::pad_mode mode = disco::pad_mode::" +
              stringifyPadMode(getMode()).str() + ";");
  call.pointers = {getResult(), getX()};
  auto integer = dyn_cast<IntegerAttr>(getValue());
  // The least integer of 64 bits has no literal; its bits have one.
  std::string text =
      integer ? "UINT64_C(" + std::to_string(static_cast<uint64_t>(integer.getInt())) + ")"
              : realText(numberOf(getValue()));
  call.value =
      "disco::cast_element<" + storageType(typeOf(getX()).getElementType()) + ">(" + text + ")";
}
