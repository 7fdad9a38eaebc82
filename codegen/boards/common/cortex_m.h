//===- cortex_m.h - what the drivers of Cortex-M boards share -------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_CORTEX_M_H
#define DISCO_BOARDS_CORTEX_M_H

#include <stdint.h>

inline volatile uint32_t &reg(uintptr_t address) {
  return *reinterpret_cast<volatile uint32_t *>(address);
}

// Of the board: clocks, pins, power of the peripherals. The tick runs already.
void board_init_hardware(void);
// Begins anew, as after power-on. By itself the processor's request for a reset of the system.
void board_restart(void);
// Of the board: an interrupt of a peripheral. False: nobody waits for it.
bool board_interrupt(uint32_t irq);

#ifdef BOARD_NO_SYSTICK
// Of a board whose processor has no SysTick: microseconds since the last tick, and whether the next
// one waits for its interrupt. board_init_hardware starts the timer, board_interrupt calls
// board_tick.
uint32_t board_tick_us(bool *over);
#endif
extern "C" void board_tick();

inline void cortex_m_enable(uint32_t irq) { reg(0xe000e100u + irq / 32u * 4u) = 1u << (irq % 32u); }

inline void cortex_m_barrier(void) { __asm__ volatile("dsb\nisb" : : : "memory"); }

// Interrupts off; the result is handed back to restore.
inline uint32_t cortex_m_lock(void) {
  uint32_t mask = 0;
  __asm__ volatile("mrs %0, primask\ncpsid i" : "=r"(mask) : : "memory");
  return mask;
}

inline void cortex_m_unlock(uint32_t mask) {
  __asm__ volatile("msr primask, %0" : : "r"(mask) : "memory");
}

#endif // DISCO_BOARDS_CORTEX_M_H
