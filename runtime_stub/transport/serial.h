//===- serial.h - packets over a serial line of a POSIX host --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The other end of a board's UART: a tty, or a socket behind which an emulator has one. The bytes
// are those of uart.h. Uses malloc.

#ifndef DISCO_TRANSPORT_SERIAL_H
#define DISCO_TRANSPORT_SERIAL_H

#include "packets.h"

struct disco_serial;

// Opens a serial line. `address` is one of
//   unix:PATH, tcp:HOST:PORT                 connects; tries again until somebody listens there
//   unix-listen:PATH, tcp-listen:HOST:PORT   waits for one who connects
//   PATH, PATH@BAUD                          a tty; at `baud` unless stated
// `mtu`: bytes of the longest packet. Null on failure, and a message of at most error_size bytes.
disco_serial *disco_serial_create(const char *address, uint32_t mtu, uint32_t baud, char *error,
                                  size_t error_size);
void disco_serial_destroy(disco_serial *serial);

// The port is broken when a connection over which something came has ended.
disco_port disco_serial_port(disco_serial *serial);

// Sleeps until a byte has come on one of them, or one takes bytes that wait for it, or the time is
// over.
void disco_serial_wait(disco_serial *const *serials, uint32_t count, uint64_t timeout_us);

// For disco_packets_config: a steady clock, microseconds.
uint64_t disco_serial_now(void *context);

#endif // DISCO_TRANSPORT_SERIAL_H
