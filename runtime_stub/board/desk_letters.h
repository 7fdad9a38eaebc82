//===- desk_letters.h - the way to the desk over the links ----------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_DESK_LETTERS_H
#define DISCO_BOARD_DESK_LETTERS_H

#include "desk_way.h"
#include "links.h"

// Of the emitted main.cpp: this node's links, and the rank that passes on what is asked.
extern const board_links *const board_desk_links;
extern const uint32_t board_desk_node;

#endif // DISCO_BOARD_DESK_LETTERS_H
