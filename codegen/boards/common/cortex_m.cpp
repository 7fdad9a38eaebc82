//===- cortex_m.cpp - start, time, sleep and faults of Cortex-M boards ----===//
// SPDX-License-Identifier: Apache-2.0
//
// BOARD_CLOCK_HZ is what the tick counts; BOARD_WATCHDOG_MS is the longest time without a sign of
// life, 0 for no watchdog.

#include "cortex_m.h"

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
extern const uint32_t board_vectors[];
int main();
[[noreturn]] void board_reset();
void board_fault_frame(uint32_t *frame);
[[noreturn]] void board_fault_on_top(int code, uint32_t at); // cortex_m_vectors.S
[[noreturn]] void board_fault_named(int code, uint32_t at);
void board_nmi();
void board_irq();
void board_unexpected();
}

// Functions of newlib's libm note errors there; nobody reads them. newlib's own brings 700 bytes of
// variables.
extern "C" int *__errno();
static int last_errno;
int *__errno() { return &last_errno; }

namespace {

constexpr uintptr_t syst_csr = 0xe000e010u, syst_rvr = 0xe000e014u, syst_cvr = 0xe000e018u,
                    icsr = 0xe000ed04u, vtor = 0xe000ed08u, cfsr = 0xe000ed28u, cpacr = 0xe000ed88u;
constexpr uint32_t tick_pending = 1u << 26;
constexpr uint32_t tick_counts = BOARD_CLOCK_HZ / 1000u; // a tick is a millisecond

volatile uint64_t ticks;
volatile uint32_t events;
uint32_t events_seen;
volatile uint32_t quiet_ms; // since the last sign of life
bool has_host;              // on the desk

uint32_t stacked_pc(const uint32_t *frame) { return frame ? frame[6] : 0; }

#if __ARM_ARCH >= 7
int fault_code() {
  const uint32_t why = reg(cfsr);
  if (why & (1u << 20)) // STKOF: the limit of the stack, since version 8
    return BOARD_FAULT_STACK;
  if (why & 0xffff0000u)
    return BOARD_FAULT_USAGE;
  if (why & 0xff00u)
    return BOARD_FAULT_BUS;
  return why ? BOARD_FAULT_MEMORY : BOARD_FAULT_HARD;
}
#else
int fault_code() { return BOARD_FAULT_HARD; }
#endif

} // namespace

//===----------------------------------------------------------------------===//
// Start
//===----------------------------------------------------------------------===//

extern "C" void board_reset() {
#if __ARM_ARCH >= 7
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  reg(0xe000ed88u) |= 0xfu << 20; // CPACR: before any function that may use the registers
  __asm__ volatile("dsb\nisb" : : : "memory");
#endif
#endif
#if __ARM_ARCH >= 7 || defined(BOARD_HAS_VTOR)
  reg(vtor) = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(board_vectors));
#endif
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
  __asm__ volatile("msr msplim, %0" : : "r"(board_stack_low));
#endif
  board_stack_paint();
  memcpy(board_data_start, board_data_load, static_cast<size_t>(board_data_end - board_data_start));
  memset(board_bss_start, 0, static_cast<size_t>(board_bss_end - board_bss_start));
  memset(board_arena_start, 0, static_cast<size_t>(board_arena_end - board_arena_start));
  memset(board_buffers_start, 0, static_cast<size_t>(board_buffers_end - board_buffers_start));
  board_exit(main());
}

void board_init(void) {
#ifndef BOARD_NO_SYSTICK
  reg(syst_rvr) = tick_counts - 1;
  reg(syst_cvr) = 0;
  reg(syst_csr) = 7; // processor clock, interrupt, on
#endif
  board_init_hardware();
  has_host = desk_present();
}

bool board_has_desk(void) { return has_host; }

//===----------------------------------------------------------------------===//
// Time and sleep
//===----------------------------------------------------------------------===//

extern "C" void board_tick() {
  ticks = ticks + 1;
  quiet_ms = quiet_ms + 1;
  if (BOARD_WATCHDOG_MS > 0 && quiet_ms > BOARD_WATCHDOG_MS)
    board_fault(BOARD_FAULT_WATCHDOG, 0);
}

void board_watchdog_feed(void) { quiet_ms = 0; }

#ifndef BOARD_NO_SYSTICK
static uint32_t board_tick_us(bool *over) {
  constexpr uint32_t counts_us = BOARD_CLOCK_HZ / 1000000u;
  uint32_t left = reg(syst_cvr);
  *over = (reg(icsr) & tick_pending) != 0;
  if (*over) // the counter began again, perhaps after it was read
    left = reg(syst_cvr);
  return (tick_counts - 1 - left) / counts_us;
}
#endif

uint64_t board_now_us(void) {
  const uint32_t mask = cortex_m_lock();
  bool over = false;
  const uint32_t us = board_tick_us(&over);
  const uint64_t whole = ticks + (over ? 1u : 0u);
  cortex_m_unlock(mask);
  quiet_ms = 0;
  return whole * 1000u + us;
}

void board_event(void) { events = events + 1; }

void board_idle(uint64_t most_us) {
  quiet_ms = 0;
  const uint32_t mask = cortex_m_lock();
  // With interrupts masked, wfi still wakes when one is pending: none is missed in between.
  if (events == events_seen && most_us > 0)
    __asm__ volatile("dsb\nwfi" : : : "memory");
  events_seen = events;
  cortex_m_unlock(mask);
}

//===----------------------------------------------------------------------===//
// Console and end
//===----------------------------------------------------------------------===//

void board_console(const char *text, uint32_t size) { desk_print(text, size); }

#ifdef BOARD_RESTARTS
__attribute__((weak)) void board_restart(void) {
  constexpr uintptr_t aircr = 0xe000ed0c;
  constexpr uint32_t key = 0x05fau << 16, system_reset = 1u << 2;
  reg(aircr) = key | system_reset;
}

// Who is on the desk may have more inputs: the program begins again, but not after a fault.
static void start_again(int code) {
  constexpr uint64_t rest_us = 1000000;
  if (code >= BOARD_FAULT_HARD)
    return;
  for (const uint64_t end = board_now_us() + rest_us; board_now_us() < end;)
    board_idle(rest_us);
  board_restart();
}
#endif

void board_exit(int code) {
  desk_exit(code);
#ifdef BOARD_RESTARTS
  start_again(code);
#endif
  cortex_m_lock();
  for (;;)
    __asm__ volatile("wfi");
}

//===----------------------------------------------------------------------===//
// Interrupts and faults
//===----------------------------------------------------------------------===//

extern "C" void board_irq() {
  uint32_t number = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(number));
  if (!board_interrupt((number & 0x1ffu) - 16u))
    board_fault(BOARD_FAULT_INTERRUPT, 0);
  board_event();
}

void board_poll(void) {
#ifndef BOARD_NO_SYSTICK // else the tick is one of these, whose watchdog could begin a fault anew
  for (uint32_t irq = 0; irq < BOARD_IRQS; ++irq)
    board_interrupt(irq);
#endif
}

extern "C" void board_unexpected() { board_fault(BOARD_FAULT_INTERRUPT, 0); }

extern "C" void board_nmi() { board_fault(BOARD_FAULT_WATCHDOG, 0); }

extern "C" void board_fault_frame(uint32_t *frame) {
#ifdef BOARD_SEMIHOSTING
  constexpr uint16_t semihosting_call = 0xbeab;
  if (frame) {
    // Nobody serves semihosting: the call fails, the program goes on.
    const uint16_t *at = reinterpret_cast<const uint16_t *>(static_cast<uintptr_t>(frame[6]));
    if (!has_host && *at == semihosting_call) {
      frame[0] = 0xffffffffu;
      frame[6] += 2;
      return;
    }
  }
#endif
  board_fault_on_top(frame ? fault_code() : BOARD_FAULT_STACK, stacked_pc(frame));
}

extern "C" void board_fault_named(int code, uint32_t at) { board_fault(code, at); }
