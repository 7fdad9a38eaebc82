//===- lane.h - messages of one direction, in memory that both ends see ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Places of equal size in a circle: the sender fills them one after the other, the receiver accepts
// them in that order and frees them in any. Both ends may be in different processes: a place is
// handed over by its state alone. For transports; emitted code does not see it.

#ifndef DISCO_TRANSPORT_LANE_H
#define DISCO_TRANSPORT_LANE_H

#include "../disco.h"

#include <string.h>

inline namespace DISCO_RUNTIME {

enum disco_lane_state : uint32_t { DISCO_PLACE_FREE, DISCO_PLACE_FULL, DISCO_PLACE_HELD };

// A place of one message. The sender makes it full, with release order, once all of it is there;
// the receiver makes it held and free.
struct disco_lane_place {
  uint8_t header[DISCO_HEADER_SIZE];
  uint32_t bytes;
  uint32_t state;
  uint8_t unused[24]; // a place has a line of the cache of its own
};

// What one end knows of a lane.
struct disco_lane {
  disco_lane_place *places;
  uint8_t *payloads;
  size_t stride;  // bytes from one payload to the next
  uint32_t count; // of places
  uint32_t next;  // to be filled, or to be accepted
};

constexpr size_t disco_lane_alignment = 64; // of payloads, and of a lane's memory

// Bytes from one payload to the next. A payload takes a byte at least, so that their addresses
// differ.
inline size_t disco_lane_stride(uint32_t bytes) {
  const size_t least = bytes ? bytes : 1;
  return (least + disco_lane_alignment - 1) / disco_lane_alignment * disco_lane_alignment;
}

// Memory of a lane for messages of at most `bytes`.
inline size_t disco_lane_memory(uint32_t count, uint32_t bytes) {
  return count * (sizeof(disco_lane_place) + disco_lane_stride(bytes));
}

// An end of the lane in zeroed memory.
inline disco_lane disco_lane_at(void *memory, uint32_t count, uint32_t bytes) {
  uint8_t *at = static_cast<uint8_t *>(memory);
  return {static_cast<disco_lane_place *>(memory), at + count * sizeof(disco_lane_place),
          disco_lane_stride(bytes), count, 0};
}

inline disco_lane_state disco_lane_state_of(const disco_lane_place *p) {
  return static_cast<disco_lane_state>(__atomic_load_n(&p->state, __ATOMIC_ACQUIRE));
}

inline void disco_lane_set(disco_lane_place *p, disco_lane_state state) {
  __atomic_store_n(&p->state, static_cast<uint32_t>(state), __ATOMIC_RELEASE);
}

inline void disco_lane_step(disco_lane *l) { l->next = l->next + 1 == l->count ? 0 : l->next + 1; }

// Where the next message may be written; null: there is no place now, or it would not fit.
inline void *disco_lane_free(const disco_lane *l, uint32_t bytes) {
  if (l->count == 0 || bytes > l->stride ||
      disco_lane_state_of(&l->places[l->next]) != DISCO_PLACE_FREE)
    return nullptr;
  return l->payloads + l->next * l->stride;
}

// Gives the next place, in which the payload lies, to the receiver.
inline void disco_lane_fill(disco_lane *l, const uint8_t *header, uint32_t bytes) {
  disco_lane_place *p = &l->places[l->next];
  memcpy(p->header, header, sizeof p->header);
  p->bytes = bytes;
  disco_lane_set(p, DISCO_PLACE_FULL);
  disco_lane_step(l);
}

// The next message that has come. False: there is none.
inline bool disco_lane_look(const disco_lane *l, disco_mail *mail) {
  const disco_lane_place *p = &l->places[l->next];
  if (l->count == 0 || disco_lane_state_of(p) != DISCO_PLACE_FULL)
    return false;
  *mail = {p->header, l->payloads + l->next * l->stride, p->bytes};
  return true;
}

inline void disco_lane_accept(disco_lane *l) {
  disco_lane_set(&l->places[l->next], DISCO_PLACE_HELD);
  disco_lane_step(l);
}

inline void disco_lane_release(const disco_lane *l, const void *payload) {
  const size_t at = static_cast<size_t>(static_cast<const uint8_t *>(payload) - l->payloads);
  disco_lane_set(&l->places[at / l->stride], DISCO_PLACE_FREE);
}

} // namespace DISCO_RUNTIME

#endif // DISCO_TRANSPORT_LANE_H
