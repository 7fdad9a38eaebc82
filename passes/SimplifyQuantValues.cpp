//===- SimplifyQuantValues.cpp - what is known about quantised tensors --------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/SimplifyQuantValues.h"
#include "compiler/dialect/Quantization.h"
#include <cmath>

using namespace mlir;
using namespace disco;

/// The one value of a constant whose elements are all the same.
static std::optional<double> uniform(Value constant) {
  return isConstant(constant) ? ConstantView(constant).uniform() : std::nullopt;
}

bool disco::isByte(Value value) {
  Type element = tensorType(value).getElementType();
  return isa<IntegerType>(element) && element.getIntOrFloatBitWidth() == 8;
}

std::optional<std::vector<double>> disco::alongAxis(Value constant, ArrayRef<int64_t> shape,
                                                    int64_t axis) {
  if (std::optional<double> one = uniform(constant))
    return std::vector<double>{*one};
  auto op = constant.getDefiningOp<ConstantOp>();
  ArrayRef<int64_t> own = shapeOf(constant);
  if (!op || own.size() > shape.size())
    return std::nullopt;
  for (size_t i = 0; i < own.size(); ++i) {
    bool here = static_cast<int64_t>(i + shape.size() - own.size()) == axis;
    if (own[i] != 1 && (!here || own[i] != shape[static_cast<size_t>(axis)]))
      return std::nullopt;
  }
  ConstantView view(constant);
  if (!view.isValid())
    return std::nullopt;
  std::vector<double> values;
  for (int64_t i = 0; i < view.size(); ++i)
    values.push_back(view.real(i));
  return values;
}

/// Tables before it count as part of the function.
std::optional<Tracer::Reals> Tracer::traceDequantize(DequantizeOp op) {
  std::optional<TensorScale> scale = tensorScaleOf(op);
  if (!scale || !isByte(op.getX()))
    return std::nullopt;
  Value from = op.getX();
  std::optional<ConstantView> table;
  if (auto lookup = from.getDefiningOp<LookupOp>();
      lookup && !lookup->hasAttr(kOwnersAttr) && !lookup.getAxis())
    if (auto constant = lookup.getTable().getDefiningOp<ConstantOp>()) {
      table.emplace(constant.getResult());
      from = lookup.getX();
    }
  if ((origin && origin != from) || (table && !table->isValid()))
    return std::nullopt;
  origin = from;
  bool isSigned = !tensorType(op.getX()).getElementType().isUnsignedInteger();
  Reals reals;
  for (int64_t i = 0; i < 256; ++i) {
    int64_t value = table ? table->integer(i) : isSigned && i > 127 ? i - 256 : i;
    reals[static_cast<size_t>(i)] = dequantized(value, scale->scale, scale->zero);
  }
  return reals;
}

static std::optional<float> evaluate(BinaryKind kind, float a, float b) {
  switch (kind) {
  case BinaryKind::Add: return a + b;
  case BinaryKind::Sub: return a - b;
  case BinaryKind::Mul: return a * b;
  case BinaryKind::Div: return a / b;
  case BinaryKind::Min: return b < a ? b : a;
  case BinaryKind::Max: return b > a ? b : a;
  case BinaryKind::Prelu: return a < 0 ? a * b : a;
  default: return std::nullopt;
  }
}

std::optional<Tracer::Reals> Tracer::trace(Value value, int depth) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  std::optional<Reals> reals = compute(value, depth);
  if (reals)
    known[value] = *reals;
  return reals;
}

std::optional<Tracer::Reals> Tracer::compute(Value value, int depth) {
  constexpr int deepest = 16;
  Operation *op = value.getDefiningOp();
  if (!op || depth > deepest)
    return std::nullopt;
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return traceDequantize(dequantize);
  if (op->hasAttr(kOwnersAttr))
    return std::nullopt;
  if (auto unary = dyn_cast<UnaryOp>(op)) {
    std::optional<Reals> reals = trace(unary.getX(), depth + 1);
    ActAttr act = unary.getAct();
    for (size_t i = 0; reals && i < reals->size(); ++i) {
      std::optional<double> result =
          evaluateUnary(act.getKind(), (*reals)[i], act.getAlphaValue(), act.getBetaValue());
      if (!result)
        return std::nullopt;
      (*reals)[i] = static_cast<float>(*result);
    }
    return reals;
  }
  auto binary = dyn_cast<BinaryOp>(op);
  if (!binary)
    return std::nullopt;
  auto side = [&](Value operand) -> std::optional<Reals> {
    std::optional<double> one = uniform(operand);
    if (!one)
      return shapeOf(operand) == shapeOf(value) ? trace(operand, depth + 1) : std::nullopt;
    Reals all;
    all.fill(static_cast<float>(*one));
    return all;
  };
  std::optional<Reals> lhs = side(binary.getLhs()),
                       rhs = lhs ? side(binary.getRhs()) : std::nullopt;
  if (!lhs || !rhs || !isa<FloatType>(tensorType(value).getElementType()))
    return std::nullopt;
  for (size_t i = 0; i < lhs->size(); ++i) {
    std::optional<float> result = evaluate(binary.getKind(), (*lhs)[i], (*rhs)[i]);
    if (!result)
      return std::nullopt;
    (*lhs)[i] = *result;
  }
  return lhs;
}
