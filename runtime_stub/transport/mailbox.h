//===- mailbox.h - mailboxes between threads of one process ---------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Messages in memory that both nodes see, beside the streams of inproc.h, whose sleep they share:
// payloads lie in places of fixed size, and kernels may write and read them there. For tests, and
// the model of a mailbox between two cores. Uses malloc.

#ifndef DISCO_TRANSPORT_MAILBOX_H
#define DISCO_TRANSPORT_MAILBOX_H

#include "inproc.h"

inline namespace DISCO_RUNTIME {

struct disco_mailboxes; // those of all nodes

struct disco_mailbox_options {
  uint32_t nodes;
  // Places of each direction of each link. Range: 1 up. Cost: so many times `bytes`.
  uint32_t places;
  // Bytes of a place. Range: the longest message up; a longer one would wait for ever.
  uint32_t bytes;
  // [from * nodes + to]: not 0 where data goes by mailbox, the same in both directions. Null:
  // everywhere.
  const uint8_t *carries;
};

// `links` carries the control frames and must outlive the mailboxes. Null when memory is short.
disco_mailboxes *disco_mailboxes_create(disco_inproc *links, const disco_mailbox_options *options);

} // namespace DISCO_RUNTIME

// After all nodes have stopped.
void disco_mailboxes_destroy(disco_mailboxes *all);

// The callbacks of node `rank`, for disco_config. They stay in place until all is destroyed.
const disco_mailbox *disco_mailbox_of(disco_mailboxes *all, uint32_t rank);

#endif // DISCO_TRANSPORT_MAILBOX_H
