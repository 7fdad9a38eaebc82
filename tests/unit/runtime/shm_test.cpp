//===- shm_test.cpp - mailboxes in memory that two ends of TCP share ------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"
#include "mesh.h"
#include "transport/shm.h"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <thread>

namespace {

void sleepMs(uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

std::vector<Route> rounds(uint32_t nodes, uint32_t bytes, uint32_t count) {
  std::vector<Route> r;
  uint32_t id = 10;
  for (uint32_t round = 0; round < count; ++round)
    for (uint32_t from = 0; from < nodes; ++from)
      for (uint32_t to = 0; to < nodes; ++to)
        if (from != to)
          r.push_back({id++, static_cast<uint16_t>(from), static_cast<uint16_t>(to),
                       bytes * (round + 1) / count});
  return r;
}

// A cluster over loopback TCP whose nodes try to share memory.
struct Sharing {
  Sharing(Cluster &c, const std::function<bool(uint32_t)> &shares = {})
      : cluster(c), mesh(c.size()) {
    shm.resize(c.size());
    for (uint32_t i = 0; i < c.size(); ++i) {
      c[i].config.transport = mesh.open(i);
      if (!shares || shares(i))
        share(i, c[i].config.nonce);
    }
  }
  ~Sharing() {
    for (disco_shm *s : shm)
      disco_shm_destroy(s);
  }
  void share(uint32_t rank, const uint8_t *nonce) {
    shm[rank] = disco_shm_create(&cluster[rank].program, nonce, mesh.tcp[rank], -1);
    ASSERT_NE(shm[rank], nullptr);
    cluster[rank].config.transport = disco_shm_transport(shm[rank]);
    cluster[rank].config.mailbox = disco_shm_mailbox(shm[rank]);
  }
  std::vector<int> exchange(uint32_t times) {
    return cluster.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= times; ++sequence)
        if (int code = exchangeAll(cluster, rank, sequence))
          return code;
      return 0;
    });
  }
  bool shared(uint32_t rank, uint32_t peer) { return disco_by_mailbox(&cluster[rank].node, peer); }

  Cluster &cluster;
  Mesh mesh;
  std::vector<disco_shm *> shm;
};

class Shm : public testing::TestWithParam<uint32_t> {}; // how long waits spin, us

TEST_P(Shm, AllToAll) {
  for (uint32_t nodes : {2u, 3u, 5u}) {
    Cluster c(nodes, rounds(nodes, 9000, 7)); // more messages than places
    c.configure([&](disco_config &g) { g.spin_us = GetParam(); });
    Sharing s(c);
    EXPECT_EQ(s.exchange(40), std::vector<int>(nodes, 0));
    for (uint32_t a = 0; a < nodes; ++a)
      for (uint32_t b = 0; b < nodes; ++b)
        EXPECT_EQ(s.shared(a, b), a != b);
    const disco_stats *t = disco_peer_stats(&c[0].node, 1);
    EXPECT_EQ(t->tx_messages, 280u);
    // As over a stream: greeting, headers, bye.
    EXPECT_EQ(t->tx_wire, 112 + t->tx_payload + 280 * 32 + 32);
  }
}

// A message in one direction only, of no bytes, and of many.
TEST_P(Shm, OddMessages) {
  Cluster c(3, {{1, 0, 1, 0}, {2, 1, 2, 1}, {3, 2, 0, 5000000}, {4, 2, 0, 64}});
  c.configure([&](disco_config &g) {
    g.spin_us = GetParam();
    g.deadline_us = 20000000;
  });
  Sharing s(c);
  EXPECT_EQ(s.exchange(5), std::vector<int>(3, 0));
  EXPECT_TRUE(s.shared(0, 1) && s.shared(1, 2) && s.shared(2, 0));
}

INSTANTIATE_TEST_SUITE_P(Spins, Shm, testing::Values(0u, 50u, 1000u));

TEST(SharedMemory, NothingToSendSharesNothing) {
  Cluster c(2, {});
  Sharing s(c);
  EXPECT_EQ(c.run([](uint32_t) { return 0; }), std::vector<int>(2, 0));
  EXPECT_FALSE(s.shared(0, 1) || s.shared(1, 0));
}

// Who does not share is reached by TCP, by the others as well.
TEST(SharedMemory, SomeNodesOnly) {
  for (uint32_t alone = 0; alone < 3; ++alone) {
    Cluster c(3, rounds(3, 3000, 2));
    Sharing s(c, [&](uint32_t rank) { return rank != alone; });
    EXPECT_EQ(s.exchange(20), std::vector<int>(3, 0));
    for (uint32_t a = 0; a < 3; ++a)
      for (uint32_t b = 0; b < 3; ++b)
        EXPECT_EQ(s.shared(a, b), a != b && a != alone && b != alone) << alone << a << b;
  }
}

// Without a nonce nobody can tell one process from another.
TEST(SharedMemory, NoNonce) {
  Cluster c(2, rounds(2, 3000, 2));
  c.configure([](disco_config &g) { memset(g.nonce, 0, sizeof g.nonce); });
  Sharing s(c);
  EXPECT_EQ(s.exchange(3), std::vector<int>(2, 0));
  EXPECT_FALSE(s.shared(0, 1) || s.shared(1, 0));
}

// Where the node that listens at the port takes offers.
sockaddr_un offerPlace(Cluster &c, uint16_t port, socklen_t *size) {
  const uint8_t *b = c[0].program.build_hash;
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "disco-%02x%02x%02x%02x-%u", b[0],
                   b[1], b[2], b[3], port);
  *size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(n));
  return name;
}

// Says something there.
void sayOffer(Cluster &c, uint16_t port, const std::string &text, int descriptor) {
  socklen_t size = 0;
  sockaddr_un name = offerPlace(c, port, &size);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr *>(&name), size), 0);
  iovec data = {const_cast<char *>(text.data()), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr m = {};
  m.msg_iov = &data;
  m.msg_iovlen = 1;
  if (descriptor >= 0) {
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &descriptor, sizeof descriptor);
  }
  EXPECT_EQ(sendmsg(fd, &m, 0), static_cast<ssize_t>(text.size()));
  close(fd);
}

std::string offerOf(uint32_t rank) {
  uint32_t words[2] = {0x4d485344u, rank};
  return std::string(reinterpret_cast<char *>(words), sizeof words);
}

// Memory as rank 1 of rounds(2, 3000, 2) makes it, with the nonce of its maker.
int memoryOf(const uint8_t *nonce, off_t more = 0,
             int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) {
  uint8_t head[192] = {};
  memcpy(head + DISCO_NONCE_SIZE, nonce, DISCO_NONCE_SIZE);
  head[2 * DISCO_NONCE_SIZE + 4] = 1; // it is here
  int memory = memfd_create("other", MFD_ALLOW_SEALING);
  EXPECT_EQ(ftruncate(memory, 192 + 8 * (64 + 3008) + more), 0);
  EXPECT_EQ(pwrite(memory, head, sizeof head, 0), static_cast<ssize_t>(sizeof head));
  EXPECT_EQ(fcntl(memory, F_ADD_SEALS, seals), 0);
  return memory;
}

// Offers that are none, of memory of another size, of memory that could shrink under the reader,
// and the right one of another process: its nonce is not the one that the stream says.
TEST(SharedMemory, OffersThatDoNotFit) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const uint8_t foreign[DISCO_NONCE_SIZE] = {1, 2, 3};
  for (int kind = 0; kind < 8; ++kind) {
    Cluster c(2, rounds(2, 3000, 2));
    Sharing s(c, [](uint32_t rank) { return rank == 0; });
    const uint8_t *nonce = kind == 7 ? foreign : c[1].config.nonce;
    int memory = kind == 3   ? memoryOf(nonce, 64)
                 : kind == 6 ? memoryOf(nonce, 0, F_SEAL_GROW | F_SEAL_SEAL)
                             : memoryOf(nonce);
    sayOffer(c, s.mesh.ports[0],
             kind == 0 ? "nonsense"
                       : offerOf(kind == 1   ? 7
                                 : kind == 2 ? 0
                                             : 1),
             kind == 4   ? -1
             : kind == 5 ? pipes[0]
                         : memory);
    EXPECT_EQ(s.exchange(3), std::vector<int>(2, 0)) << kind;
    EXPECT_FALSE(s.shared(0, 1)) << kind;
    close(memory);
  }
  close(pipes[0]);
  close(pipes[1]);
}

// The other way round: another process takes what rank 1 offers, and writes its nonce there.
TEST(SharedMemory, AnotherProcessTakesTheOffer) {
  Cluster c(2, rounds(2, 3000, 2));
  Sharing s(c, [](uint32_t rank) { return rank == 1; });
  socklen_t size = 0;
  sockaddr_un name = offerPlace(c, s.mesh.ports[0], &size);
  int place = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  ASSERT_EQ(bind(place, reinterpret_cast<sockaddr *>(&name), size), 0);
  ASSERT_EQ(listen(place, 4), 0);
  std::thread taker([&] {
    int bell = accept(place, nullptr, nullptr);
    char text[8];
    iovec data = {text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr m = {};
    m.msg_iov = &data;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    ASSERT_EQ(recvmsg(bell, &m, 0), 8);
    int memory = -1;
    memcpy(&memory, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof memory);
    uint8_t *at =
        static_cast<uint8_t *>(mmap(nullptr, 192, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    memset(at, 77, DISCO_NONCE_SIZE);
    at[2 * DISCO_NONCE_SIZE] = 1; // it is here
    munmap(at, 192);
    close(memory);
    close(bell);
  });
  EXPECT_EQ(s.exchange(20), std::vector<int>(2, 0));
  EXPECT_FALSE(s.shared(1, 0));
  taker.join();
  close(place);
}

// A node that ends is lost at once: its stream ends, though its memory stays.
TEST(SharedMemory, APeerThatEnds) {
  for (uint32_t spin : {0u, 50u, 500000u}) {
    Cluster c(2, {{1, 0, 1, 100}, {2, 1, 0, 100}});
    c.configure([&](disco_config &g) {
      g.spin_us = spin;
      g.deadline_us = 10000000;
      g.grace_us = 200000;
    });
    Sharing s(c);
    uint64_t began = nowMs();
    std::vector<int> results = c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 3; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      if (rank == 1) {
        disco_transport &t = c[1].config.transport;
        t.close(t.context, 0);
        return 0;
      }
      return exchangeAll(c, 0, 4);
    });
    EXPECT_EQ(results[0], DISCO_ERR_LOST) << spin;
    EXPECT_EQ(c[0].error().rank, 1u);
    EXPECT_LT(nowMs() - began, 3000u);
  }
}

// One that stands still passes its deadline, also for who waits for a free place.
TEST(SharedMemory, APeerThatStandsStill) {
  for (bool sends : {false, true}) {
    Cluster c(2, sends ? rounds(2, 1000, 1) : std::vector<Route>{{1, 1, 0, 1000}});
    c.configure([](disco_config &g) {
      g.spin_us = 50;
      g.deadline_us = 300000;
      g.grace_us = 100000;
    });
    Sharing s(c);
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank == 1) {
        sleepMs(1200);
        return 0;
      }
      for (uint32_t sequence = 1; sequence <= 8; ++sequence)
        if (int code = exchangeAll(c, 0, sequence))
          return code;
      return 0;
    });
    EXPECT_EQ(results[0], DISCO_ERR_DEADLINE);
    EXPECT_EQ(c[0].error().rank, 1u);
  }
}

// What cannot be: a place that says another size, a header of another message, a damaged header.
TEST(SharedMemory, WrongPlaces) {
  struct Case {
    const char *what;
    size_t offset; // of the byte that is changed in the receiver's first place
    uint8_t mask;
    int code;
  };
  for (const Case &t :
       {Case{"size", DISCO_HEADER_SIZE, 1, DISCO_ERR_LENGTH},
        Case{"magic", Magic, 1, DISCO_ERR_MAGIC}, Case{"session", Session, 1, DISCO_ERR_SESSION},
        Case{"sequence", Sequence, 1, DISCO_ERR_SEQUENCE},
        Case{"message", Message, 64, DISCO_ERR_MESSAGE}, Case{"crc", Crc, 1, DISCO_ERR_CRC}}) {
    Cluster c(2, {{1, 0, 1, 100}});
    c.configure([](disco_config &g) { g.grace_us = 100000; });
    Sharing s(c);
    std::vector<int> results = c.run([&](uint32_t rank) {
      uint8_t bytes[100] = {};
      int code = disco_begin(&c[rank].node);
      if (rank == 0)
        return code ? code : disco_send(&c[0].node, 0, bytes);
      // The sender's mail lies there before this node looks for it.
      disco_mail mail;
      const disco_mailbox *box = c[1].config.mailbox;
      while (!box->incoming(box->context, 0, &mail))
        sleepMs(1);
      const_cast<uint8_t *>(mail.header)[t.offset] ^= t.mask;
      code = disco_post(&c[1].node, 0, bytes);
      return code ? code : disco_wait(&c[1].node, 0);
    });
    EXPECT_EQ(results[1], t.code) << t.what;
    EXPECT_EQ(c[1].error().rank, 0u) << t.what;
  }
}

// Damage of a payload in memory is outside of what is promised; a stream's would be found.
TEST(SharedMemory, NothingIsLeftInTheFileSystem) {
  Cluster c(2, rounds(2, 100, 1));
  Sharing s(c);
  EXPECT_EQ(s.exchange(2), std::vector<int>(2, 0));
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; std::getline(sockets, line);)
    if (line.find("disco-") != std::string::npos)
      EXPECT_NE(line.find("@disco-"), std::string::npos) << line;
}

// The spin adapts: where waits are long it falls to nothing, and after a pause it is tried again.
TEST(Spin, IsHalvedByWaitsThatAreLongAndComesBack) {
  constexpr uint32_t most = 1000, slow = 11, pause_ms = 200;
  Cluster c(2, {{1, 1, 0, 100}, {2, 0, 1, 100}});
  c.configure([](disco_config &g) { g.spin_us = most; });
  Sharing s(c);
  std::vector<uint32_t> spins;
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; sequence <= 400; ++sequence) {
      if (rank == 1 && sequence <= slow + 1)
        sleepMs(sequence <= slow ? 10 : pause_ms);
      if (int code = exchangeAll(c, rank, sequence))
        return code;
      if (rank == 0)
        spins.push_back(c[0].node.spin_us);
    }
    return 0;
  });
  EXPECT_EQ(results, std::vector<int>({0, 0}));
  ASSERT_EQ(spins.size(), 400u);
  EXPECT_LE(spins[slow - 1], most / 16);
  EXPECT_LE(spins[slow], most / 16); // not before the pause is over
  EXPECT_GE(*std::max_element(spins.begin() + slow, spins.end()), most / 2);
}

// A wait whose time is predicted spins no longer, however long it could: the peer comes later, so
// the spin is in vain. Without the prediction, or where it is not asked for, it finds the message.
TEST(Spin, IsNoLongerThanWhatIsPredicted) {
  constexpr uint32_t most = 1u << 30;
  for (auto [asked, stated] : {std::pair(true, 20), std::pair(true, 0), std::pair(false, 20)}) {
    Cluster c(2, {{1, 1, 0, 100}});
    c.configure([asked = asked](disco_config &g) {
      g.spin_us = most;
      g.spin_as_predicted = asked;
    });
    for (disco_message &m : c[0].messages)
      m.spin_us = static_cast<uint8_t>(stated);
    Sharing s(c);
    uint32_t after = 0;
    std::vector<int> results = c.run([&](uint32_t rank) {
      if (rank == 1)
        sleepMs(200);
      int code = exchangeAll(c, rank, 1);
      after = rank == 0 ? c[0].node.spin_us : after;
      return code;
    });
    EXPECT_EQ(results, std::vector<int>({0, 0}));
    EXPECT_EQ(after, asked && stated ? most / 2 : most) << asked << " " << stated;
  }
}

} // namespace
