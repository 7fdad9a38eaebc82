//===- winograd_test.cpp - conv_winograd against a naive reference --------===//
// SPDX-License-Identifier: Apache-2.0
#include "conv_cases.h"
#include "conv_winograd.h"

using namespace disco;
using namespace kernel_test;

namespace {

/// Toom and Cook's interpolation, for the points of conv_winograd: g at each of them, over the
/// product of its distances to the others; at infinity the last coefficient.
std::vector<std::vector<double>> pointsOf(int tile) {
  const double near = std::sqrt(0.5), far = std::sqrt(2.0);
  const std::vector<double> points =
      tile == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, near, -near, far, -far};
  std::vector<std::vector<double>> g;
  for (double p : points) {
    double apart = 1;
    for (double q : points)
      apart *= p == q ? 1 : p - q;
    g.push_back({1 / apart, p / apart, p * p / apart});
  }
  g.push_back({0, 0, 1});
  if (tile == 2) // its transform of the input has the other sign there
    for (double &v : g[0])
      v = -v;
  return g;
}

template <class P> std::vector<float> transformed(const buffer<float> &w, int tile) {
  const auto g = pointsOf(tile);
  const size_t a = g.size(), ci = (size_t)P::ci, co = (size_t)P::co;
  std::vector<float> u((co + 15) / 16 * 16 * a * a * ci, 0.0f);
  for (size_t o = 0; o < co; ++o)
    for (size_t c = 0; c < ci; ++c)
      for (size_t p = 0; p < a * a; ++p) {
        double sum = 0;
        for (size_t i = 0; i < 3; ++i)
          for (size_t j = 0; j < 3; ++j)
            sum += g[p / a][i] * g[p % a][j] * (double)w[(o * ci + c) * 9 + i * 3 + j];
        u[((o / 16 * a * a + p) * ci + c) * 16 + o % 16] = (float)sum;
      }
  return u;
}

template <class P, int Tile> struct Tiled : P {
  static constexpr int64_t tile = Tile;
};

template <class P, int Tile> void checkTile() {
  ConvData<P> d;
  using Q = Scratch<Tiled<P, Tile>, winograd_image<Tiled<P, Tile>>::size.bytes>;
  const std::vector<float> u = transformed<P>(d.w, Tile);
  conv_winograd<Q>(d.y.data(), d.x.data(), u.data(), d.b(), d.i(), d.r(), Q().memory.data());
  expectNear(d.y, d.want, 16 + 16 * std::sqrt((double)P::ci)); // errors grow as sums do
}

template <class P> void check() {
  checkTile<P, 2>();
  checkTile<P, 4>();
}

struct Clip : act_clip {
  static constexpr float min = 0, max = 6;
};

TEST(Winograd, Tails) { // tails of tiles, batches, channels and blocks
  check<Case<float, 1, 1, 1, 1, 1, 1, 1, A1, A3, A3>>();
  check<Case<float, 1, 16, 16, 1, 1, 32, 32, A1, A3, A3, Bias, act_relu>>();
  check<Case<float, 1, 33, 47, 1, 1, 13, 11, A1, A3, A3, Bias | Residual, act_relu>>();
  check<Case<float, 2, 15, 65, 1, 1, 9, 7, A1, A3, A3, Bias | Init>>();
  check<Case<float, 2, 17, 80, 1, 1, 6, 6, A1, A3, A3, List | InPlace | Residual, Clip>>();
  check<Case<float, 1, 130, 96, 1, 1, 5, 5, A1, A3, A3, Bias>>();
  check<Case<float, 1, 3, 20, 1, 1, 3, 150, A1, A3, A3, Bias>>(); // a row is several batches
  check<Case<float, 1, 3, 20, 1, 1, 150, 3, A1, A3, A3, List>>();
  check<Case<float, 1, 600, 33, 1, 1, 9, 30, A1, Axis<3>, Axis<3>>>(); // few tiles a batch
  check<Case<float, 1, 4, 20, 1, 1, 6, 7, A1, Axis<3, 1, 2, 0>, Axis<3, 1, 0, 2>, Bias>>();
  check<Case<float, 1, 4, 20, 1, 1, 6, 7, A1, Axis<3, 1, 5, 4>, Axis<3, 1, 7, 6>, Bias>>();
  check<Case<float, 1, 4, 20, 1, 1, 9, 9, A1, Axis<3, 1, -2, -1>, Axis<3, 1, -1, 3>, List>>();
}

} // namespace
