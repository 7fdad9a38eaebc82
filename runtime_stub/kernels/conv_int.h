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
#if DISCO_INT_QUADS && defined(__SSE2__)
  // For int_quad_product. Where a column of x lies in memory as it is, its signs are changed there.
  static constexpr bool flips = base::pointwise && same<typename P::x_t, int8_t>;
  template <int Columns> const uint8_t *row(uint8_t *to, dim k0, dim n0) const {
    if constexpr (base::pointwise) {
      const auto *from = (const uint8_t *)this->channel(k0) + n0;
      if constexpr (Columns == int_columns)
        return from;
      memcpy(to, from, (size_t)Columns);
    } else {
      base::base::pack_b((int8_t *)to, k0, 1, n0, Columns, Columns);
    }
    return to;
  }
#endif
  void start(int32_t *c, dim m0, dim n0, dim columns) const {
    base::start(c, m0, n0, columns);
    const uint32_t off = (uint32_t)conv_int_take<P, int8_t>::zero *
                         (uint32_t)int_total(this->w + m0 * base::k, base::k);
    if (off != 0)
      for (dim j = 0; j < columns; ++j)
        c[j] = (int32_t)((uint32_t)c[j] - off);
  }
};

/// A group of an image.
template <class P, class G>
inline G conv_int_group(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                        const int32_t *bias, const int32_t *init, dim image, dim group) {
  const dim at = (image * (dim)P::groups + group) * G::m * G::n;
  G g{};
  g.y = y + at;
  g.x = x + image * (dim)P::x_channels * G::plane;
  g.w = w + group * G::m * G::k;
  g.sum_bias = P::has_bias ? bias + group * G::m : nullptr;
  g.sum_init = P::has_init ? init + at : nullptr;
  g.first_channel = group * G::ci;
  g.first_row = group * G::m;
  return g;
}

/// Calls one(g) for every image and group.
template <class P, class G, class One>
inline void conv_int_images(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                            const int32_t *bias, const int32_t *init, const One &one) {
  static_assert(P::ci % P::groups == 0 && P::co % P::groups == 0, "groups divide the channels");
  for (dim image = 0; image < (dim)P::n; ++image)
    for (dim group = 0; group < (dim)P::groups; ++group)
      one(conv_int_group<P, G>(y, x, w, bias, init, image, group));
}

/// The product of this target's instructions.
template <class P, bool Quads> struct conv_int_product_of {
  using type = conv_int_product<P>;
};
template <class P> struct conv_int_product_of<P, true> {
  using type = conv_int_quads<P>;
};
template <class P>
using conv_int_own_product = typename conv_int_product_of<P, conv_int_has_quads<P>>::type;
/// Bytes of scratch memory that it takes.
template <class P>
inline constexpr dim conv_int_gemm_bytes =
#if defined(__ARM_FEATURE_MVE)
    conv_int_has_quads<P> ? gemm_int_columns_bytes<conv_int_own_product<P>> :
#elif DISCO_INT_QUADS && defined(__SSE2__)
    conv_int_has_quads<P> ? quad_sizes_of(int_here, conv_int_own_product<P>::m,
                                          conv_int_own_product<P>::n, conv_int_own_product<P>::k)
                                .bytes
                          :
#endif
                          gemm_int_bytes<conv_int_own_product<P>>;

// Four kernels for one op. All take what is said at conv_int_gemm.

/// y = sum over taps of (x - x_zero) * (w - w_zero), + init + bias; where `requantised`,
/// clamp(round(y * multiplier) + y_zero) of it.
///
/// P: as conv_gemm, but
///    x_t, w_t          int8_t or uint8_t
///    y_t               int32_t, or int8_t, uint8_t where requantised
///    x_zero, w_zero(r) zero points; has_w_zero: not all of the weights' are 0
///    requantised, and then y_zero, low, high, float multiplier[], one_multiplier (else one a row)
///    no residual; act is not looked at
///    scratch           bytes of scratch memory
/// bias [co] and init are int32_t; init may be y itself where that is int32_t too.

/// This one: a blocked product of matrices.
template <class P>
inline void conv_int_gemm(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                          const int32_t *bias, const int32_t *init, void *scratch) {
  using G = conv_int_own_product<P>;
  static_assert((dim)P::scratch >= conv_int_gemm_bytes<P>, "too little scratch memory");
  conv_int_images<P, G>(y, x, w, bias, init, [&](const G &g) {
#if defined(__ARM_FEATURE_MVE)
    if constexpr (conv_int_has_quads<P>)
      gemm_int_columns(g, scratch);
    else
#elif DISCO_INT_QUADS && defined(__SSE2__)
    if constexpr (conv_int_has_quads<P>)
      int_quad_product<P, G>::run(g, scratch);
    else
#endif
      gemm_int(g, scratch);
  });
}

/// Bands of cells of each channel's plane, for few channels a group.
template <class P>
inline void conv_int_cells(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                           const int32_t *bias, const int32_t *init, void *scratch) {
  using bands = conv_int_bands<P, conv_int_own_cells<P>>;
  using G = typename bands::G;
  static_assert(bands::serves, "its bands do not fit");
  static_assert((dim)P::scratch >= bands::bytes, "too little scratch memory");
  conv_int_images<P, G>(y, x, w, bias, init, [&](const G &g) { bands::run_group(g, scratch); });
}

#if defined(__SSE2__)
/// One input and one output channel a group, by words of rows of a band, on x86.
template <class P>
inline void conv_int_depthwise(typename P::y_t *y, const typename P::x_t *x,
                               const typename P::w_t *w, const int32_t *bias, const int32_t *init,
                               void *scratch) {
  using G = conv_int_base<P, typename P::x_t>;
  using form = int_depthwise<P, G>;
  static_assert(form::size.serves && P::ci == P::groups && P::co == P::groups,
                "one channel a group");
  static_assert((dim)P::scratch >= form::bytes, "too little scratch memory");
  auto *const cells = (int32_t *)(void *)scratch_start(scratch), *const out =
                                                                     cells + form::groups * G::sw *
                                                                                 form::size.words;
  auto *const band = (uint8_t *)(out + form::size.count);
  const form f{band, cells, out};
  for (dim oy = 0; oy < G::oh; oy += form::size.rows) {
    const dim rows = least(form::size.rows, G::oh - oy);
    // Pads stay where they are for all channels.
    memset(band, (uint8_t)P::x_zero, (size_t)(G::sh * form::plane));
    for (dim image = 0; image < (dim)P::n; ++image)
      for (dim c = 0; c < (dim)P::groups; ++c)
        f.channel(conv_int_group<P, G>(y, x, w, bias, init, image, c), oy, rows);
  }
}
#endif

/// One input channel a group, by bands of a plane of numbers of 32 bits.
template <class P>
inline void conv_int_planes(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                            const int32_t *bias, const int32_t *init, void *scratch) {
  using G = conv_int_plane<P>;
  using bands = conv_bands<P, G>;
  static_assert(bands::serves, "its bands do not fit, or it has more channels a group");
  static_assert((dim)P::scratch >= bands::bytes, "too little scratch memory");
  conv_int_images<P, G>(y, x, w, bias, init, [&](const G &g) { bands::run(g, scratch); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
