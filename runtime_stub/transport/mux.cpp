//===- mux.cpp - one transport out of two ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "mux.h"

namespace {

const disco_transport &of(void *context, uint32_t peer) {
  const disco_mux *m = static_cast<disco_mux *>(context);
  return m->use_second[peer] ? m->second : m->first;
}

int32_t mux_write(void *context, uint32_t peer, const void *data, size_t size, bool more) {
  const disco_transport &t = of(context, peer);
  return t.write(t.context, peer, data, size, more);
}

int32_t mux_read(void *context, uint32_t peer, void *data, size_t size) {
  const disco_transport &t = of(context, peer);
  return t.read(t.context, peer, data, size);
}

void mux_finish(void *context, uint32_t peer) {
  const disco_transport &t = of(context, peer);
  t.finish(t.context, peer);
}

void mux_close(void *context, uint32_t peer) {
  const disco_transport &t = of(context, peer);
  t.close(t.context, peer);
}

void mux_wait(void *context, const disco_peer *peers, uint64_t timeout_us) {
  const disco_mux *m = static_cast<disco_mux *>(context);
  uint64_t slice = timeout_us < m->slice_us ? timeout_us : m->slice_us;
  m->second.wait(m->second.context, peers, 0);
  m->first.wait(m->first.context, peers, slice);
}

uint64_t mux_now(void *context) {
  const disco_mux *m = static_cast<disco_mux *>(context);
  return m->first.now_us(m->first.context);
}

} // namespace

disco_transport disco_mux_transport(disco_mux *m) {
  return {m, mux_write, mux_read, mux_finish, mux_close, mux_wait, mux_now};
}
