//===- board.cpp - PJRC Teensy 4.1 (i.MX RT1062) --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. 600 MHz, the rated speed of the consumer's parts at 1.25 V (IMXRT1060CEC,
// operating ranges), from the crystal of 24 MHz.

#include "cortex_m7.h"
#include "lpuart.h"
#include "wait_for.h"

// Serial1 (pins 0 and 1) is LPUART6, Serial2 (7 and 8) LPUART4, Serial3 (14 and 15) LPUART2.
const lpuart_place lpuarts[] = {{0x40198000, 25}, {0x40190000, 23}, {0x40188000, 21}};
const uint32_t lpuart_count = 3;

namespace {

constexpr uintptr_t ccm = 0x400fc000, ccm_cacrr = ccm + 0x10, ccm_cbcdr = ccm + 0x14,
                    ccm_cbcmr = ccm + 0x18, ccm_busy = ccm + 0x48, ccm_ccgr6 = ccm + 0x80,
                    arm_pll = 0x400d8000, voltage = 0x4008000c, voltage_status = 0x40080000;
constexpr uintptr_t ccm_cscdr1 = ccm + 0x24, ccm_ccgr0 = ccm + 0x68, ccm_ccgr1 = ccm + 0x6c,
                    ccm_ccgr3 = ccm + 0x74, iomux = 0x401f8000;

// 24 MHz times 100, by 2, is 1,200 MHz; by 2. Buses at a quarter.
void start_clock() {
  constexpr uint32_t steps = (1250 - 800) / 25, on_crystal = 1u << 25;
  reg(ccm_ccgr6) |= 3u << 6;
  reg(voltage) = (reg(voltage) & ~31u) | steps;
  if (!wait_for(voltage_status, 1u << 31, 1u << 31))
    return;
  reg(ccm_cbcdr) &= ~(7u << 27);
  reg(ccm_cbcmr) = (reg(ccm_cbcmr) & ~(3u << 12)) | 1u << 12 | 3u << 18;
  reg(ccm_cbcdr) |= on_crystal; // meanwhile
  wait_for(ccm_busy, ~0u, 0);
  reg(arm_pll) = 1u << 12;
  reg(arm_pll) = 1u << 13 | 100u;
  if (!wait_for(arm_pll, 1u << 31, 1u << 31))
    return;
  reg(ccm_cacrr) = 1;
  wait_for(ccm_busy, ~0u, 0);
  reg(ccm_cbcdr) = (reg(ccm_cbcdr) & ~(7u << 10)) | 3u << 8;
  wait_for(ccm_busy, ~0u, 0);
  reg(ccm_cbcdr) &= ~on_crystal;
  wait_for(ccm_busy, ~0u, 0);
}

} // namespace

void board_init_hardware(void) {
  start_clock();
  cortex_m7_start_caches();
  reg(ccm_cscdr1) = (reg(ccm_cscdr1) & ~0x3fu) | 1u << 6; // UARTs on the crystal, 24 MHz
  reg(ccm_ccgr0) |= 3u << 28;
  reg(ccm_ccgr1) |= 3u << 24;
  reg(ccm_ccgr3) |= 3u << 6;
  constexpr struct {
    uint16_t offset;
    uint8_t value;
  } pads[] = {{0x0c4, 2}, {0x0c8, 2}, {0x180, 2}, {0x17c, 2}, {0x104, 2}, {0x108, 2},
              {0x554, 1}, {0x550, 1}, {0x540, 2}, {0x53c, 2}, {0x530, 1}, {0x52c, 1}};
  for (const auto &pad : pads)
    reg(iomux + pad.offset) = pad.value;
}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
#ifdef BOARD_USES_UART
  return lpuart_interrupt(irq);
#else
  return false;
#endif
}
