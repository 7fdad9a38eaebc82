//===- wire_zfp.h - messages compressed by zfp, on hosts ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Form 5 of a payload, of f32 and f64: 4 bytes of head; then, packed, a stream of zfp of an array
// of up to three dimensions, reversible or of a fixed precision; else the message as it is. zfp
// uses malloc.
#ifndef DISCO_KERNELS_WIRE_ZFP_H
#define DISCO_KERNELS_WIRE_ZFP_H

#include "wire_head.h"

#include <stdlib.h>
#include <zfp.h>

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// The array of a message, the fastest dimension first; 1 where it has fewer. `precision`: bit
/// planes that are kept; 0: all bits stay.
struct zfp_shape {
  uint32_t x, y, z, precision;
};

/// What zfp works with. It reads and writes words of 8 bytes, also behind the end of a damaged
/// stream, so it has memory of its own, as long as the longest stream.
struct zfp_work {
  zfp_field *field;
  zfp_stream *stream;
  bitstream *bits;
  void *memory;
  size_t capacity;
};

inline void close_zfp(zfp_work *w) {
  if (w->bits)
    stream_close(w->bits);
  if (w->stream)
    zfp_stream_close(w->stream);
  if (w->field)
    zfp_field_free(w->field);
  free(w->memory);
}

/// False: there is no memory. close_zfp in any case.
inline bool open_zfp(zfp_work *w, void *plain, zfp_type type, zfp_shape shape) {
  *w = {};
  w->field = shape.z > 1   ? zfp_field_3d(plain, type, shape.x, shape.y, shape.z)
             : shape.y > 1 ? zfp_field_2d(plain, type, shape.x, shape.y)
                           : zfp_field_1d(plain, type, shape.x);
  w->stream = zfp_stream_open(nullptr);
  if (!w->field || !w->stream)
    return false;
  if (shape.precision)
    zfp_stream_set_precision(w->stream, shape.precision);
  else
    zfp_stream_set_reversible(w->stream);
  w->capacity = zfp_stream_maximum_size(w->stream, w->field);
  w->memory = calloc(1, w->capacity + 64);
  w->bits = w->memory ? stream_open(w->memory, w->capacity) : nullptr;
  if (!w->bits)
    return false;
  zfp_stream_set_bit_stream(w->stream, w->bits);
  zfp_stream_rewind(w->stream);
  return true;
}

template <class T> zfp_type zfp_type_of() {
  return sizeof(T) == 4 ? zfp_type_float : zfp_type_double;
}

template <class T> bool all_finite(const uint8_t *plain, uint32_t bytes) {
  T x;
  for (uint32_t i = 0; i < bytes; i += (uint32_t)sizeof x) {
    memcpy(&x, plain + i, sizeof x);
    if (!(x - x == 0))
      return false;
  }
  return true;
}

/// Packs `bytes` of plain, elements of type T, into at most 4 bytes more; returns how many.
template <class T>
uint32_t zfp_pack(uint8_t *wire, const uint8_t *plain, uint32_t bytes, zfp_shape shape) {
  if (shape.precision && !all_finite<T>(plain, bytes))
    return put_raw(wire, plain, bytes);
  zfp_work w;
  size_t size = 0;
  if (open_zfp(&w, const_cast<uint8_t *>(plain), zfp_type_of<T>(), shape))
    size = zfp_compress(w.stream, w.field);
  const bool smaller = size > 0 && size < bytes;
  if (smaller)
    memcpy(wire + wire_head_bytes, w.memory, size);
  close_zfp(&w);
  if (!smaller)
    return put_raw(wire, plain, bytes);
  put_wire_head(wire, true, 0);
  return wire_head_bytes + (uint32_t)size;
}

/// False: this is no message of so many bytes.
template <class T>
bool zfp_unpack(uint8_t *plain, uint32_t bytes, const uint8_t *wire, uint32_t size,
                zfp_shape shape) {
  if (!wire_head_ok(wire, size) || wire[1])
    return false;
  if (!wire[0])
    return take_raw(plain, bytes, wire, size);
  zfp_work w;
  const size_t packed = size - wire_head_bytes;
  bool good = open_zfp(&w, plain, zfp_type_of<T>(), shape) && packed <= w.capacity;
  if (good) {
    memcpy(w.memory, wire + wire_head_bytes, packed);
    good = zfp_decompress(w.stream, w.field) == packed;
  }
  close_zfp(&w);
  return good;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif // DISCO_KERNELS_WIRE_ZFP_H
