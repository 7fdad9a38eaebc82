//===- Binary.cpp - a scalar function of two operands ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace disco;

static bool isComparison(BinaryKind kind) {
  return kind >= BinaryKind::Equal && kind <= BinaryKind::GreaterOrEqual;
}

/// Integers wrap around, as they do where they are computed.
template <typename T> using Wrapping = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;

static int64_t integerPower(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent /= 2, square *= square)
    if (exponent % 2)
      result *= square;
  return static_cast<int64_t>(result);
}

/// Of unsigned integers, which 64 bits hold.
static int64_t shifted(int64_t value, int64_t by, bool left) {
  auto bits = static_cast<uint64_t>(value);
  if (by < 0 || by >= 64)
    return 0;
  return static_cast<int64_t>(left ? bits << by : bits >> by);
}

template <typename T> static std::optional<T> evaluateBinary(BinaryKind kind, T a, T b) {
  constexpr bool integral = std::is_integral_v<T>;
  switch (kind) {
  case BinaryKind::Add:
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  case BinaryKind::Sub:
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  case BinaryKind::Mul:
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  case BinaryKind::Div:
    if (integral && (b == 0 || (b == T(-1) && a == std::numeric_limits<T>::min())))
      return std::nullopt;
    return a / b;
  case BinaryKind::Min: return std::min(a, b);
  case BinaryKind::Max: return std::max(a, b);
  case BinaryKind::Pow:
    if constexpr (integral)
      return integerPower(a, b);
    return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  case BinaryKind::Mod:
    if (b == 0)
      return std::nullopt;
    if constexpr (integral) {
      T rest = b == -1 ? 0 : a % b;
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    return static_cast<T>(
        a - b * static_cast<T>(std::floor(static_cast<double>(a) / static_cast<double>(b))));
  case BinaryKind::Fmod:
    return b == 0 ? std::nullopt
                  : std::optional<T>(
                        static_cast<T>(std::fmod(static_cast<double>(a), static_cast<double>(b))));
  case BinaryKind::Prelu: return a < 0 ? a * b : a;
  // Of truth values or of every bit; nothing of the kind is asked of floats.
  case BinaryKind::And:
    if constexpr (integral)
      return a & b;
    return std::nullopt;
  case BinaryKind::Or:
    if constexpr (integral)
      return a | b;
    return std::nullopt;
  case BinaryKind::Xor:
    if constexpr (integral)
      return a ^ b;
    return std::nullopt;
  case BinaryKind::ShiftLeft:
    if constexpr (integral)
      return shifted(a, b, true);
    return std::nullopt;
  case BinaryKind::ShiftRight:
    if constexpr (integral)
      return shifted(a, b, false);
    return std::nullopt;
  case BinaryKind::Equal: return a == b;
  case BinaryKind::Less: return a < b;
  case BinaryKind::Greater: return a > b;
  case BinaryKind::LessOrEqual: return a <= b;
  case BinaryKind::GreaterOrEqual: return a >= b;
  }
  return std::nullopt;
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
  std::optional<RankedTensorType> type = foldedType(*this, {&a, &b});
  if (!a.isValid() || !b.isValid() || !type)
    return {};
  ConstantBuilder builder(*type);
  SmallVector<int64_t> stridesA = stridesOf(shapeA), stridesB = stridesOf(shapeB);
  bool real = isReal(a.getElementType()) || isReal(b.getElementType()), defined = true;
  forEachIndex(type->getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
    int64_t i = broadcastIndex(index, shapeA, stridesA),
            j = broadcastIndex(index, shapeB, stridesB);
    if (real) {
      if (auto value = evaluateBinary<double>(getKind(), a.real(i), b.real(j)))
        return builder.setReal(linear, *value);
    } else if (auto value = evaluateBinary<int64_t>(getKind(), a.integer(i), b.integer(j))) {
      return builder.setInteger(linear, *value);
    }
    defined = false;
  });
  return defined ? OpFoldResult(builder.finish()) : OpFoldResult();
}

MaybeDivision BinaryOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }

void BinaryOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.use("eltwise.h", "binary")
      .type("a_t", getLhs())
      .type("b_t", getRhs())
      .type("y_t", getResult());
  call.alias("op", "op_" + stringifyBinaryKind(getKind()).str());
  call.function("act", getActAttr());
  call.constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape)
      .array("a_strides", view.strides[0])
      .array("b_strides", view.strides[1]);
  call.pointers = {getResult(), getLhs(), getRhs()};
}
