//===- pool.h - max and average pooling over up to three dimensions -------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_POOL_H
#define DISCO_KERNELS_POOL_H

#include "vec.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The part of one pooling window, along one axis, that lies in the input:
/// positions first, first + dilation, ..., count of them.
struct pool_window {
  dim first, count;
};

inline pool_window pool_clip(dim out, dim stride, dim pad, dim kernel, dim dilation, dim extent) {
  const dim start = out * stride - pad;
  const dim skip = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const dim fit = start < extent ? (extent - start + dilation - 1) / dilation : 0;
  const dim end = fit < kernel ? fit : kernel;
  return {start + skip * dilation, end > skip ? end - skip : 0};
}

/// Constants of P as dim, and the planes of both tensors.
template <class P> struct pool_shape {
  static constexpr dim planes = (dim)(P::n * P::c);
  static constexpr dim id = (dim)P::id, ih = (dim)P::ih, iw = (dim)P::iw, od = (dim)P::od,
                       oh = (dim)P::oh, ow = (dim)P::ow;
  static constexpr dim kd = (dim)P::kd, kh = (dim)P::kh, kw = (dim)P::kw, sd = (dim)P::sd,
                       sh = (dim)P::sh, sw = (dim)P::sw;
  static constexpr dim pd = (dim)P::pd, ph = (dim)P::ph, pw = (dim)P::pw, dd = (dim)P::dd,
                       dh = (dim)P::dh, dw = (dim)P::dw;
  static constexpr dim in = id * ih * iw, out = od * oh * ow;
  static pool_window z(dim o) { return pool_clip(o, sd, pd, kd, dd, id); }
  static pool_window y(dim o) { return pool_clip(o, sh, ph, kh, dh, ih); }
  static pool_window x(dim o) { return pool_clip(o, sw, pw, kw, dw, iw); }
};

template <class T> inline constexpr T pool_lowest() {
  if constexpr (is_float<T>)
    return -(T)__builtin_inff();
  else
    return int_min<T>;
}

template <class P> struct pool_max {
  using T = arith_t<typename P::x_t>;
  static constexpr T start = pool_lowest<T>();
  static constexpr bool any_order = true;
  static T join(T a, T b) { return b > a ? b : a; }
};
template <class P> struct pool_sum {
  using T = arith_t<typename P::x_t>;
  static constexpr T start = (T)0;
  static constexpr bool any_order = false;
  static T join(T a, T b) { return a + b; }
};

/// Joins the taps of one row of the input to a piece of an output row.
template <class P, class Join, class X>
inline void pool_taps(typename Join::T *__restrict acc, const X *__restrict x, dim ox, dim run) {
  using S = pool_shape<P>;
  for (dim kx = 0; kx < S::kw; ++kx) {
    const dim shift = S::pw - kx * S::dw - ox * S::sw; // input column = i * sw - shift
    const dim low = shift > 0 ? (shift + S::sw - 1) / S::sw : 0;
    const dim fit = S::iw + shift <= 0 ? 0 : (S::iw + shift + S::sw - 1) / S::sw;
    const dim high = fit < run ? fit : run;
    for (dim i = low; i < high; ++i)
      acc[i] = Join::join(acc[i], load(x[i * S::sw - shift]));
  }
}

/// Whether rows of a window are joined first, and then columns of what that gives: fewer joins,
/// which give the same in any order. Not on boards, whose stacks are small.
template <class P, class Join>
inline constexpr bool pool_by_rows =
    Join::any_order && DISCO_VECTOR_BYTES > 0 && P::kw > 1 && P::kd *P::kh > 1 && P::iw <= 256;

/// One piece of an output row: every tap is joined to the whole piece, pads are outside the inner
/// loop.
template <class P, class Join>
inline void pool_row(typename Join::T *__restrict acc, const typename P::x_t *__restrict x, dim oz,
                     dim oy, dim ox, dim run) {
  using S = pool_shape<P>;
  using T = typename Join::T;
  constexpr bool by_rows = pool_by_rows<P, Join>;
  T joined[by_rows ? S::iw : 1];
  for (dim i = 0; i < run; ++i)
    acc[i] = Join::start;
  for (dim i = 0; by_rows && i < S::iw; ++i)
    joined[i] = Join::start;
  const pool_window z = S::z(oz), y = S::y(oy);
  for (dim a = 0; a < z.count; ++a)
    for (dim b = 0; b < y.count; ++b) {
      const typename P::x_t *row =
          x + ((z.first + a * S::dd) * S::ih + y.first + b * S::dh) * S::iw;
      if constexpr (by_rows)
        for (dim i = 0; i < S::iw; ++i)
          joined[i] = Join::join(joined[i], load(row[i]));
      else
        pool_taps<P, Join>(acc, row, ox, run);
    }
  if constexpr (by_rows)
    pool_taps<P, Join>(acc, joined, ox, run);
}

/// One output of a narrow output row: lanes of partial results, so that wide windows are quick.
template <class P, class Join>
inline typename Join::T pool_cell(const typename P::x_t *__restrict x, dim oz, dim oy, dim ox) {
  using S = pool_shape<P>;
  constexpr dim lanes = 16;
  typename Join::T acc[lanes], all = Join::start;
  for (dim i = 0; i < lanes; ++i)
    acc[i] = Join::start;
  const pool_window z = S::z(oz), y = S::y(oy), w = S::x(ox);
  for (dim a = 0; a < z.count; ++a)
    for (dim b = 0; b < y.count; ++b) {
      const dim row = ((z.first + a * S::dd) * S::ih + y.first + b * S::dh) * S::iw + w.first;
      const dim whole = w.count - w.count % lanes;
      for (dim i = 0; i < whole; i += lanes)
        for (dim j = 0; j < lanes; ++j)
          acc[j] = Join::join(acc[j], load(x[row + (i + j) * S::dw]));
      for (dim i = whole; i < w.count; ++i)
        all = Join::join(all, load(x[row + i * S::dw]));
    }
  for (dim i = 0; i < lanes; ++i)
    all = Join::join(all, acc[i]);
  return all;
}

/// A window that is one whole plane is a row of id * ih * iw columns.
template <class P> struct pool_flat : P {
  static constexpr int64_t iw = P::id * P::ih * P::iw, kw = iw, id = 1, ih = 1, kd = 1, kh = 1;
};
template <class P>
inline constexpr bool pool_is_global =
    P::kd == P::id && P::kh == P::ih && P::kw == P::iw && P::od == 1 && P::oh == 1 && P::ow == 1 &&
    P::pd == 0 && P::ph == 0 && P::pw == 0 && P::dd == 1 && P::dh == 1 && P::dw == 1;

/// Cells that count_include_pad counts: those inside the input and its explicit pads, and not those
/// that ceil_mode adds.
inline dim pool_padded(dim out, dim stride, dim pad, dim kernel, dim dilation, dim extent,
                       dim end_pad) {
  return pool_clip(out, stride, 0, kernel, dilation, extent + pad + end_pad).count;
}

template <class P> inline dim pool_divisor(dim oz, dim oy, dim ox) {
  using S = pool_shape<P>;
  dim cells;
  if constexpr (P::count_include_pad)
    cells = pool_padded(oz, S::sd, S::pd, S::kd, S::dd, S::id, (dim)P::ed) *
            pool_padded(oy, S::sh, S::ph, S::kh, S::dh, S::ih, (dim)P::eh) *
            pool_padded(ox, S::sw, S::pw, S::kw, S::dw, S::iw, (dim)P::ew);
  else
    cells = S::z(oz).count * S::y(oy).count * S::x(ox).count;
  return cells > 0 ? cells : 1;
}

template <class P, class Join, class Finish>
inline void pool(typename P::x_t *y, const typename P::x_t *x, const Finish &finish) {
  using S = pool_shape<P>;
  constexpr dim piece = S::ow < 128 ? (S::ow > 0 ? S::ow : 1) : 128;
  typename Join::T acc[piece];
  for (dim plane = 0; plane < S::planes; ++plane, x += S::in)
    for (dim oz = 0; oz < S::od; ++oz)
      for (dim oy = 0; oy < S::oh; ++oy)
        for (dim ox = 0; ox < S::ow; ox += piece) {
          const dim run = S::ow - ox < piece ? S::ow - ox : piece;
          if constexpr (S::ow >= 4) {
            pool_row<P, Join>(acc, x, oz, oy, ox, run);
          } else {
            for (dim i = 0; i < run; ++i) {
              if constexpr (pool_is_global<P>)
                acc[i] = pool_cell<pool_flat<P>, Join>(x, 0, 0, 0);
              else
                acc[i] = pool_cell<P, Join>(x, oz, oy, ox + i);
            }
          }
          for (dim i = 0; i < run; ++i)
            *y++ = store<typename P::x_t>(finish(acc[i], oz, oy, ox + i));
        }
}

/// The greatest value of each window and, with indices, where it lies: the first of equals.
template <class P>
inline void pool_max_cells(typename P::x_t *y, const typename P::x_t *x, int64_t *indices) {
  using S = pool_shape<P>;
  using T = arith_t<typename P::x_t>;
  for (dim plane = 0; plane < S::planes; ++plane)
    for (dim oz = 0; oz < S::od; ++oz)
      for (dim oy = 0; oy < S::oh; ++oy)
        for (dim ox = 0; ox < S::ow; ++ox) {
          const pool_window wz = S::z(oz), wy = S::y(oy), wx = S::x(ox);
          T best = pool_lowest<T>();
          dim bz = wz.first, by = wy.first, bx = wx.first;
          for (dim a = 0; a < wz.count; ++a)
            for (dim b = 0; b < wy.count; ++b)
              for (dim c = 0; c < wx.count; ++c) {
                const dim iz = wz.first + a * S::dd, iy = wy.first + b * S::dh,
                          ix = wx.first + c * S::dw;
                const T v = load(x[plane * S::in + (iz * S::ih + iy) * S::iw + ix]);
                if (v > best) {
                  best = v;
                  bz = iz;
                  by = iy;
                  bx = ix;
                }
              }
          if (y != nullptr)
            *y++ = store<typename P::x_t>(best);
          const dim at = P::storage_order == 0 ? (bz * S::ih + by) * S::iw + bx
                                               : (bx * S::ih + by) * S::id + bz;
          *indices++ = (int64_t)(plane * S::in + at);
        }
}

/// MaxPool.
/// P: x_t               float, double, f16 or any integer, of x and y
///    n, c              images, channels (only their product matters)
///    id ih iw, od oh ow, kd kh kw, sd sh sw, pd ph pw, dd dh dw    as in conv
///    has_indices, storage_order (0: row major, 1: column major); the order is
///                      looked at only with indices
/// y [n][c][od][oh][ow], x [n][c][id][ih][iw], indices as y: positions in the flattened x.
template <class P>
inline void max_pool(typename P::x_t *y, const typename P::x_t *x, int64_t *indices) {
  using T = arith_t<typename P::x_t>;
  if constexpr (P::has_indices)
    pool_max_cells<P>(y, x, indices);
  else
    pool<P, pool_max<P>>(y, x, [](T v, dim, dim, dim) { return v; });
}

/// One plane of a pool.
template <class P> struct pool_plane : P {
  static constexpr int64_t n = 1, c = 1;
};

/// Where in its plane the greatest value of each window lies. P: as max_pool, without has_indices.
template <class P> inline void max_pool_index(int64_t *y, const typename P::x_t *x) {
  using S = pool_shape<P>;
  for (dim plane = 0; plane < S::planes; ++plane)
    pool_max_cells<pool_plane<P>>(nullptr, x + plane * S::in, y + plane * S::out);
}

/// AveragePool, GlobalAveragePool (kernel = input extents). Floats only.
/// P: x_t, n, c, id ih iw, od oh ow, kd kh kw, sd sh sw, pd ph pw, dd dh dw   as in max_pool
///    ed eh ew            explicit end pads; matter only with count_include_pad
///    count_include_pad
template <class P> inline void average_pool(typename P::x_t *y, const typename P::x_t *x) {
  using T = arith_t<typename P::x_t>;
  pool<P, pool_sum<P>>(
      y, x, [](T v, dim oz, dim oy, dim ox) { return v / (T)pool_divisor<P>(oz, oy, ox); });
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
