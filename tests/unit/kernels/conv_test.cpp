//===- conv_test.cpp - conv against a naive reference ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "conv.h"
#include "conv_cases.h"

using namespace disco;
using namespace kernel_test;

namespace {

enum class Form { Gemm, Dots, Planes, Rows };

template <class P, Form form> void checkForm() {
  ConvData<P> d;
  if constexpr (form == Form::Gemm) {
    using Q = Scratch<P, gemm_bytes<conv_product<P>>>;
    conv_gemm<Q>(d.y.data(), d.x.data(), d.w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  } else if constexpr (form == Form::Dots) {
    using Q = Scratch<P, gemm_bytes<conv_dot_product<P>>>;
    conv_dots<Q>(d.y.data(), d.x.data(), d.w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  } else if constexpr (form == Form::Planes) {
    using Q = Scratch<P, conv_bands<P, conv_product<P>>::bytes>;
    conv_planes<Q>(d.y.data(), d.x.data(), d.w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  } else {
    conv_rows<P>(d.y.data(), d.x.data(), d.w.data(), d.b(), d.i(), d.r());
  }
  expectNear(d.y, d.want, 16);
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
