//===- ns16550.cpp - one NS16550 by interrupts ----------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "ns16550.h"

#include "bauds.h"
#include "riscv.h"
#include "uart.h"

namespace {

constexpr uintptr_t data = 0, interrupts = 1, fifo = 2, line = 3, modem = 4, line_status = 5;
constexpr uint8_t rx_ready = 1, tx_empty = 0x20; // line status
constexpr uint8_t rx_int = 1, tx_int = 2;        // interrupts
constexpr uint32_t fifo_bytes = 16;

constexpr board_divisors divisors = board_divide(BOARD_UART_HZ / 16);

disco_uart *open_uart;
uintptr_t base;
uint32_t open_irq;

// Interrupts are off, or this is one.
void send_bytes() {
  if (reg8(base + line_status) & tx_empty) {
    for (uint32_t i = 0; i < fifo_bytes; ++i) {
      uint8_t byte = 0;
      if (!disco_uart_tx_byte(open_uart, &byte)) {
        reg8(base + interrupts) = rx_int;
        return;
      }
      reg8(base + data) = byte;
    }
  }
  reg8(base + interrupts) = rx_int | tx_int;
}

void start_tx(void *) {
  const uint32_t status = riscv_lock();
  send_bytes();
  riscv_unlock(status);
}

} // namespace

bool ns16550_open(uintptr_t at, uint32_t irq, uint32_t link, disco_uart *uart) {
  const uint32_t divider = divisors.of[link];
  base = at;
  open_irq = irq;
  open_uart = uart;
  uart->start_tx = start_tx;
  reg8(base + line) = 0x80; // the divider's registers
  reg8(base + data) = static_cast<uint8_t>(divider);
  reg8(base + interrupts) = static_cast<uint8_t>(divider >> 8);
  reg8(base + line) = 3;  // 8 bits, no parity
  reg8(base + fifo) = 7;  // on, and empty
  reg8(base + modem) = 8; // lets interrupts out
  reg8(base + interrupts) = rx_int;
  riscv_enable(irq);
  return true;
}

bool ns16550_interrupt(uint32_t irq) {
  if (!open_uart || irq != open_irq)
    return false;
  while (reg8(base + line_status) & rx_ready)
    disco_uart_rx_byte(open_uart, reg8(base + data));
  send_bytes();
  return true;
}
