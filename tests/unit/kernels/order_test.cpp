//===- order_test.cpp - greatest values, running sums, scatters -----------===//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "kernel_test.h"
#include "pool.h"
#include "reduce.h"
#include "scatter.h"
#include "sort.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <class T, int Outer, int Extent, int Inner> struct View {
  using x_t = T;
  static constexpr int64_t outer = Outer, extent = Extent, inner = Inner;
};

template <class T, int K, bool Smallest> struct TopKCase : View<T, 2, 23, 3> {
  static constexpr int64_t k = K;
  static constexpr bool smallest = Smallest;
};

/// Few different values, so that equal ones are frequent.
template <class P> void checkTopK() {
  using T = typename P::x_t;
  const indexed<T> x = randomBuffer<T>(2 * 23 * 3, 5, 4);
  indexed<int64_t> y((size_t)(2 * P::k * 3), -7), want;
  top_k<P>(y.data(), x.data());
  want.resize(y.size());
  for (int64_t o = 0; o < 2; ++o)
    for (int64_t j = 0; j < 3; ++j) {
      indexed<int64_t> order(23);
      std::iota(order.begin(), order.end(), 0);
      const auto value = [&](int64_t i) { return toDouble(x[(o * 23 + i) * 3 + j]); };
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        if (value(a) == value(b))
          return a < b;
        return P::smallest ? value(a) < value(b) : value(a) > value(b);
      });
      for (int64_t i = 0; i < P::k; ++i)
        want[(o * P::k + i) * 3 + j] = order[i];
    }
  EXPECT_EQ(y, want);
}

TEST(TopK, BestFirstAndEqualsInOrder) {
  checkTopK<TopKCase<float, 1, false>>();
  checkTopK<TopKCase<float, 7, true>>();
  checkTopK<TopKCase<f16, 23, false>>();
  checkTopK<TopKCase<int32_t, 22, true>>();
  checkTopK<TopKCase<uint8_t, 5, false>>();
  checkTopK<TopKCase<double, 0, false>>();
}

template <class T, bool Exclusive, bool Reverse> struct CumSumCase : View<T, 3, 6, 4> {
  static constexpr bool exclusive = Exclusive, reverse = Reverse;
};

template <class P> void checkCumSum() {
  using T = typename P::x_t;
  const indexed<T> x = randomBuffer<T>(72, 6);
  buffer<T> y(72);
  cum_sum<P>(y.data(), x.data());
  indexed<double> want(72);
  for (int64_t o = 0; o < 3; ++o)
    for (int64_t i = 0; i < 6; ++i)
      for (int64_t j = 0; j < 4; ++j)
        for (int64_t k = 0; k < 6; ++k)
          if ((P::reverse ? k > i : k < i) || (k == i && !P::exclusive))
            want[(o * 6 + i) * 4 + j] += toDouble(x[(o * 6 + k) * 4 + j]);
  expectNear(y, want, 8);
}

TEST(CumSum, Directions) {
  checkCumSum<CumSumCase<float, false, false>>();
  checkCumSum<CumSumCase<float, true, true>>();
  checkCumSum<CumSumCase<f16, false, true>>();
  checkCumSum<CumSumCase<int32_t, true, false>>();
  checkCumSum<CumSumCase<int64_t, false, true>>();
}

template <class T, class Op> struct ScatterCase : View<T, 2, 4, 2> {
  using index_t = int64_t;
  using op = Op;
  static constexpr int64_t count = 4;
};

template <class T, class Op> void checkScatter(double (*join)(double, double)) {
  const indexed<T> x = randomBuffer<T>(16, 7), updates = randomBuffer<T>(16, 8);
  const int64_t indices[] = {2, -1, 2, 0, 9, -5, 1, -4};
  buffer<T> y(16);
  scatter<ScatterCase<T, Op>>(y.data(), x.data(), indices, updates.data());
  indexed<double> want;
  for (T v : x)
    want.push_back(toDouble(v));
  for (int64_t o = 0; o < 2; ++o)
    for (int64_t i = 0; i < 4; ++i) {
      int64_t at = indices[o * 4 + i];
      at = at < 0 ? at + 4 : at;
      for (int64_t k = 0; k < 2 && at >= 0 && at < 4; ++k) {
        double &to = want[(o * 4 + at) * 2 + k];
        to = join(to, toDouble(updates[(o * 4 + i) * 2 + k]));
      }
    }
  expectNear(y, want);
}

TEST(Scatter, JoinsAndLeavesOutHostileIndices) {
  checkScatter<float, scatter_none>([](double, double u) { return u; });
  checkScatter<float, scatter_add>([](double a, double u) { return a + u; });
  checkScatter<f16, scatter_mul>([](double a, double u) { return a * u; });
  checkScatter<int32_t, scatter_max>([](double a, double u) { return std::max(a, u); });
  checkScatter<int8_t, scatter_min>([](double a, double u) { return std::min(a, u); });
}

template <int Order> struct IndexCase {
  using x_t = float;
  static constexpr int64_t n = 1, c = 2, id = 1, ih = 5, iw = 6, od = 1, oh = 3, ow = 3, kd = 1,
                           kh = 3, kw = 2, sd = 1, sh = 2, sw = 2, pd = 0, ph = 1, pw = 0, dd = 1,
                           dh = 1, dw = 1, storage_order = Order;
};

TEST(MaxPoolIndex, CountsWithinThePlane) {
  const indexed<float> x = randomBuffer<float>(60, 9, 3);
  indexed<int64_t> rows(18), columns(18);
  max_pool_index<IndexCase<0>>(rows.data(), x.data());
  max_pool_index<IndexCase<1>>(columns.data(), x.data());
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t y = 0; y < 3; ++y)
      for (int64_t z = 0; z < 3; ++z) {
        int64_t bestY = -1, bestX = -1;
        for (int64_t i = std::max<int64_t>(2 * y - 1, 0); i <= std::min<int64_t>(2 * y + 1, 4); ++i)
          for (int64_t j = 2 * z; j < 2 * z + 2; ++j)
            if (bestY < 0 || x[c * 30 + i * 6 + j] > x[c * 30 + bestY * 6 + bestX])
              bestY = i, bestX = j;
        EXPECT_EQ(rows[(c * 3 + y) * 3 + z], bestY * 6 + bestX);
        EXPECT_EQ(columns[(c * 3 + y) * 3 + z], bestX * 5 + bestY);
      }
}

} // namespace
