//===- board.cpp - Raspberry Pi Pico (RP2040) -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// 133 MHz, the rated speed at the core's 1.10 V (data sheet, clocks), from the crystal of 12 MHz.

#include "cortex_m.h"
#include "pl011.h"
#include "rp_clocks.h"

const pl011_place pl011_uarts[] = {{0x40034000, 20}, {0x40038000, 21}};
const uint32_t pl011_count = 2;

namespace {

// 12 MHz times 133 is 1,596 MHz; divided by 6 and by 2.
constexpr rp_clocks clocks = {0x4000c000, 0x40024000, 0x40008030, 0x40028000, 1u << 12, 133, 6, 2};
constexpr uintptr_t io_bank = 0x40014000;

} // namespace

void board_init_hardware(void) {
  rp_start_clocks(clocks);
  rp_release(clocks, 1u << 5 | 1u << 8 | 1u << 22 | 1u << 23); // pins, pads, UARTs
  constexpr uint32_t uart_function = 2, pins[] = {0, 1, 4, 5};
  for (uint32_t pin : pins)
    reg(io_bank + pin * 8 + 4) = uart_function;
}

// The processor's own request would leave the peripherals as they are: the watchdog resets all but
// the oscillators (data sheet, power-on state machine).
void board_restart(void) {
  constexpr uintptr_t psm_watchdog = 0x40010008, watchdog = 0x40058000;
  reg(psm_watchdog) = 0x1fffc;
  reg(watchdog) = 1u << 31;
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return pl011_interrupt(irq);
#else
  return false;
#endif
}
