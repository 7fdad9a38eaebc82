//===- wires.cpp - main program of a shard with wires, on a POSIX host ----===//
// SPDX-License-Identifier: Apache-2.0

#include "wires.h"

#include "../transport/mux.h"
#include "../transport/serial.h"
#include "host_main.h"
#include "packet_report.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace {

constexpr uint32_t slice_us = 500; // how long TCP waits before the wires are looked at again

struct state {
  const disco_program *program;
  const disco_host_wires *wires;
  disco_serial *serials[DISCO_PACKET_PORTS];
  disco_port ports[DISCO_PACKET_PORTS];
  disco_packets_config config;
  disco_packets packets;
  disco_mux mux;
  uint8_t *by_tcp; // by rank
  bool opened;
};

state *from(void *context) { return static_cast<state *>(context); }

bool carries(void *context, uint32_t peer) {
  return from(context)->wires->hops[peer].port != DISCO_NO_PORT;
}

// The address that --wire gives the port; the last one counts. Null: none.
const char *address_of(const char *port, const disco_options *o) {
  const char *found = nullptr;
  size_t n = strlen(port);
  for (uint32_t i = 0; i < o->wire_count; ++i)
    if (strncmp(o->wires[i], port, n) == 0 && o->wires[i][n] == '=')
      found = o->wires[i] + n + 1;
  return found;
}

bool check_names(const state *s, const disco_options *o, char *error, size_t error_size) {
  for (uint32_t i = 0; i < o->wire_count; ++i) {
    bool known = false;
    for (uint32_t k = 0; k < s->wires->port_count; ++k) {
      size_t n = strlen(s->wires->ports[k]);
      known |= strncmp(o->wires[i], s->wires->ports[k], n) == 0 && o->wires[i][n] == '=';
    }
    if (known)
      continue;
    snprintf(error, error_size, "--wire %s: not PORT=ADDRESS with a port of this node",
             o->wires[i]);
    return false;
  }
  return true;
}

void idle(void *context, uint64_t us) {
  state *s = from(context);
  if (us)
    disco_serial_wait(s->serials, s->wires->port_count, us);
}

bool open_packets(state *s) {
  const disco_host_wires *w = s->wires;
  uint32_t peers = 0;
  for (uint32_t i = 0; i < s->program->nodes; ++i)
    peers += i != s->program->rank && w->hops[i].port != DISCO_NO_PORT;
  disco_packets_config *c = &s->config;
  c->rank = static_cast<uint16_t>(s->program->rank);
  c->nodes = static_cast<uint16_t>(s->program->nodes);
  c->ports = s->ports;
  c->port_count = w->port_count;
  c->hops = w->hops;
  c->payload = w->payload;
  c->window = w->window;
  c->memory_bytes = disco_packets_bytes(peers, w->payload, w->window, w->forward_slots);
  c->memory = static_cast<uint8_t *>(malloc(c->memory_bytes));
  c->forward_slots = w->forward_slots;
  c->retry_us = w->retry_us;
  disco_host_nonce(&c->nonce, sizeof c->nonce);
  c->nonce |= 1; // 0 would be none
  c->now_us = disco_serial_now;
  c->idle = idle;
  c->clock_context = s;
  s->by_tcp = static_cast<uint8_t *>(calloc(s->program->nodes, 1));
  return c->memory && s->by_tcp && disco_packets_init(&s->packets, c) == DISCO_OK;
}

bool open(void *context, const disco_options *o, char *error, size_t error_size) {
  state *s = from(context);
  const disco_host_wires *w = s->wires;
  if (!check_names(s, o, error, error_size))
    return false;
  for (uint32_t i = 0; i < w->port_count; ++i) {
    const char *address = address_of(w->ports[i], o);
    if (!address) {
      snprintf(error, error_size, "port %s: --wire %s=ADDRESS must say where it leads", w->ports[i],
               w->ports[i]);
      return false;
    }
    s->serials[i] = disco_serial_create(address, w->payload + DISCO_PACKET_OVERHEAD, w->bauds[i],
                                        error, error_size);
    if (!s->serials[i])
      return false;
    s->ports[i] = disco_serial_port(s->serials[i]);
  }
  s->opened = open_packets(s);
  if (!s->opened)
    snprintf(error, error_size, "the wires of this node cannot be used as planned");
  return s->opened;
}

disco_transport join(void *context, const disco_transport *others) {
  state *s = from(context);
  disco_transport packets = disco_packets_transport(&s->packets);
  if (!others)
    return packets;
  for (uint32_t i = 0; i < s->program->nodes; ++i)
    s->by_tcp[i] = !carries(s, i);
  s->mux = {packets, *others, s->by_tcp, slice_us};
  return disco_mux_transport(&s->mux);
}

void linger(void *context) { disco_packets_linger(&from(context)->packets, 0); }

void describe(void *context, FILE *to) { disco_print_packets(&from(context)->packets, to); }

void close(void *context) {
  state *s = from(context);
  for (disco_serial *serial : s->serials)
    disco_serial_destroy(serial);
  free(s->config.memory);
  free(s->by_tcp);
}

} // namespace

int disco_host_main_wired(int argc, char **argv, const disco_program *program, const char *peers,
                          const disco_host_wires *wires) {
  state s = {};
  s.program = program;
  s.wires = wires;
  const uint32_t two_windows = 2u * wires->window * wires->payload;
  disco_host_links links = {&s,       carries, open,         join,       linger,
                            describe, close,   wires->floor, two_windows};
  return disco_host_run(argc, argv, program, peers, &links);
}
