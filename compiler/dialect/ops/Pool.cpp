//===- Pool.cpp - maximum and average over windows ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult PoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX());
  if (x.size() < 3 || x.size() > 5)
    return emitOptionalError(loc, "pooling needs an input of rank 3 to 5, got ", x.size());
  SmallVector<int64_t> shape{x[0], x[1]};
  if (failed(windowedShape(loc, x.drop_front(2), op.getKernel(), op.getStrides(), op.getPads(),
                           op.getDilations(), op.getCeilMode(), shape)))
    return failure();
  return infer(types, shape,
               op.getQuant() ? op.getQuant()->getResult() : typeOf(op.getX()).getElementType());
}

LogicalResult PoolOp::verify() {
  if (!getQuant())
    return success();
  if (getKind() != PoolKind::Average || !getQuant()->getMultiplier())
    return emitOpError("only an average has integer arithmetic, with a multiplier");
  return verifyQuant(*this, *getQuant(), getX(), {}, {}, 1);
}

Divisions PoolOp::divide(int64_t axis) { return axis == 1 ? sameAxis(*this, axis) : std::nullopt; }

bool PoolOp::takesLayouts(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return byRows(operands, result) || (!getQuant() && isRealThroughout(*this));
}

static void describePoolAny(PoolOp op, KernelCall &call) {
  const bool max = op.getKind() == PoolKind::Max;
  ArrayRef<int64_t> x = shapeOf(op.getX()), pads = op.getPads();
  call.use("pool_any").type("x_t", op.getX()).flag("maximum", max);
  call.constant("n", x[0]).constant("c", x[1]);
  addWindow(call, op.getX(), op.getResult(), op.getKernel(), op.getStrides(), pads,
            op.getDilations());
  if (!max) {
    addSpatial(call, "e", true, pads.drop_front(pads.size() / 2), 0);
    call.flag("count_include_pad", op.getCountIncludePad());
  }
  addImagePlaces(call, op.getResult(), {{"x", op.getX()}});
  call.pointers = {op.getResult(), op.getX()};
}

void PoolOp::describeKernel(KernelCall &call) {
  if (liesOtherwise(*this))
    return describePoolAny(*this, call);
  ArrayRef<int64_t> x = shapeOf(getX());
  bool max = getKind() == PoolKind::Max;
  call.use(getQuant() ? "average_pool_int"
           : max      ? "max_pool"
                      : "average_pool")
      .type("x_t", getX())
      .constant("n", x[0])
      .constant("c", x[1]);
  addWindow(call, getX(), getResult(), getKernel(), getStrides(), getPads(), getDilations());
  call.pointers = {getResult(), getX()};
  if (max) {
    call.flag("has_indices", false).constant("storage_order", 0);
    call.pointers.push_back({});
  } else {
    addSpatial(call, "e", true, getPads().drop_front(getPads().size() / 2), 0);
    call.flag("count_include_pad", getCountIncludePad());
    if (getQuant())
      addQuant(call.type("y_t", getResult()), *getQuant());
  }
}
