//===- disco_flight.cpp - inferences in flight, piece by piece ------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A program with several inferences in flight is a list of pieces that do not wait. Each inference
// has its place in the list; of those whose next piece can run the oldest runs it. Nothing here
// keeps a deadline: the node waits in disco_wait and disco_flush, which come back when anything can
// run.

#include "disco_impl.h"

#if DISCO_IN_FLIGHT > 1

using namespace disco_impl;

namespace {

disco_cursor &cursor_of(const disco_node *n, uint32_t after) {
  return n->program->flight->cursors[place_behind(n, n->newest, n->open - 1u - after)];
}

// The inference so many after the oldest: whether its next piece can run. `collects`: that one's
// outputs are wanted.
bool can_run(const disco_node *n, uint32_t after, bool collects) {
  const uint32_t next = cursor_of(n, after).next;
  if (next == n->program->flight->piece_count)
    return false;
  const disco_piece &piece = n->pieces[next];
  if (piece.returns && (after > 0 || !collects))
    return false;
  if (piece.awaits == DISCO_NONE)
    return true;
  const uint32_t place = place_behind(n, n->newest, n->open - 1u - after);
  return n->config->slots[place * n->program->message_count + piece.awaits].state >= slot_held;
}

// The oldest that can run; `open`: none.
uint32_t find_one(const disco_node *n, bool collects) {
  uint32_t after = 0;
  while (after < n->open && !can_run(n, after, collects))
    ++after;
  return after;
}

bool can_go_on(const disco_node *n) { return find_one(n, true) < n->open; }

int run_piece(disco_node *n, uint32_t after, void *const *outputs) {
  const disco_flight *f = n->program->flight;
  if (int code = disco_switch(n, after))
    return code;
  disco_cursor &cursor = cursor_of(n, after);
  const disco_piece &piece = n->pieces[cursor.next++];
  return piece.run ? piece.run(n, f->arenas + n->current * f->arena_stride, cursor.inputs, outputs)
                   : static_cast<int>(DISCO_OK);
}

// Until a message that the oldest needs is there, or another inference can go on.
int wait_for_more(disco_node *n) {
  const uint32_t awaits = n->pieces[cursor_of(n, 0).next].awaits;
  int code = disco_switch(n, 0);
  if (code)
    return code;
  n->can_go_on = can_go_on;
  code = n->program->messages[awaits].incoming ? disco_wait(n, awaits) : disco_flush(n, awaits);
  n->can_go_on = nullptr;
  return code;
}

} // namespace

int disco_flight_submit(disco_node *node, const void *const *inputs) {
  if (!node->pieces)
    node->pieces = node->program->flight->pieces();
  int code = disco_begin(node);
  if (code)
    return code;
  cursor_of(node, node->open - 1u) = {inputs, 0};
  code = run_piece(node, node->open - 1u, nullptr);
  for (uint32_t after = 0; !code && (after = find_one(node, false)) < node->open;)
    code = run_piece(node, after, nullptr);
  return code;
}

int disco_flight_collect(disco_node *node, void *const *outputs) {
  while (cursor_of(node, 0).next < node->program->flight->piece_count) {
    const uint32_t after = find_one(node, true);
    if (int code = after < node->open ? run_piece(node, after, outputs) : wait_for_more(node))
      return code;
  }
  if (int code = disco_switch(node, 0))
    return code;
  return disco_end(node);
}

#endif // DISCO_IN_FLIGHT
