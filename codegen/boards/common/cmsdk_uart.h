//===- cmsdk_uart.h - the UART of Arm's Cortex-M system design kit --------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_CMSDK_UART_H
#define DISCO_BOARDS_CMSDK_UART_H

#include <stdint.h>

// Where one is.
struct cmsdk_uart_place {
  uintptr_t base;
  uint8_t rx_irq, tx_irq;
};

// Of the board: its UARTs by the number of the link.
extern const cmsdk_uart_place cmsdk_uarts[];
extern const uint32_t cmsdk_uart_count;

// Serves an interrupt. False: it is none of an open UART.
bool cmsdk_uart_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_CMSDK_UART_H
