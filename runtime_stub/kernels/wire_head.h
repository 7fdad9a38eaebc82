//===- wire_head.h - what all compressed messages begin with --------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_WIRE_HEAD_H
#define DISCO_KERNELS_WIRE_HEAD_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The head of a compressed message: whether it is packed, the fill of bytes, two bytes of 0.
constexpr uint32_t wire_head_bytes = 4;

inline void put_wire_head(uint8_t *wire, bool packed, uint8_t fill) {
  const uint8_t head[wire_head_bytes] = {packed, fill, 0, 0};
  memcpy(wire, head, sizeof head);
}

inline bool wire_head_ok(const uint8_t *wire, uint32_t size) {
  return size >= wire_head_bytes && wire[0] <= 1 && wire[2] == 0 && wire[3] == 0;
}

/// What would not be smaller goes as it is.
inline uint32_t put_raw(uint8_t *wire, const uint8_t *plain, uint32_t bytes) {
  put_wire_head(wire, false, 0);
  memcpy(wire + wire_head_bytes, plain, bytes);
  return wire_head_bytes + bytes;
}

/// Of a message that is not packed. False: its length is wrong.
inline bool take_raw(uint8_t *plain, uint32_t bytes, const uint8_t *wire, uint32_t size) {
  if (size != wire_head_bytes + bytes)
    return false;
  memcpy(plain, wire + wire_head_bytes, bytes);
  return true;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif // DISCO_KERNELS_WIRE_HEAD_H
