//===- desk_serial.h - the UART to the machine on the desk ----------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_DESK_SERIAL_H
#define DISCO_BOARD_DESK_SERIAL_H

#include "../disco.h"
#include "../transport/uart.h"

constexpr uint32_t board_desk_header = 8, board_desk_data = 128,
                   board_desk_packet = board_desk_header + board_desk_data + 4;

// Of the emitted main.cpp: rings of the port's bytes, its place among the board's links, how long
// the program waits for the desk at its start, and which program it is.
extern disco_uart board_desk;
extern const uint32_t board_desk_link, board_desk_patience_ms;
extern const disco_program *const board_desk_program;

#endif // DISCO_BOARD_DESK_SERIAL_H
