//===- riscv.h - what the drivers of RISC-V boards share ------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_RISCV_H
#define DISCO_BOARDS_RISCV_H

#include <stdint.h>

inline volatile uint32_t &reg(uintptr_t address) {
  return *reinterpret_cast<volatile uint32_t *>(address);
}

inline volatile uint8_t &reg8(uintptr_t address) {
  return *reinterpret_cast<volatile uint8_t *>(address);
}

// Of the board: where the timer and the interrupt controller are.
extern const uintptr_t riscv_mtime, riscv_mtimecmp, riscv_plic;
// Of the board: power and clocks. Time runs already.
void board_init_hardware(void);
// Of the board: an interrupt of a peripheral. False: nobody waits for it.
bool board_interrupt(uint32_t irq);

inline void riscv_enable(uint32_t irq) {
  reg(riscv_plic + 4 * irq) = 1; // priority
  reg(riscv_plic + 0x2000 + irq / 32 * 4) |= 1u << irq % 32;
}

// Interrupts off; the result is handed back to restore.
inline uint32_t riscv_lock(void) {
  uint32_t status = 0;
  __asm__ volatile("csrrci %0, mstatus, 8" : "=r"(status) : : "memory");
  return status & 8u;
}

inline void riscv_unlock(uint32_t status) {
  __asm__ volatile("csrs mstatus, %0" : : "r"(status) : "memory");
}

#endif // DISCO_BOARDS_RISCV_H
