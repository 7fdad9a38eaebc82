//===- layout_test.cpp - kernels for tensors that lie in any way ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// Against the kernels by rows, whose own tests are elsewhere. Operands lie between NaN, results are
// filled with it first.
#define DISCO_FILL_UNUSED
#include "any_layout.h"
#include "conv.h"
#include "copy_blocks.h"
#include "eltwise.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

/// Images of 5 x 4 x 3: by rows, with channels last, and in blocks of `V` channels with a border of
/// one and rows of eight elements.
constexpr dim C = 5, H = 4, W = 3, count = 2 * C * H * W;
constexpr dim rows(dim n, dim c, dim h, dim w) { return ((n * C + c) * H + h) * W + w; }
constexpr dim last(dim n, dim c, dim h, dim w) { return ((n * H + h) * W + w) * C + c; }
template <dim V> constexpr dim blocked(dim n, dim c, dim h, dim w) {
  return (((n * ((C + V - 1) / V) + c / V) * (H + 2) + h + 1) * 8 + w + 1) * V + c % V;
}
template <dim V> constexpr dim blockedSize = 2 * ((C + V - 1) / V) * (H + 2) * 8 * V;

using At = dim (*)(dim, dim, dim, dim);

template <class F> void forEach(const F &f) {
  for (dim n = 0; n < 2; ++n)
    for (dim c = 0; c < C; ++c)
      for (dim h = 0; h < H; ++h)
        for (dim w = 0; w < W; ++w)
          f(n, c, h, w);
}

buffer<float> laid(const buffer<float> &x, At at, dim size) {
  buffer<float> y((size_t)size, NAN);
  forEach(
      [&](dim n, dim c, dim h, dim w) { y[(size_t)at(n, c, h, w)] = x[(size_t)rows(n, c, h, w)]; });
  return y;
}

buffer<float> byRows(const buffer<float> &y, At at) {
  buffer<float> x((size_t)count, NAN);
  forEach(
      [&](dim n, dim c, dim h, dim w) { x[(size_t)rows(n, c, h, w)] = y[(size_t)at(n, c, h, w)]; });
  return x;
}

/// Every element of a buffer that is none of the tensor's is still NaN.
void expectUnused(const buffer<float> &y) {
  dim unused = 0;
  for (float v : y)
    unused += std::isnan(v);
  EXPECT_EQ(unused, (dim)y.size() - count);
}

struct Images {
  using x_t = float;
  static constexpr int64_t rank = 4, shape[] = {2, C, H, W}, y_elements = blockedSize<4>;
  static constexpr dim y_at(dim n, dim c, dim h, dim w) { return blocked<4>(n, c, h, w); }
  static constexpr dim x_at(dim n, dim c, dim h, dim w) { return last(n, c, h, w); }
};

TEST(AnyLayout, Relayout) {
  const auto x = randomBuffer<float>(count, 1);
  buffer<float> y((size_t)blockedSize<4>);
  relayout<Images>(y.data(), laid(x, last, count).data());
  EXPECT_EQ(byRows(y, blocked<4>), x);
  expectUnused(y);
}

struct Blocks {
  using x_t = float;
  static constexpr int64_t n = 2, c = C, h = H, w = W, block = 4, y_elements = blockedSize<4>;
  static constexpr int64_t y_row = 8 * 4, y_block = (H + 2) * y_row, y_image = 2 * y_block,
                           y_first = blocked<4>(0, 0, 0, 0);
};

TEST(AnyLayout, CopyBlocks) {
  const auto x = randomBuffer<float>(count, 2);
  buffer<float> y((size_t)blockedSize<4>);
  copy_blocks<Blocks>(y.data(), x.data());
  EXPECT_EQ(byRows(y, blocked<4>), x);
  expectUnused(y);
}

struct Relu : Images {
  using y_t = float;
  using op = act_relu;
};

TEST(AnyLayout, Unary) {
  const auto x = randomBuffer<float>(count, 3);
  std::vector<double> want;
  for (float v : x)
    want.push_back(v > 0 ? v : 0);
  buffer<float> y((size_t)blockedSize<4>);
  unary_any<Relu>(y.data(), laid(x, last, count).data());
  expectNear(byRows(y, blocked<4>), want);
  expectUnused(y);
}

struct Sum : Images {
  using a_t = float;
  using b_t = float;
  using y_t = float;
  using op = op_add;
  using act = act_none;
  static constexpr dim a_at(dim n, dim c, dim h, dim w) { return last(n, c, h, w); }
  static constexpr dim b_at(dim, dim c, dim, dim) { return c; }
};
struct SumInPlace : Sum {
  static constexpr dim a_at(dim n, dim c, dim h, dim w) { return blocked<4>(n, c, h, w); }
};

TEST(AnyLayout, Binary) {
  const auto a = randomBuffer<float>(count, 4), b = randomBuffer<float>(C, 5);
  std::vector<double> want((size_t)count);
  forEach([&](dim n, dim c, dim h, dim w) {
    want[(size_t)rows(n, c, h, w)] = a[(size_t)rows(n, c, h, w)] + b[(size_t)c];
  });
  buffer<float> y((size_t)blockedSize<4>), z = laid(a, blocked<4>, blockedSize<4>);
  binary_any<Sum>(y.data(), laid(a, last, count).data(), b.data());
  binary_any<SumInPlace>(z.data(), z.data(), b.data());
  expectNear(byRows(y, blocked<4>), want);
  expectNear(byRows(z, blocked<4>), want);
  expectUnused(y);
  expectUnused(z);
}

struct Assembled : Images {
  static constexpr int64_t axis = 1;
  static constexpr int64_t source(int64_t i) { return i % 2; }
  static constexpr dim x_at(dim s, dim n, dim c, dim h, dim w) {
    return s == 0 ? last(n, C - 1 - c, h, w) : rows(n, C - 1 - c, h, w);
  }
};

TEST(AnyLayout, Assemble) {
  const auto a = randomBuffer<float>(count, 6), b = randomBuffer<float>(count, 7);
  const auto first = laid(a, last, count);
  const float *sources[] = {first.data(), b.data()};
  buffer<float> y((size_t)blockedSize<4>);
  assemble_any<Assembled>(y.data(), sources);
  forEach([&](dim n, dim c, dim h, dim w) {
    EXPECT_EQ(y[(size_t)blocked<4>(n, c, h, w)], (c % 2 ? b : a)[(size_t)rows(n, C - 1 - c, h, w)]);
  });
  expectUnused(y);
}

/// A template, so that not every constant has to be used by someone.
template <int Pad> struct WindowOf {
  using x_t = float;
  static constexpr int64_t n = 2, c = C, id = 1, ih = H, iw = W, od = 1, oh = H, ow = W, kd = 1,
                           kh = 3, kw = 3, sd = 1, sh = 1, sw = 1, pd = 0, ph = Pad, pw = Pad,
                           dd = 1, dh = 1, dw = 1, ed = 0, eh = Pad, ew = Pad, storage_order = 0;
  static constexpr bool count_include_pad = false, has_indices = false;
  static constexpr int64_t y_elements = blockedSize<8>;
  static constexpr dim y_at(dim i, dim ch, dim, dim h, dim w) { return blocked<8>(i, ch, h, w); }
  static constexpr dim x_at(dim i, dim ch, dim, dim h, dim w) { return blocked<4>(i, ch, h, w); }
};
using Window = WindowOf<1>;
template <bool Max> struct Pooled : Window {
  static constexpr bool maximum = Max;
};

TEST(AnyLayout, Pool) {
  const auto x = randomBuffer<float>(count, 8);
  buffer<float> greatest((size_t)count), average((size_t)count), y((size_t)blockedSize<8>);
  max_pool<Window>(greatest.data(), x.data(), nullptr);
  average_pool<Window>(average.data(), x.data());
  const auto from = laid(x, blocked<4>, blockedSize<4>);
  pool_any<Pooled<true>>(y.data(), from.data());
  EXPECT_EQ(byRows(y, blocked<8>), greatest);
  pool_any<Pooled<false>>(y.data(), from.data());
  expectNear(byRows(y, blocked<8>), std::vector<double>(average.begin(), average.end()));
  expectUnused(y);
}

struct Convolved : Window {
  using w_t = float;
  using y_t = float;
  using act = act_relu;
  static constexpr int64_t ci = C, co = C, groups = 1, x_channels = C;
  static constexpr bool dense_channels = true, has_init = true, has_bias = true,
                        has_residual = true;
  static constexpr int64_t channel(int64_t i) { return i; }
  static constexpr dim init_at(dim i, dim ch, dim, dim h, dim w) { return last(i, ch, h, w); }
  static constexpr dim residual_at(dim i, dim ch, dim, dim h, dim w) { return rows(i, ch, h, w); }
};
struct Depthwise : Convolved {
  static constexpr int64_t groups = C;
  static constexpr bool has_residual = false;
};
struct ConvolvedInPlace : Convolved {
  static constexpr bool has_residual = false;
  static constexpr dim init_at(dim i, dim ch, dim d, dim h, dim w) { return y_at(i, ch, d, h, w); }
};

template <class P> void checkConv(bool inPlace) {
  const auto x = randomBuffer<float>(count, 9), w = randomBuffer<float>(C * C * 9, 10),
             bias = randomBuffer<float>(C, 11), init = randomBuffer<float>(count, 12),
             residual = randomBuffer<float>(count, 13);
  buffer<float> want((size_t)count);
  conv_rows<P>(want.data(), x.data(), w.data(), bias.data(), init.data(), residual.data());
  buffer<float> y = laid(init, blocked<8>, blockedSize<8>);
  const auto first = laid(init, last, count);
  conv_any<P>(y.data(), laid(x, blocked<4>, blockedSize<4>).data(), w.data(), bias.data(),
              inPlace ? y.data() : first.data(), residual.data());
  expectNear(byRows(y, blocked<8>), std::vector<double>(want.begin(), want.end()), 16);
  expectUnused(y);
}

TEST(AnyLayout, Conv) {
  checkConv<Convolved>(false);
  checkConv<Depthwise>(false);
  checkConv<ConvolvedInPlace>(true);
}

} // namespace
