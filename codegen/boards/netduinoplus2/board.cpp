//===- board.cpp - Netduino Plus 2 (STM32F405) ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The emulator has neither clocks nor pins: registers there read as 0, so nothing waits for ever.

#include "cortex_m.h"
#include "stm32_usart.h"

// USART1 to 3, UART4 and 5, USART6.
const stm32_usart_place stm32_usarts[] = {{0x40011000, 37, 84000000}, {0x40004400, 38, 42000000},
                                          {0x40004800, 39, 42000000}, {0x40004c00, 52, 42000000},
                                          {0x40005000, 53, 42000000}, {0x40011400, 71, 84000000}};
const uint32_t stm32_usart_count = 6;

namespace {

constexpr uintptr_t rcc = 0x40023800u, rcc_cr = rcc, rcc_pllcfgr = rcc + 4, rcc_cfgr = rcc + 8,
                    rcc_ahb1enr = rcc + 0x30, rcc_apb1enr = rcc + 0x40, rcc_apb2enr = rcc + 0x44,
                    flash_acr = 0x40023c00u, gpio_a = 0x40020000u;

bool wait_for(uintptr_t address, uint32_t bit) {
  for (uint32_t i = 0; i < 100000; ++i)
    if (reg(address) & bit)
      return true;
  return false;
}

// 168 MHz from the crystal of 25 MHz.
void start_clock() {
  reg(rcc_cr) |= 1u << 16;
  if (!wait_for(rcc_cr, 1u << 17))
    return;
  reg(rcc_pllcfgr) = 25u | 336u << 6 | 1u << 22 | 7u << 24;
  reg(rcc_cfgr) = 5u << 10 | 4u << 13; // the peripherals' clocks: a quarter and a half
  reg(flash_acr) = 5u | 7u << 8;       // five wait states, prefetch, caches
  reg(rcc_cr) |= 1u << 24;
  if (wait_for(rcc_cr, 1u << 25))
    reg(rcc_cfgr) |= 2u;
}

// `port` 0 is A.
void use_pin(uint32_t port, uint32_t pin, uint32_t function) {
  const uintptr_t base = gpio_a + port * 0x400u;
  reg(base) = (reg(base) & ~(3u << pin * 2)) | 2u << pin * 2;
  reg(base + 0x0c) |= 1u << pin * 2; // pulled up, so that an open line is idle
  const uintptr_t select = base + 0x20 + pin / 8 * 4;
  reg(select) = (reg(select) & ~(15u << pin % 8 * 4)) | function << pin % 8 * 4;
}

} // namespace

void board_init_hardware(void) {
  start_clock();
  reg(rcc_ahb1enr) |= 15u; // ports A to D
  reg(rcc_apb1enr) |= 15u << 17;
  reg(rcc_apb2enr) |= 3u << 4;
  constexpr struct {
    uint8_t port, pin, function;
  } pins[] = {{0, 9, 7}, {0, 10, 7}, {0, 2, 7},  {0, 3, 7}, {1, 10, 7}, {1, 11, 7},
              {0, 0, 8}, {0, 1, 8},  {2, 12, 8}, {3, 2, 8}, {2, 6, 8},  {2, 7, 8}};
  for (const auto &p : pins)
    use_pin(p.port, p.pin, p.function);
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return stm32_usart_interrupt(irq);
#else
  return false;
#endif
}
