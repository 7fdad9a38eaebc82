//===- cortex_m.h - registers of a chip as a table ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// In place of the boards' own: what start-up code writes is noted in order; what it waits for comes
// at once. READY is a list of {address, bits that are always read as ones}, SWITCH of {address,
// bits of the choice, shift of what was chosen}.
#ifndef DISCO_TESTS_REGISTERS_CORTEX_M_H
#define DISCO_TESTS_REGISTERS_CORTEX_M_H

#include <cstdint>
#include <cstdio>
#include <map>

inline std::map<uintptr_t, uint32_t> registers;

struct Cell {
  uintptr_t address;

  operator uint32_t() const {
    struct Ready {
      uintptr_t address;
      uint32_t bits;
    };
    struct Switch {
      uintptr_t address;
      uint32_t mask, shift;
    };
    static const Ready ready[] = {READY};
    static const Switch switches[] = {SWITCH};
    uint32_t value = registers[address];
    for (const Ready &one : ready)
      value |= one.address == address ? one.bits : 0;
    for (const Switch &one : switches)
      value |= one.address == address ? (value & one.mask) << one.shift : 0;
    return value;
  }
  Cell &operator=(uint32_t value) {
    registers[address] = value;
    std::printf("%lx %x\n", static_cast<unsigned long>(address), value);
    return *this;
  }
  Cell &operator|=(uint32_t bits) { return *this = registers[address] | bits; }
  Cell &operator&=(uint32_t bits) { return *this = registers[address] & bits; }
};

inline Cell reg(uintptr_t address) { return {address}; }
inline void cortex_m_barrier() {}
void board_init_hardware(void);
bool board_interrupt(uint32_t irq);

#endif // DISCO_TESTS_REGISTERS_CORTEX_M_H
