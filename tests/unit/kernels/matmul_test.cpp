//===- matmul_test.cpp - matmul against a naive reference -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"
#include "matmul.h"

using namespace disco;
using namespace kernel_test;

namespace {

enum Flags {
  Plain = 0,
  Bias = 1,
  Init = 2,
  Residual = 4,
  List = 8,
  InPlace = 16,
  TransA = 32,
  TransB = 64,
  Alpha = 128,
  FullBias = 256
};

template <class T, int M, int K, int N, int F = Plain, class Act = act_none, class AT = T,
          class BT = T>
struct Case {
  using a_t = AT;
  using b_t = BT;
  using y_t = T;
  using act = Act;
  static constexpr int64_t m = M, k = K, n = N;
  static constexpr bool dense_channels = !(F & List), trans_a = (F & TransA) != 0,
                        trans_b = (F & TransB) != 0;
  static constexpr int64_t a_k = F & List ? 2 * K + 1 : K;
  static constexpr int64_t channel(int64_t i) { return (i * 5 + 2) % (2 * K + 1); }
  static constexpr bool has_alpha = (F & Alpha) != 0;
  static constexpr float alpha = 0.5f;
  static constexpr bool has_bias = (F & (Bias | FullBias)) != 0, has_residual = (F & Residual) != 0;
  static constexpr bool in_place = (F & InPlace) != 0, has_init = (F & (Init | InPlace)) != 0;
  static constexpr int64_t bias_row = F & FullBias ? N : 0, bias_column = 1;
  static constexpr int batch_rank = 1;
  static constexpr int64_t batch[] = {1}, a_batch[] = {0}, b_batch[] = {0};
};

/// A batch of 2 x 3 in which a is broadcast along the first and b along the second axis.
template <class Base> struct Batched : Base {
  static constexpr int batch_rank = 2;
  static constexpr int64_t batch[] = {2, 3}, a_batch[] = {0, Base::m *Base::a_k},
                           b_batch[] = {Base::k * Base::n, 0};
};

template <class P>
double element(const buffer<typename P::a_t> &a, const buffer<typename P::b_t> &b, int64_t fromA,
               int64_t fromB, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t k = 0; k < P::k; ++k) {
    const int64_t c = P::dense_channels ? k : P::channel(k);
    sum += toDouble(a[(size_t)(fromA + (P::trans_a ? c * P::m + i : i * P::a_k + c))]) *
           toDouble(b[(size_t)(fromB + (P::trans_b ? j * P::k + k : k * P::n + j))]);
  }
  return P::has_alpha ? sum * (double)P::alpha : sum;
}

enum class Form { Gemm, Direct, Blocks, Dots, Rows };

/// b as matmul_blocks wants it.
template <class P> buffer<typename P::b_t> inBlocks(const buffer<typename P::b_t> &b) {
  constexpr int64_t wide = (int64_t)gemm_b_block;
  buffer<typename P::b_t> packed((size_t)((P::n + wide - 1) / wide * P::k * wide));
  for (int64_t i = 0; i < P::k; ++i)
    for (int64_t j = 0; j < P::n; ++j)
      packed[(size_t)((j / wide * P::k + i) * wide + j % wide)] =
          b[(size_t)(P::trans_b ? j * P::k + i : i * P::n + j)];
  return packed;
}

template <class P, Form form> void checkForm() {
  using y_t = typename P::y_t;
  const int64_t outer = P::batch_rank == 2 ? 2 : 1, inner = P::batch_rank == 2 ? 3 : 1,
                outputs = outer * inner * P::m * P::n;
  const auto a = randomBuffer<typename P::a_t>(inner * P::m * P::a_k, 1);
  const auto b = randomBuffer<typename P::b_t>(outer * P::k * P::n, 2);
  const auto bias = randomBuffer<arith_t<y_t>>(P::bias_row ? P::m * P::n : P::n, 3);
  const auto init = randomBuffer<y_t>(outputs, 4), residual = randomBuffer<y_t>(outputs, 5);
  auto y = P::in_place ? init : randomBuffer<y_t>(outputs, 6);
  std::vector<double> want;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t in = 0; in < inner; ++in)
      for (int64_t i = 0; i < P::m; ++i)
        for (int64_t j = 0; j < P::n; ++j) {
          double sum =
              element<P>(a, b, in * (outer > 1 ? P::m * P::a_k : 0), o * P::k * P::n, i, j);
          sum += P::has_bias ? toDouble(bias[(size_t)(i * P::bias_row + j)]) : 0;
          sum += P::has_init ? toDouble(init[want.size()]) : 0;
          sum += P::has_residual ? toDouble(residual[want.size()]) : 0;
          want.push_back(P::act::template apply<typename P::act>(sum));
        }
  const auto *c = P::has_bias ? bias.data() : nullptr;
  const auto *i = P::in_place ? y.data() : P::has_init ? init.data() : nullptr;
  const auto *r = P::has_residual ? residual.data() : nullptr;
  if constexpr (form == Form::Gemm) {
    using Q = Scratch<P, gemm_bytes<matmul_product<P, matmul_form::packed>>>;
    matmul_gemm<Q>(y.data(), a.data(), b.data(), c, i, r, Q().memory.data());
  } else if constexpr (form == Form::Direct) {
    using Q = Scratch<P, gemm_bytes<matmul_product<P, matmul_form::direct>>>;
    matmul_direct<Q>(y.data(), a.data(), b.data(), c, i, r, Q().memory.data());
  } else if constexpr (form == Form::Blocks) {
    using Q = Scratch<P, gemm_bytes<matmul_product<P, matmul_form::blocks>>>;
    matmul_blocks<Q>(y.data(), a.data(), inBlocks<P>(b).data(), c, i, r, Q().memory.data());
  } else if constexpr (form == Form::Dots) {
    using Q = Scratch<P, gemm_bytes<matmul_product<P, matmul_form::dots>>>;
    matmul_dots<Q>(y.data(), a.data(), b.data(), c, i, r, Q().memory.data());
  } else {
    matmul_rows<P>(y.data(), a.data(), b.data(), c, i, r);
  }
  expectNear(y, want, 16);
}

/// Every kernel that serves, whether or not the compiler would choose it.
template <class P> void check() {
  using T = product_t<typename P::y_t>;
  checkForm<P, Form::Gemm>();
  checkForm<P, Form::Dots>();
  if constexpr (same<typename P::b_t, T> && !P::trans_b)
    checkForm<P, Form::Direct>();
  if constexpr (same<typename P::b_t, T> && P::batch_rank == 1)
    checkForm<P, Form::Blocks>();
  if constexpr (P::m == 1 && P::trans_b)
    checkForm<P, Form::Rows>();
}

TEST(Matmul, OneRow) {
  check<Case<float, 1, 1, 1>>();
  check<Case<float, 1, 100, 10, TransB | Bias>>();
  check<Case<float, 1, 100, 10, Bias>>();
  check<Case<float, 1, 700, 133, TransB | Bias | Init | Residual, act_relu>>();
  check<Case<float, 1, 300, 133, Bias | InPlace | Residual, act_relu>>();
  check<Case<float, 1, 600, 70, TransB | List | InPlace>>();
  check<Case<float, 1, 600, 70, List | InPlace>>();
  check<Case<float, 1, 33, 70, TransB | Alpha | Bias>>();
}

TEST(Matmul, ManyRows) {
  check<Case<float, 2, 3, 5>>();
  check<Case<float, 8, 130, 96>>();
  check<Case<float, 17, 130, 97, Bias | Residual, act_relu>>();
  check<Case<float, 50, 30, 3, Bias>>();
  check<Case<float, 50, 30, 4, TransB>>();
  check<Case<float, 50, 30, 5, TransB | FullBias>>();
  check<Case<float, 21, 300, 100, TransB | Bias | InPlace>>();
  check<Case<float, 21, 300, 100, List | Bias | Init, act_relu>>();
  check<Case<float, 21, 40, 50, TransA>>();
  check<Case<float, 21, 40, 50, TransA | TransB | Alpha | List>>();
  check<Case<float, 16, 5, 50, FullBias | Alpha>>();
  check<Case<float, 3, 260, 1, List>>();
}

TEST(Matmul, Batches) {
  check<Batched<Case<float, 5, 7, 9>>>();
  check<Batched<Case<float, 20, 64, 33, TransB | Alpha | Init>>>();
  check<Batched<Case<float, 1, 64, 33, TransB | Residual | Bias>>>();
}

TEST(Matmul, ElementTypes) {
  check<Case<double, 9, 150, 40, Bias | InPlace>>();
  check<Case<double, 1, 150, 40, TransB>>();
  check<Case<f16, 9, 150, 40, Bias | InPlace>>();
  check<Case<f16, 1, 150, 40, TransB | Bias>>();
  check<Case<float, 9, 150, 40, Bias, act_none, float, f16>>();
  check<Case<float, 1, 150, 40, TransB | Bias, act_none, float, f16>>();
  check<Case<int32_t, 9, 150, 40, Bias>>();
  check<Case<int32_t, 1, 150, 40, TransB | Bias>>();
  check<Case<int64_t, 9, 15, 7, TransB | InPlace>>();
  check<Case<uint32_t, 9, 15, 7>>();
  check<Case<uint64_t, 9, 15, 70>>();
  check<Case<int32_t, 9, 15, 70, Plain, act_none, int8_t, uint8_t>>();
}

TEST(Matmul, IntegersWrap) {
  using C = Case<int32_t, 1, 2, 1>;
  using P = Scratch<C, gemm_bytes<matmul_product<C, matmul_form::packed>>>;
  const int32_t a[] = {65536, 2147483647}, b[] = {65537, 1};
  int32_t y = 0;
  matmul_gemm<P>(&y, a, b, nullptr, nullptr, nullptr, P().memory.data());
  EXPECT_EQ(y, (int32_t)(uint32_t)(65536u * 65537u + 2147483647u));
}

} // namespace
