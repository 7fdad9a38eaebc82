//===- ns16550.h - a UART like the NS16550 --------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_NS16550_H
#define DISCO_BOARDS_NS16550_H

#include "board_main.h"

#include <stdint.h>

inline namespace DISCO_RUNTIME {
struct disco_uart;
}

// Opens the one at `base`, which is the board's link of this number. The clock is BOARD_UART_HZ.
bool ns16550_open(uintptr_t base, uint32_t irq, uint32_t link, disco_uart *uart);

// Serves an interrupt. False: it is not open, or another one.
bool ns16550_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_NS16550_H
