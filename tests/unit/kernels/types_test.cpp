//===- types_test.cpp - conversions of element types ----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"

using namespace disco;

namespace {

double halfValue(unsigned bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31)
    return mantissa ? NAN : sign * INFINITY;
  return exponent ? sign * std::ldexp(1024 + mantissa, exponent - 25)
                  : sign * std::ldexp(mantissa, -24);
}

TEST(Types, EveryHalfIsReadExactlyAndWrittenBack) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const f16 h = {(uint16_t)bits};
    const double want = halfValue(bits);
    const float got = f16_to_f32(h);
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(got));
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(got))));
      continue;
    }
    ASSERT_EQ((double)got, want) << bits;
    ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0);
    ASSERT_EQ(f32_to_f16(got).bits, bits);
    ASSERT_EQ(f64_to_f16(want).bits, bits);
  }
}

TEST(Types, HalvesRoundToNearestEven) {
  for (unsigned bits = 0; bits < 0x7bff; ++bits) {
    const double low = halfValue(bits), high = halfValue(bits + 1), middle = (low + high) / 2;
    const unsigned even = bits & 1 ? bits + 1 : bits;
    ASSERT_EQ(f32_to_f16((float)middle).bits, even) << bits;
    ASSERT_EQ(f32_to_f16((float)-middle).bits, even | 0x8000) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafterf((float)middle, 0)).bits, bits);
    ASSERT_EQ(f32_to_f16(std::nextafterf((float)middle, 1e9f)).bits, bits + 1);
    ASSERT_EQ(f64_to_f16(middle).bits, even);
    ASSERT_EQ(f64_to_f16(std::nextafter(middle, 0)).bits, bits) << "rounded twice";
    ASSERT_EQ(f64_to_f16(std::nextafter(middle, 1e9)).bits, bits + 1) << "rounded twice";
    ASSERT_EQ(f64_to_f16(-std::nextafter(middle, 1e9)).bits, (bits + 1) | 0x8000u);
  }
  EXPECT_EQ(f32_to_f16(65519.99f).bits, 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(f32_to_f16(1e30f).bits, 0x7c00);
  EXPECT_EQ(f32_to_f16(-INFINITY).bits, 0xfc00);
  EXPECT_EQ(f64_to_f16(1e300).bits, 0x7c00);
  EXPECT_EQ(f64_to_f16(1e-300).bits, 0);
}

TEST(Types, IntegerLimits) {
  EXPECT_EQ(int_max<int8_t>, 127);
  EXPECT_EQ(int_min<int8_t>, -128);
  EXPECT_EQ(int_max<uint8_t>, 255);
  EXPECT_EQ(int_min<uint8_t>, 0);
  EXPECT_EQ(int_max<int64_t>, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(int_min<int64_t>, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(int_max<uint64_t>, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(int_max<int32_t>, std::numeric_limits<int32_t>::max());
  EXPECT_EQ(int_min<int32_t>, std::numeric_limits<int32_t>::min());
}

template <class I, class F> void floatToInteger() {
  const F top = std::ldexp((F)1, (int)sizeof(I) * 8 - (is_signed<I> ? 1 : 0));
  EXPECT_EQ(cast_element<I>((F)3.99), (I)3);
  EXPECT_EQ(cast_element<I>((F)-0.99), (I)0);
  EXPECT_EQ(cast_element<I>((F)NAN), (I)0);
  EXPECT_EQ(cast_element<I>(top), int_max<I>);
  EXPECT_EQ(cast_element<I>((F)INFINITY), int_max<I>);
  EXPECT_EQ(cast_element<I>((F)-INFINITY), int_min<I>);
  EXPECT_EQ(cast_element<I>(-top * 2), int_min<I>);
  EXPECT_EQ((F)cast_element<I>(std::nextafter(top, (F)0)), std::trunc(std::nextafter(top, (F)0)));
  if (is_signed<I>) {
    EXPECT_EQ(cast_element<I>((F)-3.99), (I)-3);
    EXPECT_EQ(cast_element<I>(-top), int_min<I>);
  }
}

TEST(Types, FloatToIntegerTruncatesAndSaturates) {
  floatToInteger<int8_t, float>();
  floatToInteger<uint8_t, float>();
  floatToInteger<int16_t, double>();
  floatToInteger<uint16_t, float>();
  floatToInteger<int32_t, float>();
  floatToInteger<int32_t, double>();
  floatToInteger<uint32_t, float>();
  floatToInteger<int64_t, float>();
  floatToInteger<int64_t, double>();
  floatToInteger<uint64_t, float>();
}

TEST(Types, OtherCasts) {
  EXPECT_EQ(cast_element<int8_t>((int32_t)0x1ff), (int8_t)-1);
  EXPECT_EQ(cast_element<uint8_t>((int64_t)-1), 255);
  EXPECT_EQ(cast_element<int64_t>((uint8_t)200), 200);
  EXPECT_EQ(cast_element<bool>(0.5f), true);
  EXPECT_EQ(cast_element<bool>(-0.0f), false);
  EXPECT_EQ(cast_element<bool>((int32_t)256), true);
  EXPECT_EQ(cast_element<float>(true), 1.0f);
  EXPECT_EQ(cast_element<f16>(true).bits, 0x3c00);
  EXPECT_EQ(cast_element<f16>((int64_t)2049).bits, 0x6800);
  EXPECT_EQ(cast_element<int32_t>(f16{0xc500}), -5);
  EXPECT_EQ(cast_element<bool>(f16{0x8000}), false);
  EXPECT_EQ(cast_element<double>(f16{1}), std::ldexp(1.0, -24));
}

} // namespace
