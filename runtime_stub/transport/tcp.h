//===- tcp.h - transport over TCP, for POSIX hosts ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A full mesh: the node of the higher rank connects to the one of the lower, and tries again until
// the runtime gives up. Who connects is known by its hello; whatever says no hello is dropped
// without harm. Uses malloc. Nothing blocks but wait() and the look-up of host names.

#ifndef DISCO_TRANSPORT_TCP_H
#define DISCO_TRANSPORT_TCP_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {

struct disco_tcp;

// Addresses are HOST:PORT, [IPV6]:PORT, :PORT or PORT; without a host it is the loopback address
// 127.0.0.1.
struct disco_tcp_options {
  uint32_t rank, nodes;
  const char
      *listen; // where higher ranks connect to; may be null on the highest rank, and with listen_fd
  int listen_fd;            // a socket that listens already, or -1
  const char *const *peers; // [rank] of every lower rank; the other entries may be null
  // How long the kernel itself looks at the network card for a read that finds nothing, where the
  // card's driver and the rights of the process allow it (SO_BUSY_POLL). Cost: a processor.
  uint32_t busy_poll_us = 0;
};

} // namespace DISCO_RUNTIME

// Starts to listen. Null on failure, with a message of at most error_size bytes.
disco_tcp *disco_tcp_create(const disco_tcp_options *options, char *error, size_t error_size);

// Closes everything. After disco_stop.
void disco_tcp_destroy(disco_tcp *tcp);

// The callbacks. `tcp` must outlive their use.
disco_transport disco_tcp_transport(disco_tcp *tcp);

// For what two nodes share beside the stream. `meet` is called whenever a connection to a peer is
// there, before anything is said on it; where the node has called the peer and it returns false, it
// is called again, for 100 ms, before the node speaks. wait() sleeps on the descriptors `watched`
// too, of which those below 0 are left out. All of it must outlive the use of the callbacks.
struct disco_tcp_beside {
  void *context;
  bool (*meet)(void *context, uint32_t peer, int fd);
  const int *watched;
  uint32_t watched_count; // at most the number of nodes
};
void disco_tcp_set_beside(disco_tcp *tcp, const disco_tcp_beside *beside);

// The port that the node listens on (which the system chose when port 0 was asked for), 0: none.
uint16_t disco_tcp_port(const disco_tcp *tcp);

// Connections that were dropped because they said no acceptable hello.
uint32_t disco_tcp_strangers(const disco_tcp *tcp);

// Hellos of another protocol version, build or epoch, of those who called and of those who were
// called. They were answered, and took nobody's place. All but the count is of the last one.
struct disco_tcp_foreign {
  uint32_t count;
  uint32_t rank, version, epoch;
  uint8_t build[4]; // the first bytes of the hash
};
const disco_tcp_foreign *disco_tcp_foreigners(const disco_tcp *tcp);

// Why the peer is not connected, for the message of a failed start: a static text, or null when it
// is connected.
const char *disco_tcp_trouble(const disco_tcp *tcp, uint32_t peer);

#endif // DISCO_TRANSPORT_TCP_H
