//===- Accumulate.cpp - addends that other nodes computed -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

LogicalResult AccumulateOp::verify() {
  int64_t axis = getAxis();
  if (axis < 0 || axis >= rankOf(getResult()) || shapeOf(getX()) != shapeOf(getResult()))
    return emitOpError("adds along an axis of its operand");
  Type sum = typeOf(getX()).getElementType(), made = typeOf(getResult()).getElementType();
  if (getQuant() ? !sum.isInteger(32) || getActAttr() || made != getQuant()->getResult() ||
                       !requantizes(*getQuant(), shapeOf(getResult())[axis])
                 : sum != made)
    return emitOpError("makes what it adds, or requantises integers of 32 bits");
  if (getRows().size() != getAddends().size())
    return emitOpError("needs the channels of every addend");
  for (auto [addend, rows] : llvm::zip(getAddends(), getRows().getAsRange<SetAttr>())) {
    IndexSet set = rows.getSet();
    SmallVector<int64_t> shape(shapeOf(getResult()));
    shape[axis] = set.size();
    if (shapeOf(addend) != ArrayRef<int64_t>(shape) ||
        (!set.empty() && set.last() >= shapeOf(getResult())[axis]))
      return emitOpError("has an addend of another shape than its channels");
  }
  return success();
}

Divisions AccumulateOp::divide(int64_t axis) {
  if (axis != static_cast<int64_t>(getAxis()))
    return std::nullopt;
  int64_t extent = shapeOf(getResult())[axis];
  Division division;
  division.operands.reserve(getNumOperands());
  division.operands.push_back(OperandNeed::along(axis, Relation::identity(extent)));
  for (auto rows : getRows().getAsRange<SetAttr>()) {
    IndexSet set = rows.getSet();
    if (set.getRanges().size() == 1) {
      division.operands.push_back(
          OperandNeed::along(axis, Relation::offset(extent, set.front(), set.size())));
      continue;
    }
    SmallVector<int64_t> list(extent, -1);
    set.forEach([&](int64_t channel) { list[channel] = set.positionOf(channel); });
    division.operands.push_back(OperandNeed::along(axis, Relation::list(list)));
  }
  return division;
}

/// A node owns all channels of an addend or none: what it gets is as large as its own sum.
Local AccumulateOp::localize(LocalContext &context) {
  Local sum = context.getOperand(0);
  if (failed(sum))
    return failure();
  OpBuilder &builder = context.builder;
  RankedTensorType result = context.getResultType(getResult()), type = tensorType(*sum);
  for (auto [k, rows] : llvm::enumerate(getRows().getAsRange<SetAttr>())) {
    IndexSet mine = rows.getSet().intersect(context.set);
    if (mine.empty())
      continue;
    Local addend = context.getOperand(static_cast<unsigned>(k) + 1);
    if (failed(addend) || mine != context.set)
      return failure();
    sum = Value(builder.create<BinaryOp>(getLoc(), type, *sum, *addend, BinaryKind::Add));
  }
  if (auto last = sum->getDefiningOp<BinaryOp>(); last && getActAttr() && last.getLoc() == getLoc())
    last.setActAttr(getActAttr());
  else if (getActAttr())
    sum = Value(builder.create<UnaryOp>(getLoc(), type, *sum, getActAttr()));
  if (QuantAttr quant = getQuantAttr())
    sum = Value(builder.create<RequantizeOp>(getLoc(), result, *sum, getAxisAttr(),
                                             quant.ofRows(context.set)));
  if (auto name = (*this)->getAttr(kTensorAttr))
    sum->getDefiningOp()->setAttr(kTensorAttr, name);
  return sum;
}
