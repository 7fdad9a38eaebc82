//===- mailbox.cpp - mailboxes between threads of one process -------------===//
// SPDX-License-Identifier: Apache-2.0

#include "mailbox.h"

#include "lane.h"

#include <stdlib.h>
#include <string.h>

namespace {

// One direction of a link, as its two ends see it.
struct way {
  void *memory;
  disco_lane out, in;
};

struct end {
  disco_mailboxes *all;
  uint32_t rank;
  disco_mailbox box;
};

} // namespace

struct DISCO_RUNTIME::disco_mailboxes {
  disco_inproc *links;
  disco_mailbox_options options;
  uint8_t *carries; // a copy, or null
  way *ways;        // [from * nodes + to]
  end *ends;
};

namespace {

disco_lane *out(const end *e, uint32_t peer) {
  return &e->all->ways[e->rank * e->all->options.nodes + peer].out;
}

disco_lane *in(const end *e, uint32_t peer) {
  return &e->all->ways[peer * e->all->options.nodes + e->rank].in;
}

bool killed(const end *e) { return disco_inproc_killed(e->all->links, e->rank); }

bool box_carries(void *context, uint32_t peer, const uint8_t *) {
  const end *e = static_cast<end *>(context);
  const uint8_t *table = e->all->carries;
  return !table || table[e->rank * e->all->options.nodes + peer] != 0;
}

void *box_place(void *context, uint32_t peer, void *, uint32_t bytes) {
  return disco_lane_free(out(static_cast<end *>(context), peer), bytes);
}

void box_start(void *context, uint32_t peer, const uint8_t *header, void *, uint32_t bytes) {
  const end *e = static_cast<end *>(context);
  if (killed(e))
    return;
  disco_lane_fill(out(e, peer), header, bytes);
  disco_inproc_wake(e->all->links, peer);
}

// The place is the receiver's from the start on, and the next message has another.
bool box_done(void *, uint32_t) { return true; }

bool box_incoming(void *context, uint32_t peer, disco_mail *mail) {
  const end *e = static_cast<end *>(context);
  return !killed(e) && disco_lane_look(in(e, peer), mail);
}

void box_accept(void *context, uint32_t peer) {
  disco_lane_accept(in(static_cast<end *>(context), peer));
}

void box_release(void *context, uint32_t peer, void *payload) {
  const end *e = static_cast<end *>(context);
  disco_lane_release(in(e, peer), payload);
  disco_inproc_wake(e->all->links, peer);
}

bool make_way(const disco_mailbox_options &o, way *w) {
  const size_t size = disco_lane_memory(o.places, o.bytes);
  if (posix_memalign(&w->memory, disco_lane_alignment, size) != 0)
    return false;
  memset(w->memory, 0, size);
  w->out = w->in = disco_lane_at(w->memory, o.places, o.bytes);
  return true;
}

bool make_all(disco_mailboxes *all, const uint8_t *carries) {
  const uint32_t nodes = all->options.nodes;
  const size_t pairs = static_cast<size_t>(nodes) * nodes;
  all->ways = static_cast<way *>(calloc(pairs, sizeof(way)));
  all->ends = static_cast<end *>(calloc(nodes, sizeof(end)));
  all->carries = carries ? static_cast<uint8_t *>(malloc(pairs)) : nullptr;
  if (!all->ways || !all->ends || (carries && !all->carries))
    return false;
  if (carries)
    memcpy(all->carries, carries, pairs);
  for (uint32_t i = 0; i < nodes; ++i)
    all->ends[i] = {all,
                    i,
                    {&all->ends[i], box_carries, box_place, box_start, box_done, box_incoming,
                     box_accept, box_release, false}};
  for (size_t i = 0; i < pairs; ++i)
    if (i / nodes != i % nodes && !make_way(all->options, &all->ways[i]))
      return false;
  return true;
}

} // namespace

disco_mailboxes *DISCO_RUNTIME::disco_mailboxes_create(disco_inproc *links,
                                                       const disco_mailbox_options *options) {
  disco_mailboxes *all = static_cast<disco_mailboxes *>(calloc(1, sizeof(disco_mailboxes)));
  if (!all)
    return nullptr;
  all->links = links;
  all->options = *options;
  if (make_all(all, options->carries))
    return all;
  disco_mailboxes_destroy(all);
  return nullptr;
}

void disco_mailboxes_destroy(disco_mailboxes *all) {
  if (!all)
    return;
  const size_t pairs = static_cast<size_t>(all->options.nodes) * all->options.nodes;
  for (size_t i = 0; all->ways && i < pairs; ++i)
    free(all->ways[i].memory);
  free(all->ways);
  free(all->ends);
  free(all->carries);
  free(all);
}

const disco_mailbox *disco_mailbox_of(disco_mailboxes *all, uint32_t rank) {
  return &all->ends[rank].box;
}
