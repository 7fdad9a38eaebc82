//===- pool_int.h - averages of integers of 8 bits ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_POOL_INT_H
#define DISCO_KERNELS_POOL_INT_H

#include "pool.h"
#include "quant.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Sums of the elements of a window, less x_zero.
template <class P> inline int32_t pool_int_sum(const typename P::x_t *x, dim oz, dim oy, dim ox) {
  using S = pool_shape<P>;
  const pool_window z = S::z(oz), y = S::y(oy), w = S::x(ox);
  int32_t sum = 0;
  for (dim a = 0; a < z.count; ++a)
    for (dim b = 0; b < y.count; ++b) {
      const typename P::x_t *row =
          x + ((z.first + a * S::dd) * S::ih + y.first + b * S::dh) * S::iw + w.first;
      for (dim c = 0; c < w.count; ++c)
        sum += (int32_t)row[c * S::dw];
    }
  return sum - (int32_t)(z.count * y.count * w.count) * (int32_t)P::x_zero;
}

/// y = clamp(round(sum of (x - x_zero) * (multiplier / cells of the window)) + y_zero).
/// P: x_t, y_t (integers of 8 bits), x_zero, y_zero, low, high, multiplier[1]; extents, windows and
///    count_include_pad as in average_pool
template <class P> inline void average_pool_int(typename P::y_t *y, const typename P::x_t *x) {
  using S = pool_shape<P>;
  for (dim plane = 0; plane < S::planes; ++plane, x += S::in)
    for (dim oz = 0; oz < S::od; ++oz)
      for (dim oy = 0; oy < S::oh; ++oy)
        for (dim ox = 0; ox < S::ow; ++ox) {
          const float multiplier = P::multiplier[0] / (float)pool_divisor<P>(oz, oy, ox);
          const int32_t sum = pool_is_global<P> ? pool_int_sum<pool_flat<P>>(x, 0, 0, 0)
                                                : pool_int_sum<P>(x, oz, oy, ox);
          *y++ = (typename P::y_t)quantised((float)sum * multiplier, (int32_t)P::y_zero,
                                            (int32_t)P::low, (int32_t)P::high);
        }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
