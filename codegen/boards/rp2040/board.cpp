//===- board.cpp - Raspberry Pi Pico (RP2040) -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// 133 MHz, the rated speed at the core's 1.10 V (data sheet, clocks), from the crystal of 12 MHz.

#include "cortex_m.h"
#include "pl011.h"
#include "wait_for.h"

const pl011_place pl011_uarts[] = {{0x40034000, 20}, {0x40038000, 21}};
const uint32_t pl011_count = 2;

namespace {

constexpr uintptr_t resets = 0x4000c000, resets_done = resets + 8, xosc = 0x40024000,
                    xosc_status = xosc + 4, xosc_startup = xosc + 12, clk_ref = 0x40008030,
                    clk_ref_selected = clk_ref + 8, clk_sys = 0x4000803c,
                    clk_sys_selected = clk_sys + 8, clk_peri = 0x40008048, pll = 0x40028000,
                    pll_power = pll + 4, pll_feedback = pll + 8, pll_dividers = pll + 12,
                    io_bank = 0x40014000;

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

// 12 MHz times 133 is 1,596 MHz; divided by 6 and by 2.
bool start_pll() {
  reg(clk_sys) = 0; // on the reference meanwhile
  wait_for(clk_sys_selected, 1);
  reg(resets) |= 1u << 12;
  release(1u << 12);
  reg(pll) = 1;
  reg(pll_feedback) = 133;
  reg(pll_power) &= ~(1u | 1u << 5); // the PLL and its oscillator are on
  if (!wait_for(pll, 1u << 31))
    return false;
  reg(pll_dividers) = 6u << 16 | 2u << 12;
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
  release(1u << 5 | 1u << 8 | 1u << 22 | 1u << 23); // pins, pads, UARTs
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
