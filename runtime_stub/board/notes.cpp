//===- notes.cpp - the notes of a traced program on a board ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "notes.h"

#include "board_main.h"
#include "desk.h"

#include <string.h>

// The counter behind the runtime's own time: it never wraps, every board has it, and an emulator
// counts it as a chip does. A cycle counter of 32 bits wraps within the longest wait.
uint64_t DISCO_RUNTIME::disco_note_clock() { return board_now_us(); }

void board_notes_open(void) {
  memcpy(board_notes->magic, DISCO_NOTES_MAGIC, sizeof board_notes->magic);
  board_notes->version = DISCO_NOTES_VERSION;
  board_notes->rank = board_notes_program->rank;
  board_notes->nodes = board_notes_program->nodes;
  board_notes->capacity = board_notes_capacity;
  memcpy(board_notes->build_hash, board_notes_program->build_hash, sizeof board_notes->build_hash);
  board_notes->ticks_per_second = 1000000u; // no other clock is the same: clock_id stays 0
  *board_notes_place = board_notes;
}

bool board_notes_write(const char *path) {
  *board_notes_place = nullptr;
  const int32_t handle = desk_open(path, DESK_WRITE);
  if (handle < 0)
    return false;
  const bool good = desk_write(handle, board_notes,
                               static_cast<uint32_t>(disco_notes_bytes(board_notes_capacity)));
  desk_close(handle);
  return good;
}
