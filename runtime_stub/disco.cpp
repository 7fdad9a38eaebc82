//===- disco.cpp - life of a node, its calls, waiting and failing ---------===//
// SPDX-License-Identifier: Apache-2.0

#include "disco_impl.h"

#include <string.h>

using namespace disco_impl;

namespace {

//===----------------------------------------------------------------------===//
// Waiting and failing
//===----------------------------------------------------------------------===//

// Never for so long that others, or this node itself, could take it for one that stands still.
void sleep_until(disco_node *n, uint64_t at, uint64_t limit) {
  uint64_t t = now(n), until = at < limit ? at : limit, most = t + n->deadline_us / 2;
  until = until < most ? until : most;
  if (t < until)
    n->config->transport.wait(n->config->transport.context, n->config->peers, until - t);
}

// All that can be said and heard on the link has been.
bool link_done(const disco_peer *p) { return p->rx_state == rx_ended && p->tx_state != tx_open; }

bool all_links(const disco_node *n, bool (*done)(const disco_peer *)) {
  for (uint32_t peer = 0; peer < n->program->nodes; ++peer)
    if (peer != n->program->rank && !done(&n->config->peers[peer]))
      return false;
  return true;
}

void close_links(disco_node *n) {
  for (uint32_t peer = 0; peer < n->program->nodes; ++peer)
    if (peer != n->program->rank)
      n->config->transport.close(n->config->transport.context, peer);
  n->phase = phase_over;
}

// A broken stream or a silent peer may be the consequence of a failure elsewhere: looks for the
// abort that says so.
void look_for_cause(disco_node *n) {
  uint64_t until = now(n) + n->settle_us;
  for (;;) {
    pump(n);
    if (!n->soft || all_links(n, [](const disco_peer *p) { return p->rx_state == rx_ended; }) ||
        now(n) >= until)
      break;
    sleep_until(n, until, until);
  }
  // Who stood still itself for longer than its deadline, stopped or computing, is why others have
  // left or are silent; their aborts may not have reached it.
  if (n->soft && n->late)
    n->error = {DISCO_ERR_DEADLINE, n->program->rank, n->error.message, n->program->rank};
  n->soft = 0;
}

// What a node does after its first failure: it finishes frames that are half sent, sends an abort
// to every peer, and reads until every peer has ended. It reads on because closing a TCP connection
// with unread bytes resets it, and a reset would destroy the abort on its way. Returns the failure.
int fail(disco_node *n) {
  if (n->phase == phase_failing || n->phase == phase_over || n->phase < phase_starting)
    return n->error.code;
  if (n->program->nodes == 1) {
    n->phase = phase_over;
    return n->error.code;
  }
  n->phase = phase_failing;
  if (n->soft)
    look_for_cause(n);
  for (uint32_t peer = 0; peer < n->program->nodes; ++peer) {
    disco_peer *p = &n->config->peers[peer];
    p->due = static_cast<uint8_t>((p->due & due_greeting) | due_abort);
    // Who could not be reached before the start deadline is not waited for again.
    if ((n->error.code == DISCO_ERR_START && !(p->seen & seen_hello)) || (p->seen & seen_foreign)) {
      p->tx_state = tx_broken;
      p->rx_state = rx_ended;
    }
  }
  uint64_t until = now(n) + n->grace_us;
  for (;;) {
    pump(n);
    if (all_links(n, link_done) || now(n) >= until)
      break;
    sleep_until(n, until, until);
  }
  close_links(n);
  return n->error.code;
}

// Result of a call: 0, or the first failure once everybody has been told.
int result(disco_node *n) {
  return n->error.code == DISCO_OK ? static_cast<int>(DISCO_OK) : fail(n);
}

// The peer has left although something is still to be moved.
int peer_left(disco_node *n, uint32_t peer, const disco_message &m) {
  if (m.incoming && n->moved == 0) {
    n->left = peer;
    return DISCO_ERR_END;
  }
  raise(n, DISCO_ERR_LEFT, peer, m.id, false);
  return fail(n);
}

void notify(disco_node *n, uint64_t left_us) {
  n->notice_us = left_us;
  for (uint32_t peer = 0; peer < n->program->nodes; ++peer)
    if (!(n->config->peers[peer].seen & seen_bye) && peer != n->program->rank)
      n->config->peers[peer].due |= due_notice;
}

// When something is over that began then and may last so long. A peer that waits itself is given
// more time; but not for ever, should two wait for each other.
[[gnu::noinline]] uint64_t end_of(const disco_peer &p, uint64_t begun, uint64_t length) {
  uint64_t end = begun + length, excused = p.excused_us + length / 8;
  if (excused <= end)
    return end;
  return excused < end + length ? excused : end + length;
}

// Of a wait. Silence: `moved` bytes, the last `since`. Floor of progress: `base` bytes before
// `from`.
struct watch {
  uint32_t moved, base;
  uint64_t limit, since, notice, from;
};

// Looks at what has moved. 0, or why the wait is over. `until`: when it is if nothing moves.
int look(disco_node *n, const disco_peer &p, uint32_t moves, uint64_t t, watch *w,
         uint64_t *until) {
  uint64_t longest = n->moved ? n->deadline_us : n->idle_us;
  int code = DISCO_OK;
  if (w->limit != longest || moves != w->moved) {
    if (w->moved == w->base)
      w->from = t; // the first byte that moves
    if (t >= end_of(p, w->from, n->deadline_us)) {
      if (moves - w->base < n->floor)
        code = DISCO_ERR_SLOW;
      w->base = moves;
    }
    w->moved = moves;
    w->limit = longest;
    w->since = t;
    w->notice = t + longest / 4;
  }
  *until = end_of(p, w->since, longest);
  if (t >= *until)
    code = DISCO_ERR_DEADLINE;
  if (n->config->inference_us && n->moved) {
    if (!n->begun_us)
      n->begun_us = t;
    uint64_t end = n->begun_us + n->config->inference_us;
    if (t >= end)
      code = DISCO_ERR_LIMIT;
    *until = end < *until ? end : *until;
  }
  return code;
}

// Whether a wait goes on: the slot has the state still, and the node has nothing else to do.
bool pending([[maybe_unused]] const disco_node *n, const disco_slot &s, uint8_t state) {
#if DISCO_IN_FLIGHT > 1
  if (n->can_go_on && n->can_go_on(n))
    return false;
#endif
  return s.state == state;
}

#if DISCO_SPIN

constexpr uint32_t glances_a_look = 4; // at the clock
// A node whose spins find nothing tries again after so many times the longest one: what that costs
// is no more than a hundredth of its time.
constexpr uint64_t spin_pause = 200;

// Of a spin: whether it was long enough.
void learn(disco_node *n, bool found) {
  const uint32_t most = n->config->spin_us;
  if (found)
    n->spin_us = n->spin_us < most / 2 ? 2 * n->spin_us : most;
  else
    n->spin_us /= 2;
  n->spin_again_us = n->alive_us + spin_pause * most;
}

// Looks at the links as long as the slot has the state, and the next spin may last.
void spin(disco_node *n, uint32_t slot, uint8_t state) {
  const disco_slot &s = n->config->slots[slot];
  const disco_message &m = message_of(n, slot);
  const disco_peer &p = n->config->peers[m.peer];
  if (n->spin_us == 0 && n->alive_us >= n->spin_again_us)
    n->spin_us = n->config->spin_us;
  if (n->spin_us == 0)
    return;
  const bool bounded = n->config->spin_as_predicted && m.spin_us && m.spin_us < n->spin_us;
  const uint64_t end = n->alive_us + (bounded ? m.spin_us : n->spin_us);
  for (uint32_t i = 1; pending(n, s, state) && n->error.code == DISCO_OK && !(p.seen & seen_bye);
       ++i) {
    if (n->alive_us >= end)
      return learn(n, false);
    if (i % glances_a_look == 0)
      glance(n);
    else
      glance_again(n);
  }
  learn(n, true);
}

#else

void spin(disco_node *, uint32_t, uint8_t) {}

#endif

// The wait of disco_wait and disco_flush: as long as the slot has the state.
int wait_for(disco_node *n, uint32_t slot, uint8_t state) {
  const disco_message &m = message_of(n, slot);
  const disco_slot &s = n->config->slots[slot];
  const disco_peer &p = n->config->peers[m.peer];
  const uint32_t &moves = m.incoming ? p.rx_moved : p.tx_moved;
  if (!pending(n, s, state))
    return DISCO_OK;
  glance(n);
  spin(n, slot, state);
  watch w = {moves, moves, 0, 0, 0, 0};
  while (n->error.code == DISCO_OK && pending(n, s, state)) {
    uint64_t t = now(n), until = 0;
    int code = look(n, p, moves, t, &w, &until);
    if (p.seen & seen_bye)
      return peer_left(n, m.peer, m);
    if (code) {
      raise(n, code, m.peer, m.id, true);
      break;
    }
    if (t >= w.notice) {
      notify(n, until - t);
      w.notice = t + w.limit / 4;
    } else {
      sleep_until(n, until, w.notice);
    }
    pump(n);
  }
  return result(n);
}

bool greeted(const disco_peer *p) {
  return (p->seen & seen_terms) && !(p->due & due_greeting) && p->tx_type == 0;
}

// Nothing was sent on before the peer had heard from everybody.
bool has_started(const disco_peer *p) {
  return p->rx_state == rx_blocked || (p->seen & seen_bye) || (by_mail(p) && (p->seen & seen_more));
}

// Until every peer has said hello and its terms. Once one of them has started, all were there: who
// is missing then has failed since, or is silent; and the abort that says so may stand behind data
// that cannot be taken yet.
int greet(disco_node *n) {
  uint64_t until = now(n) + n->start_us;
  for (bool started = false;;) {
    pump(n);
    if (n->error.code != DISCO_OK)
      return fail(n);
    if (all_links(n, greeted))
      return DISCO_OK;
    for (uint32_t peer = 0; peer < n->program->nodes && !started; ++peer) {
      started = peer != n->program->rank && has_started(&n->config->peers[peer]);
      if (started && now(n) + n->deadline_us < until)
        until = now(n) + n->deadline_us;
    }
    if (now(n) >= until) {
      uint32_t peer = 0;
      while (peer == n->program->rank || greeted(&n->config->peers[peer]))
        ++peer;
      const disco_peer &p = n->config->peers[peer];
      int code =
          p.seen & seen_foreign ? -static_cast<int>(p.rx_pos) : static_cast<int>(DISCO_ERR_START);
      raise(n, code, peer, DISCO_NONE, started);
      return fail(n);
    }
    sleep_until(n, until, until);
  }
}

// Five calls, of which each would be as long as this.
[[gnu::noinline]] uint64_t pick(uint64_t value, uint64_t fallback) {
  return value == 0 ? fallback : value < time_limit ? value : time_limit;
}

bool message_ok(const disco_node *n, uint32_t message, bool incoming) {
  return n->phase == phase_running && message < n->program->message_count &&
         (n->program->messages[message].incoming != 0) == incoming && (!in_flight || n->open);
}

// The state of a message of the inference that the calls are about.
disco_slot &state_of(const disco_node *n, uint32_t message) {
  return n->config->slots[slot_of(n, message)];
}

// The place of the slots of the inference that is to end next.
uint8_t oldest(const disco_node *n) { return place_behind(n, n->newest, n->open - 1u); }

// How long the node may have stood still before a call: between inferences longer than within.
uint64_t longest_pause(const disco_node *n) {
  return in_flight && n->moved ? n->deadline_us : n->idle_us;
}

// One message a peer at a time, but of several inferences; one that was given a place is sent from
// there.
bool may_send(const disco_peer *p, const disco_slot &s, const void *buffer, bool several) {
  if (DISCO_MAILBOX && s.state == slot_placed)
    return s.buffer == buffer;
  return s.state == slot_idle && (several || p->tx_slot == DISCO_NONE);
}

int misuse(disco_node *n, uint32_t message) {
  raise(n, DISCO_ERR_USAGE, n->program->rank,
        message < n->program->message_count ? n->program->messages[message].id : DISCO_NONE, false);
  return fail(n);
}

} // namespace

//===----------------------------------------------------------------------===//
// Life of a node
//===----------------------------------------------------------------------===//

uint8_t disco_wants(const disco_peer *peers, uint32_t peer) {
  const disco_peer &p = peers[peer];
  unsigned read = p.rx_state == rx_blocked || p.rx_state == rx_ended
                      ? 0u
                      : static_cast<unsigned>(DISCO_WANT_READ);
  unsigned write = stream_wants(&p) ? static_cast<unsigned>(DISCO_WANT_WRITE) : 0u;
  if (by_mail(&p)) {
    read |= p.post_first != DISCO_NONE ? static_cast<unsigned>(DISCO_WANT_MAIL) : 0u;
    write |= p.tx_slot != DISCO_NONE ? static_cast<unsigned>(DISCO_WANT_MAILING) : 0u;
  }
  return static_cast<uint8_t>(read | write);
}

int disco_init(disco_node *node, const disco_program *program, const disco_config *config) {
  memset(node, 0, sizeof *node);
  const disco_transport &t = config->transport;
  node->program = program;
  node->config = config;
  node->user = config->user;
  node->error = {DISCO_OK, DISCO_NONE, DISCO_NONE, DISCO_NONE};
  node->left = DISCO_NONE;
#if DISCO_SPIN
  node->spin_us = config->spin_us;
#endif
  node->start_us = pick(config->start_us, 60000000);
  node->deadline_us = pick(config->deadline_us, 10000000);
  node->idle_us = pick(config->idle_us, node->deadline_us);
  node->grace_us = pick(config->grace_us, 2000000);
  node->settle_us = pick(config->settle_us, 100000);
  // 1/128 + 1/512: about 10,000 a second.
  uint64_t bytes = (node->deadline_us >> 7) + (node->deadline_us >> 9);
  node->floor = static_cast<uint32_t>(pick(config->floor, bytes < 131072 ? bytes : 131072));
  bool alone = program->nodes == 1;
  bool ok =
      program->rank < program->nodes && program->nodes <= 0xffff && program->infer &&
      (config->slots || program->message_count == 0) && program->in_flight > 0 &&
      program->in_flight <= DISCO_IN_FLIGHT && (DISCO_MAILBOX || !config->mailbox) &&
      (alone || (config->peers && t.write && t.read && t.finish && t.close && t.wait && t.now_us));
  for (uint32_t i = 0; ok && i < program->message_count; ++i)
    ok = program->messages[i].peer < program->nodes && program->messages[i].peer != program->rank;
  if (!ok) {
    node->error = {DISCO_ERR_USAGE, program->rank, DISCO_NONE, program->rank};
    return DISCO_ERR_USAGE;
  }
  for (uint32_t peer = 0; !alone && peer < program->nodes; ++peer) {
    disco_peer *p = &config->peers[peer];
    memset(p, 0, sizeof *p);
    p->tx_slot = p->post_first = p->post_last = DISCO_NONE;
    p->due = due_greeting;
  }
  node->phase = phase_ready;
  return DISCO_OK;
}

int disco_start(disco_node *node) {
  if (node->phase != phase_ready)
    return misuse(node, DISCO_NONE);
  node->phase = phase_starting;
  if (node->program->nodes > 1) {
    node->alive_us = now(node);
    if (int code = greet(node))
      return code;
  }
  node->phase = phase_running;
  return DISCO_OK;
}

int disco_stop(disco_node *node) {
  if (node->error.code != DISCO_OK)
    return fail(node);
  if (node->phase != phase_running || node->program->nodes == 1) {
    if (node->phase == phase_running)
      node->phase = phase_over;
    return node->error.code;
  }
  node->phase = phase_stopping;
  for (uint32_t peer = 0; peer < node->program->nodes; ++peer)
    node->config->peers[peer].due |= due_bye;
  uint64_t until = now(node) + node->deadline_us, most = until + 3 * node->deadline_us, heard = 0;
  for (;;) {
    pump(node);
    if (node->error.code != DISCO_OK)
      return fail(node);
    if (all_links(node, link_done))
      break;
    uint64_t bytes = 0, t = now(node);
    for (uint32_t peer = 0; peer < node->program->nodes; ++peer)
      bytes += node->config->peers[peer].stats.rx_wire;
    if (bytes != heard) // somebody is alive, and may need the end of what was sent
      until = t + node->deadline_us < most ? t + node->deadline_us : most;
    heard = bytes;
    if (t >= until)
      break;
    sleep_until(node, until, until);
  }
  close_links(node);
  return DISCO_OK;
}

int disco_abort(disco_node *node, int code) {
  if (code == DISCO_ERR_END)
    raise(node, DISCO_ERR_LEFT, node->left, DISCO_NONE, false);
  else
    raise(node, code < 0 ? code : static_cast<int>(DISCO_ERR_ABORTED), node->program->rank,
          DISCO_NONE, false);
  return fail(node);
}

const disco_error *disco_last_error(const disco_node *node) { return &node->error; }

const disco_stats *disco_peer_stats(const disco_node *node, uint32_t peer) {
  if (peer >= node->program->nodes || peer == node->program->rank || !node->config->peers)
    return nullptr;
  return &node->config->peers[peer].stats;
}

bool disco_by_mailbox(const disco_node *node, uint32_t peer) {
  return disco_peer_stats(node, peer) && by_mail(&node->config->peers[peer]);
}

//===----------------------------------------------------------------------===//
// Inferences
//===----------------------------------------------------------------------===//

int disco_submit(disco_node *node, const void *const *inputs) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  const disco_program *p = node->program;
  if (node->phase != phase_running || (p->in_flight > 1 && !p->submit))
    return misuse(node, DISCO_NONE);
  if (node->submitted == p->in_flight)
    return DISCO_ERR_BUSY;
  node->inputs = inputs;
  int code = p->submit ? p->submit(node, inputs) : static_cast<int>(DISCO_OK);
  node->submitted = static_cast<uint8_t>(node->submitted + (code == DISCO_OK));
  return code;
}

int disco_collect(disco_node *node, void *const *outputs) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (node->phase != phase_running || node->submitted == 0)
    return misuse(node, DISCO_NONE);
  const disco_program *p = node->program;
  int code = p->collect ? p->collect(node, outputs) : p->infer(node, node->inputs, outputs);
  node->submitted = static_cast<uint8_t>(node->submitted - (code == DISCO_OK));
  return code;
}

int disco_infer(disco_node *node, const void *const *inputs, void *const *outputs) {
  if (node->error.code == DISCO_OK && node->submitted)
    return DISCO_ERR_BUSY;
  int code = disco_submit(node, inputs);
  return code ? code : disco_collect(node, outputs);
}

int disco_reset(disco_node *node) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (node->submitted)
    return DISCO_ERR_BUSY;
  node->reset_after = node->sequence;
  return DISCO_OK;
}

//===----------------------------------------------------------------------===//
// Calls of infer()
//===----------------------------------------------------------------------===//

int disco_begin(disco_node *node) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (node->phase != phase_running || (in_flight && node->open == node->program->in_flight))
    return misuse(node, DISCO_NONE);
  if (in_flight) {
    ++node->open;
    node->newest = node->newest + 1u < node->program->in_flight
                       ? static_cast<uint8_t>(node->newest + 1u)
                       : static_cast<uint8_t>(0);
    node->current = node->newest;
  }
  for (uint32_t i = 0; i < node->program->message_count; ++i)
    state_of(node, i) = {nullptr, DISCO_NONE, slot_idle};
  ++node->sequence;
  look_at_clock(node, longest_pause(node));
  return DISCO_OK;
}

int disco_switch(disco_node *node, uint32_t after) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!in_flight || node->phase != phase_running || after >= node->open)
    return misuse(node, DISCO_NONE);
  node->current = place_behind(node, node->newest, node->open - 1u - after);
  look_at_clock(node, longest_pause(node));
  return DISCO_OK;
}

int disco_post(disco_node *node, uint32_t message, void *buffer) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!message_ok(node, message, true) || state_of(node, message).state != slot_idle)
    return misuse(node, message);
  disco_peer *p = &node->config->peers[node->program->messages[message].peer];
  // Only a mailbox has a place for it.
  if (DISCO_MAILBOX && !buffer && node->program->messages[message].bytes && !by_mail(p))
    return misuse(node, message);
  uint32_t slot = slot_of(node, message);
  node->config->slots[slot] = {buffer, DISCO_NONE, slot_posted};
  if (p->post_first == DISCO_NONE)
    p->post_first = slot;
  else
    node->config->slots[p->post_last].link = slot;
  p->post_last = slot;
  return DISCO_OK;
}

int disco_send(disco_node *node, uint32_t message, const void *buffer) {
  return disco_send_size(node, message, buffer, DISCO_NONE);
}

int disco_send_size(disco_node *node, uint32_t message, const void *buffer, uint32_t bytes) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!message_ok(node, message, false))
    return misuse(node, message);
  const disco_message &m = node->program->messages[message];
  uint32_t peer = m.peer;
  disco_peer *p = &node->config->peers[peer];
  if (bytes == DISCO_NONE)
    bytes = m.bytes;
  uint32_t slot = slot_of(node, message);
  disco_slot &s = node->config->slots[slot];
  const bool several = in_flight && node->program->in_flight > 1;
  if (!may_send(p, s, buffer, several) || (m.form ? bytes > m.bytes : bytes != m.bytes))
    return misuse(node, message);
  if (p->tx_state == tx_broken)
    raise_lost(node, peer, m.id, false);
  else if (p->seen & seen_bye)
    raise(node, DISCO_ERR_LEFT, peer, m.id, false);
  s = {const_cast<void *>(buffer), bytes, slot_sending};
#if DISCO_IN_FLIGHT > 1
  const uint32_t before = p->tx_last;
  p->tx_last = slot;
  if (p->tx_slot != DISCO_NONE && p->tx_slot != slot) { // it leaves behind another one
    node->config->slots[before].behind = slot;
    push(node, peer);
    return result(node);
  }
#endif
  p->tx_slot = slot;
  p->due |= due_data;
  push(node, peer);
  return result(node);
}

int disco_flush(disco_node *node, uint32_t message) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!message_ok(node, message, false) || state_of(node, message).state < slot_sending)
    return misuse(node, message);
  return wait_for(node, slot_of(node, message), slot_sending);
}

int disco_wait(disco_node *node, uint32_t message) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!message_ok(node, message, true) || state_of(node, message).state == slot_idle)
    return misuse(node, message);
  return wait_for(node, slot_of(node, message), slot_posted);
}

uint32_t disco_received(const disco_node *node, uint32_t message) {
  return state_of(node, message).link;
}

void *disco_place(disco_node *node, uint32_t message) {
  if (!DISCO_MAILBOX || node->error.code != DISCO_OK ||
      !(message_ok(node, message, true) || message_ok(node, message, false)))
    return nullptr;
  const disco_message &m = node->program->messages[message];
  const disco_mailbox *box = node->config->mailbox;
  disco_slot &s = state_of(node, message);
  disco_peer *p = &node->config->peers[m.peer];
  if (m.incoming)
    return s.state == slot_held ? s.buffer : nullptr;
  if (!by_mail(p) || p->tx_slot != DISCO_NONE || s.state != slot_idle)
    return nullptr;
  void *place = box->place(box->context, m.peer, nullptr, m.bytes);
  if (place) {
    s = {place, DISCO_NONE, slot_placed};
    p->tx_slot = slot_of(node, message); // no other may take it
  }
  return place;
}

int disco_release(disco_node *node, uint32_t message) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (!message_ok(node, message, true) || state_of(node, message).state != slot_held)
    return misuse(node, message);
  const disco_mailbox *box = node->config->mailbox;
  disco_slot &s = state_of(node, message);
  box->release(box->context, node->program->messages[message].peer, s.buffer);
  s.state = slot_received;
  return DISCO_OK;
}

int disco_pump(disco_node *node) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (node->phase != phase_running)
    return misuse(node, DISCO_NONE);
  pass_by(node);
  return result(node);
}

int disco_end(disco_node *node) {
  if (node->error.code != DISCO_OK)
    return node->error.code;
  if (node->phase != phase_running ||
      (in_flight && (node->open == 0 || node->current != oldest(node))))
    return misuse(node, DISCO_NONE);
  for (uint32_t i = 0; i < node->program->message_count; ++i) {
    if (int code = wait_for(node, slot_of(node, i), slot_sending))
      return code;
    // Every message moves once an inference; anything else is a fault of the compiler that must not
    // pass unnoticed.
    if (state_of(node, i).state < slot_received)
      return misuse(node, i);
  }
  node->moved -= node->program->message_count;
  node->begun_us = 0;
  if (in_flight && --node->open)
    node->current = oldest(node);
  return DISCO_OK;
}
