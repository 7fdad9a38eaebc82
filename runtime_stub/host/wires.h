//===- wires.h - main program of a shard with wires, on a POSIX host ------===//
// SPDX-License-Identifier: Apache-2.0
//
// A node on a host that reaches some peers, or all, by packets over serial wires, as boards do. The
// others are reached over TCP.

#ifndef DISCO_HOST_WIRES_H
#define DISCO_HOST_WIRES_H

#include "../transport/packets.h"

// What the compiler planned for the node's wires.
struct disco_host_wires {
  const char *const *ports; // names; `--wire NAME=ADDRESS` says where each leads
  uint32_t port_count;
  const disco_hop *hops; // by rank
  uint16_t payload, window;
  uint32_t forward_slots, retry_us;
  uint32_t floor;        // of progress, bytes a second
  const uint32_t *bauds; // of terminals, by port
};

// As disco_host_main.
int disco_host_main_wired(int argc, char **argv, const disco_program *program, const char *peers,
                          const disco_host_wires *wires);

#endif // DISCO_HOST_WIRES_H
