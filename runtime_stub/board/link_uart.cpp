//===- link_uart.cpp - a serial line as a port ----------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "../transport/uart.h"
#include "links.h"

bool board_uart_port(const board_port *port, disco_port *to) {
  disco_uart *uart = static_cast<disco_uart *>(port->state);
  if (!board_open_uart(port->link, uart))
    return false;
  *to = disco_uart_port(uart);
  return true;
}
