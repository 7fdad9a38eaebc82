//===- link_ethernet.cpp - an Ethernet controller as a port ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "../transport/ethernet.h"
#include "links.h"

bool board_ethernet_port(const board_port *port, disco_port *to) {
  disco_ethernet *ethernet = static_cast<disco_ethernet *>(port->state);
  if (!board_open_ethernet(port->link, ethernet))
    return false;
  *to = disco_ethernet_port(ethernet);
  return true;
}
