//===- pl011.cpp - PL011 UARTs by interrupts ------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "pl011.h"

#include "bauds.h"
#include "cortex_m.h"
#include "drivers.h"
#include "uart.h"

namespace {

constexpr uint32_t most = 4;
constexpr uintptr_t data = 0, flags = 0x18, divider = 0x24, fraction = 0x28, line = 0x2c,
                    control = 0x30, int_mask = 0x38, int_clear = 0x44;
constexpr uint32_t rx_empty = 1u << 4, tx_full = 1u << 5;              // flags
constexpr uint32_t rx_int = 1u << 4, tx_int = 1u << 5, late = 1u << 6; // int_mask

constexpr board_divisors sixty_fourths = board_divide(BOARD_UART_HZ * 4u);

disco_uart *open_uarts[most];

// Interrupts are off, or this is one.
void send_bytes(uintptr_t base, disco_uart *uart) {
  while (!(reg(base + flags) & tx_full)) {
    uint8_t byte = 0;
    if (!disco_uart_tx_byte(uart, &byte)) {
      reg(base + int_mask) = rx_int | late;
      return;
    }
    reg(base + data) = byte;
  }
  reg(base + int_mask) = rx_int | late | tx_int;
}

void start_tx(void *context) {
  const pl011_place *place = static_cast<const pl011_place *>(context);
  const uint32_t mask = cortex_m_lock();
  send_bytes(place->base, open_uarts[place - pl011_uarts]);
  cortex_m_unlock(mask);
}

} // namespace

bool board_open_uart(uint32_t link, disco_uart *uart) {
  if (link >= pl011_count || link >= most)
    return false;
  const pl011_place *place = &pl011_uarts[link];
  open_uarts[link] = uart;
  uart->start_tx = start_tx;
  uart->context = const_cast<pl011_place *>(place);
  reg(place->base + divider) = sixty_fourths.of[link] / 64u;
  reg(place->base + fraction) = sixty_fourths.of[link] % 64u;
  reg(place->base + line) = 3u << 5 | 1u << 4; // 8 bits, with queues
  reg(place->base + control) = 1u | 1u << 8 | 1u << 9;
  reg(place->base + int_mask) = rx_int | late;
  cortex_m_enable(place->irq);
  return true;
}

bool pl011_interrupt(uint32_t irq) {
  for (uint32_t i = 0; i < pl011_count; ++i) {
    disco_uart *uart = open_uarts[i];
    if (!uart || pl011_uarts[i].irq != irq)
      continue;
    const uintptr_t base = pl011_uarts[i].base;
    reg(base + int_clear) = rx_int | tx_int | late;
    while (!(reg(base + flags) & rx_empty))
      disco_uart_rx_byte(uart, static_cast<uint8_t>(reg(base + data) & 0xffu));
    send_bytes(base, uart);
    return true;
  }
  return false;
}
