//===- rp_clocks.h - clocks of RP2040 and RP2350 --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The same blocks on both chips, at other addresses (data sheets: resets, crystal oscillator, PLL,
// clocks).

#ifndef DISCO_BOARDS_RP_CLOCKS_H
#define DISCO_BOARDS_RP_CLOCKS_H

#include "cortex_m.h"
#include "wait_for.h"

/// Where the blocks are; `reference`: the control register of the reference clock.
struct rp_clocks {
  uintptr_t resets, crystal, reference, pll;
  uint32_t pll_reset;               // its bit among the resets
  uint32_t feedback, first, second; // the crystal's 12 MHz times, and divided by
};

inline void rp_release(const rp_clocks &at, uint32_t bits) {
  reg(at.resets) &= ~bits;
  wait_for(at.resets + 8, bits);
}

inline bool rp_start_crystal(const rp_clocks &at) {
  reg(at.crystal + 12) = 47; // a millisecond
  reg(at.crystal) = 0xfab000u | 0xaa0u;
  if (!wait_for(at.crystal + 4, 1u << 31))
    return false;
  reg(at.reference) = 2;
  return wait_for(at.reference + 8, 1u << 2);
}

inline bool rp_start_pll(const rp_clocks &at) {
  const uintptr_t system = at.reference + 12;
  reg(system) = 0; // on the reference meanwhile
  wait_for(system + 8, 1);
  reg(at.resets) |= at.pll_reset;
  rp_release(at, at.pll_reset);
  reg(at.pll) = 1;
  reg(at.pll + 8) = at.feedback;
  reg(at.pll + 4) &= ~(1u | 1u << 5); // the PLL and its oscillator are on
  if (!wait_for(at.pll, 1u << 31))
    return false;
  reg(at.pll + 12) = at.first << 16 | at.second << 12;
  reg(at.pll + 4) &= ~(1u << 3); // so are its dividers
  return true;
}

/// The system and its peripherals at the PLL's speed.
inline void rp_start_clocks(const rp_clocks &at) {
  const uintptr_t system = at.reference + 12, peripherals = at.reference + 24;
  if (rp_start_crystal(at) && rp_start_pll(at)) {
    reg(system) = 1; // the PLL is the first of its sources
    wait_for(system + 8, 1u << 1);
  }
  reg(peripherals) = 1u << 11; // the system's clock
}

#endif // DISCO_BOARDS_RP_CLOCKS_H
