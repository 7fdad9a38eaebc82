//===- stopped_test.cpp - a process that stands still and wakes too late --===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "mesh.h"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

struct Ending {
  int32_t rank, code, named, reporter;
};

struct Round {
  uint32_t nodes, victim, afterUs, spinUs;
  std::vector<Route> routes;
  int rank = -1; // of the child
  std::vector<pid_t> children;
  int pipes[2];
};

void setUp(Cluster &c, uint32_t spinUs) {
  c.configure([spinUs](disco_config &g) {
    g.spin_us = spinUs;
    g.deadline_us = 2000000; // a busy machine lets a node stand still, too
    g.grace_us = 300000;
    g.settle_us = 20000;
  });
}

// Starts every node as a process; false in the parent.
void start(Round &r, Mesh &m) {
  ASSERT_EQ(pipe(r.pipes), 0);
  for (uint32_t rank = 0; rank < r.nodes; ++rank) {
    pid_t child = fork();
    if (child == 0) {
      Cluster c(r.nodes, r.routes);
      setUp(c, r.spinUs);
      for (uint32_t i = 0; i < r.nodes; ++i)
        if (i != rank)
          close(m.fds[i]);
      c[rank].config.transport = m.open(rank);
      int code = c[rank].init();
      if (!code)
        code = disco_start(&c[rank].node);
      for (uint32_t sequence = 1; sequence <= 5000 && !code; ++sequence)
        code = exchangeAll(c, rank, sequence);
      int stopped = disco_stop(&c[rank].node);
      Ending e = {static_cast<int32_t>(rank), code ? code : stopped,
                  static_cast<int32_t>(c[rank].error().rank),
                  static_cast<int32_t>(c[rank].error().reporter)};
      _exit(write(r.pipes[1], &e, sizeof e) == sizeof e ? 0 : 1);
    }
    r.children.push_back(child);
  }
  close(r.pipes[1]);
  for (int &fd : m.fds) {
    close(fd);
    fd = -1;
  }
}

// Everybody's deadline and grace time pass while the victim stands still.
void stopAndWake(Round &r) {
  usleep(r.afterUs);
  kill(r.children[r.victim], SIGSTOP);
  usleep(4000000);
  kill(r.children[r.victim], SIGCONT);
}

// Whoever failed names the one that stood still; so does that one itself.
void expectNamed(Round &r, std::atomic<int> *failed) {
  Ending e;
  uint32_t ended = 0;
  while (read(r.pipes[0], &e, sizeof e) == sizeof e) {
    ++ended;
    EXPECT_LE(e.code, 0) << "a wrong payload";
    if (e.code == 0)
      continue;
    ++*failed;
    EXPECT_EQ(e.named, static_cast<int32_t>(r.victim))
        << "rank " << e.rank << " of " << r.nodes << ", stopped after " << r.afterUs
        << " us: " << disco_error_text(e.code) << ", found by rank " << e.reporter;
  }
  close(r.pipes[0]);
  for (pid_t child : r.children)
    waitpid(child, nullptr, 0);
  EXPECT_EQ(ended, r.nodes);
}

TEST(Stopped, ANodeThatWakesTooLateNamesItself) {
  std::mt19937 random(seed(40));
  std::atomic<int> failed{0};
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<Round> rounds(8);
    std::vector<std::thread> threads;
    // All of them are started before any thread is: a fork takes no threads along.
    for (Round &r : rounds) {
      r.nodes = 2 + random() % 3;
      r.victim = random() % r.nodes;
      r.afterUs = 20000 + random() % 60000;
      // Whether it stops while it spins, and others while they spin on it.
      r.spinUs = random() % 2 ? 20000 : 0;
      // Everybody needs everybody.
      for (uint16_t i = 0; i < r.nodes; ++i)
        r.routes.push_back({100u + i, i, static_cast<uint16_t>((i + 1) % r.nodes), 100});
      for (uint32_t i = 0; i < 8; ++i) {
        uint16_t from = static_cast<uint16_t>(random() % r.nodes),
                 to = static_cast<uint16_t>((from + 1 + random() % (r.nodes - 1)) % r.nodes);
        r.routes.push_back(
            {i, from, to,
             static_cast<uint32_t>(random() % 4 ? random() % 3000 : random() % 300000)});
      }
      Mesh m(r.nodes);
      start(r, m);
    }
    for (Round &r : rounds)
      threads.emplace_back([&r] { stopAndWake(r); });
    for (std::thread &t : threads)
      t.join();
    for (Round &r : rounds)
      expectNamed(r, &failed);
  }
  printf("%d nodes failed and named it\n", failed.load());
  EXPECT_GT(failed, 36);
}

} // namespace
