//===- board.cpp - ST Nucleo-F746ZG ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. 216 MHz, the rated speed with over-drive (RM0385, over-drive),
// from the 8 MHz that the debugger gives, or the internal oscillator where it gives none.

#include "cortex_m7.h"
#include "stm32_usart.h"
#include "wait_for.h"

// USART2, USART3 (the one of the debugger's serial port) and USART6.
const stm32_usart_place stm32_usarts[] = {
    {0x40004400, 38, 54000000}, {0x40004800, 39, 54000000}, {0x40011400, 71, 108000000}};
const uint32_t stm32_usart_count = 3;

namespace {

constexpr uintptr_t rcc = 0x40023800u, rcc_cr = rcc, rcc_pllcfgr = rcc + 4, rcc_cfgr = rcc + 8,
                    power = 0x40007000u, power_status = power + 4, flash_acr = 0x40023c00u;
constexpr uintptr_t rcc_ahb1enr = rcc + 0x30, rcc_apb1enr = rcc + 0x40, rcc_apb2enr = rcc + 0x44,
                    gpio_c = 0x40020800u, gpio_d = 0x40020c00u;

// 8 MHz / 4, or 16 MHz / 8, times 216, by 2.
void start_clock() {
  reg(rcc_apb1enr) |= 1u << 28;
  reg(rcc_cr) |= 1u << 18 | 1u << 16; // from outside, no crystal
  const bool outside = wait_for(rcc_cr, 1u << 17);
  reg(rcc_pllcfgr) = (outside ? 4u | 1u << 22 : 8u) | 216u << 6 | 9u << 24;
  reg(rcc_cr) |= 1u << 24;
  reg(power) |= 1u << 16; // over-drive
  if (!wait_for(power_status, 1u << 16))
    return;
  reg(power) |= 1u << 17;
  if (!wait_for(power_status, 1u << 17) || !wait_for(rcc_cr, 1u << 25))
    return;
  reg(flash_acr) = 7u | 3u << 8;       // seven wait states, prefetch, accelerator
  reg(rcc_cfgr) = 5u << 10 | 4u << 13; // the peripherals' clocks: a quarter and a half
  reg(rcc_cfgr) |= 2u;
  wait_for(rcc_cfgr, 2u << 2);
}

void use_pin(uintptr_t base, uint32_t pin, uint32_t function) {
  reg(base) = (reg(base) & ~(3u << pin * 2)) | 2u << pin * 2;
  reg(base + 0x0c) |= 1u << pin * 2; // pulled up, so that an open line is idle
  const uintptr_t select = base + 0x20 + pin / 8 * 4;
  reg(select) = (reg(select) & ~(15u << pin % 8 * 4)) | function << pin % 8 * 4;
}

} // namespace

void board_init_hardware(void) {
  start_clock();
  cortex_m7_start_caches();
  reg(rcc_ahb1enr) |= 3u << 2;  // ports C and D
  reg(rcc_apb1enr) |= 3u << 17; // USART2 and 3
  reg(rcc_apb2enr) |= 1u << 5;  // USART6
  constexpr uint32_t pins[] = {5, 6, 8, 9};
  for (uint32_t pin : pins)
    use_pin(gpio_d, pin, 7);
  use_pin(gpio_c, 6, 8);
  use_pin(gpio_c, 7, 8);
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return stm32_usart_interrupt(irq);
#else
  return false;
#endif
}
