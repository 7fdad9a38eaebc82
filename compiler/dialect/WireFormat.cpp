//===- WireFormat.cpp - narrower numbers on links -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/WireFormat.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace disco;

WireFormat WireFormat::of(ModuleOp module, ExchangeOp exchange) {
  WireFormat format;
  auto wire = module->getAttrOfType<StringAttr>(kWireAttr);
  if (!wire || exchange.getRoot() || exchange.getKind() == RouteKind::Statistic ||
      !tensorType(exchange.getX()).getElementType().isF32())
    return format;
  format.kind = wire == "f16" ? Kind::Half : wire == "i8" ? Kind::Byte : Kind::Plain;
  return format;
}

int64_t disco::travellingBytes(ModuleOp module, RankedTensorType type, int64_t bytes) {
  auto wire = module->getAttrOfType<StringAttr>(kWireAttr);
  if (!wire || !type.getElementType().isF32())
    return bytes;
  return wire == "f16" ? bytes / 2 : wire == "i8" ? bytes / 4 : bytes;
}

static RankedTensorType withElement(RankedTensorType type, Type element) {
  return RankedTensorType::get(type.getShape(), element, type.getEncoding());
}

/// One number for a whole message.
static RankedTensorType scalarType(RankedTensorType like) {
  return localType(
      RankedTensorType::get(SmallVector<int64_t>(like.getRank(), 1), like.getElementType()), -1,
      IndexSet::all(1));
}

static Value constant(OpBuilder &builder, Location loc, RankedTensorType like, float value) {
  auto type = withLayout(scalarType(like), {});
  return builder.create<ConstantOp>(loc, type, DenseElementsAttr::get(type, value), ArrayAttr());
}

/// The largest magnitude becomes 127.
static Value scaleOf(OpBuilder &builder, Location loc, Value features) {
  RankedTensorType type = tensorType(features), scalar = scalarType(type);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  Value magnitude = builder.create<UnaryOp>(loc, type, features,
                                            ActAttr::get(builder.getContext(), UnaryKind::Abs));
  Value most = builder.create<ReduceOp>(loc, scalar, magnitude, ReduceKind::Max, axes, true);
  Value step = builder.create<BinaryOp>(loc, scalar, most, constant(builder, loc, type, 1.0f / 127),
                                        BinaryKind::Mul);
  // Features that are all zero have a scale, too.
  return builder.create<BinaryOp>(loc, scalar, step, constant(builder, loc, type, 1e-30f),
                                  BinaryKind::Max);
}

SmallVector<Value> WireFormat::narrow(OpBuilder &builder, Location loc, Value features) const {
  RankedTensorType type = tensorType(features);
  if (kind == Kind::Plain)
    return {features};
  if (kind == Kind::Half)
    return {builder.create<CastOp>(loc, withElement(type, builder.getF16Type()), features)};
  Value scale = scaleOf(builder, loc, features);
  Value bytes = builder.create<QuantizeOp>(loc, withElement(type, builder.getI8Type()), features,
                                           scale, Value());
  return {scale, bytes};
}

ArrayAttr WireFormat::parts(PartAttr features) const {
  Builder builder(features.getContext());
  if (kind != Kind::Byte)
    return builder.getArrayAttr(features);
  auto name = builder.getStringAttr("scale of " + features.getTensor().getValue());
  auto scale = PartAttr::get(builder.getContext(), name, -1,
                             SetAttr::get(builder.getContext(), IndexSet::all(1)), false,
                             RouteKind::Statistic);
  return builder.getArrayAttr({scale, features});
}

SmallVector<Type> WireFormat::types(RankedTensorType features) const {
  MLIRContext *context = features.getContext();
  if (kind == Kind::Plain)
    return {features};
  if (kind == Kind::Half)
    return {withElement(features, Float16Type::get(context))};
  return {scalarType(features), withElement(features, IntegerType::get(context, 8))};
}

Value WireFormat::widen(OpBuilder &builder, Location loc, ValueRange received,
                        RankedTensorType features) const {
  if (kind == Kind::Plain)
    return received[0];
  if (kind == Kind::Half)
    return builder.create<CastOp>(loc, features, received[0]);
  return builder.create<DequantizeOp>(loc, features, received[1], received[0], Value());
}
