//===- cortex_m7.h - caches of the Cortex-M7 ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_CORTEX_M7_H
#define DISCO_BOARDS_CORTEX_M7_H

#include "cortex_m.h"

// Both caches, empty, on (Armv7-M manual, B2.2.7). No driver here uses DMA, so nothing has to be
// cleaned for one.
inline void cortex_m7_start_caches(void) {
  constexpr uintptr_t control = 0xe000ed14, sizes = 0xe000ed80, selection = 0xe000ed84,
                      forget_code = 0xe000ef50, forget_line = 0xe000ef60;
  cortex_m_barrier();
  reg(forget_code) = 0;
  reg(selection) = 0; // data, the first level
  cortex_m_barrier();
  const uint32_t size = reg(sizes), sets = size >> 13 & 0x7fffu, ways = size >> 3 & 0x3ffu;
  for (uint32_t set = 0; set <= sets; ++set)
    for (uint32_t way = 0; way <= ways; ++way)
      reg(forget_line) = way << 30 | set << 5;
  cortex_m_barrier();
  reg(control) |= 1u << 16 | 1u << 17;
  cortex_m_barrier();
}

#endif // DISCO_BOARDS_CORTEX_M7_H
