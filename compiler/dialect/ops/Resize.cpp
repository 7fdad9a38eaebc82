//===- Resize.cpp - resampling of any axes --------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ResizeOp::verify() {
  size_t rank = shapeOf(getX()).size();
  if (getScales().size() != rank || shapeOf(getResult()).size() != rank)
    return emitOpError("scales and result must have the input's rank");
  if (!getRoi().empty() && getRoi().size() != 2 * rank)
    return emitOpError("roi must have ") << 2 * rank << " entries";
  return success();
}

Divisions ResizeOp::divide(int64_t axis) {
  bool kept = getScales()[axis] == 1.0 && shapeOf(getX())[axis] == shapeOf(getResult())[axis];
  bool cropped =
      !getRoi().empty() && (getRoi()[axis] != 0.0 || getRoi()[axis + rankOf(getX())] != 1.0);
  return kept && !cropped ? sameAxis(*this, axis) : std::nullopt;
}

void ResizeOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("resize").type("x_t", getX()).constant("rank", static_cast<int64_t>(x.size()));
  call.array("x_shape", x)
      .array("shape", shapeOf(getResult()))
      .reals("scales", getScales())
      .reals("roi", getRoi());
  auto setting = [&](StringRef type, StringRef name, StringRef value) {
    call.member(
        ("static constexpr disco::" + type + " " + name + " = disco::" + type + "::" + value + ";")
            .str());
  };
  setting("resize_mode", "mode", stringifyResizeMode(getMode()));
  setting("resize_coordinates", "coordinates", stringifyCoordinateMode(getCoordinates()));
  setting("resize_nearest", "nearest", stringifyNearestMode(getNearest()));
  call.real("cubic_coeff", getCubicCoeff().convertToDouble())
      .real("extrapolation", getExtrapolation().convertToDouble());
  call.flag("exclude_outside", getExcludeOutside());
  call.pointers = {getResult(), getX()};
}
