//===- calls_test.cpp - a node that ends after its k-th transport call ----===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace {

// What the streams buffer, and the places of mailboxes beside them, 0: none.
struct Links {
  uint32_t capacity, places;
};

// The transport of the node that is to end: counts its calls, and ends it at a given one.
struct Victim {
  disco_transport inner;
  disco_inproc *links;
  uint32_t rank;
  uint64_t at, calls;

  // Counts a call; ends the node in its place when the time has come.
  void count() {
    if (++calls == at)
      disco_inproc_kill(links, rank);
  }
};

Victim *of(void *context) { return static_cast<Victim *>(context); }

disco_transport counted(Victim *v) {
  disco_transport t;
  t.context = v;
  t.write = [](void *c, uint32_t peer, const void *data, size_t size, bool more) {
    of(c)->count();
    return of(c)->inner.write(of(c)->inner.context, peer, data, size, more);
  };
  t.read = [](void *c, uint32_t peer, void *data, size_t size) {
    of(c)->count();
    return of(c)->inner.read(of(c)->inner.context, peer, data, size);
  };
  t.finish = [](void *c, uint32_t peer) {
    of(c)->count();
    of(c)->inner.finish(of(c)->inner.context, peer);
  };
  t.close = [](void *c, uint32_t peer) {
    of(c)->count();
    of(c)->inner.close(of(c)->inner.context, peer);
  };
  t.wait = [](void *c, const disco_peer *peers, uint64_t us) {
    of(c)->count();
    of(c)->inner.wait(of(c)->inner.context, peers, us);
  };
  t.now_us = [](void *c) { return of(c)->inner.now_us(of(c)->inner.context); };
  return t;
}

// One run in which `victim` ends at its call number `at`; 0: never. Returns how many calls it made.
uint64_t runWith(uint32_t nodes, uint32_t victim, Links links, uint64_t at, int *failed) {
  std::vector<Route> routes;
  for (uint16_t i = 0; i < nodes; ++i) {
    routes.push_back({10u + i, i, static_cast<uint16_t>((i + 1) % nodes), 300});
    routes.push_back({20u + i, i, static_cast<uint16_t>((i + nodes - 1) % nodes), 50});
  }
  Cluster c(nodes, routes);
  if (links.places)
    c.useMail(links.capacity, links.places);
  else
    c.useInproc(links.capacity);
  c.configure([](disco_config &g) {
    g.start_us = 1000000;
    g.deadline_us = 500000;
    g.grace_us = 200000;
    g.settle_us = 50000;
  });
  Victim v = {disco_inproc_transport(c.links, victim), c.links, victim, at, 0};
  c[victim].config.transport = counted(&v);
  uint64_t from = nowMs();
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= 3; ++sequence)
      if (int code = exchangeAll(c, rank, sequence))
        return code;
    return 0;
  });
  // The start deadline when it never came, else its own and the grace time.
  EXPECT_LT(nowMs() - from, 3000u) << "call " << at;
  for (uint32_t rank = 0; rank < nodes; ++rank) {
    if (rank == victim && at)
      continue;
    EXPECT_LE(results[rank], 0) << "a wrong payload: rank " << rank << ", call " << at;
    if (results[rank] == 0)
      continue;
    ++*failed;
    EXPECT_EQ(c[rank].error().rank, victim)
        << "rank " << rank << " of " << nodes << ", call " << at << ": "
        << disco_error_text(results[rank]) << ", found by rank " << c[rank].error().reporter;
  }
  return v.calls;
}

// Every node, every k: all others end in time, right or naming the lost node.
class EveryCall : public testing::TestWithParam<Links> {};

TEST_P(EveryCall, OfEveryNode) {
  for (uint32_t nodes : {2u, 3u})
    for (uint32_t victim = 0; victim < nodes; ++victim) {
      uint64_t calls = 0;
      for (int i = 0; i < 3; ++i) {
        int fine = 0;
        calls = std::max(calls, runWith(nodes, victim, GetParam(), 0, &fine));
        EXPECT_EQ(fine, 0);
      }
      ASSERT_GT(calls, 10u); // beside mailboxes streams are read once in a while
      // Most of a run is waiting, so some run side by side.
      std::atomic<uint64_t> next{1};
      std::atomic<int> failed{0};
      std::vector<std::thread> workers;
      for (int i = 0; i < 6; ++i)
        workers.emplace_back([&] {
          int mine = 0;
          for (uint64_t at = next++; at <= calls; at = next++)
            runWith(nodes, victim, GetParam(), at, &mine);
          failed += mine;
        });
      for (std::thread &t : workers)
        t.join();
      EXPECT_GT(failed, static_cast<int>(calls / 3)) << nodes << " " << victim;
      printf("%u nodes, rank %u: %llu calls, %d nodes failed and named it\n", nodes, victim,
             static_cast<unsigned long long>(calls), failed.load());
    }
}

INSTANTIATE_TEST_SUITE_P(Inproc, EveryCall,
                         testing::Values(Links{DISCO_INPROC_EXACT, 0}, Links{64, 0},
                                         Links{65536, 0}));
INSTANTIATE_TEST_SUITE_P(Mail, EveryCall, testing::Values(Links{65536, 1}, Links{64, 2}));

} // namespace
