//===- sample_test.cpp - values of images at the places of a grid ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "grid_sample.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <int Rank, sample_mode M, sample_padding B, bool Corners> struct Case {
  using x_t = float;
  using grid_t = float;
  static constexpr int64_t n = 2, c = 3, rank = Rank, points = 40;
  static constexpr int64_t spatial[3] = {5, Rank > 1 ? 4 : 1, Rank > 2 ? 3 : 1};
  static constexpr sample_mode mode = M;
  static constexpr sample_padding padding = B;
  static constexpr bool align_corners = Corners;
};

double reflect(double v, double low, double high) {
  while (high > low && (v < low || v > high))
    v = v < low ? 2 * low - v : 2 * high - v;
  return high > low ? v : low;
}

double cubic(double d) {
  const double a = -0.75;
  d = std::fabs(d);
  return d <= 1  ? (a + 2) * d * d * d - (a + 3) * d * d + 1
         : d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a
                 : 0;
}

/// {pixel, weight} along one axis; a pixel of -1 is zero.
template <class P> std::vector<std::pair<int64_t, double>> taps(double place, int64_t extent) {
  const double top = (double)extent - 1, low = P::align_corners ? 0 : -0.5,
               high = P::align_corners ? top : top + 0.5;
  double at = P::align_corners ? (place + 1) / 2 * top : ((place + 1) * (double)extent - 1) / 2;
  if (P::mode == sample_mode::nearest)
    at = std::nearbyint(at);
  if (at < low || at > high) {
    if (P::padding == sample_padding::border && P::mode != sample_mode::cubic)
      at = std::min(std::max(at, 0.0), top);
    if (P::padding == sample_padding::reflection)
      at = reflect(at, low, high);
  }
  const auto pixel = [&](double v) {
    if (v >= 0 && v <= top)
      return (int64_t)v;
    if (P::padding == sample_padding::zeros)
      return (int64_t)-1;
    if (P::padding == sample_padding::reflection)
      v = reflect(v, low, high);
    return (int64_t)std::min(std::max(v, 0.0), top);
  };
  if (P::mode == sample_mode::nearest)
    return {{pixel(at), 1}};
  std::vector<std::pair<int64_t, double>> all;
  const bool linear = P::mode == sample_mode::linear;
  for (double v = std::floor(at) - (linear ? 0 : 1); all.size() < (linear ? 2u : 4u); ++v)
    all.push_back({pixel(v), linear ? 1 - std::fabs(at - v) : cubic(at - v)});
  return all;
}

template <class P> void check() {
  int64_t plane = 1;
  for (int d = 0; d < P::rank; ++d)
    plane *= P::spatial[d];
  const indexed<float> x = randomBuffer<float>(2 * 3 * plane, 13);
  indexed<float> grid = randomBuffer<float>(2 * 40 * P::rank, 14, 18);
  for (float &v : grid) // nothing at the very borders, where float and double round apart
    v = v * 0.77f + 0.01f;
  buffer<float> y(2 * 3 * 40);
  grid_sample<P>(y.data(), x.data(), grid.data());
  std::vector<double> want;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t i = 0; i < 40; ++i) {
        std::vector<std::pair<int64_t, double>> all{{0, 1}};
        for (int d = 0; d < P::rank; ++d) {
          std::vector<std::pair<int64_t, double>> next;
          for (auto [at, weight] : all)
            for (auto [pixel, share] :
                 taps<P>(grid[(n * 40 + i) * P::rank + P::rank - 1 - d], P::spatial[d]))
              next.push_back(
                  {at < 0 || pixel < 0 ? -1 : at * P::spatial[d] + pixel, weight * share});
          all = next;
        }
        double sum = 0;
        for (auto [at, weight] : all)
          sum += at < 0 ? 0 : weight * x[(n * 3 + c) * plane + at];
        want.push_back(sum);
      }
  expectNear(y, want, 16);
}

template <int Rank, sample_mode M> void checkPaddings() {
  check<Case<Rank, M, sample_padding::zeros, false>>();
  check<Case<Rank, M, sample_padding::border, true>>();
  check<Case<Rank, M, sample_padding::reflection, false>>();
  check<Case<Rank, M, sample_padding::reflection, true>>();
}

TEST(GridSample, Linear) {
  checkPaddings<1, sample_mode::linear>();
  checkPaddings<2, sample_mode::linear>();
  checkPaddings<3, sample_mode::linear>();
}
TEST(GridSample, Nearest) {
  checkPaddings<2, sample_mode::nearest>();
  checkPaddings<3, sample_mode::nearest>();
}
TEST(GridSample, Cubic) { checkPaddings<2, sample_mode::cubic>(); }

/// Of an image that is the same everywhere every place reads that, however far outside it lies: the
/// weights are those of one place.
template <sample_mode M, sample_padding B, bool Corners> void checkFarOutside() {
  using P = Case<2, M, B, Corners>;
  const float values[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 2e8f, -5e7f, 1e6f, -33.3f, 1.2f};
  buffer<float> x(2 * 3 * 20), grid(2 * 40 * 2), y(2 * 3 * 40);
  for (float &v : x)
    v = 3;
  for (size_t i = 0; i < grid.size(); ++i)
    grid[i] = values[(i * 7 + i / 10) % 10];
  grid_sample<P>(y.data(), x.data(), grid.data());
  expectNear(y, std::vector<double>(y.size(), 3), 64);
}

TEST(GridSample, FarOutside) {
  checkFarOutside<sample_mode::linear, sample_padding::border, false>();
  checkFarOutside<sample_mode::linear, sample_padding::border, true>();
  checkFarOutside<sample_mode::linear, sample_padding::reflection, false>();
  checkFarOutside<sample_mode::nearest, sample_padding::border, false>();
  checkFarOutside<sample_mode::nearest, sample_padding::reflection, true>();
  checkFarOutside<sample_mode::cubic, sample_padding::border, true>();
  checkFarOutside<sample_mode::cubic, sample_padding::reflection, false>();
}

TEST(GridSample, HostileGrid) {
  using P = Case<2, sample_mode::cubic, sample_padding::reflection, false>;
  const auto x = randomBuffer<float>(2 * 3 * 20, 13);
  buffer<float> grid(2 * 40 * 2), y(2 * 3 * 40);
  const float values[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0};
  for (size_t i = 0; i < grid.size(); ++i)
    grid[i] = values[(i * 7 + i / 6) % 6];
  grid_sample<P>(y.data(), x.data(), grid.data());
}

} // namespace
