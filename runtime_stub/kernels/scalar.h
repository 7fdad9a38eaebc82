//===- scalar.h - scalar functions: the ops of unary and of epilogues -----===//
// SPDX-License-Identifier: Apache-2.0
//
// Every functor is used as `F::template apply<F>(v)`: Self is the functor that the
// emitted file derives, so that parameters are its static constexpr members:
//   struct act : disco::act_clip { static constexpr float min = 0, max = 6; };
// T is an arithmetic type. Functors without a type condition serve floats only.
#ifndef DISCO_KERNELS_SCALAR_H
#define DISCO_KERNELS_SCALAR_H

#include <math.h>

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

inline double exp_of(double v) { return exp(v); }
inline double log_of(double v) { return log(v); }
inline float log_of(float v) { return logf(v); }
inline double log1p_of(double v) { return log1p(v); }
inline float log1p_of(float v) { return log1pf(v); }
inline double expm1_of(double v) { return expm1(v); }
inline float expm1_of(float v) { return expm1f(v); }
inline double tanh_of(double v) { return tanh(v); }
inline double erf_of(double v) { return erf(v); }
inline double sqrt_of(double v) { return sqrt(v); }
inline float sqrt_of(float v) { return sqrtf(v); }
inline double pow_of(double v, double e) { return pow(v, e); }
inline float pow_of(float v, float e) { return powf(v, e); }
inline double fmod_of(double a, double b) { return fmod(a, b); }
inline float fmod_of(float a, float b) { return fmodf(a, b); }
inline double floor_of(double v) { return floor(v); }
inline float floor_of(float v) { return floorf(v); }
inline double ceil_of(double v) { return ceil(v); }
inline float ceil_of(float v) { return ceilf(v); }
inline double abs_of(double v) { return fabs(v); }
inline float abs_of(float v) { return fabsf(v); }

// Through double where that costs nothing to speak of. Processors without double arithmetic take
// the library's float functions, which are within 2 ulp, and no kilobytes of software.
#if (defined(__arm__) && !(__ARM_FP & 8)) || (defined(__riscv_flen) && __riscv_flen < 64)
#define DISCO_BY_DOUBLE(name, v) name##f(v)
#else
#define DISCO_BY_DOUBLE(name, v) (float)name((double)(v))
#endif
inline double sin_of(double v) { return sin(v); }
inline float sin_of(float v) { return DISCO_BY_DOUBLE(sin, v); }
inline double cos_of(double v) { return cos(v); }
inline float cos_of(float v) { return DISCO_BY_DOUBLE(cos, v); }
inline double tan_of(double v) { return tan(v); }
inline float tan_of(float v) { return DISCO_BY_DOUBLE(tan, v); }
inline double asin_of(double v) { return asin(v); }
inline float asin_of(float v) { return DISCO_BY_DOUBLE(asin, v); }
inline double acos_of(double v) { return acos(v); }
inline float acos_of(float v) { return DISCO_BY_DOUBLE(acos, v); }
inline double atan_of(double v) { return atan(v); }
inline float atan_of(float v) { return DISCO_BY_DOUBLE(atan, v); }
inline double sinh_of(double v) { return sinh(v); }
inline float sinh_of(float v) { return DISCO_BY_DOUBLE(sinh, v); }
inline double cosh_of(double v) { return cosh(v); }
inline float cosh_of(float v) { return DISCO_BY_DOUBLE(cosh, v); }
inline double asinh_of(double v) { return asinh(v); }
inline float asinh_of(float v) { return DISCO_BY_DOUBLE(asinh, v); }
inline double acosh_of(double v) { return acosh(v); }
inline float acosh_of(float v) { return DISCO_BY_DOUBLE(acosh, v); }
inline double atanh_of(double v) { return atanh(v); }
inline float atanh_of(float v) { return DISCO_BY_DOUBLE(atanh, v); }

/// b where a is NaN.
inline double least(double a, double b) { return a < b ? a : b; }
inline float least(float a, float b) { return pick(a < b, a, b); }

/// The sign of s on the magnitude of v.
inline float with_sign(float v, float s) {
  return float_of((bits_of(v) & 0x7fffffffu) | (bits_of(s) & 0x80000000u));
}

/// e^v within 1.1 ulp, no branches and no calls, so that loops over it vectorise.
/// 2^n is applied in two factors, which keeps subnormal results right.
DISCO_INLINE float exp_of(float v) {
  float c = pick(v > -104.0f, v, -104.0f); // NaN becomes -104 here and is put back below
  c = pick(c < 89.0f, c, 89.0f);
  const int32_t n = (int32_t)(c * 0x1.715476p+0f + with_sign(0.5f, c));
  const float fn = (float)n;
  const float r = (c - fn * 0.693359375f) - fn * -2.12194440e-4f;
  float p = 0x1.a0d2cep-13f; // minimax polynomial of (e^r - 1 - r) / r^2, from Cephes
  p = p * r + 0x1.6e879cp-10f;
  p = p * r + 0x1.1112eep-7f;
  p = p * r + 0x1.55554ep-5f;
  p = p * r + 0x1.555554p-3f;
  p = p * r + 0.5f;
  const float e = (p * (r * r) + r) + 1.0f;
  const int32_t half = n >> 1;
  const float scaled =
      e * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(n - half + 127) << 23);
  return pick(v == v, scaled, v);
}

/// Within 2 ulp: a polynomial near 0, else through e^(2 |v|).
DISCO_INLINE float tanh_of(float v) {
  const float a = float_of(bits_of(v) & 0x7fffffffu), s = v * v;
  float p = -5.70498872745e-3f; // Cephes
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const float near = p * s * v + v;
  const float far = 1.0f - 2.0f / (exp_of(a + a) + 1.0f);
  return with_sign(pick(a < 0.625f, near, far), v);
}

/// Within 2 ulp: a polynomial near 0, else 1 - e^polynomial (Juffa's approximation).
DISCO_INLINE float erf_of(float v) {
  const float t = float_of(bits_of(v) & 0x7fffffffu), s = v * v;
  float f = -1.72853470e-5f * t + 3.83197126e-4f;
  f = f * s + (-3.88396438e-3f * t + 2.42546219e-2f);
  f = f * t - 1.06777877e-1f;
  f = f * t - 6.34846687e-1f;
  f = f * t - 1.28717512e-1f;
  f = f * t - t;
  const float far = with_sign(1.0f - exp_of(f), v);
  float p = -5.96761703e-4f;
  p = p * s + 4.99119423e-3f;
  p = p * s - 2.67681349e-2f;
  p = p * s + 1.12819925e-1f;
  p = p * s - 3.76125336e-1f;
  p = p * s + 1.28379166e-1f;
  const float near = p * v + v;
  return pick(t > 0.927734375f, far, near);
}

/// Rounds half to even whatever the floating-point mode says.
template <class T> inline T round_even_of(T v) {
  const T down = floor_of(v), rest = v - down;
  const T even = floor_of(down * (T)0.5) * 2; // down, or down - 1 when down is odd
  T r = rest > (T)0.5 || (rest == (T)0.5 && even != down) ? down + 1 : down;
  return r == 0 && (v < 0 || 1 / v < 0) ? -(T)0 : r; // keeps the sign of zero
}

/// e^v for |v| at most 87, within 1.1 ulp: half as many operations.
DISCO_INLINE float bounded_exp_of(float v) {
  const float shifted = v * 0x1.715476p+0f + 0x1.8p23f; // its low bits are the nearest integer
  const float fn = shifted - 0x1.8p23f;
  const float r = (v - fn * 0.693359375f) - fn * -2.12194440e-4f;
  float p = 0x1.a0d2cep-13f;
  p = p * r + 0x1.6e879cp-10f;
  p = p * r + 0x1.1112eep-7f;
  p = p * r + 0x1.55554ep-5f;
  p = p * r + 0x1.555554p-3f;
  p = p * r + 0.5f;
  return float_of(bits_of((p * (r * r) + r) + 1.0f) + (bits_of(shifted) << 23));
}

template <class T> inline T sigmoid_of(T v) { return 1 / (1 + exp_of(-v)); }
DISCO_INLINE float sigmoid_of(float v) {
  const float s = 1.0f / (1.0f + bounded_exp_of(-v));
  return pick(v == v, pick(v < -87.0f, 0.0f, pick(v > 87.0f, 1.0f, s)), v);
}
template <class T> inline T softplus_of(T v) {
  return (v > 0 ? v : (T)0) + log1p_of(exp_of(v > 0 ? -v : v));
}
template <class T> inline T clip_of(T v, T low, T high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

//--- activations, also unary ops -------------------------------------------

struct act_relu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return v < 0 ? (T)0 : v; }
};
/// min, max: any arithmetic type; integers clip as integers, at infinite bounds not at all.
struct act_clip {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return clip_of(v, cast_element<T>(Self::min), cast_element<T>(Self::max));
  }
};
struct act_sigmoid {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return sigmoid_of(v); }
};
/// alpha, beta
struct act_hard_sigmoid {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return clip_of(v * (T)Self::alpha + (T)Self::beta, (T)0, (T)1);
  }
};
struct act_hard_swish {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return v * clip_of(v / 6 + (T)0.5, (T)0, (T)1);
  }
};
struct act_tanh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return tanh_of(v); }
};
/// alpha
struct act_leaky_relu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return v < 0 ? v * (T)Self::alpha : v;
  }
};
struct act_silu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return v * sigmoid_of(v); }
};
/// alpha
struct act_elu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return v < 0 ? (T)Self::alpha * expm1_of(v) : v;
  }
};
/// alpha, gamma
struct act_selu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return (T)Self::gamma * (v < 0 ? (T)Self::alpha * expm1_of(v) : v);
  }
};
/// alpha
struct act_celu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return v < 0 ? (T)Self::alpha * expm1_of(v / (T)Self::alpha) : v;
  }
};
/// alpha
struct act_thresholded_relu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return v > (T)Self::alpha ? v : (T)0;
  }
};
struct act_softplus {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return softplus_of(v); }
};
struct act_softsign {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return v / (1 + abs_of(v)); }
};
struct act_gelu {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return (T)0.5 * v * (1 + erf_of(v * (T)0.70710678118654752440));
  }
};
/// The tanh form of opset 20.
struct act_gelu_tanh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return (T)0.5 * v * (1 + tanh_of((T)0.79788456080286535588 * (v + (T)0.044715 * v * v * v)));
  }
};
/// v * tanh(softplus(v)), by tanh(log(1 + e)) = (e e + 2 e) / (e e + 2 e + 2).
struct act_mish {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    const T e = exp_of(least(v, (T)20)), n = e * (e + 2);
    return v * (n / (n + 2));
  }
};
/// v + by without what is behind the point, as wide integers need it: they are no doubles.
template <class T> inline T shifted_by(T v, double by) {
  const double down = floor(by);
  const T moved = (T)((wrap_t<T>)v + (wrap_t<T>)cast_element<T>(down));
  return (T)(moved + (T)(by != down && moved < 0)); // towards zero
}
/// bias, lambd. Also signed integers, which are compared with lambd as it is.
struct act_shrink {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    if constexpr (is_float<T>)
      return v<-(T)Self::lambd ? v + (T)Self::bias : v>(T) Self::lambd ? v - (T)Self::bias : (T)0;
    else
      return v < cast_element<T>(ceil(-(double)Self::lambd))   ? shifted_by(v, (double)Self::bias)
             : v > cast_element<T>(floor((double)Self::lambd)) ? shifted_by(v, -(double)Self::bias)
                                                               : (T)0;
  }
};

/// alpha, beta: of recurrent layers.
struct act_affine {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return (T)Self::alpha * v + (T)Self::beta;
  }
};
struct act_scaled_tanh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    return (T)Self::alpha * tanh_of((T)Self::beta * v);
  }
};

//--- unary ops that are no activations --------------------------------------

struct op_identity {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return v; }
};
struct op_exp {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return exp_of(v); }
};
struct op_log {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return log_of(v); }
};
struct op_sqrt {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return sqrt_of(v); }
};
/// Also integers (the least value stays, as in two's complement).
struct op_abs {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    if constexpr (is_float<T>)
      return abs_of(v);
    else
      return is_signed<T> && v < 1 && v != 0 ? (T)(0 - (wrap_t<T>)v) : v;
  }
};
/// Also integers.
struct op_neg {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    if constexpr (is_float<T>)
      return -v;
    else
      return (T)(0 - (wrap_t<T>)v);
  }
};
struct op_floor {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return floor_of(v); }
};
struct op_ceil {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return ceil_of(v); }
};
struct op_round {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return round_even_of(v); }
};
/// Also integers: -1, 0 or 1, without what is behind the point.
struct op_erf {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    if constexpr (is_float<T>)
      return erf_of(v);
    else
      return cast_element<T>(erf((double)v));
  }
};
struct op_reciprocal {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return 1 / v; }
};
/// Also integers.
struct op_sign {
  template <class Self, class T> DISCO_INLINE static T apply(T v) {
    if constexpr (is_float<T>)
      return v > 0 ? (T)1 : v < 0 ? (T)-1 : v;
    else
      return (T)((v > 0) - (is_signed<T> && v < 1 && v != 0));
  }
};
struct op_sin {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return sin_of(v); }
};
struct op_cos {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return cos_of(v); }
};
struct op_tan {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return tan_of(v); }
};
struct op_asin {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return asin_of(v); }
};
struct op_acos {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return acos_of(v); }
};
struct op_atan {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return atan_of(v); }
};
struct op_sinh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return sinh_of(v); }
};
struct op_cosh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return cosh_of(v); }
};
struct op_asinh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return asinh_of(v); }
};
struct op_acosh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return acosh_of(v); }
};
struct op_atanh {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return atanh_of(v); }
};
/// bool to bool.
struct op_not {
  template <class Self, class T> DISCO_INLINE static bool apply(T v) { return !v; }
};
/// Integers: every bit.
struct op_bitwise_not {
  template <class Self, class T> DISCO_INLINE static T apply(T v) { return (T)~v; }
};
/// Result bool.
struct op_is_nan {
  template <class Self, class T> DISCO_INLINE static bool apply(T v) { return is_nan(v); }
};
/// positive, negative (bool): which infinities count. Result bool.
struct op_is_inf {
  template <class Self, class T> DISCO_INLINE static bool apply(T v) {
    return !is_finite(v) && !is_nan(v) && (v > 0 ? Self::positive : Self::negative);
  }
};

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
