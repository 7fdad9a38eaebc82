//===- Lookup.cpp - any function of an integer of 8 bits ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult LookupOp::verify() {
  Type element = typeOf(getX()).getElementType();
  if (!isa<IntegerType>(element) || element.getIntOrFloatBitWidth() != 8)
    return emitOpError("takes integers of 8 bits, not ") << element;
  SmallVector<int64_t> wanted{256};
  if (std::optional<int64_t> axis = getAxis()) {
    if (*axis < 0 || *axis >= typeOf(getX()).getRank())
      return emitOpError("has no axis ") << *axis;
    wanted.insert(wanted.begin(), shapeOf(getX())[*axis]);
  }
  if (shapeOf(getTable()) != ArrayRef<int64_t>(wanted) ||
      typeOf(getTable()).getElementType() != typeOf(getResult()).getElementType())
    return emitOpError("needs a table of 256 entries of the result's element type")
           << (getAxis() ? " for each index of its axis" : "");
  if (shapeOf(getX()) != shapeOf(getResult()))
    return emitOpError("result and operand differ in shape");
  return success();
}

Divisions LookupOp::divide(int64_t axis) {
  auto alike = [&](int64_t operandAxis) {
    return OperandNeed::along(operandAxis, Relation::identity(shapeOf(getResult())[axis]));
  };
  Division division;
  division.operands = {alike(axis), getAxis() == axis ? alike(0) : OperandNeed::whole()};
  return division;
}

Value LookupOp::getCarrier() { return isConstant(getTable()) ? getX() : Value(); }

Value LookupOp::restore(OpBuilder &builder, Value carrier, Type type) {
  Value table = builder.clone(*getTable().getDefiningOp())->getResult(0);
  return builder.create<LookupOp>(getLoc(), type, carrier, table, getAxisAttr());
}

void LookupOp::describeKernel(KernelCall &call) {
  call.use(getAxis() ? "lookup_rows" : "lookup").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements());
  if (std::optional<int64_t> axis = getAxis()) {
    ArrayRef<int64_t> shape = shapeOf(getResult());
    call.constant("rows", shape[*axis]);
    call.constant("inner", ShapedType::getNumElements(shape.drop_front(*axis + 1)));
  }
  call.pointers = {getResult(), getX(), getTable()};
}
