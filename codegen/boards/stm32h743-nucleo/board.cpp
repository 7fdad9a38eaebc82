//===- board.cpp - ST Nucleo-H743ZI ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. 400 MHz, the rated speed of every revision at voltage scale 1 (RM0433,
// voltage scaling; 480 MHz wants revision V), from the 8 MHz that the debugger gives, or the
// internal oscillator, 64 MHz, where it gives none.

#include "cortex_m7.h"
#include "stm32_usart.h"
#include "wait_for.h"

// USART2, USART3 (the one of the debugger's serial port) and USART6.
const stm32_usart_place stm32_usarts[] = {
    {0x40004400, 38, 100000000}, {0x40004800, 39, 100000000}, {0x40011400, 71, 100000000}};
const uint32_t stm32_usart_count = 3;

namespace {

constexpr uintptr_t rcc = 0x58024400u, rcc_cr = rcc, rcc_cfgr = rcc + 0x10, rcc_d1cfgr = rcc + 0x18,
                    rcc_d2cfgr = rcc + 0x1c, rcc_d3cfgr = rcc + 0x20, rcc_pllckselr = rcc + 0x28,
                    rcc_pllcfgr = rcc + 0x2c, rcc_pll1divr = rcc + 0x30, power = 0x58024800u,
                    power_status = power + 4, power_supply = power + 0x0c, power_d3 = power + 0x18,
                    flash_acr = 0x52002000u;
constexpr uintptr_t rcc_ahb4enr = rcc + 0xe0, rcc_apb1lenr = rcc + 0xe8, rcc_apb2enr = rcc + 0xf0,
                    gpio_c = 0x58020800u, gpio_d = 0x58020c00u;

// 8 MHz / 2, or 64 MHz / 16, is 4 MHz; times 200, by 2.
void start_clock() {
  reg(power_supply) = (reg(power_supply) & ~7u) | 2u; // the regulator alone, for good
  wait_for(power_status, 1u << 13);
  reg(power_d3) |= 3u << 14; // voltage scale 1
  if (!wait_for(power_d3, 1u << 13))
    return;
  reg(rcc_cr) |= 1u << 18 | 1u << 16; // from outside, no crystal
  const bool outside = wait_for(rcc_cr, 1u << 17);
  reg(rcc_pllckselr) = outside ? 2u | 2u << 4 : 16u << 4;
  reg(rcc_pllcfgr) = 2u << 2 | 1u << 16; // 4 to 8 MHz come in; the first output is on
  reg(rcc_pll1divr) = 199u | 1u << 9 | 1u << 16 | 1u << 24;
  reg(rcc_cr) |= 1u << 24;
  if (!wait_for(rcc_cr, 1u << 25))
    return;
  reg(flash_acr) = 2u | 2u << 4;  // two wait states at 200 MHz
  reg(rcc_d1cfgr) = 8u | 4u << 4; // buses at a half, peripherals at a quarter
  reg(rcc_d2cfgr) = 4u << 4 | 4u << 8;
  reg(rcc_d3cfgr) = 4u << 4;
  reg(rcc_cfgr) = 3u;
  wait_for(rcc_cfgr, 3u << 3);
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
  reg(rcc_ahb4enr) |= 3u << 2;   // ports C and D
  reg(rcc_apb1lenr) |= 3u << 17; // USART2 and 3
  reg(rcc_apb2enr) |= 1u << 5;   // USART6
  constexpr uint32_t pins[] = {5, 6, 8, 9};
  for (uint32_t pin : pins)
    use_pin(gpio_d, pin, 7);
  use_pin(gpio_c, 6, 7);
  use_pin(gpio_c, 7, 7);
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return stm32_usart_interrupt(irq);
#else
  return false;
#endif
}
