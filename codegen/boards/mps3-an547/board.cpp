//===- board.cpp - Arm MPS3 with the AN547 image (Cortex-M55) -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The processor starts in its secure state, and the peripherals are named by their secure
// addresses.

#include "cmsdk_uart.h"
#include "cortex_m.h"
#include "lan9118.h"

const cmsdk_uart_place cmsdk_uarts[] = {{0x59303000, 33, 34}, {0x59304000, 35, 36},
                                        {0x59305000, 37, 38}, {0x59306000, 39, 40},
                                        {0x59307000, 41, 42}, {0x59308000, 125, 126}};
const uint32_t cmsdk_uart_count = 6;

const uintptr_t lan9118_base = 0x51400000;
const uint32_t lan9118_irq = 49;

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
