//===- blocks_test.cpp - kernels of weights in blocks against loops -------===//
// SPDX-License-Identifier: Apache-2.0
#include "conv_blocks.h"
#include "conv_cases.h"
#include "conv_depthwise.h"
#include "conv_lines.h"
#include "conv_pixels.h"

using namespace disco;
using namespace kernel_test;

namespace {

/// Weights as the compiler packs them.
template <class P> std::vector<float> packed(const buffer<float> &w) {
  const size_t co = (size_t)P::co, k = w.size() / co;
  std::vector<float> blocks((co + 15) / 16 * 16 * k, 0.0f);
  for (size_t o = 0; o < co; ++o)
    for (size_t i = 0; i < k; ++i)
      blocks[(o / 16 * k + i) * 16 + o % 16] = w[o * k + i];
  return blocks;
}

template <class P> void checkPixels() {
  ConvData<P> d;
  using Q = Scratch<P, pixel_image<P>::size.bytes>;
  const std::vector<float> w = packed<P>(d.w);
  conv_pixels<Q>(d.y.data(), d.x.data(), w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  expectNear(d.y, d.want, 16);
}

template <class P> void check() {
  ConvData<P> d;
  using Q = Scratch<P, block_image<P>::size.bytes>;
  const std::vector<float> w = packed<P>(d.w);
  conv_blocks<Q>(d.y.data(), d.x.data(), w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  expectNear(d.y, d.want, 16);
  if constexpr (P::kd == 1 && P::id == 1 && P::od == 1)
    checkPixels<P>();
}

template <class P> void checkDepthwise() {
  ConvData<P> d;
  using Q = Scratch<P, depthwise_image<P>::size.bytes>;
  const std::vector<float> w = packed<P>(d.w);
  conv_depthwise<Q>(d.y.data(), d.x.data(), w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  expectNear(d.y, d.want, 16);
}

struct Clip : act_clip {
  static constexpr float min = 0, max = 6;
};

TEST(Blocks, Pointwise) { // tails of tiles, strips, blocks and steps of k
  check<Case<float, 1, 1, 1, 1, 1, 1, 1, A1, A1, A1>>();
  check<Case<float, 1, 5, 7, 1, 1, 3, 3, A1, A1, A1, Bias>>();
  check<Case<float, 1, 24, 48, 1, 1, 1, 48, A1, A1, A1, Bias, act_relu>>();
  check<Case<float, 2, 16, 8, 1, 1, 7, 7, A1, A1, A1, Bias | Residual, act_relu>>();
  check<Case<float, 1, 300, 33, 1, 1, 10, 11, A1, A1, A1, Bias, Clip>>();
  check<Case<float, 1, 1025, 13, 1, 1, 5, 19, A1, A1, A1, Bias | Init, act_silu>>();
  check<Case<float, 1, 1030, 70, 1, 1, 7, 7, A1, A1, A1, Bias | InPlace | Residual, act_relu>>();
  check<Case<float, 1, 9, 130, 1, 1, 4, 5, A1, A1, A1, Residual, act_hard_swish>>();
  check<Case<float, 2, 9, 4, 1, 1, 9, 13, A1, A1, A1, List | Init, act_silu>>();
  check<Case<float, 1, 600, 20, 1, 1, 9, 13, A1, A1, A1, List | Bias, act_relu>>();
}

TEST(Blocks, Windows) {
  check<Case<float, 1, 6, 9, 1, 1, 8, 8, A1, Axis<1, 2>, Axis<1, 2>, Bias>>();
  check<Case<float, 1, 6, 9, 1, 1, 24, 17, A1, Axis<1, 3>, Axis<1, 2>>>();
  check<Case<float, 1, 6, 9, 1, 1, 4, 5, A1, Axis<1, 1, 1, 1>, Axis<1, 1, 1, 2>>>();
  check<Case<float, 1, 3, 8, 1, 1, 6, 5, A1, A3, A3, Bias, act_relu>>();
  check<Case<float, 1, 3, 32, 1, 1, 33, 31, A1, Axis<7, 2, 3, 3>, Axis<7, 2, 3, 3>, Bias>>();
  check<Case<float, 2, 5, 16, 1, 1, 15, 30, A1, A3s2, A3s2, Bias | InPlace, act_silu>>();
  check<Case<float, 1, 70, 24, 1, 1, 9, 11, A1, A3s2, A3, List | Residual, Clip>>();
  check<Case<float, 1, 3, 5, 1, 1, 8, 9, A1, Axis<3, 1, 2, 0, 2>, Axis<3, 1, 0, 3, 3>>>();
  check<Case<float, 1, 2, 4, 1, 1, 9, 9, A1, Axis<3, 1, -1, -1>, Axis<3, 1, -2, 1>>>();
  check<Case<float, 2, 6, 10, 1, 1, 1, 40, A1, A1, Axis<5, 2, 2, 1>, Bias>>();
  check<Case<float, 1, 3, 6, 1, 5, 6, 7, A3, A3, A3, Bias, act_relu>>();
}

TEST(Pixels, Windows) { // tails of rows of pixels and of blocks, turns, rings that wrap
  checkPixels<
      Case<float, 1, 3, 40, 1, 1, 29, 30, A1, Axis<7, 2, 3, 3>, Axis<7, 2, 3, 3>, Bias, Clip>>();
  checkPixels<Case<float, 2, 4, 16, 1, 1, 9, 150, A1, A3, A3, Bias | Residual, act_relu>>();
  checkPixels<
      Case<float, 1, 5, 33, 1, 1, 14, 27, A1, Axis<5, 1, 2, 2>, A3s2, List | Bias, act_silu>>();
  checkPixels<
      Case<float, 1, 2, 20, 1, 1, 20, 26, A1, Axis<3, 1, 4, 4, 4>, Axis<3, 1, 2, 2, 2>, InPlace>>();
  // Half a block and less of one.
  checkPixels<Case<float, 1, 8, 8, 1, 1, 12, 32, A1, A3, A3, InPlace | Bias, act_relu>>();
  checkPixels<Case<float, 1, 3, 3, 1, 1, 9, 17, A1, A3, A3s2, Bias>>();
}

template <class P> void checkLines() {
  ConvData<P> d;
  using Q = Scratch<P, line_image<P>::size.bytes>;
  const std::vector<float> w = packed<P>(d.w);
  conv_lines<Q>(d.y.data(), d.x.data(), w.data(), d.b(), d.i(), d.r(), Q().memory.data());
  expectNear(d.y, d.want, 16);
}

TEST(Lines, Windows) { // one, two and three vectors a row, tails of channels and turns, rings
  checkLines<Case<float, 1, 8, 8, 1, 1, 32, 32, A1, A3, A3, InPlace | Bias, act_relu>>();
  checkLines<Case<float, 2, 5, 19, 1, 1, 9, 16, A1, A3, A3, Bias | Residual, Clip>>();
  checkLines<Case<float, 1, 3, 4, 1, 1, 1, 48, A1, A3, A3, Init, act_silu>>();
  checkLines<Case<float, 1, 4, 13, 1, 1, 13, 80, A1, A3s2, A3, List | Bias | Residual>>();
  checkLines<Case<float, 1, 2, 3, 1, 1, 14, 64, A1, Axis<5, 3, 2, 2>, Axis<5, 1, 2, 2>, Bias>>();
  checkLines<Case<float, 1, 2, 20, 1, 1, 20, 16, A1, Axis<3, 2, 4, 4, 4>, Axis<3, 1, 2, 2, 2>>>();
  checkLines<Case<float, 1, 3, 9, 1, 1, 11, 36, A1, Axis<3, 1, -2, 1>, Axis<3, 1, -1, -1>, Bias>>();
  checkLines<Case<float, 1, 2, 8, 1, 1, 5, 18, A1, Axis<2, 5, 0, 0>, Axis<3, 1, 0, 0>, Init>>();
  checkLines<Case<float, 1, 1, 6, 1, 1, 2, 1, A1, Axis<3, 1, 6, 6>, Axis<3, 1, 8, 9>, Bias>>();
}

template <int C, int H, int W, class AH, class AW, int F = Plain, class Act = act_none, int N = 1>
using Depthwise = Case<float, N, C, C, C, 1, H, W, A1, AH, AW, F, Act>;

TEST(Depthwise, Lines) { // rows that fill wide vectors: the last ones overlap, turns of four rows
  checkDepthwise<Depthwise<5, 9, 16, A3, A3, Bias, Clip>>();
  checkDepthwise<Depthwise<18, 13, 30, A3, A3, Bias | List, act_silu, 2>>();
  checkDepthwise<Depthwise<3, 4, 52, A3, A3, Plain, act_relu>>();
  checkDepthwise<Depthwise<2, 3, 49, Axis<3, 1, 0, 0>, Axis<3, 1, 0, 1>, Bias>>();
  checkDepthwise<Depthwise<4, 14, 40, Axis<3, 1, -2, 1>, Axis<3, 1, -3, -2>, Bias>>();
  checkDepthwise<Depthwise<2, 1, 16, Axis<3, 1, 5, 6>, Axis<3, 1, 9, 7>, Bias>>();
}

TEST(Depthwise, Shapes) { // tails of channels, rows, turns; rings that wrap
  checkDepthwise<Depthwise<1, 1, 1, A1, A1>>();
  checkDepthwise<Depthwise<16, 7, 7, A3, A3, Bias, act_relu>>();
  checkDepthwise<Depthwise<35, 14, 14, A3, A3, Bias, Clip, 2>>();
  checkDepthwise<Depthwise<18, 15, 13, A3s2, A3s2, Bias, act_silu>>();
  checkDepthwise<Depthwise<20, 5, 150, A3, A3, Bias, act_hard_swish>>();
  checkDepthwise<Depthwise<17, 150, 5, A3s2, A3, Bias | Residual, Clip>>();
  checkDepthwise<Depthwise<40, 13, 9, Axis<5, 1, 2, 2>, Axis<5, 1, 2, 2>, List | Bias, act_silu>>();
  checkDepthwise<Depthwise<24, 12, 11, Axis<5, 2, 1, 2>, Axis<5, 2, 2, 1>, InPlace | Bias>>();
  checkDepthwise<Depthwise<9, 20, 21, Axis<3, 1, 4, 4, 4>, Axis<3, 1, 4, 4, 4>, Init, act_relu>>();
  checkDepthwise<Depthwise<6, 9, 8, Axis<3, 5, 3, 3>, Axis<2, 4, 0, 3>, Bias>>();
  checkDepthwise<Depthwise<6, 9, 9, Axis<3, 1, -1, -1>, Axis<3, 1, -2, 1>>>();
  checkDepthwise<Depthwise<6, 4, 4, Axis<3, 1, 6, 6>, Axis<3, 1, 6, 6>, Bias>>();
  checkDepthwise<Depthwise<19, 1, 40, A1, Axis<9, 1, 4, 4>, Bias, act_relu>>();
}

} // namespace
