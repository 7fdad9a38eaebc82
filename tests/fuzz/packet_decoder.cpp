//===- packet_decoder.cpp - a node whose wires carry arbitrary bytes ------===//
// SPDX-License-Identifier: Apache-2.0
//
// LLVMFuzzerTestOneInput plays a neighbour behind a UART, and the node's own program. With
// -DDISCO_FUZZ_MAIN it is a program of its own: `packet_decoder FILE...` runs files,
// `packet_decoder --runs N [--seed S]` runs N random inputs.

#include "limits.h"
#include "transport/packets.h"
#include "transport/uart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr uint16_t nodes = 4, own_rank = 1, own_nonce = 0x1234;
constexpr uint32_t payload = 24, window = 4, forward_slots = 2;
constexpr uint32_t bytes = disco_packets_bytes(3, payload, window, forward_slots);

const uint8_t *input;
size_t input_size, input_at;
uint64_t clock_us;

uint8_t next_byte() { return input_at < input_size ? input[input_at++] : 0; }

void check(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "failed: %s\n", what);
  abort();
}

// The memory that is given, and what lies behind it.
alignas(8) uint8_t memory[bytes + 64];
uint8_t rx_ring[128], tx_ring[128];
disco_uart uart;
disco_packets packets;

// A packet with a right CRC, and mostly right otherwise: deep enough to do harm.
void good_packet() {
  uint8_t packet[DISCO_PACKET_OVERHEAD + 40];
  uint32_t size = 12;
  uint8_t kind = next_byte();
  uint16_t head[6] = {own_rank, static_cast<uint16_t>(0x4000 | (kind & 3) | (kind & 64) << 9),
                      0x77,     own_nonce,
                      0,        0};
  if (kind & 4)
    head[0] = next_byte() & 7;
  if (!(kind & 8))
    head[1] |= 0x2000;
  if (kind & 16)
    head[2] = next_byte();
  if (kind & 32)
    head[1] |= 0x1000;
  head[4] = static_cast<uint16_t>(next_byte() | next_byte() << 8);
  head[5] = static_cast<uint16_t>(next_byte() | next_byte() << 8);
  memcpy(packet, head, size);
  if (kind & 32)
    for (uint32_t n = next_byte() % 40; n > 0; --n)
      packet[size++] = next_byte();
  if ((kind & 0xc0) == 0xc0)
    size = next_byte() % 13; // cut, and still with a right CRC
  uint32_t crc = disco_crc32(0, packet, size);
  memcpy(packet + size, &crc, 4);
  // Through another UART's ring, so that the bytes are those of a wire.
  static uint8_t ring[128];
  disco_uart from = {};
  from.tx = ring;
  from.tx_size = sizeof ring;
  from.start_tx = [](void *) {};
  disco_port port = disco_uart_port(&from);
  port.send(port.context, 0, packet, size + 4);
  for (uint8_t byte = 0; disco_uart_tx_byte(&from, &byte);)
    disco_uart_rx_byte(&uart, byte);
}

void start() {
  static const disco_hop hops[nodes] = {{0, 0}, {DISCO_NO_PORT, 0}, {0, 2}, {0, 2}};
  static disco_port port;
  static disco_packets_config config;
  memset(memory, 0xee, sizeof memory);
  uart = {};
  uart.rx = rx_ring;
  uart.tx = tx_ring;
  uart.rx_size = uart.tx_size = sizeof rx_ring;
  uart.mtu = payload + DISCO_PACKET_OVERHEAD;
  uart.start_tx = [](void *) {};
  port = disco_uart_port(&uart);
  config = {own_rank, nodes,         &port,     1,    hops,    payload, window, memory,
            bytes,    forward_slots, own_nonce, 1000, nullptr, nullptr, nullptr};
  config.now_us = [](void *) { return ++clock_us; };
  config.idle = [](void *, uint64_t us) { clock_us += us; };
  clock_us = 0;
  check(disco_packets_init(&packets, &config) == DISCO_OK, "init");
}

void act(uint8_t op) {
  disco_transport t = disco_packets_transport(&packets);
  const uint32_t peers[] = {0, 2, 3};
  uint32_t peer = peers[op / 8 % 3];
  uint8_t data[101];
  uint8_t byte = 0;
  switch (op & 7) {
  case 0:
  case 1: good_packet(); break;
  case 2:
    for (uint32_t n = next_byte(); n > 0; --n)
      disco_uart_rx_byte(&uart, next_byte());
    break;
  case 3: {
    size_t size = next_byte() % 100u;
    data[size] = 0xcc;
    int32_t r = t.read(t.context, peer, data, size);
    check(r <= static_cast<int32_t>(size) && r >= DISCO_IO_LOST, "no more is read than asked for");
    check(data[size] == 0xcc, "nothing is written behind it");
    break;
  }
  case 4: {
    size_t size = next_byte() % 100u;
    memset(data, 1, sizeof data);
    int32_t r = t.write(t.context, peer, data, size, op & 64);
    check(r <= static_cast<int32_t>(size) && (r >= 0 || r == DISCO_IO_LOST), "taken");
    break;
  }
  case 5:
    if ((op & 0xc0) == 0xc0)
      t.close(t.context, peer);
    else if (op & 0x80)
      t.finish(t.context, peer);
    break;
  case 6:
    for (uint32_t n = next_byte(); n > 0 && disco_uart_tx_byte(&uart, &byte); --n) {
    }
    break;
  default: t.wait(t.context, nullptr, next_byte() * 100u); break;
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  input_size = size;
  input_at = 0;
  start();
  while (input_at < input_size)
    act(next_byte());
  disco_packets_linger(&packets, 0);
  check(clock_us < 100000000, "everything ends");
  for (uint32_t i = bytes; i < sizeof memory; ++i)
    check(memory[i] == 0xee, "nothing is written behind the memory");
  return 0;
}

#ifdef DISCO_FUZZ_MAIN
namespace {

int run_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return 1;
  }
  static uint8_t file[1 << 20];
  size_t n = fread(file, 1, sizeof file, f);
  fclose(f);
  fuzz::limit_input();
  return LLVMFuzzerTestOneInput(file, n);
}

} // namespace

int main(int argc, char **argv) {
  fuzz::limit_process();
  unsigned long runs = 0;
  uint64_t state = 1;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--runs") && i + 1 < argc)
      runs = strtoul(argv[++i], nullptr, 10);
    else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
      state = strtoul(argv[++i], nullptr, 10);
    else if (run_file(argv[i]) != 0)
      return 1;
  }
  static uint8_t made[2048];
  for (unsigned long i = 0; i < runs; ++i) {
    // Small numbers are likelier, so that sequences and acknowledgements often fit.
    for (uint8_t &b : made) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      uint32_t r = static_cast<uint32_t>(state >> 33);
      b = static_cast<uint8_t>(r & 0x300 ? r & 0xff : r & 0xf);
    }
    fuzz::limit_input();
    LLVMFuzzerTestOneInput(made, state >> 40 & 2047);
  }
  printf("%lu random inputs: no fault found\n", runs);
  return 0;
}
#endif
