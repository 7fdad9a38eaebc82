//===- stack.h - how much of the stack was used ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The start-up file fills the stack with a pattern before it calls anything; what is no longer the
// pattern was used.

#ifndef DISCO_BOARD_STACK_H
#define DISCO_BOARD_STACK_H

#include <stdint.h>

// Of the linker script: the lowest byte of the stack and the first one above it.
extern "C" uint8_t board_stack_low[], board_stack_high[];

#define BOARD_STACK_PATTERN 0xd15c0deau

// Fills what lies below the caller's frame.
void board_stack_paint(void);
// Bytes that were used since then.
uint32_t board_stack_used(void);
// Whether the lowest word is no longer the pattern.
bool board_stack_overflowed(void);

#endif // DISCO_BOARD_STACK_H
