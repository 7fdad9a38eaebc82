//===- Unary.cpp - a scalar function of every element ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <cmath>

using namespace mlir;
using namespace disco;

std::optional<double> disco::evaluateUnary(UnaryKind kind, double x, double alpha, double beta) {
  switch (kind) {
  case UnaryKind::Identity: return x;
  case UnaryKind::Relu: return x > 0 ? x : 0;
  case UnaryKind::Clip: return std::min(std::max(x, alpha), beta);
  case UnaryKind::Sigmoid: return 1 / (1 + std::exp(-x));
  case UnaryKind::Tanh: return std::tanh(x);
  case UnaryKind::Exp: return std::exp(x);
  case UnaryKind::Log: return std::log(x);
  case UnaryKind::Sqrt: return std::sqrt(x);
  case UnaryKind::Abs: return std::fabs(x);
  case UnaryKind::Neg: return -x;
  case UnaryKind::Floor: return std::floor(x);
  case UnaryKind::Ceil: return std::ceil(x);
  case UnaryKind::Round: return std::nearbyint(x);
  case UnaryKind::Reciprocal: return 1 / x;
  case UnaryKind::Not: return x == 0;
  case UnaryKind::Sin: return std::sin(x);
  case UnaryKind::Cos: return std::cos(x);
  case UnaryKind::Sign: return x > 0 ? 1 : x < 0 ? -1 : x;
  case UnaryKind::Erf: return std::erf(x);
  case UnaryKind::LeakyRelu: return x < 0 ? alpha * x : x;
  case UnaryKind::ThresholdedRelu: return x > alpha ? x : 0;
  case UnaryKind::Elu: return x < 0 ? alpha * std::expm1(x) : x;
  case UnaryKind::Selu: return beta * (x < 0 ? alpha * std::expm1(x) : x);
  case UnaryKind::HardSigmoid: return std::min(std::max(alpha * x + beta, 0.0), 1.0);
  case UnaryKind::HardSwish: return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
  case UnaryKind::Silu: return x / (1 + std::exp(-x));
  case UnaryKind::Softplus: return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
  case UnaryKind::Softsign: return x / (1 + std::fabs(x));
  case UnaryKind::Gelu: return 0.5 * x * (1 + std::erf(x * 0.70710678118654752440));
  case UnaryKind::Mish:
    return x * std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))));
  case UnaryKind::Tan: return std::tan(x);
  case UnaryKind::Asin: return std::asin(x);
  case UnaryKind::Acos: return std::acos(x);
  case UnaryKind::Atan: return std::atan(x);
  case UnaryKind::Sinh: return std::sinh(x);
  case UnaryKind::Cosh: return std::cosh(x);
  case UnaryKind::Asinh: return std::asinh(x);
  case UnaryKind::Acosh: return std::acosh(x);
  case UnaryKind::Atanh: return std::atanh(x);
  case UnaryKind::GeluTanh:
    return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  case UnaryKind::Shrink: return x < -alpha ? x + beta : x > alpha ? x - beta : 0;
  case UnaryKind::Affine: return alpha * x + beta;
  case UnaryKind::ScaledTanh: return alpha * std::tanh(beta * x);
  }
  return std::nullopt;
}

LogicalResult UnaryOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                        DictionaryAttr, OpaqueProperties, RegionRange,
                                        Inferred types) {
  return infer(types, shapeOf(operands[0]), typeOf(operands[0]).getElementType());
}

OpFoldResult UnaryOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  ActAttr act = getAct();
  // Copying would round integers of more than 53 bits.
  if (!value || act.getKind() == UnaryKind::Identity)
    return value;
  SmallVector<int64_t> stored = storedShape(value, shapeOf(getX()));
  ConstantView view(value, stored);
  if (!view.isValid())
    return {};
  ConstantBuilder builder(*foldedType(*this, stored, view.size()));
  for (int64_t i = 0; i < view.size(); ++i)
    builder.setReal(
        i, *evaluateUnary(act.getKind(), view.real(i), act.getAlphaValue(), act.getBetaValue()));
  return builder.finish();
}

MaybeDivision UnaryOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }

void UnaryOp::describeKernel(KernelCall &call) {
  call.use("eltwise.h", "unary").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements()).function("op", getAct());
  call.pointers = {getResult(), getX()};
}
