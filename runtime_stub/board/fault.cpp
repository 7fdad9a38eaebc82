//===- fault.cpp - faults in words ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "board.h"
#include "desk.h"
#include "line.h"

const char *board_code_text(int code) {
  switch (code) {
  case BOARD_OK: return "done";
  case BOARD_FAILED: return "an inference failed";
  case BOARD_USAGE: return "wrong command line";
  case BOARD_FILE: return "a file cannot be read, written or used";
  case BOARD_FAULT_HARD: return "a fault that the processor does not name";
  case BOARD_FAULT_MEMORY: return "access to protected memory";
  case BOARD_FAULT_BUS: return "access to an address where nothing is";
  case BOARD_FAULT_USAGE: return "an instruction that cannot be carried out";
  case BOARD_FAULT_STACK: return "the stack is too small";
  case BOARD_FAULT_WATCHDOG: return "the program stood still and the watchdog ended it";
  case BOARD_FAULT_INTERRUPT: return "an interrupt that nobody waits for";
  case BOARD_FAULT_LINK: return "the hardware of a link does not answer";
  default: return "unknown";
  }
}

void board_fault(int code, uint32_t at) {
  desk_fault();
  board_line line;
  line.size = 0;
  board_line_text(&line, "error: fault ");
  board_line_number(&line, static_cast<uint64_t>(code));
  board_line_text(&line, ": ");
  board_line_text(&line, board_code_text(code));
  if (at) {
    board_line_text(&line, ", at 0x");
    board_line_hex(&line, at);
  }
  board_line_text(&line, "\n");
  board_line_end(&line);
  board_exit(code);
}
