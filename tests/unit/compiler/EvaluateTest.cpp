//===- EvaluateTest.cpp - reading and making constants --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// A constant that stands for a tensor of its own shape.
ConstantView viewOf(ElementsAttr value) { return {value, value.getShapedType().getShape()}; }

template <typename To, typename From> To castOne(Type to, Type from, From value) {
  To result;
  castFunction(from, to)(reinterpret_cast<char *>(&result), reinterpret_cast<const char *>(&value));
  return result;
}

float halfToFloat(uint16_t bits) {
  static Ir ir;
  Builder b(&ir.context);
  return castOne<float>(b.getF32Type(), b.getF16Type(), bits);
}

uint16_t floatToHalf(float value) {
  static Ir ir;
  Builder b(&ir.context);
  return castOne<uint16_t>(b.getF16Type(), b.getF32Type(), value);
}

TEST(Half, EveryPatternComesBack) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    bool nan = (bits & 0x7c00) == 0x7c00 && (bits & 0x03ff);
    ASSERT_EQ(std::isnan(value), nan) << bits;
    if (!nan)
      ASSERT_EQ(floatToHalf(value), bits);
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(floatToHalf(1.0f), 0x3c00);
  EXPECT_EQ(floatToHalf(2048.0f), 0x6800);
  EXPECT_EQ(floatToHalf(2049.0f), 0x6800); // a tie, down to even
  EXPECT_EQ(floatToHalf(2051.0f), 0x6802); // a tie, up to even
  EXPECT_EQ(floatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00); // beyond the largest: infinity
  EXPECT_EQ(floatToHalf(1e-8f), 0);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToHalf(5.9604645e-8f), 1); // the smallest subnormal
}

/// What a builder was given is what a view reads, in every type of element, inline and as a
/// resource.
TEST(Constant, ComesBackInEveryType) {
  Ir ir;
  Builder b(&ir.context);
  auto integer = [&](unsigned width, bool isUnsigned) {
    return IntegerType::get(&ir.context, width,
                            isUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
  };
  for (int64_t count : {1, 3, 64, 65, 200}) {
    for (unsigned width : {8u, 16u, 32u, 64u})
      for (bool isUnsigned : {false, true}) {
        ConstantBuilder builder(RankedTensorType::get({count}, integer(width, isUnsigned)));
        // The last value is the type's smallest or largest.
        int64_t low = isUnsigned ? 0 : std::numeric_limits<int64_t>::min() >> (64 - width);
        int64_t high = static_cast<int64_t>((uint64_t{1} << (width - 1)) - 1);
        auto value = [&](int64_t i) {
          return i == count - 1 ? low : i == count - 2 ? high : i % 100;
        };
        for (int64_t i = 0; i < count; ++i)
          builder.setInteger(i, value(i));
        ConstantView view = viewOf(builder.finish());
        ASSERT_EQ(view.size(), count);
        ASSERT_EQ(view.elementSize(), width / 8);
        for (int64_t i = 0; i < count; ++i) {
          ASSERT_EQ(view.integer(i), value(i)) << width << (isUnsigned ? " unsigned" : "");
          ASSERT_EQ(view.isZero(i), value(i) == 0);
        }
      }
    for (Type type : {Type(b.getF16Type()), Type(b.getF32Type()), Type(b.getF64Type())}) {
      ConstantBuilder builder(RankedTensorType::get({count}, type));
      for (int64_t i = 0; i < count; ++i)
        builder.setReal(i, -1.5 * static_cast<double>(i));
      ConstantView view = viewOf(builder.finish());
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_EQ(view.real(i), -1.5 * static_cast<double>(i));
        ASSERT_EQ(view.isZero(i), i == 0);
      }
    }
    ConstantBuilder bits(RankedTensorType::get({count}, b.getI1Type()));
    for (int64_t i = 0; i < count; ++i)
      bits.setInteger(i, i % 3);
    ConstantView view = viewOf(bits.finish());
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(view.integer(i), i % 3 != 0);
  }
}

/// What cannot be held by a double, or not by the type, is folded as it is computed on a node.
TEST(Scalars, AreTheKernels) {
  Ir ir;
  Builder b(&ir.context);
  Type i64 = b.getI64Type(), u64 = b.getIntegerType(64, false), f32 = b.getF32Type();
  EXPECT_EQ(castOne<int32_t>(b.getI32Type(), f32, 1e10f), INT32_MAX);
  EXPECT_EQ(castOne<uint8_t>(b.getIntegerType(8, false), f32, 300.0f), 255);
  EXPECT_EQ(castOne<uint8_t>(b.getIntegerType(8, false), b.getI32Type(), int32_t{300}), 44);
  EXPECT_EQ(castOne<float>(f32, u64, UINT64_MAX), 0x1p64f);
  EXPECT_EQ(castOne<uint64_t>(u64, f32, -1.0f), 0u);
  auto unary = [&](UnaryKind kind, int64_t x) {
    int64_t y = 0;
    unaryFunction(kind, i64)(reinterpret_cast<char *>(&y), reinterpret_cast<char *>(&x), 0, 0);
    return y;
  };
  const int64_t wide = (int64_t{1} << 60) + 1;
  EXPECT_EQ(unary(UnaryKind::Neg, wide), -wide);
  EXPECT_EQ(unary(UnaryKind::Abs, -wide), wide);
  EXPECT_EQ(unary(UnaryKind::Relu, wide), wide);
  auto binary = [&](BinaryKind kind, uint64_t x, uint64_t y) {
    uint64_t result = 0;
    binaryFunction(kind, u64, u64)(reinterpret_cast<char *>(&result), reinterpret_cast<char *>(&x),
                                   reinterpret_cast<char *>(&y));
    return result;
  };
  const uint64_t large = (uint64_t{1} << 63) + 5;
  EXPECT_EQ(binary(BinaryKind::Div, large, 3), large / 3);
  EXPECT_EQ(binary(BinaryKind::Less, large, 1), 0u);
  EXPECT_EQ(binary(BinaryKind::Max, large, 1), large);
  EXPECT_EQ(binary(BinaryKind::Fmod, large, 10), large % 10);
  EXPECT_EQ(binary(BinaryKind::Div, large, 0), 0u);
  EXPECT_EQ(binary(BinaryKind::ShiftLeft, large, 4), 80u);
  EXPECT_EQ(binary(BinaryKind::ShiftRight, large, 60), 8u);
  EXPECT_EQ(binary(BinaryKind::ShiftRight, large, 64), 0u);
  EXPECT_FALSE(binaryFunction(BinaryKind::ShiftLeft, i64, i64)); // of unsigned integers
  EXPECT_FALSE(unaryFunction(UnaryKind::Sigmoid, i64));
  EXPECT_FALSE(binaryFunction(BinaryKind::And, f32, f32));
}

/// The border of a Pad is as wide as its integers.
TEST(Constant, NumbersFromAttributes) {
  Ir ir;
  Builder b(&ir.context);
  ConstantBuilder builder(RankedTensorType::get({2}, b.getI64Type()));
  builder.setAttribute(0, b.getI64IntegerAttr(INT64_MIN + 1));
  builder.setAttribute(1, b.getF64FloatAttr(-3.5));
  ConstantView view = viewOf(builder.finish());
  EXPECT_EQ(view.integer(0), INT64_MIN + 1);
  EXPECT_EQ(view.integer(1), -3);
}

TEST(Constant, Splats) {
  Ir ir;
  Builder b(&ir.context);
  ConstantView reals =
      viewOf(DenseElementsAttr::get(RankedTensorType::get({5}, b.getF32Type()), 2.5f));
  ConstantView trues =
      viewOf(DenseElementsAttr::get(RankedTensorType::get({5}, b.getI1Type()), true));
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(reals.real(i), 2.5);
    EXPECT_EQ(trues.integer(i), 1);
  }
}

TEST(Constant, NothingIsNotInvalid) {
  Ir ir;
  Builder b(&ir.context);
  ConstantView view =
      viewOf(DenseElementsAttr::get(RankedTensorType::get({0}, b.getF32Type()), ArrayRef<float>()));
  EXPECT_TRUE(view.isValid());
  EXPECT_EQ(view.size(), 0);
}

TEST(Constant, FileBytesAtAnyAlignment) {
  Ir ir;
  Builder b(&ir.context);
  alignas(8) char bytes[64] = {};
  float values[] = {1.0f, -0.0f, std::nanf(""), 4.0f};
  for (size_t shift : {0, 1, 2, 3}) {
    std::memcpy(bytes + shift, values, sizeof(values));
    ConstantView view = viewOf(makeExternalConstant(RankedTensorType::get({4}, b.getF32Type()),
                                                    {bytes + shift, sizeof(values)}));
    ASSERT_TRUE(view.isValid());
    EXPECT_EQ(view.bytes(0), bytes + shift); // a view, no copy
    EXPECT_EQ(view.real(3), 4.0);
    EXPECT_TRUE(view.isZero(1));  // -0.0 is zero
    EXPECT_FALSE(view.isZero(2)); // NaN is not
  }
}

TEST(Constant, TooFewBytesAreInvalid) {
  Ir ir;
  Builder b(&ir.context);
  char bytes[15] = {};
  EXPECT_FALSE(
      viewOf(makeExternalConstant(RankedTensorType::get({4}, b.getF32Type()), bytes)).isValid());
}

TEST(Constant, RealsBecomeIntegersTowardsZeroAndSaturate) {
  Ir ir;
  Builder b(&ir.context);
  ConstantBuilder builder(RankedTensorType::get({4}, b.getI64Type()));
  builder.setReal(0, -2.9);
  builder.setReal(1, 1e30);
  builder.setReal(2, -1e30);
  builder.setReal(3, std::nan(""));
  ConstantView view = viewOf(builder.finish());
  EXPECT_EQ(view.integer(0), -2);
  EXPECT_EQ(view.integer(1), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(view.integer(2), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(view.integer(3), 0);
}

} // namespace
