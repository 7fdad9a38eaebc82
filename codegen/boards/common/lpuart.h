//===- lpuart.h - the UART of i.MX RT -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_LPUART_H
#define DISCO_BOARDS_LPUART_H

#include <stdint.h>

struct lpuart_place {
  uintptr_t base;
  uint32_t irq;
};

// Of the board: its UARTs by the number of the link. The clock is BOARD_UART_HZ.
extern const lpuart_place lpuarts[];
extern const uint32_t lpuart_count;

// Serves an interrupt. False: it is none of an open UART.
bool lpuart_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_LPUART_H
