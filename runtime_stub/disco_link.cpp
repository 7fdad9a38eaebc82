//===- disco_link.cpp - sending and receiving frames on one link ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "disco_impl.h"

#include <string.h>

using namespace disco_impl;

//===----------------------------------------------------------------------===//
// The first failure
//===----------------------------------------------------------------------===//

void disco_impl::raise(disco_node *n, int code, uint32_t rank, uint32_t message, bool soft) {
  if (n->error.code != DISCO_OK)
    return;
  n->error = {code, rank, message, n->program->rank};
  n->soft = soft;
  n->at_break = 0;
}

void disco_impl::raise_lost(disco_node *n, uint32_t peer, uint32_t message, bool at_break) {
  if (n->error.code == DISCO_OK) {
    raise(n, DISCO_ERR_LOST, peer, message, true);
    n->at_break = at_break;
    return;
  }
  // This node has failed, and looks for the peer that failed first. Two rules:
  // - A lost peer is a better explanation than one that is silent or never came.
  // - Of two lost peers, the one whose stream ended between two frames is the likelier cause. A
  // node
  //   that gives up because of others may not get its abort out, and then its stream ends inside a
  //   frame.
  bool silent = n->error.code != DISCO_ERR_LOST;
  if (n->soft && (silent || (at_break && !n->at_break))) {
    n->error = {DISCO_ERR_LOST, peer, message, n->program->rank};
    n->at_break = at_break;
  }
}

namespace {

void raise_abort(disco_node *n, uint32_t peer, const uint8_t *payload) {
  if (n->error.code != DISCO_OK && !n->soft)
    return;
  int code = static_cast<int>(load32(payload));
  uint32_t rank = load16(payload + 4), reporter = load16(payload + 6);
  bool sound = code < 0 && code != DISCO_ERR_END; // which is no failure
  n->error.code = sound ? code : static_cast<int>(DISCO_ERR_ABORTED);
  n->error.rank = rank < n->program->nodes ? rank : peer;
  n->error.reporter = reporter < n->program->nodes ? reporter : peer;
  n->error.message = load32(payload + 8);
  n->soft = 0;
}

} // namespace

//===----------------------------------------------------------------------===//
// Sending
//===----------------------------------------------------------------------===//

namespace {

void make_hello(const disco_node *n, uint8_t *payload) {
  memcpy(payload, n->program->build_hash, 16);
  store16(payload + 16, n->program->rank);
  store16(payload + 18, n->program->nodes);
  store32(payload + 20, 0);
}

// All that this node says of the terms but its nonce; also what a peer must say, but for the
// features, which are ignored.
void make_terms(const disco_node *n, uint8_t *payload) {
  payload[16] = n->program->in_flight;
  payload[17] = 0; // no tags
  store16(payload + 18, n->program->forms);
  store32(payload + 20, 0);
}

uint32_t make_abort(const disco_node *n, uint8_t *payload) {
  store32(payload, static_cast<uint32_t>(n->error.code));
  store16(payload + 4, n->error.rank);
  store16(payload + 6, n->error.reporter);
  store32(payload + 8, n->error.message);
  return abort_size;
}

uint32_t make_notice(const disco_node *n, uint8_t *payload) {
  // The time left, in milliseconds: microseconds times 1/1024 + 1/65536 + 1/131072, which is 1/1000
  // less 0.1 %. A division of 64 bits would cost a small machine 750 bytes of code. What does not
  // fit (a wait without end) is stated as the largest number, 49 days.
  uint64_t ms = (n->notice_us >> 10) + (n->notice_us >> 16) + (n->notice_us >> 17);
  store32(payload, ms > 0xffffffffu ? 0xffffffffu : static_cast<uint32_t>(ms));
  return notice_size;
}

void start_control(disco_node *n, disco_peer *p, disco_frame *f) {
  uint8_t *payload = p->tx_head + DISCO_HEADER_SIZE;
  if (p->due & due_hello) {
    *f = disco_hello_frame(n->program->build_hash, n->config->epoch);
    make_hello(n, payload);
    p->due &= static_cast<uint8_t>(~due_hello);
  } else if (p->due & due_terms) {
    f->type = DISCO_FRAME_TERMS;
    f->session = 0; // also when the peer's terms are there already
    f->length = DISCO_TERMS_SIZE;
    memcpy(payload, n->config->nonce, DISCO_NONCE_SIZE);
    make_terms(n, payload);
    p->due &= static_cast<uint8_t>(~due_terms);
  } else if (p->due & due_abort) {
    f->type = DISCO_FRAME_ABORT;
    f->length = make_abort(n, payload);
    p->due = 0;
  } else if (p->due & due_notice) {
    f->type = DISCO_FRAME_NOTICE;
    f->length = make_notice(n, payload);
    p->due &= static_cast<uint8_t>(~due_notice);
  } else {
    f->type = DISCO_FRAME_BYE;
    p->due = 0;
  }
  disco_frame_encode(p->tx_head, f, payload);
  p->tx_head_size = static_cast<uint8_t>(DISCO_HEADER_SIZE + f->length);
}

// The header of the message that is sent, but for its CRC.
void make_data(disco_node *n, disco_peer *p, disco_frame *f) {
  const disco_message &m = message_of(n, p->tx_slot);
  p->due &= static_cast<uint8_t>(~due_data);
  f->type = DISCO_FRAME_DATA;
  f->sequence = sequence_of(n, p->tx_slot);
  f->message = m.id;
  f->form = m.form;
  f->length = n->config->slots[p->tx_slot].link;
  ++n->moved;
}

disco_frame new_frame(const disco_peer *p) {
  return {DISCO_MAGIC, DISCO_PROTOCOL_VERSION, 0, p->session, 0, DISCO_NONE, 0, 0, 0, 0, 0, 0};
}

// Whether the stream is to carry the message that is due.
bool data_is_next(const disco_peer *p) {
  return (p->due & due_data) && !(p->due & (due_greeting | due_abort)) && !by_mail(p);
}

void start_frame(disco_node *n, disco_peer *p) {
  disco_frame f = new_frame(p);
  p->tx_data = nullptr;
  p->tx_size = p->tx_pos = 0;
  p->tx_head_pos = 0;
  if (data_is_next(p)) {
    make_data(n, p, &f);
    p->tx_size = f.length;
    p->tx_data = static_cast<const uint8_t *>(n->config->slots[p->tx_slot].buffer);
    disco_frame_encode(p->tx_head, &f, p->tx_data);
    p->tx_head_size = DISCO_HEADER_SIZE;
  } else {
    start_control(n, p, &f);
  }
  p->tx_type = f.type;
}

// The message that is sent has left.
void finish_data(disco_node *n, disco_peer *p) {
  disco_slot &s = n->config->slots[p->tx_slot];
  p->stats.tx_payload += s.link;
  ++p->stats.tx_messages;
  s.state = slot_sent;
  p->tx_slot = DISCO_NONE;
#if DISCO_IN_FLIGHT > 1
  p->tx_slot = s.behind;
  if (s.behind != DISCO_NONE)
    p->due |= due_data;
#endif
}

void finish_frame(disco_node *n, disco_peer *p, uint32_t peer) {
  if (p->tx_type == DISCO_FRAME_DATA) {
    finish_data(n, p);
  } else if (p->tx_type == DISCO_FRAME_ABORT || p->tx_type == DISCO_FRAME_BYE) {
    p->tx_state = tx_finished;
    n->config->transport.finish(n->config->transport.context, peer);
  }
  p->tx_type = 0;
}

// Writes what the link takes. False: it takes no more now.
bool write_some(disco_node *n, disco_peer *p, uint32_t peer, const uint8_t *from, uint32_t size,
                bool more, uint32_t *took) {
  constexpr uint32_t most = 1u << 30;
  const disco_transport &t = n->config->transport;
  int32_t r = t.write(t.context, peer, from, size < most ? size : most, more);
  *took = r > 0 ? static_cast<uint32_t>(r) : 0;
  p->stats.tx_wire += *took;
  if (p->tx_type == DISCO_FRAME_DATA)
    p->tx_moved += *took;
  if (r < 0) {
    // Not yet a failure unless data is lost by it: the peer may have left in good order, or its
    // stream may still hold the abort that says why.
    p->tx_state = tx_broken;
    if (p->tx_slot != DISCO_NONE)
      raise_lost(n, peer, message_of(n, p->tx_slot).id, false);
  }
  return r > 0;
}

// Starts the message that is due when the mailbox has a place for it, and sees whether the one that
// was started has left.
void push_mail(disco_node *n, disco_peer *p, uint32_t peer) {
  const disco_mailbox &box = *n->config->mailbox;
  if (failing(n) || p->tx_slot == DISCO_NONE)
    return;
  disco_slot &s = n->config->slots[p->tx_slot];
  if (p->due & due_data) {
    void *at = box.place(box.context, peer, s.buffer, s.link);
    if (!at)
      return;
    if (at != s.buffer && s.link)
      memcpy(at, s.buffer, s.link);
    disco_frame f = new_frame(p);
    uint8_t head[DISCO_HEADER_SIZE];
    make_data(n, p, &f);
    memcpy(head, &f, sizeof head);
    store32(head + 24, frame_crc(head, at, box.sound ? 0 : s.link));
    box.start(box.context, peer, head, at, s.link);
    p->stats.tx_wire += DISCO_HEADER_SIZE + s.link;
    p->tx_moved += DISCO_HEADER_SIZE + s.link;
  }
  if (s.state == slot_sending && box.done(box.context, peer))
    finish_data(n, p);
}

} // namespace

void disco_impl::push(disco_node *n, uint32_t peer) {
  disco_peer *p = &n->config->peers[peer];
  while (stream_wants(p)) {
    if (!p->tx_type)
      start_frame(n, p);
    uint32_t took = 0;
    while (p->tx_head_pos < p->tx_head_size) {
      if (!write_some(n, p, peer, p->tx_head + p->tx_head_pos,
                      static_cast<uint32_t>(p->tx_head_size - p->tx_head_pos), p->tx_size > 0,
                      &took))
        return;
      p->tx_head_pos = static_cast<uint8_t>(p->tx_head_pos + took);
    }
    while (p->tx_pos < p->tx_size) {
      if (!write_some(n, p, peer, p->tx_data + p->tx_pos, p->tx_size - p->tx_pos, false, &took))
        return;
      p->tx_pos += took;
    }
    finish_frame(n, p, peer);
  }
  if (by_mail(p))
    push_mail(n, p, peer);
}

//===----------------------------------------------------------------------===//
// Receiving
//===----------------------------------------------------------------------===//

namespace {

// What is wrong with the header of a hello. It lies as in version 1 (see disco_hello_frame).
int check_hello(const disco_node *n, const disco_frame &f) {
  disco_frame right = disco_hello_frame(n->program->build_hash, n->config->epoch);
  right.crc = f.crc;
  return f.session != right.session              ? DISCO_ERR_BUILD
         : f.sequence != right.sequence          ? DISCO_ERR_EPOCH
         : f.length != right.length              ? DISCO_ERR_LENGTH
         : memcmp(&f, &right, sizeof right) != 0 ? DISCO_ERR_FIELD
                                                 : DISCO_OK;
}

uint32_t control_length(uint8_t type) {
  return type == DISCO_FRAME_TERMS    ? DISCO_TERMS_SIZE
         : type == DISCO_FRAME_ABORT  ? abort_size
         : type == DISCO_FRAME_NOTICE ? notice_size
                                      : 0;
}

// Whether a frame of this type, behind the terms, may come in this way. Mail was started before the
// bye that is there already.
bool may_come(const disco_peer *p, uint8_t type, bool mail) {
  if (by_mail(p) && (type == DISCO_FRAME_DATA) != mail)
    return false;
  return type >= DISCO_FRAME_DATA && type <= DISCO_FRAME_NOTICE &&
         (mail || !(p->seen & (seen_bye | seen_abort)));
}

// What is wrong with a complete header, leaving the data frame's turn and the CRC to others.
// DISCO_OK: nothing.
int check_header(const disco_node *n, const disco_peer *p, const disco_frame &f, bool mail) {
  if (f.magic != DISCO_MAGIC)
    return DISCO_ERR_MAGIC;
  if (f.version != DISCO_PROTOCOL_VERSION)
    return DISCO_ERR_VERSION;
  // A hello, then the terms, then others.
  uint8_t must = !(p->seen & seen_hello)   ? DISCO_FRAME_HELLO
                 : !(p->seen & seen_terms) ? DISCO_FRAME_TERMS
                                           : 0;
  if (must ? f.type != must : !may_come(p, f.type, mail))
    return DISCO_ERR_TYPE;
  if (must == DISCO_FRAME_HELLO)
    return check_hello(n, f);
  // A peer that fails before it has heard our terms knows no session.
  bool early = f.type == DISCO_FRAME_ABORT && f.session == 0 && !(p->seen & seen_more);
  if (f.session != p->session && !early)
    return DISCO_ERR_SESSION;
  if (f.part || f.tag || f.zero)
    return DISCO_ERR_FIELD;
  if (f.type != DISCO_FRAME_DATA) {
    if (f.length != control_length(f.type))
      return DISCO_ERR_LENGTH;
    return f.sequence || f.message != DISCO_NONE || f.form ? DISCO_ERR_FIELD : DISCO_OK;
  }
  // The first message that is not posted may be of any inference under way, or of the next ones
  // that the peer may have begun, not more: everything of the ones before that it owes was
  // received.
  uint32_t older = in_flight && n->open ? n->open - 1u : 0;
  if (f.sequence - (n->sequence - older) > n->program->in_flight + older)
    return DISCO_ERR_SEQUENCE;
  return n->phase == phase_stopping ? DISCO_ERR_MESSAGE : DISCO_OK;
}

// The message of the link that is to come or to go first: what a failure of the link is about.
uint32_t awaited(const disco_node *n, const disco_peer *p) {
  uint32_t slot = p->post_first != DISCO_NONE ? p->post_first : p->tx_slot;
  return slot != DISCO_NONE ? message_of(n, slot).id : DISCO_NONE;
}

// A peer sent what it must not. That fails this node, and the rest of the peer's stream is ignored.
//
// There is one exception. Before the cluster has started, a node of another version, build or start
// may have called by mistake. It is noted, and the right one may still come; if none has come at
// the start deadline, the error names the wrong one.
void refuse(disco_node *n, disco_peer *p, uint32_t peer, int code) {
  p->rx_state = rx_trash;
  if (!(p->seen & seen_hello) &&
      (code == DISCO_ERR_VERSION || code == DISCO_ERR_BUILD || code == DISCO_ERR_EPOCH)) {
    p->rx_pos = static_cast<uint32_t>(-code);
    p->seen |= seen_foreign;
    return;
  }
  raise(n, code, peer, awaited(n, p), false);
}

void take_header(disco_node *n, disco_peer *p, uint32_t peer) {
  disco_frame f;
  disco_frame_decode(&f, p->rx_head);
  if (int code = check_header(n, p, f, false)) {
    // While failing only aborts matter; another sequence or message is no reason to stop looking
    // for one.
    bool skip = failing(n) && (code == DISCO_ERR_SEQUENCE || code == DISCO_ERR_MESSAGE);
    if (!skip)
      return refuse(n, p, peer, code);
  }
  if (f.type != DISCO_FRAME_HELLO && f.type != DISCO_FRAME_TERMS)
    p->seen |= seen_more;
  p->rx_size = f.length;
  p->rx_pos = 0;
  p->rx_crc = frame_crc(p->rx_head, nullptr, 0);
  p->rx_state = f.type == DISCO_FRAME_DATA ? rx_blocked : rx_control;
}

// Matches the header of a message with the first one that is posted.
int check_turn(const disco_node *n, const disco_peer *p, const uint8_t *head) {
  const disco_message &m = message_of(n, p->post_first);
  uint32_t size = load32(head + 20);
  bool fits = m.form ? size <= m.bytes : size == m.bytes;
  return load32(head + 8) != sequence_of(n, p->post_first) ? DISCO_ERR_SEQUENCE
         : load32(head + 12) != m.id                       ? DISCO_ERR_MESSAGE
         : head[18] != m.form                              ? DISCO_ERR_FIELD
         : !fits                                           ? DISCO_ERR_LENGTH
                                                           : DISCO_OK;
}

// With several inferences in flight any of them may be next: makes the first posted message of
// that of the header the first of all. False: it is of one that has not begun here.
bool find_post(const disco_node *n, disco_peer *p, const uint8_t *head) {
#if DISCO_IN_FLIGHT > 1
  const uint32_t sequence = load32(head + 8);
  disco_slot *slots = n->config->slots;
  if (n->program->in_flight == 1 || p->post_first == DISCO_NONE)
    return p->post_first != DISCO_NONE;
  if (sequence - n->sequence - 1 < n->program->in_flight)
    return false;
  uint32_t before = DISCO_NONE, slot = p->post_first;
  while (slot != DISCO_NONE && sequence_of(n, slot) != sequence) {
    before = slot;
    slot = slots[slot].link;
  }
  if (before == DISCO_NONE || slot == DISCO_NONE)
    return true;
  slots[before].link = slots[slot].link;
  if (p->post_last == slot)
    p->post_last = before;
  slots[slot].link = p->post_first;
  p->post_first = slot;
  return true;
#else
  (void)n, (void)head;
  return p->post_first != DISCO_NONE;
#endif
}

// Whether a read-ahead data header belongs to a message whose turn it is. False also: it is not
// posted yet.
bool take_turn(disco_node *n, disco_peer *p, uint32_t peer) {
  if (!failing(n)) {
    if (!find_post(n, p, p->rx_head))
      return false;
    if (int code = check_turn(n, p, p->rx_head)) {
      refuse(n, p, peer, code);
      return false;
    }
    ++n->moved;
  }
  p->rx_state = rx_payload;
  return true;
}

// Both: what is wrong with the payload.
int take_hello(const disco_node *n, disco_peer *p, uint32_t peer, const uint8_t *payload) {
  if (memcmp(payload, n->program->build_hash, 16) != 0)
    return DISCO_ERR_BUILD;
  if (load16(payload + 16) != peer || load16(payload + 18) != n->program->nodes)
    return DISCO_ERR_TOPOLOGY;
  if (load32(payload + 20))
    return DISCO_ERR_FIELD;
  p->seen |= seen_hello;
  return DISCO_OK;
}

int take_terms(const disco_node *n, disco_peer *p, uint32_t peer, const uint8_t *payload) {
  const disco_mailbox *box = n->config->mailbox;
  const uint8_t *own = n->config->nonce;
  bool lower = n->program->rank < peer;
  p->session =
      disco_session_id(lower ? own : payload, lower ? payload : own, n->program->build_hash);
  p->seen |= seen_terms;
  if (DISCO_MAILBOX && box && box->carries(box->context, peer, payload))
    p->seen |= seen_by_mail;
  uint8_t terms[DISCO_TERMS_SIZE];
  make_terms(n, terms);
  return memcmp(payload + DISCO_NONCE_SIZE, terms + DISCO_NONCE_SIZE, 4) != 0 ? DISCO_ERR_TERMS
                                                                              : DISCO_OK;
}

// A control frame is complete.
void take_control(disco_node *n, disco_peer *p, uint32_t peer) {
  const uint8_t *payload = p->rx_head + DISCO_HEADER_SIZE, type = p->rx_head[3];
  p->rx_have = 0;
  p->rx_state = rx_header;
  int code = DISCO_OK;
  if (frame_crc(p->rx_head, payload, p->rx_size) != load32(p->rx_head + 24))
    code = DISCO_ERR_CRC;
  else if (type == DISCO_FRAME_HELLO)
    code = take_hello(n, p, peer, payload);
  else if (type == DISCO_FRAME_TERMS)
    code = take_terms(n, p, peer, payload);
  else if (type == DISCO_FRAME_ABORT) {
    p->seen |= seen_abort;
    raise_abort(n, peer, payload);
  } else if (type == DISCO_FRAME_BYE)
    p->seen |= seen_bye;
  else
    p->excused_us = now(n) + load32(payload) * 1000ull;
  if (code)
    refuse(n, p, peer, code);
}

// The first posted message is there.
void finish_post(disco_node *n, disco_peer *p, uint32_t size, uint8_t state) {
  disco_slot &s = n->config->slots[p->post_first];
  s.state = state;
  p->post_first = s.link;
  s.link = size;
  p->stats.rx_payload += size;
  ++p->stats.rx_messages;
}

// The payload of a data frame is complete.
void take_payload(disco_node *n, disco_peer *p, uint32_t peer) {
  p->rx_have = 0;
  p->rx_state = rx_header;
  if (failing(n))
    return;
  if (p->rx_crc != load32(p->rx_head + 24))
    return refuse(n, p, peer, DISCO_ERR_CRC);
  finish_post(n, p, p->rx_size, slot_received);
}

//===----------------------------------------------------------------------===//
// Mail
//===----------------------------------------------------------------------===//

// What is wrong with a message that has come, as far as that shows without its turn.
int check_mail(const disco_node *n, const disco_peer *p, const disco_mail &mail) {
  disco_frame f;
  disco_frame_decode(&f, mail.header);
  int code = check_header(n, p, f, true);
  return code ? code : f.length != mail.bytes ? DISCO_ERR_LENGTH : DISCO_OK;
}

// Takes a message whose turn it is: into the posted buffer, or to be held in its place.
int take_mail(disco_node *n, disco_peer *p, uint32_t peer, const disco_mail &mail) {
  const disco_mailbox &box = *n->config->mailbox;
  if (int code = check_turn(n, p, mail.header))
    return code;
  ++n->moved;
  disco_slot &s = n->config->slots[p->post_first];
  bool held = s.buffer == nullptr;
  void *payload = held ? mail.payload : s.buffer;
  if (!held && mail.bytes)
    memcpy(payload, mail.payload, mail.bytes);
  if (frame_crc(mail.header, payload, box.sound ? 0 : mail.bytes) != load32(mail.header + 24))
    return DISCO_ERR_CRC;
  box.accept(box.context, peer);
  if (!held)
    box.release(box.context, peer, mail.payload);
  s.buffer = payload;
  p->rx_moved += DISCO_HEADER_SIZE + mail.bytes;
  p->stats.rx_wire += DISCO_HEADER_SIZE + mail.bytes;
  finish_post(n, p, mail.bytes, held ? slot_held : slot_received);
  return DISCO_OK;
}

// Takes the messages that have come and are posted.
void pull_mail(disco_node *n, disco_peer *p, uint32_t peer) {
  const disco_mailbox &box = *n->config->mailbox;
  disco_mail mail;
  while (n->error.code == DISCO_OK && (p->seen & seen_terms) &&
         box.incoming(box.context, peer, &mail)) {
    p->seen |= seen_more;
    int code = check_mail(n, p, mail);
    if (!code && !find_post(n, p, mail.header))
      return;
    if (!code)
      code = take_mail(n, p, peer, mail);
    if (code)
      refuse(n, p, peer, code);
  }
}

//===----------------------------------------------------------------------===//
// The stream
//===----------------------------------------------------------------------===//

void take_end(disco_node *n, disco_peer *p, uint32_t peer) {
  bool at_break = p->rx_state == rx_header && p->rx_have == 0;
  bool explained = (p->seen & (seen_bye | seen_abort)) || p->rx_state == rx_trash;
  p->rx_state = rx_ended;
  if (!explained)
    raise_lost(n, peer, awaited(n, p), at_break);
}

// Where the next bytes of the stream go, and how many are wanted: 0 while nothing may be read.
uint8_t *rx_target(disco_node *n, disco_peer *p, uint8_t *scratch, uint32_t scratch_size,
                   uint32_t *size) {
  switch (p->rx_state) {
  case rx_header: *size = DISCO_HEADER_SIZE - p->rx_have; return p->rx_head + p->rx_have;
  case rx_control:
    *size = DISCO_HEADER_SIZE + p->rx_size - p->rx_have;
    return p->rx_head + p->rx_have;
  case rx_payload:
    *size = p->rx_size - p->rx_pos;
    if (!failing(n)) {
      *size = *size < read_chunk ? *size : read_chunk;
      return static_cast<uint8_t *>(n->config->slots[p->post_first].buffer) + p->rx_pos;
    }
    *size = *size < scratch_size ? *size : scratch_size;
    return scratch;
  case rx_trash: *size = scratch_size; return scratch;
  default: *size = 0; return nullptr;
  }
}

// Counts bytes that were read to `to`.
void took_bytes(disco_node *n, disco_peer *p, const uint8_t *to, uint32_t size) {
  p->stats.rx_wire += size;
  if (p->rx_state == rx_payload) {
    if (!failing(n))
      p->rx_crc = disco_crc32c(p->rx_crc, to, size);
    p->rx_pos += size;
    p->rx_moved += size;
  } else if (p->rx_state != rx_trash) {
    p->rx_have = static_cast<uint8_t>(p->rx_have + size);
  }
}

// Acts on whatever is complete. False: nothing more can be done with this peer now.
bool advance(disco_node *n, disco_peer *p, uint32_t peer) {
  if (p->rx_state == rx_header && p->rx_have == DISCO_HEADER_SIZE)
    take_header(n, p, peer);
  if (p->rx_state == rx_control && p->rx_have == DISCO_HEADER_SIZE + p->rx_size)
    take_control(n, p, peer);
  if (p->rx_state == rx_blocked && !take_turn(n, p, peer))
    return false;
  if (p->rx_state == rx_payload && p->rx_pos == p->rx_size)
    take_payload(n, p, peer);
  return p->rx_state != rx_ended && (n->error.code == DISCO_OK || failing(n));
}

void pull(disco_node *n, disco_peer *p, uint32_t peer) {
  uint8_t scratch[256];
  const disco_transport &t = n->config->transport;
  for (uint32_t i = 0; i < reads_per_pump && advance(n, p, peer); ++i) {
    uint32_t size = 0;
    uint8_t *to = rx_target(n, p, scratch, sizeof scratch, &size);
    if (size == 0)
      continue;
    int32_t r = t.read(t.context, peer, to, size);
    if (r == 0)
      return;
    if (r < 0)
      return take_end(n, p, peer);
    took_bytes(n, p, to, static_cast<uint32_t>(r));
  }
}

} // namespace

void disco_impl::look_at_clock(disco_node *n, uint64_t longest_us) {
  if (n->program->nodes == 1) // and perhaps no clock
    return;
  uint64_t t = now(n);
  n->late |= t - n->alive_us > longest_us;
  n->alive_us = t;
}

namespace {

// Which streams a pump reads. quick: those that bring data, and the others once in a while. rare:
// each once in a while.
enum streams : uint8_t { all_streams, quick_streams, rare_streams };

// Whether it is time to read what need not be read at every look.
bool look_again([[maybe_unused]] disco_node *n, [[maybe_unused]] streams which) {
#if DISCO_MAILBOX
  const uint64_t pause = which == rare_streams ? rarely_us : look_again_us;
  const bool due = which == all_streams || n->alive_us - n->looked_us >= pause;
  n->looked_us = due ? n->alive_us : n->looked_us;
  return due;
#else
  return true;
#endif
}

} // namespace

static inline void pump_links(disco_node *n, streams which) {
  const bool due = look_again(n, which);
  for (uint32_t peer = 0; peer < n->program->nodes; ++peer) {
    if (peer == n->program->rank)
      continue;
    disco_peer *p = &n->config->peers[peer];
    push(n, peer);
    if (due || (which == quick_streams && !by_mail(p)))
      pull(n, p, peer);
    // Behind the stream: what the peer started, and accepted, before its bye is seen.
    if (by_mail(p)) {
      pull_mail(n, p, peer);
      push_mail(n, p, peer);
    }
    if (n->error.code != DISCO_OK && !failing(n))
      return;
  }
}

void disco_impl::pump(disco_node *n) {
  look_at_clock(n, n->deadline_us);
  pump_links(n, all_streams);
}

#if DISCO_MAILBOX
void disco_impl::glance(disco_node *n) {
  look_at_clock(n, n->deadline_us);
  pump_links(n, quick_streams);
}

void disco_impl::glance_again(disco_node *n) { pump_links(n, quick_streams); }

void disco_impl::pass_by(disco_node *n) {
  look_at_clock(n, n->deadline_us);
  pump_links(n, rare_streams);
}
#endif
