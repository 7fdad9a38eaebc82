//===- PackedConstantTest.cpp - packed constants unpacked again -----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PackedConstant.h"
#include "Support.h"
#include "compiler/dialect/PhysicalLayout.h"

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
           const std::string &packing) {
  SCOPED_TRACE(packing + " of " + tensorText(shape, "i32"));
  std::vector<int64_t> viewed(shape);
  std::string view;
  if (!picked.empty()) {
    viewed[0] = static_cast<int64_t>(picked.size());
    view = "view [#disco.local<axis 0 : " + join(picked) + ">] ";
  }
  Ir ir;
  OwningOpRef<ModuleOp> module =
      ir.parse("module {\nfunc.func @f() {\n" +
               constantText(shape, view + "packing <" + packing + ">", viewed) + "return\n}\n}\n");
  ASSERT_TRUE(module);
  module->walk([&](ConstantOp op) {
    PhysicalLayout layout(viewed, op.getType().getElementType(), *op.getPacking());
    std::vector<int32_t> have = packed(op);
    ASSERT_EQ(static_cast<int64_t>(have.size()) * 4, layout.getBytes());
    std::vector<int32_t> want(have.size(), 0);
    for (int64_t copy = 0; copy < op.getPacking()->getCopies(); ++copy)
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

TEST(PackedConstant, OfNothingHasNoBytes) { check({0, 5}, {}, "dims [1 by 48, 0, 1]"); }

} // namespace
