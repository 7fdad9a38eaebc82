//===- semihosting.h - files and console of the machine that debugs us ----===//
// SPDX-License-Identifier: Apache-2.0
//
// Semihosting of Arm (version 2) and of RISC-V, which is the same behind another instruction: an
// emulator or a debugger serves the calls. Without either, every call fails: on Arm the fault
// handler steps over the instruction (codegen/boards/common/cortex_m.cpp).

#ifndef DISCO_BOARD_SEMIHOSTING_H
#define DISCO_BOARD_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

// Whether anybody serves the calls.
bool semihosting_present(void);

enum semihosting_mode : uint32_t { SEMIHOSTING_READ = 1, SEMIHOSTING_WRITE = 5 }; // rb, wb

// A handle, or -1.
int32_t semihosting_open(const char *path, semihosting_mode mode);
void semihosting_close(int32_t handle);
// Bytes of the file, or -1.
int32_t semihosting_size(int32_t handle);
// Whether all bytes were moved.
bool semihosting_read(int32_t handle, void *to, uint32_t size);
bool semihosting_write(int32_t handle, const void *from, uint32_t size);
bool semihosting_seek(int32_t handle, uint32_t position);
// The words of the command line, separated by spaces. False: there is none, or it is longer.
bool semihosting_command_line(char *to, uint32_t size);
// Writes to the console.
void semihosting_print(const char *text, uint32_t size);
// Ends the program; returns when nobody serves the call.
void semihosting_exit(int code);

#endif // DISCO_BOARD_SEMIHOSTING_H
