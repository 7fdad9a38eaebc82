//===- move_test.cpp - kernels that only move elements --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "kernel_test.h"
#include "move.h"

using namespace disco;
using namespace kernel_test;

namespace {

template <class T> buffer<T> counted(int64_t count) {
  buffer<T> b((size_t)count);
  for (int64_t i = 0; i < count; ++i)
    b[(size_t)i] = (T)i;
  return b;
}
using Ints = std::vector<int32_t>;

template <class P> void checkRearrange(int64_t elements) {
  const auto x = counted<int32_t>(elements);
  int64_t count = 1;
  for (int d = 0; d < P::rank; ++d)
    count *= P::shape[d];
  Ints want, y((size_t)count);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = P::offset;
    for (int d = P::rank - 1; d >= 0; rest /= P::shape[d], --d)
      at += rest % P::shape[d] * P::x_strides[d];
    want.push_back(x[(size_t)at]);
  }
  rearrange<P>(y.data(), x.data());
  EXPECT_EQ(y, want);
}

struct View {
  using x_t = int32_t;
  static constexpr int64_t offset = 0;
};
struct Transposed : View {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {7, 5}, x_strides[] = {1, 7};
};
struct InnerKept : View {
  static constexpr int rank = 4;
  static constexpr int64_t shape[] = {2, 4, 3, 5}, x_strides[] = {60, 5, 20, 1};
};
struct Shuffle : View { // 6 channels in 2 groups
  static constexpr int rank = 3;
  static constexpr int64_t shape[] = {3, 2, 10}, x_strides[] = {10, 30, 1};
};
struct Deep : View {
  static constexpr int rank = 8;
  static constexpr int64_t shape[] = {2, 1, 2, 3, 2, 2, 1, 3},
                           x_strides[] = {1, 0, 2, 4, 12, 24, 5, 48};
};
struct Backwards : View {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {3, 4}, x_strides[] = {-4, -1}, offset = 11;
};
struct Repeated : View {
  static constexpr int rank = 3;
  static constexpr int64_t shape[] = {3, 2, 4}, x_strides[] = {0, 4, 1};
};
struct Whole : View {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {3, 4}, x_strides[] = {4, 1};
};
struct Empty : View {
  static constexpr int rank = 2;
  static constexpr int64_t shape[] = {3, 0}, x_strides[] = {0, 1};
};

TEST(Rearrange, Views) {
  checkRearrange<Transposed>(35);
  checkRearrange<InnerKept>(120);
  checkRearrange<Shuffle>(60);
  checkRearrange<Deep>(144);
  checkRearrange<Backwards>(12);
  checkRearrange<Repeated>(8);
  checkRearrange<Whole>(12);
  checkRearrange<Empty>(1);
}

struct SliceCase {
  using x_t = uint8_t;
  static constexpr int rank = 3;
  static constexpr int64_t x_shape[] = {4, 5, 6}, shape[] = {2, 3, 2}, starts[] = {1, 4, 0},
                           steps[] = {1, -2, 3};
};

TEST(Slice, StepsOfAnySign) {
  const auto x = counted<uint8_t>(120);
  buffer<uint8_t> y(12), want;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 2; ++k)
        want.push_back(x[((1 + (size_t)i) * 5 + 4 - 2 * (size_t)j) * 6 + 3 * (size_t)k]);
  slice<SliceCase>(y.data(), x.data());
  EXPECT_EQ(y, want);
}

struct TileCase {
  using x_t = int32_t;
  static constexpr int rank = 3;
  static constexpr int64_t x_shape[] = {2, 3, 2}, repeats[] = {2, 1, 3};
};
struct TileOuter {
  using x_t = int32_t;
  static constexpr int rank = 2;
  static constexpr int64_t x_shape[] = {2, 3}, repeats[] = {1, 1};
};

TEST(Tile, Repeats) {
  const auto x = counted<int32_t>(12);
  Ints y(72), want;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 6; ++k)
        want.push_back(x[((size_t)i % 2 * 3 + (size_t)j) * 2 + (size_t)k % 2]);
  tile<TileCase>(y.data(), x.data());
  EXPECT_EQ(y, want);
  Ints same(6);
  tile<TileOuter>(same.data(), x.data());
  EXPECT_EQ(same, Ints(x.begin(), x.begin() + 6));
}

struct ExpandCase {
  using x_t = int32_t;
  static constexpr int rank = 3;
  static constexpr int64_t shape[] = {2, 3, 4}, x_strides[] = {0, 1, 0};
};

TEST(Expand, Broadcasts) {
  const Ints x = {5, 6, 7};
  Ints y(24);
  expand<ExpandCase>(y.data(), x.data());
  for (size_t i = 0; i < 24; ++i)
    EXPECT_EQ(y[i], x[i / 4 % 3]);
}

constexpr int32_t list[] = {4, 0, 0, 3};
struct SelectCase {
  using x_t = int32_t;
  static constexpr int64_t outer = 2, x_extent = 5, y_extent = 5, extent = 4, inner = 3;
  static constexpr int64_t index(int64_t i) { return list[i]; }
};
constexpr int32_t placeList[] = {4, 0, 2, 3};
struct PlaceCase : SelectCase {
  static constexpr int64_t index(int64_t i) { return placeList[i]; }
};

TEST(Select, ListsAndTheirInverse) {
  const auto x = counted<int32_t>(30);
  Ints y(24), packed(24);
  select<SelectCase>(y.data(), x.data());
  pack<SelectCase>(packed.data(), x.data());
  for (int o = 0; o < 2; ++o)
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 3; ++k)
        EXPECT_EQ(y[(size_t)((o * 4 + i) * 3 + k)], (o * 5 + list[i]) * 3 + k);
  EXPECT_EQ(packed, y);
  Ints back(30, -1);
  select<PlaceCase>(y.data(), x.data());
  place<PlaceCase>(back.data(), y.data());
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(back[(size_t)i], i / 3 % 5 == 1 ? -1 : i);
}

struct AssembleCase {
  using x_t = f16;
  static constexpr int64_t outer = 2, extent = 4, inner = 2;
  static constexpr int64_t source_extents[] = {3, 2};
  static constexpr int64_t source(int64_t i) { return i % 2; }
  static constexpr int64_t channel(int64_t i) { return i == 2 ? 2 : i / 2; }
};

TEST(Assemble, ManySources) {
  buffer<f16> a(12), b(8), y(16);
  for (size_t i = 0; i < 12; ++i)
    a[i].bits = (uint16_t)i;
  for (size_t i = 0; i < 8; ++i)
    b[i].bits = (uint16_t)(100 + i);
  const f16 *sources[] = {a.data(), b.data()};
  assemble<AssembleCase>(y.data(), sources);
  const int want[] = {0, 1, 100, 101, 4, 5, 102, 103, 6, 7, 104, 105, 10, 11, 106, 107};
  for (size_t i = 0; i < 16; ++i)
    EXPECT_EQ(y[i].bits, want[i]);
}

struct ConcatCase {
  using x_t = int32_t;
  static constexpr int64_t outer = 2, inner = 2, count = 3;
  static constexpr int64_t extents[] = {1, 0, 2};
};

TEST(Concat, Axis) {
  const Ints a = {1, 2, 3, 4}, b, c = {10, 11, 12, 13, 14, 15, 16, 17};
  const int32_t *sources[] = {a.data(), b.data(), c.data()};
  Ints y(12);
  concat<ConcatCase>(y.data(), sources);
  EXPECT_EQ(y, (Ints{1, 2, 10, 11, 12, 13, 3, 4, 14, 15, 16, 17}));
}

struct GatherCase {
  using x_t = int32_t;
  using index_t = int64_t;
  static constexpr int64_t batch = 1, outer = 2, extent = 3, count = 4, inner = 2;
};

TEST(Gather, NegativeAndHostileIndices) {
  const auto x = counted<int32_t>(12);
  const int64_t indices[] = {2, -3, 1000, INT64_MIN};
  Ints y(16);
  gather<GatherCase>(y.data(), x.data(), indices);
  EXPECT_EQ(y, (Ints{4, 5, 0, 1, 4, 5, 0, 1, 10, 11, 6, 7, 10, 11, 6, 7}));
}

struct BatchedGather : GatherCase {
  static constexpr int64_t batch = 2, outer = 1, count = 2, inner = 2;
};

TEST(Gather, EveryBatchHasItsIndices) {
  const auto x = counted<int32_t>(12);
  const int64_t indices[] = {2, 0, 1, -1};
  Ints y(8);
  gather<BatchedGather>(y.data(), x.data(), indices);
  EXPECT_EQ(y, (Ints{4, 5, 0, 1, 8, 9, 10, 11}));
}

template <pad_mode M, int B, int E> struct Pad1 {
  using x_t = int32_t;
  static constexpr int rank = 1;
  static constexpr int64_t x_shape[] = {4}, shape[] = {4 + B + E}, begins[] = {B};
  static constexpr pad_mode mode = M;
};
template <class P> Ints padded() {
  const Ints x = {1, 2, 3, 4};
  Ints y((size_t)P::shape[0]);
  pad<P>(y.data(), x.data(), 9);
  return y;
}

TEST(Pad, Modes) {
  EXPECT_EQ((padded<Pad1<pad_mode::constant, 2, 1>>()), (Ints{9, 9, 1, 2, 3, 4, 9}));
  EXPECT_EQ((padded<Pad1<pad_mode::constant, -1, 1>>()), (Ints{2, 3, 4, 9}));
  EXPECT_EQ((padded<Pad1<pad_mode::constant, 1, -2>>()), (Ints{9, 1, 2}));
  EXPECT_EQ((padded<Pad1<pad_mode::edge, 2, 2>>()), (Ints{1, 1, 1, 2, 3, 4, 4, 4}));
  EXPECT_EQ((padded<Pad1<pad_mode::reflect, 3, 3>>()), (Ints{4, 3, 2, 1, 2, 3, 4, 3, 2, 1}));
  EXPECT_EQ((padded<Pad1<pad_mode::reflect, 0, 6>>()), (Ints{1, 2, 3, 4, 3, 2, 1, 2, 3, 4}));
  EXPECT_EQ((padded<Pad1<pad_mode::wrap, 2, 3>>()), (Ints{3, 4, 1, 2, 3, 4, 1, 2, 3}));
}

struct Pad3 {
  using x_t = float;
  static constexpr int rank = 3;
  static constexpr int64_t x_shape[] = {2, 3, 2}, shape[] = {2, 5, 3}, begins[] = {0, 1, -1};
  static constexpr pad_mode mode = pad_mode::constant;
};

TEST(Pad, DimensionsTogether) {
  const auto x = counted<float>(12);
  buffer<float> y(30);
  pad<Pad3>(y.data(), x.data(), -1.0f);
  for (int i = 0; i < 30; ++i) {
    const int k = i % 3 + 1, j = i / 3 % 5 - 1, o = i / 15;
    EXPECT_EQ(y[(size_t)i], k < 2 && j >= 0 && j < 3 ? (float)((o * 3 + j) * 2 + k) : -1.0f);
  }
}

} // namespace
