//===- uart.h - packets over a serial line, by interrupts -----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A disco_port over two byte rings: a board's interrupt handlers fill one and drain the other.
// A packet travels as COBS (no byte of it is 0) and a delimiter, the byte 0. Bytes that are lost or
// damaged cost the packets that they belong to, which whoever checks the CRC drops.

#ifndef DISCO_TRANSPORT_UART_H
#define DISCO_TRANSPORT_UART_H

#include "port.h"

// Bytes on the wire of a packet of `size` bytes, at most.
constexpr uint32_t disco_uart_frame(uint32_t size) { return size + size / 128 + 2; }

inline namespace DISCO_RUNTIME {

// The caller fills in the first group and zeroes the rest. Each index is written at one side only.
struct disco_uart {
  uint8_t *rx, *tx; // rings
  uint32_t rx_size,
      tx_size;  // their sizes, powers of two, tx at least disco_uart_frame(mtu); rx should
                // hold what all peers may have under way while this node computes
  uint32_t mtu; // the longest packet: payload + DISCO_PACKET_OVERHEAD
  void (*start_tx)(void *context); // there are bytes to send: switches the transmit interrupt on,
                                   // or sends the first byte. Not called from an interrupt
  void *context;

  uint32_t rx_head, tx_tail;          // the interrupt handlers'
  uint32_t rx_tail, rx_scan, tx_head; // the port's
  uint32_t overruns;                  // received bytes that found the ring full
};

} // namespace DISCO_RUNTIME

// A byte has been received. For the interrupt handler.
void disco_uart_rx_byte(disco_uart *uart, uint8_t byte);

// The next byte to send, or false: there is none, switch the transmit interrupt off. For the
// interrupt handler.
bool disco_uart_tx_byte(disco_uart *uart, uint8_t *byte);

disco_port disco_uart_port(disco_uart *uart);

#endif // DISCO_TRANSPORT_UART_H
