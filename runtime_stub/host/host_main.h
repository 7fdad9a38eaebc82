//===- host_main.h - main program of one shard on a POSIX host ------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_MAIN_H
#define DISCO_HOST_MAIN_H

#include "../disco.h"

// Runs the shard over TCP as the command line says (--help). Returns the exit code: disco_exit in
// session.h. `peers`, "0=HOST:PORT,1=HOST:PORT", are addresses that count where neither the command
// line nor a file nor the environment names one; the own entry is where to listen.
int disco_host_main(int argc, char **argv, const disco_program *program,
                    const char *peers = nullptr);

#endif // DISCO_HOST_MAIN_H
