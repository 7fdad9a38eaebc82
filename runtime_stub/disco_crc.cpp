//===- disco_crc.cpp - CRC-32 and CRC-32C ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// CRC-32 (IEEE 802.3) has the reflected polynomial 0xedb88320, CRC-32C (Castagnoli) 0x82f63b78.
// Processors have instructions for the second; elsewhere both use tables.

#include "disco_impl.h"

#include <string.h>

// 64-bit hosts have room for 8 KB of tables for each polynomial; boards take 64 bytes.
#ifndef DISCO_CRC_FAST
#if UINTPTR_MAX > 0xffffffffu
#define DISCO_CRC_FAST 1
#else
#define DISCO_CRC_FAST 0
#endif
#endif

#if defined(__x86_64__) && DISCO_CRC_FAST
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

using namespace disco_impl;

namespace {

constexpr uint32_t ieee = 0xedb88320u, castagnoli = 0x82f63b78u;

constexpr uint32_t after_bits(uint32_t polynomial, uint32_t c, int bits) {
  for (int bit = 0; bit < bits; ++bit)
    c = (c >> 1) ^ ((c & 1) ? polynomial : 0);
  return c;
}

#if DISCO_CRC_FAST

struct crc_tables {
  uint32_t at[8][256];
};

constexpr crc_tables make_tables(uint32_t polynomial) {
  crc_tables t{};
  for (uint32_t i = 0; i < 256; ++i)
    t.at[0][i] = after_bits(polynomial, i, 8);
  for (uint32_t i = 0; i < 256; ++i)
    for (int k = 1; k < 8; ++k)
      t.at[k][i] = (t.at[k - 1][i] >> 8) ^ t.at[0][t.at[k - 1][i] & 255];
  return t;
}

// Eight bytes a step, each through a table of its own: M. E. Kounavis, F. L. Berry, "A systematic
// approach to building high performance software-based CRC generators", ISCC 2005.
uint32_t by_tables(const crc_tables &t, uint32_t c, const uint8_t *p, size_t size) {
  for (; size >= 8; size -= 8, p += 8) {
    uint32_t a = c ^ load32(p), b = load32(p + 4);
    c = t.at[7][a & 255] ^ t.at[6][a >> 8 & 255] ^ t.at[5][a >> 16 & 255] ^ t.at[4][a >> 24] ^
        t.at[3][b & 255] ^ t.at[2][b >> 8 & 255] ^ t.at[1][b >> 16 & 255] ^ t.at[0][b >> 24];
  }
  for (; size > 0; --size, ++p)
    c = (c >> 8) ^ t.at[0][(c ^ *p) & 255];
  return c;
}

#else

struct crc_tables {
  uint32_t at[16];
};

constexpr crc_tables make_tables(uint32_t polynomial) {
  crc_tables t{};
  for (uint32_t i = 0; i < 16; ++i)
    t.at[i] = after_bits(polynomial, i, 4);
  return t;
}

uint32_t by_tables(const crc_tables &t, uint32_t c, const uint8_t *p, size_t size) {
  for (; size > 0; --size, ++p) {
    c = (c >> 4) ^ t.at[(c ^ *p) & 15];
    c = (c >> 4) ^ t.at[(c ^ (*p >> 4u)) & 15];
  }
  return c;
}

#endif

constexpr crc_tables ieee_tables = make_tables(ieee);

} // namespace

uint32_t DISCO_RUNTIME::disco_crc32(uint32_t crc, const void *data, size_t size) {
  return ~by_tables(ieee_tables, ~crc, static_cast<const uint8_t *>(data), size);
}

#if defined(__ARM_FEATURE_CRC32)

uint32_t DISCO_RUNTIME::disco_crc32c(uint32_t crc, const void *data, size_t size) {
  const uint8_t *p = static_cast<const uint8_t *>(data);
  uint32_t c = ~crc;
  for (; size >= 4; size -= 4, p += 4)
    c = __crc32cw(c, load32(p));
  for (; size > 0; --size, ++p)
    c = __crc32cb(c, *p);
  return ~c;
}

#else

namespace {

constexpr crc_tables castagnoli_tables = make_tables(castagnoli);

#if defined(__x86_64__) && DISCO_CRC_FAST
[[gnu::target("sse4.2")]] uint32_t by_instructions(uint32_t c, const uint8_t *p, size_t size) {
  uint64_t wide = c;
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  c = static_cast<uint32_t>(wide);
  for (; size > 0; --size, ++p)
    c = _mm_crc32_u8(c, *p);
  return c;
}
#endif

} // namespace

uint32_t DISCO_RUNTIME::disco_crc32c(uint32_t crc, const void *data, size_t size) {
  const uint8_t *p = static_cast<const uint8_t *>(data);
#if defined(__x86_64__) && DISCO_CRC_FAST
  // A program may have been compiled for less than the processor that runs it has.
  if (__builtin_cpu_supports("sse4.2"))
    return ~by_instructions(~crc, p, size);
#endif
  return ~by_tables(castagnoli_tables, ~crc, p, size);
}

#endif

bool disco_weights_match(const disco_program *program) {
  return disco_crc32c(0, program->weights, program->weight_bytes) == program->weights_crc;
}
