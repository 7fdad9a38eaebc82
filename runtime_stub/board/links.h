//===- links.h - the links of a board, as a transport ---------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_LINKS_H
#define DISCO_BOARD_LINKS_H

#include "../transport/packets.h"
#include "board_main.h"
#include "drivers.h"

// One link in use.
struct board_port {
  uint32_t link;
  void *state; // a disco_uart or a disco_ethernet
  bool (*open)(const board_port *port, disco_port *to);
};
bool board_uart_port(const board_port *port, disco_port *to);
bool board_ethernet_port(const board_port *port, disco_port *to);

// What board_shard::links points to.
struct board_links {
  disco_packets *packets;
  disco_packets_config *config; // all but ports, nonce and clock is there
  const board_port *ports;
  disco_port *opened; // config->port_count entries
};

// For board_shard.
bool board_links_connect(const board_shard *shard, uint16_t nonce, disco_transport *transport);
void board_links_describe(const board_shard *shard, board_line *line);
void board_links_finish(const board_shard *shard);
// At the end of a node that others need for their console: until they have ended, or are silent.
void board_links_stay(const board_shard *shard);

// Of desk_relay.cpp, on a node through which others ask the desk (BOARD_RELAYS). A letter of
// another board becomes a request on this board's UART.
void board_relay_letter(void *, uint32_t from, const uint8_t *data, uint32_t size);
// Takes what the desk has sent while this program asks nothing itself.
void board_relay_poll(void);
// Whether every board has said that it ends, and heard that this was heard.
bool board_relay_over(void);
// How many answers were passed on; wraps.
uint32_t board_relay_answers(void);

#endif // DISCO_BOARD_LINKS_H
