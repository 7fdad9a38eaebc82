//===- bauds.h - the speeds of a board's UARTs ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// BOARD_BAUDS is a list with one speed for each link of board.toml, in its order, made by the
// compiler of the two ends.
#ifndef DISCO_BOARDS_BAUDS_H
#define DISCO_BOARDS_BAUDS_H

#include <stdint.h>

constexpr uint32_t board_bauds[] = {BOARD_BAUDS};
constexpr uint32_t board_link_count = sizeof board_bauds / sizeof board_bauds[0];

// What `clock` is divided by, for each link, to the nearest: made when this is compiled.
struct board_divisors {
  uint32_t of[board_link_count];
};

constexpr board_divisors board_divide(uint32_t clock) {
  board_divisors made = {};
  for (uint32_t i = 0; i < board_link_count; ++i)
    made.of[i] = (clock + board_bauds[i] / 2) / board_bauds[i];
  return made;
}

#endif // DISCO_BOARDS_BAUDS_H
