//===- board.cpp - PJRC Teensy 4.1 (i.MX RT1062) --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Linked here, not run. The processor keeps the clock that the boot ROM gives it.

#include "cortex_m.h"
#include "lpuart.h"

// Serial1 (pins 0 and 1) is LPUART6, Serial2 (7 and 8) LPUART4, Serial3 (14 and 15) LPUART2.
const lpuart_place lpuarts[] = {{0x40198000, 25}, {0x40190000, 23}, {0x40188000, 21}};
const uint32_t lpuart_count = 3;

namespace {

constexpr uintptr_t ccm = 0x400fc000, ccm_cscdr1 = ccm + 0x24, ccm_ccgr0 = ccm + 0x68,
                    ccm_ccgr1 = ccm + 0x6c, ccm_ccgr3 = ccm + 0x74, iomux = 0x401f8000;

} // namespace

void board_init_hardware(void) {
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
