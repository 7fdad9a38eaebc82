//===- kernels_bench.cpp - speed of convolutions and products -----------===//
// SPDX-License-Identifier: Apache-2.0
//
// Built as kernels_bench by tests/unit/kernels/CMakeLists.txt, with the host's own instructions.
// Counts multiply-adds a second on one thread: the shapes of ResNet-50, products of each form,
// depthwise and grouped shapes of MobileNet and ResNeXt. KernelCallTest.cpp knows which kernels of
// kernels.inc are measured, and why the others are not.
#include <benchmark/benchmark.h>

#include <vector>

#include "conv.h"
#include "conv_blocks.h"
#include "conv_depthwise.h"
#include "conv_lines.h"
#include "conv_pixels.h"
#include "conv_winograd.h"
#include "matmul.h"

namespace {

/// Square image, kernel and stride; pads as large as keep the extent.
template <int64_t CI, int64_t CO, int64_t Image, int64_t Kernel, int64_t Stride = 1,
          int64_t Groups = 1>
struct Conv {
  using x_t = float;
  using w_t = float;
  using y_t = float;
  using act = disco::act_relu;
  static constexpr int64_t n = 1, ci = CI, co = CO, groups = Groups, x_channels = CI;
  static constexpr int64_t id = 1, ih = Image, iw = Image, od = 1,
                           oh = (Image + Stride - 1) / Stride, ow = oh;
  static constexpr int64_t kd = 1, kh = Kernel, kw = Kernel, sd = 1, sh = Stride, sw = Stride;
  static constexpr int64_t pd = 0, ph = Kernel / 2, pw = Kernel / 2, dd = 1, dh = 1, dw = 1;
  static constexpr bool dense_channels = true, has_init = false, has_bias = true,
                        has_residual = false;
};

/// P with scratch memory for a kernel.
template <class P, int64_t Bytes> struct Scratch : P {
  static constexpr int64_t scratch = Bytes;
};
unsigned char scratch[1 << 20];

/// The kernel that the compiler would choose for many columns.
template <class P>
void conv_form(float *y, const float *x, const float *w, const float *bias, const float *init,
               const float *residual) {
  using G = disco::conv_product<P>;
  using Bands = disco::conv_bands<P, G>;
  if constexpr (P::co / P::groups < 4 && Bands::serves)
    disco::conv_planes<Scratch<P, Bands::bytes>>(y, x, w, bias, init, residual, scratch);
  else if constexpr (P::co / P::groups < 4)
    disco::conv_rows<P>(y, x, w, bias, init, residual);
  else if constexpr (P::oh * P::ow == 1)
    disco::conv_dots<Scratch<P, disco::gemm_bytes<disco::conv_dot_product<P>>>>(y, x, w, bias, init,
                                                                                residual, scratch);
  else
    disco::conv_gemm<Scratch<P, disco::gemm_bytes<G>>>(y, x, w, bias, init, residual, scratch);
}

template <class P> struct Tiles : P {
  static constexpr int64_t tile = 4;
};

/// 3x3 by Winograd's tiles of 4 x 4 outputs; what is counted is what a direct form multiplies.
template <class P> void conv_tiles(benchmark::State &state) {
  using Q = Scratch<Tiles<P>, disco::winograd_image<Tiles<P>>::size.bytes>;
  static_assert(Q::scratch <= sizeof(scratch), "more scratch memory than there is");
  std::vector<float> x(P::ci * P::ih * P::iw, 1), b(P::co), y(P::co * P::oh * P::ow),
      w((P::co + 15) / 16 * 16 * 36 * P::ci, 1);
  for (auto _ : state) {
    disco::conv_winograd<Q>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr, scratch);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(P::co * P::ci * 9) * P::oh * P::ow,
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// Weights packed before, in blocks of 16 rows.
template <class P> void conv_packed(benchmark::State &state) {
  using Q = Scratch<P, disco::block_image<P>::size.bytes>;
  static_assert(Q::scratch <= sizeof(scratch), "more scratch memory than there is");
  std::vector<float> x(P::ci * P::ih * P::iw, 1), b(P::co), y(P::co * P::oh * P::ow),
      w((P::co + 15) / 16 * 16 * P::kh * P::kw * P::ci, 1);
  for (auto _ : state) {
    disco::conv_blocks<Q>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr, scratch);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(P::co * P::ci * P::kh * P::kw) * P::oh * P::ow,
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// The same, by pixels of rows.
template <class P> void conv_rows_of_pixels(benchmark::State &state) {
  using Q = Scratch<P, disco::pixel_image<P>::size.bytes>;
  static_assert(Q::scratch <= sizeof(scratch), "more scratch memory than there is");
  std::vector<float> x(P::ci * P::ih * P::iw, 1), b(P::co), y(P::co * P::oh * P::ow),
      w((P::co + 15) / 16 * 16 * P::kh * P::kw * P::ci, 1);
  for (auto _ : state) {
    disco::conv_pixels<Q>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr, scratch);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(P::co * P::ci * P::kh * P::kw) * P::oh * P::ow,
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// The same, with vectors along rows.
template <class P> void conv_along_rows(benchmark::State &state) {
  using Q = Scratch<P, disco::line_image<P>::size.bytes>;
  static_assert(Q::scratch <= sizeof(scratch), "more scratch memory than there is");
  std::vector<float> x(P::ci * P::ih * P::iw, 1), b(P::co), y(P::co * P::oh * P::ow),
      w((P::co + 15) / 16 * 16 * P::kh * P::kw * P::ci, 1);
  for (auto _ : state) {
    disco::conv_lines<Q>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr, scratch);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(P::co * P::ci * P::kh * P::kw) * P::oh * P::ow,
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// Depthwise, weights packed before.
template <class P> void conv_lanes(benchmark::State &state) {
  using Q = Scratch<P, disco::depthwise_image<P>::size.bytes>;
  static_assert(Q::scratch <= sizeof(scratch), "more scratch memory than there is");
  std::vector<float> x(P::ci * P::ih * P::iw, 1), b(P::co), y(P::co * P::oh * P::ow),
      w((P::co + 15) / 16 * 16 * P::kh * P::kw, 1);
  for (auto _ : state) {
    disco::conv_depthwise<Q>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr, scratch);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(y.size()) * P::kh * P::kw,
                                               benchmark::Counter::kIsIterationInvariantRate);
}

template <class P> void conv(benchmark::State &state) {
  std::vector<float> x(P::ci * P::ih * P::iw), w(P::co * P::ci / P::groups * P::kh * P::kw),
      b(P::co), y(P::co * P::oh * P::ow);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i % 17) - 8;
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = static_cast<float>(i % 13) - 6;
  for (auto _ : state) {
    conv_form<P>(y.data(), x.data(), w.data(), b.data(), nullptr, nullptr);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(w.size()) * P::oh * P::ow,
                                               benchmark::Counter::kIsIterationInvariantRate);
}

/// Rows of a against constant weights, [n][k] where TransB.
template <int64_t M, int64_t K, int64_t N, bool TransB> struct Product {
  using a_t = float;
  using b_t = float;
  using y_t = float;
  using act = disco::act_none;
  static constexpr int64_t m = M, k = K, n = N, a_k = k, bias_row = 0, bias_column = 1;
  static constexpr bool dense_channels = true, trans_a = false, trans_b = TransB, has_alpha = false,
                        has_bias = true, has_init = false, has_residual = false;
  static constexpr int batch_rank = 1;
  static constexpr int64_t batch[] = {1}, a_batch[] = {0}, b_batch[] = {0};
};

template <class P, disco::matmul_form Form>
using With = Scratch<P, disco::gemm_bytes<disco::matmul_product<P, Form>>>;

/// One function a kernel, all of one signature.
struct Rows {
  template <class P, class... Pointers> static void run(Pointers... pointers) {
    disco::matmul_rows<P>(pointers...);
  }
};
struct Gemm {
  template <class P, class... Pointers> static void run(Pointers... pointers) {
    disco::matmul_gemm<With<P, disco::matmul_form::packed>>(pointers..., scratch);
  }
};
struct Direct {
  template <class P, class... Pointers> static void run(Pointers... pointers) {
    disco::matmul_direct<With<P, disco::matmul_form::direct>>(pointers..., scratch);
  }
};
struct Blocks {
  template <class P, class... Pointers> static void run(Pointers... pointers) {
    disco::matmul_blocks<With<P, disco::matmul_form::blocks>>(pointers..., scratch);
  }
};
struct Dots {
  template <class P, class... Pointers> static void run(Pointers... pointers) {
    disco::matmul_dots<With<P, disco::matmul_form::dots>>(pointers..., scratch);
  }
};

template <class P, class Kernel> void product(benchmark::State &state) {
  const float *none = nullptr;
  std::vector<float> a(P::m * P::k, 1), b(P::k * (P::n + 48), 1), bias(P::n), y(P::m * P::n);
  for (auto _ : state) {
    Kernel::template run<P>(y.data(), (const float *)a.data(), (const float *)b.data(),
                            (const float *)bias.data(), none, none);
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(P::m * P::k * P::n),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(conv<Conv<3, 64, 224, 7, 2>>)->Name("7x7/2 3-64 @224");
BENCHMARK(conv_packed<Conv<3, 64, 224, 7, 2>>)->Name("7x7/2 3-64 @224, conv_blocks");
BENCHMARK(conv<Conv<64, 64, 56, 1>>)->Name("1x1 64-64 @56");
BENCHMARK(conv_packed<Conv<64, 64, 56, 1>>)->Name("1x1 64-64 @56, conv_blocks");
BENCHMARK(conv<Conv<64, 64, 56, 3>>)->Name("3x3 64-64 @56");
BENCHMARK(conv_tiles<Conv<64, 64, 56, 3>>)->Name("3x3 64-64 @56, conv_winograd");
BENCHMARK(conv<Conv<64, 256, 56, 1>>)->Name("1x1 64-256 @56");
BENCHMARK(conv_packed<Conv<64, 256, 56, 1>>)->Name("1x1 64-256 @56, conv_blocks");
BENCHMARK(conv<Conv<256, 64, 56, 1>>)->Name("1x1 256-64 @56");
BENCHMARK(conv_packed<Conv<256, 64, 56, 1>>)->Name("1x1 256-64 @56, conv_blocks");
BENCHMARK(conv<Conv<128, 128, 56, 3, 2>>)->Name("3x3/2 128-128 @56");
BENCHMARK(conv_packed<Conv<128, 128, 56, 3, 2>>)->Name("3x3/2 128-128 @56, conv_blocks");
BENCHMARK(conv_rows_of_pixels<Conv<128, 128, 56, 3, 2>>)->Name("3x3/2 128-128 @56, conv_pixels");
BENCHMARK(conv_packed<Conv<32, 64, 16, 3, 2>>)->Name("3x3/2 32-64 @16, conv_blocks");
BENCHMARK(conv_rows_of_pixels<Conv<32, 64, 16, 3, 2>>)->Name("3x3/2 32-64 @16, conv_pixels");
BENCHMARK(conv_packed<Conv<8, 16, 14, 5>>)->Name("5x5 8-16 @14, conv_blocks");
BENCHMARK(conv_rows_of_pixels<Conv<8, 16, 14, 5>>)->Name("5x5 8-16 @14, conv_pixels");
BENCHMARK(conv_rows_of_pixels<Conv<8, 8, 32, 3>>)->Name("3x3 8-8 @32, conv_pixels");
BENCHMARK(conv_along_rows<Conv<8, 8, 32, 3>>)->Name("3x3 8-8 @32, conv_lines");
BENCHMARK(conv_tiles<Conv<16, 16, 16, 3>>)->Name("3x3 16-16 @16, conv_winograd");
BENCHMARK(conv_along_rows<Conv<16, 16, 16, 3>>)->Name("3x3 16-16 @16, conv_lines");
BENCHMARK(conv<Conv<256, 512, 56, 1, 2>>)->Name("1x1/2 256-512 @56");
BENCHMARK(conv<Conv<128, 512, 28, 1>>)->Name("1x1 128-512 @28");
BENCHMARK(conv_packed<Conv<128, 512, 28, 1>>)->Name("1x1 128-512 @28, conv_blocks");
BENCHMARK(conv<Conv<512, 128, 28, 1>>)->Name("1x1 512-128 @28");
BENCHMARK(conv_packed<Conv<512, 128, 28, 1>>)->Name("1x1 512-128 @28, conv_blocks");
BENCHMARK(conv<Conv<128, 128, 28, 3>>)->Name("3x3 128-128 @28");
BENCHMARK(conv_tiles<Conv<128, 128, 28, 3>>)->Name("3x3 128-128 @28, conv_winograd");
BENCHMARK(conv<Conv<256, 1024, 14, 1>>)->Name("1x1 256-1024 @14");
BENCHMARK(conv_packed<Conv<256, 1024, 14, 1>>)->Name("1x1 256-1024 @14, conv_blocks");
BENCHMARK(conv<Conv<1024, 256, 14, 1>>)->Name("1x1 1024-256 @14");
BENCHMARK(conv_packed<Conv<1024, 256, 14, 1>>)->Name("1x1 1024-256 @14, conv_blocks");
BENCHMARK(conv<Conv<256, 256, 14, 3>>)->Name("3x3 256-256 @14");
BENCHMARK(conv_tiles<Conv<256, 256, 14, 3>>)->Name("3x3 256-256 @14, conv_winograd");
BENCHMARK(conv<Conv<512, 2048, 7, 1>>)->Name("1x1 512-2048 @7");
BENCHMARK(conv_packed<Conv<512, 2048, 7, 1>>)->Name("1x1 512-2048 @7, conv_blocks");
BENCHMARK(conv<Conv<2048, 512, 7, 1>>)->Name("1x1 2048-512 @7");
BENCHMARK(conv_packed<Conv<2048, 512, 7, 1>>)->Name("1x1 2048-512 @7, conv_blocks");
BENCHMARK(conv<Conv<512, 512, 7, 3>>)->Name("3x3 512-512 @7");
BENCHMARK(conv_tiles<Conv<512, 512, 7, 3>>)->Name("3x3 512-512 @7, conv_winograd");
BENCHMARK(product<Product<1, 2048, 1000, true>, Rows>)->Name("1 row 2048-1000, matmul_rows");
BENCHMARK(product<Product<65, 192, 768, true>, Gemm>)->Name("65 rows 192-768 turned, matmul_gemm");
BENCHMARK(product<Product<65, 192, 768, false>, Gemm>)->Name("65 rows 192-768, matmul_gemm");
BENCHMARK(product<Product<65, 192, 768, false>, Blocks>)->Name("65 rows 192-768, matmul_blocks");
BENCHMARK(product<Product<8, 768, 768, false>, Direct>)->Name("8 rows 768-768, matmul_direct");
BENCHMARK(product<Product<8, 768, 768, false>, Blocks>)->Name("8 rows 768-768, matmul_blocks");
BENCHMARK(product<Product<196, 768, 2, false>, Dots>)->Name("196 rows 768-2, matmul_dots");
BENCHMARK(conv<Conv<960, 240, 1, 1>>)->Name("1x1 960-240 @1, conv_dots");
BENCHMARK(conv<Conv<64, 2, 112, 3>>)->Name("3x3 64-2 @112, conv_rows");
BENCHMARK(conv<Conv<32, 32, 112, 3, 1, 32>>)->Name("depthwise 3x3 32 @112");
BENCHMARK(conv_lanes<Conv<32, 32, 112, 3, 1, 32>>)->Name("depthwise 3x3 32 @112, conv_depthwise");
BENCHMARK(conv<Conv<144, 144, 56, 3, 2, 144>>)->Name("depthwise 3x3/2 144 @56");
BENCHMARK(conv_lanes<Conv<144, 144, 56, 3, 2, 144>>)
    ->Name("depthwise 3x3/2 144 @56, conv_depthwise");
BENCHMARK(conv<Conv<960, 960, 7, 3, 1, 960>>)->Name("depthwise 3x3 960 @7");
BENCHMARK(conv_lanes<Conv<960, 960, 7, 3, 1, 960>>)->Name("depthwise 3x3 960 @7, conv_depthwise");
BENCHMARK(conv<Conv<256, 256, 56, 3, 1, 32>>)->Name("groups 32 3x3 256 @56");

} // namespace

BENCHMARK_MAIN();
