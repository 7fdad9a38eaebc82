//===- Quantize.cpp - real numbers to integers ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Quantization.h"
#include "Quantized.h"

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
  ConstantView values(x), scales(scale);
  std::optional<ConstantView> zeros;
  if (zero)
    zeros.emplace(zero);
  if (!values.isValid() || !scales.isValid() || (zeros && !zeros->isValid()))
    return {};
  IntegerRange range = rangeOf(tensorType(getResult()).getElementType());
  ConstantBuilder builder(tensorType(getResult()));
  forEachScaled(*this, getX(), getScale(), getZero(), [&](int64_t i, int64_t s, int64_t z) {
    builder.setInteger(i, quantized(static_cast<float>(values.real(i)),
                                    static_cast<float>(scales.real(s)),
                                    zeros ? zeros->integer(z) : 0, range));
  });
  return builder.finish();
}

MaybeDivision QuantizeOp::divide(int64_t axis, ArrayRef<int64_t>) {
  return elementwise(*this, axis);
}

void QuantizeOp::describeKernel(KernelCall &call) {
  call.use("quant.h", "quantize").type("x_t", getX()).type("y_t", getResult());
  addScaling(call, getX(), getScale(), getZero());
  call.pointers = {getResult(), getX(), getScale(), getZero()};
}
