//===- lan9118.cpp - frames through a LAN9118 -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The interrupt only wakes the program, which moves the frames itself: through the FIFOs'
// registers, a word at a time.

#include "lan9118.h"

#include "cortex_m.h"
#include "drivers.h"
#include "ethernet.h"

#include <string.h>

namespace {

constexpr uintptr_t rx_data = 0x00, tx_data = 0x20, rx_status = 0x40, tx_status = 0x48,
                    irq_cfg = 0x54, int_sts = 0x58, int_en = 0x5c, byte_test = 0x64,
                    fifo_int = 0x68, tx_cfg = 0x70, hw_cfg = 0x74, rx_fifo_inf = 0x7c,
                    tx_fifo_inf = 0x80, mac_cmd = 0xa4, mac_data = 0xa8;
constexpr uint32_t mac_cr = 1, mac_addrh = 2, mac_addrl = 3;
constexpr uint32_t frame_came = 1u << 3; // of int_sts and int_en
constexpr uint32_t crc_bytes = 4, patience = 1000000;

bool is_open;

volatile uint32_t &at(uintptr_t offset) { return reg(lan9118_base + offset); }

bool mac_idle() {
  for (uint32_t i = 0; i < patience; ++i)
    if (!(at(mac_cmd) >> 31))
      return true;
  return false;
}

bool mac_write(uint32_t index, uint32_t value) {
  if (!mac_idle())
    return false;
  at(mac_data) = value;
  at(mac_cmd) = 1u << 31 | index;
  return mac_idle();
}

int32_t send_frame(void *, const uint8_t *frame, uint32_t size) {
  while (at(tx_fifo_inf) >> 16 & 0xffu)
    static_cast<void>(static_cast<uint32_t>(at(tx_status)));
  const uint32_t words = (size + 3) / 4;
  if ((at(tx_fifo_inf) & 0xffffu) < words * 4 + 16)
    return 0;
  at(tx_data) = 1u << 13 | 1u << 12 | size; // first and last piece of a frame
  at(tx_data) = size;
  for (uint32_t i = 0; i < words; ++i) {
    uint32_t word = 0;
    memcpy(&word, frame + 4 * i, sizeof word);
    at(tx_data) = word;
  }
  return static_cast<int32_t>(size);
}

// Frames that wait. When none does, the interrupt is armed, and then they are counted again.
uint32_t waiting() {
  if (const uint32_t n = at(rx_fifo_inf) >> 16 & 0xffu)
    return n;
  at(int_sts) = frame_came;
  at(int_en) = frame_came;
  return at(rx_fifo_inf) >> 16 & 0xffu;
}

int32_t receive_frame(void *, uint8_t *frame, uint32_t capacity) {
  while (waiting() > 0) {
    const uint32_t status = at(rx_status), bytes = status >> 16 & 0x3fffu, words = (bytes + 3) / 4;
    const bool good = !(status >> 15 & 1u) && bytes > crc_bytes && bytes - crc_bytes <= capacity;
    for (uint32_t i = 0; i < words; ++i) {
      const uint32_t word = at(rx_data);
      const uint32_t left = bytes - crc_bytes - 4 * i;
      if (good && 4 * i < bytes - crc_bytes)
        memcpy(frame + 4 * i, &word, left < 4 ? left : 4);
    }
    if (good)
      return static_cast<int32_t>(bytes - crc_bytes);
  }
  return 0;
}

bool set_address(const disco_ethernet *ethernet) {
  uint8_t a[6];
  disco_ethernet_address(a, ethernet->cluster, ethernet->rank);
  return mac_write(mac_addrl, a[0] | static_cast<uint32_t>(a[1]) << 8 |
                                  static_cast<uint32_t>(a[2]) << 16 |
                                  static_cast<uint32_t>(a[3]) << 24) &&
         mac_write(mac_addrh, a[4] | static_cast<uint32_t>(a[5]) << 8);
}

} // namespace

bool board_open_ethernet(uint32_t, disco_ethernet *ethernet) {
  if (at(byte_test) != 0x87654321u)
    return false;
  at(hw_cfg) = 1; // reset
  for (uint32_t i = 0; (at(hw_cfg) & 1u) && i < patience; ++i) {
  }
  at(hw_cfg) = 1u << 20 | 5u << 16; // whole frames, 5 KB of the memory for sending
  at(fifo_int) = 0;                 // one waiting frame interrupts
  if (!set_address(ethernet) || !mac_write(mac_cr, 1u << 20 | 1u << 3 | 1u << 2))
    return false;
  at(tx_cfg) = 1u << 1;
  at(int_sts) = 0xffffffffu;
  at(int_en) = frame_came;
  at(irq_cfg) = 1u << 8 | 1u << 4 | 1u; // on, active high, push-pull
  ethernet->send_frame = send_frame;
  ethernet->receive_frame = receive_frame;
  is_open = true;
  cortex_m_enable(lan9118_irq);
  return true;
}

bool lan9118_interrupt(uint32_t irq) {
  if (!is_open || irq != lan9118_irq)
    return false;
  at(int_en) = 0; // until the program has looked
  at(int_sts) = frame_came;
  return true;
}
