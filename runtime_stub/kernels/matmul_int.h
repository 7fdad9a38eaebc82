//===- matmul_int.h - matrix product with weights of 8 bits ---------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_MATMUL_INT_H
#define DISCO_KERNELS_MATMUL_INT_H

#include "quant.h"

namespace disco {

/// y = sum over k of (a - x_zero) * (b - w_zero), + init + bias; where `requantised`,
/// clamp(round(y * multiplier) + y_zero) of it.
///
/// P: a_t, b_t           int8_t or uint8_t
///    y_t, x_zero, w_zero(column), has_w_zero, requantised, ... as in conv_int, rows being columns of b
///    m, k, n, a_k, dense_channels, channel(i), trans_b   as in matmul; one matrix b for all rows of a
///    has_init, has_bias; bias [n]
template <class P>
inline void matmul_int(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
                       const int32_t *bias, const int32_t *init) {
  constexpr dim k = (dim)P::k, n = (dim)P::n;
  for (dim i = 0; i < (dim)P::m; ++i, a += (dim)P::a_k)
    for (dim j = 0; j < n; ++j) {
      uint32_t sum = 0;
      const int32_t w_zero = (int32_t)P::w_zero((int64_t)j);
      for (dim c = 0; c < k; ++c) {
        const dim from = P::dense_channels ? c : (dim)P::channel((int64_t)c);
        const int32_t left = (int32_t)a[from] - (int32_t)P::x_zero,
                      right = (int32_t)b[P::trans_b ? j * k + c : c * n + j] - w_zero;
        sum += (uint32_t)(left * right);
      }
      if constexpr (P::has_bias)
        sum += (uint32_t)bias[j];
      if constexpr (P::has_init)
        sum += (uint32_t)*init++;
      *y++ = quant_store<P>((int32_t)sum, j);
    }
}

} // namespace disco

#endif
