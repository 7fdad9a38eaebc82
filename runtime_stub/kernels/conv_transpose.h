//===- conv_transpose.h - transposed convolution --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_CONV_TRANSPOSE_H
#define DISCO_KERNELS_CONV_TRANSPOSE_H

#include "conv.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Columns of x that meet each tap of the kernel: output o takes from input i by tap t
/// where o + pad = i * stride + t * dilation. Rows of weights are gathered, since they are
/// [ci][co].
template <class P> struct conv_transpose_product {
  using T = arith_t<typename P::x_t>;
  using x_t = typename P::x_t;
  using w_t = typename P::w_t;
  using y_t = typename P::y_t;
  static constexpr dim taps = (dim)(P::kd * P::kh * P::kw), ci = (dim)(P::ci / P::groups);
  static constexpr dim m = (dim)(P::co / P::groups), n = (dim)(P::od * P::oh * P::ow),
                       k = ci * taps;
  static constexpr dim od = (dim)P::od, oh = (dim)P::oh, ow = (dim)P::ow, id = (dim)P::id,
                       ih = (dim)P::ih, iw = (dim)P::iw;
  static constexpr dim kd = (dim)P::kd, kh = (dim)P::kh, kw = (dim)P::kw, plane = id * ih * iw;
  static constexpr bool direct_a = false, direct_b = false, direct_c = same<y_t, T>,
                        few_columns = !exact_order<P> && n <= gemm_few_columns<T>;
  static constexpr bool started = P::has_init;
  static constexpr dim a_row = k, c_row = n;

  y_t *y;
  const x_t *x;
  const w_t *w;
  const T *bias;
  const y_t *init;
  const y_t *residual;
  dim first_channel;

  T *c(dim m0, dim n0) const { return y + m0 * n + n0; }
  const x_t *channel(dim i) const {
    if constexpr (P::dense_channels)
      return x + (first_channel + i) * plane;
    else
      return x + (dim)P::channel((int64_t)(first_channel + i)) * plane;
  }

  void pack_a(T *to, dim to_row, dim m0, dim rows, dim k0, dim kc) const {
    for (dim i = 0; i < kc; ++i) {
      const dim from = (k0 + i) / taps * m, tap = (k0 + i) % taps;
      for (dim r = 0; r < rows; ++r)
        to[r * to_row + i] = load(w[(from + m0 + r) * taps + tap]);
    }
  }

  /// The input index that meets output index o by tap t, or -1.
  static dim meets(dim o, dim t, dim stride, dim pad, dim dilation, dim extent) {
    const dim at = o + pad - t * dilation;
    return at < 0 || at % stride != 0 || at / stride >= extent ? -1 : at / stride;
  }

  static void pack_tap(T *to, const x_t *from, dim kz, dim ky, dim kx, dim n0, dim columns) {
    dim oz = n0 / (oh * ow), oy = n0 / ow % oh, ox = n0 % ow;
    while (columns > 0) {
      const dim run = columns < ow - ox ? columns : ow - ox;
      for (dim i = 0; i < run; ++i)
        to[i] = (T)0;
      const dim iz = meets(oz, kz, (dim)P::sd, (dim)P::pd, (dim)P::dd, id),
                iy = meets(oy, ky, (dim)P::sh, (dim)P::ph, (dim)P::dh, ih);
      if (iz >= 0 && iy >= 0) {
        constexpr dim sw = (dim)P::sw;
        const dim shift = (dim)P::pw - kx * (dim)P::dw; // ox + shift = ix * sw
        const dim start = ox + shift < 0 ? 0 : (ox + shift + sw - 1) / sw;
        for (dim ix = start; ix < iw && ix * sw - shift < ox + run; ++ix)
          to[ix * sw - shift - ox] = load(from[(iz * ih + iy) * iw + ix]);
      }
      to += run;
      columns -= run;
      ox = 0;
      if (++oy == oh) {
        oy = 0;
        ++oz;
      }
    }
  }

  void pack_b(T *to, dim k0, dim kc, dim n0, dim columns, dim width) const {
    for (dim r = 0; r < kc; ++r, to += width) {
      const dim tap = (k0 + r) % taps;
      pack_tap(to, channel((k0 + r) / taps), tap / (kh * kw), tap / kw % kh, tap % kw, n0, columns);
      for (dim j = columns; j < width; ++j)
        to[j] = (T)0;
    }
  }

  void begin(T *to, dim to_row, dim m0, dim rows, dim n0, dim columns) const {
    product_begin<y_t>(to, to_row, init + m0 * n + n0, n, rows, columns);
  }
  void finish(T *from, dim from_row, dim m0, dim rows, dim n0, dim columns) const {
    const dim at = m0 * n + n0;
    product_finish<P>(y + at, n, from, from_row, P::has_bias ? bias + m0 : nullptr,
                      P::has_residual ? residual + at : nullptr, rows, columns);
  }
};

/// ConvTranspose: y = act(conv_transpose(x, w) + init + bias + residual).
/// P as in conv, but w is [ci][co / groups][kd][kh][kw], row i of w meets channel(i) of x, and
/// begin pads crop y; output extents say what output padding and end pads leave.
template <class P>
inline void conv_transpose(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                           const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                           const typename P::y_t *residual) {
  conv_images<P, conv_transpose_product<P>>(y, x, w, bias, init, residual,
                                            [](const conv_transpose_product<P> &g) { gemm(g); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
