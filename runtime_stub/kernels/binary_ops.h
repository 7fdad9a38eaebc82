//===- binary_ops.h - scalar functions of two operands --------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Used as `F::template apply<F>(a, b)`, like the functors of scalar.h.
#ifndef DISCO_KERNELS_BINARY_OPS_H
#define DISCO_KERNELS_BINARY_OPS_H

#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

struct op_add {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return (T)((wrap_t<T>)a + (wrap_t<T>)b);
  }
};
struct op_sub {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return (T)((wrap_t<T>)a - (wrap_t<T>)b);
  }
};
struct op_mul {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return (T)((wrap_t<T>)a * (wrap_t<T>)b);
  }
};
/// Integers truncate towards zero; by zero gives 0, since ONNX leaves it open and a trap is no
/// answer.
struct op_div {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    if constexpr (is_float<T>) {
      return a / b;
    } else {
      if (b == 0)
        return 0;
      if constexpr (is_signed<T>)
        if (b == (T)-1)
          return (T)(0 - (wrap_t<T>)a);
      return (T)(a / b);
    }
  }
};
/// NaN of either operand stays.
struct op_min {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return a < b || is_nan(a) ? a : b;
  }
};
struct op_max {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return a > b || is_nan(a) ? a : b;
  }
};
/// The sign of the dividend (Mod with fmod = 1).
struct op_fmod {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    if constexpr (is_float<T>) {
      return fmod_of(a, b);
    } else {
      if constexpr (is_signed<T>)
        if (b == (T)-1)
          return 0;
      return b == 0 ? (T)0 : (T)(a % b);
    }
  }
};
/// The sign of the divisor (Mod with fmod = 0).
struct op_mod {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    const T r = op_fmod::apply<op_fmod>(a, b);
    if constexpr (is_float<T>)
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    else
      return r != 0 && (r < (T)1) != (b < (T)1) ? (T)(r + b) : r;
  }
};
/// The result has the base's type; the exponent's may differ.
struct op_pow {
  template <class Self, class T, class E> DISCO_INLINE static T apply(T a, E e) {
    if constexpr (is_float<T>) {
      if (e == (E)2)
        return a * a;
      return pow_of(a, (T)e);
    } else if constexpr (is_float<E>) {
      return cast_element<T>(pow((double)a, (double)e));
    } else {
      if constexpr (is_signed<E>)
        if (e < (E)1 && e != 0)
          return a == 1 ? (T)1 : is_signed<T> && a == (T)-1 ? (e % 2 != 0 ? a : (T)1) : (T)0;
      wrap_t<T> r = 1, square = (wrap_t<T>)a;
      for (; e != 0; e = (E)(e / 2), square *= square)
        if (e % 2 != 0)
          r *= square;
      return (T)r;
    }
  }
};
struct op_prelu {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return a < (T)1 && a != 0 && a < 0 ? (T)((wrap_t<T>)a * (wrap_t<T>)b) : a;
  }
};
/// Logical on bool, bitwise on integers.
struct op_and {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) { return (T)(a & b); }
};
struct op_or {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) { return (T)(a | b); }
};
struct op_xor {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) { return (T)(a ^ b); }
};
/// Unsigned integers; shifts of the width or more give 0.
struct op_shift_left {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return b < 8 * sizeof(T) ? (T)((wrap_t<T>)a << b) : (T)0;
  }
};
struct op_shift_right {
  template <class Self, class T> DISCO_INLINE static T apply(T a, T b) {
    return b < 8 * sizeof(T) ? (T)(a >> b) : (T)0;
  }
};
struct op_equal {
  template <class Self, class T> DISCO_INLINE static bool apply(T a, T b) { return a == b; }
};
struct op_less {
  template <class Self, class T> DISCO_INLINE static bool apply(T a, T b) { return a < b; }
};
struct op_less_or_equal {
  template <class Self, class T> DISCO_INLINE static bool apply(T a, T b) { return a <= b; }
};
struct op_greater {
  template <class Self, class T> DISCO_INLINE static bool apply(T a, T b) { return a > b; }
};
struct op_greater_or_equal {
  template <class Self, class T> DISCO_INLINE static bool apply(T a, T b) { return a >= b; }
};

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
