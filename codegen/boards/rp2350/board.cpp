//===- board.cpp - Raspberry Pi Pico 2 (RP2350, Cortex-M33) ---------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. 150 MHz, the rated speed at the core's 1.10 V (data sheet, clocks), from
// the crystal of 12 MHz. The boot ROM has made the flash readable as memory.

#include "cortex_m.h"
#include "pl011.h"
#include "rp_clocks.h"

const pl011_place pl011_uarts[] = {{0x40070000, 33}, {0x40078000, 34}};
const uint32_t pl011_count = 2;

namespace {

// 12 MHz times 125 is 1,500 MHz; divided by 5 and by 2.
constexpr rp_clocks clocks = {0x40020000, 0x40048000, 0x40010030, 0x40050000, 1u << 14, 125, 5, 2};
constexpr uintptr_t io_bank = 0x40028000, pads = 0x40038004;

} // namespace

void board_init_hardware(void) {
  rp_start_clocks(clocks);
  rp_release(clocks, 1u << 6 | 1u << 9 | 1u << 26 | 1u << 27); // pins, pads, UARTs
  constexpr uint32_t uart_function = 2, isolated = 1u << 8, input = 1u << 6, pins[] = {0, 1, 4, 5};
  for (uint32_t pin : pins) {
    reg(io_bank + pin * 8 + 4) = uart_function;
    reg(pads + pin * 4) = (reg(pads + pin * 4) & ~isolated) | input;
  }
}

// The processor's own request would leave the peripherals as they are: the watchdog resets all but
// the oscillators (data sheet, power-on state machine).
void board_restart(void) {
  constexpr uintptr_t psm_watchdog = 0x40018008, watchdog = 0x400d8000;
  reg(psm_watchdog) = 0x01fffff3;
  reg(watchdog) = 1u << 31;
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return pl011_interrupt(irq);
#else
  return false;
#endif
}
