//===- desk_semihosting.cpp - files and console of who debugs us ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// Semihosting of Arm (version 2) and of RISC-V, which is the same behind another instruction: an
// emulator or a debugger serves the calls. Without either, every call fails: on Arm the fault
// handler steps over the instruction (codegen/boards/common/cortex_m.cpp).

#include "desk.h"

#include <string.h>

namespace {

enum call : uint32_t {
  sys_open = 0x01,
  sys_close = 0x02,
  sys_write = 0x05,
  sys_read = 0x06,
  sys_seek = 0x0a,
  sys_flen = 0x0c,
  sys_errno = 0x13,
  sys_get_cmdline = 0x15,
  sys_exit_extended = 0x20
};

#if defined(__arm__)
__attribute__((noinline)) int32_t ask(uint32_t number, const void *block) {
  register uint32_t r0 __asm__("r0") = number;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
  return static_cast<int32_t>(r0);
}
#elif defined(__riscv)
// The three instructions must not be compressed and must lie in one page.
__attribute__((noinline, aligned(16))) int32_t ask(uint32_t number, const void *block) {
  register uintptr_t a0 __asm__("a0") = number;
  register const void *a1 __asm__("a1") = block;
  __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                   "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return static_cast<int32_t>(a0);
}
#else
#error "semihosting is known for Arm and RISC-V"
#endif

uintptr_t word(const void *p) { return reinterpret_cast<uintptr_t>(p); }

uintptr_t word(int32_t handle) { return static_cast<uintptr_t>(handle); }

int32_t open_path(const char *path, uint32_t mode) {
  uintptr_t block[3] = {word(path), mode, strlen(path)};
  return ask(sys_open, block);
}

int32_t console = -1; // opened when first needed
bool is_here;         // else a call in a fault would be one fault more

} // namespace

bool desk_present(void) {
  // SYS_ERRNO is served by everybody and has no effect.
  uintptr_t block[1] = {0};
  is_here = ask(sys_errno, block) != -1;
  return is_here;
}

int32_t desk_open(const char *path, desk_mode mode) { return open_path(path, mode); }

void desk_close(int32_t handle) {
  uintptr_t block[1] = {word(handle)};
  ask(sys_close, block);
}

int32_t desk_size(int32_t handle) {
  uintptr_t block[1] = {word(handle)};
  return ask(sys_flen, block);
}

// Both return how many bytes were not moved.
bool desk_read(int32_t handle, void *to, uint32_t size) {
  uintptr_t block[3] = {word(handle), word(to), size};
  return size == 0 || ask(sys_read, block) == 0;
}

bool desk_write(int32_t handle, const void *from, uint32_t size) {
  uintptr_t block[3] = {word(handle), word(from), size};
  return size == 0 || ask(sys_write, block) == 0;
}

bool desk_seek(int32_t handle, uint32_t position) {
  uintptr_t block[2] = {word(handle), position};
  return ask(sys_seek, block) == 0;
}

bool desk_command_line(char *to, uint32_t size) {
  uintptr_t block[2] = {word(to), size};
  if (ask(sys_get_cmdline, block) != 0)
    return false;
  to[size - 1] = 0;
  return true;
}

void desk_print(const char *text, uint32_t size) {
  if (is_here && console < 0)
    console = open_path(":tt", 4); // the mode for writing means standard output
  if (console >= 0)
    desk_write(console, text, size);
}

void desk_fault(void) {}

void desk_exit(int code) {
  static constexpr uintptr_t application_exit = 0x20026;
  uintptr_t block[2] = {application_exit, static_cast<uintptr_t>(code)};
  if (is_here)
    ask(sys_exit_extended, block);
}
