//===- packets.cpp - byte streams over links that lose and damage packets -===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/links.md describes the packets and the rules. A node may have a few kilobytes for
// all of its code, so this says things once, and prefers a small loop to a fast one.

#include "packets.h"

#include <string.h>

namespace {

enum header_at : uint32_t {
  at_to = 0,
  at_from = 2,
  at_own = 4,
  at_other = 6,
  at_seq = 8,
  at_ack = 9,
  at_have = 10,
  header_size = 12
};
constexpr uint32_t rank_mask = 0xfff;
enum packet_flag : uint32_t {
  packet_data = 0x1000,
  packet_known = 0x2000,
  packet_version = 0x4000,
  version_mask = 0xc000
};

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
  uint16_t size, order;
};

slot *slot_at(uint8_t *slots, uint32_t stride, uint32_t index) {
  return reinterpret_cast<slot *>(slots + stride * index);
}

uint8_t *bytes_of(slot *s) { return reinterpret_cast<uint8_t *>(s + 1); }

uint32_t load16(const uint8_t *p) { return static_cast<uint32_t>(p[0] | p[1] << 8); }

void store16(uint8_t *p, uint32_t v) {
  p[0] = static_cast<uint8_t>(v);
  p[1] = static_cast<uint8_t>(v >> 8);
}

void look_at_clock(disco_packets *p) {
  p->now = static_cast<uint32_t>(p->config->now_us(p->config->clock_context));
}

disco_stream *find(const disco_packets *p, uint32_t rank) {
  for (uint32_t i = 0; i < p->stream_count; ++i)
    if (p->streams[i].rank == rank)
      return &p->streams[i];
  return nullptr;
}

slot *tx_slot(const disco_packets *p, const disco_stream *s, uint32_t seq) {
  return slot_at(s->tx, p->slot_stride, seq & (p->window - 1u));
}

slot *rx_slot(const disco_packets *p, const disco_stream *s, uint32_t seq) {
  return slot_at(s->rx, p->slot_stride, seq & (p->window - 1u));
}

uint32_t in_flight(const disco_stream *s) { return static_cast<uint8_t>(s->tx_next - s->tx_base); }

//===----------------------------------------------------------------------===//
// Sending
//===----------------------------------------------------------------------===//

// Puts the CRC behind the packet and hands it to the port towards its destination. False: no room.
bool hand_over(disco_packets *p, uint8_t *packet, uint32_t size) {
  const disco_hop &hop = p->config->hops[load16(packet + at_to)];
  const disco_port &port = p->config->ports[hop.port];
  if (port.send(port.context, hop.next, packet, size) == 0)
    return false;
  disco_port_stats &stats = p->port_stats[hop.port];
  ++stats.tx_packets;
  stats.tx_bytes += size;
  return true;
}

// Sends one packet: a segment, or none (null), always with the state of what was received.
bool send_packet(disco_packets *p, disco_stream *s, slot *segment, uint32_t seq) {
  uint8_t *packet = p->packet;
  uint32_t size = header_size, flags = p->config->rank | packet_version;
  if (segment) {
    flags |= packet_data;
    size += segment->size;
    memcpy(packet + header_size, bytes_of(segment), segment->size);
  }
  if (s->state & heard)
    flags |= packet_known;
  store16(packet + at_to, s->rank);
  store16(packet + at_from, flags);
  store16(packet + at_own, s->own);
  store16(packet + at_other, s->other);
  packet[at_seq] = static_cast<uint8_t>(seq);
  packet[at_ack] = s->rx_base;
  store16(packet + at_have, s->have);
  uint32_t crc = disco_crc32(0, packet, size);
  store16(packet + size, crc);
  store16(packet + size + 2, crc >> 16);
  if (!hand_over(p, packet, size + 4))
    return false;
  s->ack_due = 0;
  return true;
}

void send_segments(disco_packets *p, disco_stream *s) {
  for (uint32_t i = 0; s->todo >> i; ++i) {
    if (!(s->todo >> i & 1))
      continue;
    uint32_t seq = s->tx_base + i;
    slot *segment = tx_slot(p, s, seq);
    if (!send_packet(p, s, segment, seq))
      return;
    s->todo = static_cast<uint16_t>(s->todo & ~(1u << i));
    ++*(segment->order ? &s->stats.retransmissions : &s->stats.tx_segments);
    if (++s->order == 0)
      s->order = 1;
    segment->order = s->order;
    s->since = p->now;
    if (s->timed == 0) {
      s->timed = s->order;
      s->timed_at = p->now;
    }
  }
}

// The segment being filled is complete.
void seal(disco_packets *p, disco_stream *s) {
  slot *segment = tx_slot(p, s, s->tx_next);
  segment->size = s->tx_fill;
  segment->order = 0;
  s->todo = static_cast<uint16_t>(s->todo | 1u << in_flight(s));
  s->tx_fill = 0;
  ++s->tx_next;
}

// Nothing was heard of what is under way: the oldest segment that is missing is sent again, or,
// when all are there and only wait for their reader, the oldest, whose answer says how things
// stand. What else was lost shows in the answer.
void look_for_answer(disco_packets *p, disco_stream *s) {
  if (s->todo || ((s->state & open) && s->tx_base == s->tx_next))
    return;
  uint32_t most = p->retry_us * 8, wait = s->trip ? 2 * s->trip + p->retry_us / 8 : p->retry_us;
  wait <<= s->backoff;
  if (p->now - s->since < (wait < most ? wait : most))
    return;
  s->since = p->now;
  if (s->backoff < 3)
    ++s->backoff;
  s->timed = 0;
  if (!(s->state & open)) {
    s->ack_due = urgent;
    return;
  }
  uint32_t missing = ~static_cast<uint32_t>(s->arrived) & ((1u << in_flight(s)) - 1u);
  s->todo = static_cast<uint16_t>(missing ? missing & (0u - missing) : 1u);
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
  s->have = static_cast<uint16_t>(s->have >> 1);
  ++s->rx_base;
  s->rx_pos = 0;
  owe_ack(p, s);
}

// Sends what is due to one peer.
void serve(disco_packets *p, disco_stream *s) {
  if (s->state & lost)
    return;
  if (s->state & closed)
    while (s->have & 1)
      release(p, s);
  while ((s->state & (ending | ended)) == ending && in_flight(s) < p->window) {
    if (s->tx_fill == 0)
      s->state |= ended;
    seal(p, s);
  }
  if (s->state & open)
    send_segments(p, s);
  look_for_answer(p, s);
  if (s->ack_due >= p->window || (s->ack_due && p->now - s->ack_since >= p->retry_us / 8))
    send_packet(p, s, nullptr, 0);
}

//===----------------------------------------------------------------------===//
// Receiving
//===----------------------------------------------------------------------===//

// Whether the packet belongs to the session; makes one, or ends it.
bool check_session(disco_stream *s, const uint8_t *packet) {
  uint16_t own = static_cast<uint16_t>(load16(packet + at_own));
  bool known = (load16(packet + at_from) & packet_known) && load16(packet + at_other) == s->own;
  if (s->state & open) {
    // Who once knew this node and does not any more, or has become another, was started again.
    if (known ? own != s->other : own == s->other && s->stats.rx_segments > greetings)
      s->state |= lost;
  } else {
    s->other = own;
    s->state |= heard;
    if (known)
      s->state |= open;
    s->ack_due = urgent;
    s->backoff = 0;
    return known;
  }
  if (!known)
    s->ack_due = urgent;
  return known && !(s->state & lost);
}

// What the peer has read (all before `ack`) and received (bit i: ack + i).
void take_ack(disco_packets *p, disco_stream *s, uint8_t ack, uint32_t have) {
  uint32_t count = in_flight(s), gone = static_cast<uint8_t>(ack - s->tx_base);
  if (gone > count)
    return; // an old packet
  uint32_t now_there = (have << gone | ((1u << gone) - 1u)) & ((1u << count) - 1u),
           fresh = now_there & ~static_cast<uint32_t>(s->arrived);
  uint16_t newest = 0;
  bool any = false;
  for (uint32_t i = 0; fresh >> i; ++i) {
    uint16_t order = tx_slot(p, s, s->tx_base + i)->order;
    if ((fresh >> i & 1) && (!any || static_cast<int16_t>(order - newest) > 0)) {
      newest = order;
      any = true;
    }
  }
  uint32_t arrived = s->arrived | now_there, todo = s->todo & ~arrived;
  if (any || gone) {
    s->since = p->now;
    s->backoff = 0;
  }
  // Ports keep the order, mostly: what was sent before something that has arrived is lost.
  for (uint32_t i = 0; any && i < count; ++i) {
    uint16_t order = tx_slot(p, s, s->tx_base + i)->order;
    if (!(arrived >> i & 1) && order && static_cast<int16_t>(newest - order) > 0)
      todo |= 1u << i;
  }
  if (any && s->timed && static_cast<int16_t>(newest - s->timed) >= 0) {
    uint32_t trip = p->now - s->timed_at, most = p->retry_us * 8;
    if (trip > most)
      trip = most;
    s->trip = s->trip ? s->trip - s->trip / 4 + trip / 4 : trip;
    s->timed = 0;
  }
  s->arrived = static_cast<uint16_t>(arrived >> gone);
  s->todo = static_cast<uint16_t>(todo >> gone);
  s->tx_base = ack;
}

void take_segment(disco_packets *p, disco_stream *s, uint8_t seq, const uint8_t *data,
                  uint32_t size) {
  uint32_t ahead = static_cast<uint8_t>(seq - s->rx_base);
  if (ahead >= p->window || (s->have >> ahead & 1)) {
    ++s->stats.repeated;
    s->ack_due = urgent;
    return;
  }
  slot *to = rx_slot(p, s, seq);
  to->size = static_cast<uint16_t>(size);
  memcpy(bytes_of(to), data, size);
  s->have = static_cast<uint16_t>(s->have | 1u << ahead);
  ++s->stats.rx_segments;
  owe_ack(p, s);
  if (s->have & (s->have + 1u)) // something before it is missing
    s->ack_due = urgent;
}

slot *queue_slot(const disco_packets *p, uint32_t index) {
  uint32_t count = p->config->forward_slots + 1, at = p->queue_head + index;
  return slot_at(p->queue, p->packet_stride, at < count ? at : at - count);
}

void forward(disco_packets *p) {
  while (p->queue_size) {
    slot *first = queue_slot(p, 0);
    if (!hand_over(p, bytes_of(first), first->size))
      return;
    --p->queue_size;
    if (p->queue_head++ == p->config->forward_slots)
      p->queue_head = 0;
  }
}

// A packet lies behind the queue.
void take_packet(disco_packets *p, disco_port_stats *stats, slot *at, uint32_t size) {
  const disco_packets_config *c = p->config;
  uint8_t *packet = bytes_of(at);
  ++stats->rx_packets;
  stats->rx_bytes += size;
  uint32_t to = load16(packet + at_to), from = load16(packet + at_from);
  bool sound = size >= DISCO_PACKET_OVERHEAD && (from & version_mask) == packet_version;
  if (sound) {
    uint32_t crc = disco_crc32(0, packet, size - 4);
    sound = load16(packet + size - 4) == (crc & 0xffff) && load16(packet + size - 2) == crc >> 16;
  }
  disco_stream *s = find(p, from & rank_mask);
  if (!sound || (to == c->rank ? !s : to >= c->nodes || c->hops[to].port == DISCO_NO_PORT)) {
    ++stats->damaged;
    return;
  }
  ++p->heard;
  if (to != c->rank) {
    if (p->queue_size == c->forward_slots) {
      ++stats->dropped;
      return;
    }
    at->size = static_cast<uint16_t>(size);
    ++p->queue_size;
    ++stats->forwarded;
    return forward(p);
  }
  if ((s->state & lost) || !check_session(s, packet))
    return;
  take_ack(p, s, packet[at_ack], load16(packet + at_have));
  if (from & packet_data)
    take_segment(p, s, packet[at_seq], packet + header_size, size - DISCO_PACKET_OVERHEAD);
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
  forward(p);
  for (uint32_t i = 0; i < p->stream_count; ++i)
    serve(p, &p->streams[i]);
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
  size_t done = 0;
  while (done < size && in_flight(s) < p->window) {
    size_t n = p->config->payload - static_cast<size_t>(s->tx_fill);
    if (n > size - done)
      n = size - done;
    memcpy(bytes_of(tx_slot(p, s, s->tx_next)) + s->tx_fill, from + done, n);
    s->tx_fill = static_cast<uint16_t>(s->tx_fill + n);
    done += n;
    if (s->tx_fill == p->config->payload || (done == size && !more))
      seal(p, s);
  }
  look_at_clock(p);
  serve(p, s);
  return static_cast<int32_t>(done);
}

// Reads what has come in order.
size_t take_bytes(disco_packets *p, disco_stream *s, uint8_t *to, size_t size) {
  size_t done = 0;
  while (done < size && (s->have & 1)) {
    slot *first = rx_slot(p, s, s->rx_base);
    size_t n = first->size - static_cast<size_t>(s->rx_pos);
    if (first->size == 0) // the end
      s->state |= over;
    if (n > size - done)
      n = size - done;
    memcpy(to + done, bytes_of(first) + s->rx_pos, n);
    done += n;
    s->rx_pos = static_cast<uint16_t>(s->rx_pos + n);
    if (s->rx_pos == first->size)
      release(p, s);
  }
  return done;
}

int32_t packets_read(void *context, uint32_t peer, void *data, size_t size) {
  disco_packets *p = static_cast<disco_packets *>(context);
  disco_stream *s = find(p, peer);
  if (!s || (s->state & closed))
    return DISCO_IO_LOST;
  uint8_t *to = static_cast<uint8_t *>(data);
  size_t done = take_bytes(p, s, to, size);
  if (done == 0) {
    pump(p);
    done = take_bytes(p, s, to, size);
  }
  if (done)
    return static_cast<int32_t>(done);
  if (s->state & over)
    return DISCO_IO_END;
  return s->state & lost ? static_cast<int32_t>(DISCO_IO_LOST) : 0;
}

void packets_finish(void *context, uint32_t peer) {
  disco_packets *p = static_cast<disco_packets *>(context);
  if (disco_stream *s = find(p, peer)) {
    s->state |= ending;
    serve(p, s);
  }
}

void packets_close(void *context, uint32_t peer) {
  disco_packets *p = static_cast<disco_packets *>(context);
  if (disco_stream *s = find(p, peer)) {
    s->state |= ending | closed;
    serve(p, s);
  }
}

void packets_wait(void *context, const disco_peer *, uint64_t timeout_us) {
  disco_packets *p = static_cast<disco_packets *>(context);
  uint32_t before = p->heard, tick = p->retry_us / 8;
  pump(p);
  if (before == p->heard)
    p->config->idle(p->config->clock_context, timeout_us < tick ? timeout_us : tick);
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
  p->retry_us = c->retry_us ? c->retry_us : 50000;
  for (p->window = 16; p->window > c->window;)
    p->window = static_cast<uint16_t>(p->window / 2);
  p->slot_stride = static_cast<uint32_t>(sizeof(slot)) + ((c->payload + 3u) & ~3u);
  p->packet_stride = p->slot_stride + DISCO_PACKET_OVERHEAD;
  bool ok = p->window && c->payload && c->nodes <= DISCO_PACKET_NODES &&
            c->port_count <= DISCO_PACKET_PORTS;
  for (uint32_t i = 0; ok && i < c->port_count; ++i)
    ok = c->ports[i].mtu >= c->payload + DISCO_PACKET_OVERHEAD;
  look_at_clock(p);
  p->streams = reinterpret_cast<disco_stream *>(c->memory);
  for (uint32_t rank = 0; ok && rank < c->nodes; ++rank) {
    if (rank == c->rank || c->hops[rank].port == DISCO_NO_PORT)
      continue;
    ok = c->hops[rank].port < c->port_count &&
         disco_packets_bytes(p->stream_count + 1u, c->payload, p->window, c->forward_slots) <=
             c->memory_bytes;
    if (!ok)
      break;
    disco_stream *s = &p->streams[p->stream_count++];
    memset(s, 0, sizeof *s);
    s->rank = static_cast<uint16_t>(rank);
    s->own = c->nonce ? c->nonce : static_cast<uint16_t>(p->now | 1);
    s->since = p->now;
    s->ack_due = urgent;
  }
  uint8_t *at = reinterpret_cast<uint8_t *>(p->streams + p->stream_count);
  for (uint32_t i = 0; i < p->stream_count; ++i) {
    p->streams[i].tx = at;
    p->streams[i].rx = at + p->slot_stride * p->window;
    at += 2 * p->slot_stride * p->window;
  }
  p->queue = at;
  p->packet = at + (c->forward_slots + 1) * p->packet_stride;
  return ok && p->stream_count ? static_cast<int>(DISCO_OK) : static_cast<int>(DISCO_ERR_USAGE);
}

disco_transport disco_packets_transport(disco_packets *p) {
  return {p, packets_write, packets_read, packets_finish, packets_close, packets_wait, packets_now};
}

void disco_packets_linger(disco_packets *p, uint64_t most_us) {
  uint64_t start = packets_now(p), quiet = start, longest = most_us ? most_us : p->retry_us * 64ull;
  for (;;) {
    uint32_t before = p->heard;
    packets_wait(p, nullptr, longest);
    uint64_t now = packets_now(p);
    if (before != p->heard)
      quiet = now;
    bool busy =
        p->queue_size || now - quiet < p->retry_us * (p->config->forward_slots ? 16ull : 1ull);
    for (uint32_t i = 0; i < p->stream_count; ++i) {
      const disco_stream *s = &p->streams[i];
      busy |= (s->state & (open | lost)) == open && s->tx_base != s->tx_next;
    }
    if (!busy || now - start >= longest)
      return;
  }
}

const disco_packets_stats *disco_packets_peer_stats(const disco_packets *p, uint32_t rank) {
  const disco_stream *s = find(p, rank);
  return s ? &s->stats : nullptr;
}

const disco_port_stats *disco_packets_port_stats(const disco_packets *p, uint32_t port) {
  return port < p->config->port_count ? &p->port_stats[port] : nullptr;
}
