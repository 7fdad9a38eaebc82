//===- shm.cpp - mailboxes in memory that processes of one host share -----===//
// SPDX-License-Identifier: Apache-2.0

#include "shm.h"

#ifdef __linux__

#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr uint32_t places = 4; // of each direction: so many messages may be ahead of their receiver
constexpr uint64_t memory_most = 1ull << 30; // of a pair
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// The beginning of the memory of a pair. Index 0 is the lower rank, 1 the higher, which made it.
struct head {
  uint8_t nonce[2][DISCO_NONCE_SIZE];
  uint32_t here[2]; // not 0: the nonce is written
  uint8_t unused[24];
  struct {
    uint32_t asleep; // not 0: wants to be woken
    uint8_t unused[60];
  } end[2];
};
static_assert(sizeof(head) % disco_lane_alignment == 0, "lanes follow it");

struct shm_link {
  head *memory; // null: none
  size_t size;
  int file;     // of the memory that this node made and offers, or -1
  int bell;     // a socket: a byte on it ends the peer's sleep; or -1
  bool decided; // whether data goes this way: offers come too late
  disco_lane out, in;
};

// What the higher rank says with the descriptor.
struct offer {
  uint32_t magic, rank;
};
constexpr uint32_t offer_magic = 0x4d485344u;

} // namespace

struct DISCO_RUNTIME::disco_shm {
  const disco_program *program;
  uint8_t nonce[DISCO_NONCE_SIZE];
  disco_transport tcp;
  disco_mailbox box;
  int listener;
  shm_link *links; // [rank]
  int *bells;      // [rank], as tcp.h wants them
  int *early;      // who has called and not yet offered anything; program->nodes at most
  uint32_t early_count;
};

namespace {

// What the memory of a pair has room for.
struct plan {
  uint32_t bytes[2]; // the longest message to the lower rank, to the higher
  uint32_t places[2];
  size_t at[2], size;
};

plan plan_of(const disco_program *p, uint32_t peer) {
  plan r = {};
  for (uint32_t i = 0; i < p->message_count; ++i) {
    const disco_message &m = p->messages[i];
    if (m.peer != peer)
      continue;
    const int to = (m.incoming ? p->rank : peer) > (m.incoming ? peer : p->rank);
    r.places[to] = places;
    r.bytes[to] = m.bytes > r.bytes[to] ? m.bytes : r.bytes[to];
  }
  r.size = sizeof(head);
  for (int to = 0; to < 2; ++to) {
    r.at[to] = r.size;
    r.size += disco_lane_memory(r.places[to], r.bytes[to]);
  }
  return r;
}

int side_of(const disco_shm *s, uint32_t peer) { return s->program->rank > peer; }

void hang_up(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

void drop(disco_shm *s, uint32_t peer) {
  shm_link *l = &s->links[peer];
  if (l->memory)
    munmap(l->memory, l->size);
  l->memory = nullptr;
  hang_up(&l->file);
  hang_up(&l->bell);
  s->bells[peer] = -1;
}

// Takes the memory, and says so in it.
bool take(disco_shm *s, uint32_t peer, int file) {
  const plan p = plan_of(s->program, peer);
  void *at = mmap(nullptr, p.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED)
    return false;
  drop(s, peer);
  shm_link *l = &s->links[peer];
  const int own = side_of(s, peer);
  uint8_t *bytes = static_cast<uint8_t *>(at);
  l->memory = static_cast<head *>(at);
  l->size = p.size;
  l->out = disco_lane_at(bytes + p.at[1 - own], p.places[1 - own], p.bytes[1 - own]);
  l->in = disco_lane_at(bytes + p.at[own], p.places[own], p.bytes[own]);
  memcpy(l->memory->nonce[own], s->nonce, DISCO_NONCE_SIZE);
  __atomic_store_n(&l->memory->here[own], 1u, __ATOMIC_RELEASE);
  return true;
}

//===----------------------------------------------------------------------===//
// Meeting
//===----------------------------------------------------------------------===//

// Where the node that listens at a TCP port of this host, of this build, takes offers.
socklen_t name_of(const disco_program *p, uint32_t port, sockaddr_un *to) {
  const uint8_t *b = p->build_hash;
  memset(to, 0, sizeof *to);
  to->sun_family = AF_UNIX;
  int n = snprintf(to->sun_path + 1, sizeof to->sun_path - 1, "disco-%02x%02x%02x%02x-%u", b[0],
                   b[1], b[2], b[3], port);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(n));
}

bool same_user(int fd) {
  ucred who = {};
  socklen_t size = sizeof who;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid();
}

bool address_of(int fd, int (*ask)(int, sockaddr *, socklen_t *), sockaddr_storage *to) {
  socklen_t size = sizeof *to;
  memset(to, 0, sizeof *to);
  return ask(fd, reinterpret_cast<sockaddr *>(to), &size) == 0;
}

// The port of the other end of a TCP connection, where that has this end's address; 0: none, or it
// is another host, as far as that shows.
uint32_t port_on_this_host(int fd) {
  sockaddr_storage own, other;
  if (!address_of(fd, getsockname, &own) || !address_of(fd, getpeername, &other) ||
      own.ss_family != other.ss_family)
    return 0;
  if (own.ss_family == AF_INET6) {
    const auto *a = reinterpret_cast<sockaddr_in6 *>(&own),
               *b = reinterpret_cast<sockaddr_in6 *>(&other);
    return memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) ? 0u : ntohs(b->sin6_port);
  }
  const auto *a = reinterpret_cast<sockaddr_in *>(&own),
             *b = reinterpret_cast<sockaddr_in *>(&other);
  return own.ss_family != AF_INET || a->sin_addr.s_addr != b->sin_addr.s_addr ? 0u
                                                                              : ntohs(b->sin_port);
}

int make_memory(size_t size) {
  int fd = memfd_create("disco", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd >= 0 &&
      (ftruncate(fd, static_cast<off_t>(size)) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0)) {
    close(fd);
    return -1;
  }
  return fd;
}

// The message of an offer, with room for a descriptor.
struct offer_message {
  offer text = {};
  iovec data = {&text, sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};

  offer_message() {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  offer_message(const offer_message &) = delete;
};

bool send_offer(int socket, uint32_t rank, int memory) {
  offer_message m;
  m.text = {offer_magic, rank};
  cmsghdr *c = CMSG_FIRSTHDR(&m.header);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &memory, sizeof memory);
  return sendmsg(socket, &m.header, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(sizeof m.text);
}

// The memory that the message offers, or -1; errno is EAGAIN where none has come.
int receive_offer(int socket, uint32_t *rank) {
  offer_message m;
  errno = 0;
  ssize_t n = recvmsg(socket, &m.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m.header) : nullptr;
  if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
    return -1;
  int memory = -1;
  memcpy(&memory, CMSG_DATA(c), sizeof memory);
  *rank = m.text.rank;
  if (n != static_cast<ssize_t>(sizeof m.text) || m.text.magic != offer_magic)
    hang_up(&memory);
  return memory;
}

// The memory of the pair, which the higher rank makes, once.
bool have_memory(disco_shm *s, uint32_t peer) {
  const plan p = plan_of(s->program, peer);
  if (s->links[peer].memory)
    return true;
  if (p.size == sizeof(head) || p.size > memory_most)
    return false;
  int file = make_memory(p.size);
  if (file < 0 || !take(s, peer, file)) {
    hang_up(&file);
    return false;
  }
  s->links[peer].file = file;
  return true;
}

// The higher rank offers memory before it says hello, so that what comes behind the hello finds the
// offer made. False: nobody takes offers there yet.
bool make_offer(disco_shm *s, uint32_t peer, uint32_t port) {
  shm_link *l = &s->links[peer];
  if (port == 0 || l->decided || !have_memory(s, peer))
    return true;
  sockaddr_un name;
  const socklen_t size = name_of(s->program, port, &name);
  int bell = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (bell < 0 || connect(bell, reinterpret_cast<sockaddr *>(&name), size) != 0 ||
      !same_user(bell) || !send_offer(bell, s->program->rank, l->file)) {
    const bool absent = bell >= 0 && (errno == ECONNREFUSED || errno == EAGAIN);
    hang_up(&bell);
    return !absent;
  }
  hang_up(&l->bell);
  l->bell = s->bells[peer] = bell;
  return true;
}

// Whether an offer is one of a peer that may make it, of memory that stays as large as it must be.
bool is_fit(const disco_shm *s, uint32_t rank, int memory) {
  off_t size = lseek(memory, 0, SEEK_END);
  return rank > s->program->rank && rank < s->program->nodes && !s->links[rank].decided &&
         size == static_cast<off_t>(plan_of(s->program, rank).size) &&
         (fcntl(memory, F_GET_SEALS) & seals) == seals;
}

// False: nothing has come yet.
bool take_offer(disco_shm *s, int bell) {
  uint32_t rank = 0;
  int memory = receive_offer(bell, &rank);
  if (memory < 0 && errno == EAGAIN)
    return false;
  if (memory >= 0 && is_fit(s, rank, memory) && take(s, rank, memory))
    s->links[rank].bell = s->bells[rank] = bell;
  else
    hang_up(&bell);
  hang_up(&memory);
  return true;
}

void take_offers(disco_shm *s) {
  for (int bell;
       (bell = accept4(s->listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;)
    if (s->early_count < s->program->nodes && same_user(bell))
      s->early[s->early_count++] = bell;
    else
      close(bell);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < s->early_count; ++i)
    if (!take_offer(s, s->early[i]))
      s->early[kept++] = s->early[i];
  s->early_count = kept;
}

bool shm_meet(void *context, uint32_t peer, int fd) {
  disco_shm *s = static_cast<disco_shm *>(context);
  if (peer < s->program->rank)
    return make_offer(s, peer, port_on_this_host(fd));
  if (s->listener >= 0)
    take_offers(s);
  return true;
}

//===----------------------------------------------------------------------===//
// The mailbox
//===----------------------------------------------------------------------===//

shm_link *link_to(void *context, uint32_t peer) {
  return &static_cast<disco_shm *>(context)->links[peer];
}

bool shm_carries(void *context, uint32_t peer, const uint8_t *nonce) {
  disco_shm *s = static_cast<disco_shm *>(context);
  static const uint8_t none[DISCO_NONCE_SIZE] = {};
  const head *h = s->links[peer].memory;
  const int other = 1 - side_of(s, peer);
  const bool shared = h && memcmp(nonce, none, sizeof none) != 0 &&
                      __atomic_load_n(&h->here[other], __ATOMIC_ACQUIRE) &&
                      memcmp(h->nonce[other], nonce, DISCO_NONCE_SIZE) == 0;
  s->links[peer].decided = true;
  if (!shared)
    drop(s, peer);
  hang_up(&s->links[peer].file);
  return shared;
}

// The peer looks at the lanes after it has said that it sleeps; so either it sees what was done, or
// this sees that it sleeps.
void wake(const disco_shm *s, uint32_t peer) {
  const shm_link *l = &s->links[peer];
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(&l->memory->end[1 - side_of(s, peer)].asleep, __ATOMIC_RELAXED))
    (void)!send(l->bell, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void *shm_place(void *context, uint32_t peer, void *, uint32_t bytes) {
  return disco_lane_free(&link_to(context, peer)->out, bytes);
}

void shm_start(void *context, uint32_t peer, const uint8_t *header, void *, uint32_t bytes) {
  disco_lane_fill(&link_to(context, peer)->out, header, bytes);
  wake(static_cast<disco_shm *>(context), peer);
}

// The place is the receiver's from the start on, and the next message has another.
bool shm_done(void *, uint32_t) { return true; }

bool shm_incoming(void *context, uint32_t peer, disco_mail *mail) {
  return disco_lane_look(&link_to(context, peer)->in, mail);
}

void shm_accept(void *context, uint32_t peer) { disco_lane_accept(&link_to(context, peer)->in); }

void shm_release(void *context, uint32_t peer, void *payload) {
  disco_lane_release(&link_to(context, peer)->in, payload);
  wake(static_cast<disco_shm *>(context), peer);
}

// Whether the mailbox has now what the runtime waits for.
bool is_ready(const shm_link *l, uint8_t wants) {
  disco_mail mail;
  return ((wants & DISCO_WANT_MAIL) && disco_lane_look(&l->in, &mail)) ||
         ((wants & DISCO_WANT_MAILING) && disco_lane_free(&l->out, 0));
}

// Says of every peer of which mail is wanted whether this node sleeps.
void say_asleep(disco_shm *s, const disco_peer *peers, bool asleep) {
  for (uint32_t peer = 0; peer < s->program->nodes; ++peer) {
    shm_link *l = &s->links[peer];
    if (l->memory &&
        (!asleep || (disco_wants(peers, peer) & (DISCO_WANT_MAIL | DISCO_WANT_MAILING))))
      __atomic_store_n(&l->memory->end[side_of(s, peer)].asleep, asleep ? 1u : 0u,
                       __ATOMIC_RELAXED);
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void shm_wait(void *context, const disco_peer *peers, uint64_t timeout_us) {
  disco_shm *s = static_cast<disco_shm *>(context);
  bool ready = false;
  say_asleep(s, peers, true);
  for (uint32_t peer = 0; peer < s->program->nodes; ++peer)
    ready |= s->links[peer].memory && is_ready(&s->links[peer], disco_wants(peers, peer));
  s->tcp.wait(s->tcp.context, peers, ready ? 0 : timeout_us);
  say_asleep(s, peers, false);
  char rung[16];
  for (uint32_t peer = 0; peer < s->program->nodes; ++peer)
    while (s->bells[peer] >= 0) {
      ssize_t n = recv(s->bells[peer], rung, sizeof rung, MSG_DONTWAIT);
      if (n == 0)
        s->bells[peer] = -1; // the peer has gone: the stream says why
      if (n <= 0)
        break;
    }
}

// The TCP callbacks with their own context, but for wait.
int32_t shm_write(void *context, uint32_t peer, const void *data, size_t size, bool more) {
  const disco_shm *s = static_cast<disco_shm *>(context);
  return s->tcp.write(s->tcp.context, peer, data, size, more);
}

int32_t shm_read(void *context, uint32_t peer, void *data, size_t size) {
  const disco_shm *s = static_cast<disco_shm *>(context);
  return s->tcp.read(s->tcp.context, peer, data, size);
}

void shm_finish(void *context, uint32_t peer) {
  const disco_shm *s = static_cast<disco_shm *>(context);
  s->tcp.finish(s->tcp.context, peer);
}

void shm_close(void *context, uint32_t peer) {
  const disco_shm *s = static_cast<disco_shm *>(context);
  s->tcp.close(s->tcp.context, peer);
}

uint64_t shm_now(void *context) {
  const disco_shm *s = static_cast<disco_shm *>(context);
  return s->tcp.now_us(s->tcp.context);
}

void release(disco_shm *s) {
  free(s->links);
  free(s->bells);
  free(s->early);
  free(s);
}

disco_shm *allocate(uint32_t nodes) {
  disco_shm *s = static_cast<disco_shm *>(calloc(1, sizeof(disco_shm)));
  if (!s)
    return nullptr;
  s->links = static_cast<shm_link *>(calloc(nodes, sizeof(shm_link)));
  s->bells = static_cast<int *>(calloc(nodes, sizeof(int)));
  s->early = static_cast<int *>(calloc(nodes, sizeof(int)));
  if (s->links && s->bells && s->early)
    return s;
  release(s);
  return nullptr;
}

// Where nodes of higher ranks find this one. -1: there is no such place.
int open_listener(const disco_program *p, uint32_t port) {
  sockaddr_un name;
  const socklen_t size = name_of(p, port, &name);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 &&
      (bind(fd, reinterpret_cast<sockaddr *>(&name), size) != 0 || listen(fd, 128) != 0)) {
    close(fd);
    return -1;
  }
  return fd;
}

} // namespace

disco_shm *DISCO_RUNTIME::disco_shm_create(const disco_program *program, const uint8_t *nonce,
                                           disco_tcp *tcp, int listener) {
  disco_shm *s = allocate(program->nodes);
  if (!s)
    return nullptr;
  s->program = program;
  memcpy(s->nonce, nonce, DISCO_NONCE_SIZE);
  s->tcp = disco_tcp_transport(tcp);
  s->box = {s,          shm_carries, shm_place, shm_start, shm_done, shm_incoming,
            shm_accept, shm_release, true};
  s->listener = listener;
  for (uint32_t i = 0; i < program->nodes; ++i)
    s->links[i].file = s->links[i].bell = s->bells[i] = -1;
  if (listener < 0 && disco_tcp_port(tcp))
    s->listener = open_listener(program, disco_tcp_port(tcp));
  disco_tcp_beside beside = {s, shm_meet, s->bells, program->nodes};
  disco_tcp_set_beside(tcp, &beside);
  return s;
}

void DISCO_RUNTIME::disco_shm_destroy(disco_shm *s) {
  if (!s)
    return;
  for (uint32_t i = 0; i < s->program->nodes; ++i)
    drop(s, i);
  for (uint32_t i = 0; i < s->early_count; ++i)
    close(s->early[i]);
  hang_up(&s->listener);
  release(s);
}

const disco_mailbox *DISCO_RUNTIME::disco_shm_mailbox(const disco_shm *s) { return &s->box; }

disco_transport DISCO_RUNTIME::disco_shm_transport(disco_shm *s) {
  return {s, shm_write, shm_read, shm_finish, shm_close, shm_wait, shm_now};
}

#else

disco_shm *DISCO_RUNTIME::disco_shm_create(const disco_program *, const uint8_t *, disco_tcp *,
                                           int) {
  return nullptr;
}
const disco_mailbox *DISCO_RUNTIME::disco_shm_mailbox(const disco_shm *) { return nullptr; }
disco_transport DISCO_RUNTIME::disco_shm_transport(disco_shm *) { return {}; }
void DISCO_RUNTIME::disco_shm_destroy(disco_shm *) {}

#endif
