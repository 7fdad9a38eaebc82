//===- desk_serial.cpp - the way to the desk over a UART ------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "desk_serial.h"

#include "board.h"
#include "drivers.h"

#include <string.h>

static disco_port port;

bool desk_way_open(void) {
  if (!board_open_uart(board_desk_link, &board_desk))
    return false;
  port = disco_uart_port(&board_desk);
  return true;
}

uint32_t desk_way_data(void) { return board_desk_data; }

uint64_t desk_way_patience(void) { return 3000000; }

void desk_way_send(uint8_t *packet, uint32_t size) {
  const uint32_t crc = disco_crc32(0, packet, size);
  memcpy(packet + size, &crc, sizeof crc);
  if (port.send)
    port.send(port.context, 0, packet, size + 4);
}

static bool is_whole(const uint8_t *packet, uint32_t size) {
  uint32_t crc = 0;
  memcpy(&crc, packet + size, sizeof crc);
  return disco_crc32(0, packet, size) == crc;
}

uint32_t desk_way_receive(uint8_t *packet) {
  for (;;) {
    const int32_t got = port.receive ? port.receive(port.context, packet, board_desk_packet) : 0;
    if (got <= 0)
      return 0;
    const uint32_t size = static_cast<uint32_t>(got) - 4;
    if (got < static_cast<int32_t>(board_desk_header + 4) || !is_whole(packet, size))
      continue;
#ifdef BOARD_RELAYS
    if (board_relay_answer(packet, size))
      continue;
#endif
    return size;
  }
}

void desk_way_idle(uint64_t us) { board_idle(us); }

void desk_way_drain(void) {
  constexpr uint32_t tries = 200000;
  for (uint32_t i = 0; i < tries && board_desk.tx_tail != board_desk.tx_head; ++i)
    board_poll();
}
