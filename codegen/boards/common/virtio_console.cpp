//===- virtio_console.cpp - serial lines through virtio consoles ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// The emulated RISC-V board has one UART only; these are the others. To the runtime they are UARTs.

#include "virtio_console.h"

#include "riscv.h"
#include "uart.h"
#include "virtio.h"

namespace {

constexpr uint32_t chunk = 64;

struct console {
  disco_uart *uart; // null: not open
  uintptr_t base;
  uint32_t irq;
  uint32_t tx_free; // a bit an entry
  virtio_queue rx, tx;
  uint8_t rx_bytes[virtio_entries][chunk], tx_bytes[virtio_entries][chunk];
};
console consoles[virtio_consoles];

// Interrupts are off, or this is one.
void send_bytes(console *c) {
  uint32_t id = 0, unused = 0;
  while (virtio_take(&c->tx, &id, &unused))
    c->tx_free |= 1u << id;
  bool given = false;
  while (c->tx_free) {
    for (id = 0; !(c->tx_free >> id & 1u); ++id) {
    }
    uint32_t size = 0;
    while (size < chunk && disco_uart_tx_byte(c->uart, &c->tx_bytes[id][size]))
      ++size;
    if (size == 0)
      break;
    c->tx_free &= ~(1u << id);
    virtio_give(&c->tx, id, c->tx_bytes[id], size, false);
    given = true;
  }
  if (given)
    virtio_notify(c->base, 1);
}

void receive_bytes(console *c) {
  uint32_t id = 0, size = 0;
  bool given = false;
  while (virtio_take(&c->rx, &id, &size)) {
    for (uint32_t i = 0; i < size && i < chunk; ++i)
      disco_uart_rx_byte(c->uart, c->rx_bytes[id][i]);
    virtio_give(&c->rx, id, c->rx_bytes[id], chunk, true);
    given = true;
  }
  if (given)
    virtio_notify(c->base, 0);
}

void start_tx(void *context) {
  const uint32_t status = riscv_lock();
  send_bytes(static_cast<console *>(context));
  riscv_unlock(status);
}

} // namespace

bool virtio_console_open(uint32_t number, uintptr_t base, uint32_t irq, disco_uart *uart) {
  if (number >= virtio_consoles)
    return false;
  console *c = &consoles[number];
  if (!virtio_open(base, VIRTIO_CONSOLE) || !virtio_add_queue(base, 0, &c->rx) ||
      !virtio_add_queue(base, 1, &c->tx))
    return false;
  c->base = base;
  c->irq = irq;
  c->tx_free = (1u << virtio_entries) - 1;
  for (uint32_t i = 0; i < virtio_entries; ++i)
    virtio_give(&c->rx, i, c->rx_bytes[i], chunk, true);
  c->uart = uart;
  uart->start_tx = start_tx;
  uart->context = c;
  virtio_start(base);
  virtio_notify(base, 0);
  riscv_enable(irq);
  return true;
}

bool virtio_console_interrupt(uint32_t irq) {
  for (console &c : consoles)
    if (c.uart && c.irq == irq) {
      virtio_acknowledge(c.base);
      receive_bytes(&c);
      send_bytes(&c);
      return true;
    }
  return false;
}
