//===- board.cpp - Raspberry Pi Pico (RP2040) -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. The processor runs on the crystal, 12 MHz.

#include "cortex_m.h"
#include "pl011.h"

const pl011_place pl011_uarts[] = {{0x40034000, 20}, {0x40038000, 21}};
const uint32_t pl011_count = 2;

namespace {

constexpr uintptr_t resets = 0x4000c000, resets_done = resets + 8, xosc = 0x40024000,
                    xosc_status = xosc + 4, xosc_startup = xosc + 12, clk_ref = 0x40008030,
                    clk_peri = 0x40008048, io_bank = 0x40014000;

bool wait_for(uintptr_t address, uint32_t bits) {
  for (uint32_t i = 0; i < 1000000; ++i)
    if ((reg(address) & bits) == bits)
      return true;
  return false;
}

} // namespace

void board_init_hardware(void) {
  reg(xosc_startup) = 47; // a millisecond
  reg(xosc) = 0xfab000u | 0xaa0u;
  if (wait_for(xosc_status, 1u << 31))
    reg(clk_ref) = 2;
  reg(clk_peri) = 1u << 11;
  constexpr uint32_t used = 1u << 5 | 1u << 8 | 1u << 22 | 1u << 23; // pins, pads, UARTs
  reg(resets) &= ~used;
  wait_for(resets_done, used);
  constexpr uint32_t uart_function = 2, pins[] = {0, 1, 4, 5};
  for (uint32_t pin : pins)
    reg(io_bank + pin * 8 + 4) = uart_function;
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return pl011_interrupt(irq);
#else
  return false;
#endif
}
