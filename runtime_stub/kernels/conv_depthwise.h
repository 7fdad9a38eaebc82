//===- conv_depthwise.h - convolution of one channel a group --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Vectors go along 16 channels, which lie last in scratch memory. Rows of the input are turned once
// each, into a ring that has as many as an output row reads, with their pads; output rows are
// summed from there, ended, and turned back some at a time. So short rows and strides cost nothing
// more. Where rows are long enough for wide vectors nothing is turned.
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

/// `Rows` rows of outputs of one channel, whose vectors go along the columns, of which there is at
/// least one vector: the last one overlaps the one before. rows: Rows + KH - 1 of the input; w: a
/// tap every 16 numbers.
template <int Rows, int KH, int KW>
DISCO_WIDE void depthwise_lines(dim columns, const float *const *__restrict rows,
                                const float *__restrict w, float bias, float *__restrict y,
                                float low, float high) {
  using v = vec<float>;
  typename v::type lowest, highest, first;
  v::fill(lowest, low);
  v::fill(highest, high);
  v::fill(first, bias);
  for (dim next = 0; next < columns; next += v::lanes) {
    const dim at = least(next, columns - v::lanes);
    typename v::type acc[Rows];
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) acc[r] = first;
    DISCO_UNROLL for (int ky = 0; ky < KH; ++ky) DISCO_UNROLL for (int kx = 0; kx < KW; ++kx) {
      typename v::type scale, value;
      v::fill(scale, w[(ky * KW + kx) * winograd_block]);
      DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
        v::load(value, rows[r + ky] + at + kx);
        acc[r] += scale * value;
      }
    }
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
      acc[r] = acc[r] < lowest ? lowest : acc[r];
      acc[r] = acc[r] > highest ? highest : acc[r];
      v::store(y + r * columns + at, acc[r]);
    }
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

  static constexpr bool ends_in_clip = lane_rows<P>::clips;
  /// Whether vectors go along the columns: where they were found to be faster, with AVX-512 and
  /// windows of 3x3 next to each other, when rows fill them.
  static constexpr bool by_lines =
      !P::has_init && !P::has_residual && sh == 1 && sw == 1 && dh == 1 && dw == 1 && kh == 3 &&
      kw == 3 && vec<float>::lanes == block && ow >= block && 4 * whole_steps(ow, block) <= 5 * ow;
  static constexpr dim together = 4, kept = 2 * together + kh - 1; // rows of outputs, of the input

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

  /// Row iy of one channel between its pads, which are 0 already, or 0 where it is outside.
  static void line(float *to, const float *from, dim iy) {
    constexpr dim low = least(pw > 0 ? pw : 0, size.columns), fit = least(iw + pw, size.columns),
                  high = fit < low ? low : fit;
    if (iy < 0 || iy >= ih)
      memset(to + low, 0, (size_t)(high - low) * sizeof(float));
    else
      memcpy(to + low, from + iy * iw + low - pw, (size_t)(high - low) * sizeof(float));
  }

  /// A channel whose rows are long enough for vectors along them: nothing is turned.
  void lines(dim o) const {
    const float low = ends_in_clip ? clip::low() : -clip::infinite,
                high = ends_in_clip ? clip::high() : clip::infinite,
                start = P::has_bias ? bias[o] : 0.0f;
    const float *const from = x + channel(o) * plane,
                       *const weights = w + o / block * kh * kw * block + o % block, *rows[kept];
    float *to = y + o * n;
    // Rows lie there one turn before they are read: numbers on their way to the cache are slow.
    dim next = -ph;
    for (dim oy = 0, count; oy < oh; oy += count, to += count * ow) {
      count = oh - oy < together ? 1 : together;
      for (; next < least(oy + count + together, oh) - ph + kh - 1; ++next)
        line(ring + (next + ph) % kept * size.columns, from, next);
      for (dim r = 0; r < count + kh - 1; ++r)
        rows[r] = ring + (oy + r) % kept * size.columns;
      if (count == together)
        depthwise_lines<(int)together, (int)kh, (int)kw>(ow, rows, weights, start, to, low, high);
      else
        depthwise_lines<1, (int)kh, (int)kw>(ow, rows, weights, start, to, low, high);
    }
    if constexpr (!ends_in_clip)
      lane_act<typename P::act>(y + o * n, n);
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
    if constexpr (G::by_lines) {
      memset(ring, 0, (size_t)(G::kept * G::size.columns) * sizeof(float));
      for (dim o = 0; o < G::co; ++o)
        g.lines(o);
    } else
      for (dim o = 0; o < G::co; o += G::block)
        g.channels(o);
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
