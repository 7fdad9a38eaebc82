//===- vec.h - the target's vectors, as GNU vector extensions -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// One source for AVX-512, AVX, SSE, NEON and plain C: the width is chosen by the
// compiler's own macros. Where a target has no vectors, a vector is one scalar.
#ifndef DISCO_KERNELS_VEC_H
#define DISCO_KERNELS_VEC_H

#include "tiles.h"

#if defined(__AVX512F__)
#define DISCO_VECTOR_BYTES 64
#define DISCO_TILE_ROWS 8
#define DISCO_TILE_VECTORS 3
#elif defined(__AVX__)
#define DISCO_VECTOR_BYTES 32
#define DISCO_TILE_ROWS 4
#define DISCO_TILE_VECTORS 3
#elif defined(__aarch64__)
#define DISCO_VECTOR_BYTES 16
#define DISCO_TILE_ROWS 8
#define DISCO_TILE_VECTORS 3
#elif defined(__SSE2__) || defined(__ALTIVEC__)
#define DISCO_VECTOR_BYTES 16
#define DISCO_TILE_ROWS 4
#define DISCO_TILE_VECTORS 3
#else
#define DISCO_VECTOR_BYTES 0
#define DISCO_TILE_ROWS 4
#define DISCO_TILE_VECTORS 4
#endif

#if defined(__clang__)
#define DISCO_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DISCO_UNROLL _Pragma("GCC unroll 32")
#endif

// clang would cut 64-byte vectors in two on processors that it tunes for 32.
#if defined(__clang__) && defined(__AVX512F__)
#define DISCO_WIDE __attribute__((noinline, min_vector_width(512)))
#else
#define DISCO_WIDE __attribute__((noinline))
#endif

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// What this is compiled for, as far as floats are concerned.
constexpr processor here{DISCO_VECTOR_BYTES, DISCO_TILE_ROWS, DISCO_TILE_VECTORS,
                         DISCO_VECTOR_BYTES, false,           cell_form::words};

/// The scratch memory of a kernel, from where vectors want it.
inline unsigned char *scratch_start(void *scratch) {
  constexpr uintptr_t step = DISCO_VECTOR_BYTES > 16 ? DISCO_VECTOR_BYTES : 1;
  return (unsigned char *)(((uintptr_t)scratch + (step - 1)) / step * step);
}

/// Whether an op's sums have one order whatever its local shape: its P has `exact`.
template <class P, class = bool> inline constexpr bool exact_order = false;
template <class P> inline constexpr bool exact_order<P, decltype((bool)P::exact)> = P::exact;

/// Vectors of T: `lanes` elements; load and store need no alignment.
template <class T, int Bytes = DISCO_VECTOR_BYTES> struct vec {
  static constexpr dim lanes = Bytes / (int)sizeof(T);
  typedef T type __attribute__((vector_size(Bytes)));
  typedef T loose __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
  static void load(type &v, const T *p) { v = *(const loose *)p; }
  static void store(T *p, const type &v) { *(loose *)p = v; }
  static void fill(type &v, T s) { v = s - type{}; }
};

template <class T> struct vec<T, 0> {
  static constexpr dim lanes = 1;
  using type = T;
  static void load(type &v, const T *p) { v = *p; }
  static void store(T *p, const type &v) { *p = v; }
  static void fill(type &v, T s) { v = s; }
};

/// Asks for the line of p, which is read some steps later. An inference reads weights from memory
/// once, and what the processor foresees by itself ends with each page. p may lie outside.
inline void ask_for(const void *p) { __builtin_prefetch(p, 0, 3); }

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
