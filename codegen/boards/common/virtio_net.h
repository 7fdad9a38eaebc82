//===- virtio_net.h - frames through a virtio network device --------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_VIRTIO_NET_H
#define DISCO_BOARDS_VIRTIO_NET_H

#include <stdint.h>

// Of the board.
extern const uintptr_t virtio_net_base;
extern const uint32_t virtio_net_irq;

// Serves an interrupt. False: it is not this device's.
bool virtio_net_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_VIRTIO_NET_H
