//===- board.cpp - QEMU's RISC-V machine "virt" ---------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "ns16550.h"
#include "riscv.h"
#include "virtio_console.h"
#include "virtio_net.h"

const uintptr_t riscv_mtime = 0x0200bff8, riscv_mtimecmp = 0x02004000, riscv_plic = 0x0c000000;

// Place 0 of the machine's virtio devices; 1 to 3 are the consoles'.
const uintptr_t virtio_net_base = 0x10001000;
const uint32_t virtio_net_irq = 1;

void board_init_hardware(void) {}

bool board_interrupt([[maybe_unused]] uint32_t irq) {
  bool known = false;
#ifdef BOARD_USES_UART
  known = ns16550_interrupt(irq) || virtio_console_interrupt(irq);
#endif
#ifdef BOARD_USES_ETHERNET
  known = virtio_net_interrupt(irq) || known;
#endif
  return known;
}
