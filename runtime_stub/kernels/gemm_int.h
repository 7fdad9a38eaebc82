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
#endif

namespace disco {

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
  explicit int_pairs(const int_sums &v) : both(v) {}
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
  explicit int_pairs(int32_t v) : both(v) {}
  DISCO_INLINE void add(int32_t &acc, int32_t a) const { acc = __smlad(both, a, acc); }
};
#undef DISCO_PAIRS_BYTES
#define DISCO_PAIRS_BYTES 0

#else

typedef vec<int32_t, DISCO_PAIRS_BYTES>::type int_sums;
struct int_pairs {
  int_sums low, high;
  explicit int_pairs(const int_sums &v) : low(v << 16 >> 16), high(v >> 16) {}
  DISCO_INLINE void add(int_sums &acc, int32_t a) const {
    acc += low * (a << 16 >> 16);
    acc += high * (a >> 16);
  }
};

#endif

using int_vec = vec<int32_t, DISCO_PAIRS_BYTES>;

/// Two numbers beside each other.
inline int32_t int_pair(int16_t first, int16_t second) {
  const int16_t both[2] = {first, second};
  int32_t pair;
  memcpy(&pair, both, sizeof pair);
  return pair;
}

struct int_block {
  static constexpr dim lanes = int_vec::lanes;
  static constexpr dim mr = DISCO_TILE_ROWS, vectors = DISCO_TILE_VECTORS, nr = vectors * lanes;
  static constexpr dim kc = DISCO_PAIRS_BYTES ? 512 : 192; // even
  static constexpr dim mg = 4 * mr;
};

/// Rows x Vectors tile of c, which is added to.
template <int Rows, int Vectors>
DISCO_WIDE void int_tile(dim pairs, const int32_t *__restrict a, dim a_row,
                         const int32_t *__restrict b, dim b_row, int32_t *__restrict c, dim c_row) {
  int_sums acc[Rows][Vectors];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        int_vec::load(acc[r][j], c + r * c_row + j * int_vec::lanes);
  }
  for (dim k = 0; k < pairs; ++k, b += b_row) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
      int_sums both;
      int_vec::load(both, b + j * int_vec::lanes);
      const int_pairs open(both);
      DISCO_UNROLL for (int r = 0; r < Rows; ++r) open.add(acc[r][j], a[r * a_row + k]);
    }
  }
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        int_vec::store(c + r * c_row + j * int_vec::lanes, acc[r][j]);
  }
}

template <int Rows>
inline void int_tile_width(dim vectors, dim pairs, const int32_t *a, dim a_row, const int32_t *b,
                           dim b_row, int32_t *c, dim c_row) {
  for (; vectors >= DISCO_TILE_VECTORS; vectors -= DISCO_TILE_VECTORS) {
    int_tile<Rows, DISCO_TILE_VECTORS>(pairs, a, a_row, b, b_row, c, c_row);
    b += DISCO_TILE_VECTORS * int_vec::lanes;
    c += DISCO_TILE_VECTORS * int_vec::lanes;
  }
  for (; vectors > 0; --vectors, b += int_vec::lanes, c += int_vec::lanes)
    int_tile<Rows, 1>(pairs, a, a_row, b, b_row, c, c_row);
}

DISCO_WIDE inline void int_rows(dim rows, dim vectors, dim pairs, const int32_t *a, dim a_row,
                                const int32_t *b, dim b_row, int32_t *c, dim c_row) {
  dim r = 0;
  for (; rows - r >= DISCO_TILE_ROWS; r += DISCO_TILE_ROWS)
    int_tile_width<DISCO_TILE_ROWS>(vectors, pairs, a + r * a_row, a_row, b, b_row, c + r * c_row,
                                    c_row);
  for (; r < rows; ++r)
    int_tile_width<1>(vectors, pairs, a + r * a_row, a_row, b, b_row, c + r * c_row, c_row);
}

/// Rows `even` and `odd` of b side by side, as pairs.
DISCO_WIDE inline void int_interleave(int32_t *__restrict to, const int16_t *__restrict even,
                                      const int16_t *__restrict odd, dim count) {
  for (dim i = 0; i < count; ++i)
    to[i] = int_pair(even[i], odd[i]);
}

/// The product of one op. G has
///   m, n, k                     static constexpr extents
///   pack_a(int16_t *to, m0, k0, kc)         row m0 of a, kc numbers
///   pack_b(int16_t *to, k0, n0, columns)    row k0 of b
///   start(int32_t *c, m0, n0, columns)      what the sums of a row begin with
///   finish(const int32_t *c, m0, n0, columns)
template <class G> inline void gemm_int(const G &g) {
  using block = int_block;
  constexpr dim k_even = (G::k + 1) / 2 * 2, step = k_even < block::kc ? k_even : block::kc;
  constexpr dim n_full = (G::n + block::lanes - 1) / block::lanes * block::lanes;
  constexpr dim width = n_full < block::nr ? n_full : block::nr;
  constexpr dim group = G::m < block::mg ? G::m : block::mg, pairs = step / 2;
  static_assert(G::m > 0 && G::n > 0 && G::k > 0, "nothing to compute");
  alignas(DISCO_VECTOR_BYTES > 16 ? DISCO_VECTOR_BYTES : 16) int32_t panel[pairs * width];
  int32_t a[block::mr * pairs], sums[group * width];
  int16_t rows[2][width];
  for (dim j = 0; j < width; ++j)
    rows[0][j] = rows[1][j] = 0;
  for (dim n0 = 0; n0 < G::n; n0 += width) {
    const dim columns = G::n - n0 < width ? G::n - n0 : width,
              vectors = (columns + block::lanes - 1) / block::lanes, full = vectors * block::lanes;
    for (dim g0 = 0; g0 < G::m; g0 += group) {
      const dim count = G::m - g0 < group ? G::m - g0 : group;
      for (dim r = 0; r < count; ++r) {
        g.start(sums + r * width, g0 + r, n0, columns);
        for (dim j = columns; j < full; ++j)
          sums[r * width + j] = 0;
      }
      for (dim k0 = 0; k0 < G::k; k0 += step) {
        const dim kc = G::k - k0 < step ? G::k - k0 : step, used = (kc + 1) / 2;
        // Rows of b that all fit the panel are packed for the first rows of a alone.
        if (g0 == 0 || G::k > step)
          for (dim p = 0; p < used; ++p) {
            g.pack_b(rows[0], k0 + 2 * p, n0, columns);
            if (2 * p + 1 < kc)
              g.pack_b(rows[1], k0 + 2 * p + 1, n0, columns);
            else
              for (dim j = 0; j < columns; ++j)
                rows[1][j] = 0;
            int_interleave(panel + p * width, rows[0], rows[1], full);
          }
        for (dim r0 = 0; r0 < count; r0 += block::mr) {
          const dim some = count - r0 < block::mr ? count - r0 : block::mr;
          int16_t packed[step];
          for (dim r = 0; r < some; ++r) {
            packed[2 * used - 1] = 0;
            g.pack_a(packed, g0 + r0 + r, k0, kc);
            memcpy(a + r * pairs, packed, (size_t)used * sizeof *a);
          }
          int_rows(some, vectors, used, a, pairs, panel, width, sums + r0 * width, width);
        }
      }
      for (dim r = 0; r < count; ++r)
        g.finish(sums + r * width, g0 + r, n0, columns);
    }
  }
}

/// Sum of a[i] * (b[i] - zero).
template <class B>
DISCO_WIDE int32_t int_dot(dim count, const int16_t *__restrict a, const B *__restrict b,
                           int16_t zero) {
  dim i = 0;
  int32_t sum = 0;
#if defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)
  for (; i + 2 <= count; i += 2) {
    int32_t left;
    memcpy(&left, a + i, sizeof left);
    sum = __smlad(left, int_pair((int16_t)(b[i] - zero), (int16_t)(b[i + 1] - zero)), sum);
  }
#endif
  for (; i < count; ++i)
    sum += (int32_t)a[i] * (int32_t)(int16_t)(b[i] - zero);
  return sum;
}

/// y[j] of one channel of a convolution.
template <class P>
DISCO_INLINE void quant_store_row(typename P::y_t *__restrict y, const int32_t *__restrict sums,
                                  dim row, dim count) {
  for (dim j = 0; j < count; ++j)
    y[j] = quant_store<P>(sums[j], row);
}

} // namespace disco

#endif
