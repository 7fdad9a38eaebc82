//===- quant.h - quantised numbers: rounding, tables, sums ----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The same bits on every target. Where reals are computed with, a product is followed
// by comparisons, never by a sum, so that no compiler can make one operation of two;
// rounding adds a number that leaves no room for a fraction, and needs no library.
#ifndef DISCO_KERNELS_QUANT_H
#define DISCO_KERNELS_QUANT_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The nearest integer, halves to even, of v between low and high (within 2^21). NaN gives low.
DISCO_INLINE int32_t round_between(float v, float low, float high) {
  const float above = pick(v > low, v, low), within = pick(above < high, above, high);
  return (int32_t)(bits_of(within + 0x1.8p23f) - 0x4b400000u);
}

/// round(v) + zero, within [low, high].
DISCO_INLINE int32_t quantised(float v, int32_t zero, int32_t low, int32_t high) {
  return round_between(v, (float)(low - zero), (float)(high - zero)) + zero;
}

/// The same of a product of finite numbers. Instructions that round halves to even, and give the
/// ends of the range beyond it, say the same.
DISCO_INLINE int32_t quantised_sum(int32_t sum, float multiplier, int32_t zero, int32_t low,
                                   int32_t high) {
  const float v = (float)sum * multiplier;
#if defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__aarch64__) && !defined(__ARM_NEON)
#define DISCO_ROUNDS 1
  float nearest;
  __asm__("vcvtr.s32.f32 %0, %1" : "=t"(nearest) : "t"(v));
  const int32_t integer = (int32_t)bits_of(nearest);
#elif defined(__riscv_flen)
#define DISCO_ROUNDS 1
  int32_t integer;
  __asm__("fcvt.w.s %0, %1, rne" : "=r"(integer) : "f"(v));
#endif
#if defined(DISCO_ROUNDS)
  const int32_t least = low - zero, most = high - zero;
  return (integer < least ? least : integer > most ? most : integer) + zero;
#else
  return quantised(v, zero, low, high);
#endif
}

/// x - zero, which wraps for 32-bit integers only.
template <class T> DISCO_INLINE int32_t less_zero(T x, T zero) {
  return (int32_t)((uint32_t)x - (uint32_t)zero);
}

/// Dimension D of quantize and dequantize: y and x are dense, scale and zero have strides.
template <class P, class Zero, class One, int D> struct scaled_level {
  using x_t = typename P::x_t;
  using y_t = typename P::y_t;
  static void run(y_t *&y, const x_t *&x, const float *scale, const Zero *zero) {
    constexpr dim extent = (dim)P::shape[D], ss = (dim)P::scale_strides[D],
                  sz = (dim)P::zero_strides[D];
    if constexpr (D + 1 == P::rank) {
      if constexpr (ss == 0 && (sz == 0 || !P::has_zero)) {
        const float s = *scale;
        const Zero z = P::has_zero ? *zero : (Zero)0;
        for (dim i = 0; i < extent; ++i)
          y[i] = One::apply(x[i], s, z);
      } else {
        for (dim i = 0; i < extent; ++i)
          y[i] = One::apply(x[i], scale[i * ss], P::has_zero ? zero[i * sz] : (Zero)0);
      }
      y += extent;
      x += extent;
    } else {
      for (dim i = 0; i < extent; ++i)
        scaled_level<P, Zero, One, D + 1>::run(y, x, scale + i * ss,
                                               P::has_zero ? zero + i * sz : zero);
    }
  }
};

template <class Y> struct quantize_one {
  static Y apply(float x, float scale, Y zero) {
    return (Y)quantised(x / scale, (int32_t)zero, (int32_t)int_min<Y>, (int32_t)int_max<Y>);
  }
};
template <class X> struct dequantize_one {
  static float apply(X x, float scale, X zero) { return (float)less_zero(x, zero) * scale; }
};

/// y = clamp(round(x / scale) + zero).
/// P: x_t (float), y_t (integer of 8 or 16 bits), has_zero
///    rank, shape[], scale_strides[], zero_strides[]   as in binary; x and y are dense
template <class P>
inline void quantize(typename P::y_t *y, const float *x, const float *scale,
                     const typename P::y_t *zero) {
  scaled_level<P, typename P::y_t, quantize_one<typename P::y_t>, 0>::run(y, x, scale, zero);
}

/// y = (x - zero) * scale. P: x_t (integer of up to 32 bits), y_t (float), the rest as quantize.
template <class P>
inline void dequantize(float *y, const typename P::x_t *x, const float *scale,
                       const typename P::x_t *zero) {
  scaled_level<P, typename P::x_t, dequantize_one<typename P::x_t>, 0>::run(y, x, scale, zero);
}

/// y[i] = table[bits of x[i]]. P: x_t (integer of 8 bits), y_t, count. In place when y_t has 8
/// bits.
template <class P>
inline void lookup(typename P::y_t *y, const typename P::x_t *x, const typename P::y_t *table) {
  for (dim i = 0; i < (dim)P::count; ++i)
    y[i] = table[(uint8_t)x[i]];
}

/// The same with a table of 256 entries for each row; element i is of row i / inner % rows. P: x_t
/// (integer of 8 bits), y_t, count, rows, inner. In place when y_t has 8 bits.
template <class P>
inline void lookup_rows(typename P::y_t *y, const typename P::x_t *x,
                        const typename P::y_t *table) {
  constexpr dim rows = (dim)P::rows, inner = (dim)P::inner;
  for (dim first = 0, row = 0; first < (dim)P::count; first += inner) {
    const typename P::y_t *of_row = table + row * 256;
    for (dim i = first; i < first + inner; ++i)
      y[i] = of_row[(uint8_t)x[i]];
    row = row + 1 < rows ? row + 1 : 0;
  }
}

/// sum / 2^shift, halves to even.
template <int Shift> DISCO_INLINE int32_t shifted_even(int32_t sum) {
  if constexpr (Shift == 0) {
    return sum;
  } else {
    const int32_t floor = sum >> Shift, rest = sum & ((INT32_C(1) << Shift) - 1);
    constexpr int32_t half = INT32_C(1) << (Shift - 1);
    return floor + (rest + (floor & 1) > half);
  }
}

template <class P> DISCO_INLINE int32_t quant_clamped(int32_t v) {
  constexpr int32_t low = (int32_t)P::low, high = (int32_t)P::high;
  const int32_t y = v + (int32_t)P::y_zero;
  return y < low ? low : y > high ? high : y;
}
struct quant_add {
  template <class P> static int32_t apply(int32_t a, int32_t b) {
    return quant_clamped<P>(
        shifted_even<(int)P::shift>(a * (int32_t)P::a_factor + b * (int32_t)P::b_factor));
  }
};
struct quant_sub {
  template <class P> static int32_t apply(int32_t a, int32_t b) {
    return quant_clamped<P>(
        shifted_even<(int)P::shift>(a * (int32_t)P::a_factor - b * (int32_t)P::b_factor));
  }
};
struct quant_mul {
  template <class P> static int32_t apply(int32_t a, int32_t b) {
    return quantised_sum(a * b, P::multiplier[0], (int32_t)P::y_zero, (int32_t)P::low,
                         (int32_t)P::high);
  }
};

template <class P, int D> struct quant_binary_level {
  using a_t = typename P::a_t;
  using b_t = typename P::b_t;
  using y_t = typename P::y_t;
  static void run(y_t *&y, const a_t *a, const b_t *b) {
    constexpr dim extent = (dim)P::shape[D], sa = (dim)P::a_strides[D], sb = (dim)P::b_strides[D];
    if constexpr (D + 1 == P::rank) {
      y_t *to = y;
      for (dim i = 0; i < extent; ++i)
        to[i] = (y_t)P::op::template apply<P>((int32_t)a[i * sa] - (int32_t)P::a_zero,
                                              (int32_t)b[i * sb] - (int32_t)P::b_zero);
      y += extent;
    } else {
      for (dim i = 0; i < extent; ++i)
        quant_binary_level<P, D + 1>::run(y, a + i * sa, b + i * sb);
    }
  }
};

/// y = clamp(round((a - a_zero) * a_factor +- (b - b_zero) * b_factor) / 2^shift) + y_zero), and
/// for op = quant_mul clamp(round((a - a_zero) * (b - b_zero) * multiplier) + y_zero). P: a_t, b_t,
/// y_t (integers of 8 bits), op (quant_add, quant_sub, quant_mul), a_zero, b_zero, y_zero,
///    a_factor, b_factor (255 times the sum of their sizes fits 31 bits), shift (0 .. 30),
///    multiplier[1] (float), low, high, rank, shape[], a_strides[], b_strides[] as in binary
/// In place over an operand that is not broadcast.
template <class P>
inline void quant_binary(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b) {
  quant_binary_level<P, 0>::run(y, a, b);
}

/// What becomes of the sum of row r: an integer of 8 bits where P is requantised.
template <class P> DISCO_INLINE typename P::y_t quant_store(int32_t sum, dim row) {
  if constexpr (P::requantised)
    return (typename P::y_t)quantised_sum(sum, P::multiplier[P::one_multiplier ? 0 : row],
                                          (int32_t)P::y_zero, (int32_t)P::low, (int32_t)P::high);
  else
    return (typename P::y_t)sum;
}

/// What becomes of whole sums x [outer, rows, inner]. In place: y may begin where x does.
/// P: y_t, outer, rows, inner, and of quant_store requantised (true), y_zero, low, high,
///    one_multiplier, multiplier[] (float, one or one a row)
template <class P> inline void requantize(typename P::y_t *y, const int32_t *x) {
  for (dim o = 0; o < (dim)P::outer; ++o)
    for (dim row = 0; row < (dim)P::rows; ++row)
      for (dim i = 0; i < (dim)P::inner; ++i)
        *y++ = quant_store<P>(*x++, row);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
