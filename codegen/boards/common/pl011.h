//===- pl011.h - Arm's UART PL011 -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_PL011_H
#define DISCO_BOARDS_PL011_H

#include <stdint.h>

struct pl011_place {
  uintptr_t base;
  uint32_t irq;
};

// Of the board: its UARTs by the number of the link. The clock is BOARD_UART_HZ.
extern const pl011_place pl011_uarts[];
extern const uint32_t pl011_count;

// Serves an interrupt. False: it is none of an open UART.
bool pl011_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_PL011_H
