//===- conv_direct.h - convolution with few output channels a group -------===//
// SPDX-License-Identifier: Apache-2.0
//
// Parts of conv.h, whose conv_product is G here. Depthwise convolutions copy a band
// of their plane, with its pads and sorted by stride phase, so that each tap is
// one shifted run over all outputs of the band; what does not fit goes by rows.
#ifndef DISCO_KERNELS_CONV_DIRECT_H
#define DISCO_KERNELS_CONV_DIRECT_H

#include "gemm.h"
#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <class T, int Vectors>
inline void conv_taps_block(dim taps, const T *__restrict x, const int32_t *__restrict offsets,
                            const T *__restrict w, T *__restrict sums) {
  using v = vec<T>;
  typename v::type acc[Vectors];
  DISCO_UNROLL for (int j = 0; j < Vectors; ++j) v::load(acc[j], sums + j * v::lanes);
  for (dim t = 0; t < taps; ++t) {
    typename v::type scale, value;
    v::fill(scale, w[t]);
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
      v::load(value, x + offsets[t] + j * v::lanes);
      acc[j] += scale * value;
    }
  }
  DISCO_UNROLL for (int j = 0; j < Vectors; ++j) v::store(sums + j * v::lanes, acc[j]);
}

/// sums[i] += sum over taps of w[t] * x[i + offsets[t]], `vectors` vectors of sums.
template <class T>
DISCO_WIDE void conv_taps(dim vectors, dim taps, const T *x, const int32_t *offsets, const T *w,
                          T *sums) {
  constexpr int block = 8;
  const dim lanes = vec<T>::lanes, whole = vectors - vectors % block;
  for (dim i = 0; i < whole; i += block)
    conv_taps_block<T, block>(taps, x + i * lanes, offsets, w, sums + i * lanes);
  dim i = whole;
  if (vectors - i >= 4) {
    conv_taps_block<T, 4>(taps, x + i * lanes, offsets, w, sums + i * lanes);
    i += 4;
  }
  if (vectors - i >= 2) {
    conv_taps_block<T, 2>(taps, x + i * lanes, offsets, w, sums + i * lanes);
    i += 2;
  }
  if (vectors - i >= 1)
    conv_taps_block<T, 1>(taps, x + i * lanes, offsets, w, sums + i * lanes);
}

/// Extents of one group, for tiles.h.
template <class P>
inline constexpr window_shape window_of{(dim)(P::ci / P::groups),
                                        (dim)(P::co / P::groups),
                                        (dim)P::id,
                                        (dim)P::ih,
                                        (dim)P::iw,
                                        (dim)P::od,
                                        (dim)P::oh,
                                        (dim)P::ow,
                                        (dim)P::kd,
                                        (dim)P::kh,
                                        (dim)P::kw,
                                        (dim)P::sh,
                                        (dim)P::sw,
                                        (dim)P::pd,
                                        (dim)P::dh,
                                        (dim)P::dw};

/// One input channel a group, one or two dimensions.
template <class P, class G> struct conv_bands {
  using T = typename G::T;
  static constexpr dim lanes = vec<T>::lanes;
  // A phase plane has the inputs of one remainder of row and column by the strides.
  static constexpr band_sizes size = band_sizes_of(here, (dim)sizeof(T), window_of<P>);
  static constexpr bool serves = size.serves;
  static constexpr dim columns = size.columns, more_rows = size.more_rows, rows = size.rows,
                       plane = size.plane, sums_size = size.sums;
  static constexpr dim bytes = band_scratch(here, (dim)sizeof(T), window_of<P>);

  struct table {
    int32_t of[serves ? G::taps : 1];
  };
  static constexpr table make_offsets() {
    table t{};
    for (dim ky = 0; ky < G::kh; ++ky)
      for (dim kx = 0; kx < G::kw; ++kx) {
        const dim y = ky * G::dh, x = kx * G::dw, phase = y % G::sh * G::sw + x % G::sw;
        t.of[ky * G::kw + kx] = (int32_t)(phase * plane + y / G::sh * columns + x / G::sw);
      }
    return t;
  }

  static constexpr table offsets = make_offsets();

  /// Column c of phase px is input column c * sw + px - pw, or 0.
  static void fill_row(T *__restrict to, const typename G::x_t *__restrict row, dim px) {
    const dim shift = G::pw - px;
    const dim low_raw = shift > 0 ? (shift + G::sw - 1) / G::sw : 0;
    const dim high_raw = G::iw + shift <= 0 ? 0 : (G::iw + shift + G::sw - 1) / G::sw;
    const dim low = low_raw < columns ? low_raw : columns,
              fit_high = high_raw < columns ? high_raw : columns;
    const dim high = fit_high < low ? low : fit_high;
    for (dim c = 0; c < low; ++c)
      to[c] = (T)0;
    for (dim c = low; c < high; ++c)
      to[c] = G::take(row[c * G::sw - shift]);
    for (dim c = high; c < columns; ++c)
      to[c] = (T)0;
  }

  static void fill(T *to, const typename G::x_t *x, dim oy0, dim band) {
    for (dim py = 0; py < G::sh; ++py)
      for (dim px = 0; px < G::sw; ++px) {
        T *phase = to + (py * G::sw + px) * plane;
        for (dim r = 0; r < band + more_rows; ++r, phase += columns) {
          const dim iy = (oy0 + r) * G::sh + py - G::ph;
          if (iy >= 0 && iy < G::ih)
            fill_row(phase, x + iy * G::iw, px);
          else
            for (dim c = 0; c < columns; ++c)
              phase[c] = (T)0;
        }
      }
  }

  static void run(const G &g, void *scratch) {
    // Slack is read by the last vector, for nothing.
    T *const sums = (T *)(void *)scratch_start(scratch), *const w = sums + sums_size,
             *const buffer = w + G::taps, *const beyond = buffer + size.phases * plane;
    for (dim i = 0; i < size.slack; ++i)
      beyond[i] = (T)0;
    for (dim oy = 0; oy < G::oh; oy += rows) {
      const dim band = G::oh - oy < rows ? G::oh - oy : rows, used = band * columns;
      fill(buffer, g.channel(0), oy, band);
      for (dim m0 = 0; m0 < G::m; ++m0) {
        const dim at = m0 * G::n + oy * G::ow;
        for (dim t = 0; t < G::taps; ++t)
          w[t] = g.weight(m0, t);
        for (dim i = 0; i < sums_size; ++i)
          sums[i] = (T)0;
        g.start_rows(sums, columns, m0, at, band);
        conv_taps<T>((used + lanes - 1) / lanes, G::taps, buffer, offsets.of, w, sums);
        g.finish_rows(sums, columns, m0, at, band);
      }
    }
  }
};

/// One output row of one channel as a sum of shifted input rows, in pieces that fit the stack.
template <class P, class G> inline void conv_row(const G &g, dim m0, dim oz, dim oy) {
  using T = typename G::T;
  constexpr dim piece = G::ow < 128 ? G::ow : 128;
  T sums[piece > 0 ? piece : 1];
  for (dim ox = 0; ox < G::ow; ox += piece) {
    const dim run = G::ow - ox < piece ? G::ow - ox : piece;
    const dim at = m0 * G::n + (oz * G::oh + oy) * G::ow + ox;
    for (dim i = 0; i < run; ++i)
      sums[i] = P::has_init ? load(g.init[at + i]) : (T)0;
    for (dim c = 0; c < G::ci; ++c) {
      const typename G::x_t *from = g.channel(c);
      const typename G::w_t *w = g.w + m0 * G::k + c * G::taps;
      for (dim kz = 0; kz < (dim)P::kd; ++kz)
        for (dim ky = 0; ky < G::kh; ++ky) {
          const dim iz = oz * G::sd - G::pd + kz * G::dd, iy = oy * G::sh - G::ph + ky * G::dh;
          if (iz < 0 || iz >= G::id || iy < 0 || iy >= G::ih)
            continue;
          for (dim kx = 0; kx < G::kw; ++kx) {
            const T scale = load(w[(kz * G::kh + ky) * G::kw + kx]);
            const dim shift = G::pw - kx * G::dw - ox * G::sw; // input column = i * sw - shift
            const dim low = shift > 0 ? (shift + G::sw - 1) / G::sw : 0;
            const dim high = G::iw + shift <= 0 ? 0 : (G::iw + shift + G::sw - 1) / G::sw;
            const dim row = (iz * G::ih + iy) * G::iw - shift;
            const dim end = high < run ? high : run;
            for (dim i = low; i < end; ++i)
              sums[i] += scale * load(from[row + i * G::sw]);
          }
        }
    }
    const T b = P::has_bias ? g.bias[m0] : (T)0;
    for (dim i = 0; i < run; ++i) {
      T v = sums[i] + b;
      if constexpr (P::has_residual)
        v += load(g.residual[at + i]);
      g.y[at + i] = store<typename G::y_t>(P::act::template apply<typename P::act>(v));
    }
  }
}

template <class P, class G> inline void conv_all_rows(const G &g) {
  for (dim m0 = 0; m0 < G::m; ++m0)
    for (dim oz = 0; oz < G::od; ++oz)
      for (dim oy = 0; oy < G::oh; ++oy)
        conv_row<P>(g, m0, oz, oy);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
