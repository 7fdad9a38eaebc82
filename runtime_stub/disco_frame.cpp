//===- disco_frame.cpp - frames, and the texts of errors ------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "disco_impl.h"

#include <string.h>

using namespace disco_impl;

// A hello keeps the CRC of version 1. All others have one that packets do not have, so that damage
// which passes the one does not pass the other.
uint32_t disco_impl::frame_crc(const uint8_t *header, const void *payload, uint32_t size) {
  disco_frame f;
  disco_frame_decode(&f, header);
  f.crc = 0;
  uint32_t (*crc)(uint32_t, const void *, size_t) =
      f.type == DISCO_FRAME_HELLO ? disco_crc32 : disco_crc32c;
  return crc(crc(0, &f, sizeof f), payload, size);
}

// A header lies in memory as it travels: all machines here are little-endian.
static_assert(sizeof(disco_frame) == DISCO_HEADER_SIZE, "no padding");

void disco_frame_decode(disco_frame *frame, const uint8_t *header) {
  memcpy(frame, header, sizeof *frame);
}

void disco_frame_encode(uint8_t *header, const disco_frame *frame, const void *payload) {
  memcpy(header, frame, sizeof *frame);
  store32(header + 24, frame_crc(header, payload, frame->length));
}

disco_frame DISCO_RUNTIME::disco_hello_frame(const uint8_t *build_hash, uint32_t epoch) {
  return {DISCO_MAGIC,
          DISCO_PROTOCOL_VERSION,
          DISCO_FRAME_HELLO,
          load32(build_hash),
          epoch,
          0,
          0xffff,
          0xff,
          0xff,
          DISCO_HELLO_SIZE,
          0,
          0};
}

uint32_t DISCO_RUNTIME::disco_session_id(const uint8_t *lower_nonce, const uint8_t *higher_nonce,
                                         const uint8_t *build_hash) {
  uint32_t crc = disco_crc32c(0, lower_nonce, DISCO_NONCE_SIZE);
  return disco_crc32c(disco_crc32c(crc, higher_nonce, DISCO_NONCE_SIZE), build_hash, 16);
}

int DISCO_RUNTIME::disco_hello_rank(const uint8_t *bytes) {
  disco_frame f;
  disco_frame_decode(&f, bytes);
  if (f.magic != DISCO_MAGIC)
    return DISCO_ERR_MAGIC;
  if (f.type != DISCO_FRAME_HELLO)
    return DISCO_ERR_TYPE;
  if (f.length != DISCO_HELLO_SIZE)
    return DISCO_ERR_LENGTH;
  if (frame_crc(bytes, bytes + DISCO_HEADER_SIZE, DISCO_HELLO_SIZE) != f.crc)
    return DISCO_ERR_CRC;
  return load16(bytes + DISCO_HEADER_SIZE + 16);
}

#ifndef DISCO_NO_TEXT
const char *DISCO_RUNTIME::disco_error_text(int code) {
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
  case DISCO_ERR_SESSION: return "frame of another session";
  case DISCO_ERR_TERMS: return "other terms";
  case DISCO_ERR_FIELD: return "impossible header";
  case DISCO_ERR_SLOW: return "slower than the floor of progress";
  case DISCO_ERR_LIMIT: return "inference over its time limit";
  case DISCO_ERR_PAYLOAD: return "damaged compressed message";
  case DISCO_ERR_BUSY: return "too many inferences in flight";
  default: return "unknown error";
  }
}
#else
const char *DISCO_RUNTIME::disco_error_text(int) { return ""; }
#endif
