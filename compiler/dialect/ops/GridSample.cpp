//===- GridSample.cpp - values of an image at the places of a grid --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult GridSampleOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             ValueRange operands, DictionaryAttr attributes,
                                             OpaqueProperties properties, RegionRange regions,
                                             Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), grid = shapeOf(op.getGrid());
  size_t spatial = x.size() < 3 ? 0 : x.size() - 2;
  if (spatial < 1 || spatial > 3 || grid.size() != x.size() || grid[0] != x[0] ||
      grid.back() != static_cast<int64_t>(spatial))
    return emitOptionalError(loc, "needs an input of rank 3 to 5 and a grid with one coordinate "
                                  "for each of its spatial dimensions");
  Shape shape{x[0], x[1]};
  shape.append(grid.begin() + 1, grid.end() - 1);
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

Divisions GridSampleOp::divide(int64_t axis) {
  if (axis > 1)
    return std::nullopt;
  OperandNeed along = OperandNeed::along(axis, Relation::identity(shapeOf(getX())[axis]));
  Division division;
  division.operands = {along, axis == 0 ? along : OperandNeed::whole()};
  return division;
}

void GridSampleOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("grid_sample").type("x_t", getX()).type("grid_t", getGrid());
  call.constant("n", x[0]).constant("c", x[1]).constant("rank", rankOf(getX()) - 2);
  call.array("spatial", x.drop_front(2));
  call.constant("points", product(shapeOf(getResult()).drop_front(2)));
  call.member(("static constexpr disco::sample_mode mode = disco::sample_mode::" +
               stringifySampleMode(getMode()) + ";")
                  .str());
  call.member(("static constexpr disco::sample_padding padding = disco::sample_padding::" +
               stringifySamplePadding(getPadding()) + ";")
                  .str());
  call.flag("align_corners", getAlignCorners());
  call.pointers = {getResult(), getX(), getGrid()};
}
