//===- conv_cases.h - convolutions and what they give -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_TESTS_CONV_CASES_H
#define DISCO_TESTS_CONV_CASES_H

#include "kernel_test.h"
#include "scalar.h"

namespace kernel_test {

using namespace disco;

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

/// Random operands of a convolution, and what a plain one gives.
template <class P> struct ConvData {
  using arith = arith_t<typename P::x_t>;
  static constexpr int64_t outputs = P::n * P::co * P::od * P::oh * P::ow;
  buffer<typename P::x_t> x =
      randomBuffer<typename P::x_t>(P::n * P::x_channels * P::id * P::ih * P::iw, 1);
  buffer<typename P::w_t> w =
      randomBuffer<typename P::w_t>(P::co * P::ci / P::groups * P::kd * P::kh * P::kw, 2);
  buffer<arith> bias = randomBuffer<arith>(P::co, 3);
  buffer<typename P::y_t> init = randomBuffer<typename P::y_t>(outputs, 4),
                          residual = randomBuffer<typename P::y_t>(outputs, 5),
                          y = P::in_place ? init : randomBuffer<typename P::y_t>(outputs, 6);
  std::vector<double> want;

  ConvData() {
    for (int64_t k = 0; k < P::n; ++k)
      for (int64_t c = 0; c < P::co; ++c)
        for (int64_t oz = 0; oz < P::od; ++oz)
          for (int64_t oy = 0; oy < P::oh; ++oy)
            for (int64_t ox = 0; ox < P::ow; ++ox) {
              double sum = referenceSum<P>(x, w, k, c, oz, oy, ox);
              sum += P::has_bias ? (double)bias[(size_t)c] : 0;
              sum += P::has_init ? toDouble(init[want.size()]) : 0;
              sum += P::has_residual ? toDouble(residual[want.size()]) : 0;
              want.push_back(P::act::template apply<typename P::act>(sum));
            }
  }
  const arith *b() const { return P::has_bias ? bias.data() : nullptr; }
  const typename P::y_t *i() const {
    return P::in_place ? y.data() : P::has_init ? init.data() : nullptr;
  }
  const typename P::y_t *r() const { return P::has_residual ? residual.data() : nullptr; }
};

using A1 = Axis<1>;
using A3 = Axis<3, 1, 1, 1>;
using A3s2 = Axis<3, 2, 1, 1>;

} // namespace kernel_test

#endif
