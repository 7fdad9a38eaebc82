//===- desk_relay.cpp - passes on the desk's packets of other boards ------===//
// SPDX-License-Identifier: Apache-2.0
//
// Boards without a UART to the desk ask through this one. Nothing is kept but who has ended: they
// ask again when something is lost.

#include "desk_relay.h"

#include "desk_way.h"

#include <string.h>

static constexpr uint8_t through = 'V', answered = 0x80, hello = 'H', end_program = 'E';
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

// A hello is of the next program of that board: the one that ended had begun before this one.
static void note(uint32_t rank, uint8_t what) {
  for (uint32_t i = 0; i < board_relay_count && i < ranks_watched; ++i) {
    const uint32_t bit = board_relay_ranks[i] == rank ? 1u << i : 0;
    if (what == (end_program | answered))
      ended |= bit;
    else if (what == (hello | answered))
      ended &= ~bit;
  }
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
  note(rank, data[0]);
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
