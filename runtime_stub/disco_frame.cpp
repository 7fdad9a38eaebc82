//===- disco_frame.cpp - frames, and the texts of errors ------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "disco_impl.h"

#include <string.h>

using namespace disco_impl;

// CRC of a header as if its CRC field were 0.
uint32_t disco_impl::header_crc(const uint8_t *header) {
  disco_frame f;
  disco_frame_decode(&f, header);
  f.crc = 0;
  return disco_crc32(0, &f, sizeof f);
}

// A header lies in memory as it travels: all machines here are little-endian.
static_assert(sizeof(disco_frame) == DISCO_HEADER_SIZE, "no padding");

void disco_frame_decode(disco_frame *frame, const uint8_t *header) {
  memcpy(frame, header, sizeof *frame);
}

void disco_frame_encode(uint8_t *header, const disco_frame *frame, const void *payload) {
  memcpy(header, frame, sizeof *frame);
  store32(header + 24, disco_crc32(header_crc(header), payload, frame->length));
}

int disco_hello_rank(const uint8_t *bytes) {
  disco_frame f;
  disco_frame_decode(&f, bytes);
  if (f.magic != DISCO_MAGIC)
    return DISCO_ERR_MAGIC;
  if (f.type != DISCO_FRAME_HELLO)
    return DISCO_ERR_TYPE;
  if (f.length != DISCO_HELLO_SIZE)
    return DISCO_ERR_LENGTH;
  if (disco_crc32(header_crc(bytes), bytes + DISCO_HEADER_SIZE, DISCO_HELLO_SIZE) != f.crc)
    return DISCO_ERR_CRC;
  return load16(bytes + DISCO_HEADER_SIZE + 16);
}

#ifndef DISCO_NO_TEXT
const char *disco_error_text(int code) {
  switch (code) {
  case DISCO_OK: return "no error";
  case DISCO_ERR_USAGE: return "wrong use of the runtime";
  case DISCO_ERR_START: return "not reached before the start deadline";
  case DISCO_ERR_DEADLINE: return "silent until the deadline";
  case DISCO_ERR_LOST: return "connection lost";
  case DISCO_ERR_LEFT: return "left in the middle of an inference";
  case DISCO_ERR_END: return "session ended";
  case DISCO_ERR_MAGIC: return "not a frame";
  case DISCO_ERR_VERSION: return "other protocol version";
  case DISCO_ERR_TYPE: return "unexpected type of frame";
  case DISCO_ERR_BUILD: return "shard of another build";
  case DISCO_ERR_TOPOLOGY: return "other rank or number of nodes";
  case DISCO_ERR_EPOCH: return "other epoch";
  case DISCO_ERR_SEQUENCE: return "frame of another inference";
  case DISCO_ERR_MESSAGE: return "unexpected message";
  case DISCO_ERR_LENGTH: return "message of wrong length";
  case DISCO_ERR_CRC: return "damaged frame";
  case DISCO_ERR_TRANSPORT: return "transport failed";
  case DISCO_ERR_ABORTED: return "gave up";
  default: return "unknown error";
  }
}
#else
const char *disco_error_text(int) { return ""; }
#endif
