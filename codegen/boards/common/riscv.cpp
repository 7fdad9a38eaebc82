//===- riscv.cpp - start, time, sleep and faults of RISC-V boards ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// For a timer like that of the CLINT and an interrupt controller like the PLIC, in machine mode.
// BOARD_MTIME_HZ is what the timer counts; BOARD_WATCHDOG_MS is the longest time without a sign of
// life, 0 for no watchdog.

#include "riscv.h"

#include "board.h"
#include "desk.h"
#include "stack.h"

#include <string.h>

#ifndef BOARD_WATCHDOG_MS
#define BOARD_WATCHDOG_MS 120000
#endif

extern "C" {
extern uint8_t board_data_start[], board_data_end[], board_data_load[];
extern uint8_t board_bss_start[], board_bss_end[], board_arena_start[], board_arena_end[];
extern uint8_t board_buffers_start[], board_buffers_end[];
int main();
[[noreturn]] void board_reset();
void board_trap(uint32_t cause, uint32_t at);
[[noreturn]] void board_stack_fault(uint32_t at);
}

namespace {

constexpr uint32_t timer_enable = 1u << 7, external_enable = 1u << 11;
constexpr uint32_t counts_us = BOARD_MTIME_HZ / 1000000u;
constexpr uint64_t watchdog_us = BOARD_WATCHDOG_MS * 1000ull;
constexpr uintptr_t plic_claim = 0x200004;

volatile uint32_t events;
uint32_t events_seen;
uint64_t alive_us; // the last sign of life
bool has_desk;

uint64_t now_counts() {
  for (;;) {
    const uint32_t high = reg(riscv_mtime + 4), low = reg(riscv_mtime);
    if (high == reg(riscv_mtime + 4))
      return static_cast<uint64_t>(high) << 32 | low;
  }
}

void alarm_at(uint64_t counts) {
  reg(riscv_mtimecmp + 4) = 0xffffffffu; // no alarm in between
  reg(riscv_mtimecmp) = static_cast<uint32_t>(counts);
  reg(riscv_mtimecmp + 4) = static_cast<uint32_t>(counts >> 32);
}

// 32 bits of multiplication are enough for the quotient of a constant; a division of 64 bits would
// be a function of 1 KB.
uint64_t in_us(uint64_t counts) { return counts / counts_us; }

} // namespace

// Nothing may touch the bytes below the stack: what overflows faults. No memory of the board's file
// has them.
static void guard_stack() {
  constexpr uint32_t bytes = 4096, locked_power_of_two = 0x98;
  const uint32_t base = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(board_stack_low)) - bytes;
  __asm__ volatile("csrw pmpaddr0, %0\ncsrw pmpcfg0, %1"
                   :
                   : "r"(base >> 2 | (bytes / 8 - 1)), "r"(locked_power_of_two));
}

extern "C" void board_reset() {
  guard_stack();
  board_stack_paint();
  memcpy(board_data_start, board_data_load, static_cast<size_t>(board_data_end - board_data_start));
  memset(board_bss_start, 0, static_cast<size_t>(board_bss_end - board_bss_start));
  memset(board_arena_start, 0, static_cast<size_t>(board_arena_end - board_arena_start));
  memset(board_buffers_start, 0, static_cast<size_t>(board_buffers_end - board_buffers_start));
  board_exit(main());
}

void board_init(void) {
  alarm_at(now_counts() + watchdog_us * counts_us);
  reg(riscv_plic + 0x200000) = 0; // every priority interrupts
  __asm__ volatile("csrs mie, %0" : : "r"(timer_enable | external_enable));
  board_init_hardware();
  riscv_unlock(8);
  has_desk = desk_present();
}

bool board_has_desk(void) { return has_desk; }

uint64_t board_now_us(void) {
  const uint64_t now = in_us(now_counts());
  alive_us = now;
  return now;
}

void board_watchdog_feed(void) { board_now_us(); }

void board_event(void) { events = events + 1; }

void board_idle(uint64_t most_us) {
  constexpr uint64_t longest_us = 100000;
  board_now_us();
  const uint32_t status = riscv_lock();
  if (events == events_seen && most_us > 0) {
    const uint64_t us = most_us < longest_us ? most_us : longest_us;
    alarm_at(now_counts() + us * counts_us);
    // It also wakes for an interrupt that is pending and masked: none is missed in between.
    __asm__ volatile("wfi" : : : "memory");
  }
  alarm_at(now_counts() + watchdog_us * counts_us);
  events_seen = events;
  riscv_unlock(status);
}

void board_console(const char *text, uint32_t size) { desk_print(text, size); }

void board_exit(int code) {
  desk_exit(code);
  riscv_lock();
  for (;;)
    __asm__ volatile("wfi");
}

void board_poll(void) {
  while (const uint32_t irq = reg(riscv_plic + plic_claim)) {
    board_interrupt(irq);
    reg(riscv_plic + plic_claim) = irq;
  }
}

extern "C" void board_stack_fault(uint32_t at) { board_fault(BOARD_FAULT_STACK, at); }

static void serve_peripherals() {
  while (const uint32_t irq = reg(riscv_plic + plic_claim)) {
    if (!board_interrupt(irq))
      board_fault(BOARD_FAULT_INTERRUPT, 0);
    reg(riscv_plic + plic_claim) = irq;
    board_event();
  }
}

extern "C" void board_trap(uint32_t cause, uint32_t at) {
  constexpr uint32_t timer = 0x80000007u, external = 0x8000000bu;
  if (cause == external)
    return serve_peripherals();
  if (cause == timer) {
    if (BOARD_WATCHDOG_MS > 0 && in_us(now_counts()) - alive_us >= watchdog_us)
      board_fault(BOARD_FAULT_WATCHDOG, at);
    alarm_at(now_counts() + watchdog_us * counts_us);
    return;
  }
  switch (cause) {
  case 0:
  case 2:
  case 4:
  case 6: board_fault(BOARD_FAULT_USAGE, at); // undefined, or not aligned
  case 1:
  case 5:
  case 7: board_fault(BOARD_FAULT_BUS, at);
  case 3: board_fault(BOARD_FAULT_HARD, at); // semihosting that nobody serves ends here too
  default: board_fault(cause >> 31 ? BOARD_FAULT_INTERRUPT : BOARD_FAULT_HARD, at);
  }
}
