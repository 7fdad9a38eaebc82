//===- Quantize.cpp - real numbers to integers ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Quantization.h"
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult QuantizeOp::verify() {
  Type element = typeOf(getResult()).getElementType();
  if (!typeOf(getX()).getElementType().isF32() || !typeOf(getScale()).getElementType().isF32())
    return emitOpError("takes a tensor and a scale of single precision");
  if (!isa<IntegerType>(element) || element.getIntOrFloatBitWidth() > 16)
    return emitOpError("makes integers of 8 or 16 bits, not ") << element;
  return verifyScaling(*this, getX(), getScale(), getZero(), element);
}

OpFoldResult QuantizeOp::fold(FoldAdaptor adaptor) {
  auto x = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       scale = dyn_cast_or_null<ElementsAttr>(adaptor.getScale()),
       zero = dyn_cast_or_null<ElementsAttr>(adaptor.getZero());
  if (!x || !scale || (getZero() && !zero))
    return {};
  ConstantView values(x, shapeOf(getX())), scales(scale, shapeOf(getScale()));
  SmallVector<const ConstantView *> operands{&values, &scales};
  std::optional<ConstantView> zeros;
  if (zero)
    operands.push_back(&zeros.emplace(zero, shapeOf(getZero())));
  std::optional<RankedTensorType> type = foldedType(*this, operands);
  if (!type || !values.isValid() || !scales.isValid() || (zeros && !zeros->isValid()))
    return {};
  IntegerRange range = rangeOf(tensorType(getResult()).getElementType());
  ConstantBuilder builder(*type);
  ArrayRef<int64_t> shapeX = shapeOf(getX()), shapeScale = shapeOf(getScale()), shapeZero;
  SmallVector<int64_t> stridesX = stridesOf(shapeX), stridesScale = stridesOf(shapeScale),
                       stridesZero;
  if (zeros)
    shapeZero = shapeOf(getZero()), stridesZero = stridesOf(shapeZero);
  forEachIndex(type->getShape(), [&](int64_t at, ArrayRef<int64_t> index) {
    double x = values.real(broadcastIndex(index, shapeX, stridesX)),
           scale = scales.real(broadcastIndex(index, shapeScale, stridesScale));
    builder.setInteger(
        at, quantized(static_cast<float>(x), static_cast<float>(scale),
                      zeros ? zeros->integer(broadcastIndex(index, shapeZero, stridesZero)) : 0,
                      range));
  });
  return builder.finish();
}

Divisions QuantizeOp::divide(int64_t axis) { return elementwise(*this, axis); }

bool QuantizeOp::readsSmaller(unsigned k, ArrayRef<int64_t> shape) {
  return k > 0 && broadcastsTo(*this, k, shape);
}

void QuantizeOp::describeKernel(KernelCall &call) {
  call.use("quantize").type("x_t", getX()).type("y_t", getResult());
  addScaling(call, getX(), getScale(), getZero());
  call.pointers = {getResult(), getX(), getScale(), getZero()};
}
