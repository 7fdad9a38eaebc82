//===- desk_relay.h - passes on the desk's packets of other boards --------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_DESK_RELAY_H
#define DISCO_BOARD_DESK_RELAY_H

#include "links.h"

// Of the emitted main.cpp: this node's links, and who asks through this board.
extern const board_links *const board_relay_links;
extern const uint16_t board_relay_ranks[];
extern const uint32_t board_relay_count;

#endif // DISCO_BOARD_DESK_RELAY_H
