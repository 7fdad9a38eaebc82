//===- address.cpp - addresses of a POSIX host's sockets, looked up -------===//
// SPDX-License-Identifier: Apache-2.0

#include "address.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

addrinfo *DISCO_RUNTIME::disco_look_up(const char *address, const addrinfo &hints,
                                       const char **why) {
  char host[256] = "127.0.0.1";
  const char *colon = strrchr(address, ':'), *port = colon ? colon + 1 : address;
  if (colon && colon != address) {
    const char *from = address;
    size_t size = static_cast<size_t>(colon - address);
    if (size >= 2 && from[0] == '[' && from[size - 1] == ']') {
      ++from;
      size -= 2;
    }
    if (size >= sizeof host) {
      *why = "host name too long";
      return nullptr;
    }
    memcpy(host, from, size);
    host[size] = 0;
  }
  addrinfo *found = nullptr;
  int code = getaddrinfo(host, port, &hints, &found);
  if (code == 0)
    return found;
  *why = gai_strerror(code);
  return nullptr;
}

uint16_t DISCO_RUNTIME::disco_port_of(int fd) {
  sockaddr_storage a = {};
  socklen_t size = sizeof a;
  if (fd < 0 || getsockname(fd, reinterpret_cast<sockaddr *>(&a), &size) != 0)
    return 0;
  if (a.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<sockaddr_in6 *>(&a)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in *>(&a)->sin_port);
}
