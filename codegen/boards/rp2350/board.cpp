//===- board.cpp - Raspberry Pi Pico 2 (RP2350, Cortex-M33) ---------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. 150 MHz, the rated speed at the core's 1.10 V (data sheet, clocks), from
// the crystal of 12 MHz. The boot ROM has made the flash readable as memory.

#include "cortex_m.h"
#include "pl011.h"
#include "wait_for.h"

const pl011_place pl011_uarts[] = {{0x40070000, 33}, {0x40078000, 34}};
const uint32_t pl011_count = 2;

namespace {

constexpr uintptr_t resets = 0x40020000, resets_done = resets + 8, xosc = 0x40048000,
                    xosc_status = xosc + 4, xosc_startup = xosc + 12, clk_ref = 0x40010030,
                    clk_ref_selected = clk_ref + 8, clk_sys = 0x4001003c,
                    clk_sys_selected = clk_sys + 8, clk_peri = 0x40010048, pll = 0x40050000,
                    pll_power = pll + 4, pll_feedback = pll + 8, pll_dividers = pll + 12,
                    io_bank = 0x40028000, pads = 0x40038004;

void release(uint32_t bits) {
  reg(resets) &= ~bits;
  wait_for(resets_done, bits);
}

bool start_crystal() {
  reg(xosc_startup) = 47; // a millisecond
  reg(xosc) = 0xfab000u | 0xaa0u;
  if (!wait_for(xosc_status, 1u << 31))
    return false;
  reg(clk_ref) = 2;
  return wait_for(clk_ref_selected, 1u << 2);
}

// 12 MHz times 125 is 1,500 MHz; divided by 5 and by 2.
bool start_pll() {
  reg(clk_sys) = 0; // on the reference meanwhile
  wait_for(clk_sys_selected, 1);
  reg(resets) |= 1u << 14;
  release(1u << 14);
  reg(pll) = 1;
  reg(pll_feedback) = 125;
  reg(pll_power) &= ~(1u | 1u << 5); // the PLL and its oscillator are on
  if (!wait_for(pll, 1u << 31))
    return false;
  reg(pll_dividers) = 5u << 16 | 2u << 12;
  reg(pll_power) &= ~(1u << 3); // so are its dividers
  return true;
}

} // namespace

void board_init_hardware(void) {
  if (start_crystal() && start_pll()) {
    reg(clk_sys) = 1; // the PLL is the first of its sources
    wait_for(clk_sys_selected, 1u << 1);
  }
  reg(clk_peri) = 1u << 11;                         // the system's clock
  release(1u << 6 | 1u << 9 | 1u << 26 | 1u << 27); // pins, pads, UARTs
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
