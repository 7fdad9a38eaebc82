//===- talk.h - what a program says to the person who started it ----------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_TALK_H
#define DISCO_HOST_TALK_H

#include "session.h"

// Says on standard error, a line each, where the program listens, whom it waits for (after a
// moment, then every 10 s), that all are there, and what it did.
struct disco_talk {
  disco_session *session;
  // Why the peer is not there yet, or null; null where no transport can say. A program of all nodes
  // has no transport to others, and is built from the same folder.
  const char *(*trouble)(const void *transport, uint32_t peer);
  const void *transport;
  uint16_t port;                // where it listens; 0: nowhere
  const char *const *addresses; // [rank], as the program knows them; entries may be null
  const char *listen;           // the address that was asked for; null: an inherited socket
  disco_transport inner;
  uint64_t next_us; // when whom is awaited is said again
  uint64_t began_us;
};

// Says where the program listens, if anybody connects to it, and puts itself between the session
// and its transport until all are there. `talk` must outlive disco_session_run.
disco_transport disco_talk_open(disco_talk *talk, disco_transport inner);

// What was done; after disco_session_run. A failure is told by its error.
void disco_talk_close(const disco_talk *talk);

#endif // DISCO_HOST_TALK_H
