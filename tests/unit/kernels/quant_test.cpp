//===- quant_test.cpp - integer kernels against plain loops ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "conv_int.h"
#include "kernel_test.h"
#include "matmul_int.h"
#include "pool_int.h"

using namespace disco;
using namespace kernel_test;

namespace {

enum Flags { Plain = 0, Bias = 1, Init = 2, List = 4, Small = 8, RowZeros = 16, OneScale = 32 };

/// All values of the type, its ends often.
template <class T> buffer<T> bytes(int64_t count, uint32_t seed) {
  buffer<T> b;
  uint32_t state = seed * 2654435761u + 99u;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t v = nextRandom(state) >> 13;
    b.push_back(v % 5 == 0 ? int_min<T> : v % 5 == 1 ? int_max<T> : (T)(v >> 3));
  }
  return b;
}

buffer<int32_t> words(int64_t count, uint32_t seed) {
  buffer<int32_t> b;
  uint32_t state = seed + 5;
  for (int64_t i = 0; i < count; ++i)
    b.push_back((int32_t)(nextRandom(state) >> 14) - 131072);
  return b;
}

/// The specification in double, where every value here is exact or rounded as in single.
int64_t madeSmall(int32_t sum, float multiplier, int64_t zero, int64_t low, int64_t high) {
  const float real = (float)sum * multiplier;
  const double rounded = std::nearbyint((double)real) + (double)zero;
  return (int64_t)std::fmin(std::fmax(rounded, (double)low), (double)high);
}

/// Kernel, stride, begin pad, end pad, dilation of one axis.
template <int K, int S = 1, int B = 0, int E = 0, int D = 1> struct Axis {
  static constexpr int64_t k = K, s = S, b = B, d = D;
  static constexpr int64_t out(int64_t in) { return (in + B + E - (K - 1) * D - 1) / S + 1; }
};

template <class X, class W, class Y, int CI, int CO, int G, int IH, int IW, class AH, class AW,
          int XZ, int WZ, int F, int N = 1>
struct Case {
  using x_t = X;
  using w_t = W;
  using y_t = Y;
  using act = act_none;
  static constexpr int64_t n = N, ci = CI, co = CO, groups = G, id = 1, ih = IH, iw = IW;
  static constexpr int64_t od = 1, oh = AH::out(IH), ow = AW::out(IW);
  static constexpr int64_t kd = 1, kh = AH::k, kw = AW::k, sd = 1, sh = AH::s, sw = AW::s;
  static constexpr int64_t pd = 0, ph = AH::b, pw = AW::b, dd = 1, dh = AH::d, dw = AW::d;
  static constexpr bool dense_channels = !(F & List);
  static constexpr int64_t x_channels = F & List ? 2 * CI + 1 : CI;
  static constexpr int64_t channel(int64_t i) { return (i * 7 + 3) % (2 * CI + 1); }
  static constexpr bool has_init = (F & Init) != 0, has_bias = (F & Bias) != 0,
                        has_residual = false;
  static constexpr int64_t x_zero = XZ;
  static constexpr int64_t w_zero(int64_t row) { return F & RowZeros ? WZ - row % 3 : WZ; }
  static constexpr bool has_w_zero = WZ != 0 || (F & RowZeros);
  static constexpr bool requantised = (F & Small) != 0, one_multiplier = (F & OneScale) != 0;
  static constexpr int64_t y_zero = 11, low = int_min<Y> / 2, high = (int_max<Y>)-3;
  static constexpr float multiplier[10] = {0.5f,    0.0123f, 0.25f,  3e-4f, 1.0f,
                                           0.0625f, 2.5e-3f, 1e-10f, 40.0f, 0.001f};
};

template <class P>
int32_t plainSum(const buffer<typename P::x_t> &x, const buffer<typename P::w_t> &w, int64_t image,
                 int64_t row, int64_t oy, int64_t ox) {
  uint32_t sum = 0;
  const int64_t cig = P::ci / P::groups, group = row / (P::co / P::groups);
  for (int64_t c = 0; c < cig; ++c)
    for (int64_t ky = 0; ky < P::kh; ++ky)
      for (int64_t kx = 0; kx < P::kw; ++kx) {
        const int64_t iy = oy * P::sh - P::ph + ky * P::dh, ix = ox * P::sw - P::pw + kx * P::dw;
        if (iy < 0 || iy >= P::ih || ix < 0 || ix >= P::iw)
          continue;
        const int64_t packed = group * cig + c,
                      from = P::dense_channels ? packed : P::channel(packed);
        const int32_t a = x[(size_t)(((image * P::x_channels + from) * P::ih + iy) * P::iw + ix)] -
                          (int32_t)P::x_zero;
        const int32_t b =
            w[(size_t)(((row * cig + c) * P::kh + ky) * P::kw + kx)] - (int32_t)P::w_zero(row);
        sum += (uint32_t)(a * b);
      }
  return (int32_t)sum;
}

/// By cells of a form, where it serves.
template <class P, class Cells>
void checkCells(const typename P::x_t *x, const typename P::w_t *w, const int32_t *bias,
                const int32_t *init, const buffer<typename P::y_t> &want) {
  using Bands = conv_int_bands<P, Cells>;
  if constexpr (Bands::serves) {
    buffer<typename P::y_t> y(want.size());
    std::vector<unsigned char> scratch((size_t)Bands::bytes);
    conv_int_images<P, typename Bands::G>(
        y.data(), x, w, bias, init,
        [&](const typename Bands::G &g) { Bands::run_group(g, scratch.data()); });
    EXPECT_EQ(y, want);
  }
}

/// Every kernel that serves.
template <class P>
void checkKernels(const typename P::x_t *x, const typename P::w_t *w, const int32_t *bias,
                  const int32_t *init, const buffer<typename P::y_t> &want) {
  buffer<typename P::y_t> y(want.size());
  using Gemm = Scratch<P, conv_int_gemm_bytes<P>>;
  conv_int_gemm<Gemm>(y.data(), x, w, bias, init, Gemm().memory.data());
  EXPECT_EQ(y, want);
  using planes = conv_bands<P, conv_int_plane<P>>;
  if constexpr (planes::serves) {
    using Q = Scratch<P, planes::bytes>;
    conv_int_planes<Q>(y.data(), x, w, bias, init, Q().memory.data());
    EXPECT_EQ(y, want);
  }
  using cells = conv_int_bands<P, conv_int_own_cells<P>>;
  if constexpr (cells::serves) {
    using Q = Scratch<P, cells::bytes>;
    conv_int_cells<Q>(y.data(), x, w, bias, init, Q().memory.data());
    EXPECT_EQ(y, want);
  }
  checkCells<P, conv_int_pair_cells<typename P::x_t>>(x, w, bias, init, want);
#if defined(__SSE2__)
  using columns = int_depthwise<P, conv_int_base<P, typename P::x_t>>;
  if constexpr (P::ci == P::groups && P::co == P::groups && columns::size.serves) {
    using Q = Scratch<P, columns::bytes>;
    conv_int_depthwise<Q>(y.data(), x, w, bias, init, Q().memory.data());
    EXPECT_EQ(y, want);
  }
#endif
}

template <class P> void check() {
  const auto x = bytes<typename P::x_t>(P::n * P::x_channels * P::ih * P::iw, 1);
  const auto w = bytes<typename P::w_t>(P::co * P::ci / P::groups * P::kh * P::kw, 2);
  const int64_t count = P::n * P::co * P::oh * P::ow;
  const auto bias = words(P::co, 3), init = words(count, 4);
  buffer<typename P::y_t> want;
  for (int64_t image = 0; image < P::n; ++image)
    for (int64_t row = 0; row < P::co; ++row)
      for (int64_t oy = 0; oy < P::oh; ++oy)
        for (int64_t ox = 0; ox < P::ow; ++ox) {
          int32_t sum = plainSum<P>(x, w, image, row, oy, ox);
          sum += P::has_bias ? bias[(size_t)row] : 0;
          sum += P::has_init ? init[want.size()] : 0;
          if constexpr (P::requantised)
            want.push_back((typename P::y_t)madeSmall(
                sum, P::multiplier[P::one_multiplier ? 0 : row], P::y_zero, P::low, P::high));
          else
            want.push_back((typename P::y_t)sum);
        }
  checkKernels<P>(x.data(), w.data(), bias.data(), init.data(), want);
}

TEST(QuantConv, Pointwise) {
  check<Case<int8_t, int8_t, int32_t, 5, 3, 1, 4, 5, Axis<1>, Axis<1>, 0, 0, Bias>>();
  check<Case<int8_t, int8_t, int8_t, 64, 10, 1, 7, 7, Axis<1>, Axis<1>, -128, 0, Bias | Small>>();
  check<
      Case<uint8_t, int8_t, uint8_t, 33, 9, 1, 8, 9, Axis<1>, Axis<1>, 255, 0, Small | OneScale>>();
  check<Case<uint8_t, uint8_t, uint8_t, 700, 10, 1, 3, 3, Axis<1>, Axis<1>, 0, 255,
             Bias | Init | Small>>();
  check<Case<int8_t, int8_t, int8_t, 600, 70, 1, 5, 11, Axis<1>, Axis<1>, 127, 0,
             Small | OneScale>>();
  check<Case<int8_t, uint8_t, int8_t, 1, 1, 1, 1, 1, Axis<1>, Axis<1>, 127, 128, Small>>();
  // Panels of whole columns, and the rests that fill none.
  check<
      Case<uint8_t, int8_t, uint8_t, 30, 9, 1, 13, 15, Axis<1>, Axis<1>, 7, 0, List | Small, 2>>();
  check<Case<int8_t, int8_t, int8_t, 16, 10, 1, 8, 19, Axis<1>, Axis<1>, -3, 0, Init | Small>>();
  check<Case<int8_t, int8_t, int32_t, 9, 8, 1, 10, 12, Axis<1>, Axis<1>, 5, 0, Bias | Init>>();
  check<Case<uint8_t, int8_t, int8_t, 12, 7, 1, 18, 13, Axis<1, 2>, Axis<1, 2>, 9, 0,
             Bias | Small>>();
}

TEST(QuantConv, Windows) {
  check<Case<uint8_t, int8_t, int8_t, 3, 10, 1, 9, 11, Axis<3, 2, 1, 1>, Axis<3, 2, 1, 1>, 114, 0,
             Bias | Small>>();
  check<Case<int8_t, int8_t, int32_t, 4, 5, 1, 8, 8, Axis<3, 1, 1, 1>, Axis<5, 1, 2, 2>, -7, 3,
             List | Init>>();
  check<Case<int8_t, int8_t, int8_t, 6, 8, 1, 10, 10, Axis<3, 1, 2, 2, 2>, Axis<3, 1, 2, 2, 2>, 5,
             0, Bias | Small | RowZeros, 2>>();
  check<Case<uint8_t, uint8_t, uint8_t, 8, 8, 2, 6, 6, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, 128, 127,
             Bias | Small>>();
}

TEST(QuantConv, Depthwise) {
  check<Case<int8_t, int8_t, int8_t, 7, 7, 7, 12, 13, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, -128, 0,
             Bias | Small>>();
  check<Case<uint8_t, int8_t, uint8_t, 5, 10, 5, 14, 14, Axis<3, 2, 1, 1>, Axis<3, 2, 1, 1>, 255, 0,
             Bias | Small, 2>>();
  check<Case<int8_t, int8_t, int32_t, 6, 6, 6, 9, 9, Axis<5, 1, 2, 2>, Axis<5, 1, 2, 2>, 127, -3,
             List | Init>>();
  check<Case<int8_t, int8_t, int8_t, 9, 9, 9, 7, 7, Axis<7>, Axis<7>, 3, 0, Small | RowZeros>>();
  // Strides beyond what one plane of cells serves, taps apart, asymmetric windows, two images.
  check<Case<uint8_t, uint8_t, uint8_t, 4, 8, 4, 19, 17, Axis<3, 3, 0, 2>, Axis<4, 3, 2, 1>, 128, 7,
             Bias | Small, 2>>();
  check<Case<int8_t, int8_t, int8_t, 3, 3, 3, 21, 20, Axis<3, 2, 4, 3, 3>, Axis<5, 2, 1, 0, 3>, -7,
             0, Bias | Init | Small>>();
  check<Case<int8_t, uint8_t, int32_t, 3, 9, 3, 5, 40, Axis<1>, Axis<9, 1, 4, 4>, 0, 255, Bias>>();
  check<Case<uint8_t, int8_t, uint8_t, 2, 2, 2, 40, 3, Axis<5, 1, 0, 2>, Axis<1>, 200, 0, Small>>();
  check<Case<int8_t, int8_t, int8_t, 2, 2, 2, 4, 4, Axis<3, 1, -1, 1>, Axis<3, 1, -1, 2>, 9, 0,
             Small | OneScale>>();
  // Several bands.
  check<Case<int8_t, int8_t, int8_t, 2, 2, 2, 120, 90, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, -5, 0,
             Bias | Small>>();
  check<Case<int8_t, int8_t, int8_t, 1, 2, 1, 130, 131, Axis<5, 2, 2, 2>, Axis<5, 2, 2, 2>, 100, 1,
             Bias | Small | Init>>();
}

TEST(QuantConv, FewChannelsAGroup) {
  check<Case<int8_t, int8_t, int8_t, 12, 9, 3, 9, 10, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, -128, 0,
             Bias | Small>>();
  check<Case<uint8_t, int8_t, uint8_t, 6, 6, 3, 90, 100, Axis<3, 2, 1, 1>, Axis<3, 2, 1, 1>, 3, 0,
             List | Bias | Small, 2>>();
  check<Case<int8_t, uint8_t, int32_t, 5, 1, 1, 12, 12, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, 1, 128,
             Init>>();
  check<Case<int8_t, int8_t, int8_t, 32, 32, 8, 12, 12, Axis<3, 1, 1, 1>, Axis<3, 1, 1, 1>, -3, 0,
             Bias | Small | OneScale>>();
}

template <class A, class B, class Y, int M, int K, int N, bool Trans, int XZ, int WZ, int F>
struct ProductOf {
  using a_t = A;
  using b_t = B;
  using y_t = Y;
  static constexpr int64_t m = M, k = K, n = N;
  static constexpr bool dense_channels = !(F & List), trans_b = Trans;
  static constexpr int64_t a_k = F & List ? 2 * K + 1 : K;
  static constexpr int64_t channel(int64_t i) { return (i * 7 + 3) % (2 * K + 1); }
  static constexpr bool has_init = (F & Init) != 0, has_bias = (F & Bias) != 0;
  static constexpr int64_t x_zero = XZ;
  static constexpr int64_t w_zero(int64_t column) { return F & RowZeros ? WZ + column % 2 : WZ; }
  static constexpr bool has_w_zero = WZ != 0 || (F & RowZeros);
  static constexpr bool requantised = (F & Small) != 0, one_multiplier = true;
  static constexpr int64_t y_zero = -3, low = int_min<Y>, high = int_max<Y>;
  static constexpr float multiplier[1] = {0.0078125f};
};

template <class A, class B, class Y, int M, int K, int N, bool Trans, int XZ, int WZ, int F>
struct Product : ProductOf<A, B, Y, M, K, N, Trans, XZ, WZ, F> {
  static constexpr int batch_rank = 1;
  static constexpr int64_t batch[] = {1}, a_batch[] = {0}, b_batch[] = {0};
};

/// Two by three products; b is the same for the two, a for the three.
template <class A, class B, class Y, int M, int K, int N, bool Trans, int XZ, int WZ, int F>
struct Products : ProductOf<A, B, Y, M, K, N, Trans, XZ, WZ, F> {
  using one = Product<A, B, Y, M, K, N, Trans, XZ, WZ, F>;
  static constexpr int batch_rank = 2;
  static constexpr int64_t batch[] = {2, 3}, a_batch[] = {M * K, 0}, b_batch[] = {0, K *N};
};

/// By the kernel for the form of b.
template <class P>
void multiply(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b,
              const int32_t *bias, const int32_t *init) {
  if constexpr (P::trans_b) {
    matmul_int_dots<P>(y, a, b, bias, init);
  } else {
    using Q = Scratch<P, gemm_int_bytes<matmul_int_product<P>>>;
    matmul_int_gemm<Q>(y, a, b, bias, init, Q().memory.data());
  }
}

template <class P> void checkProducts() {
  const auto a = bytes<typename P::a_t>(2 * P::m * P::k, 9);
  const auto b = bytes<typename P::b_t>(3 * P::k * P::n, 10);
  const auto bias = words(P::n, 11), init = words(6 * P::m * P::n, 12);
  const int64_t each = P::m * P::n;
  buffer<typename P::y_t> y((size_t)(6 * each)), want((size_t)(6 * each));
  multiply<P>(y.data(), a.data(), b.data(), bias.data(), init.data());
  for (int64_t i = 0; i < 6; ++i)
    multiply<typename P::one>(want.data() + i * each, a.data() + i / 3 * P::m * P::k,
                              b.data() + i % 3 * P::k * P::n, bias.data(), init.data() + i * each);
  EXPECT_EQ(y, want);
}

template <class P> void checkProduct() {
  const auto a = bytes<typename P::a_t>(P::m * P::a_k, 5);
  const auto b = bytes<typename P::b_t>(P::k * P::n, 6);
  const auto bias = words(P::n, 7), init = words(P::m * P::n, 8);
  buffer<typename P::y_t> y((size_t)(P::m * P::n)), want;
  for (int64_t i = 0; i < P::m; ++i)
    for (int64_t j = 0; j < P::n; ++j) {
      uint32_t sum = 0;
      for (int64_t c = 0; c < P::k; ++c) {
        const int64_t from = P::dense_channels ? c : P::channel(c);
        sum += (uint32_t)((a[(size_t)(i * P::a_k + from)] - (int32_t)P::x_zero) *
                          (b[(size_t)(P::trans_b ? j * P::k + c : c * P::n + j)] -
                           (int32_t)P::w_zero(j)));
      }
      sum += P::has_bias ? (uint32_t)bias[(size_t)j] : 0u;
      sum += P::has_init ? (uint32_t)init[want.size()] : 0u;
      if constexpr (P::requantised)
        want.push_back(
            (typename P::y_t)madeSmall((int32_t)sum, P::multiplier[0], P::y_zero, P::low, P::high));
      else
        want.push_back((typename P::y_t)sum);
    }
  multiply<P>(y.data(), a.data(), b.data(), bias.data(), init.data());
  EXPECT_EQ(y, want);
}

TEST(QuantMatMul, BothWays) {
  checkProduct<Product<int8_t, int8_t, int32_t, 3, 5, 7, false, 0, 0, Plain>>();
  checkProduct<Product<int8_t, int8_t, int8_t, 9, 600, 50, false, -128, 0, Bias | Small>>();
  checkProduct<
      Product<uint8_t, uint8_t, uint8_t, 2, 17, 33, false, 255, 254, Bias | Small | RowZeros>>();
  checkProduct<Product<uint8_t, int8_t, int8_t, 1, 1281, 70, true, 128, 0, Bias | Init | Small>>();
  checkProduct<Product<int8_t, uint8_t, int32_t, 4, 7, 3, true, 127, 255, List>>();
  checkProduct<Product<int8_t, int8_t, int8_t, 5, 12, 9, false, 1, 2, List | Init | Small>>();
}

TEST(QuantMatMul, Batches) {
  checkProducts<Products<int8_t, int8_t, int8_t, 5, 16, 7, false, -3, 4, Small>>();
  checkProducts<Products<uint8_t, int8_t, int32_t, 4, 33, 9, true, 130, -128, Bias | Init>>();
}

struct Numbers {
  using x_t = float;
  using y_t = int8_t;
  static constexpr bool has_zero = true;
  static constexpr int rank = 1;
  static constexpr int64_t shape[] = {10}, scale_strides[] = {0}, zero_strides[] = {0};
};

TEST(Quantize, HalvesGoToEvenAndEndsHold) {
  const float x[10] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 1000.0f, -1000.0f, INFINITY, NAN};
  const float scale = 1;
  int8_t zero = 0, y[10];
  quantize<Numbers>(y, x, &scale, &zero);
  const buffer<int8_t> want{0, 2, 2, 0, -2, -2, 127, -128, 127, -128};
  EXPECT_EQ(buffer<int8_t>(y, y + 10), want);
  zero = 127;
  quantize<Numbers>(y, x, &scale, &zero);
  const buffer<int8_t> shifted{127, 127, 127, 127, 125, 125, 127, -128, 127, -128};
  EXPECT_EQ(buffer<int8_t>(y, y + 10), shifted);
}

struct Words {
  using x_t = uint16_t;
  using y_t = float;
  static constexpr bool has_zero = true;
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {2, 3}, scale_strides[] = {1, 0}, zero_strides[] = {0, 1};
};

TEST(Dequantize, BroadcastsScaleAndZero) {
  const uint16_t x[6] = {0, 65535, 3, 10, 20, 30}, zero[3] = {65535, 0, 1};
  const float scale[2] = {0.5f, 2.0f};
  float y[6];
  dequantize<Words>(y, x, scale, zero);
  const buffer<float> want{-32767.5f, 32767.5f, 1.0f, -131050.0f, 40.0f, 58.0f};
  EXPECT_EQ(buffer<float>(y, y + 6), want);
}

template <bool One> struct Sums {
  using y_t = int8_t;
  static constexpr int64_t outer = 2, rows = 3, inner = 2, y_zero = -3, low = -100, high = 127;
  static constexpr bool requantised = true, one_multiplier = One;
  static constexpr float multiplier[3] = {0.5f, 0.25f, 1.0f};
};

TEST(Requantize, HasAMultiplierARow) {
  const int32_t x[12] = {5, 7, 6, 10, 2000000000, -2000000000, 1, 3, -2, -6, 0, 200};
  const buffer<int8_t> byRow{-1, 1, -1, -1, 127, -100, -3, -1, -3, -5, -3, 127},
      byOne{-1, 1, 0, 2, 127, -100, -3, -1, -4, -6, -3, 97};
  buffer<int8_t> y(12);
  requantize<Sums<false>>(y.data(), x);
  EXPECT_EQ(y, byRow);
  requantize<Sums<true>>(y.data(), x);
  EXPECT_EQ(y, byOne);
}

TEST(Requantize, InPlace) {
  int32_t x[12] = {5, 7, 6, 10, 2000000000, -2000000000, 1, 3, -2, -6, 0, 200};
  buffer<int8_t> want(12);
  requantize<Sums<false>>(want.data(), x);
  int8_t *y = reinterpret_cast<int8_t *>(x);
  requantize<Sums<false>>(y, x);
  EXPECT_EQ(buffer<int8_t>(y, y + 12), want);
}

struct Table {
  using x_t = int8_t;
  using y_t = uint8_t;
  static constexpr int64_t count = 256;
};

TEST(Lookup, EveryValue) {
  buffer<int8_t> x;
  buffer<uint8_t> table, y(256), want;
  for (int i = 0; i < 256; ++i) {
    x.push_back((int8_t)(i - 128));
    table.push_back((uint8_t)(i * 37 + 5));
  }
  for (int i = 0; i < 256; ++i)
    want.push_back(table[(size_t)(uint8_t)x[(size_t)i]]);
  lookup<Table>(y.data(), x.data(), table.data());
  EXPECT_EQ(y, want);
}

struct RowTables {
  using x_t = uint8_t;
  using y_t = float;
  static constexpr int64_t count = 2 * 3 * 5, rows = 3, inner = 5;
};

TEST(Lookup, TableOfEachRow) {
  buffer<uint8_t> x;
  buffer<float> table, y(30), want;
  for (int i = 0; i < 768; ++i)
    table.push_back((float)i);
  for (int i = 0; i < 30; ++i)
    x.push_back((uint8_t)(i * 8));
  for (int i = 0; i < 30; ++i)
    want.push_back((float)(i / 5 % 3 * 256 + i * 8));
  lookup_rows<RowTables>(y.data(), x.data(), table.data());
  EXPECT_EQ(y, want);
}

template <class Op, int FA, int FB, int Shift> struct Pair {
  using a_t = int8_t;
  using b_t = uint8_t;
  using y_t = int8_t;
  using op = Op;
  static constexpr int64_t a_zero = -128, b_zero = 255, y_zero = 4, a_factor = FA, b_factor = FB,
                           shift = Shift, low = -100, high = 126;
  static constexpr float multiplier[1] = {0.0078125f};
  static constexpr int rank = 2;
  static constexpr int64_t shape[2] = {256, 256}, a_strides[2] = {1, 0}, b_strides[2] = {0, 1};
};

template <class P> void checkPairs(int sign) {
  buffer<int8_t> a, y(65536), want;
  buffer<uint8_t> b;
  for (int i = 0; i < 256; ++i) {
    a.push_back((int8_t)(i - 128));
    b.push_back((uint8_t)i);
  }
  for (int i = 0; i < 256; ++i)
    for (int j = 0; j < 256; ++j) {
      const double left = a[(size_t)i] + 128, right = b[(size_t)j] - 255;
      const double real = sign == 0
                              ? left * right * 0.0078125
                              : (left * (double)P::a_factor + sign * right * (double)P::b_factor) /
                                    std::ldexp(1, (int)P::shift);
      want.push_back((int8_t)std::fmin(std::fmax(std::nearbyint(real) + 4, -100), 126));
    }
  quant_binary<P>(y.data(), a.data(), b.data());
  EXPECT_EQ(y, want);
}

TEST(QuantBinary, AllPairs) {
  checkPairs<Pair<quant_add, 5, 3, 3>>(1);
  checkPairs<Pair<quant_add, 4000000, 2000000, 23>>(1);
  checkPairs<Pair<quant_sub, 1, 1, 0>>(-1);
  checkPairs<Pair<quant_sub, 524288, 262144, 20>>(-1);
  checkPairs<Pair<quant_mul, 0, 0, 0>>(0);
}

template <int IH, int IW, int K, int S, int B, bool Include> struct Average {
  using x_t = uint8_t;
  using y_t = int8_t;
  static constexpr int64_t n = 2, c = 3, id = 1, ih = IH, iw = IW, od = 1;
  static constexpr int64_t oh = (IH + 2 * B - K) / S + 1, ow = (IW + 2 * B - K) / S + 1;
  static constexpr int64_t kd = 1, kh = K, kw = K, sd = 1, sh = S, sw = S, pd = 0, ph = B, pw = B,
                           dd = 1, dh = 1, dw = 1, ed = 0, eh = B, ew = B;
  static constexpr bool count_include_pad = Include;
  static constexpr int64_t x_zero = 120, y_zero = -5, low = -128, high = 127;
  static constexpr float multiplier[1] = {0.75f};
};

template <class P> void checkAverage() {
  const auto x = bytes<uint8_t>(P::n * P::c * P::ih * P::iw, 9);
  buffer<int8_t> y((size_t)(P::n * P::c * P::oh * P::ow)), want;
  for (int64_t plane = 0; plane < P::n * P::c; ++plane)
    for (int64_t oy = 0; oy < P::oh; ++oy)
      for (int64_t ox = 0; ox < P::ow; ++ox) {
        int32_t sum = 0, cells = 0;
        for (int64_t a = 0; a < P::kh; ++a)
          for (int64_t b = 0; b < P::kw; ++b) {
            const int64_t iy = oy * P::sh - P::ph + a, ix = ox * P::sw - P::pw + b;
            const bool inside = iy >= 0 && iy < P::ih && ix >= 0 && ix < P::iw;
            cells += inside || P::count_include_pad;
            sum += inside ? x[(size_t)((plane * P::ih + iy) * P::iw + ix)] - 120 : 0;
          }
        want.push_back((int8_t)madeSmall(sum, 0.75f / (float)cells, P::y_zero, -128, 127));
      }
  average_pool_int<P>(y.data(), x.data());
  EXPECT_EQ(y, want);
}

TEST(QuantPool, Averages) {
  checkAverage<Average<7, 7, 7, 1, 0, false>>();
  checkAverage<Average<9, 8, 3, 2, 1, false>>();
  checkAverage<Average<9, 8, 3, 2, 1, true>>();
}

} // namespace
