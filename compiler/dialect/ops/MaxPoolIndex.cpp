//===- MaxPoolIndex.cpp - where the greatest value of a window lies -------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult MaxPoolIndexOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX());
  if (x.size() < 3 || x.size() > 5)
    return emitOptionalError(loc, "pooling needs an input of rank 3 to 5, got ", x.size());
  Shape shape{x[0], x[1]};
  if (failed(windowedShape(loc, x.drop_front(2), op.getKernel(), op.getStrides(), op.getPads(),
                           op.getDilations(), op.getCeilMode(), shape)))
    return failure();
  return infer(types, shape, IntegerType::get(context, 64));
}

Divisions MaxPoolIndexOp::divide(int64_t axis) {
  return axis == 1 ? sameAxis(*this, axis) : std::nullopt;
}

void MaxPoolIndexOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("max_pool_index")
      .type("x_t", getX())
      .constant("n", x[0])
      .constant("c", x[1])
      .constant("storage_order", getColumnMajor());
  addWindow(call, getX(), getResult(), getKernel(), getStrides(), getPads(), getDilations());
  call.pointers = {getResult(), getX()};
}
