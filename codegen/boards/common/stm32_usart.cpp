//===- stm32_usart.cpp - USARTs of STM32 by interrupts --------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// BOARD_USART_VERSION is 1 for the registers of F1, F2 and F4, 2 for those of F0, F3, F7 and H7.

#include "stm32_usart.h"

#include "bauds.h"
#include "cortex_m.h"
#include "drivers.h"
#include "uart.h"

namespace {

constexpr uint32_t most = 8;
#if BOARD_USART_VERSION == 1
constexpr uintptr_t status = 0, rx_data = 4, tx_data = 4, divider = 8, control = 12;
constexpr uint32_t usart_on = 1u << 13;
#else
constexpr uintptr_t status = 0x1c, rx_data = 0x24, tx_data = 0x28, divider = 12, control = 0,
                    clear = 0x20;
constexpr uint32_t usart_on = 1;
#endif
constexpr uint32_t rx_full = 1u << 5, tx_empty = 1u << 7; // status, and their interrupts in control
constexpr uint32_t overrun = 1u << 3;
constexpr uint32_t rx_on = 1u << 2, tx_on = 1u << 3;

disco_uart *open_uarts[most];

// Interrupts are off, or this is one.
void send_bytes(uintptr_t base, disco_uart *uart) {
  while (reg(base + status) & tx_empty) {
    uint8_t byte = 0;
    if (!disco_uart_tx_byte(uart, &byte)) {
      reg(base + control) = usart_on | tx_on | rx_on | rx_full;
      return;
    }
    reg(base + tx_data) = byte;
  }
  reg(base + control) = usart_on | tx_on | rx_on | rx_full | tx_empty;
}

void start_tx(void *context) {
  const stm32_usart_place *place = static_cast<const stm32_usart_place *>(context);
  const uint32_t mask = cortex_m_lock();
  send_bytes(place->base, open_uarts[place - stm32_usarts]);
  cortex_m_unlock(mask);
}

} // namespace

bool board_open_uart(uint32_t link, disco_uart *uart) {
  if (link >= stm32_usart_count || link >= most)
    return false;
  const stm32_usart_place *place = &stm32_usarts[link];
  open_uarts[link] = uart;
  uart->start_tx = start_tx;
  uart->context = const_cast<stm32_usart_place *>(place);
  reg(place->base + divider) = (place->clock_hz + board_bauds[link] / 2) / board_bauds[link];
  reg(place->base + control) = usart_on | tx_on | rx_on | rx_full;
  cortex_m_enable(place->irq);
  return true;
}

bool stm32_usart_interrupt(uint32_t irq) {
  for (uint32_t i = 0; i < stm32_usart_count; ++i) {
    disco_uart *uart = open_uarts[i];
    if (!uart || stm32_usarts[i].irq != irq)
      continue;
    const uintptr_t base = stm32_usarts[i].base;
#if BOARD_USART_VERSION == 1
    // Reading the data after the status also ends an overrun.
    while (reg(base + status) & (rx_full | overrun))
      disco_uart_rx_byte(uart, static_cast<uint8_t>(reg(base + rx_data)));
#else
    reg(base + clear) = overrun;
    while (reg(base + status) & rx_full)
      disco_uart_rx_byte(uart, static_cast<uint8_t>(reg(base + rx_data)));
#endif
    send_bytes(base, uart);
    return true;
  }
  return false;
}
