//===- links.cpp - opening and describing the links of a board ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "links.h"

static uint64_t now(void *) { return board_now_us(); }

static void idle(void *, uint64_t us) { board_idle(us); }

bool board_links_connect(const board_shard *shard, uint16_t nonce, disco_transport *transport) {
  const board_links *links = static_cast<const board_links *>(shard->links);
  disco_packets_config *config = links->config;
  for (uint32_t i = 0; i < config->port_count; ++i)
    if (!links->ports[i].open(&links->ports[i], &links->opened[i]))
      return false;
  config->ports = links->opened;
  config->nonce = nonce;
  config->now_us = now;
  config->idle = idle;
  if (disco_packets_init(links->packets, config) != DISCO_OK)
    return false;
  *transport = disco_packets_transport(links->packets);
  return true;
}

void board_links_finish(const board_shard *shard) {
  disco_packets_linger(static_cast<const board_links *>(shard->links)->packets, 0);
}

static void field(board_line *line, const char *name, uint32_t value) {
  board_line_text(line, name);
  board_line_number(line, value);
}

void board_links_describe(const board_shard *shard, board_line *line) {
  const board_links *links = static_cast<const board_links *>(shard->links);
  board_line_text(line, ",\"ports\":[");
  for (uint32_t i = 0; i < links->config->port_count; ++i) {
    const disco_port_stats *t = disco_packets_port_stats(links->packets, i);
    field(line, i ? ",{\"tx_packets\":" : "{\"tx_packets\":", t->tx_packets);
    field(line, ",\"tx_bytes\":", t->tx_bytes);
    field(line, ",\"rx_packets\":", t->rx_packets);
    field(line, ",\"rx_bytes\":", t->rx_bytes);
    field(line, ",\"damaged\":", t->damaged);
    field(line, ",\"forwarded\":", t->forwarded);
    field(line, ",\"dropped\":", t->dropped);
    board_line_text(line, "}");
  }
  board_line_text(line, "],\"streams\":[");
  bool first = true;
  for (uint32_t peer = 0; peer < links->config->nodes; ++peer) {
    const disco_packets_stats *t = disco_packets_peer_stats(links->packets, peer);
    if (!t)
      continue;
    field(line, first ? "{\"rank\":" : ",{\"rank\":", peer);
    field(line, ",\"tx_segments\":", t->tx_segments);
    field(line, ",\"retransmissions\":", t->retransmissions);
    field(line, ",\"rx_segments\":", t->rx_segments);
    field(line, ",\"repeated\":", t->repeated);
    board_line_text(line, "}");
    first = false;
  }
  board_line_text(line, "]");
}
