//===- notes.h - the notes of a traced program on a board -----------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_NOTES_H
#define DISCO_BOARD_NOTES_H

#include "../disco_note.h"

// Of the emitted main.cpp: memory of a ring of so many notes, where the program looks for its ring,
// and which program it is.
extern disco_notes *const board_notes;
extern const uint32_t board_notes_capacity;
extern disco_notes **const board_notes_place;
extern const disco_program *const board_notes_program;

#endif // DISCO_BOARD_NOTES_H
