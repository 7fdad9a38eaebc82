//===- virtio.cpp - queues of virtio devices ------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "virtio.h"

#include "riscv.h"

namespace {

constexpr uintptr_t magic = 0x00, version = 0x04, device_id = 0x08, driver_features = 0x20,
                    driver_features_sel = 0x24, queue_sel = 0x30, queue_max = 0x34,
                    queue_num = 0x38, queue_ready = 0x44, queue_notify = 0x50, int_status = 0x60,
                    int_ack = 0x64, status = 0x70, queue_desc = 0x80, queue_driver = 0x90,
                    queue_device = 0xa0;
constexpr uint32_t acknowledged = 1, driver = 2, driver_ok = 4, features_ok = 8;
constexpr uint16_t device_writes = 2;

void fence() { __asm__ volatile("fence" : : : "memory"); }

void set_address(uintptr_t at, const volatile void *memory) {
  reg(at) = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(memory));
  reg(at + 4) = 0;
}

} // namespace

bool virtio_open(uintptr_t base, virtio_device device) {
  if (reg(base + magic) != 0x74726976u || reg(base + version) != 2 ||
      reg(base + device_id) != device)
    return false;
  reg(base + status) = 0;
  reg(base + status) = acknowledged | driver;
  reg(base + driver_features_sel) = 0;
  reg(base + driver_features) = 0;
  reg(base + driver_features_sel) = 1;
  reg(base + driver_features) = 1; // version 1
  reg(base + status) = acknowledged | driver | features_ok;
  return (reg(base + status) & features_ok) != 0;
}

bool virtio_add_queue(uintptr_t base, uint32_t number, virtio_queue *queue) {
  reg(base + queue_sel) = number;
  if (reg(base + queue_max) < virtio_entries)
    return false;
  reg(base + queue_num) = virtio_entries;
  set_address(base + queue_desc, queue->buffers);
  set_address(base + queue_driver, &queue->given);
  set_address(base + queue_device, &queue->taken);
  reg(base + queue_ready) = 1;
  return true;
}

void virtio_start(uintptr_t base) {
  reg(base + status) = acknowledged | driver | features_ok | driver_ok;
}

void virtio_acknowledge(uintptr_t base) {
  const uint32_t what = reg(base + int_status);
  reg(base + int_ack) = what;
}

void virtio_notify(uintptr_t base, uint32_t number) {
  fence();
  reg(base + queue_notify) = number;
}

void virtio_give(virtio_queue *queue, uint32_t id, const void *memory, uint32_t size, bool writes) {
  queue->buffers[id].address = reinterpret_cast<uintptr_t>(memory);
  queue->buffers[id].size = size;
  queue->buffers[id].flags = writes ? device_writes : 0;
  queue->given.ring[queue->given.index % virtio_entries] = static_cast<uint16_t>(id);
  fence();
  volatile uint16_t *index = &queue->given.index;
  *index = static_cast<uint16_t>(*index + 1);
}

bool virtio_take(virtio_queue *queue, uint32_t *id, uint32_t *size) {
  const volatile uint16_t *index = &queue->taken.index;
  if (queue->seen == *index)
    return false;
  fence();
  *id = queue->taken.ring[queue->seen % virtio_entries].id % virtio_entries;
  *size = queue->taken.ring[queue->seen % virtio_entries].size;
  queue->seen = static_cast<uint16_t>(queue->seen + 1);
  return true;
}
