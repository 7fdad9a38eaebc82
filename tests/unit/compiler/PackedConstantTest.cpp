//===- PackedConstantTest.cpp - packed constants unpacked again -----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PackedConstant.h"
#include "Support.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

/// A constant of the numbers 1, 2, ... of a shape, with what is written behind its value.
std::string constantText(const std::vector<int64_t> &shape, const std::string &rest,
                         const std::vector<int64_t> &viewed) {
  std::string text = "dense<\"0x";
  for (int64_t i = 1; i <= product(shape); ++i) {
    char digits[16];
    snprintf(digits, sizeof digits, "%02X%02X0000", static_cast<unsigned>(i & 255),
             static_cast<unsigned>(i >> 8));
    text += digits;
  }
  return "%c = disco.constant " + text + "\"> : " + tensorText(shape, "i32") + " " + rest + " : " +
         tensorText(viewed, "i32") + "\n";
}

/// The bytes of a constant in its packing, piece by piece.
std::vector<int32_t> packed(ConstantOp op) {
  std::vector<char> bytes;
  forEachPackedPiece(
      op, [&](ArrayRef<char> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  std::vector<int32_t> numbers(bytes.size() / 4);
  memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

/// Packs a constant and holds it against where PhysicalLayout says that each element lies; what is
/// beside them is 0. `picked`: the indices of axis 0 that the view has.
void check(const std::vector<int64_t> &shape, const std::vector<int64_t> &picked,
           const std::string &text) {
  SCOPED_TRACE(text + " of " + tensorText(shape, "i32"));
  std::vector<int64_t> viewed(shape);
  std::string view;
  if (!picked.empty()) {
    viewed[0] = static_cast<int64_t>(picked.size());
    view = "view [#disco.local<axis 0 : " + join(picked) + ">] ";
  }
  Ir ir;
  OwningOpRef<ModuleOp> module =
      ir.parse("module {\nfunc.func @f() {\n" +
               constantText(shape, view + "packing(#disco.physical<" + text + ">)", viewed) +
               "return\n}\n}\n");
  ASSERT_TRUE(module);
  module->walk([&](ConstantOp op) {
    auto packing = cast<PhysicalAttr>(*op.getPacking());
    PhysicalLayout layout(viewed, op.getType().getElementType(), packing);
    std::vector<int32_t> have = packed(op);
    ASSERT_EQ(static_cast<int64_t>(have.size()) * 4, layout.getBytes());
    std::vector<int32_t> want(have.size(), 0);
    for (int64_t copy = 0; copy < packing.getCopies(); ++copy)
      for (int64_t i = 0; i < product(viewed); ++i) {
        std::vector<int64_t> index = digits(i, viewed), from = index;
        if (!picked.empty())
          from[0] = picked[static_cast<size_t>(index[0])];
        want[static_cast<size_t>(layout.offsetOf(index, copy))] =
            static_cast<int32_t>(linear(from, shape) + 1);
      }
    EXPECT_EQ(have, want);
  });
}

TEST(PackedConstant, LiesAsItsLayoutSays) {
  check({5, 7}, {}, "dims [0, 1]");
  check({5, 50}, {}, "dims [1 by 48, 0, 1]"); // columns in blocks: matmul_blocks
  check({50, 5}, {}, "dims [0 by 48, 1, 0]"); // of rows
  check({97, 3}, {0, 2, 5, 96}, "dims [0 by 2, 1, 0]");
  check({9, 3, 3, 3}, {}, "dims [0 by 4, 1, 2, 3, 0]"); // rows of weights by four
  check({6, 7, 1, 3}, {1, 3, 5}, "dims [0, 2, 3, 1 by 4, 1]");
  check({4, 6}, {}, "dims [0, 1] order 1 [5, 0, 3, 1, 2, 4]"); // another order of K
  check({6, 3}, {0, 2, 5}, "dims [0, 1] order 0 [2, 0, 1]");
  check({3, 5}, {}, "dims [0, 1] pitch [1 : 4] copies 2");
  check({3, 5}, {}, "dims [0, 1] borders [0 : 1 + 2, 1 : 2 + 0]");
  check({5}, {}, "dims [0 by 3, 0]");
}

/// Transformed weights of kernels whose taps are 1, 2, ..., from the 3rd row of 20 and two of three
/// columns on. What they are was computed with rational numbers and sqrt(2) as a symbol.
std::vector<float> transformed(int tile) {
  std::string text = "%c = disco.constant dense<\"0x";
  for (int i = 1; i <= 20 * 3 * 9; ++i) {
    const auto value = static_cast<float>(i);
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    char digits[16];
    snprintf(digits, sizeof digits, "%08X", llvm::byteswap(bits));
    text += digits;
  }
  text += "\"> : tensor<20x3x3x3xf32> view [#disco.local<axis 0 : 2 to 19>, #disco.local<axis 1 : "
          "0, 2>] packing(#disco.winograd<" +
          std::to_string(tile) + ">) : tensor<18x2x3x3xf32>\n";
  Ir ir;
  OwningOpRef<ModuleOp> module = ir.parse("module {\nfunc.func @f() {\n" + text + "return\n}\n}\n");
  std::vector<float> numbers;
  module->walk([&](ConstantOp op) {
    forEachPackedPiece(op, [&](ArrayRef<char> piece) {
      const size_t before = numbers.size();
      numbers.resize(before + piece.size() / 4);
      memcpy(numbers.data() + before, piece.data(), piece.size());
    });
    EXPECT_EQ(static_cast<int64_t>(numbers.size()) * 4, packedBytes(op));
  });
  return numbers;
}

/// Of every kernel, place by place, what exact arithmetic gives, rounded to a float: G g G^T, G as
/// rational numbers and multiples of sqrt(2).
float exactly(int tile, int64_t row, int64_t column, int64_t place) {
  // Each entry a + b sqrt(2), in 48ths.
  struct Surd {
    int64_t a, b;
  };
  static const Surd two[4][3] = {{{48, 0}, {}, {}},
                                 {{24, 0}, {24, 0}, {24, 0}},
                                 {{24, 0}, {-24, 0}, {24, 0}},
                                 {{}, {}, {48, 0}}};
  static const Surd four[6][3] = {
      {{48, 0}, {}, {}},         {{-32, 0}, {0, -16}, {-16, 0}}, {{-32, 0}, {0, 16}, {-16, 0}},
      {{8, 0}, {0, 8}, {16, 0}}, {{8, 0}, {0, -8}, {16, 0}},     {{}, {}, {48, 0}}};
  const int64_t across = tile + 2;
  const Surd *down = tile == 2 ? two[place / across] : four[place / across];
  const Surd *right = tile == 2 ? two[place % across] : four[place % across];
  Surd sum{0, 0};
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      const int64_t g = (row * 3 + column) * 9 + i * 3 + j + 1;
      sum.a += g * (down[i].a * right[j].a + 2 * down[i].b * right[j].b);
      sum.b += g * (down[i].a * right[j].b + down[i].b * right[j].a);
    }
  return static_cast<float>((static_cast<long double>(sum.a) +
                             static_cast<long double>(sum.b) * 1.41421356237309504880L) /
                            2304);
}

TEST(PackedConstant, TransformsWeightsTheSameEverywhere) {
  for (int tile : {2, 4}) {
    const int64_t places = (tile + 2) * (tile + 2);
    const std::vector<float> have = transformed(tile);
    ASSERT_EQ(static_cast<int64_t>(have.size()), 2 * places * 2 * 16);
    for (int64_t i = 0; i < static_cast<int64_t>(have.size()); ++i) {
      const int64_t row = i / (places * 2 * 16) * 16 + i % 16, column = i / 16 % 2 * 2,
                    place = i / 32 % places;
      const float want = row < 18 ? exactly(tile, row + 2, column, place) : 0;
      EXPECT_EQ(have[static_cast<size_t>(i)], want) << tile << ": " << i;
    }
  }
}

TEST(PackedConstant, OfNothingHasNoBytes) { check({0, 5}, {}, "dims [1 by 48, 0, 1]"); }

} // namespace
