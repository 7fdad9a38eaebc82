//===- resize_test.cpp - resize against a transcription of ONNX's text ----===//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernel_test.h"
#include "resize.h"

using namespace disco;
using namespace kernel_test;

namespace {

using M = resize_mode;
using C = resize_coordinates;
using R = resize_nearest;

/// Scales as fractions of Num / Den; the result has floor(extent * scale), or Out where that is
/// given.
template <class T, M Mode, C Coordinates, int IH, int NumH, int DenH, int IW, int NumW, int DenW,
          R Nearest = R::round_prefer_floor, bool Exclude = false>
struct Case {
  using x_t = T;
  static constexpr int rank = 4;
  static constexpr int64_t x_shape[] = {1, 2, IH, IW},
                           shape[] = {1, 2, IH *NumH / DenH, IW *NumW / DenW};
  static constexpr double scales[] = {1, 1, (double)NumH / DenH, (double)NumW / DenW};
  static constexpr double roi[] = {0, 0, 0.4, -0.3, 1, 1, 0.6, 1.1};
  static constexpr M mode = Mode;
  static constexpr C coordinates = Coordinates;
  static constexpr R nearest = Nearest;
  static constexpr double cubic_coeff = -0.75, extrapolation = 10;
  static constexpr bool exclude_outside = Exclude;
};

struct Axis {
  double scale, start, end;
  int64_t in, out;
};

template <class F> double original(C mode, const Axis &a, F x) {
  const F scale = (F)a.scale, start = (F)a.start, end = (F)a.end, in = (F)a.in, width = (F)a.out;
  const F half = (x + (F)0.5) / scale - (F)0.5;
  switch (mode) {
  case C::align_corners: return width == 1 ? 0 : x * (in - 1) / (width - 1);
  case C::asymmetric: return x / scale;
  case C::tf_crop_and_resize: {
    const F v =
        width == 1 ? (end - start) * (in - 1) / 2 : x * (end - start) * (in - 1) / (width - 1);
    return v + start * (in - 1);
  }
  case C::pytorch_half_pixel: return a.out == 1 ? 0 : half;
  case C::half_pixel: return half;
  case C::half_pixel_symmetric: return in / 2 * (1 - width / (scale * in)) + half;
  }
  return 0;
}

std::vector<double> coefficients(M mode, R nearest, double ratio) {
  if (mode == M::linear)
    return {1 - ratio, ratio};
  if (mode == M::cubic) {
    const double A = -0.75, r = ratio;
    return {((A * (r + 1) - 5 * A) * (r + 1) + 8 * A) * (r + 1) - 4 * A,
            ((A + 2) * r - (A + 3)) * r * r + 1,
            ((A + 2) * (1 - r) - (A + 3)) * (1 - r) * (1 - r) + 1,
            ((A * ((1 - r) + 1) - 5 * A) * ((1 - r) + 1) + 8 * A) * ((1 - r) + 1) - 4 * A};
  }
  const bool right = ratio == 1 || nearest == R::ceil ||
                     (nearest == R::round_prefer_ceil && ratio >= 0.5 - 1e-6) ||
                     (nearest == R::round_prefer_floor && ratio > 0.5 + 1e-6);
  return right ? std::vector<double>{0, 1} : std::vector<double>{1, 0};
}

// What floats make of a half is a half.
static_assert(resize_nearest_index(R::round_prefer_ceil, 6.4999995) == 7);
static_assert(resize_nearest_index(R::round_prefer_ceil, 6.499998) == 6);
static_assert(resize_nearest_index(R::round_prefer_floor, 6.5000005) == 6);
static_assert(resize_nearest_index(R::round_prefer_floor, 6.500002) == 7);
static_assert(resize_nearest_index(R::floor, 6.9999995) == 6);
static_assert(resize_nearest_index(R::ceil, 6.0000005) == 7);

/// One axis of ONNX's reference: the neighbours of a coordinate, left ones first among equals.
double interpolate(M mode, C coordinates, R nearest, bool exclude, const Axis &axis, double x,
                   const std::vector<double> &data) {
  const double at = mode == M::nearest ? original<float>(coordinates, axis, (float)x)
                                       : original<double>(coordinates, axis, x),
               floor = std::floor(at);
  if (coordinates == C::tf_crop_and_resize && (at < 0 || at > (double)axis.in - 1))
    return 10;
  auto weights = coefficients(mode, nearest, at == floor ? 1 : at - floor);
  const int64_t first = (int64_t)floor - (at == floor ? 1 : 0) - (int64_t)weights.size() / 2 + 1;
  double sum = 0, total = 0;
  for (size_t k = 0; k < weights.size(); ++k) {
    const int64_t index = first + (int64_t)k;
    if (exclude && (index < 0 || index >= axis.in))
      weights[k] = 0;
    total += weights[k];
    sum += weights[k] * data[(size_t)std::clamp<int64_t>(index, 0, axis.in - 1)];
  }
  return exclude ? sum / total : sum;
}

template <class P> void check() {
  using T = typename P::x_t;
  const int64_t ih = P::x_shape[2], iw = P::x_shape[3], oh = P::shape[2], ow = P::shape[3];
  const Axis rows = {P::scales[2], P::roi[2], P::roi[6], ih, oh},
             columns = {P::scales[3], P::roi[3], P::roi[7], iw, ow};
  const auto x = randomBuffer<T>(2 * ih * iw, 9, 100);
  std::vector<double> want;
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t oy = 0; oy < oh; ++oy)
      for (int64_t ox = 0; ox < ow; ++ox) {
        std::vector<double> column;
        for (int64_t iy = 0; iy < ih; ++iy) {
          std::vector<double> row;
          for (int64_t ix = 0; ix < iw; ++ix)
            row.push_back(toDouble(x[(size_t)((c * ih + iy) * iw + ix)]));
          column.push_back(interpolate(P::mode, P::coordinates, P::nearest, P::exclude_outside,
                                       columns, (double)ox, row));
        }
        const double v = interpolate(P::mode, P::coordinates, P::nearest, P::exclude_outside, rows,
                                     (double)oy, column);
        want.push_back(is_float<T> ? v : std::trunc(v));
      }
  buffer<T> y((size_t)(2 * oh * ow));
  resize<P>(y.data(), x.data());
  expectNear(y, want, 32);
}

template <M Mode, C Coordinates, R Nearest = R::round_prefer_floor> void checkScales() {
  check<Case<float, Mode, Coordinates, 4, 2, 1, 3, 3, 1, Nearest>>();
  check<Case<float, Mode, Coordinates, 4, 3, 5, 5, 4, 5, Nearest>>();
  check<Case<float, Mode, Coordinates, 7, 1, 1, 6, 13, 4, Nearest>>();
  check<Case<float, Mode, Coordinates, 3, 1, 3, 8, 1, 2, Nearest>>();
  check<Case<float, Mode, Coordinates, 1, 4, 1, 1, 5, 2, Nearest>>();
}

template <C Coordinates> void checkModes() {
  checkScales<M::nearest, Coordinates>();
  checkScales<M::nearest, Coordinates, R::round_prefer_ceil>();
  checkScales<M::nearest, Coordinates, R::floor>();
  checkScales<M::nearest, Coordinates, R::ceil>();
  checkScales<M::linear, Coordinates>();
  checkScales<M::cubic, Coordinates>();
}

TEST(Resize, HalfPixel) { checkModes<C::half_pixel>(); }
TEST(Resize, PytorchHalfPixel) { checkModes<C::pytorch_half_pixel>(); }
TEST(Resize, AlignCorners) { checkModes<C::align_corners>(); }
TEST(Resize, Asymmetric) { checkModes<C::asymmetric>(); }
TEST(Resize, TfCropAndResize) { checkModes<C::tf_crop_and_resize>(); }
TEST(Resize, HalfPixelSymmetric) { checkModes<C::half_pixel_symmetric>(); }

TEST(Resize, ExcludeOutsideAndTypes) {
  check<Case<float, M::cubic, C::half_pixel, 4, 2, 1, 4, 4, 5, R::floor, true>>();
  check<Case<float, M::linear, C::half_pixel, 4, 2, 1, 4, 4, 5, R::floor, true>>();
  check<Case<double, M::linear, C::half_pixel, 4, 2, 1, 4, 4, 1>>();
  check<Case<f16, M::linear, C::half_pixel, 4, 2, 1, 4, 4, 1>>();
  check<Case<f16, M::nearest, C::asymmetric, 4, 2, 1, 4, 4, 1, R::floor>>();
  check<Case<uint8_t, M::linear, C::half_pixel, 4, 2, 1, 4, 4, 1>>();
  check<Case<int8_t, M::nearest, C::half_pixel, 4, 2, 1, 4, 4, 1>>();
}

struct OneAxis {
  using x_t = float;
  static constexpr int rank = 3;
  static constexpr int64_t x_shape[] = {1, 1, 4}, shape[] = {1, 1, 2};
  static constexpr double scales[] = {1, 1, 0.6}, roi[] = {0};
  static constexpr M mode = M::linear;
  static constexpr C coordinates = C::align_corners;
  static constexpr R nearest = R::floor;
  static constexpr double cubic_coeff = 0, extrapolation = 0;
  static constexpr bool exclude_outside = false;
};

struct Thirds : OneAxis {
  static constexpr int64_t x_shape[] = {1, 1, 20}, shape[] = {1, 1, 6};
  static constexpr double scales[] = {1, 1, (double)0.3f};
  static constexpr M mode = M::nearest;
  static constexpr C coordinates = C::asymmetric;
};

/// 3 / 0.3 is 10 in float; in double it is a little less, because the float 0.3 is a little more.
TEST(Resize, TheNearestIsLookedForInFloat) {
  float x[20], y[6];
  for (int i = 0; i < 20; ++i)
    x[i] = (float)i;
  resize<Thirds>(y, x);
  EXPECT_EQ(y[3], 10);
}

/// Though 0.6 * 4 is not whole: ONNX's own example says 3.142857, PyTorch and ONNX Runtime the
/// corner.
TEST(Resize, TheLastElementIsTheCorner) {
  const float x[] = {1, 2, 3, 4};
  float y[2];
  resize<OneAxis>(y, x);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 4);
}

} // namespace
