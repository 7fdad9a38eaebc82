//===- board_main.h - the main program of one shard on a bare board -------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_MAIN_H
#define DISCO_BOARD_MAIN_H

#include "../disco.h"
#include "board.h"
#include "line.h"

// One shard and its memory; all of it constant tables of the emitted main.cpp.
struct board_shard {
  const disco_program *program;
  disco_peer *peers;    // program->nodes entries; null for one node
  disco_slot *slots;    // program->message_count entries; may be null
  void *const *inputs;  // a buffer an input
  void *const *outputs; // a buffer an output
  const void *links;    // for `connect` and `describe`
  // Opens the links; null for one node. `nonce` tells this start from the one before, 0: unknown:
  // what the command line says, or the count of starts, which a reset leaves alone.
  // False: board_main ends with BOARD_FAULT_LINK.
  bool (*connect)(const board_shard *shard, uint16_t nonce, disco_transport *transport);
  // Appends `,"ports":[...]` to the report; may be null.
  void (*describe)(const board_shard *shard, board_line *line);
  // After disco_stop: delivers what is still under way; may be null.
  void (*finish)(const board_shard *shard);
  // The floor of progress: bytes a second, and the most that are asked for in a deadline.
  uint32_t floor = 0, floor_most = 0;
  // After the report: where others need this node for theirs; may be null.
  void (*stay)(const board_shard *shard) = nullptr;
};

// For a desk that is reached through the links, which are then opened before it is asked for
// anything: what board_links_connect takes.
struct board_early {
  const board_shard *shard;
  uint16_t nonce;
  disco_transport *transport;
};
board_early board_before_desk(void);

// Of a source of one's own that the build is told of (-DDISCO_BOARD_IO=FILE): where inputs come
// from and outputs go when the desk names no file for them. `index`: of the tensor among those of
// the model; `inference`: counted from 0. Fills the `bytes` of an input, waiting as long as it
// takes; false: there is no further inference.
bool board_input(uint32_t index, uint64_t inference, void *to, uint32_t bytes);
void board_output(uint32_t index, uint64_t inference, const void *from, uint32_t bytes);

#ifdef BOARD_NOTES // compiled with --trace
// Begins to note when steps begin and end, to the microsecond.
void board_notes_open(void);
// Ends that, and hands all notes out. False: the desk's file cannot be written.
bool board_notes_write(const char *path);
#endif

// Starts the board, runs the inferences that the command line asks for, and returns the exit code.
// The command line comes from the desk (desk.h):
//   --input K=FILE      values of input K, one inference after the other, as raw elements
//   --output K=FILE     where output K goes, likewise
//   --repeat R, --count B, --deadline-ms, --start-deadline-ms, --idle-ms, --grace-ms, --epoch,
//   --inference-ms, --json    as the programs on hosts
//   --trace FILE        where the notes go at the end, of programs compiled with --trace
//   --nonce N           a number that tells this start from all others
// Without one, the node that is given the inputs runs once, on zeros, and writes nothing; with
// board_input it runs until that says no more.
int board_main(const board_shard *shard);

#endif // DISCO_BOARD_MAIN_H
