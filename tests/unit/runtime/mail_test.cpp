//===- mail_test.cpp - data by mailbox, beside the streams ----------------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

std::vector<Route> allToAll(uint32_t nodes, uint32_t rounds) {
  std::vector<Route> r;
  uint32_t id = 100;
  for (uint32_t round = 0; round < rounds; ++round)
    for (uint32_t from = 0; from < nodes; ++from)
      for (uint32_t to = 0; to < nodes; ++to)
        if (from != to)
          r.push_back(
              {id++, static_cast<uint16_t>(from), static_cast<uint16_t>(to), 100 + round * 3});
  return r;
}

std::vector<int> exchangeOften(Cluster &c, uint32_t times) {
  return c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= times; ++sequence)
      if (int code = exchangeAll(c, rank, sequence))
        return code;
    return 0;
  });
}

class Places : public testing::TestWithParam<uint32_t> {};

TEST_P(Places, AllToAll) {
  for (uint32_t nodes : {2u, 3u, 5u})
    for (uint32_t capacity : {DISCO_INPROC_EXACT, 65536u}) {
      Cluster c(nodes, allToAll(nodes, 3));
      c.useMail(capacity, GetParam());
      EXPECT_EQ(exchangeOften(c, 10), std::vector<int>(nodes, 0));
      for (uint32_t rank = 0; rank < nodes; ++rank) {
        const disco_stats *s = disco_peer_stats(&c[rank].node, rank ? 0 : 1);
        EXPECT_EQ(s->tx_messages, 30u);
        EXPECT_EQ(s->rx_messages, 30u);
        EXPECT_EQ(s->tx_payload, 10u * (100 + 103 + 106));
        EXPECT_EQ(s->rx_payload, s->tx_payload);
        // As over a stream: greeting, 30 headers, bye.
        EXPECT_EQ(s->tx_wire, 112 + s->tx_payload + 30 * 32 + 32);
        EXPECT_EQ(s->rx_wire, s->tx_wire);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Mail, Places, testing::Values(1u, 2u, 7u));

// Some pairs by mail, some by stream, in one wait.
TEST(Mail, RandomClustersOfBothKindsOfLinks) {
  std::mt19937 random(seed(9));
  for (int round = 0; round < 60; ++round) {
    uint32_t nodes = 2 + random() % 6;
    std::vector<Route> routes;
    for (uint32_t i = 0, n = 1 + random() % 30; i < n; ++i) {
      uint16_t from = static_cast<uint16_t>(random() % nodes),
               to = static_cast<uint16_t>(random() % nodes);
      if (from != to)
        routes.push_back(
            {i, from, to, static_cast<uint32_t>(random() % 3 ? random() % 300 : random() % 20000)});
    }
    std::vector<uint8_t> carries(nodes * nodes);
    for (uint32_t a = 0; a < nodes; ++a)
      for (uint32_t b = 0; b < a; ++b)
        carries[a * nodes + b] = carries[b * nodes + a] = random() % 2;
    Cluster c(nodes, routes);
    c.useMail(random() % 2 ? DISCO_INPROC_EXACT : 1 + random() % 5000, 1 + random() % 3,
              carries.data());
    EXPECT_EQ(exchangeOften(c, 4), std::vector<int>(nodes, 0)) << "round " << round;
  }
}

// Node 0 runs three inferences, the others until it leaves: a bye does not overtake mail.
TEST(Mail, ServingEndsWithTheByes) {
  for (uint32_t places : {1u, 4u}) {
    Cluster c(4, {{1, 0, 1, 100}, {2, 1, 2, 100}, {3, 2, 3, 10}, {4, 3, 0, 100}, {5, 0, 3, 8}});
    c.useMail(65536, places);
    std::vector<int> served(4);
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; rank > 0 || sequence <= 3; ++sequence) {
        int code = exchangeAll(c, rank, sequence);
        if (code)
          return code == DISCO_ERR_END ? 0 : code;
        ++served[rank];
      }
      return 0;
    });
    EXPECT_EQ(results, std::vector<int>(4, 0));
    EXPECT_EQ(served, std::vector<int>(4, 3));
  }
}

// A node that is not waited for says all it has and leaves; its mail is taken later.
TEST(Mail, WhatALeaverLeftBehindIsTaken) {
  Cluster c(2, {{1, 0, 1, 100}, {2, 0, 1, 50}, {3, 0, 1, 7}});
  c.useMail(65536, 3);
  EXPECT_EQ(c.run([&](uint32_t rank) {
    if (rank == 1)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return exchangeAll(c, rank, 1);
  }),
            std::vector<int>({0, 0}));
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

void fill(void *at, uint32_t id, uint32_t sequence, uint32_t bytes) {
  for (uint32_t k = 0; k < bytes; ++k)
    static_cast<uint8_t *>(at)[k] = pattern(id, sequence, k);
}

bool holds(const void *at, uint32_t id, uint32_t sequence, uint32_t bytes) {
  for (uint32_t k = 0; k < bytes; ++k)
    if (static_cast<const uint8_t *>(at)[k] != pattern(id, sequence, k))
      return false;
  return true;
}

// Node 0 writes messages 1 and 2 where they leave from; node 1 reads them where they lie, and
// answers with 3 once both are free.
int writeInPlace(TestNode &t, uint32_t sequence, int *placed) {
  std::vector<uint8_t> own(64), answer(4);
  int code = disco_begin(&t.node);
  if (!code)
    code = disco_post(&t.node, t.at(3), answer.data());
  for (uint32_t id : {1u, 2u}) {
    void *place = code ? nullptr : disco_place(&t.node, t.at(id));
    *placed += place != nullptr;
    place = place ? place : own.data();
    fill(place, id, sequence, 64);
    if (!code)
      code = disco_send(&t.node, t.at(id), place);
    if (!code)
      code = disco_flush(&t.node, t.at(id));
  }
  if (!code)
    code = disco_wait(&t.node, t.at(3));
  return code ? code : disco_end(&t.node);
}

int readInPlace(TestNode &t, uint32_t sequence) {
  uint8_t answer[4] = {};
  int code = disco_begin(&t.node);
  for (uint32_t id : {1u, 2u})
    if (!code)
      code = disco_post(&t.node, t.at(id), nullptr);
  for (uint32_t id : {1u, 2u})
    if (!code)
      code = disco_wait(&t.node, t.at(id));
  for (uint32_t id : {2u, 1u}) { // in another order than they came
    const void *place = disco_place(&t.node, t.at(id));
    if (!code && (!place || reinterpret_cast<uintptr_t>(place) % 64 ||
                  !holds(place, id, sequence, 64) || disco_received(&t.node, t.at(id)) != 64))
      code = 1000;
    if (!code)
      code = disco_release(&t.node, t.at(id));
    if (!code && disco_place(&t.node, t.at(id)))
      code = 1001;
  }
  if (!code)
    code = disco_send(&t.node, t.at(3), answer);
  return code ? code : disco_end(&t.node);
}

TEST(Mail, KernelsWriteAndReadInPlaces) {
  Cluster c(2, {{1, 0, 1, 64}, {2, 0, 1, 64}, {3, 1, 0, 4}});
  c.useMail(65536, 2);
  int placed = 0;
  EXPECT_EQ(c.run([&](uint32_t rank) {
    int code = 0;
    for (uint32_t sequence = 1; sequence <= 50 && !code; ++sequence)
      code = rank == 0 ? writeInPlace(c[0], sequence, &placed) : readInPlace(c[1], sequence);
    return code;
  }),
            std::vector<int>({0, 0}));
  EXPECT_EQ(placed, 100);
}

// Where no place is free, and where there is no mailbox, the program's own buffer is used.
TEST(Mail, WithoutAPlaceTheOwnBufferServes) {
  Cluster c(2, {{1, 0, 1, 64}, {2, 0, 1, 64}, {3, 1, 0, 4}});
  for (uint32_t places : {1u, 0u}) {
    if (places)
      c.useMail(65536, places);
    else
      c.useInproc(65536);
    c.configure([&](disco_config &g) { g.mailbox = places ? g.mailbox : nullptr; });
    int placed = 0;
    EXPECT_EQ(c.run([&](uint32_t rank) {
      int code = 0;
      for (uint32_t sequence = 1; sequence <= 20 && !code; ++sequence)
        code = rank == 0 ? writeInPlace(c[0], sequence, &placed) : exchangeAll(c, rank, sequence);
      return code;
    }),
              std::vector<int>({0, 0}));
    EXPECT_LE(placed, places ? 40 : 0);
    EXPECT_GE(placed, places ? 20 : 0); // the first message of an inference always has one
  }
}

// Held places are room that the sender does not have.
TEST(Mail, HeldPlacesHoldTheSenderBack) {
  Cluster c(2, {{1, 0, 1, 8}, {2, 0, 1, 8}, {3, 0, 1, 8}});
  c.useMail(65536, 2);
  std::atomic<int> left{0}, seen{-1};
  EXPECT_EQ(c.run([&](uint32_t rank) {
    TestNode &t = c[rank];
    uint8_t bytes[8] = {};
    int code = disco_begin(&t.node);
    for (uint32_t id = 1; id <= 3 && !code; ++id) {
      code = rank ? disco_post(&t.node, t.at(id), nullptr) : disco_send(&t.node, t.at(id), bytes);
      if (!code && rank == 0)
        code = disco_flush(&t.node, t.at(id));
      left += rank == 0 && !code;
    }
    for (uint32_t id = 1; id <= 2 && rank && !code; ++id)
      code = disco_wait(&t.node, t.at(id));
    if (rank) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      seen = left.load();
    }
    for (uint32_t id = 1; id <= 3 && rank && !code; ++id) {
      code = disco_wait(&t.node, t.at(id));
      if (!code)
        code = disco_release(&t.node, t.at(id));
    }
    return code ? code : disco_end(&t.node);
  }),
            std::vector<int>({0, 0}));
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(left, 3);
}

//===----------------------------------------------------------------------===//
// Wrong use
//===----------------------------------------------------------------------===//

// Rank 0 of two, started, in its first inference; the test plays rank 1.
struct Alone : Cluster {
  explicit Alone(bool byMail) : Cluster(2, {{1, 0, 1, 8}, {2, 0, 1, 8}, {3, 1, 0, 8}}) {
    byMail ? useMail(65536, 2) : useInproc(65536);
    configure([](disco_config &g) {
      g.deadline_us = 300000;
      g.grace_us = g.settle_us = 5000;
    });
    disco_transport peer = disco_inproc_transport(links, 1);
    std::string said = greeting(1, 2);
    peer.write(peer.context, 0, said.data(), said.size(), false);
    EXPECT_EQ((*this)[0].init(), 0);
    EXPECT_EQ(disco_start(node()), 0);
    EXPECT_EQ(disco_begin(node()), 0);
  }
  disco_node *node() { return &(*this)[0].node; }
  uint32_t at(uint32_t id) { return (*this)[0].at(id); }
};

TEST(Mail, AMessageWithAPlaceIsSentFromThere) {
  uint8_t own[8] = {};
  Alone other(true);
  ASSERT_NE(disco_place(other.node(), other.at(1)), nullptr);
  EXPECT_EQ(disco_place(other.node(), other.at(1)), nullptr); // it has it
  EXPECT_EQ(disco_place(other.node(), other.at(2)), nullptr); // one at a time
  EXPECT_EQ(disco_send(other.node(), other.at(1), own), DISCO_ERR_USAGE);
  Alone overtaken(true);
  ASSERT_NE(disco_place(overtaken.node(), overtaken.at(1)), nullptr);
  EXPECT_EQ(disco_send(overtaken.node(), overtaken.at(2), own), DISCO_ERR_USAGE);
  Alone flushed(true);
  ASSERT_NE(disco_place(flushed.node(), flushed.at(1)), nullptr);
  EXPECT_EQ(disco_flush(flushed.node(), flushed.at(1)), DISCO_ERR_USAGE);
  Alone unsent(true);
  ASSERT_NE(disco_place(unsent.node(), unsent.at(1)), nullptr);
  EXPECT_EQ(disco_end(unsent.node()), DISCO_ERR_USAGE);
}

TEST(Mail, AMessageIsMadeInItsPlaceOrInTheBuffer) {
  uint8_t own[8] = {};
  Alone c(true), stream(false);
  void *place = disco_place_or(c.node(), c.at(1), own);
  EXPECT_NE(place, own);
  EXPECT_EQ(disco_place_or(c.node(), c.at(2), own), own); // one at a time
  EXPECT_EQ(disco_send(c.node(), c.at(1), place), 0);
  EXPECT_EQ(disco_place_or(stream.node(), stream.at(1), own), own);
}

TEST(Mail, OnlyWhatLiesInAPlaceIsReleased) {
  uint8_t own[8];
  Alone stream(false);
  EXPECT_EQ(disco_place(stream.node(), stream.at(1)), nullptr);
  EXPECT_EQ(disco_post(stream.node(), stream.at(3), nullptr), DISCO_ERR_USAGE);
  Alone posted(true);
  EXPECT_EQ(disco_place(posted.node(), 99), nullptr);
  EXPECT_EQ(disco_post(posted.node(), posted.at(3), own), 0);
  EXPECT_EQ(disco_place(posted.node(), posted.at(3)), nullptr);
  EXPECT_EQ(disco_release(posted.node(), posted.at(3)), DISCO_ERR_USAGE);
}

TEST(Mail, WhatANodeWaitsFor) {
  Alone c(true);
  disco_peer *peers = c[0].peers.data();
  uint8_t own[8] = {};
  EXPECT_EQ(disco_wants(peers, 1), DISCO_WANT_READ);
  ASSERT_EQ(disco_post(c.node(), c.at(3), own), 0);
  EXPECT_EQ(disco_wants(peers, 1), DISCO_WANT_READ | DISCO_WANT_MAIL);
  // Both places are taken by messages that nobody reads.
  for (uint32_t id : {1u, 2u}) {
    ASSERT_EQ(disco_send(c.node(), c.at(id), own), 0);
    EXPECT_EQ(disco_wants(peers, 1), DISCO_WANT_READ | DISCO_WANT_MAIL);
  }
  Cluster three(2, {{1, 0, 1, 8}});
  three.useMail(64, 1);
  ASSERT_EQ(three[0].init(), 0);
  EXPECT_EQ(disco_wants(three[0].peers.data(), 1), DISCO_WANT_READ | DISCO_WANT_WRITE);
}

TEST(Mail, AWaitForAPlaceIsOneForTheMailbox) {
  Alone c(true);
  uint8_t own[8] = {};
  // Full by hand: both places.
  const disco_mailbox *box = c[0].config.mailbox;
  const uint8_t header[DISCO_HEADER_SIZE] = {};
  for (int i = 0; i < 2; ++i)
    box->start(box->context, 1, header, box->place(box->context, 1, nullptr, 8), 8);
  EXPECT_EQ(box->place(box->context, 1, nullptr, 8), nullptr);
  EXPECT_EQ(box->place(box->context, 1, nullptr, 9), nullptr);
  ASSERT_EQ(disco_send(c.node(), c.at(1), own), 0);
  EXPECT_EQ(disco_wants(c[0].peers.data(), 1), DISCO_WANT_READ | DISCO_WANT_MAILING);
  EXPECT_EQ(disco_flush(c.node(), c.at(1)), DISCO_ERR_DEADLINE);
  EXPECT_EQ(c[0].error().rank, 1u);
  EXPECT_EQ(c[0].error().message, 1u);
}

} // namespace
