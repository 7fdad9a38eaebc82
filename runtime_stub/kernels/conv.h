//===- conv.h - convolution in one, two or three dimensions ---------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A blocked matrix product over packed columns of x, dot products where columns are few, and two
// forms for few output channels a group (depthwise), whose parts are in conv_direct.h. The compiler
// says which.
#ifndef DISCO_KERNELS_CONV_H
#define DISCO_KERNELS_CONV_H

#include "conv_direct.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// What a product computes with, and how it takes an element of x.
template <class P> struct conv_plain {
  using T = arith_t<typename P::x_t>;
  static T of(typename P::x_t v) { return load(v); }
  static constexpr T pad = (T)0;
};

/// Columns of x (every tap of every input channel of a group) for the product.
template <class P, class Take = conv_plain<P>> struct conv_product {
  using T = typename Take::T;
  using x_t = typename P::x_t;
  using w_t = typename P::w_t;
  using y_t = typename P::y_t;
  static constexpr dim taps = (dim)(P::kd * P::kh * P::kw), ci = (dim)(P::ci / P::groups);
  static constexpr dim m = (dim)(P::co / P::groups), n = (dim)(P::od * P::oh * P::ow),
                       k = ci * taps;
  static constexpr dim od = (dim)P::od, oh = (dim)P::oh, ow = (dim)P::ow, id = (dim)P::id,
                       ih = (dim)P::ih, iw = (dim)P::iw;
  static constexpr dim kh = (dim)P::kh, kw = (dim)P::kw, plane = id * ih * iw;
  static constexpr dim sd = (dim)P::sd, sh = (dim)P::sh, sw = (dim)P::sw, pd = (dim)P::pd,
                       ph = (dim)P::ph, pw = (dim)P::pw;
  static constexpr dim dd = (dim)P::dd, dh = (dim)P::dh, dw = (dim)P::dw;
  static constexpr bool direct_a = same<w_t, T>, direct_b = false, whole_b = false,
                        direct_c = same<y_t, T>;
  static constexpr bool dots = false, started = P::has_init;
  static constexpr dim a_row = k, c_row = n;
  // One tap, unit strides, no pads: a column of x is a row of the buffer.
  static constexpr bool pointwise = taps == 1 && sd == 1 && sh == 1 && sw == 1 && pd == 0 &&
                                    ph == 0 && pw == 0 && od == id && oh == ih && ow == iw;

  y_t *y;          // of this image and group, as are all below
  const x_t *x;    // of this image
  const w_t *w;    //
  const T *bias;   //
  const y_t *init; //
  const y_t *residual;
  dim first_channel; // of the group, in packed columns

  static T take(x_t v) { return Take::of(v); }
  const T *a(dim m0, dim k0) const { return w + m0 * k + k0; }
  T *c(dim m0, dim n0) const { return y + m0 * n + n0; }
  const x_t *channel(dim i) const {
    if constexpr (P::dense_channels)
      return x + (first_channel + i) * plane;
    else
      return x + (dim)P::channel((int64_t)(first_channel + i)) * plane;
  }

  void pack_a(T *to, dim to_row, dim m0, dim rows, dim k0, dim kc) const {
    for (dim r = 0; r < rows; ++r)
      for (dim i = 0; i < kc; ++i)
        to[r * to_row + i] = load(w[(m0 + r) * k + k0 + i]);
  }

  static void pack_run(T *__restrict to, const x_t *__restrict from, dim count) {
    for (dim i = 0; i < count; ++i)
      to[i] = Take::of(from[i]);
  }

  /// One tap: `columns` output positions from (oz, oy, ox) on.
  static void pack_tap(T *__restrict to, const x_t *__restrict from, dim kz, dim ky, dim kx, dim oz,
                       dim oy, dim ox, dim columns) {
    // Output columns ox whose input column exists: [low, high).
    const dim shift = pw - kx * dw;
    const dim low_raw = shift > 0 ? (shift + sw - 1) / sw : 0;
    const dim high_raw = iw + shift <= 0 ? 0 : (iw + shift + sw - 1) / sw;
    const dim low = low_raw < ow ? low_raw : ow, high = high_raw < ow ? high_raw : ow;
    while (columns > 0) {
      const dim run = columns < ow - ox ? columns : ow - ox;
      const dim iz = oz * sd - pd + kz * dd, iy = oy * sh - ph + ky * dh;
      dim first = run, last = run;
      if (iz >= 0 && iz < id && iy >= 0 && iy < ih) {
        first = low > ox ? (low - ox < run ? low - ox : run) : 0;
        last = high > ox ? (high - ox < run ? high - ox : run) : 0;
        last = last < first ? first : last;
      }
      for (dim i = 0; i < first; ++i)
        to[i] = Take::pad;
      if (first < last) {
        const x_t *row = from + ((iz * ih + iy) * iw - shift + (ox + first) * sw);
        for (dim i = 0; i < last - first; ++i)
          to[first + i] = Take::of(row[i * sw]);
      }
      for (dim i = last; i < run; ++i)
        to[i] = Take::pad;
      to += run;
      columns -= run;
      ox = 0;
      if (++oy == oh) {
        oy = 0;
        ++oz;
      }
    }
  }

  // Unit strides and equal rows: all columns of a tap lie `delta` from their outputs, in one run.
  static constexpr bool shifted = sd == 1 && sh == 1 && sw == 1 && id == 1 && od == 1 &&
                                  P::kd == 1 && pd == 0 && oh == ih && ow == iw;

  /// One tap where `shifted`. The run reads wrong elements where it leaves its row, which are
  /// cleared after it; above and below the image it leaves the plane, or its row.
  static void pack_shifted(T *__restrict to, const x_t *__restrict from, dim ky, dim kx, dim n0,
                           dim ox, dim columns) {
    const dim dx = kx * dw - pw, start = n0 + (ky * dh - ph) * iw + dx;
    const dim low = start < 0 ? (-start < columns ? -start : columns) : 0;
    const dim fit = plane - start < columns ? plane - start : columns, high = fit < low ? low : fit;
    for (dim i = 0; i < low; ++i)
      to[i] = Take::pad;
    for (dim i = low; i < high; ++i)
      to[i] = Take::of(from[start + i]);
    for (dim i = high; i < columns; ++i)
      to[i] = Take::pad;
    // Columns [0, -dx) or [iw - dx, iw) of every row are outside the image.
    const dim first = dx < 0 ? 0 : (dx < iw ? iw - dx : 0),
              last = dx < 0 ? (-dx < iw ? -dx : iw) : iw;
    if (dx != 0)
      for (dim row = -ox; row < columns; row += iw)
        for (dim i = row + first < 0 ? 0 : row + first; i < row + last && i < columns; ++i)
          to[i] = Take::pad;
  }

  void pack_b(T *to, dim k0, dim kc, dim n0, dim columns, dim width) const {
    const dim oz = n0 / (oh * ow), oy = n0 / ow % oh, ox = n0 % ow;
    dim i = k0 / taps, kx = k0 % kw, ky = k0 / kw % kh, kz = k0 / (kw * kh) % (dim)P::kd;
    for (dim r = 0; r < kc; ++r, to += width) {
      if constexpr (pointwise)
        pack_run(to, channel(i) + n0, columns);
      else if constexpr (shifted)
        pack_shifted(to, channel(i), ky, kx, n0, ox, columns);
      else
        pack_tap(to, channel(i), kz, ky, kx, oz, oy, ox, columns);
      for (dim j = columns; j < width; ++j)
        to[j] = (T)0;
      if (++kx == kw) {
        kx = 0;
        if (++ky == kh) {
          ky = 0;
          if (++kz == (dim)P::kd) {
            kz = 0;
            ++i;
          }
        }
      }
    }
  }

  void begin(T *to, dim to_row, dim m0, dim rows, dim n0, dim columns) const {
    product_begin<y_t>(to, to_row, init + m0 * n + n0, n, rows, columns);
  }
  /// Weights of the output channel m0, for conv_bands; what its sums begin with and end in.
  T weight(dim m0, dim tap) const { return load(w[m0 * taps + tap]); }
  void start_rows(T *sums, dim row, dim, dim at, dim count) const {
    if constexpr (P::has_init)
      product_begin<y_t>(sums, row, init + at, ow, count, ow);
  }
  void finish_rows(T *sums, dim row, dim m0, dim at, dim count) const {
    product_rows<typename P::act, P::has_bias, P::has_residual>(
        y + at, ow, sums, row, P::has_bias ? bias + m0 : nullptr, 0,
        P::has_residual ? residual + at : nullptr, count, ow);
  }
  void finish(T *from, dim from_row, dim m0, dim rows, dim n0, dim columns) const {
    const dim at = m0 * n + n0;
    product_finish<P>(y + at, n, from, from_row, P::has_bias ? bias + m0 : nullptr,
                      P::has_residual ? residual + at : nullptr, rows, columns);
  }
};

/// Calls one(g) for every image and group.
template <class P, class G, class One>
inline void conv_images(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                        const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, const One &one) {
  using T = typename G::T;
  static_assert(P::ci % P::groups == 0 && P::co % P::groups == 0, "groups divide the channels");
  static_assert(same<arith_t<typename P::y_t>, T> && same<arith_t<typename P::w_t>, T>,
                "one arithmetic type");
  for (dim image = 0; image < (dim)P::n; ++image)
    for (dim group = 0; group < (dim)P::groups; ++group) {
      const dim at = (image * (dim)P::groups + group) * G::m * G::n;
      G g{};
      g.y = y + at;
      g.x = x + image * (dim)P::x_channels * G::plane;
      g.w = w + group * G::m * G::k;
      g.bias = P::has_bias ? bias + group * G::m : nullptr;
      g.init = P::has_init ? init + at : nullptr;
      g.residual = P::has_residual ? residual + at : nullptr;
      g.first_channel = group * G::ci;
      one(g);
    }
}

/// The same with dot products.
template <class P> struct conv_dot_product : conv_product<P> {
  static constexpr bool dots = true;
};

// Four kernels for one op. All take what is said at conv_gemm.

/// y = act(conv(x, w) + init + bias + residual).
///
/// P: x_t, w_t, y_t     storage types (float, f16, double)
///    n                 images
///    ci, co, groups    packed weight columns (all groups together), output channels, groups
///    id ih iw, od oh ow, kd kh kw     extents of input, output, kernel; 1 where absent
///    sd sh sw, pd ph pw, dd dh dw     strides, begin pads (may be negative), dilations (end
///                      pads follow from the output extents)
///    x_channels        channels of the buffer x
///    dense_channels    weight column i reads channel i of x; else channel(i), a
///                      static constexpr function, says which
///    has_init, has_bias, has_residual
///    act               applied last
///    scratch           bytes of scratch memory; not of conv_rows
/// y         [n][co][od][oh][ow]
/// x         [n][x_channels][id][ih][iw]
/// w         [co][ci / groups][kd][kh][kw]
/// bias      [co], arithmetic type of x_t
/// init      as y, may be y itself: the sum starts from it
/// residual  as y, not y; added before act
/// Pointers of absent operands are not looked at.

template <class P, class G>
inline void conv_by_gemm(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                         const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                         const typename P::y_t *residual, void *scratch) {
  static_assert((dim)P::scratch >= gemm_bytes<G>, "too little scratch memory");
  conv_images<P, G>(y, x, w, bias, init, residual, [&](const G &g) { gemm(g, scratch); });
}

/// This one: a blocked product of matrices.
template <class P>
inline void conv_gemm(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                      const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                      const typename P::y_t *residual, void *scratch) {
  conv_by_gemm<P, conv_product<P>>(y, x, w, bias, init, residual, scratch);
}

/// Dot products of rows of weights and columns of x, for few columns.
template <class P>
inline void conv_dots(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                      const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                      const typename P::y_t *residual, void *scratch) {
  conv_by_gemm<P, conv_dot_product<P>>(y, x, w, bias, init, residual, scratch);
}

/// One input channel a group, in one or two dimensions, where bands of a plane fit the caches.
template <class P>
inline void conv_planes(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                        const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, void *scratch) {
  using G = conv_product<P>;
  using bands = conv_bands<P, G>;
  static_assert(bands::serves, "its bands do not fit, or it has more channels a group");
  static_assert((dim)P::scratch >= bands::bytes, "too little scratch memory");
  conv_images<P, G>(y, x, w, bias, init, residual, [&](const G &g) { bands::run(g, scratch); });
}

/// A row of outputs at a time: few output channels a group are not worth packed columns.
template <class P>
inline void conv_rows(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                      const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                      const typename P::y_t *residual) {
  using G = conv_product<P>;
  conv_images<P, G>(y, x, w, bias, init, residual, [](const G &g) { conv_all_rows<P>(g); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
