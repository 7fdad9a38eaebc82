//===- ethernet.cpp - packets as raw Ethernet frames ----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "ethernet.h"

#include <string.h>

namespace {

int32_t ethernet_send(void *context, uint16_t to_rank, const uint8_t *packet, uint32_t size) {
  disco_ethernet *e = static_cast<disco_ethernet *>(context);
  uint8_t *f = e->frame;
  disco_ethernet_address(f, e->cluster, to_rank);
  disco_ethernet_address(f + 6, e->cluster, e->rank);
  f[12] = DISCO_ETHERTYPE >> 8;
  f[13] = DISCO_ETHERTYPE & 255;
  f[14] = static_cast<uint8_t>(size >> 8);
  f[15] = static_cast<uint8_t>(size);
  memcpy(f + DISCO_ETHERNET_HEADER, packet, size);
  uint32_t total = DISCO_ETHERNET_HEADER + size;
  if (total < DISCO_ETHERNET_LEAST) {
    memset(f + total, 0, DISCO_ETHERNET_LEAST - total);
    total = DISCO_ETHERNET_LEAST;
  }
  int32_t took = e->send_frame(e->context, f, total);
  return took > 0 ? static_cast<int32_t>(size) : took;
}

int32_t ethernet_receive(void *context, uint8_t *packet, uint32_t capacity) {
  disco_ethernet *e = static_cast<disco_ethernet *>(context);
  uint8_t address[6];
  disco_ethernet_address(address, e->cluster, e->rank);
  for (;;) {
    uint8_t *f = e->frame;
    int32_t got = e->receive_frame(e->context, f, e->frame_size);
    if (got <= 0)
      return got;
    // Others use the network too, and a switch sends everywhere what it does not know yet.
    uint32_t size = static_cast<uint32_t>(f[14] << 8 | f[15]), frame = static_cast<uint32_t>(got);
    if (frame < DISCO_ETHERNET_HEADER || memcmp(f, address, 6) != 0 ||
        f[12] != DISCO_ETHERTYPE >> 8 || f[13] != (DISCO_ETHERTYPE & 255) || size == 0 ||
        size > frame - DISCO_ETHERNET_HEADER || size > capacity)
      continue;
    memcpy(packet, f + DISCO_ETHERNET_HEADER, size);
    return static_cast<int32_t>(size);
  }
}

} // namespace

void disco_ethernet_address(uint8_t address[6], uint8_t cluster, uint16_t rank) {
  address[0] = 0x02; // local, one receiver
  address[1] = 0xd1;
  address[2] = 0x5c;
  address[3] = cluster;
  address[4] = static_cast<uint8_t>(rank >> 8);
  address[5] = static_cast<uint8_t>(rank);
}

disco_port disco_ethernet_port(disco_ethernet *e) {
  uint32_t mtu = e->frame_size - DISCO_ETHERNET_HEADER;
  return {e, mtu < DISCO_ETHERNET_MTU ? mtu : DISCO_ETHERNET_MTU, ethernet_send, ethernet_receive};
}
