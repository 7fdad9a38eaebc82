//===- board.cpp - STM32 VL Discovery (STM32F100) -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The emulator has neither clocks nor pins: registers there read as 0, so nothing waits for ever.

#include "cortex_m.h"
#include "stm32_usart.h"

const stm32_usart_place stm32_usarts[] = {
    {0x40013800, 37, 24000000}, {0x40004400, 38, 24000000}, {0x40004800, 39, 24000000}};
const uint32_t stm32_usart_count = 3;

namespace {

constexpr uintptr_t rcc = 0x40021000u, rcc_cr = rcc, rcc_cfgr = rcc + 4, rcc_apb2enr = rcc + 0x18,
                    rcc_apb1enr = rcc + 0x1c, gpio_a = 0x40010800u, gpio_b = 0x40010c00u;

bool wait_for(uintptr_t address, uint32_t bit) {
  for (uint32_t i = 0; i < 100000; ++i)
    if (reg(address) & bit)
      return true;
  return false;
}

// 24 MHz: the crystal of 8 MHz times 3.
void start_clock() {
  reg(rcc_cr) |= 1u << 16;
  if (!wait_for(rcc_cr, 1u << 17))
    return;
  reg(rcc_cfgr) = 1u << 16 | 1u << 18;
  reg(rcc_cr) |= 1u << 24;
  if (wait_for(rcc_cr, 1u << 25))
    reg(rcc_cfgr) |= 2u;
}

// A pair of pins: the lower one sends, the other one receives.
void use_pins(uintptr_t gpio, uint32_t tx) {
  const uint32_t modes = 0x4bu; // alternate output of 50 MHz, then floating input
  const uintptr_t low = gpio + tx / 8 * 4;
  reg(low) = (reg(low) & ~(0xffu << tx % 8 * 4)) | modes << tx % 8 * 4;
}

} // namespace

void board_init_hardware(void) {
  start_clock();
  reg(rcc_apb2enr) |= 1u << 14 | 1u << 3 | 1u << 2 | 1u; // USART1, ports B and A, functions
  reg(rcc_apb1enr) |= 3u << 17;
  use_pins(gpio_a, 9);
  use_pins(gpio_a, 2);
  use_pins(gpio_b, 10);
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return stm32_usart_interrupt(irq);
#else
  return false;
#endif
}
