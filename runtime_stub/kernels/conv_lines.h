//===- conv_lines.h - convolution of few channels, vectors along rows ------===//
// SPDX-License-Identifier: Apache-2.0
//
// Rows that are whole vectors: sums of some output channels and vectors of columns stay in
// registers, from what they start with to what is stored; nothing is packed and nothing turned.
// Rows of the input are copied once each, with their pads, into a ring, one turn before they are
// read: numbers on their way to the cache are slow.
#ifndef DISCO_KERNELS_CONV_LINES_H
#define DISCO_KERNELS_CONV_LINES_H

#include "conv_blocks.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// `Channels` x `Rows` x `Vectors` outputs, of which `used` channels are stored. lines: KH rows of
/// the input for each of the output, those of other channels are `apart` numbers from them; w
/// [ci][KH][KW][16].
template <int Channels, int Rows, int Vectors, int KH, int KW, int DW>
DISCO_WIDE void line_tile(dim ci, dim apart, const float *const *__restrict lines, dim at,
                          const float *__restrict w, float *y, dim y_plane, dim y_row,
                          const float *init, dim used, const block_end &end) {
  using v = vec<float>;
  constexpr int all = Rows * Vectors;
  typename v::type acc[Channels][all], low, high, more;
  DISCO_UNROLL for (int c = 0; c < Channels; ++c) {
    v::fill(more, end.bias && c < used ? end.bias[c] : 0.0f);
    DISCO_UNROLL for (int j = 0; j < all; ++j) {
      acc[c][j] = more;
      if (init && c < used) {
        v::load(more, init + c * y_plane + j / Vectors * y_row + j % Vectors * v::lanes);
        acc[c][j] += more;
        v::fill(more, end.bias ? end.bias[c] : 0.0f);
      }
    }
  }
  for (dim i = 0; i < ci; ++i, at += apart)
    DISCO_UNROLL for (int ky = 0; ky < KH; ++ky)
        DISCO_UNROLL for (int kx = 0; kx < KW; ++kx, w += winograd_block) {
      typename v::type x[all], scale;
      DISCO_UNROLL for (int j = 0; j < all; ++j)
          v::load(x[j], lines[j / Vectors * KH + ky] + at + kx * DW + j % Vectors * v::lanes);
      DISCO_UNROLL for (int c = 0; c < Channels; ++c) {
        v::fill(scale, w[c]);
        DISCO_UNROLL for (int j = 0; j < all; ++j) acc[c][j] += scale * x[j];
      }
    }
  v::fill(low, end.low);
  v::fill(high, end.high);
  DISCO_UNROLL for (int c = 0; c < Channels; ++c) {
    if (c >= used)
      return;
    DISCO_UNROLL for (int j = 0; j < all; ++j) {
      const dim to = c * y_plane + j / Vectors * y_row + j % Vectors * v::lanes;
      if (end.residual) {
        v::load(more, end.residual + to);
        acc[c][j] += more;
      }
      acc[c][j] = acc[c][j] < low ? low : acc[c][j];
      acc[c][j] = acc[c][j] > high ? high : acc[c][j];
      v::store(y + to, acc[c][j]);
    }
  }
}

/// What is done of an image.
template <class P> struct line_image {
  using act = typename P::act;
  using clip = block_clip<act>;
  static constexpr dim ci = (dim)P::ci, co = (dim)P::co, ih = (dim)P::ih, iw = (dim)P::iw,
                       oh = (dim)P::oh, ow = (dim)P::ow, kh = (dim)P::kh, kw = (dim)P::kw,
                       sh = (dim)P::sh, dh = (dim)P::dh, dw = (dim)P::dw, ph = (dim)P::ph,
                       pw = (dim)P::pw;
  static constexpr dim plane = ih * iw, n = oh * ow, block = winograd_block, k = ci * kh * kw;
  static constexpr line_sizes size =
      line_sizes_of(here, {ci, co, 1, ih, iw, 1, oh, ow, 1, kh, kw, sh, 1, 0, dh, dw});

  float *y;
  const float *x, *w, *bias, *init, *residual;
  float *ring; // scratch memory

  static dim channel(dim i) {
    if constexpr (P::dense_channels)
      return i;
    else
      return (dim)P::channel((int64_t)i);
  }

  /// Row iy of every channel between its pads, which are 0 already, or 0 where it is outside.
  void fill(float *to, dim iy) const {
    constexpr dim low = least(pw > 0 ? pw : 0, size.columns), fit = least(iw + pw, size.columns),
                  high = fit < low ? low : fit;
    if constexpr (low < high)
      for (dim c = 0; c < ci; ++c, to += size.columns) {
        if (iy < 0 || iy >= ih)
          memset(to + low, 0, (size_t)(high - low) * sizeof(float));
        else
          memcpy(to + low, x + channel(c) * plane + iy * iw + low - pw,
                 (size_t)(high - low) * sizeof(float));
      }
  }

  /// `Rows` rows of outputs from oy on.
  template <int Rows> void rows(dim oy) const {
    constexpr int step = DISCO_TILE_ROWS, half = step > 4 ? 4 : step, vectors = (int)size.vectors;
    const float *lines[Rows * kh];
    for (dim r = 0; r < Rows; ++r)
      for (dim ky = 0; ky < kh; ++ky)
        lines[r * kh + ky] = ring + ((oy + r) * sh + ky * dh) % size.ring * ci * size.columns;
    for (dim c = 0; c < co; c += step) {
      const dim used = least(step, co - c);
      const float *weights = w + c / block * k * block + c % block;
      for (dim i = 0; i < ow; i += vectors * vec<float>::lanes) {
        const dim at = c * n + oy * ow + i;
        const block_end end{P::has_bias ? bias + c : nullptr,
                            P::has_residual ? residual + at : nullptr, clip::low(), clip::high()};
        const float *first = P::has_init ? init + at : nullptr;
        if (used > half)
          line_tile<step, Rows, vectors, (int)kh, (int)kw, (int)dw>(
              ci, size.columns, lines, i, weights, y + at, n, ow, first, used, end);
        else
          line_tile<half, Rows, vectors, (int)kh, (int)kw, (int)dw>(
              ci, size.columns, lines, i, weights, y + at, n, ow, first, used, end);
      }
    }
  }

  void run() const {
    constexpr dim together = size.rows;
    memset(ring, 0, (size_t)size.inputs * sizeof(float));
    dim next = 0; // the row of the padded input that the ring has not yet
    for (dim oy = 0, count; oy < oh; oy += count) {
      count = oh - oy < together ? 1 : together;
      const dim first = oy * sh, last = least(oy + 2 * together, oh) * sh - sh + (kh - 1) * dh;
      for (next = next < first ? first : next; next <= last; ++next)
        fill(ring + next % size.ring * ci * size.columns, next - ph);
      if (count == together)
        rows<(int)together>(oy);
      else
        rows<1>(oy);
    }
    if constexpr (!clip::serves)
      lane_act<act>(y, co * n);
  }
};

/// y = act(conv(x, w) + init + bias + residual) of floats, one group, one depth, a stride of 1
/// along rows of the output, which are whole vectors. P: as conv_gemm. w [co / 16][ci][kh][kw][16]:
/// lanes beyond the last channel are 0.
template <class P>
inline void conv_lines(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                       const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                       const typename P::y_t *residual, void *scratch) {
  using G = line_image<P>;
  static_assert(P::groups == 1 && P::kd == 1 && P::id == 1 && P::od == 1, "one group, one depth");
  static_assert(P::sw == 1 && G::size.serves, "whole vectors, one next to the other");
  static_assert((dim)P::scratch >= G::size.bytes, "too little scratch memory");
  float *const ring = (float *)(void *)scratch_start(scratch);
  for (dim image = 0; image < (dim)P::n; ++image) {
    const dim at = image * G::co * G::n;
    const G g{y + at,
              x + image * (dim)P::x_channels * G::plane,
              w,
              bias,
              P::has_init ? init + at : nullptr,
              P::has_residual ? residual + at : nullptr,
              ring};
    g.run();
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
