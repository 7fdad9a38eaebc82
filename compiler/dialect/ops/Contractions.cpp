//===- Contractions.cpp - what convolution and matrix product share -------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Contractions.h"
#include "compiler/dialect/Quantization.h"

using namespace mlir;
using namespace disco;

LogicalResult ContractionBuilder::prepare(unsigned residualIndex) {
  if (!residual)
    return success();
  Local local = context.getOperand(residualIndex);
  if (failed(local))
    return failure();
  localResidual = *local;
  return success();
}

Value ContractionBuilder::localBias() const {
  return bias ? context.getConstant(bias, {0}, {context.set}) : Value();
}

Value ContractionBuilder::localWeights(const IndexSet &columns) const {
  return context.getConstant(weights, {rowAxis, columnAxis}, {context.set, columns});
}

Value ContractionBuilder::build(Value x, Value w, Value localBias, Value init, bool last,
                                std::optional<ArrayRef<int64_t>> channels) const {
  OpBuilder &builder = context.builder;
  SmallVector<NamedAttribute> attrs;
  for (NamedAttribute attr : op->getAttrs())
    if (group && attr.getName() == "group")
      attrs.push_back(builder.getNamedAttr("group", builder.getI64IntegerAttr(*group)));
    else if (auto quant = dyn_cast<QuantAttr>(attr.getValue()))
      attrs.push_back(builder.getNamedAttr(attr.getName(),
                                           (last ? quant : quant.sumOnly()).ofRows(context.set)));
    else if (!llvm::is_contained({StringRef(kMaskAttr), StringRef(kChannelsAttr),
                                  StringRef(kSegmentsAttr), StringRef(kOwnersAttr),
                                  StringRef(kFullMaskAttr), StringRef(kReplicatedAttr),
                                  StringRef(kRouteKindAttr), StringRef(kStatedMaskAttr)},
                                 attr.getName().getValue()) &&
             (last || attr.getName() != kActAttr))
      attrs.push_back(attr);
  if (channels)
    attrs.push_back(builder.getNamedAttr(kChannelsAttr, builder.getDenseI64ArrayAttr(*channels)));
  SmallVector<Value> operands =
      contractionOperands(builder, x, w, localBias, init, last ? localResidual : Value(), attrs);
  RankedTensorType type = context.getResultType(op->getResult(0));
  if (quant() && !last)
    type = RankedTensorType::get(type.getShape(), builder.getI32Type(), type.getEncoding());
  OperationState state(loc(), op->getName(), operands, type, attrs);
  return builder.create(state)->getResult(0);
}

Value ContractionBuilder::requantizedBias(RankedTensorType type) const {
  QuantAttr rows = quant().ofRows(context.set);
  SmallVector<float> multiplier(rows.getMultiplier().getValues<float>());
  std::optional<ConstantView> sums;
  if (bias)
    sums.emplace(bias);
  ConstantBuilder values(type);
  int64_t i = 0;
  context.set.forEach([&](int64_t row) {
    auto sum = static_cast<int32_t>(sums ? sums->integer(row) : 0);
    values.setInteger(i, requantized(sum, multiplier[multiplier.size() == 1 ? 0 : i],
                                     rows.getYZero(), {rows.getLow(), rows.getHigh()}));
    ++i;
  });
  return context.builder.create<ConstantOp>(loc(), type, values.finish(), ArrayAttr());
}

Local ContractionBuilder::buildConstant(int64_t resultAxis) const {
  OpBuilder &builder = context.builder;
  RankedTensorType type = context.getResultType(op->getResult(0));
  SmallVector<int64_t> shape(type.getRank(), 1);
  shape[resultAxis] = type.getDimSize(resultAxis);
  Value value;
  if (quant() && quant().getMultiplier()) {
    value = requantizedBias(RankedTensorType::get(shape, type.getElementType()));
  } else if (bias) {
    auto columnType =
        withLayout(RankedTensorType::get(shape, type.getElementType()), type.getEncoding());
    value = builder.create<RearrangeOp>(loc(), columnType, localBias(),
                                        builder.getDenseI64ArrayAttr({shape[resultAxis]}),
                                        builder.getDenseI64ArrayAttr({0}));
  } else {
    auto zero =
        RankedTensorType::get(SmallVector<int64_t>(type.getRank(), 1), type.getElementType());
    value = builder.create<ConstantOp>(
        loc(), zero, DenseElementsAttr::get(zero, builder.getZeroAttr(type.getElementType())),
        ArrayAttr());
  }
  value = builder.create<ExpandOp>(loc(), type, value);
  if (localResidual)
    value = builder.create<BinaryOp>(loc(), type, value, localResidual, BinaryKind::Add);
  if (auto act = op->getAttrOfType<ActAttr>(kActAttr))
    value = builder.create<UnaryOp>(loc(), type, value, act);
  value.getDefiningOp()->setAttr(kTensorAttr, builder.getStringAttr(tensorName(op->getResult(0))));
  return value;
}

Value ContractionBuilder::takeSummand(Type type) {
  bool there = !inExactOrder(op) && localResidual && localResidual.getType() == type &&
               !localResidual.getDefiningOp<AssembleOp>() && !localResidual.getDefiningOp<RecvOp>();
  return there ? std::exchange(localResidual, Value()) : Value();
}

Value disco::buildAddend(Operation *op, OpBuilder &builder, Value weights, const IndexSet &rows,
                         ArrayAttr mask, RankedTensorType type) {
  NamedAttrList attrs(op->getAttrs());
  attrs.erase(kActAttr);
  attrs.set(kMaskAttr, mask);
  attrs.set(kSegmentsAttr, builder.getDenseI32ArrayAttr({1, 1, 0, 0, 0}));
  attrs.set(kRouteKindAttr, RouteKindAttr::get(builder.getContext(), RouteKind::PartialSum));
  if (auto quant = op->getAttrOfType<QuantAttr>(kQuantAttr))
    attrs.set(kQuantAttr, quant.sumOnly().ofRows(rows));
  OperationState state(op->getLoc(), op->getName(), {op->getOperand(0), weights}, type,
                       attrs.getAttrs());
  return builder.create(state)->getResult(0);
}

Local ContractionBuilder::buildParts(int64_t resultAxis) {
  ArrayRef<ContractionPart> parts = context.getParts(0);
  if (parts.empty())
    return buildConstant(resultAxis);
  Value sum = takeSummand(context.getResultType(op->getResult(0)));
  for (auto [i, part] : llvm::enumerate(parts)) {
    bool last = i + 1 == parts.size();
    int64_t axis = context.division.operands[0].axis;
    bool dense = llvm::equal(part.positions,
                             llvm::seq<int64_t>(0, axisExtent(tensorType(part.source), axis)));
    // One after the other: arguments are made in any order.
    Value w = localWeights(part.columns);
    Value bias = i == 0 ? localBias() : Value();
    sum = build(part.source, w, bias, sum, last,
                dense ? std::nullopt : std::optional<ArrayRef<int64_t>>(part.positions));
    if (!part.origins.empty())
      sum.getDefiningOp()->setAttr(kOriginsAttr,
                                   context.builder.getDenseI64ArrayAttr(part.origins));
  }
  return sum;
}
