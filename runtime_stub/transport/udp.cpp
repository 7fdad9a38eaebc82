//===- udp.cpp - transport over UDP, for POSIX hosts ----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "udp.h"

#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace {

// With the packet's header and those of IPv6 and UDP, 1,496 bytes: Ethernet carries 1,500.
constexpr uint16_t segment = 1432, window = 16;
constexpr uint32_t mtu = segment + DISCO_PACKET_OVERHEAD;
constexpr uint32_t retry_us = 10000;
constexpr uint64_t resolve_again_us = 1000000;
constexpr int buffer = 1 << 20; // of the socket; the system may give less
constexpr uint32_t crc_residue = 0x2144df1c;
constexpr uint32_t rank_mask = 0xfff;

struct udp_peer {
  char *name; // of a lower rank
  // Where packets for it go, and where its own come from; the sizes are 0: not known.
  sockaddr_storage at, from;
  socklen_t size, from_size;
  uint64_t resolve_at;
  const char *trouble;
};

} // namespace

struct DISCO_RUNTIME::disco_udp {
  int fd, family;
  udp_peer *peers; // [rank]
  disco_hop *hops;
  disco_port port;
  disco_packets_config config;
  disco_packets packets;
};

namespace {

uint64_t udp_now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

uint32_t load16(const uint8_t *p) { return static_cast<uint32_t>(p[0] | p[1] << 8); }

bool resolve(const disco_udp *u, udp_peer *p) {
  if (p->size || !p->name || udp_now(nullptr) < p->resolve_at)
    return p->size;
  addrinfo hints = {};
  hints.ai_family = u->family;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | (u->family == AF_INET6 ? AI_V4MAPPED : 0);
  addrinfo *found = disco_look_up(p->name, hints, &p->trouble);
  if (!found) {
    p->resolve_at = udp_now(nullptr) + resolve_again_us;
    return false;
  }
  memcpy(&p->at, found->ai_addr, found->ai_addrlen);
  p->size = found->ai_addrlen;
  p->trouble = "nothing has come from there";
  freeaddrinfo(found);
  return true;
}

// A packet for a peer whose address is not known yet is lost, and so is what the network refuses.
int32_t udp_send(void *context, uint16_t to_rank, const uint8_t *packet, uint32_t size) {
  const disco_udp *u = static_cast<disco_udp *>(context);
  udp_peer *p = &u->peers[to_rank];
  const int32_t taken = static_cast<int32_t>(size);
  if (!resolve(u, p))
    return taken;
  ssize_t n = sendto(u->fd, packet, size, 0, reinterpret_cast<sockaddr *>(&p->at), p->size);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) ? 0 : taken;
}

// Whether an undamaged packet has come: its sender is where it came from.
bool is_sound(const disco_udp *u, const uint8_t *packet, uint32_t size) {
  return size >= DISCO_PACKET_OVERHEAD && load16(packet) == u->config.rank &&
         disco_crc32(0, packet, size) == crc_residue;
}

// Whether the packet is to be looked at. A higher rank is answered where it calls from; once a peer
// has been heard, its packets come from nowhere else, so that a stranger who knows no more than the
// format cannot end a session.
bool may_come(const disco_udp *u, const uint8_t *packet, uint32_t size, const sockaddr_storage &at,
              socklen_t length) {
  const uint32_t rank = size >= DISCO_PACKET_OVERHEAD ? load16(packet + 2) & rank_mask : rank_mask;
  if (rank >= u->config.nodes || rank == u->config.rank)
    return true; // it will be refused
  udp_peer *p = &u->peers[rank];
  if (p->from_size == length && memcmp(&p->from, &at, length) == 0)
    return true;
  if (!is_sound(u, packet, size) || disco_packets_peer_stats(&u->packets, rank)->rx_segments)
    return false;
  p->trouble = "it has not said enough";
  p->from = at;
  p->from_size = length;
  if (rank > u->config.rank) {
    p->at = at;
    p->size = length;
  }
  return true;
}

int32_t udp_receive(void *context, uint8_t *packet, uint32_t capacity) {
  const disco_udp *u = static_cast<disco_udp *>(context);
  sockaddr_storage at = {};
  socklen_t length = sizeof at;
  ssize_t n = recvfrom(u->fd, packet, capacity, 0, reinterpret_cast<sockaddr *>(&at), &length);
  if (n <= 0)
    return 0;
  // A byte is no packet: counted as damaged, and dropped.
  return may_come(u, packet, static_cast<uint32_t>(n), at, length) ? static_cast<int32_t>(n) : 1;
}

void udp_idle(void *context, uint64_t us) {
  pollfd p = {static_cast<disco_udp *>(context)->fd, POLLIN, 0};
  if (us == 0)
    return;
#ifdef __linux__
  timespec time = {static_cast<time_t>(us / 1000000u), static_cast<long>(us % 1000000u) * 1000};
  ppoll(&p, 1, &time, nullptr);
#else
  poll(&p, 1, static_cast<int>((us + 999) / 1000));
#endif
}

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

// Large packets may be cut on the way, where a network carries less than Ethernet does.
void prepare(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
#ifdef IP_PMTUDISC_DONT
  int cut = IP_PMTUDISC_DONT;
  setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &cut, sizeof cut);
#endif
}

// Of all addresses, of both versions of IP where there are both.
int bind_anywhere() {
  sockaddr_in6 six = {};
  six.sin6_family = AF_INET6;
  int no = 0, fd = socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
      bind(fd, reinterpret_cast<sockaddr *>(&six), sizeof six) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr *>(&four), sizeof four) == 0)
    return fd;
  close(fd);
  return -1;
}

int bind_to(const char *address, char *error, size_t error_size) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  const char *why = "";
  addrinfo *a = disco_look_up(address, hints, &why);
  int fd = a ? socket(a->ai_family, SOCK_DGRAM, 0) : -1;
  if (fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) != 0) {
    why = strerror(errno);
    close(fd);
    fd = -1;
  } else if (a && fd < 0) {
    why = strerror(errno);
  }
  if (a)
    freeaddrinfo(a);
  if (fd < 0)
    snprintf(error, error_size, "cannot listen on %s: %s", address, why);
  return fd;
}

bool open_socket(disco_udp *u, const disco_udp_options *o, char *error, size_t error_size) {
  snprintf(error, error_size, "no UDP socket: %s", strerror(errno));
  u->fd = o->listen_fd >= 0 ? o->listen_fd
          : o->listen       ? bind_to(o->listen, error, error_size)
                            : bind_anywhere();
  if (u->fd < 0)
    return false;
  int kind = 0;
  sockaddr_storage own = {};
  socklen_t size = sizeof kind, length = sizeof own;
  if (getsockopt(u->fd, SOL_SOCKET, SO_TYPE, &kind, &size) != 0 || kind != SOCK_DGRAM ||
      getsockname(u->fd, reinterpret_cast<sockaddr *>(&own), &length) != 0) {
    snprintf(error, error_size, "descriptor %d is no UDP socket", u->fd);
    return false;
  }
  u->family = own.ss_family;
  prepare(u->fd);
  return true;
}

bool allocate(disco_udp *u, const disco_udp_options *o) {
  disco_packets_config *c = &u->config;
  u->peers = static_cast<udp_peer *>(calloc(o->nodes, sizeof(udp_peer)));
  u->hops = static_cast<disco_hop *>(calloc(o->nodes, sizeof(disco_hop)));
  c->memory_bytes = disco_packets_bytes(o->nodes - 1, segment, window, 0);
  c->memory = static_cast<uint8_t *>(malloc(c->memory_bytes));
  if (!u->peers || !u->hops || !c->memory)
    return false;
  for (uint32_t i = 0; i < o->nodes; ++i) {
    u->peers[i].trouble = "nothing has come from it";
    u->hops[i] = {0, static_cast<uint16_t>(i)};
    if (i < o->rank && !(u->peers[i].name = strdup(o->peers[i])))
      return false;
  }
  return true;
}

bool open_packets(disco_udp *u) {
  disco_packets_config *c = &u->config;
  u->port = {u, mtu, udp_send, udp_receive};
  c->ports = &u->port;
  c->port_count = 1;
  c->hops = u->hops;
  c->payload = segment;
  c->window = window;
  c->retry_us = retry_us;
  c->now_us = udp_now;
  c->idle = udp_idle;
  c->clock_context = u;
  timespec t; // what tells this start from the one before
  clock_gettime(CLOCK_REALTIME, &t);
  c->nonce = static_cast<uint16_t>((t.tv_nsec >> 8 ^ t.tv_sec ^ getpid()) | 1);
  return disco_packets_init(&u->packets, c) == DISCO_OK;
}

bool check(const disco_udp_options *o, char *error, size_t error_size) {
  for (uint32_t i = 0; i < o->rank; ++i)
    if (!o->peers || !o->peers[i]) {
      snprintf(error, error_size, "no address for rank %u, to which rank %u sends", i, o->rank);
      return false;
    }
  if (o->rank + 1 < o->nodes && !o->listen && o->listen_fd < 0) {
    snprintf(error, error_size, "rank %u needs an address to listen on: higher ranks send to it",
             o->rank);
    return false;
  }
  if (o->nodes <= DISCO_PACKET_NODES)
    return true;
  snprintf(error, error_size, "%u nodes: over UDP at most %u", o->nodes, DISCO_PACKET_NODES);
  return false;
}

} // namespace

disco_udp *disco_udp_create(const disco_udp_options *o, char *error, size_t error_size) {
  if (!check(o, error, error_size))
    return nullptr;
  disco_udp *u = static_cast<disco_udp *>(calloc(1, sizeof(disco_udp)));
  if (!u) {
    snprintf(error, error_size, "out of memory");
    return nullptr;
  }
  u->fd = -1;
  u->config.rank = static_cast<uint16_t>(o->rank);
  u->config.nodes = static_cast<uint16_t>(o->nodes);
  bool ok = open_socket(u, o, error, error_size);
  if (ok && !(ok = allocate(u, o) && open_packets(u)))
    snprintf(error, error_size, "out of memory");
  if (ok)
    return u;
  disco_udp_destroy(u);
  return nullptr;
}

void disco_udp_destroy(disco_udp *u) {
  if (!u)
    return;
  if (u->fd >= 0)
    close(u->fd);
  for (uint32_t i = 0; u->peers && i < u->config.nodes; ++i)
    free(u->peers[i].name);
  free(u->peers);
  free(u->hops);
  free(u->config.memory);
  free(u);
}

disco_transport disco_udp_transport(disco_udp *u) { return disco_packets_transport(&u->packets); }

void disco_udp_linger(disco_udp *u) { disco_packets_linger(&u->packets, 0); }

uint16_t disco_udp_port(const disco_udp *u) { return disco_port_of(u->fd); }

const char *disco_udp_trouble(const disco_udp *u, uint32_t peer) {
  return peer < u->config.nodes ? u->peers[peer].trouble : nullptr;
}

const disco_packets *disco_udp_packets(const disco_udp *u) { return &u->packets; }
