//===- desk.h - files and console of the machine on the desk --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Where a board's program finds its command line and inputs, and leaves outputs and text. One of
// these is linked: desk_semihosting.cpp asks an emulator or a debugger, desk_serial.cpp asks over a
// UART that no link uses (docs/formats/desk.md), desk_none.cpp has nobody to ask. When nobody
// answers, every call fails, and the program goes on.

#ifndef DISCO_BOARD_DESK_H
#define DISCO_BOARD_DESK_H

#include <stddef.h>
#include <stdint.h>

// Whether anybody answers. Called once, when clocks and interrupts run.
bool desk_present(void);

enum desk_mode : uint32_t { DESK_READ = 1, DESK_WRITE = 5 }; // rb, wb of semihosting

// A handle, or -1.
int32_t desk_open(const char *path, desk_mode mode);
void desk_close(int32_t handle);
// Bytes of the file, or -1.
int32_t desk_size(int32_t handle);
// Whether all bytes were moved.
bool desk_read(int32_t handle, void *to, uint32_t size);
bool desk_write(int32_t handle, const void *from, uint32_t size);
bool desk_seek(int32_t handle, uint32_t position);
// The words of the command line, separated by spaces; none where nobody answers any more. False: it
// is longer.
bool desk_command_line(char *to, uint32_t size);
// Writes to the console.
void desk_print(const char *text, uint32_t size);
// The program is in a fault: interrupts no longer come, and nothing may be waited for.
void desk_fault(void);
// Ends the program; returns when nobody answers.
void desk_exit(int code);

#endif // DISCO_BOARD_DESK_H
