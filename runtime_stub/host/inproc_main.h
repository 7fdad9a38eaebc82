//===- inproc_main.h - main program of all shards in one process ----------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_INPROC_MAIN_H
#define DISCO_HOST_INPROC_MAIN_H

#include "../disco.h"

// Runs `nodes` shards, programs[rank], in a thread each, as the command line says (--help). Returns
// the exit code: disco_exit in session.h.
int disco_inproc_main(int argc, char **argv, const disco_program *const *programs, uint32_t nodes);

#endif // DISCO_HOST_INPROC_MAIN_H
