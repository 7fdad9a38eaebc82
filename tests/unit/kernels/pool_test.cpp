//===- pool_test.cpp - pooling against a naive reference ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"
#include "pool.h"

using namespace disco;
using namespace kernel_test;

namespace {

/// Kernel, stride, begin pad, end pad, dilation, ceil_mode of one axis.
template <int K, int S = 1, int B = 0, int E = 0, int D = 1, bool Ceil = false> struct Axis {
  static constexpr int64_t k = K, s = S, b = B, e = E, d = D;
  static constexpr int64_t out(int64_t in) {
    return (in + B + E - (K - 1) * D - 1 + (Ceil ? S - 1 : 0)) / S + 1;
  }
};

template <class T, int N, int C, int ID, int IH, int IW, class AD, class AH, class AW,
          bool Include = false, int Order = 0>
struct Case {
  using x_t = T;
  static constexpr int64_t n = N, c = C, id = ID, ih = IH, iw = IW;
  static constexpr int64_t od = AD::out(ID), oh = AH::out(IH), ow = AW::out(IW);
  static constexpr int64_t kd = AD::k, kh = AH::k, kw = AW::k, sd = AD::s, sh = AH::s, sw = AW::s;
  static constexpr int64_t pd = AD::b, ph = AH::b, pw = AW::b, dd = AD::d, dh = AH::d, dw = AW::d,
                           ed = AD::e, eh = AH::e, ew = AW::e;
  static constexpr bool count_include_pad = Include, has_indices = false;
  static constexpr int storage_order = Order;
};
template <class P> struct WithIndices : P {
  static constexpr bool has_indices = true;
};

struct Cell {
  double greatest = -INFINITY, sum = 0, inside = 0, padded = 0;
  int64_t at = 0;
};

template <class P>
Cell window(const buffer<typename P::x_t> &x, int64_t plane, int64_t oz, int64_t oy, int64_t ox) {
  Cell cell;
  for (int64_t a = 0; a < P::kd; ++a)
    for (int64_t b = 0; b < P::kh; ++b)
      for (int64_t c = 0; c < P::kw; ++c) {
        const int64_t z = oz * P::sd - P::pd + a * P::dd, y = oy * P::sh - P::ph + b * P::dh,
                      v = ox * P::sw - P::pw + c * P::dw;
        if (z >= P::id + P::ed || y >= P::ih + P::eh || v >= P::iw + P::ew)
          continue;
        ++cell.padded;
        if (z < 0 || y < 0 || v < 0 || z >= P::id || y >= P::ih || v >= P::iw)
          continue;
        ++cell.inside;
        const double value = toDouble(x[(size_t)(((plane * P::id + z) * P::ih + y) * P::iw + v)]);
        cell.sum += value;
        if (value > cell.greatest) {
          cell.greatest = value;
          cell.at = plane * P::id * P::ih * P::iw +
                    (P::storage_order ? (v * P::ih + y) * P::id + z : (z * P::ih + y) * P::iw + v);
        }
      }
  return cell;
}

template <class P> void check() {
  using T = typename P::x_t;
  const int64_t outputs = P::n * P::c * P::od * P::oh * P::ow;
  const auto x = randomBuffer<T>(P::n * P::c * P::id * P::ih * P::iw, 7, 50);
  std::vector<double> greatest, average;
  std::vector<int64_t> at;
  for (int64_t plane = 0; plane < P::n * P::c; ++plane)
    for (int64_t oz = 0; oz < P::od; ++oz)
      for (int64_t oy = 0; oy < P::oh; ++oy)
        for (int64_t ox = 0; ox < P::ow; ++ox) {
          const Cell cell = window<P>(x, plane, oz, oy, ox);
          greatest.push_back(cell.greatest);
          average.push_back(cell.sum / (P::count_include_pad ? cell.padded : cell.inside));
          at.push_back(cell.at);
        }
  buffer<T> y((size_t)outputs);
  max_pool<P>(y.data(), x.data(), nullptr);
  expectNear(y, greatest);
  buffer<int64_t> indices((size_t)outputs);
  max_pool<WithIndices<P>>(y.data(), x.data(), indices.data());
  expectNear(y, greatest);
  EXPECT_EQ(indices, at);
  if constexpr (is_float<T>) {
    average_pool<P>(y.data(), x.data());
    expectNear(y, average, 8);
  }
}

using A1 = Axis<1>;
using A2 = Axis<2, 2>;
using A3 = Axis<3, 1, 1, 1>;
using A3s2 = Axis<3, 2, 1, 1>;

template <class T> void checkType() {
  check<Case<T, 1, 3, 1, 8, 8, A1, A2, A2>>();
  check<Case<T, 2, 3, 1, 11, 13, A1, A3s2, A3s2>>();
  check<Case<T, 1, 2, 1, 5, 5, A1, A3, A3, true>>();
  check<Case<T, 1, 2, 1, 7, 9, A1, Axis<7>, Axis<9>>>();
  check<Case<T, 1, 2, 3, 3, 4, Axis<3>, Axis<3>, Axis<4>>>();
}

TEST(Pool, ElementTypes) {
  checkType<float>();
  checkType<double>();
  checkType<f16>();
  checkType<int8_t>();
  checkType<uint8_t>();
  checkType<int32_t>();
}

TEST(Pool, CeilMode) {
  check<Case<float, 1, 2, 1, 8, 8, A1, Axis<3, 2, 0, 0, 1, true>, Axis<3, 2, 0, 0, 1, true>>>();
  check<
      Case<float, 1, 2, 1, 8, 8, A1, Axis<3, 2, 0, 0, 1, true>, Axis<3, 2, 0, 0, 1, true>, true>>();
  check<Case<float, 1, 2, 1, 8, 10, A1, Axis<3, 2, 1, 1, 1, true>, Axis<3, 2, 1, 0, 1, true>,
             true>>();
  check<
      Case<float, 1, 2, 1, 4, 4, A1, Axis<3, 2, 0, 0, 1, true>, Axis<3, 2, 0, 0, 1, true>, true>>();
}

TEST(Pool, PadsDilationsAndShapes) {
  check<Case<float, 1, 2, 1, 1, 20, A1, A1, Axis<4, 3, 2, 1>>>();
  check<Case<float, 1, 2, 1, 1, 300, A1, A1, Axis<3, 1, 2, 0>, true>>();
  check<Case<float, 1, 1, 1, 9, 9, A1, Axis<2, 1, 1, 0, 3>, Axis<3, 2, 0, 2, 2>>>();
  check<Case<float, 1, 1, 1, 9, 9, A1, Axis<2, 1, 1, 0, 3>, Axis<3, 2, 0, 2, 2>, true, 1>>();
  check<Case<float, 1, 2, 4, 5, 6, A3s2, A3, A2>>();
  check<Case<float, 1, 2, 4, 5, 6, A3s2, A3, A2, true, 1>>();
  check<Case<float, 1, 1, 1, 2, 2, A1, A3, A3>>();
  check<Case<float, 1, 1, 1, 1, 1, A1, A1, A1>>();
  check<Case<float, 3, 5, 1, 14, 14, A1, Axis<14>, Axis<14>>>();
  check<Case<float, 1, 2, 1, 40, 40, A1, Axis<40>, Axis<37>>>();
}

// A window as large as the input that moves over pads at one end is no global pool.
TEST(Pool, WholeWindowsThatMove) {
  check<Case<float, 1, 2, 1, 5, 3, A1, Axis<5, 1, 0, 2>, Axis<3>>>();
  check<Case<float, 1, 2, 1, 3, 5, A1, Axis<3>, Axis<5, 2, 0, 3>>>();
  check<Case<float, 1, 2, 3, 2, 2, Axis<3, 1, 0, 2>, A2, A2, true>>();
}

TEST(Pool, NegativeInfinityIsAValue) {
  using P = Case<float, 1, 1, 1, 2, 2, A1, A2, A2>;
  const float x[] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  float y = 0;
  max_pool<P>(&y, x, nullptr);
  EXPECT_EQ(y, -INFINITY);
}

} // namespace
