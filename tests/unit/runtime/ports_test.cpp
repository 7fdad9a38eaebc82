//===- ports_test.cpp - UART and Ethernet ports ---------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "transport/ethernet.h"
#include "transport/uart.h"

#include <gtest/gtest.h>
#include <random>
#include <string.h>

namespace {

struct Uart {
  std::vector<uint8_t> rx, tx;
  disco_uart uart = {};
  int started = 0;
  explicit Uart(uint32_t ring, uint32_t mtu = 2000) : rx(ring), tx(ring) {
    uart.rx = rx.data();
    uart.tx = tx.data();
    uart.rx_size = uart.tx_size = ring;
    uart.mtu = mtu;
    uart.context = this;
    uart.start_tx = [](void *c) { ++static_cast<Uart *>(c)->started; };
  }
  std::vector<uint8_t> wire() {
    std::vector<uint8_t> bytes;
    uint8_t byte = 0;
    while (disco_uart_tx_byte(&uart, &byte))
      bytes.push_back(byte);
    return bytes;
  }
  int32_t send(const std::vector<uint8_t> &packet) {
    disco_port p = disco_uart_port(&uart);
    return p.send(p.context, 0, packet.data(), static_cast<uint32_t>(packet.size()));
  }
  // What is received of these bytes: -1 is nothing.
  std::vector<std::vector<uint8_t>> receive(const std::vector<uint8_t> &bytes,
                                            uint32_t capacity = 2000) {
    disco_port p = disco_uart_port(&uart);
    std::vector<std::vector<uint8_t>> packets;
    std::vector<uint8_t> packet(capacity);
    for (uint8_t b : bytes) {
      disco_uart_rx_byte(&uart, b);
      for (int32_t n = 0; (n = p.receive(p.context, packet.data(), capacity)) > 0;)
        packets.emplace_back(packet.begin(), packet.begin() + n);
    }
    return packets;
  }
};

TEST(UartPort, PacketsOfEverySizeAndKindComeThrough) {
  std::mt19937 random(1);
  Uart u(4096);
  for (uint32_t size = 1; size < 1100; ++size)
    for (int kind = 0; kind < 4; ++kind) {
      std::vector<uint8_t> packet(size);
      for (uint8_t &b : packet)
        b = kind == 0   ? 0
            : kind == 1 ? 255
            : kind == 2 ? static_cast<uint8_t>(random() & 1)
                        : static_cast<uint8_t>(random() % 300 ? 1 + random() % 255 : 0);
      ASSERT_EQ(u.send(packet), static_cast<int32_t>(size));
      std::vector<uint8_t> bytes = u.wire();
      ASSERT_LE(bytes.size(), disco_uart_frame(size));
      ASSERT_EQ(std::count(bytes.begin(), bytes.end(), 0), 1);
      ASSERT_EQ(bytes.back(), 0);
      auto got = u.receive(bytes);
      ASSERT_EQ(got.size(), 1u);
      ASSERT_EQ(got[0], packet) << size << " " << kind;
    }
}

TEST(UartPort, AnExampleByteByByte) {
  Uart u(64);
  ASSERT_EQ(u.send({0x11, 0x00, 0x00, 0x22}), 4);
  EXPECT_EQ(u.started, 1);
  EXPECT_EQ(u.wire(), (std::vector<uint8_t>{0x02, 0x11, 0x01, 0x02, 0x22, 0x00}));
}

TEST(UartPort, AFullRingTakesNothingThenAll) {
  Uart u(64);
  std::vector<uint8_t> packet(28, 7);
  EXPECT_EQ(u.send(packet), 28);
  EXPECT_EQ(u.send(packet), 28);
  EXPECT_EQ(u.send(packet), 0);
  EXPECT_EQ(u.started, 2);
  uint8_t byte = 0;
  while (disco_uart_tx_byte(&u.uart, &byte) && byte) {
  }
  EXPECT_EQ(u.send(packet), 28);
  EXPECT_EQ(u.wire().size(), 60u);
}

TEST(UartPort, RubbishIsCutAndThenItGoesOn) {
  Uart u(64);
  // More bytes than the ring holds and no delimiter, while somebody reads and while nobody does.
  EXPECT_LE(u.receive(std::vector<uint8_t>(1000, 9), 20).size(), 1000u / 64 + 1);
  for (int i = 0; i < 1000; ++i)
    disco_uart_rx_byte(&u.uart, 9);
  EXPECT_GT(u.uart.overruns, 0u);
  u.receive({0});
  auto got = u.receive({0, 0, 0x02, 0x11, 0x01, 0x02, 0x22, 0x00});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0], (std::vector<uint8_t>{0x11, 0x00, 0x00, 0x22}));
  // A longer packet than there is room for is cut, and nothing is written behind the room.
  std::vector<uint8_t> packet(40, 5);
  Uart big(128);
  big.send(packet);
  got = u.receive(big.wire(), 10);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].size(), 10u);
}

// A driver with one frame.
struct Wire {
  std::vector<uint8_t> frame;
  bool full = false;
};

disco_ethernet ethernet(Wire *wire, std::vector<uint8_t> *buffer, uint16_t rank, uint8_t cluster) {
  disco_ethernet e = {};
  e.rank = rank;
  e.cluster = cluster;
  e.frame = buffer->data();
  e.frame_size = static_cast<uint32_t>(buffer->size());
  e.context = wire;
  e.send_frame = [](void *c, const uint8_t *frame, uint32_t size) {
    Wire *w = static_cast<Wire *>(c);
    if (w->full)
      return 0;
    w->frame.assign(frame, frame + size);
    return static_cast<int32_t>(size);
  };
  e.receive_frame = [](void *c, uint8_t *frame, uint32_t capacity) {
    Wire *w = static_cast<Wire *>(c);
    size_t n = std::min<size_t>(capacity, w->frame.size());
    memcpy(frame, w->frame.data(), n);
    w->frame.clear();
    return static_cast<int32_t>(n);
  };
  return e;
}

TEST(EthernetPort, FramesByteByByte) {
  Wire wire;
  std::vector<uint8_t> buffer(1514), other(1514);
  disco_ethernet a = ethernet(&wire, &buffer, 0x102, 7), b = ethernet(&wire, &other, 3, 7);
  disco_port pa = disco_ethernet_port(&a), pb = disco_ethernet_port(&b);
  EXPECT_EQ(pa.mtu, 1498u);
  EXPECT_EQ(pa.send(pa.context, 3, reinterpret_cast<const uint8_t *>("abcde"), 5), 5);
  std::vector<uint8_t> head = {2, 0xd1, 0x5c, 7, 0, 3,   2,   0xd1, 0x5c, 7,   1,
                               2, 0x88, 0xb5, 0, 5, 'a', 'b', 'c',  'd',  'e', 0};
  ASSERT_EQ(wire.frame.size(), 60u);
  EXPECT_EQ(std::vector<uint8_t>(wire.frame.begin(), wire.frame.begin() + 22), head);
  uint8_t packet[100];
  EXPECT_EQ(pb.receive(pb.context, packet, sizeof packet), 5);
  EXPECT_EQ(memcmp(packet, "abcde", 5), 0);
  wire.full = true;
  EXPECT_EQ(pa.send(pa.context, 3, packet, 5), 0);
}

TEST(EthernetPort, WhatIsForOthersIsPassedOver) {
  Wire wire;
  std::vector<uint8_t> buffer(1514), other(1514);
  disco_ethernet a = ethernet(&wire, &buffer, 1, 7), b = ethernet(&wire, &other, 3, 7);
  disco_port pa = disco_ethernet_port(&a), pb = disco_ethernet_port(&b);
  uint8_t packet[100] = {1};
  pa.send(pa.context, 3, packet, 50);
  const std::vector<uint8_t> good = wire.frame;
  struct {
    size_t at;
    uint8_t value;
  } const cases[] = {{0, 0xff}, {3, 8}, {5, 4}, {12, 8}, {13, 0}, {14, 1}, {15, 0}, {15, 51}};
  for (const auto &c : cases) {
    wire.frame = good;
    wire.frame[c.at] = c.value;
    EXPECT_EQ(pb.receive(pb.context, packet, sizeof packet), 0) << c.at;
  }
  for (size_t size : {1, 15, 65}) {
    wire.frame = good;
    wire.frame.resize(size);
    EXPECT_EQ(pb.receive(pb.context, packet, sizeof packet), 0) << size;
  }
  wire.frame = good;
  EXPECT_EQ(pb.receive(pb.context, packet, 49), 0);
  wire.frame = good;
  EXPECT_EQ(pb.receive(pb.context, packet, sizeof packet), 50);
}

} // namespace
