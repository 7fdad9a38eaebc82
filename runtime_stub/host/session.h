//===- session.h - options, inputs, runs and reports of host programs -----===//
// SPDX-License-Identifier: Apache-2.0
//
// What host_main and inproc_main share: the command line, loading inputs, running the inferences of
// one node, writing outputs, and the report. Uses malloc.

#ifndef DISCO_HOST_SESSION_H
#define DISCO_HOST_SESSION_H

#include "../disco.h"
#include "stream.h"

#include <stdio.h>

// Exit codes of host programs.
enum disco_exit : int {
  DISCO_EXIT_OK = 0,
  DISCO_EXIT_FAILED =
      1, // an inference failed, here or elsewhere: the message names the rank that failed first
  DISCO_EXIT_USAGE = 2, // wrong command line
  DISCO_EXIT_FILE = 3   // an input cannot be read or does not fit, an output cannot be written
};

struct disco_options {
  const char *const *inputs; // NAME=FILE
  uint32_t input_count;
  const char *input_dir, *output_dir; // NAME.npy of each tensor; may be null. Output "-": stdout
  disco_drop drop;
  uint64_t repeat, count, reset; // 0: not given
  uint64_t deadline_ms, start_ms, idle_ms, grace_ms, inference_ms, floor;
  int64_t spin_us; // below 0: not given
  uint32_t epoch;
  bool json, help, quiet;
  bool no_weight_check;
  bool no_shared_memory;
  bool mpi, udp;
  bool low_latency;
  // host_main
  const char *listen, *peers_file;
  const char *built_in; // addresses that the program was built with; may be null
  int listen_fd, share_fd;
  const char *const *peers; // RANK=HOST:PORT
  uint32_t peer_count;
  const char *const *wires; // PORT=ADDRESS
  uint32_t wire_count;
  // inproc_main
  bool exact;
  uint32_t capacity;
};

// `network`: accept the options of host_main, else those of inproc_main. False: `error` says why.
// Free with disco_options_free.
bool disco_options_parse(disco_options *o, int argc, char **argv, bool network, char *error,
                         size_t error_size);
void disco_options_free(disco_options *o);
void disco_options_help(FILE *to, const char *program, bool network);

// Bytes that no earlier start had: random ones of the system.
void disco_host_nonce(void *to, size_t size);

// What a floor of so many bytes a second, at most 2^31, is in a deadline.
uint32_t disco_session_floor(const disco_options *o, uint64_t rate);

// One node and its data.
struct disco_session {
  const disco_program *program;
  const disco_options *options;
  disco_config config;
  disco_node node;
  disco_npy *inputs;    // [input] the whole files, of those that are no streams
  const char **streams; // [input] the path of a stream, or null
  disco_feed feed;      // the streams
  bool fed;             // an input is one; ended: it is over
  bool ended;
  void **staged_inputs;   // [inference in flight][input] one inference each, aligned
  void **staged_outputs;  // [output]
  disco_npy_stack *files; // [output] open where outputs are written
  char *paths;            // of the files
  bool writes;            // this node's outputs go to --output-dir
  uint64_t batch, total;  // inferences a repeat, and in all; 0: until the peers say bye
  uint64_t given, done;   // inferences submitted, and completed
  uint64_t *times_us;     // of the last time_space inferences
  uint64_t *began_us;     // [inference in flight]
  uint64_t first_us;      // when the first inference was submitted
  uint64_t ended_us;      // when the last one was completed
  uint32_t spin_us;       // as disco_config has it
  bool ran;               // all inferences were completed
  uint64_t progress_us;   // when it is said next how far the run is; 0: never
  void (*describe)(void *context,
                   FILE *to); // more fields of the JSON, each behind a comma; or null
  void *describe_context;
  void (*started)(void *context); // when all peers are there; or null
  void *started_context;
  int exit_code;
  char message[768]; // of the first failure
};

// Loads the inputs and allocates; writes is set where there is an --output-dir. exit_code is not 0
// afterwards when that failed. disco_session_close in any case.
void disco_session_open(disco_session *s, const disco_program *program,
                        const disco_options *options);
// Sets the inferences a repeat of a node without inputs.
void disco_session_count(disco_session *s, uint64_t batch);
// Makes the files of the outputs, where there are to be any. False: exit_code and message say why.
bool disco_session_open_outputs(disco_session *s);
// How long waits may spin where so many nodes are threads of this process. A spin is no use where
// another node waits for the processor.
uint32_t disco_session_spin(const disco_options *o, uint32_t threads);
// Starts, runs and stops the node. The outputs of every inference are written when it is done, and
// stay when a later one fails. `transport` may be empty for a cluster of one.
void disco_session_run(disco_session *s, disco_transport transport);
// One JSON object, no newline.
void disco_session_json(const disco_session *s, FILE *to);
void disco_session_close(disco_session *s);

// The exit code once all that was printed to standard output has been written.
int disco_finish_stdout(int exit_code);

#endif // DISCO_HOST_SESSION_H
