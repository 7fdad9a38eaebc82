//===- disco_note.h - when each step of a program began and ended ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// What `discoc compile --trace` adds to a program: a ring of notes, one a step, in memory of fixed
// size. Programs that are compiled without it have none of this. docs/formats/trace.md says how
// the ring lies in a file.

#ifndef DISCO_NOTE_H
#define DISCO_NOTE_H

#include "disco.h"

#define DISCO_NOTES_VERSION 1u
#define DISCO_NOTES_MAGIC "disconot" // eight characters
// "Steps" that are none of the program's: a whole inference, and the wait at its end until all that
// was sent has left.
#define DISCO_NOTE_INFERENCE 0xffffffffu
#define DISCO_NOTE_END 0xfffffffeu

inline namespace DISCO_RUNTIME {

struct disco_note {
  uint64_t start, end; // ticks of disco_note_clock; an end of 0: it has not ended
  uint32_t step;       // as report.json numbers the node's steps
  uint32_t inference;  // from 0
};

// A ring of the latest notes. Its fields are read by discoc, from a file that has it byte by byte.
struct disco_notes {
  char magic[8];
  uint32_t version, rank, nodes;
  uint32_t capacity; // notes that it holds, a power of two
  uint8_t build_hash[16];
  uint64_t clock_id;         // clocks with the same, other than 0, are one clock
  uint64_t ticks_per_second; // of the clock
  uint64_t written;          // notes since the start; the last `capacity` of them are there
  uint32_t inferences;       // begun
  uint32_t zero;
  disco_note at[1]; // capacity
};

// Bytes of a ring of so many notes.
constexpr size_t disco_notes_bytes(uint32_t capacity) {
  return sizeof(disco_notes) + static_cast<size_t>(capacity - 1u) * sizeof(disco_note);
}

// A clock that never goes back. Hosts have that of the system, in nanoseconds.
uint64_t disco_note_clock();

#ifdef DISCO_SLOW
// Builds of tests: a node that takes `disco_slow` times as long for its kernels as this host does,
// since it sleeps after each of them. docs/development.md.
extern uint32_t disco_slow;
void disco_slow_down(const disco_note *kernel);
#endif

} // namespace DISCO_RUNTIME

// Everything but the clock is a few instructions, and no call. With null nothing is noted.
static inline disco_note *disco_note_next(disco_notes *notes, uint32_t step) {
  disco_note *note = &notes->at[notes->written & (notes->capacity - 1u)];
  note->end = 0;
  note->step = step;
  note->inference = notes->inferences - 1u;
  ++notes->written;
  return note;
}

static inline void disco_note_begin(disco_notes *notes, uint32_t step) {
  if (notes)
    disco_note_next(notes, step)->start = disco_note_clock();
}

// Of the step that was begun last.
static inline void disco_note_end(disco_notes *notes) {
  if (notes)
    notes->at[(notes->written - 1u) & (notes->capacity - 1u)].end = disco_note_clock();
}

// Of a step that computes.
static inline void disco_note_computed(disco_notes *notes) {
  disco_note_end(notes);
#ifdef DISCO_SLOW
  if (notes)
    disco_slow_down(&notes->at[(notes->written - 1u) & (notes->capacity - 1u)]);
#endif
}

// Of a whole inference: when it began, and a note once it has ended.
static inline uint64_t disco_note_open(disco_notes *notes) {
  if (!notes)
    return 0;
  ++notes->inferences;
  return disco_note_clock();
}

static inline void disco_note_close(disco_notes *notes, uint64_t began) {
  if (!notes)
    return;
  disco_note *note = disco_note_next(notes, DISCO_NOTE_INFERENCE);
  note->start = began;
  note->end = disco_note_clock();
}

#endif // DISCO_NOTE_H
