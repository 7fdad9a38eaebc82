//===- virtio_console.h - serial lines through virtio consoles ------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_VIRTIO_CONSOLE_H
#define DISCO_BOARDS_VIRTIO_CONSOLE_H

#include "board_main.h"

#include <stdint.h>

inline namespace DISCO_RUNTIME {
struct disco_uart;
}

constexpr uint32_t virtio_consoles = 3;

// Opens console `number`, whose registers are at `base`.
bool virtio_console_open(uint32_t number, uintptr_t base, uint32_t irq, disco_uart *uart);

// Serves an interrupt. False: it is none of an open console.
bool virtio_console_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_VIRTIO_CONSOLE_H
