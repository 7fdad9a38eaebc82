//===- mpi.h - transport and mailboxes over MPI ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// For nodes that mpirun, srun or their like have started: rank K of MPI_COMM_WORLD is node K. Data
// goes by persistent requests, control frames by another tag; nothing else connects the nodes.
//
// Built with DISCO_MPI, against the MPI of the machine that it runs on; else disco_mpi_create
// fails. Uses malloc. One thread calls.

#ifndef DISCO_TRANSPORT_MPI_H
#define DISCO_TRANSPORT_MPI_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {

struct disco_mpi;

// Initialises MPI, once a process. Null on failure, with a message of at most error_size bytes.
disco_mpi *disco_mpi_create(const disco_program *program, char *error, size_t error_size);

// The callbacks: for disco_config.
const disco_mailbox *disco_mpi_mailbox(const disco_mpi *mpi);
disco_transport disco_mpi_transport(disco_mpi *mpi);

// The last call, when all has been printed. With exit code 0 it waits for the other nodes, at most
// so many seconds, after which the process is ended; any other code ends all nodes of the job.
void disco_mpi_leave(disco_mpi *mpi, int exit_code, uint32_t most_s);

} // namespace DISCO_RUNTIME

#endif // DISCO_TRANSPORT_MPI_H
