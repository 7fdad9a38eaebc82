//===- ethernet.h - packets as raw Ethernet frames ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A disco_port over a driver that sends and receives whole frames, without their check sequence.
// Ethertype 0x88b5 (local experiments); addresses are local ones made from cluster and rank, so
// that nothing has to be asked or configured.

#ifndef DISCO_TRANSPORT_ETHERNET_H
#define DISCO_TRANSPORT_ETHERNET_H

#include "packets.h"

#define DISCO_ETHERTYPE 0x88b5u
#define DISCO_ETHERNET_HEADER 16u // addresses, type, and the length of the packet
#define DISCO_ETHERNET_LEAST 60u  // shorter frames are filled up
#define DISCO_ETHERNET_MTU 1498u  // the longest packet in a frame of 1514 bytes

inline namespace DISCO_RUNTIME {

// The caller fills in everything.
struct disco_ethernet {
  uint16_t rank;       // of this node
  uint8_t cluster;     // tells the clusters on one network apart
  uint8_t *frame;      // room for a frame: frame_size bytes, aligned to 4
  uint32_t frame_size; // DISCO_ETHERNET_HEADER + the longest packet, at least DISCO_ETHERNET_LEAST
  // Returns `size`: taken; 0: no room now; negative: broken.
  int32_t (*send_frame)(void *context, const uint8_t *frame, uint32_t size);
  // Bytes of the next frame, 0: none now, negative: broken. Longer frames than `capacity` are cut
  // or dropped.
  int32_t (*receive_frame)(void *context, uint8_t *frame, uint32_t capacity);
  void *context;
};

} // namespace DISCO_RUNTIME

// The address of a node, for a controller that filters: 02:d1:5c, cluster, rank (high byte first).
void disco_ethernet_address(uint8_t address[6], uint8_t cluster, uint16_t rank);

disco_port disco_ethernet_port(disco_ethernet *ethernet);

#endif // DISCO_TRANSPORT_ETHERNET_H
