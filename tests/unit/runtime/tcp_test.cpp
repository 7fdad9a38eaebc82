//===- tcp_test.cpp - clusters over TCP, strangers, killed processes ------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "mesh.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

void sleepMs(uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

int dial(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr *>(&a), sizeof a), 0);
  timeval limit = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

std::string receiveAll(int fd) {
  std::string all(200, 0);
  size_t got = 0;
  for (ssize_t n; (n = recv(fd, &all[got], all.size() - got, 0)) > 0;)
    got += static_cast<size_t>(n);
  all.resize(got);
  return all;
}

std::vector<Route> allPairs(uint32_t nodes, uint32_t bytes) {
  std::vector<Route> r;
  for (uint32_t from = 0; from < nodes; ++from)
    for (uint32_t to = 0; to < nodes; ++to)
      if (from != to)
        r.push_back(
            {from * nodes + to, static_cast<uint16_t>(from), static_cast<uint16_t>(to), bytes});
  return r;
}

TEST(Tcp, Exchanges) {
  for (uint32_t nodes : {2u, 4u}) {
    Cluster c(nodes, allPairs(nodes, 3000));
    Mesh m(nodes);
    for (uint32_t i = 0; i < nodes; ++i)
      c[i].config.transport = m.open(i);
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 50; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      return 0;
    });
    for (int r : results)
      EXPECT_EQ(r, 0) << disco_error_text(r);
  }
}

TEST(Tcp, BigMessages) {
  Cluster c(2, {{1, 0, 1, 30000000}, {2, 1, 0, 30000000}});
  c.configure(
      [](disco_config &g) { g.deadline_us = 20000000; }); // filling them takes sanitizers long
  Mesh m(2);
  for (uint32_t i = 0; i < 2; ++i)
    c[i].config.transport = m.open(i);
  EXPECT_EQ(c.run([&](uint32_t rank) { return exchangeAll(c, rank, 1); }),
            std::vector<int>({0, 0}));
  EXPECT_EQ(disco_peer_stats(&c[0].node, 1)->tx_payload, 30000000u);
}

// Many messages that one call has read: what a pump leaves of them is there, however long the link
// stays silent.
TEST(Tcp, WhatWasReadAheadIsNotSleptOn) {
  constexpr uint32_t count = 50; // a pump takes 32
  std::vector<Route> routes;
  for (uint32_t i = 0; i < count; ++i)
    routes.push_back({1 + i, 0, 1, 1});
  Cluster c(2, routes);
  c.configure([](disco_config &g) { g.deadline_us = 240000000; });
  Mesh m(2);
  for (uint32_t i = 0; i < 2; ++i)
    c[i].config.transport = m.open(i);
  std::atomic<bool> sent{false}, received{false};
  std::chrono::duration<double> waited{};
  std::vector<int> results = c.run([&](uint32_t rank) {
    disco_node *n = &c[rank].node;
    std::array<uint8_t, count> bytes = {};
    int code = disco_begin(n);
    for (uint32_t i = 0; i < count && !code; ++i) {
      code = rank == 0 ? disco_send(n, i, &bytes[i]) : disco_post(n, i, &bytes[i]);
      if (!code && rank == 0)
        code = disco_flush(n, i);
    }
    sent = sent || rank == 0;
    while (!sent)
      sleepMs(1);
    const auto begun = std::chrono::steady_clock::now();
    if (!code && rank == 1)
      code = disco_wait(n, count - 1);
    if (rank == 1)
      waited = std::chrono::steady_clock::now() - begun;
    received = received || rank == 1;
    while (!received) // a bye would end the sleep
      sleepMs(1);
    return code ? code : disco_end(n);
  });
  EXPECT_EQ(results, std::vector<int>({0, 0}));
  EXPECT_LT(waited.count(), 30); // a quarter of the deadline is slept at most
}

TEST(Tcp, AnyStartOrder) {
  std::mt19937 random(3);
  for (int round = 0; round < 6; ++round) {
    Cluster c(4, allPairs(4, 100));
    Mesh m(4);
    std::vector<uint32_t> delay = {0, 30, 60, 90};
    std::shuffle(delay.begin(), delay.end(), random);
    std::vector<std::thread> threads;
    std::vector<int> results(4, 1);
    for (uint32_t rank = 0; rank < 4; ++rank)
      close(m.fds[rank]), m.fds[rank] = -1;
    for (uint32_t rank = 0; rank < 4; ++rank)
      threads.emplace_back([&, rank] {
        sleepMs(delay[rank]);
        char error[200] = "";
        disco_tcp_options o = {rank, 4, m.pointers[rank], -1, m.pointers.data()};
        m.tcp[rank] = disco_tcp_create(&o, error, sizeof error);
        if (!m.tcp[rank])
          return;
        c[rank].config.transport = disco_tcp_transport(m.tcp[rank]);
        c[rank].init();
        int code = disco_start(&c[rank].node);
        if (!code)
          code = exchangeAll(c, rank, 1);
        int stopped = disco_stop(&c[rank].node);
        results[rank] = code ? code : stopped;
      });
    for (std::thread &t : threads)
      t.join();
    EXPECT_EQ(results, std::vector<int>(4, 0));
  }
}

TEST(Tcp, StrangersDoNotDisturb) {
  Cluster c(2, allPairs(2, 100));
  Mesh m(2);
  uint16_t port = m.ports[0];
  for (uint32_t i = 0; i < 2; ++i)
    c[i].config.transport = m.open(i);
  std::vector<int> strangers;
  for (int i = 0; i < 50; ++i)
    strangers.push_back(dial(port));
  for (const std::string &s :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x5c\xd1"), std::string(500, 'g'),
        hello(0, 2), hello(7, 2), hello(1, 2).substr(0, 50), changed(hello(1, 2), Magic, 0),
        std::string(hello(1, 2)).replace(40, 1, "#")}) {
    strangers.push_back(dial(port));
    EXPECT_EQ(send(strangers.back(), s.data(), s.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(s.size()));
  }
  std::vector<int> results = c.run([&](uint32_t rank) {
    if (rank == 1)
      sleepMs(50);
    return exchangeAll(c, rank, 1);
  });
  EXPECT_EQ(results, std::vector<int>({0, 0}));
  EXPECT_GE(disco_tcp_strangers(m.tcp[0]), 1u);
  // One that says a hello which cannot be taken is told ours.
  char bytes[100];
  EXPECT_GT(recv(strangers[54], bytes, sizeof bytes, 0), 0);
  EXPECT_EQ(disco_hello_rank(reinterpret_cast<uint8_t *>(bytes)), 0);
  for (int fd : strangers)
    close(fd);
}

// A node of another build, or epoch: named by both sides when the start deadline passes.
TEST(Tcp, ForeignNodesAreNamedAtTheStartDeadline) {
  for (uint32_t odd : {0u, 1u, 2u})
    for (bool epoch : {false, true}) {
      Cluster c(3, allPairs(3, 100));
      Mesh m(3);
      c.configure([](disco_config &g) { g.start_us = 1000000; });
      for (uint32_t i = 0; i < 3; ++i)
        c[i].config.transport = m.open(i);
      if (epoch)
        c[odd].config.epoch = 3;
      else
        c[odd].program.build_hash[15] ^= 1;
      std::vector<int> results = c.run([&](uint32_t rank) { return exchangeAll(c, rank, 1); });
      EXPECT_EQ(results, std::vector<int>(3, DISCO_ERR_START));
      for (uint32_t i = 0; i < 3; ++i) {
        const disco_tcp_foreign *f = disco_tcp_foreigners(m.tcp[i]);
        EXPECT_GT(f->count, 0u) << odd << " " << i;
        if (i == odd)
          continue;
        EXPECT_EQ(c[i].error().rank, odd);
        EXPECT_EQ(f->rank, odd);
        EXPECT_EQ(f->version, 2u);
        EXPECT_EQ(f->epoch, epoch ? 3u : 0u);
        EXPECT_STREQ(disco_tcp_trouble(m.tcp[i], odd), epoch ? "a shard of another epoch is there"
                                                             : "a shard of another build is there");
      }
    }
}

// Strangers of another version, build and epoch call before the real peer, and one takes its
// address at first. They are answered, without what would let them take a place, and the cluster
// starts.
TEST(Tcp, ForeignNodesTakeNobodysPlace) {
  Cluster c(2, allPairs(2, 100));
  Mesh m(2);
  uint16_t port = m.ports[0];
  for (uint32_t i = 0; i < 2; ++i)
    c[i].config.transport = m.open(i);
  std::vector<int> strangers;
  for (const std::string &s : {changed(hello(1, 2), Version, 1), changed(hello(1, 2), 32 + 9, 99),
                               changed(changed(hello(1, 2), Build, 99), 32, 99), hello(1, 2, 5)}) {
    strangers.push_back(dial(port));
    // With what a node sends behind its hello: unread, it would destroy the answer.
    std::string all = s + terms(1);
    EXPECT_EQ(send(strangers.back(), all.data(), all.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(all.size()));
  }
  std::vector<int> results = c.run([&](uint32_t rank) {
    if (rank == 1)
      sleepMs(50);
    return exchangeAll(c, rank, 1);
  });
  EXPECT_EQ(results, std::vector<int>({0, 0}));
  EXPECT_EQ(disco_tcp_foreigners(m.tcp[0])->count, 4u);
  std::string masked = hello(0, 2);
  for (size_t i = 36; i < 48; ++i)
    masked = changed(masked, i, 0);
  for (size_t i = 0; i < strangers.size(); ++i) {
    // Who knows the build is told it.
    EXPECT_EQ(receiveAll(strangers[i]), i == 1 || i == 2 ? masked : hello(0, 2)) << i;
    close(strangers[i]);
  }
}

// The node that is called is another one at first, as when a host is still running the old build.
TEST(Tcp, AForeignNodeThatIsCalledIsCalledAgain) {
  Cluster c(2, allPairs(2, 100));
  Mesh m(2);
  c[1].config.transport = m.open(1);
  std::thread first([&] {
    for (int i = 0; i < 3; ++i) {
      int fd = accept(m.fds[0], nullptr, nullptr);
      std::string other = changed(hello(0, 2), i == 0 ? 32 + 9 : Version, i == 1 ? 1 : 77);
      EXPECT_EQ(send(fd, other.data(), 30, MSG_NOSIGNAL), 30);
      sleepMs(5);
      EXPECT_EQ(send(fd, other.data() + 30, other.size() - 30, MSG_NOSIGNAL), 26);
      receiveAll(fd);
      close(fd);
    }
    c[0].config.transport = m.open(0);
    ASSERT_EQ(c[0].init(), 0);
    EXPECT_EQ(disco_start(&c[0].node), 0);
    EXPECT_EQ(exchangeAll(c, 0, 1), 0);
    EXPECT_EQ(disco_stop(&c[0].node), 0);
  });
  ASSERT_EQ(c[1].init(), 0);
  EXPECT_EQ(disco_start(&c[1].node), 0);
  EXPECT_EQ(exchangeAll(c, 1, 1), 0);
  EXPECT_EQ(disco_stop(&c[1].node), 0);
  EXPECT_EQ(disco_tcp_foreigners(m.tcp[1])->count, 3u);
  first.join();
}

TEST(Tcp, GarbageInsteadOfAPeer) {
  Cluster c(2, allPairs(2, 100));
  Mesh m(2);
  c[1].config.transport = m.open(1);
  std::thread server([&] {
    int fd = accept(m.fds[0], nullptr, nullptr);
    EXPECT_EQ(
        send(fd, "220 mail.example.org ESMTP ready, what can I do for you?\r\n", 58, MSG_NOSIGNAL),
        58);
    sleepMs(50);
    close(fd);
  });
  ASSERT_EQ(c[1].init(), 0);
  EXPECT_EQ(disco_start(&c[1].node), DISCO_ERR_MAGIC);
  EXPECT_EQ(c[1].error().rank, 0u);
  server.join();
}

TEST(Tcp, AServerThatHangsUpIsTriedAgain) {
  Cluster c(2, allPairs(2, 100));
  Mesh m(2);
  c[0].config.transport = {};
  c[1].config.transport = m.open(1);
  std::thread first([&] {
    for (size_t said : {0u, 0u, 1u, 40u}) {
      int fd = accept(m.fds[0], nullptr, nullptr);
      EXPECT_EQ(send(fd, hello(0, 2).data(), said, MSG_NOSIGNAL), static_cast<ssize_t>(said));
      shutdown(fd, SHUT_WR);
      receiveAll(fd);
      close(fd);
    }
    c[0].config.transport = m.open(0);
    ASSERT_EQ(c[0].init(), 0);
    EXPECT_EQ(disco_start(&c[0].node), 0);
    EXPECT_EQ(exchangeAll(c, 0, 1), 0);
    EXPECT_EQ(disco_stop(&c[0].node), 0);
  });
  ASSERT_EQ(c[1].init(), 0);
  EXPECT_EQ(disco_start(&c[1].node), 0);
  EXPECT_EQ(exchangeAll(c, 1, 1), 0);
  EXPECT_EQ(disco_stop(&c[1].node), 0);
  first.join();
}

TEST(Tcp, NobodyListens) {
  Cluster c(3, allPairs(3, 100));
  Mesh m(3);
  close(m.fds[0]);
  m.fds[0] = -1;
  c[2].config.transport = m.open(2);
  c[2].config.start_us = 200000;
  ASSERT_EQ(c[2].init(), 0);
  uint64_t from = nowMs();
  EXPECT_EQ(disco_start(&c[2].node), DISCO_ERR_START);
  EXPECT_EQ(c[2].error().rank, 0u);
  EXPECT_LT(nowMs() - from, 1000u);
  EXPECT_STREQ(disco_tcp_trouble(m.tcp[2], 0), "nobody listens there");
}

TEST(Tcp, AddressesThatCannotWork) {
  char error[200] = "";
  const char *peers[3] = {"127.0.0.1:1", nullptr, nullptr};
  disco_tcp_options o = {2, 3, nullptr, -1, peers};
  EXPECT_EQ(disco_tcp_create(&o, error, sizeof error), nullptr);
  EXPECT_STREQ(error, "no address for rank 1, to which rank 2 connects");
  o = {0, 3, nullptr, -1, peers};
  EXPECT_EQ(disco_tcp_create(&o, error, sizeof error), nullptr);
  EXPECT_STREQ(error, "rank 0 needs an address to listen on: higher ranks connect to it");
  uint16_t port = 0;
  int fd = listener(&port);
  std::string taken = "127.0.0.1:" + std::to_string(port);
  o.listen = taken.c_str();
  EXPECT_EQ(disco_tcp_create(&o, error, sizeof error), nullptr);
  EXPECT_EQ(std::string(error), "cannot listen on " + taken + ": Address already in use");
  close(fd);
  o.listen = "127.0.0.1:http";
  EXPECT_EQ(disco_tcp_create(&o, error, sizeof error), nullptr);
  // Without a host: loopback only.
  o.listen = ":0";
  disco_tcp *t = disco_tcp_create(&o, error, sizeof error);
  ASSERT_NE(t, nullptr) << error;
  EXPECT_NE(disco_tcp_port(t), 0);
  disco_tcp_destroy(t);
}

// What a child process tells about its end.
struct Ending {
  int32_t code, rank;
};

// Every node a process; one is killed after some microseconds. The others end in time, right or
// naming it.
void killOne(uint32_t nodes, uint32_t victim, uint32_t afterUs, const std::vector<Route> &routes,
             int *failed) {
  Cluster c(nodes, routes);
  Mesh m(nodes);
  std::vector<pid_t> children;
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  for (uint32_t rank = 0; rank < nodes; ++rank) {
    pid_t child = fork();
    if (child == 0) {
      for (uint32_t i = 0; i < nodes; ++i)
        if (i != rank)
          close(m.fds[i]);
      c[rank].config.transport = m.open(rank);
      int code = c[rank].init();
      if (!code)
        code = disco_start(&c[rank].node);
      for (uint32_t sequence = 1; sequence <= 40 && !code; ++sequence)
        code = exchangeAll(c, rank, sequence);
      int stopped = disco_stop(&c[rank].node);
      code = code ? code : stopped;
      int32_t all[3] = {static_cast<int32_t>(rank), code,
                        static_cast<int32_t>(c[rank].error().rank)};
      _exit(write(pipes[1], all, sizeof all) == sizeof all ? 0 : 1);
    }
    children.push_back(child);
  }
  close(pipes[1]);
  for (int &fd : m.fds) {
    close(fd);
    fd = -1;
  }
  usleep(afterUs);
  kill(children[victim], SIGKILL);
  uint64_t from = nowMs();
  std::vector<Ending> endings(nodes, {1, -1});
  int32_t all[3];
  while (read(pipes[0], all, sizeof all) == sizeof all)
    endings[static_cast<size_t>(all[0])] = {all[1], all[2]};
  close(pipes[0]);
  EXPECT_LT(nowMs() - from, 3000u);
  for (pid_t child : children)
    waitpid(child, nullptr, 0);
  for (uint32_t rank = 0; rank < nodes; ++rank) {
    if (rank == victim)
      continue;
    EXPECT_LE(endings[rank].code, 0)
        << "rank " << rank << " of " << nodes << " ended without a word, or with a wrong payload";
    if (endings[rank].code == 0)
      continue;
    ++*failed;
    EXPECT_EQ(endings[rank].rank, static_cast<int32_t>(victim))
        << "rank " << rank << " of " << nodes << " after " << afterUs << ": "
        << disco_error_text(endings[rank].code);
  }
}

TEST(Tcp, KilledProcesses) {
  std::mt19937 random(seed(11));
  int failed = 0;
  for (int round = 0; round < 40; ++round) {
    uint32_t nodes = 2 + random() % 4;
    std::vector<Route> routes;
    for (uint32_t i = 0; i < 10; ++i) {
      uint16_t from = static_cast<uint16_t>(random() % nodes),
               to = static_cast<uint16_t>(random() % nodes);
      if (from != to)
        routes.push_back(
            {i, from, to,
             static_cast<uint32_t>(random() % 4 ? random() % 3000 : random() % 3000000)});
    }
    killOne(nodes, random() % nodes, static_cast<uint32_t>(3000 + random() % 60000), routes,
            &failed);
  }
  EXPECT_GT(failed, 10);
}

// While the victim is killed another node computes for long, with data of all others unread.
TEST(Tcp, KilledWhileOneComputes) {
  for (uint32_t computing : {0u, 1u, 2u, 3u}) {
    Cluster c(4, allPairs(4, 200000));
    Mesh m(4);
    for (uint32_t i = 0; i < 4; ++i)
      c[i].config.transport = m.open(i);
    uint32_t victim = (computing + 1) % 4;
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank == computing)
        sleepMs(300);
      if (rank == victim) {
        for (uint32_t peer = 0; peer < 4; ++peer)
          if (peer != victim)
            c[victim].config.transport.close(c[victim].config.transport.context, peer);
        return -1;
      }
      return exchangeAll(c, rank, 1);
    });
    for (uint32_t rank = 0; rank < 4; ++rank)
      if (rank != victim)
        EXPECT_EQ(c[rank].error().rank, victim) << rank << " " << disco_error_text(results[rank]);
  }
}

} // namespace
