//===- cluster.cpp - small clusters for the runtime's tests ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <algorithm>
#include <chrono>
#include <stdlib.h>
#include <string.h>
#include <thread>

namespace {

constexpr uint8_t buildHash[16] = {0xd1, 0x5c, 0x0b, 0x01, 5,  6,  7,  8,
                                   9,    10,   11,   12,   13, 14, 15, 16};

int noInfer(disco_node *, const void *const *, void *const *) { return 0; }

} // namespace

uint32_t TestNode::at(uint32_t id) const {
  for (uint32_t i = 0; i < messages.size(); ++i)
    if (messages[i].id == id)
      return i;
  return DISCO_NONE;
}

void TestNode::allow(uint8_t inFlight) {
  program.in_flight = inFlight;
  slots.resize(messages.size() * inFlight + 1);
  config.slots = slots.data();
}

Cluster::Cluster(uint32_t count, std::vector<Route> r) : routes(std::move(r)), nodes(count) {
  for (uint32_t rank = 0; rank < count; ++rank) {
    TestNode &n = nodes[rank];
    for (const Route &route : routes) {
      if (route.from == rank)
        n.messages.push_back({route.id, route.to, 0, route.bytes});
      if (route.to == rank)
        n.messages.push_back({route.id, route.from, 1, route.bytes});
    }
    n.program.model = "test";
    n.program.rank = rank;
    n.program.nodes = count;
    memcpy(n.program.build_hash, buildHash, sizeof buildHash);
    n.program.messages = n.messages.data();
    n.program.message_count = static_cast<uint32_t>(n.messages.size());
    n.program.infer = noInfer;
    n.peers.resize(count);
    n.slots.resize(n.messages.size() + 1);
    n.config.peers = n.peers.data();
    n.config.slots = n.slots.data();
    memcpy(n.config.nonce, nonceOf(rank).data(), DISCO_NONCE_SIZE);
    n.config.start_us = 2000000;
    n.config.deadline_us = 1000000;
    n.config.grace_us = 500000;
    n.config.settle_us = 50000;
  }
}

Cluster::~Cluster() {
  disco_mailboxes_destroy(mail);
  disco_inproc_destroy(links);
}

void Cluster::configure(const std::function<void(disco_config &)> &change) {
  for (TestNode &n : nodes)
    change(n.config);
}

void Cluster::useInproc(uint32_t capacity) {
  disco_inproc_destroy(links);
  links = disco_inproc_create(size(), capacity);
  for (uint32_t rank = 0; rank < size(); ++rank)
    nodes[rank].config.transport = disco_inproc_transport(links, rank);
}

void Cluster::useMail(uint32_t capacity, uint32_t places, const uint8_t *carries) {
  useInproc(capacity);
  disco_mailboxes_destroy(mail);
  disco_mailbox_options options = {size(), places, 0, carries};
  for (const Route &r : routes)
    options.bytes = std::max(options.bytes, r.bytes);
  mail = disco_mailboxes_create(links, &options);
  for (uint32_t rank = 0; rank < size(); ++rank)
    nodes[rank].config.mailbox = disco_mailbox_of(mail, rank);
}

std::vector<int> Cluster::run(const std::function<int(uint32_t)> &body) {
  std::vector<int> results(size());
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < size(); ++rank)
    threads.emplace_back([&, rank] {
      int code = nodes[rank].init();
      if (afterInit)
        afterInit(rank);
      if (code == 0)
        code = disco_start(&nodes[rank].node);
      if (code == 0)
        code = body(rank);
      int stopped = disco_stop(&nodes[rank].node);
      results[rank] = code ? code : stopped;
      if (afterStop)
        afterStop(rank);
    });
  for (std::thread &t : threads)
    t.join();
  return results;
}

uint8_t pattern(uint32_t id, uint32_t sequence, uint32_t offset) {
  return static_cast<uint8_t>(id * 31 + sequence * 7 + offset * 13 + (offset >> 8));
}

int exchangeAll(Cluster &c, uint32_t rank, uint32_t sequence) {
  TestNode &t = c[rank];
  std::vector<std::vector<uint8_t>> buffers(c.routes.size());
  for (size_t i = 0; i < c.routes.size(); ++i)
    buffers[i].resize(c.routes[i].bytes + 1);
  if (int code = disco_begin(&t.node))
    return code;
  for (size_t i = 0; i < c.routes.size(); ++i)
    if (c.routes[i].to == rank)
      if (int code = disco_post(&t.node, t.at(c.routes[i].id), buffers[i].data()))
        return code;
  for (size_t i = 0; i < c.routes.size(); ++i) {
    const Route &r = c.routes[i];
    if (r.from == rank) {
      for (uint32_t k = 0; k < r.bytes; ++k)
        buffers[i][k] = pattern(r.id, sequence, k);
      if (int code = disco_send(&t.node, t.at(r.id), buffers[i].data()))
        return code;
      if (int code = disco_flush(&t.node, t.at(r.id)))
        return code;
    } else if (r.to == rank) {
      if (int code = disco_wait(&t.node, t.at(r.id)))
        return code;
      for (uint32_t k = 0; k < r.bytes; ++k)
        if (buffers[i][k] != pattern(r.id, sequence, k))
          return 1000;
    }
  }
  return disco_end(&t.node);
}

static std::string encoded(const disco_frame &f, const std::string &payload) {
  uint8_t head[DISCO_HEADER_SIZE];
  disco_frame_encode(head, &f, payload.data());
  return std::string(reinterpret_cast<char *>(head), sizeof head) + payload;
}

static disco_frame frameOf(uint8_t type, uint32_t session, const std::string &payload) {
  disco_frame f = {};
  f.magic = DISCO_MAGIC;
  f.version = DISCO_PROTOCOL_VERSION;
  f.type = type;
  f.session = session;
  f.message = DISCO_NONE;
  f.length = static_cast<uint32_t>(payload.size());
  return f;
}

std::string dataFrame(uint32_t sequence, uint32_t message, const std::string &payload,
                      uint32_t session) {
  disco_frame f = frameOf(DISCO_FRAME_DATA, session, payload);
  f.sequence = sequence;
  f.message = message;
  return encoded(f, payload);
}

std::string controlFrame(disco_frame_type type, const std::string &payload, uint32_t session) {
  return encoded(frameOf(type, session, payload), payload);
}

std::string hello(uint32_t rank, uint32_t nodes, uint32_t epoch) {
  std::string payload(reinterpret_cast<const char *>(buildHash), 16);
  for (uint32_t v : {rank, nodes, 0u, 0u}) {
    payload += static_cast<char>(v & 255);
    payload += static_cast<char>(v >> 8);
  }
  return encoded(disco_hello_frame(buildHash, epoch), payload);
}

std::array<uint8_t, DISCO_NONCE_SIZE> nonceOf(uint32_t rank, uint32_t start) {
  std::array<uint8_t, DISCO_NONCE_SIZE> nonce;
  for (uint32_t i = 0; i < nonce.size(); ++i)
    nonce[i] = static_cast<uint8_t>(rank * 17 + start * 101 + i + 1);
  return nonce;
}

std::string terms(uint32_t rank, uint32_t start) {
  auto nonce = nonceOf(rank, start);
  std::string payload(reinterpret_cast<const char *>(nonce.data()), nonce.size());
  payload += std::string("\1\0\1\0\0\0\0\0", 8);
  return controlFrame(DISCO_FRAME_TERMS, payload, 0);
}

std::string greeting(uint32_t rank, uint32_t nodes) { return hello(rank, nodes) + terms(rank); }

uint32_t sessionOf(uint32_t a, uint32_t b) {
  return disco_session_id(nonceOf(a < b ? a : b).data(), nonceOf(a < b ? b : a).data(), buildHash);
}

std::string changed(std::string bytes, size_t offset, uint8_t value) {
  bytes[offset] = static_cast<char>(value);
  disco_frame f;
  uint8_t *head = reinterpret_cast<uint8_t *>(&bytes[0]);
  disco_frame_decode(&f, head);
  uint32_t stated = f.length;
  f.length = static_cast<uint32_t>(bytes.size()) - DISCO_HEADER_SIZE;
  if (stated == f.length) {
    disco_frame_encode(head, &f, head + DISCO_HEADER_SIZE);
    return bytes;
  }
  return bytes; // a wrong length is found before the CRC is looked at
}

int pumpLater(disco_node *node) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return disco_pump(node);
}

uint64_t nowMs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

uint32_t seed(uint32_t fallback) {
  const char *text = getenv("DISCO_TEST_SEED");
  return text ? static_cast<uint32_t>(strtoul(text, nullptr, 10)) : fallback;
}
