//===- shm.h - mailboxes in memory that processes of one host share -------===//
// SPDX-License-Identifier: Apache-2.0
//
// Beside a TCP link between two processes of one host, data goes by memory that both see: no system
// call, no CRC, one copy in and one out. Two processes share memory when a descriptor of it got
// from the one to the other over a Unix socket (in Linux's abstract namespace: nothing lies in the
// file system), both belong to the same user, and the nonce that each wrote there is the one that
// its peer reads on the TCP link. Whatever fails, the data goes over TCP; nobody waits for it.
//
// For Linux; elsewhere disco_shm_create gives null. Uses malloc.

#ifndef DISCO_TRANSPORT_SHM_H
#define DISCO_TRANSPORT_SHM_H

#include "tcp.h"

inline namespace DISCO_RUNTIME {

struct disco_shm;

// Null: there can be no shared memory here, or memory is short. `tcp` must outlive it; `nonce`, of
// DISCO_NONCE_SIZE bytes, is that of disco_config. `listener`: a Unix socket that takes the offers
// of higher ranks already, or -1.
disco_shm *disco_shm_create(const disco_program *program, const uint8_t *nonce, disco_tcp *tcp,
                            int listener);

// The callbacks: for disco_config. The transport is that of the TCP links, with a sleep that ends
// for mail too.
const disco_mailbox *disco_shm_mailbox(const disco_shm *shm);
disco_transport disco_shm_transport(disco_shm *shm);

// Before disco_tcp_destroy, after disco_stop.
void disco_shm_destroy(disco_shm *shm);

} // namespace DISCO_RUNTIME

#endif // DISCO_TRANSPORT_SHM_H
