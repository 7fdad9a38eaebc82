//===- board.h - what a board does for the runtime ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Implemented by the start-up file and the drivers of a board (codegen/boards); used by
// board_main.cpp. Nothing here allocates, and nothing but board_idle sleeps.

#ifndef DISCO_BOARD_H
#define DISCO_BOARD_H

#include <stddef.h>
#include <stdint.h>

// Why a program ended: the exit code in the emulator. 0 to 3 are those of the programs on hosts.
enum board_code : int {
  BOARD_OK = 0,
  BOARD_FAILED = 1,      // an inference failed, here or elsewhere
  BOARD_USAGE = 2,       // wrong command line
  BOARD_FILE = 3,        // an input cannot be read or does not fit, an output cannot be written
  BOARD_FAULT_HARD = 64, // a fault that the processor could not name
  BOARD_FAULT_MEMORY,    // access to memory that is protected
  BOARD_FAULT_BUS,       // access to an address where nothing is
  BOARD_FAULT_USAGE,     // an instruction that is undefined, unaligned, or divides by zero
  BOARD_FAULT_STACK,     // the stack is too small
  BOARD_FAULT_WATCHDOG,  // the program stood still for longer than the watchdog allows
  BOARD_FAULT_INTERRUPT, // an interrupt that nobody waits for
  BOARD_FAULT_LINK       // a link's hardware does not answer
};

// Clocks, interrupts, the tick. Called once, before anything else.
void board_init(void);
// Microseconds since the start; never goes back.
uint64_t board_now_us(void);
// Sleeps until an interrupt, at most about this long; may return early. Returns at once when an
// interrupt came since the last call.
void board_idle(uint64_t most_us);
// Whether a machine on the desk answers (desk.h). After board_init.
bool board_has_desk(void);
// A line of text for people and for `discoc run`.
void board_console(const char *text, uint32_t size);
// Ends the program. Where nothing waits for an exit code, stops.
[[noreturn]] void board_exit(int code);
// Says that the program is alive; board_idle and board_now_us do it too.
void board_watchdog_feed(void);

// Says in words what happened, as `error: fault C: ...`, and ends the program with that code.
// `at` is the address of the instruction, or 0.
[[noreturn]] void board_fault(int code, uint32_t at);
// What a code means, in English. Never null.
const char *board_code_text(int code);

// Random bytes, for the nonce of a start. False: there are none now. Only boards that define
// BOARD_HAS_ENTROPY have it.
bool board_entropy(uint8_t *to, uint32_t size);

// Whether flash holds the image that `discoc build` wrote. Only in programs that were compiled with
// --check-image.
bool board_image_matches(void);

// Serves the interrupts of the peripherals where they cannot come by themselves: in a fault.
void board_poll(void);

// Every interrupt but the tick calls this: it makes board_idle return.
void board_event(void);

#endif // DISCO_BOARD_H
