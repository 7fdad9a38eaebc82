//===- conv_blocks.h - convolution with weights in blocks of 16 rows ------===//
// SPDX-License-Identifier: Apache-2.0
//
// A product of matrices whose weights the compiler has packed, [co / 16][k][16]. Columns of the
// input are packed into panels of whole tiles, whose vectors go along the columns; sums stay in
// registers until their bias, residual and clip are applied. The columns that do not fill a tile,
// of which an image of 7 x 7 has only one, and small images nothing but, are multiplied with
// vectors along the output channels, where any number of columns is as good as another.
#ifndef DISCO_KERNELS_CONV_BLOCKS_H
#define DISCO_KERNELS_CONV_BLOCKS_H

#include "conv.h"
#include "conv_winograd.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The end of sums: what is added, and between what they are clipped.
struct block_end {
  const float *bias, *residual; // null where absent
  float low, high;
};

/// Which activations are a clip.
template <class Act> struct block_clip {
  static constexpr bool none = same<Act, act_none>, relu = __is_base_of(act_relu, Act),
                        clip = __is_base_of(act_clip, Act), serves = none || relu || clip;
  static constexpr float infinite = __builtin_huge_valf();
  static float low() {
    if constexpr (clip)
      return cast_element<float>(Act::min);
    return relu ? 0.0f : -infinite;
  }
  static float high() {
    if constexpr (clip)
      return cast_element<float>(Act::max);
    return infinite;
  }
};

/// Rows x Vectors sums of y, of which `used` rows are stored: w [k][16], x [k][x_row]. They start
/// from `init` unless that is null, and are ended where nothing is to follow.
template <int Rows, int Vectors>
DISCO_WIDE void block_tile(dim k, const float *__restrict w, const float *__restrict x, dim x_row,
                           float *y, dim y_row, const float *init, dim used, bool last,
                           const block_end &end) {
  using v = vec<float>;
  constexpr dim rows_ahead = 6, weights_ahead = 64 * winograd_block;
  typename v::type acc[Rows][Vectors];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
    if (init && r < used)
      v::load(acc[r][j], init + r * y_row + j * v::lanes);
    else
      v::fill(acc[r][j], 0.0f);
  }
  for (dim i = 0; i < k; ++i, w += winograd_block, x += x_row) {
    ask_for(w + weights_ahead);
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) ask_for(x + rows_ahead * x_row + j * v::lanes);
    typename v::type xv[Vectors];
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) v::load(xv[j], x + j * v::lanes);
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
      typename v::type wv;
      v::fill(wv, w[r]);
      DISCO_UNROLL for (int j = 0; j < Vectors; ++j) acc[r][j] += wv * xv[j];
    }
  }
  typename v::type low, high, more;
  v::fill(low, end.low);
  v::fill(high, end.high);
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    if (r >= used)
      return;
    if (last) {
      DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
        v::fill(more, end.bias ? end.bias[r] : 0.0f);
        acc[r][j] += more;
        if (end.residual) {
          v::load(more, end.residual + r * y_row + j * v::lanes);
          acc[r][j] += more;
        }
        acc[r][j] = acc[r][j] < low ? low : acc[r][j];
        acc[r][j] = acc[r][j] > high ? high : acc[r][j];
      }
    }
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        v::store(y + r * y_row + j * v::lanes, acc[r][j]);
  }
}

/// The activation of a tile's rows, where it is no clip.
template <class Act> DISCO_WIDE void block_act(float *y, dim y_row, dim rows) {
  constexpr dim width = gemm_tile_of(here, 4).nr;
  for (dim r = 0; r < rows; ++r, y += y_row)
    for (dim j = 0; j < width; ++j)
      y[j] = Act::template apply<Act>(y[j]);
}

/// The activation of `count` numbers one after the other.
template <class Act> DISCO_WIDE void lane_act(float *x, dim count) {
  for (dim i = 0; i < count; ++i)
    x[i] = Act::template apply<Act>(x[i]);
}

/// What is done of an image.
template <class P> struct block_image : conv_product<P> {
  using G = conv_product<P>;
  using act = typename P::act;
  using clip = block_clip<act>;
  static constexpr bool direct = G::pointwise && P::dense_channels;
  static constexpr dim m = G::m, n = G::n, k = G::k, block = winograd_block;
  static constexpr block_sizes size = block_sizes_of(here, {m, n, k, direct});

  /// What sums of row m0 and column n0 start from; null: from zero.
  const float *start(dim m0, dim n0, dim k0) const {
    const dim at = m0 * n + n0;
    return k0 > 0 ? G::y + at : P::has_init ? G::init + at : nullptr;
  }

  /// Whole tiles, for the rows of some blocks.
  void rows(dim m0, dim m1, dim n0, dim n1, dim k0, dim kc, const float *from, dim from_row) const {
    constexpr dim step = DISCO_TILE_ROWS;
    for (; m0 < m1; m0 += step)
      for (dim i = n0; i < n1; i += size.width)
        tile(m0, least(step, m1 - m0), i, k0, kc, from + (i - n0), from_row);
  }

  void tile(dim m0, dim used, dim n0, dim k0, dim kc, const float *from, dim from_row) const {
    constexpr int step = DISCO_TILE_ROWS, half = step > 4 ? 4 : step, vectors = DISCO_TILE_VECTORS;
    const bool last = k0 + kc == k;
    const dim at = m0 * n + n0;
    const float *weights = G::w + (m0 / block * k + k0) * block + m0 % block,
                *first = start(m0, n0, k0);
    float *const to = G::y + at;
    const block_end end{P::has_bias ? G::bias + m0 : nullptr,
                        P::has_residual ? G::residual + at : nullptr, clip::low(), clip::high()};
    if (used > half)
      block_tile<step, vectors>(kc, weights, from, from_row, to, n, first, used, last, end);
    else
      block_tile<half, vectors>(kc, weights, from, from_row, to, n, first, used, last, end);
    if constexpr (!clip::serves)
      if (last)
        block_act<act>(to, n, used);
  }

  /// The columns that fill no tile, for some blocks of rows.
  void rest(dim m0, dim blocks, dim k0, dim kc, const float *from, dim from_row, float *sums,
            float *ends) const {
    constexpr dim fours = whole_steps(size.rest, 4);
    winograd_product<true>(blocks, size.rest, kc, from, from_row, G::w + (m0 * k + k0 * block),
                           k * block, sums, blocks * block);
    for (dim b = 0; b < blocks; ++b, m0 += block) {
      const dim used = least(block, m - m0), at = m0 * n + size.whole;
      winograd_separate(ends, fours, sums + b * block, blocks * block, fours);
      if (const float *sum = start(m0, size.whole, k0))
        winograd_add(ends, fours, sum, n, used, size.rest);
      if (k0 + kc == k)
        product_rows<act, P::has_bias, P::has_residual>(
            G::y + at, n, ends, fours, P::has_bias ? G::bias + m0 : nullptr, 1,
            P::has_residual ? G::residual + at : nullptr, used, size.rest);
      else
        product_rows<act_none, false, false>(G::y + at, n, ends, fours, (const float *)nullptr, 0,
                                             (const float *)nullptr, used, size.rest);
    }
  }

  void run(void *scratch) const {
    float *const panel = (float *)(void *)scratch_start(scratch),
                 *const beside = panel + size.panel, *const sums = beside + size.beside,
                 *const ends = sums + size.sums;
    dim n0 = 0;
    do {
      const dim wide = least(size.strip, size.whole - n0), n1 = n0 + wide;
      const bool with_rest = size.rest > 0 && n1 == size.whole;
      for (dim k0 = 0; k0 < k; k0 += size.k_step) {
        const dim kc = least(size.k_step, k - k0);
        const float *strip = panel, *last = beside;
        if constexpr (direct) {
          strip = G::x + k0 * n + n0;
          last = G::x + k0 * n + size.whole;
        } else {
          G::pack_b(panel, k0, kc, n0, wide, wide);
          if (with_rest)
            G::pack_b(beside, k0, kc, size.whole, size.rest, size.rest);
        }
        for (dim m0 = 0; m0 < m; m0 += size.blocks * block) {
          const dim blocks = least(size.blocks, (m - m0 + block - 1) / block);
          rows(m0, least(m, m0 + blocks * block), n0, n1, k0, kc, strip, direct ? n : wide);
          if (with_rest)
            rest(m0, blocks, k0, kc, last, direct ? n : size.rest, sums, ends);
        }
      }
      n0 = n1;
    } while (n0 < size.whole);
  }
};

/// y[i * y_row + j] = x[j][i] of `used` channels i and `count` columns j.
DISCO_WIDE inline void lanes_to_rows(float *__restrict y, dim y_row, const float *x, dim used,
                                     dim count) {
  const dim whole = used == winograd_block ? count - count % 4 : 0;
  winograd_separate(y, y_row, x, winograd_block, whole);
  for (dim i = 0; i < used; ++i)
    for (dim j = whole; j < count; ++j)
      y[i * y_row + j] = x[j * winograd_block + i];
}

/// Where the numbers of an image go that have 16 channels last, and what is added to them.
template <class P> struct lane_rows {
  using act = typename P::act;
  static constexpr dim n = (dim)(P::oh * P::ow);
  /// Whether the activation is a clip, which is applied before they come here.
  static constexpr bool clips = !P::has_init && !P::has_residual && block_clip<act>::serves;

  float *y;
  const float *init, *residual;
  float *ends; // scratch memory, 16 rows
  dim row;

  /// `used` channels from o on, `count` numbers each from `first` on.
  void finish(float *x, dim o, dim used, dim first, dim count) const {
    const dim at = o * n + first;
    if constexpr (!P::has_init && !P::has_residual) {
      if constexpr (!clips)
        lane_act<act>(x, count * winograd_block);
      lanes_to_rows(y + at, n, x, used, count);
    } else {
      lanes_to_rows(ends, row, x, used, count);
      if constexpr (P::has_init)
        winograd_add(ends, row, init + at, n, used, count);
      product_rows<act, false, P::has_residual>(y + at, n, ends, row, (const float *)nullptr, 0,
                                                P::has_residual ? residual + at : nullptr, used,
                                                count);
    }
  }
};

/// y = act(conv(x, w) + init + bias + residual) of floats, one group.
/// P: as conv_gemm. w [co / 16][ci][kd][kh][kw][16]: lanes beyond the last channel are 0.
template <class P>
inline void conv_blocks(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                        const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                        const typename P::y_t *residual, void *scratch) {
  using G = block_image<P>;
  static_assert(P::groups == 1, "one group");
  static_assert((dim)P::scratch >= G::size.bytes, "too little scratch memory");
  conv_images<P, G>(y, x, w, bias, init, residual, [&](const G &g) { g.run(scratch); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
