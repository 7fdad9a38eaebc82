//===- gemm.h - the blocked matrix product under conv and matmul ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// c[m][n] += sum over k of a[m][k] * b[k][n]. The tile functions have run-time
// strides and stay out of line, so that a model with a hundred contractions has
// one copy of each; what differs per op (packing of a and b, epilogue) comes
// from the op's own type G. Panels lie in scratch memory, one tile on the stack.
#ifndef DISCO_KERNELS_GEMM_H
#define DISCO_KERNELS_GEMM_H

#include "vec.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Block sizes: kc columns of a and nc columns of b are packed at a time.
template <class T> struct gemm_block {
  static constexpr gemm_tile_size size = gemm_tile_of(here, (dim)sizeof(T));
  static constexpr dim lanes = size.lanes, mr = size.mr, nr = size.nr, nc = size.nc, kc = size.kc;
};

/// Rows x Vectors tile of c. `accumulate`: starts from c, else from zero.
template <class T, int Rows, int Vectors>
DISCO_WIDE void gemm_tile(dim kc, const T *__restrict a, dim a_row, const T *__restrict b,
                          dim b_row, T *__restrict c, dim c_row, bool accumulate) {
  using v = vec<T>;
  typename v::type acc[Rows][Vectors];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
      if (accumulate)
        v::load(acc[r][j], c + r * c_row + j * v::lanes);
      else
        v::fill(acc[r][j], (T)0);
    }
  }
  for (dim k = 0; k < kc; ++k) {
    typename v::type bv[Vectors];
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) v::load(bv[j], b + k * b_row + j * v::lanes);
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
      typename v::type av;
      v::fill(av, a[r * a_row + k]);
      DISCO_UNROLL for (int j = 0; j < Vectors; ++j) acc[r][j] += av * bv[j];
    }
  }
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        v::store(c + r * c_row + j * v::lanes, acc[r][j]);
  }
}

/// out[r] (+)= dot(a row r, b), for products with very few columns.
template <class T, int Rows>
DISCO_WIDE void gemm_dot(dim kc, const T *__restrict a, dim a_row, const T *__restrict b,
                         T *__restrict c, dim c_row, bool accumulate) {
  using v = vec<T>;
  typename v::type acc[Rows][2];
  T sum[Rows];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    v::fill(acc[r][0], (T)0);
    v::fill(acc[r][1], (T)0);
    sum[r] = accumulate ? c[r * c_row] : (T)0;
  }
  const dim whole = kc - kc % (2 * v::lanes);
  for (dim k = 0; k < whole; k += 2 * v::lanes) {
    typename v::type b0, b1, a0, a1;
    v::load(b0, b + k);
    v::load(b1, b + k + v::lanes);
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
      v::load(a0, a + r * a_row + k);
      v::load(a1, a + r * a_row + k + v::lanes);
      acc[r][0] += a0 * b0;
      acc[r][1] += a1 * b1;
    }
  }
  for (dim k = whole; k < kc; ++k)
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) sum[r] += a[r * a_row + k] * b[k];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    T lane[v::lanes];
    v::store(lane, acc[r][0] + acc[r][1]);
    for (dim i = 0; i < v::lanes; ++i)
      sum[r] += lane[i];
    c[r * c_row] = sum[r];
  }
}

/// A row of tiles: `vectors` (1 .. DISCO_TILE_VECTORS) is the width that has data.
template <class T, int Rows>
inline void gemm_tile_width(dim vectors, dim kc, const T *a, dim a_row, const T *b, dim b_row, T *c,
                            dim c_row, bool accumulate) {
  if (vectors == DISCO_TILE_VECTORS)
    gemm_tile<T, Rows, DISCO_TILE_VECTORS>(kc, a, a_row, b, b_row, c, c_row, accumulate);
  else if (vectors == 1)
    gemm_tile<T, Rows, 1>(kc, a, a_row, b, b_row, c, c_row, accumulate);
  else if (vectors == 2)
    gemm_tile<T, Rows, 2>(kc, a, a_row, b, b_row, c, c_row, accumulate);
  else
    gemm_tile<T, Rows, 3>(kc, a, a_row, b, b_row, c, c_row, accumulate);
}

/// Any number of rows up to DISCO_TILE_ROWS, any number of columns up to nr.
/// A tile whose last vector is not full goes through a copy on the stack.
template <class T>
DISCO_WIDE void gemm_rows(dim rows, dim columns, dim kc, const T *a, dim a_row, const T *b,
                          dim b_row, T *c, dim c_row, bool accumulate) {
  using block = gemm_block<T>;
  const dim vectors = (columns + block::lanes - 1) / block::lanes;
  T edge[DISCO_TILE_ROWS * block::nr];
  const bool ragged = columns % block::lanes != 0;
  T *to = ragged ? edge : c;
  const dim to_row = ragged ? block::nr : c_row;
  if (ragged && accumulate)
    for (dim r = 0; r < rows; ++r)
      memcpy(edge + r * block::nr, c + r * c_row, (size_t)columns * sizeof(T));
  dim r = 0;
  if (rows == DISCO_TILE_ROWS) {
    gemm_tile_width<T, DISCO_TILE_ROWS>(vectors, kc, a, a_row, b, b_row, to, to_row, accumulate);
    r = rows;
  }
  if (rows - r >= 4) {
    gemm_tile_width<T, 4>(vectors, kc, a + r * a_row, a_row, b, b_row, to + r * to_row, to_row,
                          accumulate);
    r += 4;
  }
  if (rows - r >= 2) {
    gemm_tile_width<T, 2>(vectors, kc, a + r * a_row, a_row, b, b_row, to + r * to_row, to_row,
                          accumulate);
    r += 2;
  }
  if (rows - r >= 1)
    gemm_tile_width<T, 1>(vectors, kc, a + r * a_row, a_row, b, b_row, to + r * to_row, to_row,
                          accumulate);
  if (ragged)
    for (r = 0; r < rows; ++r)
      memcpy(c + r * c_row, edge + r * block::nr, (size_t)columns * sizeof(T));
}

template <class T>
DISCO_WIDE void gemm_dot_rows(dim rows, dim kc, const T *a, dim a_row, const T *b, T *c, dim c_row,
                              bool accumulate) {
  const dim whole = rows - rows % 4;
  for (dim r = 0; r < whole; r += 4)
    gemm_dot<T, 4>(kc, a + r * a_row, a_row, b, c + r * c_row, c_row, accumulate);
  for (dim r = whole; r < rows; ++r)
    gemm_dot<T, 1>(kc, a + r * a_row, a_row, b, c + r * c_row, c_row, accumulate);
}

/// Columns rounded up to whole vectors: the row stride of a packed tile of b.
template <class T> inline dim gemm_full_vectors(dim columns) {
  return (columns + vec<T>::lanes - 1) / vec<T>::lanes * vec<T>::lanes;
}

template <class G>
inline constexpr gemm_shape gemm_shape_of{G::m,        G::n,    G::k,      G::direct_a,
                                          G::direct_c, G::dots, G::whole_b};

constexpr dim gemm_line = 64; // bytes that one prefetch brings

/// How many lines of the next `bytes` of weights each tile of rows asks for, so that all have been
/// asked for when the tiles are done. With few of them it would be too late.
inline dim prefetched_lines(dim rows, dim tile_rows, dim bytes) {
  constexpr dim few = 3;
  const dim turns = (rows + tile_rows - 1) / tile_rows;
  return turns > few ? (bytes / gemm_line + turns - 1) / turns : 0;
}

/// The product of one op. G has
///   T                          arithmetic type
///   m, n, k                    static constexpr extents
///   direct_a, direct_b, direct_c   static constexpr: the operand is read, or
///                              summed, where it lies (rows contiguous, type T)
///   whole_b                    static constexpr: where direct_b, whole vectors can be read
///   dots                       static constexpr: an element is one dot product
///   const T *a(m0, k0), dim a_row    where direct_a
///   const T *b(k0, n0), dim b_row    where direct_b
///   T *c(m0, n0), dim c_row          where direct_c
///   pack_a(T *to, dim to_row, m0, rows, k0, kc)      where not direct_a
///   pack_b(T *to, k0, kc, n0, columns, width)   kc rows of `width`, zeros beyond columns;
///                              where direct_b, called for ragged columns unless whole_b
///   started                    static constexpr: sums start from what begin leaves in c
///   begin(T *c, dim c_row, m0, rows, n0, columns)
///   finish(T *c, dim c_row, m0, rows, n0, columns)   bias, residual, activation, store
template <class G> inline void gemm_columns(const G &g, dim n0, dim columns, void *scratch) {
  using T = typename G::T;
  using block = gemm_block<T>;
  constexpr gemm_sizes sizes = gemm_sizes_of(here, (dim)sizeof(T), gemm_shape_of<G>);
  constexpr dim width = G::dots ? 1 : block::nr, k_step = sizes.k_step,
                panel_columns = sizes.panel_columns, group = sizes.group;
  T *const panel = (T *)(void *)scratch_start(scratch), *const held = panel + sizes.panel,
           *const packed_a = held + sizes.held;
  for (dim g0 = 0; g0 < G::m; g0 += group) {
    const dim g1 = g0 + group < G::m ? g0 + group : G::m;
    T *c;
    dim c_row;
    if constexpr (G::direct_c) {
      c = g.c(g0, n0);
      c_row = g.c_row;
    } else {
      c = held;
      c_row = panel_columns;
    }
    if constexpr (G::started)
      g.begin(c, c_row, g0, g1 - g0, n0, columns);
    dim k0 = 0;
    do {
      const dim kc = G::k - k0 < k_step ? G::k - k0 : k_step;
      for (dim j = 0; j < columns; j += width) {
        const dim wide = columns - j < width ? columns - j : width;
        if (!G::direct_b || (!G::whole_b && wide % block::lanes != 0))
          g.pack_b(panel + j * k_step, k0, kc, n0 + j, wide,
                   G::dots ? 1 : gemm_full_vectors<T>(wide));
      }
      // The next weights come while rows are multiplied with these.
      dim ahead = 0, lines = 0;
      if constexpr (G::whole_b)
        lines = prefetched_lines(g1 - g0, block::mr, kc * G::b_row * (dim)sizeof(T));
      for (dim m0 = g0; m0 < g1; m0 += block::mr) {
        const dim rows = g1 - m0 < block::mr ? g1 - m0 : block::mr;
        if constexpr (G::whole_b)
          for (dim i = 0; i < lines; ++i, ahead += gemm_line)
            ask_for((const char *)g.b(k0 + kc, n0) + ahead);
        const T *a = packed_a;
        dim a_row = k_step;
        if constexpr (G::direct_a) {
          a = g.a(m0, k0);
          a_row = g.a_row;
        } else {
          g.pack_a(packed_a, k_step, m0, rows, k0, kc);
        }
        for (dim j = 0; j < columns; j += width) {
          const dim wide = columns - j < width ? columns - j : width;
          T *to = c + (m0 - g0) * c_row + j;
          if constexpr (G::dots) {
            gemm_dot_rows<T>(rows, kc, a, a_row, panel, to, c_row, G::started || k0 > 0);
          } else if (!G::direct_b || (!G::whole_b && wide % block::lanes != 0)) {
            gemm_rows<T>(rows, wide, kc, a, a_row, panel + j * k_step, gemm_full_vectors<T>(wide),
                         to, c_row, G::started || k0 > 0);
          } else if constexpr (G::direct_b) {
            gemm_rows<T>(rows, wide, kc, a, a_row, g.b(k0, n0 + j), g.b_row, to, c_row,
                         G::started || k0 > 0);
          }
        }
        if (k0 + kc == G::k)
          g.finish(c + (m0 - g0) * c_row, c_row, m0, rows, n0, columns);
      }
      k0 += k_step;
    } while (k0 < G::k);
  }
}

/// Bytes of scratch memory that gemm<G> takes.
template <class G>
inline constexpr dim gemm_bytes = gemm_scratch(here, (dim)sizeof(typename G::T), gemm_shape_of<G>);

template <class G> inline void gemm(const G &g, void *scratch) {
  // What was packed before is read a tile's width at a time, which stays in a first-level cache.
  using block = gemm_block<typename G::T>;
  constexpr dim step = G::dots ? 1 : G::whole_b ? block::nr : block::nc;
  for (dim n0 = 0; n0 < G::n; n0 += step)
    gemm_columns(g, n0, G::n - n0 < step ? G::n - n0 : step, scratch);
}

/// `begin` of a product: c starts from init. init and c may be the same memory.
template <class Y, class T>
DISCO_WIDE void product_begin(T *to, dim to_row, const Y *init, dim init_row, dim rows,
                              dim columns) {
  for (dim r = 0; r < rows; ++r) {
    const Y *from = init + r * init_row;
    if constexpr (same<Y, T>)
      if (from == to + r * to_row) // accumulating in place
        continue;
    for (dim j = 0; j < columns; ++j)
      to[r * to_row + j] = (T)load(from[j]);
  }
}

/// y = act(c + bias of the row + residual), one copy for all ops with the same epilogue. c may be
/// y; bias_step 0: one bias for all rows.
template <class Act, bool Bias, bool Residual, class Y, class T>
DISCO_WIDE void product_rows(Y *y, dim y_row, const T *c, dim c_row, const T *bias, dim bias_step,
                             const Y *residual, dim rows, dim columns) {
  for (dim r = 0; r < rows; ++r, y += y_row, c += c_row) {
    const T b = Bias ? bias[r * bias_step] : (T)0;
    for (dim j = 0; j < columns; ++j) {
      T v = c[j] + b;
      if constexpr (Residual)
        v += load(residual[r * y_row + j]);
      y[j] = store<Y>(Act::template apply<Act>(v));
    }
  }
}

/// `finish` of a product with one bias a row.
template <class P, class T>
inline void product_finish(typename P::y_t *y, dim y_row, const T *c, dim c_row, const T *bias,
                           const typename P::y_t *residual, dim rows, dim columns) {
  using act = typename P::act;
  if constexpr (!same<typename P::y_t, T> || P::has_bias || P::has_residual || !same<act, act_none>)
    product_rows<act, P::has_bias, P::has_residual>(y, y_row, c, c_row, bias, 1, residual, rows,
                                                    columns);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
