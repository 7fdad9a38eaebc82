//===- udp.h - transport over UDP, for POSIX hosts ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The packets of packets.h as datagrams, one socket for all peers: for networks that lose packets,
// where one that is lost holds up no other peer, and TCP would wait longer before it sends again. A
// node of a higher rank knows the addresses of the lower; theirs to it are where its packets come
// from. Uses malloc.

#ifndef DISCO_TRANSPORT_UDP_H
#define DISCO_TRANSPORT_UDP_H

#include "packets.h"

inline namespace DISCO_RUNTIME {

struct disco_udp;

// Addresses as in tcp.h.
struct disco_udp_options {
  uint32_t rank, nodes;
  const char *listen;       // where higher ranks send to; null: any port, of all addresses
  int listen_fd;            // a socket that is bound already, or -1
  const char *const *peers; // [rank] of every lower rank; the other entries may be null
};

} // namespace DISCO_RUNTIME

// Binds the socket. Null on failure, with a message of at most error_size bytes.
disco_udp *disco_udp_create(const disco_udp_options *options, char *error, size_t error_size);

// After disco_udp_linger.
void disco_udp_destroy(disco_udp *udp);

// The callbacks. `udp` must outlive their use. Nothing blocks but wait() and the look-up of host
// names. A peer that is gone is silent: only a deadline tells.
disco_transport disco_udp_transport(disco_udp *udp);

// After disco_stop: until the peers have what was sent, or a moment has passed.
void disco_udp_linger(disco_udp *udp);

// The port that the node listens on.
uint16_t disco_udp_port(const disco_udp *udp);

// Why the peer may not have been heard of: a static text, or null.
const char *disco_udp_trouble(const disco_udp *udp, uint32_t peer);

// For its statistics; it has one port.
const disco_packets *disco_udp_packets(const disco_udp *udp);

#endif // DISCO_TRANSPORT_UDP_H
