//===- matmul_int.h - matrix product with weights of 8 bits ---------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_MATMUL_INT_H
#define DISCO_KERNELS_MATMUL_INT_H

#include "batch.h"
#include "gemm_int.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <class P> struct matmul_int_product {
  static constexpr dim m = (dim)P::m, n = (dim)P::n, k = (dim)P::k;
  using number = int16_t;
  typename P::y_t *y;
  const typename P::a_t *left;
  const typename P::b_t *right;
  const int32_t *bias, *init;

  /// kc numbers of row m0 of a, less their zero point.
  void pack_a(int16_t *__restrict to, dim m0, dim k0, dim kc) const {
    const typename P::a_t *from = left + m0 * (dim)P::a_k;
    for (dim i = 0; i < kc; ++i)
      to[i] =
          (int16_t)((int32_t)from[P::dense_channels ? k0 + i : (dim)P::channel((int64_t)(k0 + i))] -
                    (int32_t)P::x_zero);
  }
  void pack_b(int16_t *__restrict to, dim k0, dim n0, dim columns) const {
    for (dim j = 0; j < columns; ++j)
      to[j] = (int16_t)((int32_t)right[k0 * n + n0 + j] - (int32_t)P::w_zero((int64_t)(n0 + j)));
  }
  int32_t begin(dim m0, dim n0) const {
    uint32_t sum = P::has_bias ? (uint32_t)bias[n0] : 0u;
    if constexpr (P::has_init)
      sum += (uint32_t)init[m0 * n + n0];
    return (int32_t)sum;
  }
  void start(int32_t *c, dim m0, dim n0, dim columns) const {
    for (dim j = 0; j < columns; ++j)
      c[j] = begin(m0, n0 + j);
  }
  void finish(const int32_t *c, dim m0, dim n0, dim columns) const {
    for (dim j = 0; j < columns; ++j)
      y[m0 * n + n0 + j] = quant_store<P>(c[j], n0 + j);
  }

  /// b given as [n][k]: dot products.
  void dots() const {
    constexpr dim step = k < 512 ? k : 512, group = 64;
    int16_t row[step];
    int32_t sums[group];
    for (dim i = 0; i < m; ++i)
      for (dim n0 = 0; n0 < n; n0 += group) {
        const dim columns = n - n0 < group ? n - n0 : group;
        start(sums, i, n0, columns);
        for (dim k0 = 0; k0 < k; k0 += step) {
          const dim kc = k - k0 < step ? k - k0 : step;
          pack_a(row, i, k0, kc);
          for (dim j = 0; j < columns; ++j)
            sums[j] = (int32_t)((uint32_t)sums[j] +
                                (uint32_t)int_dot(kc, row, right + (n0 + j) * k + k0,
                                                  (int16_t)P::w_zero((int64_t)(n0 + j))));
        }
        finish(sums, i, n0, columns);
      }
  }
};

/// Calls one(g) for every matrix of a batch.
template <class P, class One>
inline void matmul_int_batch(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                             const int32_t *bias, const int32_t *init, const One &one) {
  using G = matmul_int_product<P>;
  dim count = 1;
  for (int r = 0; r < P::batch_rank; ++r)
    count *= (dim)P::batch[r];
  for (dim i = 0; i < count; ++i) {
    const batch_place at = batch_at<P>(i);
    const dim y_at = i * G::m * G::n;
    one(G{y + y_at, a + at.a, b + at.b, bias, P::has_init ? init + y_at : nullptr});
  }
}

// Two kernels for one op.

/// y = sum over k of (a - x_zero) * (b - w_zero), + init + bias; where `requantised`,
/// clamp(round(y * multiplier) + y_zero) of it.
///
/// P: a_t, b_t           int8_t or uint8_t
///    y_t, x_zero, w_zero(column), has_w_zero, requantised, ... as in conv_int_gemm, rows being
///    columns of b m, k, n, a_k, dense_channels, channel(i), trans_b, batch_rank, batch, a_batch,
///    b_batch, has_init, has_bias   as in matmul_gemm; bias [n] scratch           bytes of scratch
///    memory; not of matmul_int_dots
/// This one: a blocked product, b is [k][n].
template <class P>
inline void matmul_int_gemm(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                            const int32_t *bias, const int32_t *init, void *scratch) {
  using G = matmul_int_product<P>;
  static_assert(!P::trans_b, "b has rows of columns");
  static_assert((dim)P::scratch >= gemm_int_bytes<G>, "too little scratch memory");
  matmul_int_batch<P>(y, a, b, bias, init, [&](const G &g) { gemm_int(g, scratch); });
}

/// Dot products of rows of a and rows of b, which is [n][k].
template <class P>
inline void matmul_int_dots(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                            const int32_t *bias, const int32_t *init) {
  using G = matmul_int_product<P>;
  static_assert(P::trans_b, "b has columns as rows");
  matmul_int_batch<P>(y, a, b, bias, init, [](const G &g) { g.dots(); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
