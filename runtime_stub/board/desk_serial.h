//===- desk_serial.h - the UART to the machine on the desk ----------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_DESK_SERIAL_H
#define DISCO_BOARD_DESK_SERIAL_H

#include "../transport/uart.h"
#include "desk_way.h"

// Of the emitted main.cpp: rings of the port's bytes, and its place among the board's links.
extern disco_uart board_desk;
extern const uint32_t board_desk_link;

#endif // DISCO_BOARD_DESK_SERIAL_H
