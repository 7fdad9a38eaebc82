//===- eltwise_test.cpp - unary, binary, where, cast, affine --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "eltwise.h"
#include "kernel_test.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <class T, class Op, int N, class Y = T> struct Unary {
  using x_t = T;
  using y_t = Y;
  using op = Op;
  static constexpr int64_t count = N;
};

template <class T, bool Positive, bool Negative> struct IsInf : Unary<T, op_is_inf, 4, bool> {
  struct op : op_is_inf {
    static constexpr bool positive = Positive, negative = Negative;
  };
};

template <class T, class Op> double apply(double v) {
  T x = fromDouble<T>(v), y;
  unary<Unary<T, Op, 1>>(&y, &x);
  return toDouble(y);
}

double ulps(float got, double want) {
  const float near = (float)want;
  const double step =
      std::max((double)std::nextafterf(std::fabs(near), INFINITY) - (double)std::fabs(near),
               (double)std::numeric_limits<float>::denorm_min());
  return std::fabs((double)got - want) / step;
}

/// Op on floats over [low, high] against a function in double.
template <class Op, class F> void accuracy(F reference, double low, double high, double allowed) {
  double worst = 0, where = 0;
  for (int i = 0; i <= 20000; ++i) {
    const float v = (float)(low + (high - low) * i / 20000);
    const double error = ulps((float)Op::template apply<Op>(v), reference((double)v));
    if (!(error <= worst)) {
      worst = error;
      where = v;
    }
  }
  EXPECT_LE(worst, allowed) << "at " << where;
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

template <class T, bool Positive, bool Negative> void checkIsInf() {
  const T x[] = {fromDouble<T>(INFINITY), fromDouble<T>(-INFINITY), fromDouble<T>(NAN),
                 fromDouble<T>(-65504)};
  bool y[4];
  unary<IsInf<T, Positive, Negative>>(y, x);
  EXPECT_EQ(y[0], Positive);
  EXPECT_EQ(y[1], Negative);
  EXPECT_FALSE(y[2]);
  EXPECT_FALSE(y[3]);
}

TEST(Unary, WhichInfinitiesCount) {
  checkIsInf<float, true, true>();
  checkIsInf<float, true, false>();
  checkIsInf<float, false, true>();
  checkIsInf<double, true, false>();
  checkIsInf<f16, false, true>();
}

TEST(Unary, AccuracyOfFloats) {
  accuracy<op_exp>([](double v) { return std::exp(v); }, -87, 88.7, 1.1);
  accuracy<op_exp>([](double v) { return std::exp(v); }, -103.9, -87, 1.1);
  accuracy<op_exp>([](double v) { return std::exp(v); }, -0.01, 0.01, 1.0);
  accuracy<act_sigmoid>(sigmoid, -80, 80, 3);
  accuracy<act_tanh>([](double v) { return std::tanh(v); }, -10, 10, 2);
  accuracy<act_tanh>([](double v) { return std::tanh(v); }, -0.01, 0.01, 2);
  accuracy<op_erf>([](double v) { return std::erf(v); }, -5, 5, 2);
  accuracy<op_erf>([](double v) { return std::erf(v); }, -0.01, 0.01, 2);
  accuracy<act_silu>([](double v) { return v * sigmoid(v); }, -80, 80, 4);
  accuracy<act_mish>([](double v) { return v * std::tanh(std::log1p(std::exp(v))); }, -20, 20, 6);
  accuracy<act_softplus>(
      [](double v) { return v > 0 ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v)); }, -50,
      50, 3);
  accuracy<op_sin>([](double v) { return std::sin(v); }, -100, 100, 1);
}

TEST(Unary, ExpAtTheEdges) {
  EXPECT_EQ(exp_of(0.0f), 1.0f);
  EXPECT_EQ(exp_of(INFINITY), INFINITY);
  EXPECT_EQ(exp_of(-INFINITY), 0.0f);
  EXPECT_EQ(exp_of(89.5f), INFINITY);
  EXPECT_EQ(exp_of(-105.0f), 0.0f);
  EXPECT_TRUE(std::isnan(exp_of(NAN)));
  for (float v : {0.0f, -0.0f, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-40f, -1e-40f}) {
    EXPECT_EQ(tanh_of(v), std::tanh(v));
    EXPECT_EQ(std::signbit(tanh_of(v)), std::signbit(v));
    EXPECT_EQ(std::signbit(erf_of(v)), std::signbit(v));
    EXPECT_NEAR(erf_of(v), std::erf(v), 1e-44);
  }
  EXPECT_TRUE(std::isnan(tanh_of(NAN)));
  EXPECT_TRUE(std::isnan(erf_of(NAN)));
  EXPECT_EQ((act_mish::apply<act_mish>(1000.0f)), 1000.0f);
  EXPECT_EQ((act_sigmoid::apply<act_sigmoid>(-200.0f)), 0.0f);
  EXPECT_EQ((act_sigmoid::apply<act_sigmoid>(200.0f)), 1.0f);
}

struct Leaky : act_leaky_relu {
  static constexpr float alpha = 0.25f;
};
struct HardSigmoid : act_hard_sigmoid {
  static constexpr float alpha = 0.25f, beta = 0.5f;
};
struct Clip : act_clip {
  static constexpr int min = -2, max = 3;
};
struct ClipBelow : act_clip {
  static constexpr double min = -2, max = __builtin_inf();
};
struct Elu : act_elu {
  static constexpr float alpha = 2;
};
struct Selu : act_selu {
  static constexpr float alpha = 1.6732632f, gamma = 1.050701f;
};
struct Celu : act_celu {
  static constexpr float alpha = 2;
};
struct Threshold : act_thresholded_relu {
  static constexpr float alpha = 1;
};
struct Shrink : act_shrink {
  static constexpr float lambd = 1, bias = 0.5f;
};

template <class T> void checkActivations() {
  const double e = tolerance<T>() * 4;
  for (double v : {-3.5, -1.0, -0.25, 0.0, 0.25, 1.0, 3.5, 8.0}) {
    EXPECT_EQ((apply<T, act_relu>(v)), v < 0 ? 0 : v);
    EXPECT_EQ((apply<T, Leaky>(v)), v < 0 ? v / 4 : v);
    EXPECT_EQ((apply<T, HardSigmoid>(v)), std::min(1.0, std::max(0.0, v / 4 + 0.5)));
    EXPECT_NEAR((apply<T, act_hard_swish>(v)), v * std::min(1.0, std::max(0.0, v / 6 + 0.5)),
                e * 8);
    EXPECT_EQ((apply<T, Clip>(v)), std::min(3.0, std::max(-2.0, v)));
    EXPECT_NEAR((apply<T, Elu>(v)), v < 0 ? 2 * std::expm1(v) : v, e);
    EXPECT_NEAR((apply<T, Selu>(v)),
                (double)1.050701f * (v < 0 ? (double)1.6732632f * std::expm1(v) : v), e * 8);
    EXPECT_NEAR((apply<T, Celu>(v)), v < 0 ? 2 * std::expm1(v / 2) : v, e);
    EXPECT_EQ((apply<T, Threshold>(v)), v > 1 ? v : 0);
    EXPECT_EQ((apply<T, Shrink>(v)), v < -1 ? v + 0.5 : v > 1 ? v - 0.5 : 0);
    EXPECT_NEAR((apply<T, act_gelu>(v)), v / 2 * (1 + std::erf(v / std::sqrt(2.0))), e * 8);
    EXPECT_NEAR((apply<T, act_gelu_tanh>(v)),
                v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))), e * 8);
    EXPECT_NEAR((apply<T, act_mish>(v)), v * std::tanh(std::log1p(std::exp(v))), e * 8);
    EXPECT_NEAR((apply<T, act_softsign>(v)), v / (1 + std::fabs(v)), e);
    EXPECT_NEAR((apply<T, op_log>(std::fabs(v) + 1)), std::log(std::fabs(v) + 1), e);
    EXPECT_NEAR((apply<T, op_sqrt>(std::fabs(v))), std::sqrt(std::fabs(v)), e);
    EXPECT_NEAR((apply<T, op_cos>(v)), std::cos(v), e);
    EXPECT_NEAR((apply<T, op_atan>(v)), std::atan(v), e);
    EXPECT_EQ((apply<T, op_neg>(v)), -v);
    EXPECT_EQ((apply<T, op_sign>(v)), (v > 0) - (v < 0));
    EXPECT_EQ((apply<T, op_floor>(v)), std::floor(v));
    EXPECT_EQ((apply<T, op_ceil>(v)), std::ceil(v));
    EXPECT_EQ((apply<T, op_abs>(v)), std::fabs(v));
  }
}

struct WideShrink : act_shrink {
  static constexpr double lambd = 1.5, bias = 2.5;
};

/// Integers stay exact beyond what a double holds, and lose what is behind the point at the end.
TEST(Unary, IntegersAreExact) {
  const int64_t wide = (INT64_C(1) << 60) + 1;
  EXPECT_EQ((act_shrink::apply<WideShrink>(wide)), wide - 3);
  EXPECT_EQ((act_shrink::apply<WideShrink>(-wide)), -wide + 3);
  EXPECT_EQ((act_shrink::apply<WideShrink>(INT64_C(2))), 0); // -0.5
  EXPECT_EQ((act_shrink::apply<WideShrink>(INT64_C(-1))), 0);
  EXPECT_EQ((op_erf::apply<op_erf>(INT64_C(-9))), -1);
  EXPECT_EQ((op_erf::apply<op_erf>(UINT64_MAX)), 1u);
  EXPECT_EQ((op_erf::apply<op_erf>((int8_t)1)), 0);
  EXPECT_EQ((op_mod::apply<op_mod>(-7.5, 2.0)), 0.5);
  EXPECT_EQ((op_mod::apply<op_mod>(7.5, -2.0)), -0.5);
}

TEST(Unary, Functors) {
  checkActivations<float>();
  checkActivations<double>();
  checkActivations<f16>();
}

TEST(Unary, RoundsHalfToEven) {
  for (double v : {-2.5, -1.5, -0.5, -0.3, -0.0, 0.0, 0.3, 0.5, 1.5, 2.5, 2.7, 1e20, 8388607.5}) {
    EXPECT_EQ((round_even_of(v)), std::nearbyint(v));
    EXPECT_EQ((round_even_of((float)v)), std::nearbyintf((float)v));
    EXPECT_EQ(std::signbit(round_even_of(v)), std::signbit(std::nearbyint(v))) << v;
  }
}

TEST(Unary, Integers) {
  EXPECT_EQ((op_abs::apply<op_abs>((int8_t)-5)), 5);
  EXPECT_EQ((op_abs::apply<op_abs>((int32_t)int_min<int32_t>)), int_min<int32_t>);
  EXPECT_EQ((op_abs::apply<op_abs>((uint8_t)200)), 200);
  EXPECT_EQ((op_neg::apply<op_neg>((int64_t)5)), -5);
  EXPECT_EQ((op_sign::apply<op_sign>((int32_t)-5)), -1);
  EXPECT_EQ((op_sign::apply<op_sign>((uint16_t)5)), 1);
  EXPECT_EQ((op_sign::apply<op_sign>((int16_t)0)), 0);
  EXPECT_EQ((Clip::apply<Clip>((int8_t)-100)), -2);
  EXPECT_EQ((ClipBelow::apply<ClipBelow>((int8_t)-100)), -2);
  EXPECT_EQ((ClipBelow::apply<ClipBelow>((int64_t)1 << 62)), (int64_t)1 << 62);
  EXPECT_EQ((ClipBelow::apply<ClipBelow>(1e30f)), 1e30f);
  EXPECT_EQ((act_relu::apply<act_relu>((int32_t)-100)), 0);
}

TEST(Unary, BoolResults) {
  const float x[] = {1, NAN, INFINITY, -INFINITY};
  bool y[4];
  unary<Unary<float, op_is_nan, 4, bool>>(y, x);
  EXPECT_TRUE(!y[0] && y[1] && !y[2] && !y[3]);
  bool flags[] = {true, false};
  unary<Unary<bool, op_not, 2>>(flags, flags);
  EXPECT_TRUE(!flags[0] && flags[1]);
}

template <class T, class Op, class Y = T, class Act = act_none> struct Vector3 {
  using a_t = T;
  using b_t = T;
  using y_t = Y;
  using op = Op;
  using act = Act;
  static constexpr int rank = 1;
  // With bounds: clang 19 does not find those of several arrays declared at once in a template.
  static constexpr int64_t shape[1] = {5}, a_strides[1] = {1}, b_strides[1] = {1};
};

template <class T, class Op>
std::vector<double> pairs(std::vector<double> left, std::vector<double> right) {
  T a[5], b[5];
  for (size_t i = 0; i < 5; ++i) {
    a[i] = fromDouble<T>(left[i]);
    b[i] = fromDouble<T>(right[i]);
  }
  binary<Vector3<T, Op>>(a, a, b); // in place
  std::vector<double> y;
  for (T v : a)
    y.push_back(toDouble(v));
  return y;
}
using Doubles = std::vector<double>;

TEST(Binary, Arithmetic) {
  EXPECT_EQ((pairs<float, op_add>({1, 2, 3, 4, 5}, {1, -1, 0.5, 2, 0})),
            (Doubles{2, 1, 3.5, 6, 5}));
  EXPECT_EQ((pairs<f16, op_sub>({1, 2, 3, 4, 5}, {1, -1, 0.5, 2, 0})), (Doubles{0, 3, 2.5, 2, 5}));
  EXPECT_EQ((pairs<double, op_mul>({1, 2, 3, 4, 5}, {1, -1, 0.5, 2, 0})),
            (Doubles{1, -2, 1.5, 8, 0}));
  EXPECT_EQ((pairs<float, op_div>({1, 2, 3, 4, 5}, {1, -1, 0.5, 2, 4})),
            (Doubles{1, -2, 6, 2, 1.25}));
  EXPECT_EQ((pairs<int32_t, op_div>({7, -7, 7, -7, 5}, {2, 2, -2, -2, 0})),
            (Doubles{3, -3, -3, 3, 0}));
  EXPECT_EQ((pairs<uint8_t, op_add>({250, 1, 2, 3, 4}, {10, 1, 1, 1, 1})),
            (Doubles{4, 2, 3, 4, 5}));
  EXPECT_EQ((pairs<uint16_t, op_mul>({65535, 1, 2, 3, 4}, {65535, 1, 1, 1, 1})),
            (Doubles{1, 1, 2, 3, 4}));
  EXPECT_EQ((pairs<int32_t, op_mul>({2147483647, 1, 2, 3, 4}, {2, 1, 1, 1, 1})),
            (Doubles{-2, 1, 2, 3, 4}));
  EXPECT_EQ((pairs<int32_t, op_div>({-2147483648.0, 1, 2, 3, 4}, {-1, 1, 1, 1, 1})),
            (Doubles{-2147483648.0, 1, 2, 3, 4}));
  EXPECT_EQ((pairs<int32_t, op_mod>({7, -7, 7, -7, 6}, {3, 3, -3, -3, 3})),
            (Doubles{1, 2, -2, -1, 0}));
  EXPECT_EQ((pairs<int64_t, op_fmod>({7, -7, 7, -7, 6}, {3, 3, -3, -3, -1})),
            (Doubles{1, -1, 1, -1, 0}));
  EXPECT_EQ((pairs<uint8_t, op_mod>({7, 8, 9, 10, 6}, {3, 3, 3, 3, 0})), (Doubles{1, 2, 0, 1, 0}));
  EXPECT_EQ((pairs<float, op_fmod>({7, -7, 7.5, -7, 6}, {3, 3, -3, -3, 3})),
            (Doubles{1, -1, 1.5, -1, 0}));
  EXPECT_EQ((pairs<float, op_min>({1, NAN, 3, 4, 5}, {2, 1, 1, 4, 6}))[0], 1);
  EXPECT_TRUE(std::isnan(pairs<float, op_min>({1, NAN, 3, 4, 5}, {2, 1, 1, 4, 6})[1]));
  EXPECT_TRUE(std::isnan(pairs<float, op_max>({1, 1, 3, 4, 5}, {2, NAN, 1, 4, 6})[1]));
  EXPECT_EQ((pairs<int8_t, op_max>({1, -2, 3, 4, 5}, {2, 1, 1, 4, 6})), (Doubles{2, 1, 3, 4, 6}));
  EXPECT_EQ((pairs<float, op_pow>({3, 2, 4, 2, 5}, {2, 3, 0.5, -1, 0})),
            (Doubles{9, 8, 2, 0.5, 1}));
  EXPECT_EQ((pairs<int32_t, op_pow>({3, 2, -1, -2, 5}, {2, 10, -3, 3, 0})),
            (Doubles{9, 1024, -1, -8, 1}));
  EXPECT_EQ((pairs<float, op_prelu>({-3, 2, 0, -2, 5}, {2, 3, 0.5, -1, 0})),
            (Doubles{-6, 2, 0, 2, 5}));
  EXPECT_EQ((pairs<float, op_prelu>({-0.5, 0.5, 0, -2, 5}, {2, 3, 0.5, -1, 0})),
            (Doubles{-1, 0.5, 0, 2, 5}));
  EXPECT_EQ((pairs<bool, op_xor>({1, 0, 1, 0, 1}, {1, 1, 0, 0, 1})), (Doubles{0, 1, 1, 0, 0}));
  EXPECT_EQ((pairs<bool, op_and>({1, 0, 1, 0, 1}, {1, 1, 0, 0, 1})), (Doubles{1, 0, 0, 0, 1}));
  EXPECT_EQ((pairs<uint8_t, op_or>({1, 2, 4, 8, 16}, {1, 1, 1, 1, 1})), (Doubles{1, 3, 5, 9, 17}));
  EXPECT_EQ((pairs<uint8_t, op_shift_left>({1, 2, 255, 8, 16}, {1, 9, 1, 3, 0})),
            (Doubles{2, 0, 254, 64, 16}));
  EXPECT_EQ((pairs<uint32_t, op_shift_right>({1, 2, 255, 8, 16}, {1, 40, 1, 3, 0})),
            (Doubles{0, 0, 127, 1, 16}));
}

TEST(Binary, ComparisonsGiveBool) {
  const float a[] = {1, 2, 3, NAN, 5}, b[] = {2, 2, 1, 1, NAN};
  bool y[5];
  binary<Vector3<float, op_less, bool>>(y, a, b);
  EXPECT_TRUE(y[0] && !y[1] && !y[2] && !y[3] && !y[4]);
  binary<Vector3<float, op_greater_or_equal, bool>>(y, a, b);
  EXPECT_TRUE(!y[0] && y[1] && y[2] && !y[3] && !y[4]);
  binary<Vector3<float, op_equal, bool>>(y, a, b);
  EXPECT_TRUE(!y[0] && y[1] && !y[2] && !y[3] && !y[4]);
}

template <class Op> struct Broadcast {
  using a_t = float;
  using b_t = float;
  using y_t = float;
  using op = Op;
  using act = act_relu;
};
struct PerChannel : Broadcast<op_sub> {
  static constexpr int rank = 3;
  static constexpr int64_t shape[] = {2, 3, 37}, a_strides[] = {111, 37, 1},
                           b_strides[] = {0, 1, 0};
};
struct ScalarLeft : Broadcast<op_sub> {
  static constexpr int rank = 1;
  static constexpr int64_t shape[] = {100}, a_strides[] = {0}, b_strides[] = {1};
};
struct ScalarRight : Broadcast<op_mul> {
  static constexpr int rank = 1;
  static constexpr int64_t shape[] = {100}, a_strides[] = {1}, b_strides[] = {0};
};
struct Strided : Broadcast<op_sub> {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {3, 5}, a_strides[] = {40, 3}, b_strides[] = {20, 2};
};
struct BothRepeat : Broadcast<op_sub> {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {3, 5}, a_strides[] = {1, 0}, b_strides[] = {2, 0};
};
struct Outer : Broadcast<op_add> {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {7, 9}, a_strides[] = {1, 0}, b_strides[] = {0, 1};
};
struct Deep : Broadcast<op_add> {
  static constexpr int rank = 8;
  static constexpr int64_t shape[] = {2, 1, 3, 2, 1, 2, 3, 2},
                           a_strides[] = {36, 0, 12, 0, 0, 6, 2, 1},
                           b_strides[] = {0, 0, 0, 12, 0, 6, 0, 1};
};

template <class P> void checkBroadcast() {
  const auto a = randomBuffer<float>(1000, 1), b = randomBuffer<float>(1000, 2);
  int64_t count = 1;
  for (int64_t extent : P::shape)
    count *= extent;
  std::vector<double> want;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, fromA = 0, fromB = 0;
    for (int d = P::rank - 1; d >= 0; --d) {
      fromA += rest % P::shape[d] * P::a_strides[d];
      fromB += rest % P::shape[d] * P::b_strides[d];
      rest /= P::shape[d];
    }
    want.push_back(std::max(
        0.0, (double)P::op::template apply<typename P::op>(a[(size_t)fromA], b[(size_t)fromB])));
  }
  buffer<float> y((size_t)count);
  binary<P>(y.data(), a.data(), b.data());
  expectNear(y, want);
}

TEST(Binary, Broadcasts) {
  checkBroadcast<PerChannel>();
  checkBroadcast<ScalarLeft>();
  checkBroadcast<ScalarRight>();
  checkBroadcast<Strided>();
  checkBroadcast<BothRepeat>();
  checkBroadcast<Outer>();
  checkBroadcast<Deep>();
}

struct PowOfInt {
  using a_t = float;
  using b_t = int64_t;
  using y_t = float;
  using op = op_pow;
  using act = act_none;
  static constexpr int rank = 1;
  static constexpr int64_t shape[] = {3}, a_strides[] = {1}, b_strides[] = {1};
};

TEST(Binary, PowOfTwoTypes) {
  const float a[] = {2, 3, 1.5f};
  const int64_t b[] = {10, 2, -1};
  float y[3];
  binary<PowOfInt>(y, a, b);
  EXPECT_EQ(y[0], 1024);
  EXPECT_EQ(y[1], 9);
  EXPECT_NEAR(y[2], 1 / 1.5, 1e-6);
}

struct Where {
  using x_t = int64_t;
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {2, 3}, c_strides[] = {0, 1}, a_strides[] = {3, 1},
                           b_strides[] = {0, 0};
};

TEST(Where, Broadcasts) {
  const bool c[] = {true, false, true};
  const int64_t a[] = {1, 2, 3, 4, 5, 6}, b = 9;
  int64_t y[6];
  where<Where>(y, c, a, &b);
  EXPECT_EQ((std::vector<int64_t>(y, y + 6)), (std::vector<int64_t>{1, 9, 3, 4, 9, 6}));
}

struct ToHalf {
  using x_t = float;
  using y_t = f16;
  static constexpr int64_t count = 3;
};

TEST(Cast, Converts) {
  const float x[] = {1, -2, 70000};
  f16 y[3];
  cast<ToHalf>(y, x);
  EXPECT_EQ(y[0].bits, 0x3c00);
  EXPECT_EQ(y[1].bits, 0xc000);
  EXPECT_EQ(y[2].bits, 0x7c00);
}

struct Affine {
  using x_t = float;
  using act = act_relu;
  static constexpr int64_t outer = 2, channels = 2, inner = 3;
};

TEST(ChannelAffine, ScalesAndShifts) {
  float x[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};
  const float scale[] = {2, -1}, shift[] = {0, 1};
  channel_affine<Affine>(x, x, scale, shift);
  EXPECT_EQ((std::vector<float>(x, x + 12)),
            (std::vector<float>{2, 4, 6, 0, 0, 0, 0, 0, 0, 5, 6, 7}));
}

} // namespace
