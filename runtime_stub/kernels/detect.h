//===- detect.h - boxes and regions of detectors --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_DETECT_H
#define DISCO_KERNELS_DETECT_H

#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <class T> struct box_edges {
  T low_y, low_x, high_y, high_x;
};

/// Of a box given by two corners, in any order, or by its centre and size.
template <class P> inline box_edges<typename P::x_t> box_of(const typename P::x_t *box) {
  using T = typename P::x_t;
  if constexpr (P::centred) {
    const T w = box[2] / 2, h = box[3] / 2;
    return {box[1] - h, box[0] - w, box[1] + h, box[0] + w};
  } else {
    const bool y = box[0] < box[2], x = box[1] < box[3];
    return {y ? box[0] : box[2], x ? box[1] : box[3], y ? box[2] : box[0], x ? box[3] : box[1]};
  }
}

template <class P>
inline bool boxes_overlap(const typename P::x_t *first, const typename P::x_t *second) {
  using T = typename P::x_t;
  const box_edges<T> a = box_of<P>(first), b = box_of<P>(second);
  const T top = a.low_y > b.low_y ? a.low_y : b.low_y,
          bottom = a.high_y < b.high_y ? a.high_y : b.high_y;
  const T left = a.low_x > b.low_x ? a.low_x : b.low_x,
          right = a.high_x < b.high_x ? a.high_x : b.high_x;
  if (bottom <= top || right <= left)
    return false;
  const T common = (bottom - top) * (right - left);
  const T whole = (a.high_y - a.low_y) * (a.high_x - a.low_x) +
                  (b.high_y - b.low_y) * (b.high_x - b.low_x) - common;
  return whole > 0 && common / whole > (T)P::iou;
}

/// The next best box after box `last`, in descending order of scores and ascending order of
/// indices; count when there is none.
template <class P> inline dim next_box(const typename P::x_t *scores, dim last) {
  using T = typename P::x_t;
  dim best = (dim)P::count;
  for (dim i = 0; i < (dim)P::count; ++i) {
    const T s = scores[i];
    if ((P::has_score && !(s > (T)P::score)) || is_nan(s))
      continue;
    if (last >= 0 && !(s < scores[last] || (s == scores[last] && i > last)))
      continue;
    if (best == (dim)P::count || s > scores[best])
      best = i;
  }
  return best;
}

/// Greedy suppression, by image and class.
/// P: x_t (float or double), batch, classes, count (of boxes), rows (of y), most (boxes a class),
///    iou, has_score, score, centred (bool: boxes are centre and size)
/// y [rows][3], int64_t: image, class, box; -1 in rows that are not needed. boxes
/// [batch][count][4], scores [batch][classes][count].
template <class P>
inline void non_max_suppression(int64_t *y, const typename P::x_t *boxes,
                                const typename P::x_t *scores) {
  constexpr dim rows = (dim)P::rows, count = (dim)P::count, classes = (dim)P::classes;
  dim row = 0;
  for (dim n = 0; n < (dim)P::batch; ++n)
    for (dim c = 0; c < classes; ++c) {
      const typename P::x_t *score = scores + (n * classes + c) * count,
                            *box = boxes + n * count * 4;
      const dim first = row;
      for (dim i = next_box<P>(score, -1); i < count; i = next_box<P>(score, i)) {
        if (row == rows || (int64_t)(row - first) >= P::most)
          break;
        bool covered = false;
        for (dim k = first; k < row && !covered; ++k)
          covered = boxes_overlap<P>(box + i * 4, box + (dim)y[k * 3 + 2] * 4);
        if (covered)
          continue;
        y[row * 3] = (int64_t)n;
        y[row * 3 + 1] = (int64_t)c;
        y[row * 3 + 2] = (int64_t)i;
        ++row;
      }
    }
  for (dim i = row * 3; i < rows * 3; ++i)
    y[i] = -1;
}

/// What one sampling point reads along an axis.
template <class T> struct roi_tap {
  dim low, high;
  T rest;
  bool inside;
};

template <class T> inline roi_tap<T> roi_tap_of(T at, dim extent) {
  if (!(at >= -1 && at <= (T)extent))
    return {0, 0, 0, false};
  if (at < 0)
    at = 0;
  const dim low = (dim)at;
  if (low >= extent - 1)
    return {extent - 1, extent - 1, 0, true};
  return {low, low + 1, at - (T)low, true};
}

/// The bins of a region along an axis.
template <class T> struct roi_bins {
  T start, size;
  dim samples;
};

template <class P, class T>
inline roi_bins<T> roi_bins_of(T begin, T end, int64_t out, int64_t extent) {
  const T shift = P::half_pixel ? (T)0.5 : (T)0;
  const T start = begin * (T)P::scale - shift;
  T size = end * (T)P::scale - shift - start;
  if (!P::half_pixel && size < 1)
    size = 1;
  T samples = ceil_of(size / (T)out);
  if (!(samples >= 0)) // also of what is no number
    samples = 0;
  if (samples > (T)(4 * extent)) // data must not decide how long a call takes
    samples = (T)(4 * extent);
  return {start, size / (T)out, P::samples > 0 ? (dim)P::samples : (dim)samples};
}

/// One output pixel of one region and channel.
template <class P, class T>
inline T roi_cell(const typename P::x_t *x, const roi_bins<T> &v, const roi_bins<T> &h, dim oy,
                  dim ox) {
  constexpr dim iw = (dim)P::iw;
  T all = 0;
  bool first = true;
  for (dim i = 0; i < v.samples; ++i)
    for (dim j = 0; j < h.samples; ++j) {
      const roi_tap<T> y =
          roi_tap_of<T>(v.start + v.size * ((T)oy + ((T)i + (T)0.5) / (T)v.samples), (dim)P::ih);
      const roi_tap<T> z =
          roi_tap_of<T>(h.start + h.size * ((T)ox + ((T)j + (T)0.5) / (T)h.samples), iw);
      T part[4] = {0, 0, 0, 0};
      if (y.inside && z.inside) {
        part[0] = (1 - y.rest) * (1 - z.rest) * (T)load(x[y.low * iw + z.low]);
        part[1] = (1 - y.rest) * z.rest * (T)load(x[y.low * iw + z.high]);
        part[2] = y.rest * (1 - z.rest) * (T)load(x[y.high * iw + z.low]);
        part[3] = y.rest * z.rest * (T)load(x[y.high * iw + z.high]);
      }
      for (dim k = 0; k < 4; ++k) {
        if constexpr (P::maximum)
          all = first || part[k] > all ? part[k] : all;
        else
          all += part[k];
        first = false;
      }
    }
  const dim count = v.samples * h.samples;
  return P::maximum ? all : all / (T)(count > 0 ? count : 1);
}

/// RoiAlign.
/// P: x_t (floats), index_t (integers), n, c, ih, iw, rois, oh, ow, samples (a pixel and axis; 0:
/// as
///    many as fit), scale, half_pixel (bool), maximum (bool: of the weighted taps, as ONNX Runtime)
/// y [rois][c][oh][ow], x [n][c][ih][iw], rois [rois][4]: x1, y1, x2, y2; batch [rois].
template <class P>
inline void roi_align(typename P::x_t *y, const typename P::x_t *x, const typename P::x_t *rois,
                      const typename P::index_t *batch) {
  using T = arith_t<typename P::x_t>;
  constexpr dim plane = (dim)(P::ih * P::iw);
  for (dim r = 0; r < (dim)P::rois; ++r, rois += 4) {
    int64_t image = (int64_t)batch[r];
    image = image < 0 ? 0 : image >= P::n ? P::n - 1 : image;
    const roi_bins<T> h = roi_bins_of<P, T>(load(rois[0]), load(rois[2]), P::ow, P::iw);
    const roi_bins<T> v = roi_bins_of<P, T>(load(rois[1]), load(rois[3]), P::oh, P::ih);
    for (dim c = 0; c < (dim)P::c; ++c)
      for (dim oy = 0; oy < (dim)P::oh; ++oy)
        for (dim ox = 0; ox < (dim)P::ow; ++ox)
          *y++ = store<typename P::x_t>(
              roi_cell<P, T>(x + ((dim)image * (dim)P::c + c) * plane, v, h, oy, ox));
  }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
