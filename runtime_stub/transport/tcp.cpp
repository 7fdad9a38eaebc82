//===- tcp.cpp - transport over TCP, for POSIX hosts ----------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "tcp.h"

#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

#ifdef MSG_NOSIGNAL
constexpr int flag_quiet = MSG_NOSIGNAL;
#else
constexpr int flag_quiet = 0;
#endif

constexpr uint32_t hello_size = DISCO_HEADER_SIZE + DISCO_HELLO_SIZE;
constexpr uint32_t pending_max = 32;
constexpr uint32_t ahead_most = 2048; // a header and a small payload come in one call
constexpr uint64_t retry_first_us = 5000, retry_most_us = 200000, resolve_again_us = 1000000;
constexpr uint64_t meet_us = 100000, meet_again_us = 2000; // before the node speaks

enum link_state : uint8_t { link_idle, link_connecting, link_open, link_over };

struct tcp_link {
  addrinfo *addresses, *next; // of a lower rank
  uint64_t retry_at, retry_us;
  const char *trouble;
  int fd;
  link_state state;
  bool heard; // a hello of this cluster has come: until then a lost connection is tried again
  uint64_t meets_until; // not 0: nothing is said before what lies beside the stream was agreed
  // Hello and terms. They are kept so that they can be said again on another connection.
  uint8_t greeting[DISCO_GREETING_SIZE];
  uint32_t greeting_have, greeting_sent;
  // What was read before the runtime asked for it: the peer's hello until it is known who it is,
  // and later what a call gave beyond what was asked for.
  uint8_t ahead[ahead_most];
  uint32_t ahead_size, ahead_pos;
  bool drained; // the last call gave all that there was
  // What was written and leaves with what follows at once.
  uint8_t held[DISCO_HEADER_SIZE];
  uint32_t held_size;
};

// An accepted connection of which it is not known who calls, or whom we have refused. A refused
// caller's bytes are read and dropped until it closes: if we closed first, with bytes unread, the
// connection would be reset, and our answer lost.
struct pending {
  int fd;
  uint32_t have;
  uint64_t since;
  bool refused;
  uint8_t bytes[hello_size];
};

} // namespace

struct DISCO_RUNTIME::disco_tcp {
  uint32_t rank, nodes, strangers, busy_poll_us;
  disco_tcp_foreign foreign;
  int listen_fd;
  uint16_t port;
  uint64_t accept_at;
  tcp_link *links; // [rank]
  char **names;    // [rank] address of every lower rank
  pollfd *polled;  // 1 + pending_max + 2 * nodes
  disco_tcp_beside beside;
  pending waiting[pending_max];
};

namespace {

uint64_t tcp_now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

void prepare(int fd, [[maybe_unused]] uint32_t busy_poll_us) {
  int one = 1;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef SO_BUSY_POLL
  const int poll_us = static_cast<int>(busy_poll_us);
  if (poll_us)
    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &poll_us, sizeof poll_us);
#endif
#ifdef SO_NOSIGPIPE
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
}

uint32_t load_magic(const uint8_t *p) { return static_cast<uint32_t>(p[0] | p[1] << 8); }

bool again(int e) { return e == EAGAIN || e == EWOULDBLOCK || e == EINTR; }

addrinfo *look_up(const char *address, bool passive, const char **why) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  return disco_look_up(address, hints, why);
}

//===----------------------------------------------------------------------===//
// Connecting
//===----------------------------------------------------------------------===//

void try_later(tcp_link *l, const char *trouble, uint64_t delay_us) {
  if (l->fd >= 0)
    close(l->fd);
  l->fd = -1;
  l->meets_until = 0;
  l->state = link_idle;
  l->trouble = trouble;
  l->retry_at = tcp_now(nullptr) + delay_us;
}

void retry(tcp_link *l, const char *trouble) {
  try_later(l, trouble, l->retry_us);
  l->retry_us = l->retry_us * 2 < retry_most_us ? l->retry_us * 2 : retry_most_us;
}

void send_greeting(tcp_link *l) {
  if (l->state != link_open || l->greeting_sent == l->greeting_have || l->meets_until)
    return;
  ssize_t n =
      send(l->fd, l->greeting + l->greeting_sent, l->greeting_have - l->greeting_sent, flag_quiet);
  if (n > 0)
    l->greeting_sent += static_cast<uint32_t>(n);
}

// When nobody listens at a port of the range from which the system takes the callers' ports, a
// socket can connect to itself.
bool connected_to_itself(int fd) {
  sockaddr_storage a = {}, b = {};
  socklen_t na = sizeof a, nb = sizeof b;
  return getsockname(fd, reinterpret_cast<sockaddr *>(&a), &na) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr *>(&b), &nb) == 0 && na == nb &&
         memcmp(&a, &b, na) == 0;
}

bool meet(const disco_tcp *t, const tcp_link *l) {
  return !t->beside.meet ||
         t->beside.meet(t->beside.context, static_cast<uint32_t>(l - t->links), l->fd);
}

// Of a node that was called and is not there yet as far as `meet` goes.
void meet_again(const disco_tcp *t, tcp_link *l, uint64_t now) {
  if (!l->meets_until || (!meet(t, l) && now < l->meets_until))
    return;
  l->meets_until = 0;
  send_greeting(l);
}

void connected(disco_tcp *t, tcp_link *l) {
  if (connected_to_itself(l->fd))
    return retry(l, "nobody listens there");
  l->meets_until = meet(t, l) ? 0 : tcp_now(nullptr) + meet_us;
  l->state = link_open;
  l->greeting_sent = l->ahead_size = 0;
  l->trouble = "connected, but no hello came";
  send_greeting(l);
}

void try_connect(disco_tcp *t, uint32_t peer) {
  tcp_link *l = &t->links[peer];
  if (!l->addresses) {
    l->next = l->addresses = look_up(t->names[peer], false, &l->trouble);
    if (!l->addresses)
      return try_later(l, l->trouble, resolve_again_us);
  }
  addrinfo *a = l->next;
  l->next = a->ai_next ? a->ai_next : l->addresses;
  l->fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
  if (l->fd < 0)
    return retry(l, "no socket");
  prepare(l->fd, t->busy_poll_us);
  if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0)
    return connected(t, l);
  if (errno != EINPROGRESS)
    return retry(l, "cannot connect");
  l->state = link_connecting;
}

void finish_connect(disco_tcp *t, tcp_link *l) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    return retry(l, error == ECONNREFUSED ? "nobody listens there" : "cannot connect");
  connected(t, l);
}

//===----------------------------------------------------------------------===//
// Accepting
//===----------------------------------------------------------------------===//

void drop(disco_tcp *t, pending *p) {
  close(p->fd);
  p->fd = -1;
  ++t->strangers;
}

void stop_listening(disco_tcp *t) {
  if (t->listen_fd >= 0)
    close(t->listen_fd);
  t->listen_fd = -1;
  for (pending &p : t->waiting)
    if (p.fd >= 0)
      drop(t, &p);
}

// What this node says to all. A link that is another transport's, or its own, has none.
const uint8_t *own_hello(const disco_tcp *t) {
  uint32_t i = 0;
  while (i + 1 < t->nodes && t->links[i].greeting_have < hello_size)
    ++i;
  return t->links[i].greeting;
}

bool other_build(const disco_tcp *t, const uint8_t *hello) {
  return memcmp(hello + DISCO_HEADER_SIZE, own_hello(t) + DISCO_HEADER_SIZE, 16) != 0;
}

// Of a hello of another version, build or start of the cluster: which of them, noted for the
// warning. Null: it is one of this cluster.
const char *foreign(disco_tcp *t, const uint8_t *hello) {
  const uint8_t *own = own_hello(t);
  disco_frame theirs, ours;
  disco_frame_decode(&theirs, hello);
  disco_frame_decode(&ours, own);
  bool build = other_build(t, hello);
  // A hello has the epoch in place of the sequence.
  if (theirs.version == ours.version && !build && theirs.sequence == ours.sequence)
    return nullptr;
  disco_tcp_foreign *f = &t->foreign;
  ++f->count;
  f->rank = static_cast<uint32_t>(disco_hello_rank(hello));
  f->version = theirs.version;
  f->epoch = theirs.sequence;
  memcpy(f->build, hello + DISCO_HEADER_SIZE, sizeof f->build);
  return theirs.version != ours.version ? "a node of another protocol version is there"
         : build                        ? "a shard of another build is there"
                                        : "a shard of another epoch is there";
}

// Answers a caller whom we refuse with our own hello, so that it can say what does not fit. A
// caller of another build gets the first 4 bytes of our build hash only: with all of it a stranger
// could call again and take a peer's place.
void answer(disco_tcp *t, pending *p) {
  uint8_t hello[hello_size];
  memcpy(hello, own_hello(t), sizeof hello);
  if (other_build(t, p->bytes)) {
    disco_frame f;
    disco_frame_decode(&f, hello);
    memset(hello + DISCO_HEADER_SIZE + 4, 0, 12);
    disco_frame_encode(hello, &f, hello + DISCO_HEADER_SIZE);
  }
  if (send(p->fd, hello, sizeof hello, flag_quiet) <= 0)
    return drop(t, p);
  shutdown(p->fd, SHUT_WR);
  p->refused = true;
}

// Who connected has said a hello.
void identify(disco_tcp *t, pending *p) {
  int rank = disco_hello_rank(p->bytes);
  if (rank < 0)
    return drop(t, p);
  uint32_t peer = static_cast<uint32_t>(rank);
  const char *why = foreign(t, p->bytes);
  bool open = peer > t->rank && peer < t->nodes && t->links[peer].state == link_idle;
  if (why && open)
    t->links[peer].trouble = why;
  if (why || !open)
    return answer(t, p);
  tcp_link *l = &t->links[peer];
  l->fd = p->fd;
  p->fd = -1;
  memcpy(l->ahead, p->bytes, hello_size);
  l->ahead_size = hello_size;
  l->heard = true;
  l->state = link_open;
  l->trouble = nullptr;
  meet(t, l);
  send_greeting(l);
  for (uint32_t i = t->rank + 1; i < t->nodes; ++i)
    if (t->links[i].state == link_idle)
      return;
  stop_listening(t);
}

void read_pending(disco_tcp *t, pending *p) {
  if (p->refused)
    p->have = 0;
  ssize_t n = recv(p->fd, p->bytes + p->have, hello_size - p->have, 0);
  if (n < 0 && again(errno))
    return;
  if (n <= 0)
    return drop(t, p);
  if (p->refused)
    return;
  p->have += static_cast<uint32_t>(n);
  if (p->have >= 2 && load_magic(p->bytes) != DISCO_MAGIC)
    return drop(t, p);
  if (p->have == hello_size)
    identify(t, p);
}

void accept_all(disco_tcp *t) {
  while (t->listen_fd >= 0) {
    int fd = accept(t->listen_fd, nullptr, nullptr);
    if (fd < 0) {
      if (!again(errno))
        t->accept_at =
            tcp_now(nullptr) + 50000; // out of descriptors, perhaps: not to be asked again at once
      return;
    }
    prepare(fd, t->busy_poll_us);
    // A peer says its hello at once, so among too many silent ones the oldest is none.
    pending *place = &t->waiting[0];
    for (pending &p : t->waiting) {
      if (p.fd < 0) {
        place = &p;
        break;
      }
      if (p.since < place->since)
        place = &p;
    }
    if (place->fd >= 0)
      drop(t, place);
    place->fd = fd;
    place->have = 0;
    place->refused = false;
    place->since = tcp_now(nullptr);
    read_pending(t, place);
  }
}

//===----------------------------------------------------------------------===//
// Callbacks
//===----------------------------------------------------------------------===//

// What is held and what follows it, in one packet.
ssize_t send_both(tcp_link *l, const void *data, size_t size) {
  iovec parts[2] = {{l->held, l->held_size}, {const_cast<void *>(data), size}};
  msghdr m = {};
  m.msg_iov = parts;
  m.msg_iovlen = 2;
  return sendmsg(l->fd, &m, flag_quiet);
}

int32_t tcp_write(void *context, uint32_t peer, const void *data, size_t size, bool more) {
  tcp_link *l = &static_cast<disco_tcp *>(context)->links[peer];
  if (l->state == link_over)
    return DISCO_IO_LOST;
  // The first bytes of a stream are kept whether there is a connection or not.
  if (l->greeting_have < DISCO_GREETING_SIZE) {
    uint32_t room = DISCO_GREETING_SIZE - l->greeting_have,
             n = size < room ? static_cast<uint32_t>(size) : room;
    memcpy(l->greeting + l->greeting_have, data, n);
    l->greeting_have += n;
    send_greeting(l);
    return static_cast<int32_t>(n);
  }
  send_greeting(l);
  if (l->state != link_open || !l->heard || l->greeting_sent < DISCO_GREETING_SIZE)
    return 0;
  if (more && size <= sizeof l->held - l->held_size) {
    memcpy(l->held + l->held_size, data, size);
    l->held_size += static_cast<uint32_t>(size);
    return static_cast<int32_t>(size);
  }
  ssize_t n = send_both(l, data, size);
  if (n < 0)
    return again(errno) || errno == ENOBUFS ? 0 : static_cast<int32_t>(DISCO_IO_LOST);
  const uint32_t sent = static_cast<uint32_t>(n),
                 of_held = sent < l->held_size ? sent : l->held_size;
  l->held_size -= of_held;
  memmove(l->held, l->held + of_held, l->held_size);
  return static_cast<int32_t>(sent - of_held);
}

// Reads the hello of a node that was called. False: not all of it is there, or it is not wanted and
// the node will be called again. What is no hello is for the runtime to refuse.
bool hear_hello(disco_tcp *t, tcp_link *l) {
  ssize_t n = recv(l->fd, l->ahead + l->ahead_size, hello_size - l->ahead_size, 0);
  if (n < 0 && again(errno))
    return false;
  if (n <= 0) {
    retry(l, "it closes the connection without a hello");
    return false;
  }
  l->ahead_size += static_cast<uint32_t>(n);
  bool magic = l->ahead_size < 2 || load_magic(l->ahead) == DISCO_MAGIC;
  if (magic && l->ahead_size < hello_size)
    return false;
  const char *why = l->ahead_size == hello_size && disco_hello_rank(l->ahead) >= 0
                        ? foreign(t, l->ahead)
                        : nullptr;
  if (why) {
    retry(l, why);
    return false;
  }
  l->heard = true;
  l->trouble = nullptr;
  return true;
}

// Reads what is asked for and some of what is behind it.
int32_t receive(tcp_link *l, void *data, size_t size) {
  iovec parts[2] = {{data, size}, {l->ahead, sizeof l->ahead}};
  msghdr m = {};
  m.msg_iov = parts;
  m.msg_iovlen = 2;
  ssize_t n = recvmsg(l->fd, &m, 0);
  if (n < 0 && again(errno))
    return 0;
  if (n <= 0)
    return n == 0 ? DISCO_IO_END : DISCO_IO_LOST;
  const size_t got = static_cast<size_t>(n);
  l->drained = got < size + sizeof l->ahead;
  l->ahead_pos = 0;
  l->ahead_size = got > size ? static_cast<uint32_t>(got - size) : 0;
  return static_cast<int32_t>(got < size ? got : size);
}

int32_t tcp_read(void *context, uint32_t peer, void *data, size_t size) {
  disco_tcp *t = static_cast<disco_tcp *>(context);
  tcp_link *l = &t->links[peer];
  if (l->state == link_over)
    return DISCO_IO_LOST;
  if (l->state != link_open || (!l->heard && !hear_hello(t, l)))
    return 0;
  if (l->ahead_pos < l->ahead_size) {
    uint32_t left = l->ahead_size - l->ahead_pos,
             n = size < left ? static_cast<uint32_t>(size) : left;
    memcpy(data, l->ahead + l->ahead_pos, n);
    l->ahead_pos += n;
    return static_cast<int32_t>(n);
  }
  if (l->drained) {
    l->drained = false;
    return 0;
  }
  return receive(l, data, size);
}

void tcp_finish(void *context, uint32_t peer) {
  tcp_link *l = &static_cast<disco_tcp *>(context)->links[peer];
  if (l->state == link_open)
    shutdown(l->fd, SHUT_WR);
}

void tcp_close(void *context, uint32_t peer) {
  tcp_link *l = &static_cast<disco_tcp *>(context)->links[peer];
  if (l->fd >= 0)
    close(l->fd);
  l->fd = -1;
  l->state = link_over;
}

void watch(pollfd *p, int fd, int events) {
  // A descriptor without events would still report errors, over and over.
  p->fd = events ? fd : -1;
  p->events = static_cast<short>(events);
  p->revents = 0;
}

// Whether bytes that are wanted have been read already.
bool has_read_ahead(const tcp_link *l, uint8_t wants) {
  return (wants & DISCO_WANT_READ) && l->state == link_open && l->heard &&
         l->ahead_pos < l->ahead_size;
}

int peer_events(const tcp_link *l, uint8_t wants) {
  if (l->state == link_connecting)
    return POLLOUT;
  if (l->state != link_open)
    return 0;
  bool greets = l->greeting_sent < l->greeting_have && !l->meets_until;
  bool write = greets || ((wants & DISCO_WANT_WRITE) && l->heard);
  return ((wants & DISCO_WANT_READ) ? POLLIN : 0) | (write ? POLLOUT : 0);
}

void poll_for(disco_tcp *t, uint32_t count, uint64_t timeout_us) {
  constexpr uint64_t hour_us = 3600000000ull;
  if (timeout_us > hour_us)
    timeout_us = hour_us;
#ifdef __linux__
  timespec time = {static_cast<time_t>(timeout_us / 1000000u),
                   static_cast<long>(timeout_us % 1000000u) * 1000};
  ppoll(t->polled, count, &time, nullptr);
#else
  poll(t->polled, count, static_cast<int>((timeout_us + 999) / 1000));
#endif
}

void tcp_wait(void *context, const disco_peer *peers, uint64_t timeout_us) {
  disco_tcp *t = static_cast<disco_tcp *>(context);
  uint64_t now = tcp_now(nullptr), until = now + timeout_us;
  for (uint32_t i = 0; i < t->rank; ++i) {
    meet_again(t, &t->links[i], now);
    if (t->links[i].meets_until && now + meet_again_us < until)
      until = now + meet_again_us;
    if (t->links[i].state == link_idle) {
      if (t->links[i].retry_at <= now)
        try_connect(t, i);
      if (t->links[i].state == link_idle && t->links[i].retry_at < until)
        until = t->links[i].retry_at;
    }
  }
  bool accepting = t->listen_fd >= 0 && t->accept_at <= now;
  if (t->listen_fd >= 0 && !accepting && t->accept_at < until)
    until = t->accept_at;
  pollfd *waiting = t->polled + 1, *links = waiting + pending_max;
  watch(t->polled, t->listen_fd, accepting ? POLLIN : 0);
  for (uint32_t i = 0; i < pending_max; ++i)
    watch(&waiting[i], t->waiting[i].fd, t->waiting[i].fd >= 0 ? POLLIN : 0);
  for (uint32_t i = 0; i < t->nodes; ++i) {
    const uint8_t wants = i == t->rank ? static_cast<uint8_t>(0) : disco_wants(peers, i);
    watch(&links[i], t->links[i].fd, i == t->rank ? 0 : peer_events(&t->links[i], wants));
    if (has_read_ahead(&t->links[i], wants))
      until = now;
  }
  uint32_t count = 1 + pending_max + t->nodes;
  for (uint32_t i = 0; i < t->beside.watched_count; ++i, ++count)
    watch(&t->polled[count], t->beside.watched[i], t->beside.watched[i] >= 0 ? POLLIN : 0);
  now = tcp_now(nullptr);
  poll_for(t, count, until > now ? until - now : 0);
  for (uint32_t i = 0; i < t->nodes; ++i) {
    if (t->links[i].state == link_connecting && links[i].revents)
      finish_connect(t, &t->links[i]);
    else if (links[i].revents)
      send_greeting(&t->links[i]);
  }
  for (uint32_t i = 0; i < pending_max; ++i)
    if (waiting[i].revents && t->waiting[i].fd == waiting[i].fd)
      read_pending(t, &t->waiting[i]);
  if (t->polled[0].revents)
    accept_all(t);
}

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

int open_listener(const char *address, char *error, size_t error_size) {
  const char *why = "";
  addrinfo *a = look_up(address, true, &why);
  if (!a) {
    snprintf(error, error_size, "cannot listen on %s: %s", address, why);
    return -1;
  }
  int one = 1, fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
  if (fd >= 0)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 128) != 0) {
    snprintf(error, error_size, "cannot listen on %s: %s", address, strerror(errno));
    if (fd >= 0)
      close(fd);
    fd = -1;
  }
  freeaddrinfo(a);
  return fd;
}

bool allocate(disco_tcp *t, const disco_tcp_options *o) {
  t->links = static_cast<tcp_link *>(calloc(o->nodes, sizeof(tcp_link)));
  t->names = static_cast<char **>(calloc(o->nodes, sizeof(char *)));
  t->polled = static_cast<pollfd *>(
      calloc(1 + pending_max + 2 * static_cast<size_t>(o->nodes), sizeof(pollfd)));
  if (!t->links || !t->names || !t->polled)
    return false;
  for (uint32_t i = 0; i < o->nodes; ++i) {
    t->links[i].fd = -1;
    t->links[i].retry_us = retry_first_us;
    t->links[i].trouble = i < o->rank ? "not tried" : "it has not connected";
    t->names[i] = i < o->rank ? strdup(o->peers[i]) : nullptr;
    if (i < o->rank && !t->names[i])
      return false;
  }
  return true;
}

} // namespace

disco_tcp *disco_tcp_create(const disco_tcp_options *o, char *error, size_t error_size) {
  for (uint32_t i = 0; i < o->rank; ++i)
    if (!o->peers || !o->peers[i]) {
      snprintf(error, error_size, "no address for rank %u, to which rank %u connects", i, o->rank);
      return nullptr;
    }
  if (o->rank + 1 < o->nodes && !o->listen && o->listen_fd < 0) {
    snprintf(error, error_size, "rank %u needs an address to listen on: higher ranks connect to it",
             o->rank);
    return nullptr;
  }
  disco_tcp *t = static_cast<disco_tcp *>(calloc(1, sizeof(disco_tcp)));
  if (!t) {
    snprintf(error, error_size, "out of memory");
    return nullptr;
  }
  t->rank = o->rank;
  t->nodes = o->nodes;
  t->busy_poll_us = o->busy_poll_us;
  t->listen_fd = o->listen_fd;
  for (pending &p : t->waiting)
    p.fd = -1;
  bool ok = allocate(t, o);
  if (!ok)
    snprintf(error, error_size, "out of memory");
  if (ok && o->rank + 1 < o->nodes && t->listen_fd < 0)
    ok = (t->listen_fd = open_listener(o->listen, error, error_size)) >= 0;
  if (!ok) {
    disco_tcp_destroy(t);
    return nullptr;
  }
  if (t->listen_fd >= 0)
    prepare(t->listen_fd, t->busy_poll_us);
  t->port = disco_port_of(t->listen_fd);
  return t;
}

void disco_tcp_destroy(disco_tcp *t) {
  if (!t)
    return;
  stop_listening(t);
  for (uint32_t i = 0; i < t->nodes; ++i) {
    if (t->links && t->links[i].fd >= 0)
      close(t->links[i].fd);
    if (t->links && t->links[i].addresses)
      freeaddrinfo(t->links[i].addresses);
    if (t->names)
      free(t->names[i]);
  }
  free(t->links);
  free(static_cast<void *>(t->names));
  free(t->polled);
  free(t);
}

disco_transport disco_tcp_transport(disco_tcp *t) {
  return {t, tcp_write, tcp_read, tcp_finish, tcp_close, tcp_wait, tcp_now};
}

void disco_tcp_set_beside(disco_tcp *t, const disco_tcp_beside *beside) { t->beside = *beside; }

uint16_t disco_tcp_port(const disco_tcp *t) { return t->port; }

uint32_t disco_tcp_strangers(const disco_tcp *t) { return t->strangers; }

const disco_tcp_foreign *disco_tcp_foreigners(const disco_tcp *t) { return &t->foreign; }

const char *disco_tcp_trouble(const disco_tcp *t, uint32_t peer) {
  return peer < t->nodes ? t->links[peer].trouble : nullptr;
}
