//===- reduce_test.cpp - reductions, argmax, softmax ----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"
#include "reduce.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <class T, class Op> struct Base {
  using x_t = T;
  using y_t = T;
  using op = Op;
};
/// x is [4][5][70]; what is reduced varies. (clang 19 does not deduce extents of arrays in
/// templates.)
template <class T, class Op> struct Last : Base<T, Op> {
  static constexpr int kept_rank = 2, reduced_rank = 1;
  static constexpr int64_t kept[2] = {4, 5}, kept_strides[2] = {350, 70}, reduced[1] = {70},
                           reduced_strides[1] = {1};
};
template <class T, class Op> struct Middle : Base<T, Op> {
  static constexpr int kept_rank = 2, reduced_rank = 1;
  static constexpr int64_t kept[2] = {4, 70}, kept_strides[2] = {350, 1}, reduced[1] = {5},
                           reduced_strides[1] = {70};
};
template <class T, class Op> struct Outside : Base<T, Op> {
  static constexpr int kept_rank = 1, reduced_rank = 2;
  static constexpr int64_t kept[1] = {5}, kept_strides[1] = {70}, reduced[2] = {4, 70},
                           reduced_strides[2] = {350, 1};
};
template <class T, class Op> struct All : Base<T, Op> {
  static constexpr int kept_rank = 0, reduced_rank = 1;
  static constexpr int64_t kept[1] = {1}, kept_strides[1] = {0}, reduced[1] = {1400},
                           reduced_strides[1] = {1};
};
template <class T, class Op> struct None : Base<T, Op> {
  static constexpr int kept_rank = 1, reduced_rank = 0;
  static constexpr int64_t kept[1] = {1400}, kept_strides[1] = {1}, reduced[1] = {1},
                           reduced_strides[1] = {0};
};

double referenceReduce(const std::vector<double> &v, int kind) {
  double sum = 0, product = 1, square = 0, absolute = 0, top = -INFINITY, bottom = INFINITY,
         exps = 0;
  for (double e : v) {
    sum += e;
    product *= e;
    square += e * e;
    absolute += std::fabs(e);
    top = std::max(top, e);
    bottom = std::min(bottom, e);
    exps += std::exp(e);
  }
  const double all[] = {
      sum,      sum / (double)v.size(), top,           bottom,        product, square,
      absolute, std::sqrt(square),      std::log(sum), std::log(exps)};
  return all[kind];
}

template <class P> void checkReduce(int kind, bool positive = false) {
  using T = typename P::x_t;
  auto x = randomBuffer<T>(1400, 3);
  if (positive)
    for (T &v : x)
      v = fromDouble<T>(std::fabs(toDouble(v)) + 1);
  int64_t kept = 1, reduced = 1;
  for (int d = 0; d < P::kept_rank; ++d)
    kept *= P::kept[d];
  for (int d = 0; d < P::reduced_rank; ++d)
    reduced *= P::reduced[d];
  std::vector<double> want;
  for (int64_t i = 0; i < kept; ++i) {
    std::vector<double> group;
    for (int64_t j = 0; j < reduced; ++j) {
      int64_t at = 0, a = i, b = j;
      for (int d = P::kept_rank - 1; d >= 0; a /= P::kept[d], --d)
        at += a % P::kept[d] * P::kept_strides[d];
      for (int d = P::reduced_rank - 1; d >= 0; b /= P::reduced[d], --d)
        at += b % P::reduced[d] * P::reduced_strides[d];
      group.push_back(toDouble(x[(size_t)at]));
    }
    want.push_back(referenceReduce(group, kind));
  }
  buffer<T> y((size_t)kept);
  reduce<P>(y.data(), x.data());
  expectNear(y, want, kind == 4 ? 1e3 : 64);
}

template <template <class, class> class Shape, class T> void checkKinds() {
  checkReduce<Shape<T, red_sum>>(0);
  checkReduce<Shape<T, red_max>>(2);
  checkReduce<Shape<T, red_min>>(3);
  checkReduce<Shape<T, red_sum_square>>(5);
  checkReduce<Shape<T, red_l1>>(6);
  if (is_float<T>) {
    checkReduce<Shape<T, red_mean>>(1);
    checkReduce<Shape<T, red_l2>>(7);
    checkReduce<Shape<T, red_log_sum>>(8, true);
  }
}

TEST(Reduce, KindsAxesAndTypes) {
  checkKinds<Last, float>();
  checkKinds<Middle, float>();
  checkKinds<Outside, float>();
  checkKinds<All, float>();
  checkKinds<None, float>();
  checkKinds<Last, double>();
  checkKinds<Middle, f16>();
  checkKinds<Outside, int32_t>();
  checkKinds<All, int64_t>();
  checkReduce<Middle<double, red_prod>>(4);
  checkReduce<Last<float, red_log_sum_exp>>(9);
  checkReduce<Middle<double, red_log_sum_exp>>(9);
  checkReduce<Last<int8_t, red_max>>(2);
  checkReduce<Middle<uint8_t, red_min>>(3);
}

TEST(Reduce, LogSumExpOfLargeValues) {
  buffer<float> x(1400, 500.0f), y(1);
  reduce<All<float, red_log_sum_exp>>(y.data(), x.data());
  EXPECT_NEAR(y[0], 500 + std::log(1400.0), 1e-3);
  x.assign(1400, -INFINITY);
  reduce<All<float, red_log_sum_exp>>(y.data(), x.data());
  EXPECT_EQ(y[0], -INFINITY);
}

template <class T, int O, int E, int I, bool Min = false, bool LastOne = false> struct View {
  using x_t = T;
  static constexpr int64_t outer = O, extent = E, inner = I;
  static constexpr bool minimum = Min, last = LastOne;
};

template <class P> void checkArg() {
  const auto x = randomBuffer<typename P::x_t>(P::outer * P::extent * P::inner, 5, 3);
  buffer<int64_t> y((size_t)(P::outer * P::inner)), want;
  for (int64_t o = 0; o < P::outer; ++o)
    for (int64_t j = 0; j < P::inner; ++j) {
      int64_t at = 0;
      const auto value = [&](int64_t i) {
        return toDouble(x[(size_t)((o * P::extent + i) * P::inner + j)]) * (P::minimum ? -1 : 1);
      };
      for (int64_t i = 1; i < P::extent; ++i)
        if (value(i) > value(at) || (P::last && value(i) == value(at)))
          at = i;
      want.push_back(at);
    }
  arg_extreme<P>(y.data(), x.data());
  EXPECT_EQ(y, want);
}

TEST(ArgExtreme, All) {
  checkArg<View<float, 3, 20, 1>>();
  checkArg<View<float, 3, 20, 4, true>>();
  checkArg<View<int8_t, 1, 20, 4, false, true>>();
  checkArg<View<f16, 2, 1, 4, true, true>>();
}

template <class P> void checkSoftmax(double offset = 0) {
  using T = typename P::x_t;
  auto x = randomBuffer<T>(P::outer * P::extent * P::inner, 8, 40);
  for (T &v : x)
    v = fromDouble<T>(toDouble(v) + offset);
  std::vector<double> want(x.size()), logs(x.size());
  for (int64_t o = 0; o < P::outer; ++o)
    for (int64_t j = 0; j < P::inner; ++j) {
      const auto at = [&](int64_t i) { return (size_t)((o * P::extent + i) * P::inner + j); };
      double top = -INFINITY, sum = 0;
      for (int64_t i = 0; i < P::extent; ++i)
        top = std::max(top, toDouble(x[at(i)]));
      for (int64_t i = 0; i < P::extent; ++i)
        sum += std::exp(toDouble(x[at(i)]) - top);
      for (int64_t i = 0; i < P::extent; ++i) {
        logs[at(i)] = toDouble(x[at(i)]) - top - std::log(sum);
        want[at(i)] = std::exp(logs[at(i)]);
      }
    }
  buffer<T> y(x.size());
  softmax<P>(y.data(), x.data());
  expectNear(y, want);
  log_softmax<P>(y.data(), x.data());
  expectNear(y, logs, 8);
  y = x;
  softmax<P>(y.data(), y.data());
  expectNear(y, want);
  log_softmax<P>(x.data(), x.data());
  expectNear(x, logs, 8);
}

TEST(Softmax, Views) {
  checkSoftmax<View<float, 3, 10, 1>>();
  checkSoftmax<View<float, 2, 197, 1>>();
  checkSoftmax<View<float, 2, 16, 1>>(1e4);
  checkSoftmax<View<float, 2, 7, 37>>(-1e4);
  checkSoftmax<View<double, 2, 21, 5>>();
  checkSoftmax<View<double, 2, 21, 1>>();
  checkSoftmax<View<f16, 2, 21, 1>>();
  checkSoftmax<View<f16, 2, 21, 18>>();
  checkSoftmax<View<float, 1, 1, 1>>();
}

} // namespace
