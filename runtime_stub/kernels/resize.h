//===- resize.h - resampling of any axes ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Where each result index reads, and with which weights, is computed by the C++
// compiler: one constant table an axis that changes.
#ifndef DISCO_KERNELS_RESIZE_H
#define DISCO_KERNELS_RESIZE_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

enum class resize_mode { nearest, linear, cubic };
enum class resize_coordinates {
  half_pixel,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_crop_and_resize,
  half_pixel_symmetric
};
enum class resize_nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };

constexpr int64_t resize_floor(double v) {
  const int64_t i = (int64_t)v;
  return (double)i > v ? i - 1 : i;
}

/// Where result index i of an axis lies in x, in the arithmetic of T.
template <class P, class T> constexpr double resize_coordinate_in(int axis, int64_t i) {
  using c = resize_coordinates;
  const T scale = (T)P::scales[axis], in = (T)P::x_shape[axis], at = (T)i;
  // Corners are those of the result that there is, as in PyTorch and ONNX Runtime; ONNX's reference
  // takes scale * in, whole or not, by which the last element misses the corner.
  const T out = (T)P::shape[axis];
  if (P::coordinates == c::align_corners)
    return out == 1 ? 0 : at * (in - 1) / (out - 1);
  if (P::coordinates == c::asymmetric)
    return at / scale;
  if (P::coordinates == c::tf_crop_and_resize) {
    const T start = (T)P::roi[axis], end = (T)P::roi[axis + P::rank];
    const T inside =
        out == 1 ? (end - start) * (in - 1) / 2 : at * (end - start) * (in - 1) / (out - 1);
    return inside + start * (in - 1);
  }
  if (P::coordinates == c::pytorch_half_pixel && P::shape[axis] == 1)
    return 0; // the specification's text; its reference has -0.5
  const T half = (at + (T)0.5) / scale - (T)0.5;
  if (P::coordinates == c::half_pixel_symmetric)
    return in / 2 * (1 - out / (scale * in)) + half;
  return half;
}

/// The nearest element is looked for in float, as PyTorch and ONNX Runtime do: with a scale such as
/// 0.3, which no float is, elements lie half way between two only then.
template <class P> constexpr double resize_coordinate(int axis, int64_t i) {
  return P::mode == resize_mode::nearest ? resize_coordinate_in<P, float>(axis, i)
                                         : resize_coordinate_in<P, double>(axis, i);
}

/// What one result index reads along one axis.
struct resize_taps {
  static constexpr int most = 4;
  int32_t index[most];
  float weight[most];
  bool outside; // tf_crop_and_resize: takes the extrapolation value
};

template <class P>
constexpr int resize_count = P::mode == resize_mode::nearest  ? 1
                             : P::mode == resize_mode::linear ? 2
                                                              : 4;

/// What floats make of a half is taken for one: 14 elements become one of which the middle lies at
/// 6.4999995. ONNX Runtime takes as much.
constexpr double resize_half_way = 1e-6;

constexpr int64_t resize_nearest_index(resize_nearest mode, double at) {
  const int64_t low = resize_floor(at);
  const double rest = at - (double)low;
  const bool up = mode == resize_nearest::floor               ? false
                  : mode == resize_nearest::ceil              ? rest > 0
                  : mode == resize_nearest::round_prefer_ceil ? rest >= 0.5 - resize_half_way
                                                              : rest > 0.5 + resize_half_way;
  return up ? low + 1 : low;
}

constexpr double resize_cubic_weight(double a, double distance) {
  const double d = distance < 0 ? -distance : distance;
  if (d >= 2)
    return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

template <class P> constexpr resize_taps resize_make_taps(int axis, int64_t i) {
  resize_taps taps{};
  const int64_t extent = P::x_shape[axis];
  const double at = resize_coordinate<P>(axis, i);
  taps.outside = P::coordinates == resize_coordinates::tf_crop_and_resize &&
                 (at < 0 || at > (double)(extent - 1));
  constexpr int count = resize_count<P>;
  const int64_t low =
      P::mode == resize_mode::nearest ? resize_nearest_index(P::nearest, at) : resize_floor(at);
  double weight[resize_taps::most] = {1, 0, 0, 0}, sum = 0;
  for (int k = 0; k < count; ++k) {
    const int64_t index = low + k - (count == 4 ? 1 : 0);
    const double distance = at - (double)index;
    if (count == 2)
      weight[k] = distance < 0 ? 1 + distance : 1 - distance;
    else if (count == 4)
      weight[k] = resize_cubic_weight(P::cubic_coeff, distance);
    if (P::exclude_outside && (index < 0 || index >= extent))
      weight[k] = 0;
    sum += weight[k];
    taps.index[k] = (int32_t)(index < 0 ? 0 : index >= extent ? extent - 1 : index);
  }
  for (int k = 0; k < count; ++k)
    taps.weight[k] = (float)(P::exclude_outside && count > 1 ? weight[k] / sum : weight[k]);
  return taps;
}

/// Whether axis D is more than copied.
template <class P, int D> constexpr bool resize_changes() {
  return P::shape[D] != P::x_shape[D] || P::scales[D] != 1 ||
         P::coordinates == resize_coordinates::tf_crop_and_resize;
}

template <class P, int D> struct resize_table {
  struct entries {
    resize_taps of[P::shape[D] > 0 ? P::shape[D] : 1];
  };
  static constexpr entries make() {
    entries all{};
    for (int64_t i = 0; i < P::shape[D]; ++i)
      all.of[i] = resize_make_taps<P>(D, i);
    return all;
  }
  static constexpr entries table = make();
};

/// Integers are resampled in float, wide ones in double.
template <class T> struct resize_arith {
  using type = arith_t<T>;
};
template <> struct resize_arith<uint8_t> {
  using type = float;
};
template <> struct resize_arith<int8_t> {
  using type = float;
};
template <> struct resize_arith<uint16_t> {
  using type = float;
};
template <> struct resize_arith<int16_t> {
  using type = float;
};
template <> struct resize_arith<int32_t> {
  using type = double;
};
template <> struct resize_arith<uint32_t> {
  using type = double;
};
template <> struct resize_arith<int64_t> {
  using type = double;
};
template <> struct resize_arith<uint64_t> {
  using type = double;
};

/// Terms are the products of taps of the axes before D: where they start in x, and their weight.
template <class P, int D, int Terms> struct resize_level {
  using x_t = typename P::x_t;
  using T = typename resize_arith<x_t>::type;
  static constexpr int count = resize_count<P>;
  static constexpr dim elements(const int64_t *shape) {
    int64_t n = 1;
    for (int d = D + 1; d < P::rank; ++d)
      n *= shape[d];
    return (dim)n;
  }

  static void fill(x_t *&y, x_t value, dim n) {
    for (dim i = 0; i < n; ++i)
      *y++ = value;
  }

  /// The innermost axis: sums of terms and taps.
  static x_t cell(const x_t *const *from, const T *weight, const resize_taps &taps) {
    if constexpr (P::mode == resize_mode::nearest) {
      return from[0][taps.index[0]];
    } else {
      T sum = 0;
      for (int t = 0; t < Terms; ++t) {
        T row = 0;
        for (int k = 0; k < count; ++k)
          row += (T)taps.weight[k] * (T)load(from[t][taps.index[k]]);
        sum += weight[t] * row;
      }
      return cast_element<x_t>(sum);
    }
  }
  static x_t copied(const x_t *const *from, const T *weight, dim i) {
    if constexpr (P::mode == resize_mode::nearest) {
      return from[0][i];
    } else {
      T sum = 0;
      for (int t = 0; t < Terms; ++t)
        sum += weight[t] * (T)load(from[t][i]);
      return cast_element<x_t>(sum);
    }
  }

  static void run(x_t *&y, const x_t *const *from, const T *weight) {
    constexpr dim inner = elements(P::shape), in = elements(P::x_shape);
    constexpr bool changes = resize_changes<P, D>(), last = D + 1 == P::rank;
    for (dim i = 0; i < (dim)P::shape[D]; ++i) {
      if constexpr (!changes && last) {
        *y++ = copied(from, weight, i);
      } else if constexpr (!changes) {
        const x_t *next[Terms];
        for (int t = 0; t < Terms; ++t)
          next[t] = from[t] + i * in;
        resize_level<P, D + 1, Terms>::run(y, next, weight);
      } else {
        const resize_taps &taps = resize_table<P, D>::table.of[i];
        if (P::coordinates == resize_coordinates::tf_crop_and_resize && taps.outside) {
          fill(y, cast_element<x_t>((T)P::extrapolation), inner);
        } else if constexpr (last) {
          *y++ = cell(from, weight, taps);
        } else {
          const x_t *next[Terms * count];
          T product[Terms * count];
          for (int t = 0; t < Terms; ++t)
            for (int k = 0; k < count; ++k) {
              next[t * count + k] = from[t] + (dim)taps.index[k] * in;
              product[t * count + k] = weight[t] * (T)taps.weight[k];
            }
          resize_level<P, D + 1, Terms * count>::run(y, next, product);
        }
      }
    }
  }
};

/// Resize (and Upsample) of opset 9 to 19, without antialias.
/// P: x_t              any type; only nearest leaves the values of bool
///    rank, x_shape[], shape[] (of y)
///    scales[]         double, one an axis; 1 with equal extents: the axis is copied
///    roi[]            double, starts then ends, rank each; looked at with tf_crop_and_resize only
///    mode             disco::resize_mode
///    coordinates      disco::resize_coordinates
///    nearest          disco::resize_nearest, looked at with mode nearest only
///    cubic_coeff      double, looked at with mode cubic only
///    exclude_outside  bool
///    extrapolation    double, with tf_crop_and_resize
/// The most terms of one element are (2, linear; 4, cubic) to the power of the axes that change.
template <class P> inline void resize(typename P::x_t *y, const typename P::x_t *x) {
  const typename resize_arith<typename P::x_t>::type one = 1;
  const typename P::x_t *from[] = {x};
  resize_level<P, 0, 1>::run(y, from, &one);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
