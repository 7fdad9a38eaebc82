//===- lpuart.cpp - UARTs of i.MX RT by interrupts ------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "lpuart.h"

#include "bauds.h"
#include "cortex_m.h"
#include "drivers.h"
#include "uart.h"

namespace {

constexpr uint32_t most = 8;
constexpr uintptr_t baud = 0x10, status = 0x14, control = 0x18, data = 0x1c;
constexpr uint32_t rx_full = 1u << 21, tx_empty = 1u << 23, overrun = 1u << 19; // status
constexpr uint32_t rx_int = 1u << 21, tx_int = 1u << 23, rx_on = 1u << 18, tx_on = 1u << 19;

// Samples a bit, 8 to 32, and what the clock is divided by before: the pair next to the speed.
struct divisor {
  uint32_t samples, by;
};

constexpr divisor divide(uint32_t speed) {
  divisor best = {16, 1};
  uint32_t least = UINT32_MAX;
  for (uint32_t samples = 32; samples >= 8; --samples) {
    const uint32_t whole = (BOARD_UART_HZ / samples + speed / 2) / speed, by = whole ? whole : 1;
    const uint32_t made = BOARD_UART_HZ / (samples * by);
    const uint32_t off = made > speed ? made - speed : speed - made;
    if (off < least) {
      least = off;
      best = {samples, by};
    }
  }
  return best;
}

struct divisor_table {
  divisor of[board_link_count];
};

constexpr divisor_table divide_all() {
  divisor_table made = {};
  for (uint32_t i = 0; i < board_link_count; ++i)
    made.of[i] = divide(board_bauds[i]);
  return made;
}
constexpr divisor_table divisors = divide_all();

disco_uart *open_uarts[most];

// Interrupts are off, or this is one.
void send_bytes(uintptr_t base, disco_uart *uart) {
  while (reg(base + status) & tx_empty) {
    uint8_t byte = 0;
    if (!disco_uart_tx_byte(uart, &byte)) {
      reg(base + control) = rx_on | tx_on | rx_int;
      return;
    }
    reg(base + data) = byte;
  }
  reg(base + control) = rx_on | tx_on | rx_int | tx_int;
}

void start_tx(void *context) {
  const lpuart_place *place = static_cast<const lpuart_place *>(context);
  const uint32_t mask = cortex_m_lock();
  send_bytes(place->base, open_uarts[place - lpuarts]);
  cortex_m_unlock(mask);
}

} // namespace

bool board_open_uart(uint32_t link, disco_uart *uart) {
  if (link >= lpuart_count || link >= most)
    return false;
  const lpuart_place *place = &lpuarts[link];
  open_uarts[link] = uart;
  uart->start_tx = start_tx;
  uart->context = const_cast<lpuart_place *>(place);
  reg(place->base + control) = 0;
  reg(place->base + baud) = (divisors.of[link].samples - 1) << 24 | divisors.of[link].by;
  reg(place->base + control) = rx_on | tx_on | rx_int;
  cortex_m_enable(place->irq);
  return true;
}

bool lpuart_interrupt(uint32_t irq) {
  for (uint32_t i = 0; i < lpuart_count; ++i) {
    disco_uart *uart = open_uarts[i];
    if (!uart || lpuarts[i].irq != irq)
      continue;
    const uintptr_t base = lpuarts[i].base;
    reg(base + status) = overrun; // ends one, if there is one
    while (reg(base + status) & rx_full)
      disco_uart_rx_byte(uart, static_cast<uint8_t>(reg(base + data) & 0xffu));
    send_bytes(base, uart);
    return true;
  }
  return false;
}
