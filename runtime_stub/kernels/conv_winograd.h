//===- conv_winograd.h - 3x3 convolution with fewer multiplications -------===//
// SPDX-License-Identifier: Apache-2.0
//
// Winograd's F(2x2, 3x3) and F(4x4, 3x3): a tile of outputs costs 16 or 36 multiplications a pair
// of channels instead of 36 or 144. F(4x4) has the points 0, +-sqrt(1/2), +-sqrt(2) and infinity,
// which lose less than the usual ones. The compiler transforms the weights
// (#disco.winograd). A batch of tiles goes through all steps before the next,
// so that what lies between them stays in the caches: 16 channels of the input with its pads,
// channels last; their transforms; one product of matrices for each place of a tile, vectors along
// output channels and scalars from the input; transforms of the sums; and the end of the op by
// rows.
#ifndef DISCO_KERNELS_CONV_WINOGRAD_H
#define DISCO_KERNELS_CONV_WINOGRAD_H

#include "gemm.h"
#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Four by four numbers in every 16 bytes of a vector.
template <int Bytes> struct quads;
template <> struct quads<16> {
  using v = vec<float, 16>;
  using type = v::type;
  static void low(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  }
  static void high(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  }
  /// Four numbers of each fourth channel.
  static void load(type &q, const float *const *x, dim at) { v::load(q, x[0] + at); }
  static void store(float *y, dim, const type &q) { v::store(y, q); }
};
template <> struct quads<32> {
  using half = quads<16>;
  using type = vec<float, 32>::type;
  static void low(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
  }
  static void high(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  }
  static void load(type &q, const float *const *x, dim at) {
    half::type a, b;
    half::load(a, x, at);
    half::load(b, x + 4, at);
    q = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
  }
  static void store(float *y, dim row, const type &q) {
    half::store(y, row, __builtin_shufflevector(q, q, 0, 1, 2, 3));
    half::store(y + 4 * row, row, __builtin_shufflevector(q, q, 4, 5, 6, 7));
  }
};
template <> struct quads<64> {
  using half = quads<32>;
  using type = vec<float, 64>::type;
  static void low(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  }
  static void high(type &y, const type &a, const type &b) {
    y = __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  }
  static void load(type &q, const float *const *x, dim at) {
    half::type a, b;
    half::load(a, x, at);
    half::load(b, x + 8, at);
    q = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
  static void store(float *y, dim row, const type &q) {
    half::store(y, row, __builtin_shufflevector(q, q, 0, 1, 2, 3, 4, 5, 6, 7));
    half::store(y + 8 * row, row, __builtin_shufflevector(q, q, 8, 9, 10, 11, 12, 13, 14, 15));
  }
};

/// a[i][j] of every four becomes a[j][i].
template <class Q> inline void turn(typename Q::type *a) {
  typename Q::type ac, bd, ac2, bd2;
  Q::low(ac, a[0], a[2]);
  Q::low(bd, a[1], a[3]);
  Q::high(ac2, a[0], a[2]);
  Q::high(bd2, a[1], a[3]);
  Q::low(a[0], ac, bd);
  Q::high(a[1], ac, bd);
  Q::low(a[2], ac2, bd2);
  Q::high(a[3], ac2, bd2);
}

/// y[j][i] = x[i][j]: a block of channels, from rows to channels last.
DISCO_WIDE inline void winograd_interleave(float *__restrict y, const float *const *x, dim count) {
  using v = vec<float>;
  using q = quads<DISCO_VECTOR_BYTES>;
  const dim whole = count & ~dim{3};
  for (dim j = 0; j < whole; j += 4)
    for (dim i = 0; i < winograd_block; i += v::lanes) {
      typename q::type a[4];
      DISCO_UNROLL for (int c = 0; c < 4; ++c) q::load(a[c], x + i + c, j);
      turn<q>(a);
      DISCO_UNROLL for (int c = 0; c < 4; ++c) v::store(y + (j + c) * winograd_block + i, a[c]);
    }
  for (dim j = 0; j < (count & 3); ++j) // a bound that compilers see
    for (dim i = 0; i < winograd_block; ++i)
      y[(whole + j) * winograd_block + i] = x[i][whole + j];
}

/// y[i * y_row + j] = x[j * x_row + i], for whole fours of columns j.
DISCO_WIDE inline void winograd_separate(float *__restrict y, dim y_row, const float *x, dim x_row,
                                         dim count) {
  using v = vec<float>;
  using q = quads<DISCO_VECTOR_BYTES>;
  for (dim j = 0; j < count; j += 4, x += 4 * x_row)
    for (dim i = 0; i < winograd_block; i += v::lanes) {
      typename q::type a[4];
      DISCO_UNROLL for (int c = 0; c < 4; ++c) v::load(a[c], x + c * x_row + i);
      turn<q>(a);
      DISCO_UNROLL for (int c = 0; c < 4; ++c) q::store(y + (i + c) * y_row + j, y_row, a[c]);
    }
}

/// One direction of the transforms of a tile whose outputs are M x M.
template <int M> struct winograd_form;

template <> struct winograd_form<2> {
  template <class V>
  static void input(V *to, int step, const V &a, const V &b, const V &c, const V &d) {
    to[0] = a - c;
    to[step] = b + c;
    to[2 * step] = c - b;
    to[3 * step] = d - b;
  }
  template <class V> static void output(V *to, int step, const V *s, int by) {
    to[0] = s[0] + s[by] + s[2 * by];
    to[step] = s[by] - s[2 * by] + s[3 * by];
  }
  template <class V> static void input(V *to, int step, const V *d, int by) {
    input(to, step, d[0], d[by], d[2 * by], d[3 * by]);
  }
};

template <> struct winograd_form<4> {
  static constexpr float near = 0.70710678118654752440f, far = 1.41421356237309504880f;
  template <class V> static void input(V *to, int step, const V *d, int by) {
    const V even = d[4 * by] - d[2 * by] * 2.0f, odd = (d[3 * by] - d[by] * 2.0f) * near,
            even2 = d[4 * by] - d[2 * by] * 0.5f, odd2 = (d[3 * by] - d[by] * 0.5f) * far;
    to[0] = d[0] - d[2 * by] * 2.5f + d[4 * by];
    to[step] = even + odd;
    to[2 * step] = even - odd;
    to[3 * step] = even2 + odd2;
    to[4 * step] = even2 - odd2;
    to[5 * step] = d[by] - d[3 * by] * 2.5f + d[5 * by];
  }
  template <class V> static void output(V *to, int step, const V *s, int by) {
    const V sum = s[by] + s[2 * by], sum2 = s[3 * by] + s[4 * by],
            difference = (s[by] - s[2 * by]) * near, difference2 = (s[3 * by] - s[4 * by]) * far;
    to[0] = s[0] + sum + sum2;
    to[step] = difference + difference2;
    to[2 * step] = sum * 0.5f + sum2 * 2.0f;
    to[3 * step] = difference * 0.5f + difference2 * 2.0f + s[5 * by];
  }
};

/// Transforms of the block's tiles: place p of tile t goes to v + p * v_place + t * v_tile.
template <int M>
DISCO_WIDE void winograd_input(float *__restrict v, dim v_place, dim v_tile,
                               const float *__restrict x, dim x_row, dim down, dim across) {
  using u = vec<float>;
  constexpr int a = M + 2;
  for (dim t = 0; t < down * across; ++t) {
    const float *from = x + t / across * M * x_row + t % across * M * winograd_block;
    for (dim lane = 0; lane < winograd_block; lane += u::lanes) {
      typename u::type d[a * a], half[a * a];
      DISCO_UNROLL for (int i = 0; i < a; ++i) DISCO_UNROLL for (int j = 0; j < a; ++j)
          u::load(d[i * a + j], from + i * x_row + j * winograd_block + lane);
      DISCO_UNROLL for (int j = 0; j < a; ++j) winograd_form<M>::input(half + j, a, d + j, a);
      DISCO_UNROLL for (int i = 0; i < a; ++i)
          winograd_form<M>::input(d + i * a, 1, half + i * a, 1);
      DISCO_UNROLL for (int p = 0; p < a * a; ++p)
          u::store(v + p * v_place + t * v_tile + lane, d[p]);
    }
  }
}

/// Outputs of the block's tiles: `rows` x `columns` of them, dense, channels last.
template <int M>
DISCO_WIDE void winograd_output(float *__restrict y, const float *__restrict s, dim s_place,
                                dim s_tile, dim rows, dim columns) {
  using u = vec<float>;
  constexpr int a = M + 2;
  for (dim r = 0; r < rows; r += M)
    for (dim c = 0; c < columns; c += M, s += s_tile)
      for (dim lane = 0; lane < winograd_block; lane += u::lanes) {
        typename u::type sums[a * a], half[M * a], out[M * M];
        DISCO_UNROLL for (int p = 0; p < a * a; ++p) u::load(sums[p], s + p * s_place + lane);
        DISCO_UNROLL for (int j = 0; j < a; ++j) winograd_form<M>::output(half + j, a, sums + j, a);
        DISCO_UNROLL for (int i = 0; i < M; ++i)
            winograd_form<M>::output(out + i * M, 1, half + i * a, 1);
        const dim high = rows - r < M ? rows - r : M, wide = columns - c < M ? columns - c : M;
        for (dim i = 0; i < high; ++i)
          for (dim j = 0; j < wide; ++j)
            u::store(y + ((r + i) * columns + c + j) * winograd_block + lane, out[i * M + j]);
      }
}

/// y[t][vectors] = sum over k of x[t][k] * w[k][vectors]; vector j is in block j / (vectors of
/// one). Turned: x is [k][t].
template <int Tiles, int Vectors, bool Turned>
DISCO_WIDE void winograd_tile(dim k, const float *__restrict x, dim x_row,
                              const float *__restrict w, dim w_block, float *__restrict y,
                              dim y_row) {
  using v = vec<float>;
  constexpr int each = winograd_block / (int)v::lanes;
  constexpr dim weights_ahead = 32 * winograd_block;
  typename v::type acc[Tiles][Vectors];
  DISCO_UNROLL for (int t = 0; t < Tiles; ++t) DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
      v::fill(acc[t][j], 0.0f);
  for (dim i = 0; i < k; ++i, w += winograd_block) {
    typename v::type wv[Vectors];
    DISCO_UNROLL for (int j = 0; j < Vectors; j += each)
        ask_for(w + j / each * w_block + weights_ahead);
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
        v::load(wv[j], w + j / each * w_block + j % each * v::lanes);
    DISCO_UNROLL for (int t = 0; t < Tiles; ++t) {
      typename v::type xv;
      v::fill(xv, Turned ? x[i * x_row + t] : x[t * x_row + i]);
      DISCO_UNROLL for (int j = 0; j < Vectors; ++j) acc[t][j] += xv * wv[j];
    }
  }
  DISCO_UNROLL for (int t = 0; t < Tiles; ++t) DISCO_UNROLL for (int j = 0; j < Vectors; ++j)
      v::store(y + t * y_row + j * v::lanes, acc[t][j]);
}

template <int Tiles, int Vectors, bool Turned>
inline void winograd_tiles(dim tiles, dim k, const float *x, dim x_row, const float *w, dim w_block,
                           float *y, dim y_row) {
  for (; tiles >= Tiles; tiles -= Tiles, x += Turned ? Tiles : Tiles * x_row, y += Tiles * y_row)
    winograd_tile<Tiles, Vectors, Turned>(k, x, x_row, w, w_block, y, y_row);
  if constexpr (Tiles > 1)
    if (tiles > 0)
      winograd_tiles<Tiles - 1, Vectors, Turned>(tiles, k, x, x_row, w, w_block, y, y_row);
}

/// The product of a place: `blocks` blocks of output channels, at most as many as `here` has.
template <bool Turned = false>
DISCO_WIDE void winograd_product(dim blocks, dim tiles, dim k, const float *x, dim x_row,
                                 const float *w, dim w_block, float *y, dim y_row) {
  constexpr int vectors = winograd_block / (int)vec<float>::lanes,
                rows = (int)winograd_tile_of(here).rows;
  if constexpr (winograd_tile_of(here).blocks > 1) {
    if (blocks == 4)
      return winograd_tiles<rows, 4 * vectors, Turned>(tiles, k, x, x_row, w, w_block, y, y_row);
    if (blocks == 3)
      return winograd_tiles<rows, 3 * vectors, Turned>(tiles, k, x, x_row, w, w_block, y, y_row);
    if (blocks == 2)
      return winograd_tiles<rows, 2 * vectors, Turned>(tiles, k, x, x_row, w, w_block, y, y_row);
  }
  winograd_tiles<rows, vectors, Turned>(tiles, k, x, x_row, w, w_block, y, y_row);
}

DISCO_WIDE inline void winograd_add(float *y, dim y_row, const float *x, dim x_row, dim rows,
                                    dim columns) {
  for (dim r = 0; r < rows; ++r)
    for (dim j = 0; j < columns; ++j)
      y[r * y_row + j] += x[r * x_row + j];
}

/// What is done of an image.
template <class P> struct winograd_image {
  static constexpr int m = (int)P::tile, places = (m + 2) * (m + 2);
  static constexpr dim ci = (dim)P::ci, co = (dim)P::co, ih = (dim)P::ih, iw = (dim)P::iw,
                       oh = (dim)P::oh, ow = (dim)P::ow, block = winograd_block;
  static constexpr winograd_sizes size = winograd_sizes_of(here, {m, ci, co, oh, ow});
  static constexpr dim plane = ih * iw, n = oh * ow, channels = whole_steps(ci, block);

  float *y;
  const float *x, *w, *bias, *init, *residual;
  float *patch, *inputs, *sums, *outputs, *ends; // scratch memory

  /// The channel of x that a column of the weights reads.
  static dim channel(dim i) {
    if constexpr (P::dense_channels)
      return i;
    else
      return (dim)P::channel((int64_t)i);
  }

  /// 16 channels of what `rows` x `columns` of patches read, from output (oy, ox) on.
  void fill(dim c0, dim oy, dim ox, dim rows, dim columns) const {
    const float *from[winograd_block], *row[winograd_block];
    for (dim i = 0; i < block; ++i) // lanes beyond the last channel are not read
      from[i] = x + channel(c0 + i < ci ? c0 + i : ci - 1) * plane;
    const dim left = ox - (dim)P::pw, low = left < 0 ? (-left < columns ? -left : columns) : 0,
              fit = iw - left < columns ? iw - left : columns, high = fit < low ? low : fit;
    for (dim r = 0; r < rows; ++r) {
      const dim iy = oy - (dim)P::ph + r;
      const bool inside = iy >= 0 && iy < ih;
      const dim first = inside ? low : columns, last = inside ? high : columns;
      float *to = patch + r * columns * block;
      memset(to, 0, (size_t)(first * block) * sizeof(float));
      memset(to + last * block, 0, (size_t)((columns - last) * block) * sizeof(float));
      if (first < last) {
        for (dim i = 0; i < block; ++i)
          row[i] = from[i] + iy * iw + left + first;
        winograd_interleave(to + first * block, row, last - first);
      }
    }
  }

  /// The end of the op, for the block from output channel o on.
  void finish(dim o, dim oy, dim ox, dim rows, dim columns) const {
    const dim row = whole_steps(rows * columns, 4), used = co - o < block ? co - o : block;
    winograd_separate(ends, row, outputs, block, row);
    const bool whole = columns == ow;
    const dim count = whole ? rows * columns : columns;
    for (dim r = 0; r < (whole ? 1 : rows); ++r) {
      const dim at = o * n + (oy + r) * ow + ox;
      float *c = ends + r * columns;
      if constexpr (P::has_init)
        winograd_add(c, row, init + at, n, used, count);
      product_rows<typename P::act, P::has_bias, P::has_residual>(
          y + at, n, c, row, P::has_bias ? bias + o : nullptr, 1,
          P::has_residual ? residual + at : nullptr, used, count);
    }
  }

  /// The outputs of a batch of tiles.
  void batch(dim oy, dim ox) const {
    const dim rows = least(oh - oy, m * size.down), columns = least(ow - ox, m * size.across);
    const dim down = (rows + m - 1) / m, across = (columns + m - 1) / m, tiles = down * across;
    const dim wide = across * m + 2;
    for (dim c0 = 0; c0 < ci; c0 += block) {
      fill(c0, oy, ox, down * m + 2, wide);
      winograd_input<m>(inputs + c0, tiles * channels, channels, patch, wide * block, down, across);
    }
    for (dim o = 0; o < co; o += size.blocks * block) {
      const dim blocks = least(size.blocks, (co - o + block - 1) / block);
      for (dim p = 0; p < places; ++p)
        winograd_product(blocks, tiles, ci, inputs + p * tiles * channels, channels,
                         w + (o * places + p * block) * ci, places * ci * block,
                         sums + p * tiles * blocks * block, blocks * block);
      for (dim b = 0; b < blocks; ++b) {
        winograd_output<m>(outputs, sums + b * block, tiles * blocks * block, blocks * block, rows,
                           columns);
        finish(o + b * block, oy, ox, rows, columns);
      }
    }
  }
};

/// y = act(conv(x, w) + init + bias + residual) of floats, 3x3, strides and dilations 1, one group.
/// P: as conv_gemm; `tile`: outputs of a tile along an axis, 2 or 4. One depth.
/// w [co / 16][(tile + 2)^2][ci][16]: transformed, lanes beyond the last channel 0.
template <class P>
inline void conv_winograd(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                          const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                          const typename P::y_t *residual, void *scratch) {
  using G = winograd_image<P>;
  static_assert(P::kd == 1 && P::kh == 3 && P::kw == 3 && P::sh == 1 && P::sw == 1 && P::dh == 1 &&
                    P::dw == 1 && P::groups == 1 && P::id == 1 && P::od == 1,
                "3x3, each next to the other");
  static_assert((dim)P::scratch >= G::size.bytes, "too little scratch memory");
  float *const patch = (float *)(void *)scratch_start(scratch),
               *const inputs = patch + G::size.patch, *const sums = inputs + G::size.inputs,
               *const outputs = sums + G::size.sums;
  for (dim image = 0; image < (dim)P::n; ++image) {
    const dim at = image * G::co * G::n;
    const G g{y + at,
              x + image * (dim)P::x_channels * G::plane,
              w,
              bias,
              P::has_init ? init + at : nullptr,
              P::has_residual ? residual + at : nullptr,
              patch,
              inputs,
              sums,
              outputs,
              outputs + G::size.outputs};
    for (dim oy = 0; oy < G::oh; oy += G::m * G::size.down)
      for (dim ox = 0; ox < G::ow; ox += G::m * G::size.across)
        g.batch(oy, ox);
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
