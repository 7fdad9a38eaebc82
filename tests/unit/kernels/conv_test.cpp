//===- conv_test.cpp - conv against a naive reference ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "conv.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

enum Flags { Plain = 0, Bias = 1, Init = 2, Residual = 4, List = 8, InPlace = 16 };

/// Kernel, stride, begin pad, end pad, dilation of one axis.
template <int K, int S = 1, int B = 0, int E = 0, int D = 1> struct Axis {
  static constexpr int64_t k = K, s = S, b = B, d = D;
  static constexpr int64_t out(int64_t in) { return (in + B + E - (K - 1) * D - 1) / S + 1; }
};

template <class T, int N, int CI, int CO, int G, int ID, int IH, int IW, class AD, class AH,
          class AW, int F = Plain, class Act = act_none, class WT = T, class XT = T>
struct Case {
  using x_t = XT;
  using w_t = WT;
  using y_t = T;
  using act = Act;
  static constexpr int64_t n = N, ci = CI, co = CO, groups = G, id = ID, ih = IH, iw = IW;
  static constexpr int64_t od = AD::out(ID), oh = AH::out(IH), ow = AW::out(IW);
  static constexpr int64_t kd = AD::k, kh = AH::k, kw = AW::k, sd = AD::s, sh = AH::s, sw = AW::s;
  static constexpr int64_t pd = AD::b, ph = AH::b, pw = AW::b, dd = AD::d, dh = AH::d, dw = AW::d;
  static constexpr bool dense_channels = !(F & List);
  static constexpr int64_t x_channels =
      F & List ? 2 * CI + 1 : CI + 1; // a buffer may have more channels than are read
  static constexpr int64_t channel(int64_t i) { return (i * 7 + 3) % (2 * CI + 1); }
  static constexpr bool has_init = (F & (Init | InPlace)) != 0, has_bias = (F & Bias) != 0,
                        has_residual = (F & Residual) != 0;
  static constexpr bool in_place = (F & InPlace) != 0;
};

template <class P>
double referenceSum(const buffer<typename P::x_t> &x, const buffer<typename P::w_t> &w,
                    int64_t image, int64_t co, int64_t oz, int64_t oy, int64_t ox) {
  double sum = 0;
  const int64_t cig = P::ci / P::groups, group = co / (P::co / P::groups);
  for (int64_t c = 0; c < cig; ++c)
    for (int64_t z = 0; z < P::kd; ++z)
      for (int64_t y = 0; y < P::kh; ++y)
        for (int64_t v = 0; v < P::kw; ++v) {
          const int64_t iz = oz * P::sd - P::pd + z * P::dd, iy = oy * P::sh - P::ph + y * P::dh,
                        ix = ox * P::sw - P::pw + v * P::dw;
          if (iz < 0 || iz >= P::id || iy < 0 || iy >= P::ih || ix < 0 || ix >= P::iw)
            continue;
          const int64_t packed = group * cig + c,
                        from = P::dense_channels ? packed : P::channel(packed);
          sum +=
              toDouble(
                  x[(size_t)((((image * P::x_channels + from) * P::id + iz) * P::ih + iy) * P::iw +
                             ix)]) *
              toDouble(w[(size_t)((((co * cig + c) * P::kd + z) * P::kh + y) * P::kw + v)]);
        }
  return sum;
}

enum class Form { Gemm, Dots, Planes, Rows };

template <class P, Form form> void checkForm() {
  using arith = arith_t<typename P::x_t>;
  const int64_t outputs = P::n * P::co * P::od * P::oh * P::ow;
  const auto x = randomBuffer<typename P::x_t>(P::n * P::x_channels * P::id * P::ih * P::iw, 1);
  const auto w =
      randomBuffer<typename P::w_t>(P::co * P::ci / P::groups * P::kd * P::kh * P::kw, 2);
  const auto bias = randomBuffer<arith>(P::co, 3);
  const auto init = randomBuffer<typename P::y_t>(outputs, 4),
             residual = randomBuffer<typename P::y_t>(outputs, 5);
  auto y = P::in_place ? init : randomBuffer<typename P::y_t>(outputs, 6);
  std::vector<double> want;
  for (int64_t i = 0; i < P::n; ++i)
    for (int64_t c = 0; c < P::co; ++c)
      for (int64_t oz = 0; oz < P::od; ++oz)
        for (int64_t oy = 0; oy < P::oh; ++oy)
          for (int64_t ox = 0; ox < P::ow; ++ox) {
            double sum = referenceSum<P>(x, w, i, c, oz, oy, ox);
            sum += P::has_bias ? (double)bias[(size_t)c] : 0;
            sum += P::has_init ? toDouble(init[want.size()]) : 0;
            sum += P::has_residual ? toDouble(residual[want.size()]) : 0;
            want.push_back(P::act::template apply<typename P::act>(sum));
          }
  const auto *b = P::has_bias ? bias.data() : nullptr;
  const auto *i = P::in_place ? y.data() : P::has_init ? init.data() : nullptr;
  const auto *r = P::has_residual ? residual.data() : nullptr;
  if constexpr (form == Form::Gemm) {
    using Q = Scratch<P, gemm_bytes<conv_product<P>>>;
    conv_gemm<Q>(y.data(), x.data(), w.data(), b, i, r, Q().memory.data());
  } else if constexpr (form == Form::Dots) {
    using Q = Scratch<P, gemm_bytes<conv_dot_product<P>>>;
    conv_dots<Q>(y.data(), x.data(), w.data(), b, i, r, Q().memory.data());
  } else if constexpr (form == Form::Planes) {
    using Q = Scratch<P, conv_bands<P, conv_product<P>>::bytes>;
    conv_planes<Q>(y.data(), x.data(), w.data(), b, i, r, Q().memory.data());
  } else {
    conv_rows<P>(y.data(), x.data(), w.data(), b, i, r);
  }
  expectNear(y, want, 16);
}

/// Every kernel that serves, whether or not the compiler would choose it.
template <class P> void check() {
  checkForm<P, Form::Gemm>();
  checkForm<P, Form::Dots>();
  checkForm<P, Form::Rows>();
  if constexpr (conv_bands<P, conv_product<P>>::serves)
    checkForm<P, Form::Planes>();
}

struct Clip : act_clip {
  static constexpr float min = 0, max = 6;
};
using A1 = Axis<1>;
using A3 = Axis<3, 1, 1, 1>;
using A3s2 = Axis<3, 2, 1, 1>;

TEST(Conv, Pointwise) {
  check<Case<float, 1, 1, 1, 1, 1, 1, 1, A1, A1, A1>>();
  check<Case<float, 1, 5, 7, 1, 1, 3, 3, A1, A1, A1, Bias>>();
  check<Case<float, 2, 16, 8, 1, 1, 7, 7, A1, A1, A1, Bias | Residual, act_relu>>();
  check<Case<float, 1, 300, 33, 1, 1, 10, 11, A1, A1, A1, Bias>>();
  check<Case<float, 1, 129, 24, 1, 1, 1, 1, A1, A1, A1, Bias>>();
  check<Case<float, 1, 1025, 13, 1, 1, 1, 2, A1, A1, A1, Bias>>();
  check<Case<float, 1, 9, 5, 1, 1, 1, 4, A1, A1, A1>>();
  check<Case<float, 1, 9, 5, 1, 1, 1, 5, A1, A1, A1>>();
  check<Case<float, 1, 6, 9, 1, 1, 8, 8, A1, Axis<1, 2>, Axis<1, 2>, Bias>>();
  check<Case<float, 1, 6, 9, 1, 1, 9, 7, A1, Axis<1, 3>, Axis<1, 2>>>();
  check<Case<float, 1, 6, 9, 1, 1, 4, 5, A1, Axis<1, 1, 1, 1>, Axis<1, 1, 1, 2>>>();
}

TEST(Conv, Square) {
  check<Case<float, 1, 3, 8, 1, 1, 6, 5, A1, A3, A3, Bias, act_relu>>();
  check<Case<float, 1, 64, 20, 1, 1, 7, 7, A1, A3, A3, Bias>>();
  check<Case<float, 1, 17, 31, 1, 1, 14, 14, A1, A3, A3, Bias | Residual, Clip>>();
  check<Case<float, 1, 5, 16, 1, 1, 15, 14, A1, A3s2, A3s2, Bias>>();
  check<Case<float, 1, 3, 9, 1, 1, 33, 31, A1, Axis<7, 2, 3, 3>, Axis<7, 2, 3, 3>>>();
  check<Case<float, 2, 4, 6, 1, 1, 9, 50, A1, Axis<5, 1, 2, 2>, Axis<5, 1, 2, 2>>>();
  check<Case<float, 1, 4, 4, 1, 1, 3, 130, A1, A3, A3>>();
  check<Case<float, 1, 4, 12, 1, 1, 3, 3, A1, Axis<3>, Axis<3>, Bias>>();
  check<Case<float, 1, 4, 12, 1, 1, 2, 2, A1, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, Bias>>();
}

TEST(Conv, AsymmetricPadsDilationsAndOddExtents) {
  check<Case<float, 1, 3, 5, 1, 1, 8, 9, A1, Axis<3, 1, 2, 0, 2>, Axis<3, 1, 0, 3, 3>>>();
  check<Case<float, 1, 3, 5, 1, 1, 8, 9, A1, Axis<2, 3, 1, 0>, Axis<4, 2, 0, 3>>>();
  check<Case<float, 1, 2, 4, 1, 1, 12, 12, A1, Axis<3, 1, 4, 4, 4>, Axis<3, 1, 4, 4, 4>>>();
  check<Case<float, 1, 2, 4, 1, 1, 5, 5, A1, Axis<3, 1, 6, 6>,
             Axis<3, 1, 6, 6>>>(); // outputs that see pads only
  check<Case<float, 1, 2, 4, 1, 1, 9, 9, A1, Axis<3, 1, -1, -1>, Axis<3, 1, -2, 1>>>();
  check<Case<float, 1, 2, 4, 1, 1, 5, 5, A1, Axis<3, 7, 1, 1>, Axis<2, 9, 6, 1>>>();
}

TEST(Conv, OneAndThreeDimensions) {
  check<Case<float, 2, 6, 10, 1, 1, 1, 40, A1, A1, Axis<5, 2, 2, 1>, Bias>>();
  check<Case<float, 1, 6, 2, 2, 1, 1, 100, A1, A1, Axis<3, 1, 1, 1>, Bias>>();
  check<Case<float, 1, 4, 6, 1, 5, 6, 7, A3, A3, A3, Bias>>();
  check<Case<float, 1, 4, 6, 2, 5, 6, 7, A3s2, Axis<2, 1, 0, 1>, A3, Bias>>();
  check<Case<float, 1, 4, 4, 4, 5, 6, 7, A3s2, Axis<2, 1, 0, 1, 2>, A3, Bias>>();
}

TEST(Conv, GroupsAndDepthwise) {
  check<Case<float, 1, 8, 8, 8, 1, 9, 9, A1, A3, A3, Bias, act_relu>>();
  check<Case<float, 2, 8, 8, 8, 1, 9, 8, A1, A3s2, A3s2, Bias, Clip>>();
  check<Case<float, 1, 5, 10, 5, 1, 7, 7, A1, A3, A3, Bias | Residual>>(); // multiplier 2
  check<Case<float, 1, 3, 18, 3, 1, 7, 7, A1, A3, A3, Bias>>();            // multiplier 6
  check<Case<float, 1, 4, 4, 4, 1, 5, 200, A1, Axis<5, 1, 2, 2>, Axis<5, 2, 2, 2>>>();
  check<Case<float, 1, 4, 4, 4, 1, 3, 3, A1, A3, A3>>();
  check<Case<float, 1, 4, 4, 4, 1, 2, 1, A1, A3, A3>>();
  check<Case<float, 1, 32, 32, 4, 1, 6, 6, A1, A3, A3, Bias>>();
  check<Case<float, 1, 12, 6, 3, 1, 6, 6, A1, A3, A3, Bias>>();
  check<Case<float, 1, 6, 6, 6, 1, 11, 9, A1, Axis<3, 1, 2, 2, 2>, Axis<3, 2, 2, 3, 2>, List>>();
  check<Case<float, 1, 3, 3, 3, 1, 5, 5, A1, Axis<3, 1, 5, 5>, Axis<3, 1, 5, 5>, Init>>();
}

TEST(Conv, ChannelListsAndAccumulation) {
  check<Case<float, 1, 7, 9, 1, 1, 6, 6, A1, A3, A3, List | InPlace>>();
  check<Case<float, 1, 7, 9, 1, 1, 6, 6, A1, A1, A1, List | InPlace | Bias | Residual, act_relu>>();
  check<Case<float, 2, 7, 9, 1, 1, 6, 6, A1, A1, A1, List | Init | Bias, act_relu>>();
  check<Case<float, 2, 200, 9, 1, 1, 6, 6, A1, A1, A1, List | Init | Bias, act_relu>>();
  check<Case<float, 1, 1, 5, 1, 1, 4, 4, A1, A3, A3, InPlace>>();
  check<Case<float, 1, 6, 2, 2, 1, 6, 6, A1, A3, A3, List | InPlace>>();
  check<Case<float, 1, 300, 20, 1, 1, 1, 1, A1, A1, A1, List | InPlace | Residual, act_relu>>();
}

TEST(Conv, ShiftedRuns) { // rows as long as the input's, whatever the pads
  check<Case<float, 2, 3, 5, 1, 1, 5, 5, A1, Axis<5, 1, 2, 2>, Axis<5, 1, 2, 2>>>();
  check<Case<float, 1, 3, 5, 1, 1, 5, 5, A1, Axis<3, 1, 2, 0>, Axis<3, 1, 0, 2>>>();
  check<Case<float, 1, 3, 5, 1, 1, 5, 6, A1, Axis<3, 1, 0, 2>, Axis<4, 1, 3, 0>>>();
  check<Case<float, 1, 3, 5, 1, 1, 4, 3, A1, Axis<3, 1, 4, 4, 4>, Axis<3, 1, 5, 5, 5>>>();
  check<Case<float, 1, 3, 5, 1, 1, 3, 2, A1, Axis<3, 1, 1, 1>, Axis<7, 1, 3, 3>>>();
  check<Case<float, 1, 3, 5, 1, 1, 20, 20, A1, Axis<3, 1, 6, 6, 6>, Axis<3, 1, 6, 6, 6>, List>>();
  check<Case<float, 1, 6, 6, 6, 1, 14, 14, A1, A3, A3, Bias | InPlace>>();
  check<Case<float, 1, 6, 6, 6, 1, 7, 7, A1, Axis<5, 1, 2, 2>, Axis<5, 1, 2, 2>, List>>();
  check<Case<float, 1, 4, 4, 2, 1, 1, 30, A1, A1, Axis<9, 1, 4, 4>, Bias>>();
}

TEST(Conv, NothingOfAnotherRowLeaksIn) {
  using C = Case<float, 1, 1, 1, 1, 1, 3, 3, A1, A3, A3>;
  using P = Scratch<C, gemm_bytes<conv_product<C>>>;
  P scratch;
  const float inf = INFINITY;
  const float x[18] = {inf, 1, inf, 1, 1, 1, inf, 1, inf}; // corners
  const float w[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  float y[9];
  conv_gemm<P>(y, x, w, nullptr, nullptr, nullptr, scratch.memory.data());
  for (float v : y)
    EXPECT_EQ(v, inf);
  const float middle[18] = {1, 1, inf, 1, 1, 1, 1, 1, 1};
  conv_gemm<P>(y, middle, w, nullptr, nullptr, nullptr, scratch.memory.data());
  EXPECT_EQ(y[3], 6); // the first of the second row does not see the last of the first
  EXPECT_EQ(y[6], 4);
}

TEST(Conv, ElementTypes) {
  check<Case<double, 1, 150, 9, 1, 1, 6, 6, A1, A3, A3, Bias | InPlace>>();
  check<Case<double, 1, 4, 4, 4, 1, 6, 6, A1, A3, A3, Bias>>();
  check<Case<f16, 1, 5, 9, 1, 1, 6, 6, A1, A3, A3, Bias>>();
  check<Case<f16, 1, 200, 70, 1, 1, 3, 40, A1, A1, A1, Bias | Residual | Init>>();
  check<Case<f16, 1, 30, 70, 1, 1, 3, 40, A1, A1, A1, InPlace | List>>();
  check<Case<f16, 1, 4, 4, 4, 1, 9, 9, A1, A3, A3, Bias>>();
  check<Case<float, 1, 40, 12, 1, 1, 6, 6, A1, A3, A3, Bias | InPlace, act_none, f16>>();
  check<Case<float, 1, 40, 12, 1, 1, 6, 6, A1, A3, A3, Bias, act_none, f16, f16>>();
  check<Case<f16, 1, 40, 12, 1, 1, 1, 1, A1, A1, A1, Bias, act_none, float, float>>();
}

} // namespace
