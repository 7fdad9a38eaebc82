//===- conv_transpose_test.cpp - conv_transpose against its definition ----===//
// SPDX-License-Identifier: Apache-2.0
#include "conv_transpose.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

enum Flags { Plain = 0, Bias = 1, Init = 2, Residual = 4, List = 8 };

/// Kernel, stride, begin pad, end pad, dilation, output padding of one axis.
template <int K, int S = 1, int B = 0, int E = 0, int D = 1, int O = 0> struct Axis {
  static constexpr int64_t k = K, s = S, b = B, d = D;
  static constexpr int64_t out(int64_t in) { return (in - 1) * S + (K - 1) * D + 1 - B - E + O; }
};

template <class T, int N, int CI, int CO, int G, int ID, int IH, int IW, class AD, class AH,
          class AW, int F = Plain, class Act = act_none>
struct Case {
  using x_t = T;
  using w_t = T;
  using y_t = T;
  using act = Act;
  static constexpr int64_t n = N, ci = CI, co = CO, groups = G, id = ID, ih = IH, iw = IW;
  static constexpr int64_t od = AD::out(ID), oh = AH::out(IH), ow = AW::out(IW);
  static constexpr int64_t kd = AD::k, kh = AH::k, kw = AW::k, sd = AD::s, sh = AH::s, sw = AW::s;
  static constexpr int64_t pd = AD::b, ph = AH::b, pw = AW::b, dd = AD::d, dh = AH::d, dw = AW::d;
  static constexpr bool dense_channels = !(F & List);
  static constexpr int64_t x_channels = 2 * CI + 1;
  static constexpr int64_t channel(int64_t i) { return (i * 7 + 3) % (2 * CI + 1); }
  static constexpr bool has_init = (F & Init) != 0, has_bias = (F & Bias) != 0,
                        has_residual = (F & Residual) != 0;
};

/// Adds what one input element spreads over the output.
template <class P>
void spread(std::vector<double> &y, const buffer<typename P::w_t> &w, double v, int64_t image,
            int64_t c, int64_t z, int64_t h, int64_t x) {
  const int64_t cog = P::co / P::groups, group = c / (P::ci / P::groups);
  for (int64_t m = 0; m < cog; ++m)
    for (int64_t a = 0; a < P::kd; ++a)
      for (int64_t b = 0; b < P::kh; ++b)
        for (int64_t d = 0; d < P::kw; ++d) {
          const int64_t oz = z * P::sd - P::pd + a * P::dd, oy = h * P::sh - P::ph + b * P::dh,
                        ox = x * P::sw - P::pw + d * P::dw;
          if (oz >= 0 && oz < P::od && oy >= 0 && oy < P::oh && ox >= 0 && ox < P::ow)
            y[(size_t)((((image * P::co + group * cog + m) * P::od + oz) * P::oh + oy) * P::ow +
                       ox)] +=
                v * toDouble(w[(size_t)((((c * cog + m) * P::kd + a) * P::kh + b) * P::kw + d)]);
        }
}

template <class P> void check() {
  using T = typename P::x_t;
  const int64_t plane = P::id * P::ih * P::iw, out = P::od * P::oh * P::ow,
                outputs = P::n * P::co * out;
  const auto x = randomBuffer<T>(P::n * P::x_channels * plane, 1),
             w = randomBuffer<T>(P::ci * P::co / P::groups * P::kd * P::kh * P::kw, 2);
  const auto bias = randomBuffer<arith_t<T>>(P::co, 3);
  const auto init = randomBuffer<T>(outputs, 4), residual = randomBuffer<T>(outputs, 5);
  std::vector<double> want((size_t)outputs);
  for (int64_t i = 0; i < P::n; ++i)
    for (int64_t c = 0; c < P::ci; ++c)
      for (int64_t p = 0; p < plane; ++p)
        spread<P>(
            want, w,
            toDouble(
                x[(size_t)((i * P::x_channels + (P::dense_channels ? c : P::channel(c))) * plane +
                           p)]),
            i, c, p / (P::ih * P::iw), p / P::iw % P::ih, p % P::iw);
  for (size_t i = 0; i < want.size(); ++i) {
    want[i] += P::has_bias ? (double)bias[i / (size_t)out % (size_t)P::co] : 0;
    want[i] += P::has_init ? toDouble(init[i]) : 0;
    want[i] += P::has_residual ? toDouble(residual[i]) : 0;
    want[i] = P::act::template apply<typename P::act>(want[i]);
  }
  buffer<T> y((size_t)outputs);
  conv_transpose<P>(y.data(), x.data(), w.data(), bias.data(), init.data(), residual.data());
  expectNear(y, want, 16);
}

using A1 = Axis<1>;

TEST(ConvTranspose, All) {
  check<Case<float, 1, 3, 5, 1, 1, 4, 5, A1, Axis<3>, Axis<3>, Bias>>();
  check<Case<float, 2, 6, 9, 3, 1, 4, 5, A1, Axis<2, 2>, Axis<2, 2>, Bias, act_relu>>();
  check<Case<float, 1, 3, 5, 1, 1, 7, 6, A1, Axis<3, 2, 1, 1, 1, 1>, Axis<4, 3, 1, 2>,
             Bias | Residual>>();
  check<Case<float, 1, 3, 5, 1, 1, 7, 6, A1, Axis<3, 2, 0, 1, 2>, Axis<2, 1, 2, 2, 3>,
             List | Init>>();
  check<Case<float, 1, 4, 4, 4, 1, 6, 6, A1, Axis<4, 2, 1, 1>, Axis<4, 2, 1, 1>>>();
  check<Case<float, 1, 40, 3, 1, 1, 1, 30, A1, A1, Axis<5, 2, 2, 2, 1, 1>, Bias>>();
  check<Case<float, 1, 2, 3, 1, 3, 3, 4, Axis<3, 2, 1, 0>, Axis<2, 2>, Axis<3, 1, 1, 1>, Bias>>();
  check<Case<float, 1, 2, 3, 1, 1, 2, 2, A1, Axis<2, 5>, Axis<2, 5>, Bias>>(); // gaps that no input
                                                                               // reaches
  check<Case<float, 1, 7, 3, 1, 1, 1, 1, A1, Axis<1>, Axis<1>, Bias>>();
  check<Case<double, 1, 7, 3, 1, 1, 5, 5, A1, Axis<3, 2>, Axis<3, 2>>>();
  check<Case<f16, 1, 7, 3, 1, 1, 5, 5, A1, Axis<3, 2>, Axis<3, 2>, Bias | Init>>();
}

} // namespace
