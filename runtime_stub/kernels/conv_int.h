//===- conv_int.h - convolution of integers of 8 bits ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_CONV_INT_H
#define DISCO_KERNELS_CONV_INT_H

#include "conv.h"
#include "gemm_int.h"

namespace disco {

/// Elements of x as Number, less their zero point; pads are 0.
template <class P, class Number> struct conv_int_take {
  using T = Number;
  static T of(typename P::x_t v) { return (T)((int32_t)v - (int32_t)P::x_zero); }
  static constexpr T pad = 0;
};
/// The bits that quads want, from int_quads::shift on; pads are the zero point.
template <class P> struct conv_int_take<P, int8_t> {
  using T = int8_t;
  static constexpr int32_t moved = int_quads::shift - (int32_t)int_min<typename P::x_t>,
                           zero = (int32_t)P::x_zero + moved;
  static T of(typename P::x_t v) { return (T)(uint8_t)((int32_t)v + moved); }
  static constexpr T pad = (T)(uint8_t)zero;
};

/// What both ways of a convolution have in common.
template <class P, class Number> struct conv_int_base : conv_product<P, conv_int_take<P, Number>> {
  using base = conv_product<P, conv_int_take<P, Number>>;
  using y_t = typename P::y_t;
  static constexpr dim m = base::m, n = base::n, k = base::k;
  const int32_t *sum_bias, *sum_init; // of this group
  dim first_row;

  void start(int32_t *c, dim m0, dim n0, dim columns) const {
    const int32_t b = P::has_bias ? sum_bias[m0] : 0;
    for (dim j = 0; j < columns; ++j)
      if constexpr (P::has_init)
        c[j] = (int32_t)((uint32_t)sum_init[m0 * n + n0 + j] + (uint32_t)b);
      else
        c[j] = b;
  }
  void finish(const int32_t *c, dim m0, dim n0, dim columns) const {
    quant_store_row<P>(this->y + m0 * n + n0, c, first_row + m0, columns);
  }
};

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

/// One channel a group: by planes, in the vectors of 32 bits.
template <class P> struct conv_int_planes : conv_int_base<P, int32_t> {
  using base = conv_int_base<P, int32_t>;
  int32_t weight(dim m0, dim tap) const {
    return (int32_t)this->w[m0 * base::taps + tap] -
           (int32_t)P::w_zero((int64_t)(this->first_row + m0));
  }
  void start_rows(int32_t *sums, dim row, dim m0, dim at, dim count) const {
    for (dim r = 0; r < count; ++r)
      this->start(sums + r * row, m0, at - m0 * base::n + r * base::ow, base::ow);
  }
  void finish_rows(const int32_t *sums, dim row, dim m0, dim at, dim count) const {
    for (dim r = 0; r < count; ++r)
      this->finish(sums + r * row, m0, at - m0 * base::n + r * base::ow, base::ow);
  }
};

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
  using planes = conv_planes<P, conv_int_planes<P>>;
  constexpr bool by_planes = conv_int_planes<P>::m < 4 && planes::serves;
  static_assert(P::ci % P::groups == 0 && P::co % P::groups == 0, "groups divide the channels");
  for (dim image = 0; image < (dim)P::n; ++image)
    for (dim group = 0; group < (dim)P::groups; ++group) {
      const auto settle = [&](auto &g) {
        using G = conv_int_planes<P>;
        const dim at = (image * (dim)P::groups + group) * G::m * G::n;
        g.y = y + at;
        g.x = x + image * (dim)P::x_channels * G::plane;
        g.w = w + group * G::m * G::k;
        g.sum_bias = P::has_bias ? bias + group * G::m : nullptr;
        g.sum_init = P::has_init ? init + at : nullptr;
        g.first_channel = group * G::ci;
        g.first_row = group * G::m;
      };
      if constexpr (by_planes) {
        conv_int_planes<P> g{};
        settle(g);
        planes::run(g);
      } else if constexpr (DISCO_INT_QUADS && same<typename P::w_t, int8_t> && !P::has_w_zero) {
        conv_int_quads<P> g{};
        settle(g);
#if defined(__ARM_FEATURE_MVE)
        gemm_int_columns(g);
#else
        gemm_int(g);
#endif
      } else {
        conv_int_product<P> g{};
        settle(g);
        gemm_int(g);
      }
    }
}

} // namespace disco

#endif
