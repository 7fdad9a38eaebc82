//===- Scalars.cpp - the kernels' scalar functions, on constants ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Scalars.h"
#include "runtime_stub/kernels/binary_ops.h"
#include "runtime_stub/kernels/reduce.h"
#include "llvm/Support/ErrorHandling.h"
#include <cstring>
#include <type_traits>

using namespace disco;
using mlir::Type;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

template <typename T> static T get(const char *at) {
  if constexpr (same<T, bool>) {
    return *at != 0; // a file may hold any byte
  } else {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
  }
}

template <typename T> static void put(char *at, T value) { std::memcpy(at, &value, sizeof(T)); }

/// What the arithmetic of T gave, or a truth value, as it lies in a buffer.
template <typename T, typename Result> static void putResult(char *at, Result value) {
  if constexpr (same<Result, arith_t<T>>)
    put(at, store<T>(value));
  else
    put(at, value);
}

namespace {
template <typename T> struct Tag {
  using Of = T;
};
} // namespace

/// Calls back with the type that an element has in a buffer; with nothing to call back for, null.
template <typename Result, typename Visitor> static Result visit(Type element, Visitor visitor) {
  if (element.isF32())
    return visitor(Tag<float>());
  if (element.isF64())
    return visitor(Tag<double>());
  if (element.isF16())
    return visitor(Tag<f16>());
  if (!isa<mlir::IntegerType>(element))
    return Result();
  bool isUnsigned = element.isUnsignedInteger();
  switch (element.getIntOrFloatBitWidth()) {
  case 1: return visitor(Tag<bool>());
  case 8: return isUnsigned ? visitor(Tag<uint8_t>()) : visitor(Tag<int8_t>());
  case 16: return isUnsigned ? visitor(Tag<uint16_t>()) : visitor(Tag<int16_t>());
  case 32: return isUnsigned ? visitor(Tag<uint32_t>()) : visitor(Tag<int32_t>());
  case 64: return isUnsigned ? visitor(Tag<uint64_t>()) : visitor(Tag<int64_t>());
  default: return Result();
  }
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

template <typename From, typename To> static void castOne(char *y, const char *x) {
  put(y, cast_element<To>(get<From>(x)));
}

CastFunction disco::castFunction(Type from, Type to) {
  return visit<CastFunction>(from, [&](auto source) {
    return visit<CastFunction>(to, [](auto target) -> CastFunction {
      return castOne<typename decltype(source)::Of, typename decltype(target)::Of>;
    });
  });
}

ElementCasts disco::elementCasts(Type element) {
  auto casts = visit<std::optional<ElementCasts>>(element, [](auto tag) {
    using T = typename decltype(tag)::Of;
    return ElementCasts{castOne<T, double>, castOne<T, int64_t>, castOne<double, T>,
                        castOne<int64_t, T>};
  });
  if (!casts)
    llvm::report_fatal_error("a constant has elements of a type that the dialect does not have");
  return *casts;
}

//===----------------------------------------------------------------------===//
// Functions of one operand
//===----------------------------------------------------------------------===//

namespace {
/// Stands for the struct that an emitted program derives from a functor: its parameters, under
/// every name that functors know them by.
struct Given {
  static thread_local double alpha, beta, gamma, min, max, lambd, bias;
};
} // namespace

thread_local double Given::alpha, Given::beta, Given::gamma, Given::min, Given::max, Given::lambd,
    Given::bias;

template <typename F, typename T>
static void applyUnary(char *y, const char *x, double alpha, double beta) {
  Given::alpha = Given::min = Given::lambd = alpha;
  Given::beta = Given::gamma = Given::max = Given::bias = beta;
  putResult<T>(y, F::template apply<Given>(load(get<T>(x))));
}

/// Those that only floats have.
template <typename T> static UnaryFunction realFunction(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Sigmoid: return applyUnary<act_sigmoid, T>;
  case UnaryKind::Tanh: return applyUnary<act_tanh, T>;
  case UnaryKind::Exp: return applyUnary<op_exp, T>;
  case UnaryKind::Log: return applyUnary<op_log, T>;
  case UnaryKind::Sqrt: return applyUnary<op_sqrt, T>;
  case UnaryKind::Floor: return applyUnary<op_floor, T>;
  case UnaryKind::Ceil: return applyUnary<op_ceil, T>;
  case UnaryKind::Round: return applyUnary<op_round, T>;
  case UnaryKind::Reciprocal: return applyUnary<op_reciprocal, T>;
  case UnaryKind::Sin: return applyUnary<op_sin, T>;
  case UnaryKind::Cos: return applyUnary<op_cos, T>;
  case UnaryKind::Tan: return applyUnary<op_tan, T>;
  case UnaryKind::Asin: return applyUnary<op_asin, T>;
  case UnaryKind::Acos: return applyUnary<op_acos, T>;
  case UnaryKind::Atan: return applyUnary<op_atan, T>;
  case UnaryKind::Sinh: return applyUnary<op_sinh, T>;
  case UnaryKind::Cosh: return applyUnary<op_cosh, T>;
  case UnaryKind::Asinh: return applyUnary<op_asinh, T>;
  case UnaryKind::Acosh: return applyUnary<op_acosh, T>;
  case UnaryKind::Atanh: return applyUnary<op_atanh, T>;
  case UnaryKind::LeakyRelu: return applyUnary<act_leaky_relu, T>;
  case UnaryKind::ThresholdedRelu: return applyUnary<act_thresholded_relu, T>;
  case UnaryKind::Elu: return applyUnary<act_elu, T>;
  case UnaryKind::Selu: return applyUnary<act_selu, T>;
  case UnaryKind::HardSigmoid: return applyUnary<act_hard_sigmoid, T>;
  case UnaryKind::HardSwish: return applyUnary<act_hard_swish, T>;
  case UnaryKind::Silu: return applyUnary<act_silu, T>;
  case UnaryKind::Softplus: return applyUnary<act_softplus, T>;
  case UnaryKind::Softsign: return applyUnary<act_softsign, T>;
  case UnaryKind::Gelu: return applyUnary<act_gelu, T>;
  case UnaryKind::GeluTanh: return applyUnary<act_gelu_tanh, T>;
  case UnaryKind::Mish: return applyUnary<act_mish, T>;
  case UnaryKind::Affine: return applyUnary<act_affine, T>;
  case UnaryKind::ScaledTanh: return applyUnary<act_scaled_tanh, T>;
  default: return nullptr;
  }
}

/// Those that integers have, too.
template <typename T> static UnaryFunction numberFunction(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Relu: return applyUnary<act_relu, T>;
  case UnaryKind::Clip: return applyUnary<act_clip, T>;
  case UnaryKind::Abs: return applyUnary<op_abs, T>;
  case UnaryKind::Neg: return applyUnary<op_neg, T>;
  case UnaryKind::Sign: return applyUnary<op_sign, T>;
  case UnaryKind::Erf: return applyUnary<op_erf, T>;
  case UnaryKind::Shrink: return applyUnary<act_shrink, T>;
  default: return nullptr;
  }
}

UnaryFunction disco::unaryFunction(UnaryKind kind, Type element) {
  return visit<UnaryFunction>(element, [&](auto tag) -> UnaryFunction {
    using T = typename decltype(tag)::Of;
    if (kind == UnaryKind::Identity)
      return applyUnary<op_identity, T>;
    if constexpr (same<T, bool>) {
      return kind == UnaryKind::Not ? UnaryFunction(applyUnary<op_not, T>) : nullptr;
    } else {
      UnaryFunction function = numberFunction<T>(kind);
      if constexpr (is_float<T>)
        function = function ? function : realFunction<T>(kind);
      return function;
    }
  });
}

std::optional<double> disco::evaluateUnary(UnaryKind kind, double x, double alpha, double beta) {
  UnaryFunction function = numberFunction<double>(kind);
  if (!function)
    function =
        kind == UnaryKind::Identity ? applyUnary<op_identity, double> : realFunction<double>(kind);
  if (!function)
    return std::nullopt;
  char from[sizeof(double)], to[sizeof(double)];
  put(from, x);
  function(to, from, alpha, beta);
  return get<double>(to);
}

//===----------------------------------------------------------------------===//
// Functions of two operands
//===----------------------------------------------------------------------===//

template <typename F, typename A, typename B>
static void applyBinary(char *y, const char *a, const char *b) {
  putResult<A>(y, F::template apply<F>(load(get<A>(a)), load(get<B>(b))));
}

template <typename T> static BinaryFunction comparison(BinaryKind kind) {
  switch (kind) {
  case BinaryKind::Equal: return applyBinary<op_equal, T, T>;
  case BinaryKind::Less: return applyBinary<op_less, T, T>;
  case BinaryKind::Greater: return applyBinary<op_greater, T, T>;
  case BinaryKind::LessOrEqual: return applyBinary<op_less_or_equal, T, T>;
  case BinaryKind::GreaterOrEqual: return applyBinary<op_greater_or_equal, T, T>;
  default: return nullptr;
  }
}

template <typename T> static BinaryFunction arithmetic(BinaryKind kind) {
  switch (kind) {
  case BinaryKind::Add: return applyBinary<op_add, T, T>;
  case BinaryKind::Sub: return applyBinary<op_sub, T, T>;
  case BinaryKind::Mul: return applyBinary<op_mul, T, T>;
  case BinaryKind::Div: return applyBinary<op_div, T, T>;
  case BinaryKind::Min: return applyBinary<op_min, T, T>;
  case BinaryKind::Max: return applyBinary<op_max, T, T>;
  case BinaryKind::Mod: return applyBinary<op_mod, T, T>;
  case BinaryKind::Fmod: return applyBinary<op_fmod, T, T>;
  case BinaryKind::Prelu: return applyBinary<op_prelu, T, T>;
  default: return nullptr;
  }
}

/// Of truth values and of every bit of integers.
template <typename T> static BinaryFunction bitwise(BinaryKind kind) {
  switch (kind) {
  case BinaryKind::And: return applyBinary<op_and, T, T>;
  case BinaryKind::Or: return applyBinary<op_or, T, T>;
  case BinaryKind::Xor: return applyBinary<op_xor, T, T>;
  default: break;
  }
  if constexpr (!is_signed<T> && !same<T, bool>) {
    if (kind == BinaryKind::ShiftLeft)
      return applyBinary<op_shift_left, T, T>;
    if (kind == BinaryKind::ShiftRight)
      return applyBinary<op_shift_right, T, T>;
  }
  return nullptr;
}

/// The exponent's type may be another than the base's.
template <typename T> static BinaryFunction powerFunction(Type exponent) {
  return visit<BinaryFunction>(exponent, [](auto tag) -> BinaryFunction {
    using E = typename decltype(tag)::Of;
    if constexpr (same<E, bool>)
      return nullptr;
    else
      return applyBinary<op_pow, T, E>;
  });
}

BinaryFunction disco::binaryFunction(BinaryKind kind, Type a, Type b) {
  if (kind != BinaryKind::Pow && a != b)
    return nullptr;
  return visit<BinaryFunction>(a, [&](auto tag) -> BinaryFunction {
    using T = typename decltype(tag)::Of;
    BinaryFunction function = comparison<T>(kind);
    if constexpr (!is_float<T>)
      function = function ? function : bitwise<T>(kind);
    if constexpr (!same<T, bool>) {
      if (kind == BinaryKind::Pow)
        return powerFunction<T>(b);
      function = function ? function : arithmetic<T>(kind);
    }
    return function;
  });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// State is the type of the sum, Op the kernel's reduction.
template <typename Op, typename T, typename State> static Reduction reduction() {
  static_assert(sizeof(State) <= Reduction::kStateBytes);
  return {[](char *state) { put(state, Op::template start<State>()); },
          [](char *state, const char *x) {
            auto value = static_cast<State>(load(get<T>(x)));
            put(state, Op::step(get<State>(state), value));
          },
          [](char *state, int64_t times) {
            State one = get<State>(state), all = one;
            for (--times; times > 0; times /= 2) {
              if (times % 2)
                all = Op::join(all, one);
              one = Op::join(one, one);
            }
            put(state, all);
          },
          [](char *y, const char *state, int64_t count) {
            put(y, cast_element<T>(Op::finish(get<State>(state), count)));
          }};
}

std::optional<Reduction> disco::reductionOf(ReduceKind kind, Type element) {
  return visit<std::optional<Reduction>>(element, [&](auto tag) -> std::optional<Reduction> {
    using T = typename decltype(tag)::Of;
    constexpr bool real = is_float<T>;
    using State = std::conditional_t<real, double, T>;
    switch (kind) {
    case ReduceKind::Max: return reduction<red_max, T, State>();
    case ReduceKind::Min: return reduction<red_min, T, State>();
    default: break;
    }
    if constexpr (!same<T, bool>) {
      if (kind == ReduceKind::Sum)
        return reduction<red_sum, T, State>();
      if (kind == ReduceKind::Prod)
        return reduction<red_prod, T, State>();
    }
    if constexpr (real)
      if (kind == ReduceKind::Mean)
        return reduction<red_mean, T, State>();
    return std::nullopt;
  });
}
