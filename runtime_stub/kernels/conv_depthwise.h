//===- conv_depthwise.h - convolution of one channel a group --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Vectors go along 16 channels, which lie last in scratch memory. Rows of the input are turned once
// each, into a ring that has as many as an output row reads, with their pads; output rows are
// summed from there, ended, and turned back some at a time. So short rows and strides cost nothing
// more.
#ifndef DISCO_KERNELS_CONV_DEPTHWISE_H
#define DISCO_KERNELS_CONV_DEPTHWISE_H

#include "conv_blocks.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Sums of `Columns` outputs of a row, one vector of their channels.
template <int Columns, int KW, int SW, int DW>
inline void depthwise_columns(dim kh, const float *const *__restrict rows, dim at,
                              const float *__restrict w, const float *bias, float *__restrict y,
                              float low, float high) {
  using v = vec<float>;
  typename v::type acc[Columns], lowest, highest;
  DISCO_UNROLL for (int t = 0; t < Columns; ++t) v::load(acc[t], bias);
  for (dim ky = 0; ky < kh; ++ky) {
    const float *from = rows[ky] + at;
    DISCO_UNROLL for (int kx = 0; kx < KW; ++kx, w += winograd_block) {
      typename v::type scale, value;
      v::load(scale, w);
      DISCO_UNROLL for (int t = 0; t < Columns; ++t) {
        v::load(value, from + (t * SW + kx * DW) * winograd_block);
        acc[t] += scale * value;
      }
    }
  }
  v::fill(lowest, low);
  v::fill(highest, high);
  DISCO_UNROLL for (int t = 0; t < Columns; ++t) {
    acc[t] = acc[t] < lowest ? lowest : acc[t];
    acc[t] = acc[t] > highest ? highest : acc[t];
    v::store(y + t * winograd_block, acc[t]);
  }
}

/// An output row of 16 channels: y [ow][16], `Columns` of them at a time and then `Tail`; rows:
/// where those begin that it reads.
template <int KW, int SW, int DW, int Columns, int Tail>
DISCO_WIDE void depthwise_row(dim ow, dim kh, const float *const *rows, const float *w,
                              const float *bias, float *y, float low, float high) {
  constexpr dim block = winograd_block;
  for (dim lane = 0; lane < block; lane += vec<float>::lanes) {
    dim i = 0;
    for (; i + Columns <= ow; i += Columns)
      depthwise_columns<Columns, KW, SW, DW>(kh, rows, i * SW * block + lane, w + lane, bias + lane,
                                             y + i * block + lane, low, high);
    if constexpr (Tail > 0)
      depthwise_columns<Tail, KW, SW, DW>(kh, rows, i * SW * block + lane, w + lane, bias + lane,
                                          y + i * block + lane, low, high);
  }
}

/// What is done of 16 channels of an image.
template <class P> struct depthwise_image {
  using clip = block_clip<typename P::act>;
  static constexpr dim co = (dim)P::co, ih = (dim)P::ih, iw = (dim)P::iw, oh = (dim)P::oh,
                       ow = (dim)P::ow, kh = (dim)P::kh, kw = (dim)P::kw, sh = (dim)P::sh,
                       sw = (dim)P::sw, dh = (dim)P::dh, dw = (dim)P::dw, ph = (dim)P::ph,
                       pw = (dim)P::pw;
  static constexpr dim plane = ih * iw, n = oh * ow, block = winograd_block,
                       wide = even_parts(ow, 8); // outputs whose sums are in registers
  static constexpr depthwise_sizes size =
      depthwise_sizes_of(here, {1, 1, 1, ih, iw, 1, oh, ow, 1, kh, kw, sh, sw, 0, dh, dw});

  float *y;
  const float *x, *w, *bias, *init, *residual;
  float *ring, *outputs; // scratch memory

  static dim channel(dim i) {
    if constexpr (P::dense_channels)
      return i;
    else
      return (dim)P::channel((int64_t)i);
  }

  /// Row iy of the input with its pads, 0 where it is outside.
  void fill(float *to, const float *const *from, dim iy) const {
    const dim low = least(pw > 0 ? pw : 0, size.columns), fit = least(iw + pw, size.columns),
              high = iy < 0 || iy >= ih || fit < low ? low : fit;
    memset(to, 0, (size_t)(low * block) * sizeof(float));
    memset(to + high * block, 0, (size_t)((size.columns - high) * block) * sizeof(float));
    if (low < high) {
      const float *row[winograd_block];
      for (dim i = 0; i < block; ++i)
        row[i] = from[i] + iy * iw + low - pw;
      winograd_interleave(to + low * block, row, high - low);
    }
  }

  /// The end of output rows from oy on, which are `count` numbers a channel.
  void finish(dim o, dim used, dim oy, dim count) const {
    const lane_rows<P> end{y, init, residual, outputs + size.outputs, size.rows * ow};
    end.finish(outputs, o, used, oy * ow, count);
  }

  void channels(dim o) const {
    constexpr bool ends = lane_rows<P>::clips;
    const dim used = least(block, co - o);
    const float *from[winograd_block], *rows[kh];
    float biases[winograd_block];
    for (dim i = 0; i < block; ++i) { // lanes beyond the last channel are not stored
      from[i] = x + channel(i < used ? o + i : co - 1) * plane;
      biases[i] = P::has_bias && i < used ? bias[o + i] : 0.0f;
    }
    dim next = -ph; // the row of the input that the ring has not yet
    for (dim oy = 0; oy < oh; oy += size.rows) {
      const dim count = least(size.rows, oh - oy);
      for (dim r = 0; r < count; ++r) {
        const dim first = (oy + r) * sh - ph;
        for (next = next < first ? first : next; next < first + size.ring; ++next)
          fill(ring + (next + ph) % size.ring * size.columns * block, from, next);
        for (dim ky = 0; ky < kh; ++ky)
          rows[ky] = ring + (first + ky * dh + ph) % size.ring * size.columns * block;
        depthwise_row<(int)kw, (int)sw, (int)dw, (int)wide, (int)(ow % wide)>(
            ow, kh, rows, w + o * kh * kw, biases, outputs + r * ow * block,
            ends ? clip::low() : -clip::infinite, ends ? clip::high() : clip::infinite);
      }
      finish(o, used, oy, count * ow);
    }
  }
};

/// y = act(conv(x, w) + init + bias + residual) of floats, one input and one output channel a
/// group, one depth. P: as conv_gemm. w [co / 16][kh][kw][16]: lanes beyond the last channel are 0.
template <class P>
inline void conv_depthwise(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                           const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                           const typename P::y_t *residual, void *scratch) {
  using G = depthwise_image<P>;
  static_assert(P::ci == P::groups && P::co == P::groups && P::kd == 1 && P::id == 1 && P::od == 1,
                "one channel a group, one depth");
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
              ring,
              ring + G::size.inputs};
    for (dim o = 0; o < G::co; o += G::block)
      g.channels(o);
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
