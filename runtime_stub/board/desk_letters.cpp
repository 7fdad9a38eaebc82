//===- desk_letters.cpp - the way to the desk over the links --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Of a board whose UARTs are all links: requests and answers are letters of the packets layer, to
// and from a board that has a UART to the desk. Letters have a CRC of their own.

#include "desk_letters.h"

#include "board.h"

#include <string.h>

static uint8_t answer[board_desk_packet];
static uint32_t answer_size;

static void take(void *, uint32_t from, const uint8_t *data, uint32_t size) {
  if (from != board_desk_node || size < board_desk_header || size > sizeof answer)
    return;
  memcpy(answer, data, size);
  answer_size = size;
}

// The links are there before anything else that talks.
bool desk_way_open(void) {
  board_desk_links->config->letter = take;
  const board_early early = board_before_desk();
  return board_links_connect(early.shard, early.nonce, early.transport);
}

uint32_t desk_way_data(void) {
  const uint32_t most = board_desk_links->config->payload - board_desk_header;
  return most < board_desk_data ? most : board_desk_data;
}

// The node between passes nothing on while it computes.
uint64_t desk_way_patience(void) { return 10000000; }

void desk_way_send(uint8_t *packet, uint32_t size) {
  disco_packets_post(board_desk_links->packets, board_desk_node, packet, size);
}

uint32_t desk_way_receive(uint8_t *packet) {
  const uint32_t size = answer_size;
  memcpy(packet, answer, size);
  answer_size = 0;
  return size;
}

void desk_way_idle(uint64_t us) {
  const disco_transport links = disco_packets_transport(board_desk_links->packets);
  links.wait(links.context, nullptr, us);
}

// A driver of any kind: there is no ring to look at, so it is served for as long as a letter takes.
void desk_way_drain(void) {
  constexpr uint32_t tries = 50000;
  for (uint32_t i = 0; i < tries; ++i)
    board_poll();
}
