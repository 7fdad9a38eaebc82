//===- packets.h - byte streams over links that lose and damage packets ---===//
// SPDX-License-Identifier: Apache-2.0
//
// A disco_transport over ports that carry packets and may lose, damage, repeat and reorder them:
// UARTs, raw Ethernet, anything that a board's driver offers. Selective repeat with a small window,
// a CRC a packet, sessions that tell a restarted peer from the one before, and forwarding of
// packets of other nodes. No heap: all memory is the caller's. docs/formats/links.md has the
// format.

#ifndef DISCO_TRANSPORT_PACKETS_H
#define DISCO_TRANSPORT_PACKETS_H

#include "port.h"

inline namespace DISCO_RUNTIME {

//===----------------------------------------------------------------------===//
// What is given
//===----------------------------------------------------------------------===//

#define DISCO_NO_PORT 0xffu

// How packets for a rank leave this node.
struct disco_hop {
  uint8_t port;  // index into ports, or DISCO_NO_PORT: that rank is not reached by packets
  uint16_t next; // rank of the neighbour there: the rank itself, or who forwards
};

#define DISCO_PACKET_OVERHEAD 16u // header and CRC of a packet
#define DISCO_PACKET_NODES 4095u  // most nodes of a cluster whose links carry packets
#define DISCO_PACKET_PORTS 8u     // most ports of a node

// Everything the transport is given. All of it must stay in place as long as it is used.
struct disco_packets_config {
  // This node and the number of nodes. Range: nodes 2 to DISCO_PACKET_NODES.
  uint16_t rank, nodes;

  // The links of this node. Range: 1 to DISCO_PACKET_PORTS.
  const disco_port *ports;
  uint32_t port_count;

  // By rank, `nodes` entries; the own one is not looked at.
  const disco_hop *hops;

  // Bytes of a segment, the same on every node that the packets of this cluster reach. Range: 1 to
  // the smallest mtu on the way less DISCO_PACKET_OVERHEAD. Cost: memory; the longer a packet is,
  // the likelier it is damaged.
  uint16_t payload;

  // Segments under way to a peer, the same on every node. Range: 1 to 16, rounded down to a power
  // of two. Cost: 2 * window * (payload + 8) bytes a peer.
  uint16_t window;

  // Aligned to 8; at least disco_packets_bytes(peers, payload, window, forward_slots).
  uint8_t *memory;
  uint32_t memory_bytes;

  // Packets of other nodes that may wait here until their port has room; more are dropped, and
  // repeated by who sent them. Range: 0 on a node through which no hop leads. Cost: a packet each.
  uint32_t forward_slots;

  // Tells this start of the node from the one before: random, a clock, or a counter that outlives a
  // reset. 0: none known; what the clock says at the start is taken then.
  uint16_t nonce;

  // The first retransmission time-out, microseconds, adapted afterwards; never more than eight
  // times this. Range: 100 to 10,000,000. About twice the time that a window takes to the farthest
  // peer. 0: 50,000.
  uint32_t retry_us;

  // A clock that never goes back, and sleeping until something may have come: a byte, a frame, room
  // in a driver's queue; or the time is over. May return early. Should an event between the last
  // look and the sleep be missed, `us` is how long that costs.
  uint64_t (*now_us)(void *clock_context);
  void (*idle)(void *clock_context, uint64_t us);
  void *clock_context;

#ifdef DISCO_LETTERS
  // A letter from another node has come. Called while packets are received; null: none are taken.
  void (*letter)(void *letter_context, uint32_t from, const uint8_t *data, uint32_t size) = nullptr;
  void *letter_context = nullptr;
#endif
};

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

// Packets and bytes of packets; what a link adds (delimiters, Ethernet headers) is not in them. The
// counts wrap.
struct disco_port_stats {
  uint32_t tx_packets, tx_bytes;
  uint32_t rx_packets, rx_bytes;
  uint32_t damaged;   // came with a wrong CRC, length or address
  uint32_t forwarded; // came for another node and were taken for it
  uint32_t dropped;   // came for another node, and there was no room
};

struct disco_packets_stats {
  uint32_t tx_segments;     // first transmissions
  uint32_t retransmissions; // segments sent again
  uint32_t rx_segments;     // accepted
  uint32_t repeated;        // came again, or too early to be taken
};

//===----------------------------------------------------------------------===//
// State and calls
//===----------------------------------------------------------------------===//

// The stream to and from one peer; the fields are the transport's own.
struct disco_stream {
  // Bytes first, then words: small machines reach them so with the shortest instructions.
  uint8_t state, ack_due, backoff;
  uint8_t tx_base, tx_next; // oldest segment not released; the one being filled
  uint8_t rx_base;          // first segment that has not been read
  uint16_t rank;
  uint16_t own, other;      // nonces of this session
  uint8_t *tx, *rx;         // window slots each
  uint32_t since;           // when the retransmission timer was started
  uint32_t ack_since;       // when the first unsent acknowledgement fell due
  uint32_t newest;          // when the youngest segment that has arrived was sent
  uint32_t trip;            // smoothed round trip
  uint32_t todo, arrived;   // segments from tx_base on: to be sent; acknowledged
  uint32_t have;            // segments from rx_base on: received
  uint32_t tx_fill, rx_pos; // bytes in the segment being filled; bytes read of the first
  disco_packets_stats stats;
};

struct disco_packets {
  const disco_packets_config *config;
  disco_stream *streams;
  uint16_t stream_count;
  uint8_t window;
  uint8_t yields;  // the port whose last packet was this node's own
  uint8_t *queue;  // forward_slots + 1 packets; behind its tail packets are received
  uint8_t *packet; // the packet that is sent
  uint32_t queue_head, queue_size;
  uint32_t slot_stride, packet_stride;
  uint32_t tick_us; // a sixteenth of retry_us: the longest sleep
  uint32_t now;     // what the clock said last
  // Packets accepted or forwarded, wraps; and how many the last wait() knew of.
  uint16_t heard, noticed;
  disco_port_stats port_stats[DISCO_PACKET_PORTS];
};

// Bytes of memory for so many peers: the ranks with a port. `static alignas(8) uint8_t
// memory[disco_packets_bytes(3, 56, 8, 4)];`
constexpr uint32_t disco_packets_bytes(uint32_t peers, uint32_t payload, uint32_t window,
                                       uint32_t forward_slots) {
  return peers * (static_cast<uint32_t>(sizeof(disco_stream)) +
                  2 * window * (8 + ((payload + 3) & ~3u))) +
         (forward_slots + 2) * (8 + ((payload + DISCO_PACKET_OVERHEAD + 3) & ~3u));
}

} // namespace DISCO_RUNTIME

// 0, or DISCO_ERR_USAGE when the configuration cannot work.
int disco_packets_init(disco_packets *packets, const disco_packets_config *config);

// The callbacks. Nothing blocks but wait(), which sends again what was lost.
disco_transport disco_packets_transport(disco_packets *packets);

// After disco_stop: goes on until the peers have acknowledged everything, and, on a node that
// forwards, until nobody has needed it for a while. Without this call a peer may never hear this
// node's bye. `most_us` bounds it; 0: 64 times retry_us.
void disco_packets_linger(disco_packets *packets, uint32_t most_us);

#ifdef DISCO_LETTERS
// Sends `size` bytes, at most config->payload, to a rank beside the streams, once: they may be
// lost, and overtake. False: no room now. Nodes on the way pass letters on like any packet.
bool disco_packets_post(disco_packets *packets, uint32_t rank, const void *data, uint32_t size);
#endif

// Null when that rank is not reached by packets.
const disco_packets_stats *disco_packets_peer_stats(const disco_packets *packets, uint32_t rank);

// Null when there is no such port.
const disco_port_stats *disco_packets_port_stats(const disco_packets *packets, uint32_t port);

#endif // DISCO_TRANSPORT_PACKETS_H
