//===- nrf_uart.cpp - the UART of nRF51 and nRF52 by interrupts -----------===//
// SPDX-License-Identifier: Apache-2.0

#include "nrf_uart.h"

#include "bauds.h"
#include "cortex_m.h"
#include "drivers.h"
#include "uart.h"

namespace {

constexpr uintptr_t base = 0x40002000, start_rx = base, start_tx_task = base + 0x008,
                    rx_ready = base + 0x108, tx_ready = base + 0x11c, int_set = base + 0x304,
                    enable = base + 0x500, tx_pin = base + 0x50c, rx_pin = base + 0x514,
                    rx_data = base + 0x518, tx_data = base + 0x51c, baud = base + 0x524,
                    gpio = 0x50000000;
constexpr uint32_t irq_number = 2;

// Of 16 MHz in units of 2^-32, in steps of 4096.
constexpr uint32_t rate(uint64_t baud) {
  return static_cast<uint32_t>(((baud << 32) / 16000000 + 0x800) & ~0xfffull);
}
constexpr uint32_t rates[] = {rate(board_bauds[0])};

disco_uart *open_uart;
bool sending; // a byte is on its way, and an event will tell when it has left

// Interrupts are off, or this is one.
void send_next() {
  uint8_t byte = 0;
  if (sending || !disco_uart_tx_byte(open_uart, &byte))
    return;
  sending = true;
  reg(tx_data) = byte;
}

void start_tx(void *) {
  const uint32_t mask = cortex_m_lock();
  send_next();
  cortex_m_unlock(mask);
}

} // namespace

bool board_open_uart(uint32_t link, disco_uart *uart) {
  open_uart = uart;
  uart->start_tx = start_tx;
  reg(gpio + 0x508) = 1u << nrf_uart_tx_pin; // idle is high
  reg(gpio + 0x518) = 1u << nrf_uart_tx_pin; // an output
  reg(tx_pin) = nrf_uart_tx_pin;
  reg(rx_pin) = nrf_uart_rx_pin;
  reg(baud) = rates[link];
  reg(enable) = 4;
  reg(rx_ready) = 0;
  reg(tx_ready) = 0;
  reg(int_set) = 1u << 2 | 1u << 7; // received, sent
  reg(start_tx_task) = 1;
  reg(start_rx) = 1;
  cortex_m_enable(irq_number);
  return true;
}

bool nrf_uart_interrupt(uint32_t irq) {
  if (!open_uart || irq != irq_number)
    return false;
  while (reg(rx_ready)) {
    reg(rx_ready) = 0;
    disco_uart_rx_byte(open_uart, static_cast<uint8_t>(reg(rx_data)));
  }
  if (reg(tx_ready)) {
    reg(tx_ready) = 0;
    sending = false;
    send_next();
  }
  return true;
}
