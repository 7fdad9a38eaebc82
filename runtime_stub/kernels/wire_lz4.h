//===- wire_lz4.h - messages compressed by LZ4, on hosts ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Form 4 of a payload: 4 bytes of head; then, packed, a block of LZ4 of the transposed bytes: the
// first of all elements, then the second ones, since exponents are alike and mantissas are not;
// else the message as it is.
#ifndef DISCO_KERNELS_WIRE_LZ4_H
#define DISCO_KERNELS_WIRE_LZ4_H

#include "wire_head.h"

#include <lz4.h>

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <uint32_t Width>
void transpose_bytes(uint8_t *__restrict to, const uint8_t *__restrict from, uint32_t count) {
  for (uint32_t k = 0; k < Width; ++k)
    for (uint32_t i = 0; i < count; ++i)
      to[k * count + i] = from[i * Width + k];
}

template <uint32_t Width>
void gather_bytes(uint8_t *__restrict to, const uint8_t *__restrict from, uint32_t count) {
  for (uint32_t k = 0; k < Width; ++k)
    for (uint32_t i = 0; i < count; ++i)
      to[i * Width + k] = from[k * count + i];
}

/// Packs `bytes` of plain, elements of Width bytes, into at most 4 bytes more; returns how many.
/// `scratch`: as many bytes as plain has.
template <uint32_t Width>
uint32_t lz4_pack(uint8_t *wire, const uint8_t *plain, uint32_t bytes, uint8_t *scratch) {
  if (Width > 1)
    transpose_bytes<Width>(scratch, plain, bytes / Width);
  const int most = (int)bytes - 1;
  const int size =
      LZ4_compress_default(reinterpret_cast<const char *>(Width > 1 ? scratch : plain),
                           reinterpret_cast<char *>(wire) + wire_head_bytes, (int)bytes, most);
  if (size <= 0)
    return put_raw(wire, plain, bytes);
  put_wire_head(wire, true, 0);
  return wire_head_bytes + (uint32_t)size;
}

/// False: this is no message of so many bytes.
template <uint32_t Width>
bool lz4_unpack(uint8_t *plain, uint32_t bytes, const uint8_t *wire, uint32_t size,
                uint8_t *scratch) {
  if (!wire_head_ok(wire, size) || wire[1])
    return false;
  if (!wire[0])
    return take_raw(plain, bytes, wire, size);
  const int got = LZ4_decompress_safe(reinterpret_cast<const char *>(wire) + wire_head_bytes,
                                      reinterpret_cast<char *>(Width > 1 ? scratch : plain),
                                      (int)(size - wire_head_bytes), (int)bytes);
  if (got != (int)bytes)
    return false;
  if (Width > 1)
    gather_bytes<Width>(plain, scratch, bytes / Width);
  return true;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif // DISCO_KERNELS_WIRE_LZ4_H
