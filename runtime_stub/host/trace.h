//===- trace.h - the notes of a host's program, in a file -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_TRACE_H
#define DISCO_HOST_TRACE_H

#include "../disco_note.h"

// Where the environment's DISCO_TRACE names a folder: maps a ring of `capacity` notes, a power of
// two, to the file node<rank>.notes there, so that what was noted stays whatever ends the program.
// Without it nothing is noted: *notes stays null. False: the file cannot be made; standard error
// says why. Cost: the ring's bytes of the program's memory, and of the file system.
bool disco_trace_open(disco_notes **notes, const disco_program *program, uint32_t capacity);

#endif // DISCO_HOST_TRACE_H
