//===- Binary.cpp - a scalar function of two operands ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Scalars.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

static bool isComparison(BinaryKind kind) {
  return kind >= BinaryKind::Equal && kind <= BinaryKind::GreaterOrEqual;
}

LogicalResult BinaryOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  Type element = typeOf(op.getLhs()).getElementType();
  if (op.getKind() != BinaryKind::Pow && element != typeOf(op.getRhs()).getElementType())
    return emitOptionalError(loc, "the operands have different element types");
  SmallVector<int64_t> shape;
  if (failed(broadcast(loc, shapeOf(op.getLhs()), shapeOf(op.getRhs()), shape)))
    return failure();
  return infer(types, shape, isComparison(op.getKind()) ? IntegerType::get(context, 1) : element);
}

OpFoldResult BinaryOp::fold(FoldAdaptor adaptor) {
  auto lhs = dyn_cast_or_null<ElementsAttr>(adaptor.getLhs()),
       rhs = dyn_cast_or_null<ElementsAttr>(adaptor.getRhs());
  if (!lhs || !rhs || getAct())
    return {};
  ArrayRef<int64_t> shapeA = shapeOf(getLhs()), shapeB = shapeOf(getRhs());
  ConstantView a(lhs, shapeA), b(rhs, shapeB);
  BinaryFunction function = binaryFunction(getKind(), a.getElementType(), b.getElementType());
  std::optional<RankedTensorType> type = foldedType(*this, {&a, &b});
  if (!a.isValid() || !b.isValid() || !function || !type)
    return {};
  ConstantBuilder builder(*type);
  SmallVector<int64_t> stridesA = stridesOf(shapeA), stridesB = stridesOf(shapeB);
  forEachIndex(type->getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
    function(builder.bytes(linear), a.bytes(broadcastIndex(index, shapeA, stridesA)),
             b.bytes(broadcastIndex(index, shapeB, stridesB)));
  });
  return builder.finish();
}

Divisions BinaryOp::divide(int64_t axis) { return elementwise(*this, axis); }

bool BinaryOp::readsSmaller(unsigned k, ArrayRef<int64_t> shape) {
  return broadcastsTo(*this, k, shape);
}

SmallVector<InPlaceOperand> BinaryOp::getInPlaceOperands() {
  bool fits = byteSize(tensorType(getLhs())) == byteSize(tensorType(getResult())) &&
              shapeOf(getLhs()) == shapeOf(getResult()) && getLhs() != getRhs();
  return fits ? SmallVector<InPlaceOperand>{{getLhs()}} : SmallVector<InPlaceOperand>();
}

bool BinaryOp::takesLayouts(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return byRows(operands, result) || isRealThroughout(*this);
}

void BinaryOp::describeKernel(KernelCall &call) {
  call.use(liesOtherwise(*this) ? "binary_any" : "binary");
  call.type("a_t", getLhs()).type("b_t", getRhs()).type("y_t", getResult());
  call.alias("op", "op_" + stringifyBinaryKind(getKind()).str());
  call.function("act", getActAttr());
  call.pointers = {getResult(), getLhs(), getRhs()};
  if (liesOtherwise(*this))
    return addPlaces(call, getResult(), {{"a", getLhs()}, {"b", getRhs()}});
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape)
      .array("a_strides", view.strides[0])
      .array("b_strides", view.strides[1]);
}
