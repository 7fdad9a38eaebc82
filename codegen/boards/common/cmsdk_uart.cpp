//===- cmsdk_uart.cpp - CMSDK UARTs by interrupts -------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cmsdk_uart.h"

#include "bauds.h"
#include "cortex_m.h"
#include "drivers.h"
#include "uart.h"

namespace {

constexpr uint32_t most = 8;
constexpr uintptr_t data = 0, state = 4, control = 8, int_status = 12, divider = 16;
constexpr uint32_t tx_full = 1, rx_full = 2;                     // state
constexpr uint32_t tx_on = 1, rx_on = 2, tx_int = 4, rx_int = 8; // control
constexpr uint32_t tx_done = 1, rx_came = 2, clear_all = 15;     // interrupt

constexpr board_divisors divisors = board_divide(BOARD_PERIPHERAL_HZ);

disco_uart *open_uarts[most];

// The controller has room for one byte and tells when it has left.
void send_next(uintptr_t base, disco_uart *uart) {
  uint8_t byte = 0;
  if (!(reg(base + state) & tx_full) && disco_uart_tx_byte(uart, &byte))
    reg(base + data) = byte;
}

void start_tx(void *context) {
  const cmsdk_uart_place *place = static_cast<const cmsdk_uart_place *>(context);
  const uint32_t mask = cortex_m_lock();
  send_next(place->base, open_uarts[place - cmsdk_uarts]);
  cortex_m_unlock(mask);
}

} // namespace

bool board_open_uart(uint32_t link, disco_uart *uart) {
  if (link >= cmsdk_uart_count || link >= most)
    return false;
  const cmsdk_uart_place *place = &cmsdk_uarts[link];
  open_uarts[link] = uart;
  uart->start_tx = start_tx;
  uart->context = const_cast<cmsdk_uart_place *>(place);
  reg(place->base + divider) = divisors.of[link];
  reg(place->base + int_status) = clear_all;
  reg(place->base + control) = tx_on | rx_on | tx_int | rx_int;
  cortex_m_enable(place->rx_irq);
  cortex_m_enable(place->tx_irq);
  return true;
}

bool cmsdk_uart_interrupt(uint32_t irq) {
  for (uint32_t i = 0; i < cmsdk_uart_count; ++i) {
    const cmsdk_uart_place *place = &cmsdk_uarts[i];
    disco_uart *uart = open_uarts[i];
    if (!uart || (irq != place->rx_irq && irq != place->tx_irq))
      continue;
    const uintptr_t base = place->base;
    if (irq == place->rx_irq) {
      reg(base + int_status) = rx_came;
      while (reg(base + state) & rx_full)
        disco_uart_rx_byte(uart, static_cast<uint8_t>(reg(base + data)));
    } else {
      reg(base + int_status) = tx_done;
      send_next(base, uart);
    }
    return true;
  }
  return false;
}
