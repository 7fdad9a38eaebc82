//===- packets.cpp - byte streams over links that lose and damage packets -===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/links.md describes the packets and the rules. A node may have a few kilobytes for
// all of its code, so this says things once, and prefers a small loop to a fast one.

#include "packets.h"

#include <string.h>

namespace {

// As it travels: every machine here is little-endian, and packets are aligned.
struct header {
  uint16_t to;
  uint16_t from; // and flags
  uint16_t own, other;
  uint8_t seq, ack;
  uint16_t have;
};
static_assert(sizeof(header) + 4 == DISCO_PACKET_OVERHEAD, "no padding");

constexpr uint32_t rank_mask = 0xfff;
enum packet_flag : uint32_t {
  packet_data = 0x1000,
  packet_known = 0x2000,
  packet_version = 0x4000,
  packet_asks = 0x8000, // the session is not open at the sender: to be answered at once
  packet_letter = packet_data | packet_asks // of no session; a segment needs an open one
};
constexpr uint32_t crc_residue = 0x2144df1c; // of anything with its CRC behind it

// heard: a packet has come, so its nonce can be repeated. open: the peer has repeated ours. ending:
// the end is to be sent; ended: it is in a segment. over: the peer's end has been read. lost: the
// peer, or the port, is gone. closed: nobody reads or writes any more.
enum stream_state : uint8_t {
  heard = 1,
  open = 2,
  ending = 4,
  ended = 8,
  over = 16,
  lost = 32,
  closed = 64
};

constexpr uint8_t urgent = 128;    // of ack_due; below it is a number of changes
constexpr uint32_t burst = 32;     // packets taken of a port at a time
constexpr uint32_t greetings = 64; // after so many segments a greeting is no late one

// Of a segment, and of a packet that waits. The bytes lie behind it.
struct slot {
  uint32_t at; // when it was sent: no two have the same
  uint16_t size, sent;
};

slot *slot_at(uint8_t *slots, uint32_t stride, uint32_t index) {
  return reinterpret_cast<slot *>(slots + stride * index);
}

uint8_t *bytes_of(slot *s) { return reinterpret_cast<uint8_t *>(s + 1); }

void look_at_clock(disco_packets *p) {
  uint32_t t = static_cast<uint32_t>(p->config->now_us(p->config->clock_context));
  if (static_cast<int32_t>(t - p->now) > 0)
    p->now = t;
}

disco_stream *find(const disco_packets *p, uint32_t rank) {
  for (uint32_t i = 0; i < p->stream_count; ++i)
    if (p->streams[i].rank == rank)
      return &p->streams[i];
  return nullptr;
}

slot *segment_at(const disco_packets *p, uint8_t *slots, uint32_t seq) {
  return slot_at(slots, p->slot_stride, seq & (p->window - 1u));
}

slot *queue_slot(const disco_packets *p, uint32_t index) {
  uint32_t count = p->config->forward_slots + 1, at = p->queue_head + index;
  return slot_at(p->queue, p->packet_stride, at < count ? at : at - count);
}

uint32_t in_flight(const disco_stream *s) { return static_cast<uint8_t>(s->tx_next - s->tx_base); }

//===----------------------------------------------------------------------===//
// Sending
//===----------------------------------------------------------------------===//

// Hands a packet to the port towards its destination. False: no room.
bool hand_over(disco_packets *p, const void *packet, uint32_t size) {
  const disco_hop &hop = p->config->hops[static_cast<const header *>(packet)->to];
  const disco_port &port = p->config->ports[hop.port];
  if (port.send(port.context, hop.next, static_cast<const uint8_t *>(packet), size) == 0)
    return false;
  disco_port_stats &stats = p->port_stats[hop.port];
  ++stats.tx_packets;
  stats.tx_bytes += size;
  return true;
}

// Whether it is the turn of a packet of another node: where both wait for room, they take turns.
bool must_yield(const disco_packets *p, uint32_t port) {
  const header *first = reinterpret_cast<const header *>(bytes_of(queue_slot(p, 0)));
  return p->queue_size && p->yields == port && p->config->hops[first->to].port == port;
}

// The packet that was written gets its CRC. False: no room.
bool close_packet(disco_packets *p, uint32_t size) {
  uint32_t crc = disco_crc32(0, p->packet, size);
  memcpy(p->packet + size, &crc, sizeof crc);
  return hand_over(p, p->packet, size + 4);
}

// Sends one packet: a segment, or none (null), always with the state of what was received.
bool send_packet(disco_packets *p, disco_stream *s, slot *segment, uint32_t seq) {
  uint8_t port = p->config->hops[s->rank].port;
  if (must_yield(p, port))
    return false;
  header *h = reinterpret_cast<header *>(p->packet);
  uint32_t size = sizeof(header), flags = p->config->rank | packet_version;
  if (segment) {
    flags |= packet_data;
    memcpy(h + 1, bytes_of(segment), segment->size);
    size += segment->size;
  }
  if (s->state & heard)
    flags |= packet_known;
  if (!(s->state & open))
    flags |= packet_asks;
  h->to = s->rank;
  h->from = static_cast<uint16_t>(flags);
  h->own = s->own;
  h->other = s->other;
  h->seq = static_cast<uint8_t>(seq);
  h->ack = s->rx_base;
  h->have = static_cast<uint16_t>(s->have);
  if (!close_packet(p, size))
    return false;
  p->yields = port;
  s->ack_due = 0;
  return true;
}

void send_segments(disco_packets *p, disco_stream *s) {
  for (uint32_t i = 0; s->todo >> i; ++i) {
    if (!(s->todo >> i & 1))
      continue;
    slot *segment = segment_at(p, s->tx, s->tx_base + i);
    if (!send_packet(p, s, segment, s->tx_base + i))
      return;
    s->todo &= ~(1u << i);
    ++*(segment->sent ? &s->stats.retransmissions : &s->stats.tx_segments);
    segment->sent = 1;
    segment->at = s->since = p->now++;
  }
}

// The segment being filled is complete.
void seal(disco_packets *p, disco_stream *s) {
  slot *segment = segment_at(p, s->tx, s->tx_next);
  segment->size = static_cast<uint16_t>(s->tx_fill);
  segment->sent = 0;
  s->todo |= 1u << in_flight(s);
  s->tx_fill = 0;
  ++s->tx_next;
}

// Nothing was heard of what is under way: the oldest segment that is missing is sent again. Or,
// when all are there and only wait for their reader, the oldest, later: the answer says how things
// stand. What else was lost shows in the answer.
void look_for_answer(disco_packets *p, disco_stream *s) {
  uint32_t count = in_flight(s), missing = ~s->arrived & ((1u << count) - 1),
           most = p->tick_us * 128,
           wait = (2 * (s->trip + 3 * p->tick_us)) << (s->backoff + (missing ? 0 : 2));
  if (((s->state & open) && (s->todo || !count)) || p->now - s->since < (wait < most ? wait : most))
    return;
  s->since = p->now;
  if (s->backoff < 3)
    ++s->backoff;
  if (s->state & open)
    s->todo = missing ? missing & (0 - missing) : 1;
  else
    s->ack_due = urgent;
}

// Something happened that the peer should hear of, with the next segment or soon.
void owe_ack(disco_packets *p, disco_stream *s) {
  if (s->ack_due == 0)
    s->ack_since = p->now;
  if (s->ack_due < urgent)
    ++s->ack_due;
}

// The first received segment has been read.
void release(disco_packets *p, disco_stream *s) {
  s->have >>= 1;
  ++s->rx_base;
  s->rx_pos = 0;
  owe_ack(p, s);
}

// Sends what is due to one peer.
void serve(disco_packets *p, disco_stream *s) {
  if (s->state & lost)
    return;
  while ((s->state & closed) && (s->have & 1))
    release(p, s);
  while ((s->state & (ending | ended)) == ending && in_flight(s) < p->window) {
    if (s->tx_fill == 0)
      s->state |= ended;
    seal(p, s);
  }
  look_for_answer(p, s);
  if (s->state & open)
    send_segments(p, s);
  if (s->ack_due >= p->window || (s->ack_due && p->now - s->ack_since >= 2 * p->tick_us))
    send_packet(p, s, nullptr, 0);
}

//===----------------------------------------------------------------------===//
// Receiving
//===----------------------------------------------------------------------===//

// Whether the packet belongs to the session; makes one, or ends it.
bool check_session(disco_stream *s, const header *h) {
  bool known = (h->from & packet_known) && h->other == s->own;
  bool same = h->own == s->other;
  if (!(s->state & open)) {
    s->other = h->own;
    s->state |= known ? heard | open : heard;
    s->backoff = 0;
    s->ack_due = urgent;
    return known;
  }
  // Who once knew this node and does not any more, or has become another, was started again.
  if (known != same && (known || s->stats.rx_segments > greetings))
    s->state |= lost;
  if (h->from & packet_asks)
    s->ack_due = urgent;
  return known && same;
}

// What the peer has read (all before `ack`) and received (bit i: ack + i).
void take_ack(disco_packets *p, disco_stream *s, const header *h) {
  uint32_t count = in_flight(s), gone = static_cast<uint8_t>(h->ack - s->tx_base);
  if (gone > count)
    return; // an old packet
  uint32_t fresh = ((((h->have + 1u) << gone) - 1) & ((1u << count) - 1)) & ~s->arrived;
  s->arrived |= fresh;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t at = segment_at(p, s->tx, s->tx_base + i)->at;
    if ((fresh >> i & 1) && static_cast<int32_t>(at - s->newest) > 0)
      s->newest = at;
  }
  if (fresh | gone) {
    s->since = p->now;
    s->backoff = 0;
  }
  if (fresh) {
    uint32_t trip = p->now - s->newest, most = p->tick_us * 64;
    s->trip = s->trip - s->trip / 4 + (trip < most ? trip : most) / 4;
  }
  // Ports keep the order, mostly: what was sent before something that has arrived is lost.
  for (uint32_t i = 0; i < count; ++i)
    if (static_cast<int32_t>(s->newest - segment_at(p, s->tx, s->tx_base + i)->at) > 0)
      s->todo |= 1u << i;
  s->todo = (s->todo & ~s->arrived) >> gone;
  s->arrived >>= gone;
  s->tx_base = h->ack;
}

void take_segment(disco_packets *p, disco_stream *s, const header *h, uint32_t size) {
  uint32_t ahead = static_cast<uint8_t>(h->seq - s->rx_base);
  if (ahead >= p->window || (s->have >> ahead & 1)) {
    ++s->stats.repeated;
    s->ack_due = urgent;
    return;
  }
  slot *to = segment_at(p, s->rx, h->seq);
  to->size = static_cast<uint16_t>(size);
  memcpy(bytes_of(to), h + 1, size);
  s->have |= 1u << ahead;
  ++s->stats.rx_segments;
  owe_ack(p, s);
  if (s->have & (s->have + 1)) // something before it is missing
    s->ack_due = urgent;
}

void forward(disco_packets *p) {
  while (p->queue_size) {
    slot *first = queue_slot(p, 0);
    if (!hand_over(p, bytes_of(first), first->size))
      return;
    p->yields = DISCO_NO_PORT;
    --p->queue_size;
    if (p->queue_head++ == p->config->forward_slots)
      p->queue_head = 0;
  }
}

// A packet lies behind the queue.
void take_packet(disco_packets *p, disco_port_stats *stats, slot *at, uint32_t size) {
  const disco_packets_config *c = p->config;
  const header *h = reinterpret_cast<const header *>(bytes_of(at));
  ++stats->rx_packets;
  stats->rx_bytes += size;
  uint32_t to = h->to;
  disco_stream *s = find(p, h->from & rank_mask);
  if (size < DISCO_PACKET_OVERHEAD || !(h->from & packet_version) ||
      disco_crc32(0, h, size) != crc_residue ||
      (to == c->rank ? !s : to >= c->nodes || c->hops[to].port == DISCO_NO_PORT)) {
    ++stats->damaged;
    return;
  }
  ++p->heard;
#ifdef DISCO_LETTERS
  if (to == c->rank && (h->from & packet_letter) == packet_letter) {
    if (c->letter)
      c->letter(c->letter_context, s->rank, bytes_of(at) + sizeof(header),
                size - DISCO_PACKET_OVERHEAD);
    return;
  }
#endif
  if (to == c->rank) {
    if ((s->state & lost) || !check_session(s, h))
      return;
    take_ack(p, s, h);
    if (h->from & packet_data)
      take_segment(p, s, h, size - DISCO_PACKET_OVERHEAD);
  } else if (p->queue_size == c->forward_slots) {
    ++stats->dropped;
  } else {
    at->size = static_cast<uint16_t>(size);
    ++p->queue_size;
    ++stats->forwarded;
  }
}

void receive(disco_packets *p, uint32_t index) {
  const disco_packets_config *c = p->config;
  const disco_port &port = c->ports[index];
  for (uint32_t i = 0; i < burst; ++i) {
    slot *at = queue_slot(p, p->queue_size);
    int32_t size = port.receive(port.context, bytes_of(at), c->payload + DISCO_PACKET_OVERHEAD);
    if (size == 0)
      return;
    if (size > 0) {
      take_packet(p, &p->port_stats[index], at, static_cast<uint32_t>(size));
      continue;
    }
    for (uint32_t k = 0; k < p->stream_count; ++k)
      if (c->hops[p->streams[k].rank].port == index)
        p->streams[k].state |= lost;
    return;
  }
}

// Moves everything that can be moved.
void pump(disco_packets *p) {
  look_at_clock(p);
  for (uint32_t i = 0; i < p->config->port_count; ++i)
    receive(p, i);
  for (uint32_t i = 0; i < p->stream_count; ++i)
    serve(p, &p->streams[i]);
  forward(p);
}

//===----------------------------------------------------------------------===//
// Callbacks
//===----------------------------------------------------------------------===//

int32_t packets_write(void *context, uint32_t peer, const void *data, size_t size, bool more) {
  disco_packets *p = static_cast<disco_packets *>(context);
  disco_stream *s = find(p, peer);
  if (!s || (s->state & (lost | closed)))
    return DISCO_IO_LOST;
  const uint8_t *from = static_cast<const uint8_t *>(data);
  size_t left = size;
  while (left && in_flight(s) < p->window) {
    size_t n = p->config->payload - static_cast<size_t>(s->tx_fill);
    if (n > left)
      n = left;
    memcpy(bytes_of(segment_at(p, s->tx, s->tx_next)) + s->tx_fill, from, n);
    s->tx_fill += static_cast<uint32_t>(n);
    from += n;
    left -= n;
    if (s->tx_fill == p->config->payload || !(left || more))
      seal(p, s);
  }
  look_at_clock(p);
  serve(p, s);
  return static_cast<int32_t>(size - left);
}

int32_t packets_read(void *context, uint32_t peer, void *data, size_t size) {
  disco_packets *p = static_cast<disco_packets *>(context);
  disco_stream *s = find(p, peer);
  if (!s || (s->state & closed))
    return DISCO_IO_LOST;
  if (!(s->have & 1))
    pump(p);
  uint8_t *to = static_cast<uint8_t *>(data);
  size_t left = size;
  while (left && (s->have & 1)) {
    slot *first = segment_at(p, s->rx, s->rx_base);
    size_t n = first->size - static_cast<size_t>(s->rx_pos);
    if (first->size == 0) // the end
      s->state |= over;
    if (n > left)
      n = left;
    memcpy(to, bytes_of(first) + s->rx_pos, n);
    to += n;
    left -= n;
    s->rx_pos += static_cast<uint32_t>(n);
    if (s->rx_pos == first->size)
      release(p, s);
  }
  if (left < size)
    return static_cast<int32_t>(size - left);
  if (s->state & over)
    return DISCO_IO_END;
  return s->state & lost ? static_cast<int32_t>(DISCO_IO_LOST) : 0;
}

void end_stream(void *context, uint32_t peer, uint32_t state) {
  disco_packets *p = static_cast<disco_packets *>(context);
  if (disco_stream *s = find(p, peer)) {
    s->state = static_cast<uint8_t>(s->state | state);
    serve(p, s);
  }
}

void packets_finish(void *context, uint32_t peer) { end_stream(context, peer, ending); }
void packets_close(void *context, uint32_t peer) { end_stream(context, peer, ending | closed); }

void packets_wait(void *context, const disco_peer *, uint64_t timeout_us) {
  disco_packets *p = static_cast<disco_packets *>(context);
  uint32_t tick = p->tick_us;
  pump(p);
  // What came since the last wait, in a read perhaps, may have made room for a write.
  if (p->noticed == p->heard)
    p->config->idle(p->config->clock_context, timeout_us < tick ? timeout_us : tick);
  p->noticed = p->heard;
}

uint64_t packets_now(void *context) {
  const disco_packets_config *c = static_cast<disco_packets *>(context)->config;
  return c->now_us(c->clock_context);
}

} // namespace

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

int disco_packets_init(disco_packets *p, const disco_packets_config *c) {
  memset(p, 0, sizeof *p);
  p->config = c;
  p->tick_us = (c->retry_us ? c->retry_us : 50000) / 16;
  p->window = 16;
  while (p->window > c->window)
    p->window = static_cast<uint8_t>(p->window / 2);
  p->slot_stride = static_cast<uint32_t>(sizeof(slot)) + ((c->payload + 3u) & ~3u);
  p->packet_stride = p->slot_stride + DISCO_PACKET_OVERHEAD;
  p->now = static_cast<uint32_t>(packets_now(p));
  p->streams = reinterpret_cast<disco_stream *>(c->memory);
  for (uint32_t rank = 0; rank < c->nodes; ++rank)
    p->stream_count = static_cast<uint16_t>(
        p->stream_count + (rank != c->rank && c->hops[rank].port != DISCO_NO_PORT));
  if (!p->window || !c->payload || c->nodes > DISCO_PACKET_NODES ||
      c->port_count > DISCO_PACKET_PORTS ||
      disco_packets_bytes(p->stream_count, c->payload, p->window, c->forward_slots) >
          c->memory_bytes)
    return DISCO_ERR_USAGE;
  uint8_t *at = reinterpret_cast<uint8_t *>(p->streams + p->stream_count);
  disco_stream *s = p->streams;
  for (uint32_t rank = 0; rank < c->nodes; ++rank) {
    if (rank == c->rank || c->hops[rank].port == DISCO_NO_PORT)
      continue;
    if (c->hops[rank].port >= c->port_count ||
        c->ports[c->hops[rank].port].mtu < c->payload + DISCO_PACKET_OVERHEAD)
      return DISCO_ERR_USAGE;
    memset(s, 0, sizeof *s);
    s->rank = static_cast<uint16_t>(rank);
    s->own = c->nonce ? c->nonce : static_cast<uint16_t>(p->now);
    s->since = s->newest = p->now;
    s->trip = p->tick_us * 8;
    s->ack_due = urgent;
    s->tx = at;
    s->rx = at + p->slot_stride * p->window;
    at = s->rx + p->slot_stride * p->window;
    ++s;
  }
  p->queue = at;
  p->packet = at + (c->forward_slots + 1) * p->packet_stride;
  return DISCO_OK;
}

disco_transport disco_packets_transport(disco_packets *p) {
  return {p, packets_write, packets_read, packets_finish, packets_close, packets_wait, packets_now};
}

void disco_packets_linger(disco_packets *p, uint32_t most_us) {
  look_at_clock(p);
  uint32_t start = p->now, quiet = start;
  uint16_t heard_before = p->heard;
  uint32_t silence = p->tick_us << (p->config->forward_slots ? 8 : 4);
  bool busy = true;
  while (busy && p->now - start < (most_us ? most_us : p->tick_us * 1024)) {
    packets_wait(p, nullptr, p->tick_us);
    if (heard_before != p->heard)
      quiet = p->now;
    heard_before = p->heard;
    busy = p->now - quiet < silence;
    for (uint32_t i = 0; i < p->stream_count; ++i)
      busy |= (p->streams[i].state & (open | lost)) == open && in_flight(&p->streams[i]);
  }
}

#ifdef DISCO_LETTERS
bool disco_packets_post(disco_packets *p, uint32_t rank, const void *data, uint32_t size) {
  if (!find(p, rank) || size > p->config->payload)
    return false;
  header *h = reinterpret_cast<header *>(p->packet);
  memset(h, 0, sizeof(header));
  h->to = static_cast<uint16_t>(rank);
  h->from = static_cast<uint16_t>(p->config->rank | packet_version | packet_letter);
  memcpy(h + 1, data, size);
  return close_packet(p, sizeof(header) + size);
}
#endif

const disco_packets_stats *disco_packets_peer_stats(const disco_packets *p, uint32_t rank) {
  const disco_stream *s = find(p, rank);
  return s ? &s->stats : nullptr;
}

const disco_port_stats *disco_packets_port_stats(const disco_packets *p, uint32_t port) {
  return port < p->config->port_count ? &p->port_stats[port] : nullptr;
}
