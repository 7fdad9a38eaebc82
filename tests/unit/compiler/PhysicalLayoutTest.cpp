//===- PhysicalLayoutTest.cpp - where a tensor's elements lie -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "Support.h"
#include "mlir/AsmParser/AsmParser.h"
#include <set>

using namespace mlir;
using namespace disco;
using namespace disco::test;

namespace {

using Ints = std::vector<int64_t>;

struct Case {
  const char *text;
  Ints shape;
};

/// Every clause alone and some together; extents that blocks do not divide, and extents of 1 and 0.
const Case cases[] = {
    {"dims [0, 1, 2, 3]", {2, 5, 3, 4}},
    {"dims [0, 2, 3, 1]", {2, 5, 3, 4}},
    {"dims [0, 1 by 4, 2, 3, 1]", {1, 10, 3, 2}},
    {"dims [0, 1 by 8, 2, 3, 1] borders [2 : 1 + 1, 3 : 2 + 0]", {1, 8, 3, 2}},
    {"dims [0, 1 by 8, 2, 3 by 4, 1 by 2, 3, 1] pitch [3 : 3]", {2, 11, 2, 7}},
    {"dims [0, 1, 2, 3] pitch [2 : 4, 3 : 8]", {2, 3, 3, 5}},
    {"dims [0, 2, 3, 1] order 1 [3, 0, 2, 1] copies 3", {1, 4, 2, 2}},
    {"dims [0, 1 by 2, 2, 1] borders [1 : 1 + 2] order 1 [2, 1, 0, 4, 3]", {2, 5, 3}},
    {"dims [0, 1 by 4, 1]", {1, 4}},
    {"dims [1, 0]", {1, 7}},
    {"dims [0, 1 by 4, 2, 1]", {3, 0, 2}},
    {"dims []", {}},
};

struct Physical : Ir {
  PhysicalAttr parse(const std::string &text) {
    Attribute attr = parseAttribute("#disco.physical<" + text + ">", &context);
    EXPECT_TRUE(attr) << text;
    return dyn_cast_or_null<PhysicalAttr>(attr);
  }
  PhysicalLayout layout(const Case &one) {
    return PhysicalLayout(one.shape, Float32Type::get(&context), parse(one.text));
  }
  std::string said; // the last diagnostic
  bool fits(const std::string &text, const Ints &shape) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      said = diagnostic.str();
      return success();
    });
    return succeeded(verifyPhysical(parse(text), shape,
                                    [&] { return mlir::emitError(UnknownLoc::get(&context)); }));
  }
};

Ints all(int64_t extent) {
  Ints list;
  for (int64_t i = 0; i < extent; ++i)
    list.push_back(i);
  return list;
}

TEST(PhysicalLayout, NoTwoElementsShareAPlace) {
  Physical ir;
  for (const Case &one : cases) {
    PhysicalLayout layout = ir.layout(one);
    std::set<int64_t> taken;
    for (int64_t i = 0; i < product(one.shape); ++i) {
      int64_t at = layout.offsetOf(digits(i, one.shape));
      EXPECT_TRUE(at >= 0 && at < layout.getElements() && taken.insert(at).second) << one.text;
    }
  }
}

TEST(PhysicalLayout, SaysWhatTheAttributeSays) {
  Physical ir;
  auto at = [&](const char *text, const Ints &shape, const Ints &index) {
    return ir.layout({text, shape}).offsetOf(index);
  };
  EXPECT_EQ(at("dims [0, 2, 3, 1]", {2, 5, 3, 4}, {1, 4, 2, 3}), ((1 * 3 + 2) * 4 + 3) * 5 + 4);
  EXPECT_EQ(at("dims [0, 1 by 4, 2, 3, 1]", {1, 10, 3, 2}, {0, 9, 2, 1}),
            ((9 / 4 * 3 + 2) * 2 + 1) * 4 + 9 % 4);
  EXPECT_EQ(at("dims [0, 1, 2, 3] borders [2 : 1 + 1, 3 : 2 + 0]", {1, 2, 3, 2}, {0, 1, 2, 1}),
            (1 * 5 + 1 + 2) * 4 + 2 + 1);
  EXPECT_EQ(at("dims [0, 1, 2] pitch [2 : 8]", {1, 3, 5}, {0, 2, 4}), 2 * 8 + 4);
  EXPECT_EQ(at("dims [0, 1] order 1 [2, 0, 1]", {1, 3}, {0, 2}), 0);
  EXPECT_EQ(ir.layout({"dims [0, 1 by 8, 2, 1]", {1, 9, 3}}).getBytes(), 2 * 3 * 8 * 4);
  EXPECT_EQ(ir.layout({"dims [0, 1] copies 3", {2, 5}}).getBytes(), 3 * 10 * 4);
  EXPECT_EQ(ir.layout({"dims [0, 1] copies 3", {2, 5}}).offsetOf({1, 1}, 2), 2 * 10 + 6);
  EXPECT_EQ(ir.layout({"dims [0, 1 by 4, 2, 1]", {1, 9, 3}}).getAlignment(), 16);
  EXPECT_EQ(ir.layout({"dims [0, 1 by 2, 2, 1]", {1, 9, 3}}).getAlignment(), 8);
  EXPECT_EQ(ir.layout({"dims [0, 2, 1]", {1, 8, 3}}).getAlignment(), 4);
}

TEST(PhysicalLayout, UnpackIsTheInverseOfPack) {
  Physical ir;
  for (const Case &one : cases) {
    PhysicalLayout layout = ir.layout(one);
    const int64_t copies = layout.getBytes() / std::max<int64_t>(layout.getElements() * 4, 1);
    std::vector<float> data(static_cast<size_t>(product(one.shape))), back(data.size());
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<float>(i + 1);
    std::vector<float> buffer(static_cast<size_t>(layout.getBytes() / 4), -1.0F);
    const int64_t copy = std::max<int64_t>(copies - 1, 0);
    layout.pack(reinterpret_cast<const char *>(data.data()),
                reinterpret_cast<char *>(buffer.data()), copy);
    for (int64_t i = 0; i < product(one.shape); ++i)
      EXPECT_EQ(buffer[static_cast<size_t>(layout.offsetOf(digits(i, one.shape), copy))],
                data[static_cast<size_t>(i)]);
    EXPECT_EQ(llvm::count(buffer, -1.0F), static_cast<int64_t>(buffer.size() - data.size()))
        << one.text << ": unused elements are left alone";
    layout.unpack(reinterpret_cast<const char *>(buffer.data()),
                  reinterpret_cast<char *>(back.data()), copy);
    EXPECT_EQ(data, back) << one.text;
  }
}

/// The offsets of a piece's elements in the wire's order, one by one.
Ints offsetsOfPiece(const PhysicalLayout &layout, int64_t axis, const Ints &indices) {
  Ints shape(layout.getShape().begin(), layout.getShape().end()), offsets;
  if (axis >= 0)
    shape[static_cast<size_t>(axis)] = static_cast<int64_t>(indices.size());
  for (int64_t i = 0; i < product(shape); ++i) {
    Ints index = digits(i, shape);
    if (axis >= 0)
      index[static_cast<size_t>(axis)] =
          indices[static_cast<size_t>(index[static_cast<size_t>(axis)])];
    offsets.push_back(layout.offsetOf(index));
  }
  return offsets;
}

void checkPiece(const PhysicalLayout &layout, int64_t axis, const Ints &indices,
                const std::string &what) {
  Ints offsets = offsetsOfPiece(layout, axis, indices);
  if (offsets.empty())
    return;
  bool contiguous = true;
  for (size_t i = 0; i < offsets.size(); ++i)
    contiguous &= offsets[i] == offsets[0] + static_cast<int64_t>(i);
  std::optional<ByteRun> run = layout.findRun(axis, indices);
  ASSERT_EQ(run.has_value(), contiguous) << what;
  if (run) {
    EXPECT_EQ(run->offset, offsets[0] * 4) << what;
    EXPECT_EQ(run->bytes, static_cast<int64_t>(offsets.size()) * 4) << what;
  }
  std::optional<StridedLoops> loops = layout.findLoops(axis, indices);
  if (!loops)
    return;
  Ints shape(loops->shape.begin(), loops->shape.end()), walked;
  for (int64_t i = 0; i < product(shape); ++i) {
    int64_t at = loops->offset;
    for (auto [digit, stride] : llvm::zip(digits(i, shape), loops->strides))
      at += digit * stride;
    walked.push_back(at);
  }
  EXPECT_EQ(walked, offsets) << what;
}

TEST(PhysicalLayout, RunsAndLoopsOfRandomPieces) {
  Physical ir;
  Random random(7);
  for (const Case &one : cases) {
    PhysicalLayout layout = ir.layout(one);
    checkPiece(layout, -1, {}, one.text);
    for (uint64_t round = rounds(20); round > 0 && !one.shape.empty(); --round) {
      const int64_t axis = random.between(0, static_cast<int64_t>(one.shape.size()) - 1);
      Ints indices;
      const bool range = random.chance(50);
      const int64_t extent = one.shape[static_cast<size_t>(axis)], low = random.between(0, extent),
                    high = random.between(low, extent);
      for (int64_t i : all(extent))
        if (range ? i >= low && i < high : random.chance(60))
          indices.push_back(i);
      checkPiece(layout, axis, indices, std::string(one.text) + ", axis " + std::to_string(axis));
    }
  }
}

TEST(PhysicalLayout, RunsThatAreThereAreFound) {
  Physical ir;
  // By rows a range of channels is a run; scattered ones and channels last are none, but in loops.
  PhysicalLayout rows = ir.layout({"dims [0, 1, 2, 3]", {1, 8, 2, 3}});
  ASSERT_TRUE(rows.findRun(1, {2, 3, 4}));
  EXPECT_EQ(rows.findRun(1, {2, 3, 4})->offset, 2 * 6 * 4);
  EXPECT_FALSE(rows.findRun(1, {2, 4}));
  PhysicalLayout last = ir.layout({"dims [0, 2, 3, 1]", {1, 8, 2, 3}});
  EXPECT_FALSE(last.findRun(1, {2, 3}));
  EXPECT_TRUE(last.findLoops(1, {2, 4, 6}));
  // Whole blocks of one channel's extent are loops; part of a block beside a whole one is not.
  PhysicalLayout blocks = ir.layout({"dims [0, 1 by 4, 2, 3, 1]", {1, 10, 2, 3}});
  EXPECT_TRUE(blocks.findLoops(1, {0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_FALSE(blocks.findLoops(-1, {}));
  // Own channels that do not rise: a range of them can still be a run.
  PhysicalLayout order = ir.layout({"dims [0, 1, 2, 3] order 1 [3, 0, 1, 2]", {1, 4, 2, 3}});
  EXPECT_TRUE(order.findRun(1, {0, 1, 2}));
  EXPECT_FALSE(order.findRun(-1, {}));
}

TEST(PhysicalLayout, ByRowsWhateverTheAttributeSays) {
  Physical ir;
  EXPECT_TRUE(ir.layout({"dims [0, 1, 2, 3]", {2, 3, 4, 5}}).isRowMajor());
  EXPECT_TRUE(ir.layout({"dims [0, 2, 3, 1]", {2, 3, 1, 1}}).isRowMajor());
  EXPECT_TRUE(ir.layout({"dims [0, 1 by 4, 2, 3, 1]", {2, 8, 1, 1}}).isRowMajor());
  EXPECT_FALSE(ir.layout({"dims [0, 1 by 4, 2, 3, 1]", {2, 9, 1, 1}}).isRowMajor());
  EXPECT_FALSE(ir.layout({"dims [0, 1] borders [1 : 0 + 1]", {1, 4}}).isRowMajor());
  EXPECT_FALSE(ir.layout({"dims [0, 1] pitch [1 : 8]", {1, 4}}).isRowMajor());
  EXPECT_FALSE(ir.layout({"dims [0, 1] copies 2", {1, 4}}).isRowMajor());
  EXPECT_TRUE(ir.layout({"dims [0, 1] order 1 [0, 1]", {1, 2}}).isRowMajor());
}

TEST(PhysicalLayout, BytesOfATypeAreThoseInMemory) {
  Physical ir;
  auto type = [&](const std::string &lies) {
    return cast<RankedTensorType>(parseType(
        "tensor<1x5x2x2xf32, #disco.local<axis 1 : 0 to 3, 7" + lies + ">>", &ir.context));
  };
  EXPECT_EQ(byteSize(type("")), 80);
  RankedTensorType blocks = type(" lies #disco.physical<dims [0, 1 by 4, 2, 3, 1]>");
  EXPECT_EQ(byteSize(blocks), 128);
  EXPECT_EQ(wireBytes(blocks), 80);
  EXPECT_EQ(channelBytes(blocks, 1), 16);
  EXPECT_FALSE(lieAlike(blocks, type("")));
  EXPECT_TRUE(lieAlike(type(""), type(" lies #disco.physical<dims [0, 1, 2, 3]>")));
}

TEST(PhysicalLayout, WhatDoesNotFitATensorIsRefused) {
  Physical ir;
  EXPECT_TRUE(ir.fits("dims [0, 1 by 8, 1]", {2, 9}));
  EXPECT_FALSE(ir.fits("dims [0]", {2, 9}));
  EXPECT_EQ(ir.said, "axis 1 of the tensor has no dimension in memory");
  EXPECT_FALSE(ir.fits("dims [0, 1, 2]", {2, 9}));
  EXPECT_FALSE(ir.fits("dims [0, 1] order 1 [1, 0]", {2, 9}));
  EXPECT_FALSE(ir.fits("dims [0, 1] pitch [0 : 1048576, 1 : 1048577]", {2, 9}));
}

} // namespace
