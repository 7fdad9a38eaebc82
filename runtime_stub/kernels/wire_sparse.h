//===- wire_sparse.h - messages without their zeros -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Form 3 of a payload: 4 bytes of head; then, packed, a bit for each element, the lowest of a byte
// first, and the elements whose bit is set; else the message as it is. The other elements are the
// fill: the zero point of bytes, else all bits 0.
#ifndef DISCO_KERNELS_WIRE_SPARSE_H
#define DISCO_KERNELS_WIRE_SPARSE_H

#include "wire_head.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Packs `bytes` of plain, elements of type T, into at most 4 bytes more; returns how many. `plain`
/// and `wire` may have any alignment.
template <class T>
[[gnu::noinline]] inline uint32_t
sparse_pack(uint8_t *__restrict wire, const uint8_t *__restrict plain, uint32_t bytes, T fill) {
  const uint32_t count = bytes / (uint32_t)sizeof(T);
  uint8_t *map = wire + wire_head_bytes, *to = map + (count + 7) / 8;
  const uint8_t *const end = map + bytes, *from = plain;
  for (uint32_t i = 0; i < count; i += 8) {
    const uint32_t some = count - i < 8 ? count - i : 8;
    // Elements are written before it is known that they stay.
    if (end < to || (size_t)(end - to) < some * sizeof(T))
      return put_raw(wire, plain, bytes);
    unsigned bits = 0;
    for (uint32_t k = 0; k < some; ++k, from += sizeof(T)) {
      T x;
      memcpy(&x, from, sizeof x);
      memcpy(to, &x, sizeof x);
      const bool stays = x != fill;
      to += stays ? sizeof(T) : 0;
      bits |= (unsigned)stays << k;
    }
    *map++ = (uint8_t)bits;
  }
  put_wire_head(wire, true, sizeof(T) == 1 ? (uint8_t)fill : (uint8_t)0);
  return (uint32_t)(to - wire);
}

/// False: this is no message of so many bytes.
template <class T>
[[gnu::noinline]] inline bool sparse_unpack(uint8_t *__restrict plain, uint32_t bytes,
                                            const uint8_t *__restrict wire, uint32_t size) {
  if (!wire_head_ok(wire, size))
    return false;
  if (!wire[0])
    return take_raw(plain, bytes, wire, size);
  const uint32_t count = bytes / (uint32_t)sizeof(T);
  const T fill = sizeof(T) == 1 ? (T)wire[1] : (T)0;
  const uint8_t *map = wire + wire_head_bytes, *from = map + (count + 7) / 8, *end = wire + size;
  if (size < wire_head_bytes + (count + 7) / 8)
    return false;
  unsigned bits = 0;
  for (uint32_t i = 0; i < count; ++i, bits >>= 1, plain += sizeof(T)) {
    bits = i % 8 ? bits : *map++;
    T x = fill;
    if (bits & 1) {
      if ((size_t)(end - from) < sizeof x)
        return false;
      memcpy(&x, from, sizeof x);
      from += sizeof x;
    }
    memcpy(plain, &x, sizeof x);
  }
  return from == end && bits == 0;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif // DISCO_KERNELS_WIRE_SPARSE_H
