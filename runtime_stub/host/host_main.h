//===- host_main.h - main program of one shard on a POSIX host ------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_MAIN_H
#define DISCO_HOST_MAIN_H

#include "../disco.h"

// Runs the shard over TCP as the command line says (--help). Returns the exit code: disco_exit in
// session.h.
int disco_host_main(int argc, char **argv, const disco_program *program);

#endif // DISCO_HOST_MAIN_H
