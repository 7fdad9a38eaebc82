//===- frames_test.cpp - CRC, headers, hellos -----------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <gtest/gtest.h>
#include <string.h>

namespace {

uint32_t slowCrc(const std::string &s, uint32_t polynomial) {
  uint32_t c = 0xffffffffu;
  for (char ch : s) {
    c ^= static_cast<uint8_t>(ch);
    for (int i = 0; i < 8; ++i)
      c = (c >> 1) ^ ((c & 1) ? polynomial : 0);
  }
  return ~c;
}

TEST(Crc, KnownValues) {
  EXPECT_EQ(disco_crc32(0, "123456789", 9), 0xcbf43926u);
  EXPECT_EQ(disco_crc32(0, "", 0), 0u);
  EXPECT_EQ(disco_crc32c(0, "123456789", 9), 0xe3069283u);
  EXPECT_EQ(disco_crc32c(0, "", 0), 0u);
}

void checkEverySizeAlignmentAndSplit(uint32_t (*crc)(uint32_t, const void *, size_t),
                                     uint32_t polynomial) {
  std::string s;
  for (int i = 0; i < 67; ++i)
    s += static_cast<char>(i * 37 + 11);
  for (size_t from = 0; from < 9; ++from)
    for (size_t size = 0; from + size <= s.size(); ++size) {
      const char *begin = s.data() + from;
      uint32_t whole = crc(0, begin, size);
      ASSERT_EQ(whole, slowCrc(s.substr(from, size), polynomial));
      for (size_t cut = 0; cut <= size; cut += 5)
        ASSERT_EQ(crc(crc(0, begin, cut), begin + cut, size - cut), whole);
    }
}

TEST(Crc, AnySizeAlignmentAndSplit) {
  checkEverySizeAlignmentAndSplit(disco_crc32, 0xedb88320u);
  checkEverySizeAlignmentAndSplit(disco_crc32c, 0x82f63b78u);
}

// Long ones are taken in several runs side by side, of 128 and of 1,024 bytes.
TEST(Crc, LongPayloads) {
  std::string s;
  for (uint32_t i = 0; i < 10000; ++i)
    s += static_cast<char>((i * 2654435761u) >> 24);
  for (size_t size : {383u, 384u, 385u, 768u, 1151u, 3071u, 3072u, 3073u, 3456u, 6144u, 9999u})
    for (size_t from : {0u, 1u}) {
      const char *begin = s.data() + from;
      EXPECT_EQ(disco_crc32c(0, begin, size), slowCrc(s.substr(from, size), 0x82f63b78u)) << size;
      EXPECT_EQ(disco_crc32c(disco_crc32c(0, begin, 77), begin + 77, size - 77),
                disco_crc32c(0, begin, size))
          << size;
    }
}

TEST(Frame, LayoutIsFixed) {
  disco_frame f = {
      DISCO_MAGIC, 2, DISCO_FRAME_DATA, 0x04030201, 0x08070605, 0x0c0b0a09, 0x0e0d, 0x0f, 16,
      3,           0, 0x14131211};
  uint8_t head[32];
  disco_frame_encode(head, &f, "abc");
  const uint8_t expected[24] = {0x5c, 0xd1, 2,  2,  1,  2,  3,  4,  5, 6, 7, 8,
                                9,    10,   11, 12, 13, 14, 15, 16, 3, 0, 0, 0};
  EXPECT_EQ(memcmp(head, expected, sizeof expected), 0);
  std::string covered(reinterpret_cast<char *>(head), 32);
  covered.replace(24, 4, 4, '\0');
  EXPECT_EQ(head[28], 0x11);
  disco_frame g;
  disco_frame_decode(&g, head);
  EXPECT_EQ(g.crc, slowCrc(covered + "abc", 0x82f63b78u));
  EXPECT_EQ(g.magic, DISCO_MAGIC);
  EXPECT_EQ(g.message, 0x0c0b0a09u);
  EXPECT_EQ(g.length, 3u);
  EXPECT_EQ(g.zero, 0x14131211u);
}

// Byte for byte what version 1 says, but for the version.
TEST(Frame, HelloIsThatOfVersionOne) {
  uint8_t hash[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  disco_frame f = disco_hello_frame(hash, 0x0d0c0b0a);
  uint8_t bytes[56] = {}, expected[24] = {0x5c, 0xd1, 2, 1, 1,   2,   3,   4,   10, 11, 12, 13,
                                          0,    0,    0, 0, 255, 255, 255, 255, 24, 0,  0,  0};
  memcpy(bytes + 32, hash, 16);
  bytes[48] = 5;
  bytes[50] = 9;
  disco_frame_encode(bytes, &f, bytes + 32);
  EXPECT_EQ(memcmp(bytes, expected, sizeof expected), 0);
  std::string covered(reinterpret_cast<char *>(bytes), 56);
  covered.replace(24, 4, 4, '\0');
  disco_frame_decode(&f, bytes);
  EXPECT_EQ(f.crc, slowCrc(covered, 0xedb88320u));
  EXPECT_EQ(f.zero, 0u);
}

// The nonce of the lower rank, that of the higher, the hash.
TEST(Frame, SessionIsWhatThePageSays) {
  uint8_t low[16], high[16], hash[16];
  for (uint8_t i = 0; i < 16; ++i) {
    low[i] = i;
    high[i] = static_cast<uint8_t>(100 + i);
    hash[i] = static_cast<uint8_t>(200 + i);
  }
  std::string all(reinterpret_cast<char *>(low), 16);
  all += std::string(reinterpret_cast<char *>(high), 16) +
         std::string(reinterpret_cast<char *>(hash), 16);
  EXPECT_EQ(disco_session_id(low, high, hash), slowCrc(all, 0x82f63b78u));
}

TEST(Frame, HelloTellsItsRankWhateverTheBuild) {
  auto rank = [](const std::string &s) {
    return disco_hello_rank(reinterpret_cast<const uint8_t *>(s.data()));
  };
  std::string h = hello(5, 9);
  ASSERT_EQ(h.size(), DISCO_HEADER_SIZE + DISCO_HELLO_SIZE);
  EXPECT_EQ(rank(h), 5);
  EXPECT_EQ(rank(changed(h, Build, 99)), 5);
  EXPECT_EQ(rank(changed(h, Epoch, 99)), 5);
  EXPECT_EQ(rank(changed(h, Version, 99)), 5);
  EXPECT_EQ(rank(changed(h, Magic, 99)), DISCO_ERR_MAGIC);
  EXPECT_EQ(rank(changed(h, Type, DISCO_FRAME_DATA)), DISCO_ERR_TYPE);
  EXPECT_EQ(rank(changed(h, Length, 1)), DISCO_ERR_LENGTH);
  for (size_t i = 0; i < h.size(); ++i) {
    std::string damaged = h;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_LT(rank(damaged), 0) << i;
  }
}

TEST(Errors, EveryCodeHasItsOwnText) {
  std::vector<std::string> seen;
  for (int code = 0; code >= DISCO_ERR_LIMIT; --code) {
    std::string text = disco_error_text(code);
    EXPECT_FALSE(text.empty());
    EXPECT_NE(text, disco_error_text(-1000)) << code;
    for (const std::string &s : seen)
      EXPECT_NE(s, text);
    seen.push_back(text);
  }
}

} // namespace
