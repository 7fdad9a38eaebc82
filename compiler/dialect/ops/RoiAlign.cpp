//===- RoiAlign.cpp - regions of feature maps, resampled ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult RoiAlignOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                           ValueRange operands, DictionaryAttr attributes,
                                           OpaqueProperties properties, RegionRange regions,
                                           Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), rois = shapeOf(op.getRois()),
                    batch = shapeOf(op.getBatch());
  if (x.size() != 4 || rois.size() != 2 || rois[1] != 4 || batch.size() != 1 || batch[0] != rois[0])
    return emitOptionalError(loc, "needs an input of rank 4, regions of the shape [n, 4] and n "
                                  "batch indices");
  if (x[0] < 1 || x[2] < 1 || x[3] < 1 || static_cast<int64_t>(op.getHeight()) < 1 ||
      static_cast<int64_t>(op.getWidth()) < 1)
    return emitOptionalError(loc, "the input and the resampled regions must not be empty");
  return infer(
      types,
      {rois[0], x[1], static_cast<int64_t>(op.getHeight()), static_cast<int64_t>(op.getWidth())},
      typeOf(op.getX()).getElementType());
}

Divisions RoiAlignOp::divide(int64_t axis) {
  if (axis > 1)
    return std::nullopt;
  Relation same = Relation::identity(shapeOf(getResult())[axis]);
  OperandNeed along = OperandNeed::along(axis, same), whole = OperandNeed::whole();
  Division division;
  division.operands = {axis == 1 ? along : whole, axis == 0 ? along : whole,
                       axis == 0 ? along : whole};
  return division;
}

void RoiAlignOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("roi_align").type("x_t", getX()).type("index_t", getBatch());
  call.constant("n", x[0]).constant("c", x[1]).constant("ih", x[2]).constant("iw", x[3]);
  call.constant("rois", shapeOf(getRois())[0]);
  call.constant("oh", getHeight()).constant("ow", getWidth()).constant("samples", getSamples());
  call.real("scale", getScale().convertToDouble());
  call.flag("half_pixel", getHalfPixel()).flag("maximum", getMaximum());
  call.pointers = {getResult(), getX(), getRois(), getBatch()};
}
