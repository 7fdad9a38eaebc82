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

#endif // DISCO_BOARD_LINKS_H
