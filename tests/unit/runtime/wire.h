//===- wire.h - links that lose and damage, for the runtime's tests -------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_WIRE_H
#define DISCO_TESTS_WIRE_H

#include "transport/packets.h"
#include "transport/uart.h"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

// How often it happens, 0 to 1.
struct Faults {
  double damage = 0, lose = 0, insert = 0;  // to a byte
  double drop = 0, repeat = 0, reorder = 0; // to a packet
  // To a packet: its segment is changed by a multiple of the polynomial of CRC-32, which the
  // packet's CRC does not see.
  double unseen = 0;
  // No fault: end 1 of a byte wire sends so much slower than end 0, since its clock is slower.
  double slower = 0;
};

// What joins two ports.
class Wire {
public:
  virtual ~Wire() = default;
  virtual disco_port port(int end) = 0;
  // Moves what has been sent on its way.
  virtual void step() = 0;
  // Forgets what is under way, as when an end is started again.
  virtual void clear(int end) = 0;
};

// Packets, in queues of a limited length.
class PacketWire : public Wire {
public:
  PacketWire(uint32_t mtu, uint32_t room, Faults faults, uint32_t seed);
  disco_port port(int end) override;
  void step() override;
  void clear(int end) override;
  void breakIt() { broken = true; }

private:
  struct End {
    PacketWire *wire;
    int index;
    std::deque<std::vector<uint8_t>> sent, arriving;       // of this end
    std::deque<std::pair<int, std::vector<uint8_t>>> late; // to arrive here, after so many steps
  };
  int32_t send(End &from, const uint8_t *packet, uint32_t size);
  int32_t receive(End &at, uint8_t *packet, uint32_t capacity);

  uint32_t mtu, room;
  Faults faults;
  std::mt19937 random;
  std::mutex lock;
  std::atomic<bool> broken{false};
  End ends[2];
};

// Two UARTs. step() plays the interrupt handlers.
class ByteWire : public Wire {
public:
  // `speed`: bytes a step.
  ByteWire(uint32_t mtu, uint32_t ring, uint32_t speed, Faults faults, uint32_t seed);
  disco_port port(int end) override { return disco_uart_port(&ends[end].uart); }
  void step() override;
  void clear(int end) override;
  const disco_uart &uart(int end) const { return ends[end].uart; }
  uint64_t moved = 0;

private:
  struct End {
    std::vector<uint8_t> rx, tx;
    disco_uart uart = {};
  };
  uint32_t speed;
  Faults faults;
  double behind = 0; // bytes that end 1 has not sent as its clock is slower
  std::mt19937 random;
  End ends[2];
};

// Nodes with packets, and the wires between them.
class Net {
public:
  struct Settings {
    uint16_t payload = 56, window = 8;
    uint32_t forwardSlots = 4, retryUs = 20000;
  };
  Net(uint32_t nodes, Settings settings);
  ~Net();

  void join(uint32_t a, uint32_t b, std::unique_ptr<Wire> wire);
  // Plans the hops: the fewest, as the compiler does.
  void plan();
  // Starts a node, or starts it again: what it knew is gone.
  int start(uint32_t rank, uint16_t nonce);
  disco_transport transport(uint32_t rank) { return disco_packets_transport(&nodes[rank].packets); }
  disco_packets &packets(uint32_t rank) { return nodes[rank].packets; }
  disco_packets_config &config(uint32_t rank) { return nodes[rank].config; }
  uint32_t size() const { return static_cast<uint32_t>(nodes.size()); }

  // Moves the wires, and the clock by so much.
  void step(uint64_t us);
  // The clock is the real one from now on, and a thread moves the wires.
  void useRealTime();

  std::atomic<uint64_t> clockUs{1000000};

private:
  struct Node {
    disco_packets packets = {};
    disco_packets_config config = {};
    std::vector<disco_port> ports;
    std::vector<uint32_t> neighbours; // by port
    std::vector<disco_hop> hops;
    std::vector<uint64_t> memory;
    std::vector<std::pair<Wire *, int>> wires;
  };
  static uint64_t now(void *net);
  static void idle(void *net, uint64_t us);

  Settings settings;
  std::vector<Node> nodes;
  std::vector<std::unique_ptr<Wire>> wires;
  std::atomic<bool> real{false}, over{false};
  std::thread mover;
};

#endif // DISCO_TESTS_WIRE_H
