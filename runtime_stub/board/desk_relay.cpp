//===- desk_relay.cpp - passes on the desk's packets of other boards ------===//
// SPDX-License-Identifier: Apache-2.0
//
// Boards without a UART to the desk ask through this one. Nothing is kept but who has ended: they
// ask again when something is lost.

#include "desk_relay.h"

#include "desk_way.h"

#include <string.h>

static constexpr uint8_t through = 'V', answered = 0x80, end_program = 'E';
static constexpr uint32_t ranks_watched = 32; // others are passed on too, and not waited for
static uint8_t packet[board_desk_packet];
static uint32_t answers;
static uint32_t ended; // by the place among board_relay_ranks

void board_relay_letter(void *, uint32_t from, const uint8_t *data, uint32_t size) {
  if (size > board_desk_data)
    return;
  memset(packet, 0, board_desk_header);
  packet[0] = through;
  memcpy(packet + 4, &from, sizeof from);
  memcpy(packet + board_desk_header, data, size);
  desk_way_send(packet, board_desk_header + size);
}

static void note_end(uint32_t rank) {
  for (uint32_t i = 0; i < board_relay_count && i < ranks_watched; ++i)
    if (board_relay_ranks[i] == rank)
      ended |= 1u << i;
}

bool board_relay_answer(const uint8_t *from_desk, uint32_t size) {
  if (from_desk[0] != (through | answered))
    return false;
  uint32_t rank = 0;
  memcpy(&rank, from_desk + 4, sizeof rank);
  const uint8_t *data = from_desk + board_desk_header;
  // Before the links are open nobody can have asked.
  if (size == board_desk_header || !board_relay_links->packets->config ||
      !disco_packets_post(board_relay_links->packets, rank, data, size - board_desk_header))
    return true;
  ++answers;
  if (data[0] == (end_program | answered))
    note_end(rank);
  return true;
}

void board_relay_poll(void) {
  while (desk_way_receive(packet)) // an answer of its own that came twice
    ;
}

uint32_t board_relay_answers(void) { return answers; }

bool board_relay_over(void) {
  for (uint32_t i = 0; i < board_relay_count && i < ranks_watched; ++i)
    if (!(ended >> i & 1))
      return false;
  return true;
}
