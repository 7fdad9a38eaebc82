//===- types.h - element types of the kernels and their conversions -------===//
// SPDX-License-Identifier: Apache-2.0
//
// Storage types are what lies in a buffer: float, double, disco::f16, bool and
// the eight integer types. Arithmetic types are what a kernel computes in:
// float for f16, the type itself for all others.
#ifndef DISCO_KERNELS_TYPES_H
#define DISCO_KERNELS_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The kernels of one node: other nodes in the same program may have been compiled from other files
// or for other instructions, and their functions must be others. Emitted code defines the name.
#ifndef DISCO_KERNELS
#define DISCO_KERNELS kernels
#endif
#define DISCO_HIDDEN __attribute__((visibility("hidden")))

// Functions that a loop vectorises only when they are in it.
#if defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define DISCO_INLINE inline __attribute__((always_inline))
#else
#define DISCO_INLINE inline
#endif

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Extents and offsets inside kernels: as wide as a pointer, so that loops stay
/// cheap on 32-bit targets. Settings in P may be int64_t; they are constants.
using dim = ptrdiff_t;

/// IEEE binary16 in a buffer. No arithmetic: kernels convert.
struct f16 {
  uint16_t bits;
};

inline uint32_t bits_of(float v) {
  uint32_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}

inline float float_of(uint32_t u) {
  float v;
  memcpy(&v, &u, sizeof v);
  return v;
}

/// c ? a : b without a branch. Written out because g++ moves what only one side needs behind the
/// condition, and then may not vectorise the loop, since floating-point operations could trap.
inline uint32_t pick(bool c, uint32_t a, uint32_t b) { return b ^ ((a ^ b) & (0u - (uint32_t)c)); }
inline float pick(bool c, float a, float b) { return float_of(pick(c, bits_of(a), bits_of(b))); }

/// Exact. Does not depend on how the target treats subnormal floats.
DISCO_INLINE float f16_to_f32(f16 h) {
  const uint32_t magnitude = h.bits & 0x7fffu;
  const uint32_t sign = (uint32_t)(h.bits & 0x8000u) << 16;
  const uint32_t normal =
      (magnitude << 13) + pick(magnitude >= 0x7c00u, UINT32_C(0x70000000), UINT32_C(0x38000000));
  const uint32_t tiny = bits_of((float)(int32_t)magnitude * 0x1p-24f);
  return float_of(sign | pick(magnitude < 0x400u, tiny, normal));
}

/// Round to nearest, ties to even; overflow gives infinity, NaN stays NaN.
DISCO_INLINE f16 f32_to_f16(float v) {
  const uint32_t all = bits_of(v), sign = (all >> 16) & 0x8000u, u = all & 0x7fffffffu;
  // Adding 1/2 places the last bit of a binary16 subnormal at the last bit of
  // the sum, so the addition itself rounds correctly.
  const uint32_t tiny =
      bits_of(float_of(pick(u < 0x38800000u, u, (uint32_t)0)) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (u + 0xfffu + ((u >> 13) & 1u) - 0x38000000u) >> 13;
  const uint32_t huge = pick(u > 0x7f800000u, 0x7e00u | ((u >> 13) & 0x3ffu), UINT32_C(0x7c00));
  const uint32_t finite = pick(u < 0x38800000u, tiny, normal);
  f16 h;
  h.bits = (uint16_t)(sign | pick(u >= 0x47800000u, huge, finite));
  return h;
}

/// Rounds once: the intermediate float is rounded to odd.
inline f16 f64_to_f16(double v) {
  float f = (float)v;
  const double back = (double)f;
  if (back != v && v == v) {
    uint32_t u = bits_of(f);
    if (back != 0 && (back > v) == (back > 0))
      u -= 1;
    f = float_of(u | 1u);
  }
  return f32_to_f16(f);
}

/// Maps a storage type to its arithmetic type and back.
template <class T> struct storage {
  using arith = T;
  static T load(T v) { return v; }
  static T store(T v) { return v; }
};

template <> struct storage<f16> {
  using arith = float;
  static float load(f16 v) { return f16_to_f32(v); }
  static f16 store(float v) { return f32_to_f16(v); }
};

template <class T> using arith_t = typename storage<T>::arith;
template <class T> inline arith_t<T> load(T v) { return storage<T>::load(v); }
template <class T> inline T store(arith_t<T> v) { return storage<T>::store(v); }

template <class A, class B> struct is_same {
  static constexpr bool value = false;
};
template <class A> struct is_same<A, A> {
  static constexpr bool value = true;
};
template <class A, class B> inline constexpr bool same = is_same<A, B>::value;
template <class T>
inline constexpr bool is_float = same<T, float> || same<T, double> || same<T, f16>;
template <class T> inline constexpr bool is_signed = is_float<T> || (T)-1 < (T)1;
template <> inline constexpr bool is_signed<f16> = true;
template <> inline constexpr bool is_signed<bool> = false;

// Of a float; false for an integer.
template <class T> constexpr bool is_nan(T v) {
  return v != v;
} // NOLINT(misc-redundant-expression)
template <class T> constexpr bool is_finite(T v) {
  return v - v == 0;
} // NOLINT(misc-redundant-expression)

/// Least and greatest value of an integer type.
template <class T>
inline constexpr T int_max =
    (T)(is_signed<T> ? ~(uint64_t)0 >> (65 - 8 * sizeof(T)) : ~(uint64_t)0);
template <class T> inline constexpr T int_min = (T)(is_signed<T> ? -(int64_t)int_max<T> - 1 : 0);

/// The unsigned type that integer arithmetic wraps in: signed overflow would be
/// undefined, ONNX wants two's complement.
template <class T> struct wrap {
  using type = T;
};
template <> struct wrap<int8_t> {
  using type = uint32_t;
};
template <> struct wrap<int16_t> {
  using type = uint32_t;
};
template <> struct wrap<uint8_t> {
  using type = uint32_t;
};
template <> struct wrap<uint16_t> {
  using type = uint32_t;
};
template <> struct wrap<int32_t> {
  using type = uint32_t;
};
template <> struct wrap<int64_t> {
  using type = uint64_t;
};
template <class T> using wrap_t = typename wrap<T>::type;

/// ONNX Cast of one element, both storage types. Integer to integer drops high
/// bits; float to integer truncates, and (ONNX leaves it open) saturates, NaN
/// gives 0, so that every target agrees; to bool: not equal to zero.
template <class To, class From> inline To cast_element(From from) {
  if constexpr (same<To, From>) {
    return from;
  } else if constexpr (same<From, f16>) {
    return cast_element<To>(f16_to_f32(from));
  } else if constexpr (same<To, f16>) {
    if constexpr (same<From, float>)
      return f32_to_f16(from);
    else
      return f64_to_f16((double)from);
  } else if constexpr (same<To, bool>) {
    return from != (From)0;
  } else if constexpr (is_float<From> && !is_float<To>) {
    constexpr From half = (From)((uint64_t)1 << (8 * sizeof(To) - 1)); // 2^(bits-1), exact
    constexpr From end = is_signed<To> ? half : half * 2;
    if (from >= end)
      return int_max<To>;
    if (from < (From)int_min<To>)
      return int_min<To>;
    return !is_nan(from) ? (To)from : (To)0;
  } else {
    return (To)from;
  }
}

/// The bytes of a board's scratch memory, with room for vectors where a host computes what a board
/// is to compute (DISCO_ANY_PROCESSOR): its tiles take at most twelve times as much.
constexpr dim on_stack(dim bytes) {
#ifdef DISCO_ANY_PROCESSOR
  return 16 * bytes + 4096;
#else
  return bytes;
#endif
}

/// Calls a kernel with its scratch memory on the stack: where the stack is reserved anyway. Not
/// inlined, so that nothing else is called while the memory is there.
template <class P, class Call> __attribute__((noinline)) void with_scratch(Call call) {
  alignas(16) unsigned char memory[P::scratch];
  call(memory);
}

/// An activation of nothing: `using act = disco::act_none`.
struct act_none {
  template <class Self, class T> static T apply(T v) { return v; }
};

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
