//===- disco_impl.h - inside of the runtime, for its own files ------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_IMPL_H
#define DISCO_IMPL_H

#include "disco.h"

#include <string.h>

inline namespace DISCO_RUNTIME {
namespace disco_impl {

enum phase : uint8_t {
  phase_new,
  phase_ready,
  phase_starting,
  phase_running,
  phase_stopping,
  phase_failing,
  phase_over
};
// placed: an outgoing message has a place in the mailbox. held: an incoming one lies in its place.
// From slot_received on the message is done.
enum slot_state : uint8_t {
  slot_idle,
  slot_placed,
  slot_posted,
  slot_sending,
  slot_held,
  slot_received,
  slot_sent
};
enum tx_state : uint8_t { tx_open, tx_finished, tx_broken };
// header: reading one. control: reading the payload of a control frame. blocked: a data header was
// read, its buffer is not posted. payload: into the posted buffer, or nowhere while failing. trash:
// out of step, whatever comes is dropped until the stream ends.
enum rx_state : uint8_t { rx_header, rx_control, rx_blocked, rx_payload, rx_trash, rx_ended };
// more: something behind the terms. foreign: a hello of another version, build or epoch. by_mail:
// not of the peer: its data goes by mailbox.
enum seen : uint8_t {
  seen_hello = 1,
  seen_bye = 2,
  seen_abort = 4,
  seen_terms = 8,
  seen_more = 16,
  seen_foreign = 32,
  seen_by_mail = 64
};
enum due : uint8_t {
  due_hello = 1,
  due_data = 2,
  due_notice = 4,
  due_abort = 8,
  due_bye = 16,
  due_terms = 32
};
constexpr uint8_t due_greeting = due_hello | due_terms;

constexpr uint32_t abort_size = 12, notice_size = 4;
constexpr uint32_t read_chunk = 256 * 1024; // so that the CRC finds the bytes still in the cache
constexpr uint32_t reads_per_pump = 64; // so that a flooding peer cannot keep a pump from returning
constexpr uint64_t look_again_us = 1000;    // at streams beside mailboxes
constexpr uint64_t rarely_us = 50;          // at any stream, while nothing is waited for
constexpr uint64_t time_limit = 1ull << 60; // so that sums of times do not overflow

// Anywhere in memory; all machines here are little-endian.
inline uint32_t load32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

inline uint16_t load16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

inline void store32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }

inline void store16(uint8_t *p, uint32_t v) {
  uint16_t low = static_cast<uint16_t>(v);
  memcpy(p, &low, sizeof low);
}

inline uint64_t now(const disco_node *n) {
  return n->config->transport.now_us(n->config->transport.context);
}

// After the first failure a node only delivers aborts and looks for them.
inline bool failing(const disco_node *n) { return n->phase == phase_failing; }

// Whether several inferences may be in flight.
constexpr bool in_flight = DISCO_IN_FLIGHT > 1;

// The slot of a message, of the inference that calls are about.
inline uint32_t slot_of(const disco_node *n, uint32_t message) {
  return in_flight ? n->current * n->program->message_count + message : message;
}

inline const disco_message &message_of(const disco_node *n, uint32_t slot) {
  return n->program->messages[in_flight ? slot % n->program->message_count : slot];
}

// The place of the slots that are so many behind others, in the circle of all.
inline uint8_t place_behind(const disco_node *n, uint32_t place, uint32_t by) {
  return static_cast<uint8_t>(place >= by ? place - by : place + n->program->in_flight - by);
}

inline uint32_t sequence_of(const disco_node *n, uint32_t slot) {
  if (!in_flight)
    return n->sequence;
  return n->sequence - place_behind(n, n->newest, slot / n->program->message_count);
}

// Whether the peer's data goes by mailbox.
inline bool by_mail(const disco_peer *p) { return DISCO_MAILBOX && (p->seen & seen_by_mail); }

// Whether something is to be written to the stream.
inline bool stream_wants(const disco_peer *p) {
  unsigned not_here = by_mail(p) ? static_cast<unsigned>(due_data) : 0u;
  return p->tx_state == tx_open && (p->tx_type || (p->due & ~not_here));
}

// CRC of a frame: of its header as if the CRC field were 0, and of so much of the payload.
uint32_t frame_crc(const uint8_t *header, const void *payload, uint32_t size);

// Notes a failure unless there is one already. `soft`: an abort may still explain it; nobody is
// told before that has been looked for.
void raise(disco_node *n, int code, uint32_t rank, uint32_t message, bool soft);

// The peer's stream is broken, or over without a bye or an abort. `at_break`: it ended between two
// frames.
void raise_lost(disco_node *n, uint32_t peer, uint32_t message, bool at_break);

// Writes to the peer what its link takes.
void push(disco_node *n, uint32_t peer);

// Notes whether the node has stood still for longer than this.
void look_at_clock(disco_node *n, uint64_t longest_us);

// Moves what can be moved on all links, in both directions, until something fails.
void pump(disco_node *n);

#if DISCO_MAILBOX
// The same, but looks at streams that carry no data once a millisecond only: a look at one costs as
// much as a message by mailbox. For waits; before a sleep it is a pump that looks.
void glance(disco_node *n);

// The same as a glance a moment ago: without a look at the clock, which costs as much.
void glance_again(disco_node *n);

// The same between the kernels of an inference, which may take less than a look at a stream: reads
// streams every 50 us only, in which no socket fills.
void pass_by(disco_node *n);
#else
inline void glance(disco_node *n) { pump(n); }
inline void glance_again(disco_node *n) { pump(n); }
inline void pass_by(disco_node *n) { pump(n); }
#endif

} // namespace disco_impl
} // namespace DISCO_RUNTIME

#endif // DISCO_IMPL_H
