//===- wire_head.cpp - compressed messages that cannot be read ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "../disco_impl.h"

int disco_refuse(disco_node *node, uint32_t message) {
  const disco_message &m = node->program->messages[message];
  disco_impl::raise(node, DISCO_ERR_PAYLOAD, m.peer, m.id, false);
  return disco_abort(node, DISCO_ERR_PAYLOAD); // which tells the others what was raised
}
