//===- cluster.h - small clusters for the runtime's tests -----------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_CLUSTER_H
#define DISCO_TESTS_CLUSTER_H

#include "disco.h"
#include "transport/mailbox.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

// A message of the whole cluster.
struct Route {
  uint32_t id;
  uint16_t from, to;
  uint32_t bytes;
};

// One node with the memory that it needs.
struct TestNode {
  disco_program program = {};
  std::vector<disco_message> messages;
  std::vector<disco_peer> peers;
  std::vector<disco_slot> slots;
  disco_config config = {};
  disco_node node = {};

  // Index of a message in this node's table.
  uint32_t at(uint32_t id) const;
  // So many inferences in flight.
  void allow(uint8_t inFlight);
  int init() { return disco_init(&node, &program, &config); }
  const disco_error &error() const { return *disco_last_error(&node); }
};

// The nodes of a cluster whose messages are `routes`, in this order. Short deadlines.
class Cluster {
public:
  Cluster(uint32_t nodes, std::vector<Route> routes);
  ~Cluster();

  uint32_t size() const { return static_cast<uint32_t>(nodes.size()); }
  TestNode &operator[](uint32_t rank) { return nodes[rank]; }
  // Gives every node the in-process transport.
  void useInproc(uint32_t capacity);
  // As well, and mailboxes with so many places of the longest message, between all pairs or, where
  // `carries` ([from * nodes + to]) is given, those.
  void useMail(uint32_t capacity, uint32_t places, const uint8_t *carries = nullptr);
  // Runs body(rank) of every rank in a thread of its own, between disco_start and disco_stop; a
  // rank's result is the first that is not 0.
  std::vector<int> run(const std::function<int(uint32_t)> &body);
  void configure(const std::function<void(disco_config &)> &change);

  // What a rank does behind disco_init and disco_stop; may be empty.
  std::function<void(uint32_t)> afterInit, afterStop;

  std::vector<Route> routes;
  disco_inproc *links = nullptr;
  disco_mailboxes *mail = nullptr;

private:
  std::vector<TestNode> nodes;
};

// A straight line that moves all routes in their order: every node posts what it receives from a
// sender one ahead, fills its sends with pattern(id, sequence), flushes, and checks what it
// receives. Returns the first error; 1000 when a payload is wrong.
int exchangeAll(Cluster &c, uint32_t rank, uint32_t sequence);

uint8_t pattern(uint32_t id, uint32_t sequence, uint32_t offset);

// The frame's bytes.
std::string dataFrame(uint32_t sequence, uint32_t message, const std::string &payload,
                      uint32_t session);
std::string controlFrame(disco_frame_type type, const std::string &payload, uint32_t session);
std::string hello(uint32_t rank, uint32_t nodes, uint32_t epoch = 0);
// `start`: which start of the rank; its nonce is made of both.
std::string terms(uint32_t rank, uint32_t start = 0);
std::string greeting(uint32_t rank, uint32_t nodes);
std::array<uint8_t, DISCO_NONCE_SIZE> nonceOf(uint32_t rank, uint32_t start = 0);
// Of two ranks in their first start.
uint32_t sessionOf(uint32_t a, uint32_t b);
// Offsets of the header's fields.
enum Field {
  Magic = 0,
  Version = 2,
  Type = 3,
  Session = 4,
  Sequence = 8,
  Message = 12,
  Part = 16,
  Form = 18,
  Tag = 19,
  Length = 20,
  Crc = 24,
  Zero = 28,
  // Of a hello.
  Build = 4,
  Epoch = 8,
  HelloSequence = 12,
  HelloMessage = 16
};
// Changes a byte and makes the CRC right again.
std::string changed(std::string frame, size_t offset, uint8_t value);

uint64_t nowMs();
/// A disco_pump that looks at the streams: soon after another it leaves them alone.
int pumpLater(disco_node *node);

// The seed of a random test, or that of the environment's DISCO_TEST_SEED.
uint32_t seed(uint32_t fallback);

#endif // DISCO_TESTS_CLUSTER_H
