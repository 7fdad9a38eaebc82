//===- gemm_int.h - the blocked product of integers under conv and matmul -===//
// SPDX-License-Identifier: Apache-2.0
//
// Sums of 32 bits of products of 9-bit numbers (8 bits less a zero point), which lie as
// pairs of 16 bits: a pair is one multiply-accumulate of two products on x86 (PMADDWD,
// VPDPWSSD) and on Arm's DSP extension (SMLAD), and two of plain C elsewhere. Sums wrap, so
// their order does not matter and all forms give the same bits.
#ifndef DISCO_KERNELS_GEMM_INT_H
#define DISCO_KERNELS_GEMM_INT_H

#include "quant.h"
#include "vec.h"

#if defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)
#include <arm_acle.h>
#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Vectors of 32-bit sums, and pairs of 16 bits beside them. A pair of b is opened once for all
/// rows.
#if DISCO_VECTOR_BYTES == 64 && defined(__AVX512BW__)
#define DISCO_PAIRS_BYTES 64
#elif DISCO_VECTOR_BYTES >= 32 && defined(__AVX2__)
#define DISCO_PAIRS_BYTES 32
#elif defined(__SSE2__)
#define DISCO_PAIRS_BYTES 16
#else
#define DISCO_PAIRS_BYTES (DISCO_VECTOR_BYTES > 16 ? 16 : DISCO_VECTOR_BYTES)
#endif

#if defined(__SSE2__)

typedef int32_t int_sums __attribute__((vector_size(DISCO_PAIRS_BYTES)));
typedef int16_t int_halves __attribute__((vector_size(DISCO_PAIRS_BYTES)));
struct int_pairs {
  int_sums both;
  DISCO_INLINE static int_pairs of(const int_sums &v) { return {v}; }
  /// acc + the two products of every pair of this with the pair a.
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    const int_sums wide = a - int_sums{};
#if DISCO_PAIRS_BYTES == 64
#if defined(__AVX512VNNI__) && defined(__clang__)
    typedef int32_t v16 __attribute__((vector_size(64)));
    acc = (int_sums)__builtin_ia32_vpdpwssd512((v16)acc, (v16)both, (v16)wide);
#elif defined(__AVX512VNNI__)
    acc = (int_sums)__builtin_ia32_vpdpwssd_v16si((int_sums)acc, both, wide);
#elif defined(__clang__)
    acc += (int_sums)__builtin_ia32_pmaddwd512((int_halves)both, (int_halves)wide);
#else
    acc += (int_sums)__builtin_ia32_pmaddwd512_mask((int_halves)both, (int_halves)wide, int_sums{},
                                                    (unsigned short)-1);
#endif
#elif DISCO_PAIRS_BYTES == 32
    acc += (int_sums)__builtin_ia32_pmaddwd256((int_halves)both, (int_halves)wide);
#else
    acc += (int_sums)__builtin_ia32_pmaddwd128((int_halves)both, (int_halves)wide);
#endif
  }
};

#elif defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)

typedef int32_t int_sums;
struct int_pairs {
  int32_t both;
  DISCO_INLINE static int_pairs of(int32_t v) { return {v}; }
  DISCO_INLINE void add(int32_t &acc, int32_t a) const { acc = __smlad(both, a, acc); }
};
#undef DISCO_PAIRS_BYTES
#define DISCO_PAIRS_BYTES 0

#else

typedef vec<int32_t, DISCO_PAIRS_BYTES>::type int_sums;
struct int_pairs {
  int_sums low, high;
  DISCO_INLINE static int_pairs of(const int_sums &v) { return {v << 16 >> 16, v >> 16}; }
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    acc += low * (a << 16 >> 16);
    acc += high * (a >> 16);
  }
};

#endif

// Four products of 8 bits at once, where weights have no zero point: VPDPBUSD takes numbers without
// sign on the side of b, SDOT with.
#if defined(__AVX512VNNI__) && DISCO_PAIRS_BYTES == 64
#define DISCO_INT_QUADS 1
struct int_quads {
  static constexpr int32_t shift = 0; // the least value of b
  int_sums four;
  DISCO_INLINE static int_quads of(const int_sums &v) { return {v}; }
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    const int_sums wide = a - int_sums{};
#if defined(__clang__)
    acc = (int_sums)__builtin_ia32_vpdpbusd512(acc, four, wide);
#else
    acc = (int_sums)__builtin_ia32_vpdpbusd_v16si(acc, four, wide);
#endif
  }
};
#elif defined(__AVXVNNI__) && DISCO_PAIRS_BYTES == 32
#define DISCO_INT_QUADS 1
struct int_quads {
  static constexpr int32_t shift = 0;
  int_sums four;
  DISCO_INLINE static int_quads of(const int_sums &v) { return {v}; }
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    const int_sums wide = a - int_sums{};
#if defined(__clang__)
    acc = (int_sums)__builtin_ia32_vpdpbusd256(acc, four, wide);
#else
    acc = (int_sums)__builtin_ia32_vpdpbusd_v8si(acc, four, wide);
#endif
  }
};
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define DISCO_INT_QUADS 1
struct int_quads {
  static constexpr int32_t shift = -128;
  int8x16_t four;
  DISCO_INLINE static int_quads of(const int_sums &v) {
    return {vreinterpretq_s8_s32((int32x4_t)v)};
  }
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    acc = (int_sums)vdotq_s32((int32x4_t)acc, four, vreinterpretq_s8_s32(vdupq_n_s32(a)));
  }
};
#elif defined(__ARM_FEATURE_MVE)
#define DISCO_INT_QUADS 1
struct int_quads { // of sixteen: gemm_int_columns
  static constexpr int32_t shift = -128;
};
#else
#define DISCO_INT_QUADS 0
struct int_quads {
  static constexpr int32_t shift = 0;
};
#endif

template <class Number> struct int_open {
  using type = int_pairs;
};
template <> struct int_open<int8_t> {
  using type = int_quads;
};
template <bool Quads> struct int_open_of : int_open<int16_t> {};
template <> struct int_open_of<true> : int_open<int8_t> {};

// What instructions there are for cells of conv_int_cells.
#if defined(__ARM_FEATURE_MVE)
#define DISCO_INT_CELLS bytes
#elif defined(__aarch64__)
#define DISCO_INT_CELLS halves
#elif defined(__SSE2__) || defined(__ARM_FEATURE_DSP)
#define DISCO_INT_CELLS pairs
#else
#define DISCO_INT_CELLS words
#endif

/// What this is compiled for.
constexpr processor int_here{DISCO_VECTOR_BYTES, DISCO_TILE_ROWS, DISCO_TILE_VECTORS,
                             DISCO_PAIRS_BYTES,  DISCO_INT_QUADS, cell_form::DISCO_INT_CELLS};
/// Sums of a tile. Where they are scalars, there are a dozen registers for all.
constexpr int_tile_size int_block = int_tile_of(int_here);

using int_vec = vec<int32_t, DISCO_PAIRS_BYTES>;

/// Numbers that lie beside each other in memory, as one word.
inline int32_t int_word(int16_t first, int16_t second) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return (int32_t)((uint32_t)(uint16_t)first << 16 | (uint16_t)second);
#else
  return (int32_t)((uint32_t)(uint16_t)second << 16 | (uint16_t)first);
#endif
}
inline int32_t int_word(const int16_t *const *rows, dim i) {
  return int_word(rows[0][i], rows[1][i]);
}
DISCO_INLINE uint32_t int_quad_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return (uint32_t)a | (uint32_t)b << 8 | (uint32_t)c << 16 | (uint32_t)d << 24;
}
inline int32_t int_word(const int8_t *const *rows, dim i) {
  return (int32_t)int_quad_of((uint8_t)rows[0][i], (uint8_t)rows[1][i], (uint8_t)rows[2][i],
                              (uint8_t)rows[3][i]);
}

/// A word of numbers.
DISCO_INLINE int32_t int_at(const char *p) {
  int32_t word;
  memcpy(&word, __builtin_assume_aligned(p, 4), sizeof word);
  return word;
}

/// Rows x Vectors tile of c, which is added to. Open: int_pairs or int_quads.
template <class Open, int Rows, int Vectors>
DISCO_WIDE void int_tile(dim words, const char *__restrict a, dim a_row,
                         const int32_t *__restrict b, dim b_row, int32_t *__restrict c, dim c_row) {
  int_sums acc[Rows][Vectors];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        int_vec::load(acc[r][j], c + r * c_row + j * int_vec::lanes);
  }
  for (dim k = 0; k < words; ++k, b += b_row) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
      int_sums word;
      int_vec::load(word, b + j * int_vec::lanes);
      const Open open = Open::of(word);
      DISCO_UNROLL for (int r = 0; r < Rows; ++r)
          open.add(acc[r][j], int_at(a + (r * a_row + k) * 4));
    }
  }
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        int_vec::store(c + r * c_row + j * int_vec::lanes, acc[r][j]);
  }
}

template <class Open, int Rows>
inline void int_tile_width(dim vectors, dim words, const char *a, dim a_row, const int32_t *b,
                           dim b_row, int32_t *c, dim c_row) {
  constexpr int most = (int)int_block.vectors;
  for (; vectors >= most; vectors -= most) {
    int_tile<Open, Rows, most>(words, a, a_row, b, b_row, c, c_row);
    b += most * int_vec::lanes;
    c += most * int_vec::lanes;
  }
  for (; vectors > 0; --vectors, b += int_vec::lanes, c += int_vec::lanes)
    int_tile<Open, Rows, 1>(words, a, a_row, b, b_row, c, c_row);
}

template <class Open>
DISCO_WIDE void int_rows(dim rows, dim vectors, dim words, const char *a, dim a_row,
                         const int32_t *b, dim b_row, int32_t *c, dim c_row) {
  constexpr int most = (int)int_block.mr;
  dim r = 0;
  for (; rows - r >= most; r += most)
    int_tile_width<Open, most>(vectors, words, a + r * a_row * 4, a_row, b, b_row, c + r * c_row,
                               c_row);
  for (; r < rows; ++r)
    int_tile_width<Open, 1>(vectors, words, a + r * a_row * 4, a_row, b, b_row, c + r * c_row,
                            c_row);
}

/// Rows of b side by side, as words.
template <class Number>
DISCO_WIDE void int_interleave(int32_t *__restrict to, const Number *const *rows, dim count) {
  for (dim i = 0; i < count; ++i)
    to[i] = int_word(rows, i);
}

template <class G>
inline constexpr int_sizes int_sizes_for =
    int_sizes_of(int_here, (dim)(4 / sizeof(typename G::number)), G::m, G::n, G::k);
/// Bytes of scratch memory that gemm_int<G> takes.
template <class G>
inline constexpr dim gemm_int_bytes = before_scratch(int_here) + int_sizes_for<G>.bytes;

/// The product of one op. G has
///   m, n, k                     static constexpr extents
///   number                      int16_t: pairs. int8_t: quads, where int_has_quads
///   pack_a(number *to, m0, k0, kc)          row m0 of a, kc numbers
///   pack_b(number *to, k0, n0, columns)     row k0 of b
///   start(int32_t *c, m0, n0, columns)      what the sums of a row begin with
///   finish(const int32_t *c, m0, n0, columns)
template <class G> inline void gemm_int(const G &g, void *scratch) {
  using number = typename G::number;
  constexpr int_tile_size block = int_block;
  constexpr int_sizes sizes = int_sizes_for<G>;
  constexpr dim depth = sizes.depth, step = sizes.step, words = sizes.words, width = sizes.width,
                group = sizes.group;
  static_assert(G::m > 0 && G::n > 0 && G::k > 0, "nothing to compute");
  int32_t *const panel = (int32_t *)(void *)scratch_start(scratch), *const sums =
                                                                        panel + words * width;
  number *const a = (number *)(void *)(sums + group * width), *const buffer = a + block.mr * step;
  const number *rows[depth];
  for (dim d = 0; d < depth; ++d)
    rows[d] = buffer + d * width;
  for (dim j = 0; j < depth * width; ++j)
    buffer[j] = 0;
  for (dim n0 = 0; n0 < G::n; n0 += width) {
    const dim columns = G::n - n0 < width ? G::n - n0 : width,
              vectors = (columns + block.lanes - 1) / block.lanes, full = vectors * block.lanes;
    for (dim g0 = 0; g0 < G::m; g0 += group) {
      const dim count = G::m - g0 < group ? G::m - g0 : group;
      for (dim r = 0; r < count; ++r) {
        g.start(sums + r * width, g0 + r, n0, columns);
        for (dim j = columns; j < full; ++j)
          sums[r * width + j] = 0;
      }
      for (dim k0 = 0; k0 < G::k; k0 += step) {
        const dim kc = G::k - k0 < step ? G::k - k0 : step, used = (kc + depth - 1) / depth;
        // Rows of b that all fit the panel are packed for the first rows of a alone. What is
        // beyond the last row meets zeros of a.
        if (g0 == 0 || G::k > step)
          for (dim p = 0; p < used; ++p) {
            for (dim d = 0; d < depth && depth * p + d < kc; ++d)
              g.pack_b(buffer + d * width, k0 + depth * p + d, n0, columns);
            int_interleave(panel + p * width, rows, full);
          }
        for (dim r0 = 0; r0 < count; r0 += block.mr) {
          const dim some = count - r0 < block.mr ? count - r0 : block.mr;
          for (dim r = 0; r < some; ++r) {
            g.pack_a(a + r * step, g0 + r0 + r, k0, kc);
            for (dim i = kc; i < depth * used; ++i)
              a[r * step + i] = 0;
          }
          int_rows<typename int_open<number>::type>(some, vectors, used, (const char *)a, words,
                                                    panel, width, sums + r0 * width, width);
        }
      }
      for (dim r = 0; r < count; ++r)
        g.finish(sums + r * width, g0 + r, n0, columns);
    }
  }
}

#if defined(__ARM_FEATURE_MVE)

/// Rows x Columns sums, each of products of rows of a and of b that lie along k.
template <int Rows, int Columns>
DISCO_WIDE void int_columns_tile(dim kc, const int8_t *__restrict a, dim a_row,
                                 const int8_t *__restrict b, dim b_row, int32_t *__restrict c,
                                 dim c_row) {
  int32_t acc[Rows][Columns];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) DISCO_UNROLL for (int j = 0; j < Columns; ++j)
      acc[r][j] = c[r * c_row + j];
  for (dim k = 0; k < kc; k += 16) {
    const mve_pred16_t some = vctp8q((uint32_t)(kc - k));
    int8x16_t left[Rows];
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) left[r] = vldrbq_z_s8(a + r * a_row + k, some);
    DISCO_UNROLL for (int j = 0; j < Columns; ++j) {
      const int8x16_t right = vldrbq_z_s8(b + j * b_row + k, some);
      DISCO_UNROLL for (int r = 0; r < Rows; ++r) acc[r][j] =
          vmladavaq_s8(acc[r][j], left[r], right);
    }
  }
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) DISCO_UNROLL for (int j = 0; j < Columns; ++j)
      c[r * c_row + j] = acc[r][j];
}

template <class G>
inline constexpr dim gemm_int_columns_bytes = int_column_sizes_of(G::m, G::n, G::k).bytes;

/// gemm_int for Arm's MVE, which sums along k: columns of b are turned, rows of a lie where they
/// are. G also has a(m0, k0) and a_row.
template <class G> inline void gemm_int_columns(const G &g, void *scratch) {
  constexpr int_sizes sizes = int_column_sizes_of(G::m, G::n, G::k);
  constexpr dim step = sizes.step, width = sizes.width, group = sizes.group;
  int32_t *const sums = (int32_t *)(void *)scratch_start(scratch);
  int8_t *const panel = (int8_t *)(void *)(sums + group * width), *const row = panel + width * step;
  for (dim n0 = 0; n0 < G::n; n0 += width) {
    const dim columns = G::n - n0 < width ? G::n - n0 : width;
    for (dim g0 = 0; g0 < G::m; g0 += group) {
      const dim count = G::m - g0 < group ? G::m - g0 : group;
      for (dim r = 0; r < count; ++r)
        g.start(sums + r * width, g0 + r, n0, columns);
      for (dim k0 = 0; k0 < G::k; k0 += step) {
        const dim kc = G::k - k0 < step ? G::k - k0 : step;
        if (g0 == 0 || G::k > step)
          for (dim k = 0; k < kc; ++k) {
            g.pack_b(row, k0 + k, n0, columns);
            for (dim j = 0; j < columns; ++j)
              panel[j * step + k] = row[j];
          }
        for (dim r = 0; r < count; r += 2)
          for (dim j = 0; j < columns; j += 2) {
            const int8_t *a = g.a(g0 + r, k0), *b = panel + j * step;
            int32_t *c = sums + r * width + j;
            if (count - r > 1 && columns - j > 1)
              int_columns_tile<2, 2>(kc, a, G::a_row, b, step, c, width);
            else if (count - r > 1)
              int_columns_tile<2, 1>(kc, a, G::a_row, b, step, c, width);
            else if (columns - j > 1)
              int_columns_tile<1, 2>(kc, a, G::a_row, b, step, c, width);
            else
              int_columns_tile<1, 1>(kc, a, G::a_row, b, step, c, width);
          }
      }
      for (dim r = 0; r < count; ++r)
        g.finish(sums + r * width, g0 + r, n0, columns);
    }
  }
}

#endif

/// Sum of a[i] * (b[i] - zero).
template <class B>
DISCO_WIDE int32_t int_dot(dim count, const int16_t *__restrict a, const B *__restrict b,
                           int16_t zero) {
  dim i = 0;
  int32_t sum = 0;
#if defined(__ARM_FEATURE_MVE)
  for (; i < count; i += 8) {
    const mve_pred16_t some = vctp16q((uint32_t)(count - i));
    int16x8_t right;
    if constexpr (same<B, int8_t>)
      right = vldrbq_z_s16(b + i, some);
    else
      right = vreinterpretq_s16_u16(vldrbq_z_u16(b + i, some));
    // What is beyond the end meets zeros of a.
    sum = vmladavaq_s16(sum, vldrhq_z_s16(a + i, some), vsubq_n_s16(right, zero));
  }
#elif defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)
  for (; i + 2 <= count; i += 2) {
    int32_t left;
    memcpy(&left, a + i, sizeof left);
    sum = __smlad(left, int_word((int16_t)(b[i] - zero), (int16_t)(b[i + 1] - zero)), sum);
  }
#endif
  for (; i < count; ++i)
    sum += (int32_t)a[i] * (int32_t)(int16_t)(b[i] - zero);
  return sum;
}

/// Bytes as numbers of 16 bits.
template <class W>
DISCO_INLINE void int_widen(int16_t *__restrict to, const W *__restrict from, int32_t zero,
                            dim count) {
  dim i = 0;
#if defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)
  if (same<W, int8_t> && zero == 0)
    for (const dim whole = count - count % 4; i < whole; i += 4) {
      int32_t four, out[2];
      memcpy(&four, from + i, sizeof four);
      const int32_t even = (int32_t)__sxtb16((uint32_t)four),
                    odd = (int32_t)__sxtb16((uint32_t)four >> 8);
      out[0] = (int32_t)((uint32_t)(even & 0xffff) | (uint32_t)odd << 16);
      out[1] = (int32_t)((uint32_t)even >> 16 | ((uint32_t)odd & 0xffff0000u));
      memcpy(__builtin_assume_aligned(to + i, 4), out, sizeof out);
    }
#endif
  for (; i < count; ++i)
    to[i] = (int16_t)((int32_t)from[i] - zero);
}

/// Sum of the weights of one row.
DISCO_WIDE inline int32_t int_total(const int8_t *w, dim count) {
  int32_t sum = 0;
  for (dim i = 0; i < count; ++i)
    sum += w[i];
  return sum;
}

/// y[j] of one channel of a convolution.
template <class P>
DISCO_INLINE void quant_store_row(typename P::y_t *__restrict y, const int32_t *__restrict sums,
                                  dim row, dim count) {
  dim j = 0;
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
  if constexpr (P::requantised) {
    const float multiplier = P::multiplier[P::one_multiplier ? 0 : row];
    const int32x4_t least = vdupq_n_s32((int32_t)(P::low - P::y_zero)),
                    most = vdupq_n_s32((int32_t)(P::high - P::y_zero));
    for (; j < count; j += 4) {
      const mve_pred16_t some = vctp32q((uint32_t)(count - j));
      const int32x4_t rounded =
          vcvtnq_s32_f32(vmulq_n_f32(vcvtq_f32_s32(vldrwq_z_s32(sums + j, some)), multiplier));
      const int32x4_t value =
          vaddq_n_s32(vminq_s32(vmaxq_s32(rounded, least), most), (int32_t)P::y_zero);
      vstrbq_p_s32((int8_t *)y + j, value, some);
    }
  }
#endif
  for (; j < count; ++j)
    y[j] = quant_store<P>(sums[j], row);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
