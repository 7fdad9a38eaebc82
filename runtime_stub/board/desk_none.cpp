//===- desk_none.cpp - nobody is there ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "desk.h"

bool desk_present(void) { return false; }
int32_t desk_open(const char *, desk_mode) { return -1; }
void desk_close(int32_t) {}
int32_t desk_size(int32_t) { return -1; }
bool desk_read(int32_t, void *, uint32_t) { return false; }
bool desk_write(int32_t, const void *, uint32_t) { return false; }
bool desk_seek(int32_t, uint32_t) { return false; }
bool desk_command_line(char *, uint32_t) { return false; }
void desk_print(const char *, uint32_t) {}
void desk_fault(void) {}
void desk_exit(int) {}
