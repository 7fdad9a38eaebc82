//===- stack.cpp - painting and measuring the stack -----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "stack.h"

#include <stddef.h>

// What this function and an interrupt in it may need is left as it is.
static constexpr uint32_t own_bytes = 192;

void board_stack_paint(void) {
  uint8_t *here = static_cast<uint8_t *>(__builtin_frame_address(0)) - own_bytes;
  volatile uint32_t *end = reinterpret_cast<volatile uint32_t *>(reinterpret_cast<uintptr_t>(here) &
                                                                 ~static_cast<uintptr_t>(3));
  for (volatile uint32_t *p = reinterpret_cast<volatile uint32_t *>(board_stack_low); p < end; ++p)
    *p = BOARD_STACK_PATTERN;
}

uint32_t board_stack_used(void) {
  const volatile uint32_t *p = reinterpret_cast<const volatile uint32_t *>(board_stack_low);
  const volatile uint32_t *end = reinterpret_cast<const volatile uint32_t *>(board_stack_high);
  while (p < end && *p == BOARD_STACK_PATTERN)
    ++p;
  return static_cast<uint32_t>(end - p) * 4u;
}

bool board_stack_overflowed(void) {
  return *reinterpret_cast<const volatile uint32_t *>(board_stack_low) != BOARD_STACK_PATTERN;
}
