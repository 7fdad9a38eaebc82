//===- board.cpp - ST Nucleo-H743ZI ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. The processor stays on the oscillator that it starts with.

#include "cortex_m.h"
#include "stm32_usart.h"

// USART2, USART3 (the one of the debugger's serial port) and USART6.
const stm32_usart_place stm32_usarts[] = {
    {0x40004400, 38, 64000000}, {0x40004800, 39, 64000000}, {0x40011400, 71, 64000000}};
const uint32_t stm32_usart_count = 3;

namespace {

constexpr uintptr_t rcc = 0x58024400u, rcc_ahb4enr = rcc + 0xe0, rcc_apb1lenr = rcc + 0xe8,
                    rcc_apb2enr = rcc + 0xf0, gpio_c = 0x58020800u, gpio_d = 0x58020c00u;

void use_pin(uintptr_t base, uint32_t pin, uint32_t function) {
  reg(base) = (reg(base) & ~(3u << pin * 2)) | 2u << pin * 2;
  reg(base + 0x0c) |= 1u << pin * 2; // pulled up, so that an open line is idle
  const uintptr_t select = base + 0x20 + pin / 8 * 4;
  reg(select) = (reg(select) & ~(15u << pin % 8 * 4)) | function << pin % 8 * 4;
}

} // namespace

void board_init_hardware(void) {
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
