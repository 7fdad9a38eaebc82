//===- inproc.cpp - transport between threads of one process --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "inproc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace {

constexpr uint32_t exact_chunk =
    64 *
    1024; // how much an exact link moves at once; it never holds more than the reader asked for

// One direction of a link: one thread writes, one reads. Positions count up and wrap; the size is a
// power of two. What the other side must see is written with release and read with acquire order.
struct ring {
  uint8_t *bytes;
  uint32_t size;
  uint32_t head;     // read so far, by the reader
  uint32_t tail;     // written so far, by the writer
  uint32_t asked;    // exact: the position up to which the reader has a place, by the reader
  uint32_t finished; // the writer is done
  uint32_t cut;      // the reader is gone
};

struct endpoint {
  disco_inproc *links;
  uint32_t rank;
  uint32_t killed;   // neither reads nor writes any more
  uint32_t slept_on; // value of events when the last sleep ended
  uint32_t events;   // under the mutex: counts what may matter to this node
  pthread_mutex_t mutex;
  pthread_cond_t changed;
};

} // namespace

struct DISCO_RUNTIME::disco_inproc {
  uint32_t nodes, capacity;
  ring *rings; // [from * nodes + to]
  endpoint *ends;
};

namespace {

uint32_t get(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
void set(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

void notify(disco_inproc *links, uint32_t rank) {
  endpoint *e = &links->ends[rank];
  pthread_mutex_lock(&e->mutex);
  ++e->events;
  pthread_cond_signal(&e->changed);
  pthread_mutex_unlock(&e->mutex);
}

ring *link(disco_inproc *links, uint32_t from, uint32_t to) {
  return &links->rings[from * links->nodes + to];
}

// Copies between the ring at a position and flat memory.
void copy_in(ring *r, uint32_t at, const uint8_t *from, uint32_t n) {
  uint32_t i = at & (r->size - 1), first = n < r->size - i ? n : r->size - i;
  memcpy(r->bytes + i, from, first);
  memcpy(r->bytes, from + first, n - first);
}

void copy_out(const ring *r, uint32_t at, uint8_t *to, uint32_t n) {
  uint32_t i = at & (r->size - 1), first = n < r->size - i ? n : r->size - i;
  memcpy(to, r->bytes + i, first);
  memcpy(to + first, r->bytes, n - first);
}

int32_t inproc_write(void *context, uint32_t peer, const void *data, size_t size, bool) {
  endpoint *e = static_cast<endpoint *>(context);
  ring *r = link(e->links, e->rank, peer);
  if (get(&e->killed) || get(&r->cut) || get(&r->finished))
    return DISCO_IO_LOST;
  uint32_t capacity = e->links->capacity, used = r->tail - get(&r->head);
  uint32_t room = (capacity ? capacity : r->size) - used;
  if (capacity == DISCO_INPROC_EXACT) {
    uint32_t place = get(&r->asked) - r->tail;
    // `asked` lies behind `tail` once the reader was given more than it asked for last.
    if (static_cast<int32_t>(place) < 0)
      place = 0;
    room = place < room ? place : room;
  }
  uint32_t n = size < room ? static_cast<uint32_t>(size) : room;
  if (n == 0)
    return 0;
  copy_in(r, r->tail, static_cast<const uint8_t *>(data), n);
  set(&r->tail, r->tail + n);
  notify(e->links, peer);
  return static_cast<int32_t>(n);
}

int32_t inproc_read(void *context, uint32_t peer, void *data, size_t size) {
  endpoint *e = static_cast<endpoint *>(context);
  ring *r = link(e->links, peer, e->rank);
  if (get(&e->killed) || get(&r->cut))
    return DISCO_IO_LOST;
  uint32_t over = get(&r->finished),
           ready =
               get(&r->tail) - r->head; // in this order: what was written before the end is seen
  uint32_t n = size < ready ? static_cast<uint32_t>(size) : ready;
  if (n > 0) {
    copy_out(r, r->head, static_cast<uint8_t *>(data), n);
    set(&r->head, r->head + n);
  } else if (over) {
    return DISCO_IO_END;
  }
  uint32_t most = 1u << 30, place = static_cast<uint32_t>(size < most ? size : most) - n;
  if (r->asked != r->head + place)
    set(&r->asked, r->head + place);
  else if (n == 0)
    return 0; // nothing new for the writer
  notify(e->links, peer);
  return static_cast<int32_t>(n);
}

void inproc_finish(void *context, uint32_t peer) {
  endpoint *e = static_cast<endpoint *>(context);
  set(&link(e->links, e->rank, peer)->finished, 1);
  notify(e->links, peer);
}

void inproc_close(void *context, uint32_t peer) {
  endpoint *e = static_cast<endpoint *>(context);
  set(&link(e->links, peer, e->rank)->cut, 1);
  inproc_finish(context, peer);
}

void inproc_wait(void *context, const disco_peer *, uint64_t timeout_us) {
  endpoint *e = static_cast<endpoint *>(context);
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  constexpr uint64_t hour_us = 3600000000ull;
  uint64_t ns =
      static_cast<uint64_t>(at.tv_nsec) + (timeout_us < hour_us ? timeout_us : hour_us) * 1000;
  at.tv_sec += static_cast<time_t>(ns / 1000000000u);
  at.tv_nsec = static_cast<long>(ns % 1000000000u);
  pthread_mutex_lock(&e->mutex);
  // Whatever has happened since the last sleep ended may not have been looked at.
  while (e->events == e->slept_on &&
         pthread_cond_timedwait(&e->changed, &e->mutex, &at) != ETIMEDOUT)
    ;
  e->slept_on = e->events;
  pthread_mutex_unlock(&e->mutex);
}

uint64_t inproc_now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

} // namespace

disco_inproc *DISCO_RUNTIME::disco_inproc_create(uint32_t nodes, uint32_t capacity) {
  disco_inproc *links = static_cast<disco_inproc *>(calloc(1, sizeof(disco_inproc)));
  if (!links)
    return nullptr;
  links->nodes = nodes;
  links->capacity = capacity;
  links->rings = static_cast<ring *>(calloc(static_cast<size_t>(nodes) * nodes, sizeof(ring)));
  links->ends = static_cast<endpoint *>(calloc(nodes, sizeof(endpoint)));
  bool ok = links->rings && links->ends && capacity <= 1u << 30;
  uint32_t size = 64;
  while (ok && size < (capacity ? capacity : exact_chunk))
    size *= 2;
  for (uint32_t i = 0; ok && i < nodes * nodes; ++i) {
    if (i / nodes == i % nodes)
      continue;
    links->rings[i].size = size;
    links->rings[i].bytes = static_cast<uint8_t *>(malloc(size));
    ok = links->rings[i].bytes != nullptr;
  }
  if (!ok) {
    disco_inproc_destroy(links);
    return nullptr;
  }
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  for (uint32_t i = 0; i < nodes; ++i) {
    links->ends[i].links = links;
    links->ends[i].rank = i;
    pthread_mutex_init(&links->ends[i].mutex, nullptr);
    pthread_cond_init(&links->ends[i].changed, &attributes);
  }
  pthread_condattr_destroy(&attributes);
  return links;
}

void disco_inproc_destroy(disco_inproc *links) {
  if (!links)
    return;
  for (uint32_t i = 0; links->ends && i < links->nodes; ++i) {
    if (!links->ends[i].links)
      continue;
    pthread_mutex_destroy(&links->ends[i].mutex);
    pthread_cond_destroy(&links->ends[i].changed);
  }
  for (uint32_t i = 0; links->rings && i < links->nodes * links->nodes; ++i)
    free(links->rings[i].bytes);
  free(links->rings);
  free(links->ends);
  free(links);
}

disco_transport disco_inproc_transport(disco_inproc *links, uint32_t rank) {
  return {&links->ends[rank], inproc_write, inproc_read, inproc_finish,
          inproc_close,       inproc_wait,  inproc_now};
}

void disco_inproc_kill(disco_inproc *links, uint32_t rank) {
  // All at once for the node itself, or it would tell others of links that are lost to it.
  set(&links->ends[rank].killed, 1);
  for (uint32_t peer = 0; peer < links->nodes; ++peer)
    if (peer != rank)
      inproc_close(&links->ends[rank], peer);
}

bool disco_inproc_killed(const disco_inproc *links, uint32_t rank) {
  return get(&links->ends[rank].killed) != 0;
}

void disco_inproc_wake(disco_inproc *links, uint32_t rank) { notify(links, rank); }
