//===- in_flight_test.cpp - several inferences under way at a time --------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

constexpr uint32_t most = 3;    // inferences in flight
constexpr uint32_t length = 48; // bytes of every message

// One node of a ring, or of a chain, whose nodes each add their rank + 1 to every byte. Node 0 is
// given the input; the last one sends to node 0, which returns the output, or returns it itself.
struct Shard {
  uint32_t rank, nodes;
  bool ring;
  uint8_t in[most][length], out[most][length]; // by inference
  uint64_t begun = 0, ended = 0;
  std::atomic<uint64_t> completed{0};
  uint64_t failAt = 0;  // an inference that this node gives up in
  uint64_t sleepMs = 0; // what computing takes

  bool hears() const { return ring || rank > 0; }
  bool says() const { return ring || rank + 1 < nodes; }
  bool returns() const { return ring ? rank == 0 : rank + 1 == nodes; }
  uint32_t heard() const { return rank == 0 ? nodes : rank; } // ids of messages
  uint32_t said() const { return rank + 1; }
};

Shard *shardOf(disco_node *node) { return static_cast<Shard *>(node->user); }

uint32_t indexOf(const disco_node *node, uint32_t id) {
  uint32_t i = 0;
  while (node->program->messages[i].id != id)
    ++i;
  return i;
}

// The bytes of the inference number `n` behind so many shards.
uint8_t valueAfter(uint64_t n, uint32_t offset, uint32_t shards) {
  uint32_t sum = 0;
  for (uint32_t r = 0; r < shards; ++r)
    sum += r + 1;
  return static_cast<uint8_t>(n * 37 + offset + sum);
}

int compute(disco_node *node, const uint8_t *from, uint8_t *to) {
  Shard *s = shardOf(node);
  const uint64_t until = nowMs() + s->sleepMs;
  while (s->sleepMs && nowMs() < until) { // layers
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (int code = pumpLater(node))
      return code;
  }
  for (uint32_t k = 0; k < length; ++k)
    to[k] = static_cast<uint8_t>(from[k] + s->rank + 1);
  return pumpLater(node);
}

// A message a peer at a time: that of the inference before has to leave first.
int sendBehind(disco_node *node, uint64_t older, const uint8_t *bytes) {
  Shard *s = shardOf(node);
  const uint32_t message = indexOf(node, s->said());
  int code = 0;
  if (older > 0) {
    code = disco_switch(node, static_cast<uint32_t>(older - 1));
    if (!code)
      code = disco_flush(node, message);
    if (!code)
      code = disco_switch(node, static_cast<uint32_t>(older));
  }
  return code ? code : disco_send(node, message, bytes);
}

// Node 0 computes and sends at once; the others only open their buffers.
int submit(disco_node *node, const void *const *inputs) {
  Shard *s = shardOf(node);
  const uint64_t lane = s->begun % node->program->in_flight, older = s->begun - s->ended;
  int code = disco_begin(node);
  if (!code && s->hears())
    code = disco_post(node, indexOf(node, s->heard()), s->in[lane]);
  ++s->begun;
  if (code || s->rank > 0)
    return code;
  code = compute(node, static_cast<const uint8_t *>(inputs[0]), s->out[lane]);
  return code ? code : sendBehind(node, older, s->out[lane]);
}

int collect(disco_node *node, void *const *outputs) {
  Shard *s = shardOf(node);
  const uint64_t lane = s->ended % node->program->in_flight;
  int code = disco_switch(node, 0);
  if (!code && s->hears())
    code = disco_wait(node, indexOf(node, s->heard()));
  if (!code && s->failAt == s->ended + 1)
    return disco_abort(node, 0);
  if (!code && s->rank > 0)
    code = compute(node, s->in[lane], s->out[lane]);
  if (!code && s->rank > 0 && s->says())
    code = disco_send(node, indexOf(node, s->said()), s->out[lane]);
  if (!code && s->returns())
    memcpy(outputs[0], s->ring ? s->in[lane] : s->out[lane], length);
  if (!code)
    code = disco_end(node);
  s->ended += !code;
  s->completed = s->ended;
  return code;
}

std::vector<Route> routesOf(uint32_t nodes, bool ring) {
  std::vector<Route> r;
  for (uint16_t i = 0; i + (ring ? 0u : 1u) < nodes; ++i)
    r.push_back({i + 1u, i, static_cast<uint16_t>((i + 1) % nodes), length});
  return r;
}

struct Pipeline : Cluster {
  Pipeline(uint32_t count, bool isRing, uint8_t inFlight)
      : Cluster(count, routesOf(count, isRing)), shards(count) {
    for (uint32_t rank = 0; rank < count; ++rank) {
      TestNode &t = (*this)[rank];
      t.allow(inFlight);
      t.program.infer = disco_infer;
      t.program.submit = submit;
      t.program.collect = collect;
      shards[rank].rank = rank;
      shards[rank].nodes = count;
      shards[rank].ring = isRing;
      t.config.user = &shards[rank];
    }
    useInproc(65536);
  }

  int give(uint64_t n) {
    std::vector<uint8_t> &bytes = inputs[n % most];
    bytes.resize(length);
    for (uint32_t k = 0; k < length; ++k)
      bytes[k] = valueAfter(n, k, 0);
    const void *pointers[] = {bytes.data()};
    return disco_submit(&(*this)[0].node, pointers);
  }

  // 1000: not the output of this inference.
  int take(uint32_t rank, uint64_t n) {
    std::vector<uint8_t> bytes(length);
    void *pointers[] = {bytes.data()};
    int code = disco_collect(&(*this)[rank].node, pointers);
    for (uint32_t k = 0; !code && shards[rank].returns() && k < length; ++k)
      code = bytes[k] == valueAfter(n, k, size()) ? 0 : 1000;
    return code;
  }

  // What a node without inputs does: as many open as may be, until the others leave.
  int serve(uint32_t rank) {
    disco_node *node = &(*this)[rank].node;
    for (uint64_t given = 0, taken = 0;;) {
      int code = disco_submit(node, nullptr);
      given += !code;
      if (code == DISCO_ERR_BUSY)
        code = take(rank, ++taken);
      if (code)
        return code == DISCO_ERR_END ? 0 : code;
    }
  }

  std::vector<Shard> shards;
  std::vector<uint8_t> inputs[most];
};

// How the caller of node 0 goes about it.
enum class Caller { keepsItFull, oneByOne, random };

int call(Pipeline &c, Caller how, uint32_t times) {
  std::mt19937 random(seed(3));
  const uint32_t inFlight = c[0].program.in_flight;
  uint64_t given = 0, taken = 0;
  while (taken < times) {
    const uint64_t now = given - taken;
    bool more = given < times && (how == Caller::keepsItFull ? now < inFlight
                                  : how == Caller::oneByOne  ? now == 0
                                                             : now == 0 || random() % 2);
    int code = more ? c.give(given + 1) : c.take(0, taken + 1);
    if (more && code == DISCO_ERR_BUSY && now == inFlight)
      continue;
    (more ? given : taken) += !code;
    if (code)
      return code;
  }
  return 0;
}

struct Setting {
  uint32_t nodes;
  uint8_t inFlight;
  uint32_t capacity, places;
};

class InFlight : public testing::TestWithParam<Setting> {};

TEST_P(InFlight, ResultsComeInOrder) {
  const Setting s = GetParam();
  for (bool ring : {true, false})
    for (Caller how : {Caller::keepsItFull, Caller::oneByOne, Caller::random}) {
      Pipeline c(s.nodes, ring, s.inFlight);
      if (s.places)
        c.useMail(s.capacity, s.places);
      else
        c.useInproc(s.capacity);
      EXPECT_EQ(c.run([&](uint32_t rank) { return rank == 0 ? call(c, how, 40) : c.serve(rank); }),
                std::vector<int>(s.nodes, 0));
      for (Shard &shard : c.shards)
        EXPECT_EQ(shard.ended, 40u) << shard.rank;
      EXPECT_EQ(disco_peer_stats(&c[0].node, 1)->tx_messages, 40u);
    }
}

INSTANTIATE_TEST_SUITE_P(Inproc, InFlight,
                         testing::Values(Setting{2, 1, DISCO_INPROC_EXACT, 0},
                                         Setting{2, 2, DISCO_INPROC_EXACT, 0}, Setting{3, 2, 64, 0},
                                         Setting{3, 3, DISCO_INPROC_EXACT, 0},
                                         Setting{4, 3, 65536, 0},
                                         Setting{3, 2, DISCO_INPROC_EXACT, 1},
                                         Setting{3, 3, 65536, 2}));

// Three nodes that each take 4 ms are busy at the same time.
TEST(InFlightTime, NodesWorkSideBySide) {
  uint64_t took[2];
  for (uint8_t inFlight : {1, 3}) {
    Pipeline c(3, true, inFlight);
    for (Shard &s : c.shards)
      s.sleepMs = 4;
    uint64_t from = nowMs();
    EXPECT_EQ(c.run([&](uint32_t rank) {
      return rank == 0 ? call(c, Caller::keepsItFull, 30) : c.serve(rank);
    }),
              std::vector<int>(3, 0));
    took[inFlight == 3] = nowMs() - from;
  }
  EXPECT_GE(took[0], 30u * 12);
  EXPECT_LT(took[1], took[0] * 2 / 3);
  printf("30 inferences of 3 nodes: %llu ms one at a time, %llu ms with three in flight\n",
         static_cast<unsigned long long>(took[0]), static_cast<unsigned long long>(took[1]));
}

// The number of an inference wraps, whether the inferences in flight divide it or not.
TEST(InFlight, SequencesWrap) {
  for (uint8_t inFlight : {1, 2, 3}) {
    Pipeline c(3, true, inFlight);
    c.afterInit = [&](uint32_t rank) { c[rank].node.sequence = 0xfffffff8u; };
    EXPECT_EQ(c.run([&](uint32_t rank) {
      return rank == 0 ? call(c, Caller::random, 20) : c.serve(rank);
    }),
              std::vector<int>(3, 0));
    EXPECT_EQ(c[0].node.sequence, 12u);
  }
}

//===----------------------------------------------------------------------===//
// Back-pressure
//===----------------------------------------------------------------------===//

TEST(InFlight, OneTooManyIsRefusedAndNothingElse) {
  for (uint8_t inFlight : {1, 2, 3}) {
    Pipeline c(2, true, inFlight);
    EXPECT_EQ(c.run([&](uint32_t rank) {
      if (rank == 1)
        return c.serve(1);
      for (uint64_t n = 1; n <= inFlight; ++n)
        if (int code = c.give(n))
          return code;
      uint8_t bytes[length], given[length];
      for (uint32_t k = 0; k < length; ++k)
        given[k] = valueAfter(9, k, 0);
      const void *input[] = {given};
      void *output[] = {bytes};
      EXPECT_EQ(disco_submit(&c[0].node, input), DISCO_ERR_BUSY);
      EXPECT_EQ(disco_infer(&c[0].node, input, output), DISCO_ERR_BUSY);
      EXPECT_EQ(c[0].error().code, DISCO_OK);
      for (uint64_t n = 1; n <= inFlight; ++n)
        if (int code = c.take(0, n))
          return code;
      if (int code = c[0].program.infer(&c[0].node, input, output))
        return code;
      return bytes[5] == valueAfter(9, 5, 2) ? 0 : 1000;
    }),
              std::vector<int>(2, 0));
  }
}

// A node that is given inputs and returns nothing is held back by the buffers that the next one has
// opened.
TEST(InFlight, ASlowNodeHoldsTheFirstBack) {
  for (uint8_t inFlight : {1, 2, 3}) {
    Pipeline c(2, false, inFlight);
    c.useInproc(DISCO_INPROC_EXACT);
    c.shards[1].sleepMs = 6;
    uint64_t ahead = 0;
    EXPECT_EQ(c.run([&](uint32_t rank) {
      if (rank == 1)
        return c.serve(1);
      for (uint64_t n = 1; n <= 20; ++n) {
        int code = c.give(n);
        if (!code)
          code = c.take(0, n);
        if (code)
          return code;
        ahead = std::max(ahead, n - c.shards[1].completed);
      }
      return 0;
    }),
              std::vector<int>(2, 0));
    EXPECT_LE(ahead, inFlight);
    EXPECT_GE(ahead, inFlight > 1 ? 2u : 1u);
    EXPECT_EQ(c.shards[1].ended, 20u);
  }
}

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

// What was collected before is right; all in flight are lost with the one that failed.
TEST(InFlight, AFailingInferenceEndsAllInFlight) {
  for (bool dies : {false, true})
    for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u}) {
      Pipeline c(3, true, 3);
      c.useInproc(capacity);
      c.configure([](disco_config &g) { g.deadline_us = 500000; });
      c.shards[1].failAt = dies ? 0 : 5;
      uint64_t taken = 0;
      std::vector<int> results = c.run([&](uint32_t rank) {
        if (rank == 1 && dies) {
          for (uint64_t n = 1; n <= 4; ++n) {
            disco_submit(&c[1].node, nullptr);
            c.take(1, n);
          }
          disco_inproc_kill(c.links, 1);
          return 0;
        }
        if (rank > 0)
          return c.serve(rank);
        uint64_t given = 0;
        for (;;) {
          int code = given - taken < 3 ? c.give(given + 1) : c.take(0, taken + 1);
          (given - taken < 3 ? given : taken) += !code;
          if (!code)
            continue;
          EXPECT_EQ(c.give(given + 1), code);
          EXPECT_EQ(c.take(0, taken + 1), code);
          return code;
        }
      });
      EXPECT_GE(taken, dies ? 0u : 2u); // of those that the fifth had to wait for
      EXPECT_LE(taken, 4u);
      for (uint32_t rank : {0u, 2u}) {
        EXPECT_EQ(results[rank], dies ? DISCO_ERR_LOST : DISCO_ERR_ABORTED) << rank;
        EXPECT_EQ(c[rank].error().rank, 1u) << rank;
      }
    }
}

// Three of 100 ms each, all under way from the start: the limit counts from the end of the one
// before.
TEST(InFlight, TheLimitOfAnInferenceBeginsWhenItIsTheOldest) {
  for (uint64_t sleepMs : {100, 700}) {
    Pipeline c(2, true, 3);
    c.configure([](disco_config &g) { g.inference_us = 250000; });
    c.shards[1].sleepMs = sleepMs;
    std::vector<int> results = c.run(
        [&](uint32_t rank) { return rank == 0 ? call(c, Caller::keepsItFull, 4) : c.serve(rank); });
    EXPECT_EQ(results[0], sleepMs == 100 ? 0 : DISCO_ERR_LIMIT);
  }
}

//===----------------------------------------------------------------------===//
// Wrong use
//===----------------------------------------------------------------------===//

// Node 0 of a ring of two, started, three inferences in flight; the test plays node 1.
struct Started : Pipeline {
  Started() : Pipeline(2, true, 3) {
    configure([](disco_config &g) {
      g.deadline_us = 50000;
      g.grace_us = g.settle_us = 5000;
    });
    disco_transport peer = disco_inproc_transport(links, 1);
    std::string said = hello(1, 2) + changed(terms(1), 32 + 16, 3);
    peer.write(peer.context, 0, said.data(), said.size(), false);
    EXPECT_EQ((*this)[0].init(), 0);
    EXPECT_EQ(disco_start(node()), 0);
  }
  disco_node *node() { return &(*this)[0].node; }
  void say(const std::string &bytes) {
    disco_transport peer = disco_inproc_transport(links, 1);
    peer.write(peer.context, 0, bytes.data(), bytes.size(), false);
  }
};

TEST(InFlight, CallsOutOfOrder) {
  Started none;
  uint8_t bytes[length] = {};
  EXPECT_EQ(disco_collect(none.node(), nullptr), DISCO_ERR_USAGE);
  Started whole; // a program that is not cut in two has one in flight
  whole[0].program.submit = nullptr;
  EXPECT_EQ(disco_submit(whole.node(), nullptr), DISCO_ERR_USAGE);
  Started ended;
  EXPECT_EQ(disco_end(ended.node()), DISCO_ERR_USAGE);
  Started outside;
  EXPECT_EQ(disco_send(outside.node(), 0, bytes), DISCO_ERR_USAGE);
  Started switched;
  EXPECT_EQ(disco_begin(switched.node()), 0);
  EXPECT_EQ(disco_switch(switched.node(), 0), 0);
  EXPECT_EQ(disco_switch(switched.node(), 1), DISCO_ERR_USAGE);
  Started many;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(disco_begin(many.node()), 0);
  EXPECT_EQ(disco_begin(many.node()), DISCO_ERR_USAGE);
  Started youngest; // the oldest ends first
  EXPECT_EQ(disco_begin(youngest.node()), 0);
  EXPECT_EQ(disco_begin(youngest.node()), 0);
  EXPECT_EQ(disco_end(youngest.node()), DISCO_ERR_USAGE);
}

// The same message of two inferences has two buffers, and its frames are told apart.
TEST(InFlight, FramesBelongToTheirInference) {
  for (uint32_t second : {1u, 2u, 3u, 4u, 6u}) {
    Started c;
    uint8_t a[length], b[length];
    const uint32_t back = c[0].at(2);
    ASSERT_EQ(disco_begin(c.node()), 0);
    ASSERT_EQ(disco_post(c.node(), back, a), 0);
    ASSERT_EQ(disco_begin(c.node()), 0);
    ASSERT_EQ(disco_post(c.node(), back, b), 0);
    c.say(dataFrame(1, 2, std::string(length, 'a'), sessionOf(0, 1)));
    c.say(dataFrame(second, 2, std::string(length, 'b'), sessionOf(0, 1)));
    // One that has not begun here waits until it does.
    const bool early = second == 3 || second == 4;
    EXPECT_EQ(disco_wait(c.node(), back), second == 2 ? 0
                                          : early     ? DISCO_ERR_DEADLINE
                                                      : DISCO_ERR_SEQUENCE);
    EXPECT_EQ(a[0], 'a');
    if (second != 2)
      continue;
    EXPECT_EQ(b[0], 'b');
    EXPECT_EQ(disco_switch(c.node(), 0), 0);
    EXPECT_EQ(disco_wait(c.node(), back), 0);
    // Two are under way, so the peer may have begun the third to the fifth.
    for (uint32_t early : {5u, 6u}) {
      c.say(dataFrame(early, 2, std::string(length, 'c'), sessionOf(0, 1)));
      EXPECT_EQ(pumpLater(c.node()), early == 5 ? 0 : DISCO_ERR_SEQUENCE);
      if (early == 5)
        break; // nothing behind it is read until it is posted
    }
  }
}

// A younger inference's message may come first; of one inference they come in their order.
TEST(InFlight, AYoungerInferenceMayOvertake) {
  Started c;
  uint8_t a[length], b[length];
  const uint32_t back = c[0].at(2);
  for (uint8_t *buffer : {a, b}) {
    ASSERT_EQ(disco_begin(c.node()), 0);
    ASSERT_EQ(disco_post(c.node(), back, buffer), 0);
  }
  c.say(dataFrame(2, 2, std::string(length, 'b'), sessionOf(0, 1)));
  EXPECT_EQ(disco_wait(c.node(), back), 0);
  EXPECT_EQ(b[0], 'b');
  c.say(dataFrame(1, 2, std::string(length, 'a'), sessionOf(0, 1)));
  EXPECT_EQ(disco_switch(c.node(), 0), 0);
  EXPECT_EQ(disco_wait(c.node(), back), 0);
  EXPECT_EQ(a[0], 'a');
  c.say(dataFrame(2, 2, std::string(length, 'b'), sessionOf(0, 1)));
  EXPECT_EQ(pumpLater(c.node()), 0); // nothing is posted
  ASSERT_EQ(disco_send(c.node(), c[0].at(1), a), 0);
  ASSERT_EQ(disco_switch(c.node(), 1), 0);
  ASSERT_EQ(disco_send(c.node(), c[0].at(1), b), 0); // behind the other one
}

//===----------------------------------------------------------------------===//
// Programs in pieces
//===----------------------------------------------------------------------===//

// Two nodes in a ring, as the compiler cuts them: node 0 adds 1, node 1 adds 2, node 0 adds 4.
int openAndAdd(disco_node *node, unsigned char *arena, const void *const *inputs, void *const *) {
  if (int code = disco_post(node, indexOf(node, 2), arena))
    return code;
  const uint8_t *from = static_cast<const uint8_t *>(inputs[0]);
  for (uint32_t k = 0; k < length; ++k)
    arena[length + k] = static_cast<uint8_t>(from[k] + 1);
  return disco_send(node, indexOf(node, 1), arena + length);
}

int returnSum(disco_node *, unsigned char *arena, const void *const *, void *const *outputs) {
  for (uint32_t k = 0; k < length; ++k)
    static_cast<uint8_t *>(outputs[0])[k] = static_cast<uint8_t>(arena[k] + 4);
  return 0;
}

int open(disco_node *node, unsigned char *arena, const void *const *, void *const *) {
  return disco_post(node, indexOf(node, 1), arena);
}

int addAndSend(disco_node *node, unsigned char *arena, const void *const *, void *const *) {
  const uint64_t until = nowMs() + static_cast<uint64_t *>(node->user)[0];
  while (nowMs() < until)
    if (int code = disco_pump(node))
      return code;
  for (uint32_t k = 0; k < length; ++k)
    arena[length + k] = static_cast<uint8_t>(arena[k] + 2);
  return disco_send(node, indexOf(node, 2), arena + length);
}

// The messages' indices are the same on both nodes.
const disco_piece givingPieces[] = {
    {DISCO_NONE, false, openAndAdd}, {0, false, nullptr}, {1, true, returnSum}};
const disco_piece servingPieces[] = {
    {DISCO_NONE, false, open}, {0, false, addAndSend}, {1, false, nullptr}};

struct Pieces : Cluster {
  explicit Pieces(uint8_t inFlight, uint32_t capacity) : Cluster(2, routesOf(2, true)) {
    for (uint32_t rank = 0; rank < 2; ++rank) {
      TestNode &t = (*this)[rank];
      flights[rank] = {rank == 0 ? +[]() { return givingPieces; } : +[]() { return servingPieces; },
                       3, arenas[rank][0], sizeof arenas[rank][0], cursors[rank]};
      t.allow(inFlight);
      t.program.infer = disco_infer;
      t.program.submit = disco_flight_submit;
      t.program.collect = disco_flight_collect;
      t.program.flight = &flights[rank];
      t.config.user = &sleepMs;
    }
    useInproc(capacity);
  }

  int give(uint64_t n) {
    std::vector<uint8_t> &bytes = inputs[n % most];
    bytes.assign(length, static_cast<uint8_t>(n));
    pointers[n % most] = bytes.data();
    return disco_submit(&(*this)[0].node, &pointers[n % most]);
  }
  int take(uint64_t n) {
    uint8_t bytes[length];
    void *to[] = {bytes};
    int code = disco_collect(&(*this)[0].node, to);
    return code ? code : bytes[length - 1] == static_cast<uint8_t>(n + 7) ? 0 : 1000;
  }
  int serve() {
    disco_node *node = &(*this)[1].node;
    for (;;) {
      int code = disco_submit(node, nullptr);
      if (code == DISCO_ERR_BUSY)
        code = disco_collect(node, nullptr);
      if (code)
        return code == DISCO_ERR_END ? 0 : code;
    }
  }

  uint64_t sleepMs = 0;
  unsigned char arenas[2][most][2 * length];
  disco_cursor cursors[2][most];
  disco_flight flights[2];
  std::vector<uint8_t> inputs[most];
  const void *pointers[most];
};

TEST(Pieces, StreamsOfAnyLengthEndWithAllOutputs) {
  for (uint8_t inFlight : {1, 2, 3})
    for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u})
      for (uint64_t count : {1, 2, 3, 4, 40}) {
        Pieces c(inFlight, capacity);
        EXPECT_EQ(c.run([&](uint32_t rank) {
          uint64_t given = 0, taken = 0;
          int code = 0;
          while (!code && rank == 0 && taken < count) {
            const bool more = given < count && given - taken < inFlight;
            code = more ? c.give(given + 1) : c.take(taken + 1);
            (more ? given : taken) += !code;
          }
          return rank == 0 ? code : c.serve();
        }),
                  std::vector<int>(2, 0))
            << unsigned(inFlight) << " " << capacity << " " << count;
      }
}

// A bye while all that is under way are opened buffers ends the session.
TEST(InFlight, AByeBeforeAnythingMoved) {
  Started c;
  uint8_t a[length];
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(disco_begin(c.node()), 0);
    ASSERT_EQ(disco_post(c.node(), c[0].at(2), a), 0);
  }
  c.say(controlFrame(DISCO_FRAME_BYE, "", sessionOf(0, 1)));
  EXPECT_EQ(disco_wait(c.node(), c[0].at(2)), DISCO_ERR_END);
  Started busy;
  ASSERT_EQ(disco_begin(busy.node()), 0);
  ASSERT_EQ(disco_post(busy.node(), busy[0].at(2), a), 0);
  ASSERT_EQ(disco_send(busy.node(), busy[0].at(1), a), 0);
  ASSERT_EQ(disco_begin(busy.node()), 0);
  ASSERT_EQ(disco_post(busy.node(), busy[0].at(2), a), 0);
  busy.say(controlFrame(DISCO_FRAME_BYE, "", sessionOf(0, 1)));
  EXPECT_EQ(disco_wait(busy.node(), busy[0].at(2)), DISCO_ERR_LEFT);
}

// What is left of an inference that has ended does not hide that the next one has begun to move.
TEST(InFlight, AByeInTheMiddleOfTheNextOne) {
  Started c;
  uint8_t a[length] = {}, b[length];
  const uint32_t there = c[0].at(1), back = c[0].at(2);
  for (uint8_t *buffer : {a, b}) {
    ASSERT_EQ(disco_begin(c.node()), 0);
    ASSERT_EQ(disco_post(c.node(), back, buffer), 0);
    ASSERT_EQ(disco_send(c.node(), there, a), 0);
    ASSERT_EQ(disco_flush(c.node(), there), 0);
  }
  ASSERT_EQ(disco_switch(c.node(), 0), 0);
  c.say(dataFrame(1, 2, std::string(length, 'a'), sessionOf(0, 1)));
  ASSERT_EQ(disco_wait(c.node(), back), 0);
  ASSERT_EQ(disco_end(c.node()), 0);
  c.say(controlFrame(DISCO_FRAME_BYE, "", sessionOf(0, 1)));
  EXPECT_EQ(disco_wait(c.node(), back), DISCO_ERR_LEFT);
}

// A node may pause between inferences for longer than it may stand still in the middle of one.
TEST(InFlight, APauseBetweenInferencesIsNoStandstill) {
  for (bool moves : {false, true}) {
    Started c;
    c[0].node.idle_us = 5000000;
    uint8_t a[length] = {};
    ASSERT_EQ(disco_begin(c.node()), 0);
    if (moves)
      ASSERT_EQ(disco_send(c.node(), c[0].at(1), a), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    ASSERT_EQ(disco_begin(c.node()), 0);
    EXPECT_EQ(c[0].node.late, moves);
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    ASSERT_EQ(disco_switch(c.node(), 0), 0);
    EXPECT_EQ(c[0].node.late, moves);
  }
}

} // namespace
