//===- address.h - addresses of a POSIX host's sockets, looked up ---------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TRANSPORT_ADDRESS_H
#define DISCO_TRANSPORT_ADDRESS_H

#include "../disco.h"

#include <netdb.h>

inline namespace DISCO_RUNTIME {

// Splits HOST:PORT, [HOST]:PORT, :PORT or PORT, without a host that of 127.0.0.1, and looks it up;
// `hints` as getaddrinfo has them. Blocks. To be freed with freeaddrinfo. Null: not found, `why`, a
// static text, says so.
addrinfo *disco_look_up(const char *address, const addrinfo &hints, const char **why);

// The port that the socket is bound to, 0: none.
uint16_t disco_port_of(int fd);

} // namespace DISCO_RUNTIME

#endif // DISCO_TRANSPORT_ADDRESS_H
