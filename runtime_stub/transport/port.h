//===- port.h - a way for packets out of a node ---------------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TRANSPORT_PORT_H
#define DISCO_TRANSPORT_PORT_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {

// Carries packets to a neighbour, or to several on a shared medium; may lose, damage, repeat and
// reorder them. Nothing here blocks.
struct disco_port {
  void *context;
  uint32_t mtu; // the longest packet, bytes
  // Returns `size`: taken; 0: no room now; negative: the port is broken, for good. `to_rank` is the
  // next hop.
  int32_t (*send)(void *context, uint16_t to_rank, const uint8_t *packet, uint32_t size);
  // Bytes of the next packet, 0: none now, negative: broken. A longer packet than `capacity` is
  // dropped, or cut.
  int32_t (*receive)(void *context, uint8_t *packet, uint32_t capacity);
};

} // namespace DISCO_RUNTIME

#endif // DISCO_TRANSPORT_PORT_H
