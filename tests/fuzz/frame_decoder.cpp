//===- frame_decoder.cpp - a node that is fed arbitrary bytes -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// LLVMFuzzerTestOneInput plays the peers of a node. With -DDISCO_FUZZ_MAIN it is a program of its
// own: `frame_decoder FILE...` runs files, `frame_decoder --runs N [--seed S]` runs N random inputs
// made from good frames by damaging them.

#include "disco.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr uint32_t nodes = 3;
constexpr uint32_t most = 300; // bytes of a message

const disco_message messages[] = {{10, 1, 1, 40}, {11, 2, 1, most}, {20, 1, 0, 16},
                                  {12, 1, 1, 8},  {13, 2, 1, 0},    {21, 2, 0, 100}};
constexpr uint32_t message_count = sizeof messages / sizeof *messages;

const uint8_t *input;
size_t input_size, input_at;
uint64_t clock_us;

// The input tells in turn how many bytes come from which peer: a byte whose lowest bit is the peer,
// the others the count.
uint32_t ready[nodes];

uint8_t next_byte() { return input_at < input_size ? input[input_at++] : 0; }

int32_t fuzz_read(void *, uint32_t peer, void *data, size_t size) {
  if (ready[peer] == 0 && input_at < input_size) {
    uint8_t b = next_byte();
    ready[1 + (b & 1)] += b >> 1;
  }
  if (ready[peer] == 0)
    return input_at < input_size
               ? 0
               : static_cast<int32_t>(clock_us & 64 ? DISCO_IO_LOST : DISCO_IO_END);
  size_t n = size < ready[peer] ? size : ready[peer];
  n = n < input_size - input_at ? n : input_size - input_at;
  if (n > 0)
    memcpy(data, input + input_at, n);
  input_at += n;
  ready[peer] = n == 0 ? 0 : ready[peer] - static_cast<uint32_t>(n);
  return static_cast<int32_t>(n);
}

int32_t fuzz_write(void *, uint32_t peer, const void *data, size_t size, bool) {
  // Reads all of it, so that the sanitizers see what is uninitialised or out of bounds.
  uint32_t crc = disco_crc32(peer, data, size);
  if (crc % 13 == 0)
    return 0;
  return crc % 997 == 1 ? static_cast<int32_t>(DISCO_IO_LOST)
                        : static_cast<int32_t>(size - crc % size / 2);
}

void fuzz_nothing(void *, uint32_t) {}
void fuzz_wait(void *, const disco_peer *peers, uint64_t timeout_us) {
  clock_us += disco_wants(peers, 1) ? timeout_us / 3 + 1 : timeout_us;
}
uint64_t fuzz_now(void *) { return ++clock_us; }

void check(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "failed: %s\n", what);
  abort();
}

int infer(disco_node *n, const void *const *, void *const *) {
  static uint8_t in[4][most + 8], out[100];
  memset(in, 0xee, sizeof in);
  int code = disco_begin(n);
  if (!code)
    code = disco_post(n, 0, in[0]);
  if (!code)
    code = disco_post(n, 1, in[1]);
  if (!code)
    code = disco_send(n, 2, out);
  if (!code)
    code = disco_wait(n, 0);
  if (!code)
    code = disco_post(n, 3, in[2]);
  if (!code)
    code = disco_flush(n, 2);
  if (!code)
    code = disco_wait(n, 1);
  if (!code)
    code = disco_post(n, 4, in[3]);
  if (!code)
    code = disco_send(n, 5, out);
  if (!code)
    code = disco_pump(n);
  if (!code)
    code = disco_wait(n, 4);
  if (!code)
    code = disco_wait(n, 3);
  if (!code)
    code = disco_end(n);
  const uint32_t sizes[] = {40, most, 8, 0};
  for (int i = 0; i < 4; ++i)
    check(in[i][sizes[i]] == 0xee, "nothing is written behind a posted buffer");
  return code;
}

const disco_program program = {"fuzz",   0,
                               nodes,    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                               messages, message_count,
                               nullptr,  0,
                               nullptr,  0,
                               0,        0,
                               infer};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static disco_peer peers[nodes];
  static disco_slot slots[message_count];
  input = data;
  input_size = size;
  input_at = 0;
  clock_us = 0;
  memset(ready, 0, sizeof ready);
  disco_config config = {};
  config.transport = {nullptr,      fuzz_write, fuzz_read, fuzz_nothing,
                      fuzz_nothing, fuzz_wait,  fuzz_now};
  config.peers = peers;
  config.slots = slots;
  config.deadline_us = config.start_us = 10000;
  config.grace_us = config.settle_us = 1000;
  disco_node node;
  check(disco_init(&node, &program, &config) == DISCO_OK, "init");
  int code = disco_start(&node);
  for (int i = 0; i < 4 && code == DISCO_OK; ++i)
    code = program.infer(&node, nullptr, nullptr);
  int stopped = disco_stop(&node);
  const disco_error *e = disco_last_error(&node);
  check(e->code == stopped, "stop returns the first failure");
  check(code == DISCO_OK || code == DISCO_ERR_END || code == e->code,
        "every call returns the first failure");
  check(e->code == DISCO_OK || (e->code < 0 && e->rank < nodes && e->reporter < nodes),
        "a failure names a node");
  check(clock_us < 10000000, "everything ends");
  return 0;
}

#ifdef DISCO_FUZZ_MAIN
namespace {

uint64_t random_state;

uint32_t random_below(uint32_t n) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<uint32_t>(random_state >> 33) % n;
}

// A good frame of a peer in the form of the input: chunks behind their counts.
size_t put(uint8_t *to, uint32_t peer, uint8_t type, uint32_t sequence, uint32_t message,
           uint32_t size) {
  static uint8_t bytes[DISCO_HEADER_SIZE + most];
  uint8_t *payload = bytes + DISCO_HEADER_SIZE;
  for (uint32_t i = 0; i < size; ++i)
    payload[i] = static_cast<uint8_t>(random_below(256));
  if (type == DISCO_FRAME_HELLO) {
    memset(payload, 0, size);
    memcpy(payload, program.build_hash, 16);
    payload[16] = static_cast<uint8_t>(peer);
    payload[18] = nodes;
  }
  if (type == DISCO_FRAME_TERMS) {
    memset(payload, 0, size);
    payload[16] = payload[18] = 1;
  }
  bool behind = type != DISCO_FRAME_HELLO && type != DISCO_FRAME_TERMS;
  // All nonces are zeros.
  static const uint8_t nonce[DISCO_NONCE_SIZE] = {};
  disco_frame f = disco_hello_frame(program.build_hash, 0);
  if (type != DISCO_FRAME_HELLO)
    f = {DISCO_MAGIC,
         DISCO_PROTOCOL_VERSION,
         type,
         behind ? disco_session_id(nonce, nonce, program.build_hash) : 0,
         type == DISCO_FRAME_DATA ? sequence : 0,
         message,
         0,
         0,
         0,
         size,
         0,
         0};
  disco_frame_encode(bytes, &f, payload);
  size_t at = 0, all = DISCO_HEADER_SIZE + size;
  for (size_t done = 0; done < all;) {
    size_t n = 1 + random_below(127);
    n = n < all - done ? n : all - done;
    to[at++] = static_cast<uint8_t>(n << 1 | (peer - 1));
    memcpy(to + at, bytes + done, n);
    at += n;
    done += n;
  }
  return at;
}

size_t make(uint8_t *to) {
  size_t at = put(to, 1, DISCO_FRAME_HELLO, 0, DISCO_NONE, DISCO_HELLO_SIZE);
  at += put(to + at, 2, DISCO_FRAME_HELLO, 0, DISCO_NONE, DISCO_HELLO_SIZE);
  for (uint32_t peer = 1; peer <= 2; ++peer)
    at += put(to + at, peer, DISCO_FRAME_TERMS, 0, DISCO_NONE, DISCO_TERMS_SIZE);
  uint32_t rounds = random_below(6);
  for (uint32_t s = 1; s <= rounds; ++s)
    for (const disco_message &m : messages) {
      if (m.incoming)
        at += put(to + at, m.peer, DISCO_FRAME_DATA, s, m.id, m.bytes);
      if (random_below(12) == 0)
        at += put(to + at, 1 + random_below(2), DISCO_FRAME_NOTICE, s, DISCO_NONE, 4);
    }
  for (uint32_t peer = 1; peer <= 2; ++peer)
    at += random_below(4) == 0 ? put(to + at, peer, DISCO_FRAME_ABORT, rounds, DISCO_NONE, 12)
                               : put(to + at, peer, DISCO_FRAME_BYE, rounds, DISCO_NONE, 0);
  for (uint32_t k = random_below(3); k > 0; --k)
    to[random_below(static_cast<uint32_t>(at))] = static_cast<uint8_t>(random_below(256));
  return random_below(4) == 0 ? random_below(static_cast<uint32_t>(at)) : at;
}

int run_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return 1;
  }
  static uint8_t bytes[1 << 20];
  size_t n = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  fuzz::limit_input();
  return LLVMFuzzerTestOneInput(bytes, n);
}

} // namespace

int main(int argc, char **argv) {
  fuzz::limit_process();
  unsigned long runs = 0;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--runs") && i + 1 < argc)
      runs = strtoul(argv[++i], nullptr, 10);
    else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
      random_state = strtoul(argv[++i], nullptr, 10);
    else if (run_file(argv[i]) != 0)
      return 1;
  }
  static uint8_t bytes[1 << 16];
  for (unsigned long i = 0; i < runs; ++i) {
    size_t n = make(bytes);
    fuzz::limit_input();
    LLVMFuzzerTestOneInput(bytes, n);
  }
  printf("%lu random inputs: no fault found\n", runs);
  return 0;
}
#endif
