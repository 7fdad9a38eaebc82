//===- uart.cpp - packets over a serial line, by interrupts ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "uart.h"

namespace {

// Each ring has one writer and one reader. One of them is an interrupt handler, and both run on the
// same core, so no barrier of the processor is needed. Only the compiler must keep the order: the
// writer stores the index after the bytes, the reader loads it before them. Loads and stores of one
// word are atomic on every board, without a library.
[[gnu::always_inline]] inline uint32_t load(const uint32_t *index) {
  uint32_t value = __atomic_load_n(index, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  return value;
}

[[gnu::always_inline]] inline void store(uint32_t *index, uint32_t value) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(index, value, __ATOMIC_RELAXED);
}

int32_t uart_send(void *context, uint16_t, const uint8_t *packet, uint32_t size) {
  disco_uart *u = static_cast<disco_uart *>(context);
  uint32_t mask = u->tx_size - 1, at = u->tx_head, code_at = at++;
  if (u->tx_size - (code_at - load(&u->tx_tail)) < disco_uart_frame(size))
    return 0;
  // COBS: a zero becomes the distance to the next one, and one such byte goes ahead.
  uint8_t code = 1;
  for (uint32_t i = 0; i < size; ++i) {
    if (packet[i]) {
      u->tx[at++ & mask] = packet[i];
      ++code;
    }
    if (!packet[i] || (code == 255 && i + 1 < size)) {
      u->tx[code_at & mask] = code;
      code_at = at++;
      code = 1;
    }
  }
  u->tx[code_at & mask] = code;
  u->tx[at++ & mask] = 0;
  store(&u->tx_head, at);
  u->start_tx(u->context);
  return static_cast<int32_t>(size);
}

// Undoes the above for the bytes of a frame. What is too long is cut.
uint32_t decode(const disco_uart *u, uint32_t from, uint32_t to, uint8_t *packet,
                uint32_t capacity) {
  uint32_t size = 0, left = 0, code = 255;
  for (; from != to; ++from) {
    uint8_t byte = u->rx[from & (u->rx_size - 1)];
    bool is_code = left == 0;
    if (is_code) {
      left = byte;
      bool zero = code != 255;
      code = byte;
      byte = 0;
      if (!zero) {
        --left;
        continue;
      }
    }
    --left;
    if (size < capacity)
      packet[size++] = byte;
  }
  return size;
}

int32_t uart_receive(void *context, uint8_t *packet, uint32_t capacity) {
  disco_uart *u = static_cast<disco_uart *>(context);
  uint32_t head = load(&u->rx_head);
  while (u->rx_scan != head) {
    uint32_t from = u->rx_tail, end = u->rx_scan++;
    bool full = u->rx_scan - from == u->rx_size; // and no delimiter: nothing of it can be a packet
    if (u->rx[end & (u->rx_size - 1)] != 0 && !full)
      continue;
    uint32_t size = decode(u, from, end, packet, capacity);
    store(&u->rx_tail, u->rx_scan);
    if (size)
      return static_cast<int32_t>(size);
  }
  return 0;
}

} // namespace

void disco_uart_rx_byte(disco_uart *u, uint8_t byte) {
  uint32_t head = u->rx_head;
  if (head - load(&u->rx_tail) == u->rx_size) {
    ++u->overruns;
    return;
  }
  u->rx[head & (u->rx_size - 1)] = byte;
  store(&u->rx_head, head + 1);
}

bool disco_uart_tx_byte(disco_uart *u, uint8_t *byte) {
  uint32_t tail = u->tx_tail;
  if (tail == load(&u->tx_head))
    return false;
  *byte = u->tx[tail & (u->tx_size - 1)];
  store(&u->tx_tail, tail + 1);
  return true;
}

disco_port disco_uart_port(disco_uart *u) { return {u, u->mtu, uart_send, uart_receive}; }
