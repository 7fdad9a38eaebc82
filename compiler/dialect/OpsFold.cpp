//===- OpsFold.cpp - computing ops on constants ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Shape arithmetic, masks multiplied into weights and the like disappear here. An op with constant
// operands is computed in 64-bit integers or doubles and rounded once.
#include "Disco.h"
#include "Evaluate.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace disco;

OpFoldResult ConstantOp::fold(FoldAdaptor) {
  return getView() ? OpFoldResult() : OpFoldResult(getValue());
}

namespace {
/// Row-major strides of a shape, in elements.
SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t next = 1;
  for (size_t i = shape.size(); i-- > 0; next *= shape[i])
    strides[i] = next;
  return strides;
}

/// Calls back with every index of a shape, in row-major order.
void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(int64_t, ArrayRef<int64_t>)> callback) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t linear = 0; linear < count; ++linear) {
    callback(linear, index);
    for (size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

/// The linear index of a broadcast operand that belongs to an index of the result.
int64_t broadcastIndex(ArrayRef<int64_t> index, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> strides) {
  int64_t linear = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      linear += index[i + index.size() - shape.size()] * strides[i];
  return linear;
}

/// Copies elements: `source` gives the operand's linear index for each index of the result.
OpFoldResult moveElements(Value result, ElementsAttr value,
                          function_ref<int64_t(int64_t, ArrayRef<int64_t>)> source) {
  ConstantView view(value);
  if (!view.isValid())
    return {};
  ConstantBuilder builder(tensorType(result));
  forEachIndex(shapeOf(result), [&](int64_t linear, ArrayRef<int64_t> index) {
    builder.setBytes(linear, view.bytes(source(linear, index)));
  });
  return builder.finish();
}

bool isReal(Type element) { return isa<FloatType>(element); }
} // namespace

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

static std::optional<double> evaluateUnary(UnaryKind kind, double x, double alpha, double beta) {
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
  }
  return std::nullopt;
}

OpFoldResult UnaryOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  ActAttr act = getAct();
  // Copying would round integers of more than 53 bits.
  if (!value || act.getKind() == UnaryKind::Identity)
    return value;
  ConstantView view(value);
  if (!view.isValid())
    return {};
  ConstantBuilder builder(tensorType(getResult()));
  for (int64_t i = 0; i < view.size(); ++i)
    builder.setReal(
        i, *evaluateUnary(act.getKind(), view.real(i), act.getAlphaValue(), act.getBetaValue()));
  return builder.finish();
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
  case BinaryKind::And: return a != 0 && b != 0;
  case BinaryKind::Or: return a != 0 || b != 0;
  case BinaryKind::Xor: return (a != 0) != (b != 0);
  case BinaryKind::Equal: return a == b;
  case BinaryKind::Less: return a < b;
  case BinaryKind::Greater: return a > b;
  case BinaryKind::LessOrEqual: return a <= b;
  case BinaryKind::GreaterOrEqual: return a >= b;
  }
  return std::nullopt;
}

OpFoldResult BinaryOp::fold(FoldAdaptor adaptor) {
  auto lhs = dyn_cast_or_null<ElementsAttr>(adaptor.getLhs()),
       rhs = dyn_cast_or_null<ElementsAttr>(adaptor.getRhs());
  if (!lhs || !rhs)
    return {};
  ConstantView a(lhs), b(rhs);
  if (!a.isValid() || !b.isValid())
    return {};
  ConstantBuilder builder(tensorType(getResult()));
  ArrayRef<int64_t> shapeA = shapeOf(getLhs()), shapeB = shapeOf(getRhs());
  SmallVector<int64_t> stridesA = stridesOf(shapeA), stridesB = stridesOf(shapeB);
  bool real = isReal(a.getElementType()) || isReal(b.getElementType()), defined = true;
  forEachIndex(shapeOf(getResult()), [&](int64_t linear, ArrayRef<int64_t> index) {
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

OpFoldResult WhereOp::fold(FoldAdaptor adaptor) {
  auto condition = dyn_cast_or_null<ElementsAttr>(adaptor.getCondition());
  auto x = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       y = dyn_cast_or_null<ElementsAttr>(adaptor.getY());
  if (!condition || !x || !y)
    return {};
  ConstantView c(condition), a(x), b(y);
  if (!c.isValid() || !a.isValid() || !b.isValid())
    return {};
  ConstantBuilder builder(tensorType(getResult()));
  SmallVector<int64_t> stridesC = stridesOf(shapeOf(getCondition())),
                       stridesA = stridesOf(shapeOf(getX())), stridesB = stridesOf(shapeOf(getY()));
  forEachIndex(shapeOf(getResult()), [&](int64_t linear, ArrayRef<int64_t> index) {
    bool first = c.integer(broadcastIndex(index, shapeOf(getCondition()), stridesC)) != 0;
    builder.setBytes(linear, first ? a.bytes(broadcastIndex(index, shapeOf(getX()), stridesA))
                                   : b.bytes(broadcastIndex(index, shapeOf(getY()), stridesB)));
  });
  return builder.finish();
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  ConstantView view(value);
  if (!view.isValid())
    return {};
  Type to = tensorType(getResult()).getElementType();
  ConstantBuilder builder(tensorType(getResult()));
  for (int64_t i = 0; i < view.size(); ++i) {
    if (to.isInteger(1))
      builder.setInteger(i, !view.isZero(i));
    else if (isReal(view.getElementType()))
      builder.setReal(i, view.real(i));
    else
      builder.setInteger(i, view.integer(i));
  }
  return builder.finish();
}

OpFoldResult ReduceOp::fold(FoldAdaptor adaptor) {
  // A reduction over nothing, or over axes of extent 1, is the identity for these kinds.
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  bool product = getKind() == ReduceKind::Prod, sum = getKind() == ReduceKind::Sum,
       mean = getKind() == ReduceKind::Mean;
  bool maximum = getKind() == ReduceKind::Max, minimum = getKind() == ReduceKind::Min;
  if (!value || !(product || sum || maximum || minimum || mean))
    return {};
  ConstantView view(value);
  if (!view.isValid() || view.size() == 0)
    return {};
  bool real = isReal(view.getElementType());
  if (mean && !real)
    return {};
  // Only small constants: shape arithmetic never reduces more.
  int64_t count = tensorType(getResult()).getNumElements();
  SmallVector<double> reals(count, product ? 1 : 0);
  SmallVector<int64_t> integers(count, product ? 1 : 0);
  SmallVector<bool> started(count, false);
  SmallVector<int64_t> kept;
  for (auto [axis, extent] : llvm::enumerate(shapeOf(getX())))
    kept.push_back(llvm::is_contained(getAxes(), static_cast<int64_t>(axis)) ? 1 : extent);
  SmallVector<int64_t> strides = stridesOf(kept);
  forEachIndex(shapeOf(getX()), [&](int64_t linear, ArrayRef<int64_t> index) {
    int64_t to = broadcastIndex(index, kept, strides);
    double r = view.real(linear);
    int64_t i = real ? 0 : view.integer(linear);
    if (sum || mean) {
      reals[to] += r, integers[to] = *evaluateBinary(BinaryKind::Add, integers[to], i);
    } else if (product) {
      reals[to] *= r, integers[to] = *evaluateBinary(BinaryKind::Mul, integers[to], i);
    } else if (!started[to]) {
      reals[to] = r, integers[to] = i;
    } else {
      reals[to] = maximum ? std::max(reals[to], r) : std::min(reals[to], r);
      integers[to] = maximum ? std::max(integers[to], i) : std::min(integers[to], i);
    }
    started[to] = true;
  });
  ConstantBuilder builder(tensorType(getResult()));
  double share = mean ? static_cast<double>(count) / static_cast<double>(view.size()) : 1;
  for (int64_t i = 0; i < count; ++i)
    real ? builder.setReal(i, reals[i] * share) : builder.setInteger(i, integers[i]);
  return builder.finish();
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

OpFoldResult RearrangeOp::fold(FoldAdaptor adaptor) {
  bool ordered = true;
  int64_t before = -1;
  for (int64_t p : getPerm()) {
    if (getView()[p] == 1)
      continue;
    ordered &= p > before;
    before = p;
  }
  if (ordered && getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  if (ordered)
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
      return DenseResourceElementsAttr::get(withLayout(tensorType(getResult()), {}),
                                            resource.getRawHandle());
  SmallVector<int64_t> strides = stridesOf(getView()), permuted;
  for (int64_t p : getPerm())
    permuted.push_back(getView()[p]);
  // The result's linear index is that of the permuted view.
  SmallVector<int64_t> permutedStrides = stridesOf(permuted);
  return moveElements(getResult(), value, [&](int64_t linear, ArrayRef<int64_t>) {
    int64_t from = 0;
    for (size_t i = 0; i < permuted.size(); ++i)
      from += linear / permutedStrides[i] % permuted[i] * strides[getPerm()[i]];
    return from;
  });
}

OpFoldResult ConcatOp::fold(FoldAdaptor adaptor) {
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType())
    return getInputs()[0];
  SmallVector<ConstantView> views;
  for (Attribute input : adaptor.getInputs()) {
    auto value = dyn_cast_or_null<ElementsAttr>(input);
    if (!value)
      return {};
    views.emplace_back(value);
    if (!views.back().isValid())
      return {};
  }
  ConstantBuilder builder(tensorType(getResult()));
  size_t axis = getAxis();
  forEachIndex(shapeOf(getResult()), [&](int64_t linear, ArrayRef<int64_t> index) {
    SmallVector<int64_t> inner(index);
    size_t k = 0;
    while (inner[axis] >= shapeOf(getInputs()[k])[axis])
      inner[axis] -= shapeOf(getInputs()[k++])[axis];
    ArrayRef<int64_t> shape = shapeOf(getInputs()[k]);
    int64_t from = 0;
    for (size_t i = 0; i < shape.size(); ++i)
      from = from * shape[i] + inner[i];
    builder.setBytes(linear, views[k].bytes(from));
  });
  return builder.finish();
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  bool identity = llvm::all_of(getStarts(), [](int64_t start) { return start == 0; }) &&
                  llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  if (identity && getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size(); ++i)
      from += (getStarts()[i] + index[i] * getSteps()[i]) * strides[i];
    return from;
  });
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size(); ++i)
      from += (i == getAxis() ? getIndices()[index[i]] : index[i]) * strides[i];
    return from;
  });
}

OpFoldResult GatherOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX()),
       list = dyn_cast_or_null<ElementsAttr>(adaptor.getIndices());
  if (!value || !list)
    return {};
  ConstantView indices(list);
  if (!indices.isValid())
    return {};
  size_t axis = getAxis(), indexRank = shapeOf(getIndices()).size();
  int64_t extent = shapeOf(getX())[axis];
  for (int64_t i = 0; i < indices.size(); ++i)
    if (indices.integer(i) < -extent || indices.integer(i) >= extent)
      return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX())),
                       indexStrides = stridesOf(shapeOf(getIndices()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    int64_t which = 0, from = 0;
    for (size_t i = 0; i < indexRank; ++i)
      which += index[axis + i] * indexStrides[i];
    int64_t at = indices.integer(which);
    for (size_t i = 0; i < axis; ++i)
      from += index[i] * strides[i];
    from += (at < 0 ? at + extent : at) * strides[axis];
    for (size_t i = axis + 1; i < strides.size(); ++i)
      from += index[i + indexRank - 1] * strides[i];
    return from;
  });
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value || getMode() != PadMode::Constant)
    return {};
  ConstantView view(value);
  if (!view.isValid())
    return {};
  ConstantBuilder builder(tensorType(getResult()));
  ArrayRef<int64_t> shape = shapeOf(getX());
  SmallVector<int64_t> strides = stridesOf(shape);
  forEachIndex(shapeOf(getResult()), [&](int64_t linear, ArrayRef<int64_t> index) {
    int64_t from = 0;
    bool inside = true;
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t at = index[i] - getPads()[i];
      inside &= at >= 0 && at < shape[i];
      from += at * strides[i];
    }
    inside ? builder.setBytes(linear, view.bytes(from))
           : builder.setReal(linear, getValue().convertToDouble());
  });
  return builder.finish();
}

OpFoldResult ExpandOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> strides = stridesOf(shapeOf(getX()));
  return moveElements(getResult(), value, [&](int64_t, ArrayRef<int64_t> index) {
    return broadcastIndex(index, shapeOf(getX()), strides);
  });
}
