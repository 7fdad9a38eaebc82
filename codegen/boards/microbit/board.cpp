//===- board.cpp - BBC micro:bit (nRF51822) -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// This Cortex-M0 has no SysTick: a timer of the chip is the tick.

#include "board.h"
#include "cortex_m.h"
#include "nrf_uart.h"

const uint32_t nrf_uart_tx_pin = 24, nrf_uart_rx_pin = 25;

namespace {

constexpr uintptr_t timer = 0x40008000, timer_start = timer, timer_capture1 = timer + 0x044,
                    timer_reached0 = timer + 0x140, timer_shorts = timer + 0x200,
                    timer_int_set = timer + 0x304, timer_bits = timer + 0x508,
                    timer_prescaler = timer + 0x510, timer_at0 = timer + 0x540,
                    timer_at1 = timer + 0x544;
constexpr uint32_t timer_irq = 8;

} // namespace

void board_init_hardware(void) {
  reg(timer_bits) = 3;      // 32 bits
  reg(timer_prescaler) = 4; // microseconds
  reg(timer_at0) = 1000;
  reg(timer_shorts) = 1; // begins again there
  reg(timer_int_set) = 1u << 16;
  reg(timer_start) = 1;
  cortex_m_enable(timer_irq);
}

uint32_t board_tick_us(bool *over) {
  reg(timer_capture1) = 1;
  uint32_t us = reg(timer_at1);
  *over = reg(timer_reached0) != 0;
  if (*over) {
    reg(timer_capture1) = 1;
    us = reg(timer_at1);
  }
  return us;
}

bool board_interrupt(uint32_t irq) {
  if (irq == timer_irq) {
    reg(timer_reached0) = 0;
    board_tick();
    return true;
  }
#ifdef BOARD_USES_UART
  return nrf_uart_interrupt(irq);
#else
  return false;
#endif
}
