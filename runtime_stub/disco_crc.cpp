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
#define DISCO_CRC_X86 1
#include <nmmintrin.h>
#include <wmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#define DISCO_CRC_ARM 1
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

//===----------------------------------------------------------------------===//
// By the processor's instructions
//===----------------------------------------------------------------------===//

#if DISCO_CRC_X86 || DISCO_CRC_ARM

namespace {

#if DISCO_CRC_X86

#define DISCO_CRC_TARGET [[gnu::target("sse4.2,pclmul")]]

// A program may have been compiled for less than the processor that runs it has.
bool has_instructions() {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

DISCO_CRC_TARGET inline uint64_t add_word(uint64_t c, const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return _mm_crc32_u64(c, word);
}

DISCO_CRC_TARGET inline uint32_t add_byte(uint32_t c, uint8_t byte) {
  return _mm_crc32_u8(c, byte);
}

// What a CRC becomes by so many bytes of zeros: it is multiplied by x once a bit. The product has a
// factor of x by where its bits lie, and the instruction that reduces it has one of x^32.
template <size_t bytes> DISCO_CRC_TARGET inline uint32_t behind(uint64_t c) {
  constexpr uint32_t factor = after_bits(castagnoli, 0x80000000u, 8 * bytes - 33);
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(c)),
                                               _mm_cvtsi32_si128(static_cast<int>(factor)), 0);
  return static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
}

#else

#define DISCO_CRC_TARGET

constexpr bool has_instructions() { return true; }

inline uint64_t add_word(uint64_t c, const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return __crc32cd(static_cast<uint32_t>(c), word);
}

inline uint32_t add_byte(uint32_t c, uint8_t byte) { return __crc32cb(c, byte); }

// What a CRC becomes by so many bytes of zeros: it is multiplied by x once a bit. Not every
// processor can multiply so.
template <size_t bytes> inline uint32_t behind(uint64_t c) {
  uint32_t factor = after_bits(castagnoli, 0x80000000u, 8 * bytes), product = 0;
  for (int bit = 31; bit >= 0; --bit) {
    product ^= factor & (0u - static_cast<uint32_t>(c >> bit & 1));
    factor = after_bits(castagnoli, factor, 1);
  }
  return product;
}

#endif

// An instruction takes three cycles, and one can begin in each: three runs go side by side.
template <size_t run>
DISCO_CRC_TARGET inline void add_runs(uint32_t *crc, const uint8_t **p, size_t *size) {
  for (; *size >= 3 * run; *size -= 3 * run, *p += 3 * run) {
    uint64_t a = *crc, b = 0, c = 0;
    for (size_t i = 0; i < run; i += 8) {
      a = add_word(a, *p + i);
      b = add_word(b, *p + run + i);
      c = add_word(c, *p + 2 * run + i);
    }
    *crc = behind<2 * run>(a) ^ behind<run>(b) ^ static_cast<uint32_t>(c);
  }
}

DISCO_CRC_TARGET uint32_t by_instructions(uint32_t c, const uint8_t *p, size_t size) {
  add_runs<1024>(&c, &p, &size);
  add_runs<128>(&c, &p, &size);
  for (; size >= 8; size -= 8, p += 8)
    c = static_cast<uint32_t>(add_word(c, p));
  for (; size > 0; --size, ++p)
    c = add_byte(c, *p);
  return c;
}

} // namespace

#else

namespace {
constexpr bool has_instructions() { return false; }
uint32_t by_instructions(uint32_t c, const uint8_t *, size_t) { return c; }
} // namespace

#endif

#if !DISCO_CRC_ARM
static constexpr crc_tables castagnoli_tables = make_tables(castagnoli);
#endif

uint32_t DISCO_RUNTIME::disco_crc32c(uint32_t crc, const void *data, size_t size) {
  const uint8_t *p = static_cast<const uint8_t *>(data);
#if DISCO_CRC_ARM
  return ~by_instructions(~crc, p, size);
#else
  return ~(has_instructions() ? by_instructions(~crc, p, size)
                              : by_tables(castagnoli_tables, ~crc, p, size));
#endif
}

bool disco_weights_match(const disco_program *program) {
  return disco_crc32c(0, program->weights, program->weight_bytes) == program->weights_crc;
}
