//===- board.cpp - Adafruit Feather nRF52840 Express ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run.

#include "cortex_m.h"
#include "nrf_uart.h"

const uint32_t nrf_uart_tx_pin = 25, nrf_uart_rx_pin = 24;

// The crystal of 32 MHz, which a UART needs.
void board_init_hardware(void) {
  constexpr uintptr_t start = 0x40000000, started = 0x40000100;
  reg(start) = 1;
  for (uint32_t i = 0; i < 1000000 && !reg(started); ++i) {
  }
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return nrf_uart_interrupt(irq);
#else
  return false;
#endif
}
