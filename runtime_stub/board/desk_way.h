//===- desk_way.h - what carries requests to the desk ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// desk_ask.cpp asks over one of these: desk_serial.cpp, a UART of the board; desk_letters.cpp, the
// links, to a board that has such a UART and passes on what comes (desk_relay.h).

#ifndef DISCO_BOARD_DESK_WAY_H
#define DISCO_BOARD_DESK_WAY_H

#include "../disco.h"

constexpr uint32_t board_desk_header = 8, board_desk_data = 128,
                   board_desk_packet = board_desk_header + board_desk_data + 4;

// Of the emitted main.cpp: how long the program waits for the desk at its start, and which program
// it is.
extern const uint32_t board_desk_patience_ms;
extern const disco_program *const board_desk_program;

// Whether the way is there.
bool desk_way_open(void);
// The most bytes of data of a request or an answer, at most board_desk_data.
uint32_t desk_way_data(void);
// How long an answer may take, microseconds.
uint64_t desk_way_patience(void);
// `packet`: a header and data, with room for 4 bytes more. What finds no room is lost.
void desk_way_send(uint8_t *packet, uint32_t size);
// Copies a packet that came whole, of at most board_desk_packet bytes; its size, 0: there is none.
uint32_t desk_way_receive(uint8_t *packet);
// Sleeps until something may have come, at most so long.
void desk_way_idle(uint64_t us);
// In a fault: sends what waits, without interrupts.
void desk_way_drain(void);

// Of desk_relay.cpp, on a node through which others ask: whether the packet of the desk was for one
// of them, and has been sent there.
bool board_relay_answer(const uint8_t *packet, uint32_t size);

#endif // DISCO_BOARD_DESK_WAY_H
