//===- serial.cpp - the serial lines of QEMU's RISC-V machine "virt" ------===//
// SPDX-License-Identifier: Apache-2.0

#include "drivers.h"
#include "ns16550.h"
#include "virtio_console.h"

// Link 0 is the UART, link K the virtio device in place K.
bool board_open_uart(uint32_t link, disco_uart *uart) {
  if (link == 0)
    return ns16550_open(0x10000000, 10, link, uart);
  return virtio_console_open(link - 1, 0x10001000 + link * 0x1000, 1 + link, uart);
}
