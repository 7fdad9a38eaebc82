//===- conv_int.h - convolution of integers of 8 bits ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_CONV_INT_H
#define DISCO_KERNELS_CONV_INT_H

#include "conv_int_direct.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// As a product of matrices.
template <class P> struct conv_int_product : conv_int_base<P, int16_t> {
  using base = conv_int_base<P, int16_t>;
  using number = int16_t;
  void pack_a(int16_t *__restrict to, dim m0, dim k0, dim kc) const {
    const typename P::w_t *from = this->w + m0 * base::k + k0;
    int_widen(to, from, (int32_t)P::w_zero((int64_t)(this->first_row + m0)), kc);
  }
  void pack_b(int16_t *to, dim k0, dim n0, dim columns) const {
    base::base::pack_b(to, k0, 1, n0, columns, columns);
  }
};

/// The same of bytes as they are: what the zero point of x adds to a row is taken off its start.
template <class P> struct conv_int_quads : conv_int_base<P, int8_t> {
  using base = conv_int_base<P, int8_t>;
  using number = int8_t;
  static constexpr dim a_row = base::k;
  const int8_t *a(dim m0, dim k0) const { return this->w + m0 * base::k + k0; }
  void pack_a(int8_t *to, dim m0, dim k0, dim kc) const {
    memcpy(to, this->w + m0 * base::k + k0, (size_t)kc);
  }
  void pack_b(int8_t *to, dim k0, dim n0, dim columns) const {
    base::base::pack_b(to, k0, 1, n0, columns, columns);
  }
  void start(int32_t *c, dim m0, dim n0, dim columns) const {
    base::start(c, m0, n0, columns);
    const uint32_t off = (uint32_t)conv_int_take<P, int8_t>::zero *
                         (uint32_t)int_total(this->w + m0 * base::k, base::k);
    if (off != 0)
      for (dim j = 0; j < columns; ++j)
        c[j] = (int32_t)((uint32_t)c[j] - off);
  }
};

/// Calls one(g) for every image and group.
template <class P, class G, class One>
inline void conv_int_images(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                            const int32_t *bias, const int32_t *init, const One &one) {
  static_assert(P::ci % P::groups == 0 && P::co % P::groups == 0, "groups divide the channels");
  for (dim image = 0; image < (dim)P::n; ++image)
    for (dim group = 0; group < (dim)P::groups; ++group) {
      const dim at = (image * (dim)P::groups + group) * G::m * G::n;
      G g{};
      g.y = y + at;
      g.x = x + image * (dim)P::x_channels * G::plane;
      g.w = w + group * G::m * G::k;
      g.sum_bias = P::has_bias ? bias + group * G::m : nullptr;
      g.sum_init = P::has_init ? init + at : nullptr;
      g.first_channel = group * G::ci;
      g.first_row = group * G::m;
      one(g);
    }
}

/// y = sum over taps of (x - x_zero) * (w - w_zero), + init + bias; where `requantised`,
/// clamp(round(y * multiplier) + y_zero) of it.
///
/// P: as conv, but
///    x_t, w_t          int8_t or uint8_t
///    y_t               int32_t, or int8_t, uint8_t where requantised
///    x_zero, w_zero(r) zero points; has_w_zero: not all of the weights' are 0
///    requantised, and then y_zero, low, high, float multiplier[], one_multiplier (else one a row)
///    no residual; act is not looked at
/// bias [co] and init are int32_t; init may be y itself where that is int32_t too.
template <class P>
inline void conv_int(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                     const int32_t *bias, const int32_t *init) {
  using direct = conv_int_direct<P>;
  using planes = conv_bands<P, conv_int_planes<P>>;
  constexpr dim m = (dim)(P::co / P::groups);
  if constexpr (m <= conv_int_few && direct::serves) {
    conv_int_images<P, typename direct::G>(
        y, x, w, bias, init, [](const typename direct::G &g) { direct::run_group(g); });
  } else if constexpr (m < 4 && planes::serves) {
    conv_int_images<P, conv_int_planes<P>>(y, x, w, bias, init,
                                           [](const conv_int_planes<P> &g) { planes::run(g); });
  } else if constexpr (DISCO_INT_QUADS && same<typename P::w_t, int8_t> && !P::has_w_zero) {
    conv_int_images<P, conv_int_quads<P>>(y, x, w, bias, init, [](const conv_int_quads<P> &g) {
#if defined(__ARM_FEATURE_MVE)
      gemm_int_columns(g);
#else
      gemm_int(g);
#endif
    });
  } else {
    conv_int_images<P, conv_int_product<P>>(y, x, w, bias, init,
                                            [](const conv_int_product<P> &g) { gemm_int(g); });
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
