//===- conv_pixels.h - convolution of few channels, rows of pixels ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// Vectors go along 16 output channels, and numbers of the input are broadcast from where they lie:
// nothing is packed, whatever the kernel and its strides. Rows of the input are copied once each,
// with their pads, into a ring that has as many as an output row reads; the sums of some pixels of
// a row stay in registers, and are turned when some rows are there.
#ifndef DISCO_KERNELS_CONV_PIXELS_H
#define DISCO_KERNELS_CONV_PIXELS_H

#include "conv_blocks.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Sums of `Pixels` outputs of a row, `Lanes` channels of each of `Blocks` blocks; rows: where
/// those of the first input channel begin, others are `apart` numbers from them.
template <int Pixels, int Blocks, int Lanes, int KW, int SW, int DW>
DISCO_WIDE void pixel_tile(dim ci, dim apart, dim kh, const float *const *__restrict rows, dim at,
                           const float *__restrict w, dim w_block, const float *bias,
                           float *__restrict y, dim y_block, float low, float high) {
  constexpr int wanted = Lanes * (int)sizeof(float);
  using v = vec < float, wanted<DISCO_VECTOR_BYTES ? wanted : DISCO_VECTOR_BYTES>;
  constexpr int each = Lanes / (int)v::lanes, vectors = Blocks * each;
  typename v::type acc[Pixels][vectors], lowest, highest;
  DISCO_UNROLL for (int j = 0; j < vectors; ++j) {
    v::load(acc[0][j], bias + j * v::lanes);
    DISCO_UNROLL for (int t = 1; t < Pixels; ++t) acc[t][j] = acc[0][j];
  }
  for (dim c = 0; c < ci; ++c)
    for (dim ky = 0; ky < kh; ++ky) {
      const float *from = rows[ky] + c * apart + at;
      DISCO_UNROLL for (int kx = 0; kx < KW; ++kx, w += winograd_block) {
        typename v::type scale[vectors], value;
        DISCO_UNROLL for (int j = 0; j < vectors; ++j)
            v::load(scale[j], w + j / each * w_block + j % each * v::lanes);
        DISCO_UNROLL for (int t = 0; t < Pixels; ++t) {
          v::fill(value, from[t * SW + kx * DW]);
          DISCO_UNROLL for (int j = 0; j < vectors; ++j) acc[t][j] += scale[j] * value;
        }
      }
    }
  v::fill(lowest, low);
  v::fill(highest, high);
  DISCO_UNROLL for (int t = 0; t < Pixels; ++t) DISCO_UNROLL for (int j = 0; j < vectors; ++j) {
    acc[t][j] = acc[t][j] < lowest ? lowest : acc[t][j];
    acc[t][j] = acc[t][j] > highest ? highest : acc[t][j];
    v::store(y + j / each * y_block + t * winograd_block + j % each * v::lanes, acc[t][j]);
  }
}

/// What is done of an image.
template <class P> struct pixel_image {
  using clip = block_clip<typename P::act>;
  using end = lane_rows<P>;
  static constexpr dim ci = (dim)P::ci, co = (dim)P::co, ih = (dim)P::ih, iw = (dim)P::iw,
                       oh = (dim)P::oh, ow = (dim)P::ow, kh = (dim)P::kh, kw = (dim)P::kw,
                       sh = (dim)P::sh, sw = (dim)P::sw, dh = (dim)P::dh, dw = (dim)P::dw,
                       ph = (dim)P::ph, pw = (dim)P::pw;
  static constexpr dim plane = ih * iw, block = winograd_block, k = ci * kh * kw,
                       blocks = (co + block - 1) / block;
  static constexpr pixel_sizes size =
      pixel_sizes_of(here, {ci, co, 1, ih, iw, 1, oh, ow, 1, kh, kw, sh, sw, 0, dh, dw});
  static constexpr int wide = (int)size.pixels, tail = (int)(ow % size.pixels),
                       together = (int)size.blocks, whole = (int)block, half = whole / 2;
  /// A last block that is computed alone, and of which no more is there than half: of that, half a
  /// vector takes as long as a whole one on processors that cut those in two.
  static constexpr bool ends_in_half =
      (together == 1 || blocks % together != 0) && co % block > 0 && co % block <= half;

  float *y;
  const float *x, *w, *bias, *init, *residual;
  float *ring, *outputs, *biases; // scratch memory

  static dim channel(dim i) {
    if constexpr (P::dense_channels)
      return i;
    else
      return (dim)P::channel((int64_t)i);
  }

  /// Row iy of every channel with its pads, 0 where it is outside.
  void fill(float *to, dim iy) const {
    constexpr dim low = least(pw > 0 ? pw : 0, size.columns), fit = least(iw + pw, size.columns),
                  high = fit < low ? low : fit;
    for (dim c = 0; c < ci; ++c, to += size.columns) {
      if (iy < 0 || iy >= ih) {
        memset(to, 0, (size_t)size.columns * sizeof(float));
        continue;
      }
      memset(to, 0, (size_t)low * sizeof(float));
      if constexpr (low < high)
        memcpy(to + low, x + channel(c) * plane + iy * iw + low - pw,
               (size_t)(high - low) * sizeof(float));
      memset(to + high, 0, (size_t)(size.columns - high) * sizeof(float));
    }
  }

  /// A row of outputs [ow][16] of some blocks from b on.
  template <int Blocks, int Lanes> void row(const float *const *rows, dim b, float *to) const {
    const float low = end::clips ? clip::low() : -clip::infinite,
                high = end::clips ? clip::high() : clip::infinite;
    dim i = 0;
    for (; i + wide <= ow; i += wide)
      pixel_tile<wide, Blocks, Lanes, (int)kw, (int)sw, (int)dw>(
          ci, size.columns, kh, rows, i * sw, w + b * k * block, k * block, biases + b * block,
          to + i * block, size.outputs, low, high);
    if constexpr (tail > 0)
      pixel_tile<tail, Blocks, Lanes, (int)kw, (int)sw, (int)dw>(
          ci, size.columns, kh, rows, i * sw, w + b * k * block, k * block, biases + b * block,
          to + i * block, size.outputs, low, high);
  }

  void run() const {
    constexpr dim one = ci * size.columns;
    for (dim i = 0; i < blocks * block; ++i)
      biases[i] = P::has_bias && i < co ? bias[i] : 0.0f;
    const end ends{y, init, residual, outputs + blocks * size.outputs, size.rows * ow};
    const float *rows[kh];
    dim next = -ph; // the row of the input that the ring has not yet
    for (dim oy = 0; oy < oh; oy += size.rows) {
      const dim count = least(size.rows, oh - oy);
      for (dim r = 0; r < count; ++r) {
        const dim first = (oy + r) * sh - ph;
        for (next = next < first ? first : next; next < first + size.ring; ++next)
          fill(ring + (next + ph) % size.ring * one, next);
        for (dim ky = 0; ky < kh; ++ky)
          rows[ky] = ring + (first + ky * dh + ph) % size.ring * one;
        float *to = outputs + r * ow * block;
        dim b = 0;
        constexpr dim full = ends_in_half ? blocks - 1 : blocks;
        for (; b + together <= full; b += together, to += together * size.outputs)
          row<together, whole>(rows, b, to);
        if constexpr (ends_in_half)
          row<1, half>(rows, b, to);
        else if constexpr (blocks % together != 0)
          row<1, whole>(rows, b, to);
      }
      for (dim b = 0; b < blocks; ++b)
        ends.finish(outputs + b * size.outputs, b * block, least(block, co - b * block), oy * ow,
                    count * ow);
    }
  }
};

/// y = act(conv(x, w) + init + bias + residual) of floats, one group, one depth. P: as conv_gemm.
/// w [co / 16][ci][kh][kw][16]: lanes beyond the last channel are 0.
template <class P>
inline void conv_pixels(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                        const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, void *scratch) {
  using G = pixel_image<P>;
  static_assert(P::groups == 1 && P::kd == 1 && P::id == 1 && P::od == 1, "one group, one depth");
  static_assert((dim)P::scratch >= G::size.bytes, "too little scratch memory");
  float *const ring = (float *)(void *)scratch_start(scratch),
               *const biases = ring + G::size.inputs, *const outputs = biases + G::size.biases;
  for (dim image = 0; image < (dim)P::n; ++image) {
    const dim at = image * G::co * G::oh * G::ow;
    const G g{y + at,
              x + image * (dim)P::x_channels * G::plane,
              w,
              bias,
              P::has_init ? init + at : nullptr,
              P::has_residual ? residual + at : nullptr,
              ring,
              outputs,
              biases};
    g.run();
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
