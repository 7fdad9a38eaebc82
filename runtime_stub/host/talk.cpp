//===- talk.cpp - what a program says to the person who started it --------===//
// SPDX-License-Identifier: Apache-2.0

#include "talk.h"
#include "text.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

namespace {

using ull = unsigned long long;

// Whom a program waits for is said when that takes longer than starting does.
constexpr uint64_t first_us = 300000, every_us = 10000000;
constexpr uint32_t named_most = 8; // of those that are awaited

uint64_t clock_us() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}

// A line that is put together; what does not fit is left out.
struct line {
  char text[1200];
  size_t size;
};

[[gnu::format(printf, 2, 3)]] void put(line *l, const char *format, ...) {
  const size_t room = sizeof l->text - 1 - l->size;
  va_list values;
  va_start(values, format);
  const int n = vsnprintf(l->text + l->size, room + 1, format, values);
  va_end(values);
  l->size += n < 0 ? 0 : static_cast<size_t>(n) < room ? static_cast<size_t>(n) : room;
}

// What is known of a peer that is not there.
void put_missing(line *l, const disco_talk *talk, uint32_t peer) {
  const disco_program *p = talk->session->program;
  const char *address = peer < p->rank && talk->addresses ? talk->addresses[peer] : nullptr;
  const char *why = talk->trouble ? talk->trouble(talk->transport, peer) : nullptr;
  put(l, "rank %u", peer);
  if (address && strcmp(address, "0") != 0)
    put(l, " at %s", address);
  if (why)
    put(l, " (%s)", why);
}

void say_awaited(const disco_talk *talk, const disco_peer *peers) {
  const disco_program *p = talk->session->program;
  line l = {};
  uint32_t missing = 0;
  put(&l, "rank %u: waits for ", p->rank);
  for (uint32_t peer = 0; peer < p->nodes; ++peer) {
    if (peer == p->rank || peers[peer].session != 0 || missing++ >= named_most)
      continue;
    put(&l, "%s", missing > 1 ? ", " : "");
    put_missing(&l, talk, peer);
  }
  if (missing > named_most)
    put(&l, ", and %u more", missing - named_most);
  if (missing > 0)
    disco_print_note(l.text);
}

int32_t talk_write(void *context, uint32_t peer, const void *data, size_t size, bool more) {
  const disco_transport &t = static_cast<disco_talk *>(context)->inner;
  return t.write(t.context, peer, data, size, more);
}

int32_t talk_read(void *context, uint32_t peer, void *data, size_t size) {
  const disco_transport &t = static_cast<disco_talk *>(context)->inner;
  return t.read(t.context, peer, data, size);
}

void talk_finish(void *context, uint32_t peer) {
  const disco_transport &t = static_cast<disco_talk *>(context)->inner;
  t.finish(t.context, peer);
}

void talk_shut(void *context, uint32_t peer) {
  const disco_transport &t = static_cast<disco_talk *>(context)->inner;
  t.close(t.context, peer);
}

uint64_t talk_now(void *context) {
  const disco_transport &t = static_cast<disco_talk *>(context)->inner;
  return t.now_us(t.context);
}

void talk_wait(void *context, const disco_peer *peers, uint64_t timeout_us) {
  disco_talk *talk = static_cast<disco_talk *>(context);
  const disco_transport &t = talk->inner;
  const uint64_t now = clock_us();
  if (now >= talk->next_us) {
    say_awaited(talk, peers);
    talk->next_us = now + every_us;
  }
  const uint64_t left = talk->next_us - now;
  t.wait(t.context, peers, timeout_us < left ? timeout_us : left);
}

// All have said hello: the session speaks with its transport itself.
void talk_started(void *context) {
  disco_talk *talk = static_cast<disco_talk *>(context);
  disco_session *s = talk->session;
  s->config.transport = talk->inner;
  talk->began_us = clock_us();
  line l = {};
  put(&l, "rank %u: all %u nodes are there", s->program->rank, s->program->nodes);
  disco_print_note(l.text);
}

void say_listening(const disco_talk *talk) {
  const disco_program *p = talk->session->program;
  const uint16_t port = talk->port;
  if (port == 0 || p->rank + 1 == p->nodes)
    return;
  line l = {};
  put(&l, "rank %u: listens on ", p->rank);
  // The host that was asked for, and the port that there is.
  const char *colon = talk->listen ? strrchr(talk->listen, ':') : nullptr;
  if (!talk->listen)
    put(&l, "an inherited socket, port %u", port);
  else if (colon && colon != talk->listen)
    put(&l, "%.*s:%u", static_cast<int>(colon - talk->listen), talk->listen, port);
  else
    put(&l, "127.0.0.1:%u", port);
  disco_print_note(l.text);
}

} // namespace

disco_transport disco_talk_open(disco_talk *talk, disco_transport inner) {
  disco_session *s = talk->session;
  talk->inner = inner;
  talk->began_us = clock_us();
  talk->next_us = talk->began_us + first_us;
  if (s->program->nodes == 1)
    return inner;
  say_listening(talk);
  s->started = talk_started;
  s->started_context = talk;
  return {talk, talk_write, talk_read, talk_finish, talk_shut, talk_wait, talk_now};
}

void disco_talk_close(const disco_talk *talk) {
  const disco_session *s = talk->session;
  const disco_program *p = s->program;
  if (s->exit_code)
    return;
  const double seconds = static_cast<double>(clock_us() - talk->began_us) / 1e6;
  line l = {};
  put(&l, "rank %u: done, %llu %s in %.3f s", p->rank, static_cast<ull>(s->done),
      s->done == 1 ? "inference" : "inferences", seconds);
  uint64_t bytes = 0, messages = 0;
  for (uint32_t peer = 0; p->nodes > 1 && peer < p->nodes; ++peer)
    if (const disco_stats *t = disco_peer_stats(&s->node, peer)) {
      bytes += t->tx_payload;
      messages += t->tx_messages;
    }
  if (p->nodes > 1)
    put(&l, ", sent %llu bytes in %llu messages", static_cast<ull>(bytes),
        static_cast<ull>(messages));
  if (s->writes && p->output_count > 0)
    put(&l, "; outputs in %s", s->options->output_dir);
  disco_print_note(l.text);
}
