//===- virtio.h - queues of virtio devices over memory-mapped registers ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Version 1 of virtio (the registers' version 2), queues of a few entries that are used in order.
#ifndef DISCO_BOARDS_VIRTIO_H
#define DISCO_BOARDS_VIRTIO_H

#include <stdint.h>

constexpr uint32_t virtio_entries = 8; // of a queue, a power of two

struct virtio_queue {
  struct {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
  } buffers[virtio_entries];
  struct {
    uint16_t flags, index, ring[virtio_entries], event;
  } given;
  alignas(4) struct {
    uint16_t flags, index;
    struct {
      uint32_t id, size;
    } ring[virtio_entries];
    uint16_t event;
  } taken;
  uint16_t seen; // of taken.index
};

enum virtio_device : uint32_t { VIRTIO_NET = 1, VIRTIO_CONSOLE = 3 };

// Resets the device and agrees on version 1 and nothing else. False: there is none of that kind.
bool virtio_open(uintptr_t base, virtio_device device);
bool virtio_add_queue(uintptr_t base, uint32_t number, virtio_queue *queue);
// After the queues.
void virtio_start(uintptr_t base);
// Acknowledges what the device says.
void virtio_acknowledge(uintptr_t base);
void virtio_notify(uintptr_t base, uint32_t number);

// Hands entry `id` to the device, which writes into it or reads `size` bytes of it.
void virtio_give(virtio_queue *queue, uint32_t id, const void *memory, uint32_t size, bool writes);
// The next entry that the device has finished with, or false: none.
bool virtio_take(virtio_queue *queue, uint32_t *id, uint32_t *size);

#endif // DISCO_BOARDS_VIRTIO_H
