//===- NpyTest.cpp - tests of .npy files and of half precision ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Npy.h"
#include "compiler/formats/Half.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Scratch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace discoc;

TEST(Npy, HeaderIsNumpysOwn) {
  const std::string header = npyHeader(ElementType::F32, {1, 10});
  EXPECT_EQ(header.size(), 128u);
  EXPECT_EQ(header.substr(10, 59), "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 10), ");
  EXPECT_NE(npyHeader(ElementType::U8, {7}).find("'|u1'"), std::string::npos);
  EXPECT_NE(npyHeader(ElementType::U8, {7}).find("(7,)"), std::string::npos);
  EXPECT_NE(npyHeader(ElementType::I64, {}).find("()"), std::string::npos);
}

TEST(Npy, ReadsWhatItWrites) {
  Scratch scratch;
  Diagnostics out;
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {3}, {2, 3}, {0, 5}}) {
    Array array;
    array.type = ElementType::I16;
    array.shape = shape;
    array.data.resize(static_cast<size_t>(array.count()) * 2, 1);
    ASSERT_TRUE(writeNpy(scratch.path() + "/a.npy", array, out));
    auto back = readNpy(scratch.path() + "/a.npy", out);
    ASSERT_TRUE(back) << toString(out);
    EXPECT_EQ(back->shape, shape);
    EXPECT_EQ(back->data, array.data);
    auto head = readNpyShape(scratch.path() + "/a.npy", out);
    ASSERT_TRUE(head) << toString(out);
    EXPECT_EQ(head->shape, shape);
  }
}

TEST(Npy, RefusesOtherFiles) {
  const std::string good = npyHeader(ElementType::F32, {2, 2}) + std::string(16, '\0');
  auto refused = [&](std::string bytes) {
    Diagnostics out;
    EXPECT_FALSE(parseNpy(bytes, "a.npy", out));
    EXPECT_EQ(out.size(), 1u);
    return toString(out);
  };
  auto replaced = [&](const std::string &from, const std::string &to) {
    std::string bytes = good;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  Diagnostics out;
  EXPECT_TRUE(parseNpy(good, "a.npy", out));
  for (size_t size = 0; size < good.size(); size += 5)
    refused(good.substr(0, size));
  EXPECT_NE(refused(good + "x").find("17 bytes of data"), std::string::npos);
  EXPECT_NE(refused(replaced("<f4", ">f4")).find("little-endian"), std::string::npos);
  EXPECT_NE(refused(replaced("False", "True ")).find("ascontiguousarray"), std::string::npos);
  refused(replaced("(2, 2)", "(9, 9)"));
  refused(replaced("(2, 2), }", "(999999999999999999, 999999999999999999), }"));
  refused(replaced("'shape'", "'share'"));
  refused(replaced("(2, 2)", "(-2,-2)"));
  refused(replaced("'fortran_order'", "'shape': (1,)"));
  EXPECT_NE(refused(replaced("'<f4'", "'|O'")).find("|O"), std::string::npos);
}

TEST(Npy, RefusesWhatIsLargeOnlyInItsHeader) {
  auto refused = [](const std::string &shape, const std::string &data) {
    Diagnostics out;
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n";
    const std::string size{static_cast<char>(header.size() & 255),
                           static_cast<char>(header.size() >> 8)};
    EXPECT_FALSE(parseNpy(std::string("\x93NUMPY\x01\x00", 8) + size + header + data, "a", out));
    return toString(out);
  };
  EXPECT_NE(refused("999999999999999999, 999999999999999999", "").find("fewer bytes"),
            std::string::npos);
  std::string ones;
  for (int i = 0; i < 40; ++i)
    ones += "1, ";
  EXPECT_NE(refused(ones, "0123").find("40 dimensions"), std::string::npos);
  Diagnostics out;
  const std::string head("\x93NUMPY\x02\x00\xff\xff\xff\x7f", 12);
  EXPECT_FALSE(parseNpy(head + std::string(100000, ' '), "a", out));
  EXPECT_NE(toString(out).find("header of 2147483647 bytes"), std::string::npos);
}

TEST(Npy, FilesThatAreNoneAreRefusedAtOnce) {
  Scratch scratch;
  const std::string fifo = scratch.path() + "/fifo.npy", holes = scratch.path() + "/holes.npy";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Diagnostics out;
  EXPECT_FALSE(readNpy(fifo, out));
  EXPECT_FALSE(readNpyShape(fifo, out));
  EXPECT_FALSE(readNpy("/dev/zero", out));
  // The header of a small array and a terabyte of holes: never read as a whole.
  Diagnostics written;
  ASSERT_TRUE(writeText(holes, npyHeader(ElementType::F32, {2, 2}), written));
  ASSERT_EQ(truncate(holes.c_str(), int64_t(1) << 40), 0);
  EXPECT_FALSE(readNpy(holes, out));
  EXPECT_NE(toString(out).find("bytes of data"), std::string::npos);
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(doubleToHalf(0), 0);
  EXPECT_EQ(doubleToHalf(-0.0), 0x8000);
  EXPECT_EQ(doubleToHalf(1), 0x3c00);
  EXPECT_EQ(doubleToHalf(-2), 0xc000);
  EXPECT_EQ(doubleToHalf(65504), 0x7bff);
  EXPECT_EQ(doubleToHalf(65519), 0x7bff);
  EXPECT_EQ(doubleToHalf(65520), 0x7c00);
  EXPECT_EQ(doubleToHalf(1 + std::ldexp(1, -11)), 0x3c00);
  EXPECT_EQ(doubleToHalf(1 + 3 * std::ldexp(1, -11)), 0x3c02);
  EXPECT_EQ(doubleToHalf(std::ldexp(1, -24)), 1);
  EXPECT_EQ(doubleToHalf(std::ldexp(1, -25)), 0);
  EXPECT_EQ(doubleToHalf(std::ldexp(1, -14)), 0x400);
  EXPECT_EQ(doubleToHalf(INFINITY), 0x7c00);
}

TEST(Half, EveryValueThereAndBack) {
  for (int bits = 0; bits < 65536; ++bits) {
    const double value = halfToDouble(static_cast<uint16_t>(bits));
    if (!std::isnan(value))
      ASSERT_EQ(doubleToHalf(value), bits) << value;
    else
      ASSERT_TRUE(std::isnan(halfToDouble(doubleToHalf(value))));
  }
}
