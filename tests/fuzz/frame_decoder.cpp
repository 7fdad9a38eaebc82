//===- frame_decoder.cpp - a node that is fed arbitrary bytes -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// LLVMFuzzerTestOneInput plays the peers of a node. The length of the input says whether two
// inferences are in flight, and whether the data of peer 2 goes by mailbox. With -DDISCO_FUZZ_MAIN
// it is a program of its own: `frame_decoder FILE...` runs files, `frame_decoder --runs N [--seed
// S]` runs N random inputs made from good frames by damaging them.

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

bool by_mail, two_in_flight;

// The input tells in turn what comes: a byte whose lowest two bits are the stream of peer 1, that
// of peer 2 or, from 2 on and where there is one, peer 2's mailbox. The others are the count of
// bytes of a stream; of a mail two bytes that follow.
uint32_t ready[nodes];
constexpr uint32_t mail_most = DISCO_HEADER_SIZE + most + 8;
alignas(64) uint8_t mail[mail_most], place[mail_most];
uint32_t mail_size; // 0: none
bool mail_accepted;

uint8_t next_byte() { return input_at < input_size ? input[input_at++] : 0; }

void next_mail() {
  uint32_t size = next_byte();
  size = (size | static_cast<uint32_t>(next_byte()) << 8) % mail_most;
  for (uint32_t i = 0; i < size; ++i)
    mail[i] = next_byte();
  mail_size = size >= DISCO_HEADER_SIZE ? size : 0;
}

void next_chunk() {
  uint8_t b = next_byte();
  if (by_mail && (b & 2))
    next_mail();
  else
    ready[1 + (b & 1)] += b >> 2;
}

int32_t fuzz_read(void *, uint32_t peer, void *data, size_t size) {
  // What follows a chunk is known when it has been read.
  if (ready[1] + ready[2] + mail_size == 0 && input_at < input_size)
    next_chunk();
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
  // Reads all of it, so that the sanitizers see what is uninitialised or out of bounds. Another
  // time the same bytes fare differently.
  uint32_t crc = disco_crc32(peer + static_cast<uint32_t>(clock_us), data, size);
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

bool box_carries(void *, uint32_t peer, const uint8_t *) { return peer == 2; }
void *box_place(void *, uint32_t, void *, uint32_t bytes) {
  return clock_us % 5 && bytes <= mail_most ? place : nullptr;
}
void box_start(void *, uint32_t peer, const uint8_t *header, void *payload, uint32_t bytes) {
  fuzz_write(nullptr, peer, header, DISCO_HEADER_SIZE, false);
  if (bytes)
    fuzz_write(nullptr, peer, payload, bytes, false);
}
bool box_done(void *, uint32_t) { return clock_us % 3 != 0; }
bool box_incoming(void *, uint32_t, disco_mail *to) {
  if (mail_size == 0 || mail_accepted)
    return false;
  *to = {mail, mail + DISCO_HEADER_SIZE, mail_size - DISCO_HEADER_SIZE};
  return true;
}
void box_accept(void *, uint32_t) { mail_accepted = true; }
void box_release(void *, uint32_t, void *) {
  mail_size = 0;
  mail_accepted = false;
}
const disco_mailbox box = {nullptr,      box_carries, box_place,   box_start, box_done,
                           box_incoming, box_accept,  box_release, false};

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

// Calls f for both inferences, the oldest first; the first error.
template <typename F> int both(disco_node *n, F f) {
  for (uint32_t after = 0; after < 2; ++after) {
    int code = disco_switch(n, after);
    if (!code)
      code = f(after);
    if (code)
      return code;
  }
  return 0;
}

int send_from_place(disco_node *n, uint32_t message, const void *own) {
  void *at = disco_place(n, message);
  if (at)
    memset(at, 1, messages[message].bytes);
  int code = disco_send(n, message, at ? at : own);
  return code ? code : disco_flush(n, message);
}

int wait_and_read(disco_node *n, uint32_t message) {
  int code = disco_wait(n, message);
  if (code || !by_mail || messages[message].peer != 2)
    return code;
  check(disco_received(n, message) == messages[message].bytes, "the length is the planned one");
  disco_crc32(0, disco_place(n, message), messages[message].bytes);
  return disco_release(n, message);
}

// Two inferences side by side; what comes by mail is read in its place.
int infer_two(disco_node *n) {
  static uint8_t in[2][4][most + 8], out[100];
  memset(in, 0xee, sizeof in);
  auto buffer = [](uint32_t lane, uint32_t message, uint32_t index) {
    return by_mail && messages[message].peer == 2 ? nullptr : in[lane][index];
  };
  int code = disco_begin(n);
  if (!code)
    code = disco_begin(n);
  auto post = [&](uint32_t message, uint32_t index) {
    if (!code)
      code = both(
          n, [&](uint32_t lane) { return disco_post(n, message, buffer(lane, message, index)); });
  };
  auto wait = [&](uint32_t message) {
    if (!code)
      code = both(n, [&](uint32_t) { return wait_and_read(n, message); });
  };
  auto send = [&](uint32_t message) {
    if (!code)
      code = both(n, [&](uint32_t) { return send_from_place(n, message, out); });
  };
  post(0, 0);
  post(1, 1);
  send(2);
  wait(0);
  post(3, 2);
  wait(1);
  post(4, 3);
  send(5);
  wait(4);
  wait(3);
  for (int i = 0; i < 2 && !code; ++i) {
    code = disco_switch(n, 0);
    if (!code)
      code = disco_end(n);
  }
  const uint32_t sizes[] = {40, most, 8, 0};
  for (int lane = 0; lane < 2; ++lane)
    for (int i = 0; i < 4; ++i)
      check(in[lane][i][sizes[i]] == 0xee, "nothing is written behind a posted buffer");
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
  static disco_slot slots[2 * message_count];
  input = data;
  input_size = size;
  input_at = 0;
  clock_us = 0;
  memset(ready, 0, sizeof ready);
  two_in_flight = size & 1;
  by_mail = two_in_flight && (size & 2);
  mail_size = 0;
  mail_accepted = false;
  disco_program used = program;
  used.in_flight = two_in_flight ? 2 : 1;
  disco_config config = {};
  config.transport = {nullptr,      fuzz_write, fuzz_read, fuzz_nothing,
                      fuzz_nothing, fuzz_wait,  fuzz_now};
  config.peers = peers;
  config.slots = slots;
  config.mailbox = by_mail ? &box : nullptr;
  config.deadline_us = config.start_us = 10000;
  config.grace_us = config.settle_us = 1000;
  disco_node node;
  check(disco_init(&node, &used, &config) == DISCO_OK, "init");
  int code = disco_start(&node);
  for (int i = 0; i < 4 && code == DISCO_OK; ++i)
    code = two_in_flight ? infer_two(&node) : infer(&node, nullptr, nullptr);
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

// A good frame of a peer in the form of the input: chunks behind their counts, or a mail.
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
    payload[16] = two_in_flight ? 2 : 1;
    payload[18] = 1;
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
  if (by_mail && peer == 2 && type == DISCO_FRAME_DATA) {
    to[at++] = 2;
    to[at++] = static_cast<uint8_t>(all);
    to[at++] = static_cast<uint8_t>(all >> 8);
    memcpy(to + at, bytes, all);
    return at + all;
  }
  for (size_t done = 0; done < all;) {
    size_t n = 1 + random_below(63);
    n = n < all - done ? n : all - done;
    to[at++] = static_cast<uint8_t>(n << 2 | (peer - 1));
    memcpy(to + at, bytes + done, n);
    at += n;
    done += n;
  }
  return at;
}

size_t make(uint8_t *to) {
  const uint32_t kind = random_below(4);
  two_in_flight = kind & 1;
  by_mail = kind == 3;
  size_t at = put(to, 1, DISCO_FRAME_HELLO, 0, DISCO_NONE, DISCO_HELLO_SIZE);
  at += put(to + at, 2, DISCO_FRAME_HELLO, 0, DISCO_NONE, DISCO_HELLO_SIZE);
  for (uint32_t peer = 1; peer <= 2; ++peer)
    at += put(to + at, peer, DISCO_FRAME_TERMS, 0, DISCO_NONE, DISCO_TERMS_SIZE);
  uint32_t rounds = random_below(8);
  const uint32_t lanes = two_in_flight ? 2 : 1;
  for (uint32_t s = 1; s <= rounds; s += lanes)
    for (const disco_message &m : messages) {
      for (uint32_t lane = 0; lane < lanes && m.incoming; ++lane)
        at += put(to + at, m.peer, DISCO_FRAME_DATA, s + lane, m.id, m.bytes);
      if (random_below(12) == 0)
        at += put(to + at, 1 + random_below(2), DISCO_FRAME_NOTICE, s, DISCO_NONE, 4);
    }
  for (uint32_t peer = 1; peer <= 2; ++peer)
    at += random_below(4) == 0 ? put(to + at, peer, DISCO_FRAME_ABORT, rounds, DISCO_NONE, 12)
                               : put(to + at, peer, DISCO_FRAME_BYE, rounds, DISCO_NONE, 0);
  for (uint32_t k = random_below(3); k > 0; --k)
    to[random_below(static_cast<uint32_t>(at))] = static_cast<uint8_t>(random_below(256));
  at = random_below(4) == 0 ? random_below(static_cast<uint32_t>(at)) : at;
  while ((at & 3) != kind) // the length is the kind
    to[at++] = 0;
  return at;
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
