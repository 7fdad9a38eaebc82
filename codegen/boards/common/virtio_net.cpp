//===- virtio_net.cpp - frames through a virtio network device ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "virtio_net.h"

#include "drivers.h"
#include "ethernet.h"
#include "riscv.h"
#include "virtio.h"

#include <string.h>

namespace {

constexpr uint32_t header = 12, slot = header + 1514;

virtio_queue rx, tx;
alignas(4) uint8_t rx_frames[virtio_entries][slot], tx_frames[virtio_entries][slot];
uint32_t tx_free; // a bit an entry
bool is_open;

void give_rx(uint32_t id) { virtio_give(&rx, id, rx_frames[id], slot, true); }

int32_t send_frame(void *, const uint8_t *frame, uint32_t size) {
  uint32_t id = 0, unused = 0;
  while (virtio_take(&tx, &id, &unused))
    tx_free |= 1u << id;
  if (tx_free == 0)
    return 0;
  if (size > slot - header)
    return -1;
  for (id = 0; !(tx_free >> id & 1u); ++id) {
  }
  tx_free &= ~(1u << id);
  memset(tx_frames[id], 0, header);
  memcpy(tx_frames[id] + header, frame, size);
  virtio_give(&tx, id, tx_frames[id], header + size, false);
  virtio_notify(virtio_net_base, 1);
  return static_cast<int32_t>(size);
}

int32_t receive_frame(void *, uint8_t *frame, uint32_t capacity) {
  uint32_t id = 0, size = 0;
  while (virtio_take(&rx, &id, &size)) {
    const uint32_t bytes = size > header ? size - header : 0;
    const bool good = bytes > 0 && bytes <= capacity && size <= slot;
    if (good)
      memcpy(frame, rx_frames[id] + header, bytes);
    give_rx(id);
    virtio_notify(virtio_net_base, 0);
    if (good)
      return static_cast<int32_t>(bytes);
  }
  return 0;
}

} // namespace

bool board_open_ethernet(uint32_t, disco_ethernet *ethernet) {
  if (!virtio_open(virtio_net_base, VIRTIO_NET) || !virtio_add_queue(virtio_net_base, 0, &rx) ||
      !virtio_add_queue(virtio_net_base, 1, &tx))
    return false;
  for (uint32_t i = 0; i < virtio_entries; ++i)
    give_rx(i);
  tx_free = (1u << virtio_entries) - 1;
  tx.given.flags = 1; // no interrupt when a frame has left
  virtio_start(virtio_net_base);
  virtio_notify(virtio_net_base, 0);
  ethernet->send_frame = send_frame;
  ethernet->receive_frame = receive_frame;
  is_open = true;
  riscv_enable(virtio_net_irq);
  return true;
}

bool virtio_net_interrupt(uint32_t irq) {
  if (!is_open || irq != virtio_net_irq)
    return false;
  virtio_acknowledge(virtio_net_base); // the program looks for itself
  return true;
}
