//===- inproc.h - transport between threads of one process ----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Nodes are threads of one process, links are byte rings. For tests and for trying a cluster
// without a network. Uses malloc and pthreads.

#ifndef DISCO_TRANSPORT_INPROC_H
#define DISCO_TRANSPORT_INPROC_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {

struct disco_inproc; // all links of one cluster

// `capacity`: bytes that a link buffers in each direction.
//
// DISCO_INPROC_EXACT buffers nothing. A byte leaves the sender only when the receiver has a place
// for it: a header's, or one in the buffer that it posted. This is the worst link there is, and the
// one for which the compiler proves that the schedule ends.
constexpr uint32_t DISCO_INPROC_EXACT = 0;

// Null when memory is short. `nodes` >= 1.
disco_inproc *disco_inproc_create(uint32_t nodes, uint32_t capacity);

} // namespace DISCO_RUNTIME

// After all nodes have stopped.
void disco_inproc_destroy(disco_inproc *links);

// The callbacks of node `rank`.
disco_transport disco_inproc_transport(disco_inproc *links, uint32_t rank);

// Breaks all links of a node as if its process had been killed: what it sent before can still be
// read.
void disco_inproc_kill(disco_inproc *links, uint32_t rank);
bool disco_inproc_killed(const disco_inproc *links, uint32_t rank);

// Ends the sleep of a node's wait(): for what else its peers share with it.
void disco_inproc_wake(disco_inproc *links, uint32_t rank);

#endif // DISCO_TRANSPORT_INPROC_H
