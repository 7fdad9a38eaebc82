//===- mailbox.cpp - mailboxes between threads of one process -------------===//
// SPDX-License-Identifier: Apache-2.0

#include "mailbox.h"

#include <stdlib.h>
#include <string.h>

namespace {

constexpr size_t alignment = 64; // of a payload

enum place_state : uint32_t { place_free, place_full, place_held };

// A place of one message. The sender makes it full, with release order, once all of it is there;
// the receiver makes it held and free.
struct place {
  uint8_t header[DISCO_HEADER_SIZE];
  uint32_t bytes;
  uint32_t state;
};

// One direction of a link: the places are filled, and accepted, one after the other in a circle.
struct lane {
  place *places;
  uint8_t *payloads;
  uint32_t next_out; // of the sender
  uint32_t next_in;  // of the receiver
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
  size_t stride;    // bytes from one payload to the next
  lane *lanes;      // [from * nodes + to]
  end *ends;
};

namespace {

lane *way(const end *e, uint32_t from, uint32_t to) {
  return &e->all->lanes[from * e->all->options.nodes + to];
}

uint8_t *payload_at(const end *e, const lane *l, uint32_t index) {
  return l->payloads + index * e->all->stride;
}

uint32_t state_of(const place *p) { return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE); }
void set_state(place *p, uint32_t state) { __atomic_store_n(&p->state, state, __ATOMIC_RELEASE); }

uint32_t behind(const end *e, uint32_t index) {
  return index + 1 == e->all->options.places ? 0 : index + 1;
}

bool box_carries(void *context, uint32_t peer) {
  const end *e = static_cast<end *>(context);
  const uint8_t *table = e->all->carries;
  return !table || table[e->rank * e->all->options.nodes + peer] != 0;
}

void *box_place(void *context, uint32_t peer, void *, uint32_t bytes) {
  const end *e = static_cast<end *>(context);
  const lane *l = way(e, e->rank, peer);
  if (bytes > e->all->options.bytes || state_of(&l->places[l->next_out]) != place_free)
    return nullptr;
  return payload_at(e, l, l->next_out);
}

void box_start(void *context, uint32_t peer, const uint8_t *header, void *, uint32_t bytes) {
  const end *e = static_cast<end *>(context);
  lane *l = way(e, e->rank, peer);
  place *p = &l->places[l->next_out];
  if (disco_inproc_killed(e->all->links, e->rank))
    return;
  memcpy(p->header, header, sizeof p->header);
  p->bytes = bytes;
  set_state(p, place_full);
  l->next_out = behind(e, l->next_out);
  disco_inproc_wake(e->all->links, peer);
}

// The place is the receiver's from the start on, and the next message has another.
bool box_done(void *, uint32_t) { return true; }

bool box_incoming(void *context, uint32_t peer, disco_mail *mail) {
  const end *e = static_cast<end *>(context);
  const lane *l = way(e, peer, e->rank);
  const place *p = &l->places[l->next_in];
  if (state_of(p) != place_full || disco_inproc_killed(e->all->links, e->rank))
    return false;
  *mail = {p->header, payload_at(e, l, l->next_in), p->bytes};
  return true;
}

void box_accept(void *context, uint32_t peer) {
  const end *e = static_cast<end *>(context);
  lane *l = way(e, peer, e->rank);
  set_state(&l->places[l->next_in], place_held);
  l->next_in = behind(e, l->next_in);
}

void box_release(void *context, uint32_t peer, void *payload) {
  const end *e = static_cast<end *>(context);
  const lane *l = way(e, peer, e->rank);
  size_t index =
      static_cast<size_t>(static_cast<uint8_t *>(payload) - l->payloads) / e->all->stride;
  set_state(&l->places[index], place_free);
  disco_inproc_wake(e->all->links, peer);
}

bool make_lane(const disco_mailboxes *all, lane *l) {
  void *memory = nullptr;
  l->places = static_cast<place *>(calloc(all->options.places, sizeof(place)));
  if (!l->places || posix_memalign(&memory, alignment, all->stride * all->options.places) != 0)
    return false;
  l->payloads = static_cast<uint8_t *>(memory);
  return true;
}

bool make_all(disco_mailboxes *all, const uint8_t *carries) {
  const uint32_t nodes = all->options.nodes;
  const size_t pairs = static_cast<size_t>(nodes) * nodes;
  all->lanes = static_cast<lane *>(calloc(pairs, sizeof(lane)));
  all->ends = static_cast<end *>(calloc(nodes, sizeof(end)));
  all->carries = carries ? static_cast<uint8_t *>(malloc(pairs)) : nullptr;
  if (!all->lanes || !all->ends || (carries && !all->carries))
    return false;
  if (carries)
    memcpy(all->carries, carries, pairs);
  for (uint32_t i = 0; i < nodes; ++i)
    all->ends[i] = {all,
                    i,
                    {&all->ends[i], box_carries, box_place, box_start, box_done, box_incoming,
                     box_accept, box_release}};
  for (size_t i = 0; i < pairs; ++i)
    if (i / nodes != i % nodes && !make_lane(all, &all->lanes[i]))
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
  // A place takes a byte at least, so that payloads differ.
  const size_t bytes = options->bytes ? options->bytes : 1;
  all->stride = (bytes + alignment - 1) / alignment * alignment;
  if (make_all(all, options->carries))
    return all;
  disco_mailboxes_destroy(all);
  return nullptr;
}

void disco_mailboxes_destroy(disco_mailboxes *all) {
  if (!all)
    return;
  const size_t pairs = static_cast<size_t>(all->options.nodes) * all->options.nodes;
  for (size_t i = 0; all->lanes && i < pairs; ++i) {
    free(all->lanes[i].places);
    free(all->lanes[i].payloads);
  }
  free(all->lanes);
  free(all->ends);
  free(all->carries);
  free(all);
}

const disco_mailbox *disco_mailbox_of(disco_mailboxes *all, uint32_t rank) {
  return &all->ends[rank].box;
}
