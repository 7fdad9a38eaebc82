//===- serial_test.cpp - waiting for several wires at a time --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "transport/serial.h"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace {

constexpr uint32_t mtu = 64;

// Two ends of a wire over a socket of this machine.
struct Wire {
  explicit Wire(const std::string &path) {
    char error[200];
    near = disco_serial_create(("unix-listen:" + path).c_str(), mtu, 115200, error, sizeof error);
    far = disco_serial_create(("unix:" + path).c_str(), mtu, 115200, error, sizeof error);
    EXPECT_TRUE(near && far) << error;
  }
  ~Wire() {
    disco_serial_destroy(far);
    disco_serial_destroy(near);
  }
  static bool send(disco_serial *from) {
    const uint8_t packet[] = {1, 2, 3};
    disco_port port = disco_serial_port(from);
    return port.send(port.context, 0, packet, sizeof packet) > 0;
  }
  static bool receive(disco_serial *to) {
    uint8_t packet[mtu];
    disco_port port = disco_serial_port(to);
    return port.receive(port.context, packet, mtu) == 3;
  }
  // Until something has come through.
  bool connect() {
    for (int i = 0; i < 500; ++i) {
      send(far);
      disco_serial *both[] = {near, far};
      disco_serial_wait(both, 2, 10000);
      if (receive(near)) {
        while (receive(near)) {
        }
        return true;
      }
    }
    return false;
  }

  disco_serial *near, *far;
};

TEST(Serial, WaitsForEachOfSeveralWires) {
  const std::string path = testing::TempDir() + "serial_" + std::to_string(getpid());
  Wire first(path + "a"), second(path + "b"), third(path + "c");
  Wire *const wires[] = {&first, &second, &third};
  disco_serial *const ends[] = {first.near, second.near, third.near};
  for (Wire *wire : wires)
    ASSERT_TRUE(wire->connect());
  constexpr uint64_t limit = 20000000;
  for (Wire *wire : wires) {
    // What came while they were connected has been read.
    disco_serial_wait(ends, 3, 1000);
    for (disco_serial *end : ends)
      while (Wire::receive(end)) {
      }
    ASSERT_TRUE(Wire::send(wire->far));
    disco_serial_wait(&wire->far, 1, 1000);
    const uint64_t begin = disco_serial_now(nullptr);
    disco_serial_wait(ends, 3, limit);
    EXPECT_LT(disco_serial_now(nullptr) - begin, limit / 2);
    EXPECT_TRUE(Wire::receive(wire->near));
  }
}

// Waiting is when the bytes go out that a full link did not take.
TEST(Serial, WaitingSendsWhatEachWireHolds) {
  const std::string path = testing::TempDir() + "serial_" + std::to_string(getpid());
  Wire first(path + "e"), second(path + "f");
  disco_serial *const ends[] = {first.near, second.near};
  for (Wire *wire : {&first, &second}) {
    ASSERT_TRUE(wire->connect());
    uint32_t held = 0, came = 0;
    while (held < 1000000 && Wire::send(wire->near))
      ++held;
    ASSERT_LT(held, 1000000u) << "the link takes everything";
    for (int idle = 0; idle < 100 && came < held; ++idle) {
      for (; Wire::receive(wire->far); ++came)
        idle = 0;
      disco_serial_wait(ends, 2, 1000);
    }
    EXPECT_EQ(came, held);
  }
}

TEST(Serial, WaitsNoLongerThanItIsTold) {
  const std::string path = testing::TempDir() + "serial_" + std::to_string(getpid());
  Wire wire(path + "d");
  ASSERT_TRUE(wire.connect());
  const uint64_t begin = disco_serial_now(nullptr);
  disco_serial_wait(&wire.near, 1, 50000);
  EXPECT_GE(disco_serial_now(nullptr) - begin, 49000u);
  EXPECT_LT(disco_serial_now(nullptr) - begin, 20000000u);
}

} // namespace
