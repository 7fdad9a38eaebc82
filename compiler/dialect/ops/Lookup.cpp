//===- Lookup.cpp - any function of an integer of 8 bits ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult LookupOp::verify() {
  Type element = typeOf(getX()).getElementType();
  if (!isa<IntegerType>(element) || element.getIntOrFloatBitWidth() != 8)
    return emitOpError("takes integers of 8 bits, not ") << element;
  if (shapeOf(getTable()) != ArrayRef<int64_t>(256) ||
      typeOf(getTable()).getElementType() != typeOf(getResult()).getElementType())
    return emitOpError("needs a table of 256 entries of the result's element type");
  if (shapeOf(getX()) != shapeOf(getResult()))
    return emitOpError("result and operand differ in shape");
  return success();
}

Divisions LookupOp::divide(int64_t axis) {
  Division division;
  division.operands = {OperandNeed::along(axis, Relation::identity(shapeOf(getResult())[axis])),
                       OperandNeed::whole()};
  return division;
}

void LookupOp::describeKernel(KernelCall &call) {
  call.use("lookup").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements());
  call.pointers = {getResult(), getX(), getTable()};
}
