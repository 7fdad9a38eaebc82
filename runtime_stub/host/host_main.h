//===- host_main.h - main program of one shard on a POSIX host ------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_MAIN_H
#define DISCO_HOST_MAIN_H

#include "../disco.h"

#include <stddef.h>
#include <stdio.h>

struct disco_options;

// Runs the shard over TCP as the command line says (--help). Returns the exit code: disco_exit in
// session.h. `peers`, "0=HOST:PORT,1=HOST:PORT", are addresses that count where neither the command
// line nor a file nor the environment names one; the own entry is where to listen.
int disco_host_main(int argc, char **argv, const disco_program *program,
                    const char *peers = nullptr);

// How a program reaches peers that TCP does not: the callbacks of wires.cpp.
struct disco_host_links {
  void *context;
  // Whether the peer is one of those.
  bool (*carries)(void *context, uint32_t peer);
  // False: `error` says why.
  bool (*open)(void *context, const disco_options *options, char *error, size_t error_size);
  // The transport to all peers, given that to the others: null when there are none.
  disco_transport (*join)(void *context, const disco_transport *others);
  void (*linger)(void *context);             // after the last call of the transport
  void (*describe)(void *context, FILE *to); // more fields of the JSON, each behind a comma
  void (*close)(void *context);
  // The floor of progress: bytes a second, and the most that are asked for in a deadline.
  uint32_t floor, floor_most;
};

// As disco_host_main; `links` may be null.
int disco_host_run(int argc, char **argv, const disco_program *program, const char *peers,
                   const disco_host_links *links);

#endif // DISCO_HOST_MAIN_H
