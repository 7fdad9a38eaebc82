//===- board.cpp - Arm MPS2 with the AN500 image (Cortex-M7) --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cmsdk_uart.h"
#include "cortex_m.h"
#include "lan9118.h"

const cmsdk_uart_place cmsdk_uarts[] = {{0x40004000, 0, 1},
                                        {0x40005000, 2, 3},
                                        {0x40006000, 4, 5},
                                        {0x40007000, 18, 19},
                                        {0x40009000, 20, 21}};
const uint32_t cmsdk_uart_count = 5;

const uintptr_t lan9118_base = 0xa0000000;
const uint32_t lan9118_irq = 13;

void board_init_hardware(void) {}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
  bool known = false;
#ifdef BOARD_USES_UART
  known = cmsdk_uart_interrupt(irq);
#endif
#ifdef BOARD_USES_ETHERNET
  known = lan9118_interrupt(irq) || known;
#endif
  return known;
}
