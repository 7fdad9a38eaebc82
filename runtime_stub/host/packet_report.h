//===- packet_report.h - what packets did, in a program's report ----------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_PACKET_REPORT_H
#define DISCO_HOST_PACKET_REPORT_H

#include "../transport/packets.h"

#include <stdio.h>

// Two fields of the JSON, each behind a comma: the counts of ports, and of the streams to peers. In
// a header, since a program of all nodes is built of this folder, and has no packets.
inline void disco_print_packets(const disco_packets *packets, FILE *to) {
  const disco_packets_config *c = packets->config;
  fprintf(to, ",\"ports\":[");
  for (uint32_t i = 0; i < c->port_count; ++i) {
    const disco_port_stats *t = disco_packets_port_stats(packets, i);
    fprintf(to,
            "%s{\"tx_packets\":%u,\"tx_bytes\":%u,\"rx_packets\":%u,\"rx_bytes\":%u,\"damaged\":%u,"
            "\"forwarded\":%u,\"dropped\":%u}",
            i ? "," : "", t->tx_packets, t->tx_bytes, t->rx_packets, t->rx_bytes, t->damaged,
            t->forwarded, t->dropped);
  }
  fprintf(to, "],\"streams\":[");
  bool first = true;
  for (uint32_t peer = 0; peer < c->nodes; ++peer) {
    const disco_packets_stats *t = disco_packets_peer_stats(packets, peer);
    if (!t)
      continue;
    fprintf(to,
            "%s{\"rank\":%u,\"tx_segments\":%u,\"retransmissions\":%u,\"rx_segments\":%u,"
            "\"repeated\":%u}",
            first ? "" : ",", peer, t->tx_segments, t->retransmissions, t->rx_segments,
            t->repeated);
    first = false;
  }
  fprintf(to, "]");
}

#endif // DISCO_HOST_PACKET_REPORT_H
