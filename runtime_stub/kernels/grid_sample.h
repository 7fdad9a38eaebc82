//===- grid_sample.h - values of an image at the places of a grid ---------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_GRID_SAMPLE_H
#define DISCO_KERNELS_GRID_SAMPLE_H

#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

enum class sample_mode { linear, nearest, cubic };
enum class sample_padding { zeros, border, reflection };

/// What a place reads along one axis; an index of -1 reads zero.
template <class T> struct sample_taps {
  dim index[4];
  T weight[4];
};

/// Mirrors at both borders until it lies between them.
template <class T> inline T sample_reflected(T at, T low, T high) {
  const T range = high - low;
  if (!(range > 0))
    return low;
  T off = at < low ? low - at : at - low;
  off = fmod_of(off, 2 * range);
  return low + (off > range ? 2 * range - off : off);
}

template <class T> inline T sample_cubic(T distance) {
  const T d = abs_of(distance), a = (T)-0.75;
  if (d <= 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : (T)0;
}

/// The pixel that belongs to a whole coordinate.
template <class P, class T> inline dim sample_pixel(T at, dim extent) {
  const T top = (T)(extent - 1);
  if (at >= 0 && at <= top)
    return (dim)at;
  if constexpr (P::padding == sample_padding::zeros)
    return -1;
  if constexpr (P::padding == sample_padding::reflection)
    at = P::align_corners ? sample_reflected(at, (T)0, top)
                          : sample_reflected(at, (T)-0.5, top + (T)0.5);
  return at > 0 ? (at < top ? (dim)at : extent - 1) : 0;
}

template <class P, class T> inline sample_taps<T> sample_axis(T place, dim extent) {
  const T top = (T)(extent - 1), edge = P::align_corners ? (T)0 : (T)0.5;
  T at = P::align_corners ? (place + 1) / 2 * top : ((place + 1) * (T)extent - 1) / 2;
  // What is no number, or beyond every pixel, reads as something far outside.
  at = at < 1e9f ? (at > -1e9f ? at : (T)-1e9f) : (T)1e9f;
  if constexpr (P::mode == sample_mode::nearest)
    at = round_even_of(at);
  if (at < -edge || at > top + edge) {
    if constexpr (P::padding == sample_padding::border) {
      // Of a cubic each pixel is that of the border, the place stays where it is; beyond all taps
      // they are one.
      const T reach = P::mode == sample_mode::cubic ? (T)3 : (T)0;
      at = at < -reach ? -reach : (at > top + reach ? top + reach : at);
    }
    if constexpr (P::padding == sample_padding::reflection)
      at = sample_reflected(at, -edge, top + edge);
  }
  sample_taps<T> taps{};
  if constexpr (P::mode == sample_mode::nearest) {
    taps.index[0] = sample_pixel<P>(at, extent);
    taps.weight[0] = 1;
  } else {
    constexpr int count = P::mode == sample_mode::linear ? 2 : 4;
    const T low = floor_of(at) - (count == 4 ? 1 : 0);
    for (int k = 0; k < count; ++k) {
      const T pixel = low + (T)k, distance = abs_of(at - pixel);
      taps.index[k] = sample_pixel<P>(pixel, extent);
      taps.weight[k] = count == 2 ? 1 - distance : sample_cubic(distance);
    }
  }
  return taps;
}

/// The sum over the taps of dimension D and those after it.
template <class P, int D, class T>
inline T sample_sum(const typename P::x_t *x, const sample_taps<T> *taps, dim plane) {
  constexpr int count = P::mode == sample_mode::nearest  ? 1
                        : P::mode == sample_mode::linear ? 2
                                                         : 4;
  if constexpr (D == (int)P::rank) {
    return (T)load(*x);
  } else {
    const dim step = plane / (dim)P::spatial[D];
    T sum = 0;
    for (int k = 0; k < count; ++k)
      if (taps[D].index[k] >= 0)
        sum += taps[D].weight[k] * sample_sum<P, D + 1, T>(x + taps[D].index[k] * step, taps, step);
    return sum;
  }
}

/// GridSample over 1 to 3 spatial dimensions.
/// P: x_t, grid_t (floats), n, c, rank, spatial[], points (of the grid, an image);
///    disco::sample_mode mode = linear nearest cubic; disco::sample_padding padding = zeros border
///    reflection; align_corners
/// y [n][c][points], x [n][c][spatial...], grid [n][points][rank], the last axis first.
template <class P>
inline void grid_sample(typename P::x_t *y, const typename P::x_t *x,
                        const typename P::grid_t *grid) {
  using T = arith_t<typename P::x_t>;
  constexpr int rank = (int)P::rank;
  constexpr dim points = (dim)P::points;
  dim plane = 1;
  for (int d = 0; d < rank; ++d)
    plane *= (dim)P::spatial[d];
  for (dim n = 0; n < (dim)P::n; ++n, y += (dim)P::c * points, x += (dim)P::c * plane)
    for (dim i = 0; i < points; ++i, grid += rank) {
      sample_taps<T> taps[3];
      for (int d = 0; d < rank; ++d)
        taps[d] = sample_axis<P, T>((T)load(grid[rank - 1 - d]), (dim)P::spatial[d]);
      for (dim c = 0; c < (dim)P::c; ++c)
        y[c * points + i] = store<typename P::x_t>(sample_sum<P, 0, T>(x + c * plane, taps, plane));
    }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
