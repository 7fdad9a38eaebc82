//===- links.cpp - opening and describing the links of a board ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "links.h"

static uint64_t now(void *) { return board_now_us(); }

static void idle(void *, uint64_t us) { board_idle(us); }

#ifdef BOARD_RELAYS
// What the desk sends to others is looked for whenever this program waits.
static void wait_and_relay(void *context, const disco_peer *peers, uint64_t us) {
  board_relay_poll();
  disco_packets_transport(static_cast<disco_packets *>(context)).wait(context, peers, us);
}
#endif

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
#ifdef BOARD_RELAYS
  config->letter = board_relay_letter;
#endif
  if (disco_packets_init(links->packets, config) != DISCO_OK)
    return false;
  *transport = disco_packets_transport(links->packets);
#ifdef BOARD_RELAYS
  transport->wait = wait_and_relay;
#endif
  return true;
}

void board_links_finish(const board_shard *shard) {
  disco_packets_linger(static_cast<const board_links *>(shard->links)->packets, 0);
}

#ifdef BOARD_STAYS
#ifdef BOARD_RELAYS
// Who ends behind another one waits for that first.
static constexpr uint64_t quiet_us = 3000000, most_us = 20000000;
static bool is_over() {
  return board_relay_over() || (!board_has_desk() && board_relay_answers() == 0);
}
static uint32_t news(const disco_packets *) { return board_relay_answers(); }
static void wait_some(disco_packets *packets, uint64_t us) { wait_and_relay(packets, nullptr, us); }
#else
// Who asks repeats it more often, and after its end begins again a second later.
static constexpr uint64_t quiet_us = 500000, most_us = 5000000;
static bool is_over() { return false; }
static uint32_t news(const disco_packets *packets) { return packets->heard; }
static void wait_some(disco_packets *packets, uint64_t us) {
  disco_packets_transport(packets).wait(packets, nullptr, us);
}
#endif

void board_links_stay(const board_shard *shard) {
  constexpr uint64_t slice_us = 20000;
  disco_packets *packets = static_cast<const board_links *>(shard->links)->packets;
  uint64_t time = board_now_us(), since = time;
  const uint64_t end = time + most_us;
  for (uint32_t seen = news(packets); time < end && time - since < quiet_us && !is_over();
       time = board_now_us()) {
    wait_some(packets, slice_us);
    if (seen != news(packets))
      since = time;
    seen = news(packets);
  }
}
#endif

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
