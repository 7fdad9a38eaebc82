//===- nrf52840.cpp - boards with a Nordic nRF52840 -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. The pins of the UART are the board's: BOARD_UART_TX_PIN, BOARD_UART_RX_PIN.

#include "cortex_m.h"
#include "nrf_uart.h"

const uint32_t nrf_uart_tx_pin = BOARD_UART_TX_PIN, nrf_uart_rx_pin = BOARD_UART_RX_PIN;

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
