//===- wait_for.h - start-up code that waits for the chip -----------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_WAIT_FOR_H
#define DISCO_BOARDS_WAIT_FOR_H

#include "cortex_m.h"

// Until the register's bits of the mask are these. False: they never were, as where a clock or a
// voltage does not come; a million looks, some tens of milliseconds.
inline bool wait_for(uintptr_t address, uint32_t mask, uint32_t bits) {
  for (uint32_t i = 0; i < 1000000; ++i)
    if ((reg(address) & mask) == bits)
      return true;
  return false;
}

// Until all of these bits are ones.
inline bool wait_for(uintptr_t address, uint32_t bits) { return wait_for(address, bits, bits); }

#endif // DISCO_BOARDS_WAIT_FOR_H
