//===- rendezvous_test.cpp - a mailbox without memory of its own ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// As requests of MPI are: a message is sent from where it lies, and has left when the receiver has
// let it go. Nothing is buffered on the way, which is what the compiler's proof assumes.

#include "cluster.h"

#include <gtest/gtest.h>
#include <string.h>
#include <thread>

namespace {

// One direction of a pair: a message that was started and not released.
struct Pending {
  uint8_t header[DISCO_HEADER_SIZE];
  void *payload;
  uint32_t bytes;
  uint32_t state = 0; // 0 none, 1 started, 2 accepted
};

class Rendezvous {
public:
  explicit Rendezvous(Cluster &c) : links(c.links), nodes(c.size()), pending(nodes * nodes) {
    ends.resize(nodes);
    for (uint32_t rank = 0; rank < nodes; ++rank) {
      ends[rank] = {this, rank, {}};
      ends[rank].box = {&ends[rank], carries, place, start, done, incoming, accept, release, false};
      c[rank].config.mailbox = &ends[rank].box;
    }
  }

private:
  struct End {
    Rendezvous *all;
    uint32_t rank;
    disco_mailbox box;
    Pending &to(uint32_t peer) const { return all->pending[rank * all->nodes + peer]; }
    Pending &from(uint32_t peer) const { return all->pending[peer * all->nodes + rank]; }
  };

  static const End &of(void *context) { return *static_cast<End *>(context); }
  static uint32_t get(Pending &p) { return __atomic_load_n(&p.state, __ATOMIC_ACQUIRE); }
  static void set(const End &e, Pending &p, uint32_t state, uint32_t wake) {
    __atomic_store_n(&p.state, state, __ATOMIC_RELEASE);
    disco_inproc_wake(e.all->links, wake);
  }

  static bool carries(void *, uint32_t, const uint8_t *) { return true; }
  static void *place(void *context, uint32_t peer, void *from, uint32_t) {
    return get(of(context).to(peer)) ? nullptr : from;
  }
  static void start(void *context, uint32_t peer, const uint8_t *header, void *at, uint32_t bytes) {
    const End &e = of(context);
    Pending &p = e.to(peer);
    memcpy(p.header, header, sizeof p.header);
    p.payload = at;
    p.bytes = bytes;
    if (!disco_inproc_killed(e.all->links, e.rank))
      set(e, p, 1, peer);
  }
  static bool done(void *context, uint32_t peer) { return get(of(context).to(peer)) == 0; }
  static bool incoming(void *context, uint32_t peer, disco_mail *mail) {
    const End &e = of(context);
    Pending &p = e.from(peer);
    if (get(p) != 1 || disco_inproc_killed(e.all->links, e.rank))
      return false;
    *mail = {p.header, p.payload, p.bytes};
    return true;
  }
  static void accept(void *context, uint32_t peer) {
    const End &e = of(context);
    set(e, e.from(peer), 2, peer);
  }
  static void release(void *context, uint32_t peer, void *) {
    const End &e = of(context);
    set(e, e.from(peer), 0, peer);
  }

  disco_inproc *links;
  uint32_t nodes;
  std::vector<Pending> pending; // [from * nodes + to]
  std::vector<End> ends;
};

std::vector<Route> ring(uint32_t nodes) {
  std::vector<Route> r;
  for (uint32_t i = 0; i < nodes; ++i) {
    const uint16_t from = static_cast<uint16_t>(i);
    r.push_back({10 + i, from, static_cast<uint16_t>((i + 1) % nodes), 300});
    r.push_back({20 + i, from, static_cast<uint16_t>((i + nodes - 1) % nodes), 0});
  }
  return r;
}

TEST(Rendezvous, AllAround) {
  for (uint32_t nodes : {2u, 3u, 5u}) {
    Cluster c(nodes, ring(nodes));
    c.useInproc(DISCO_INPROC_EXACT);
    Rendezvous box(c);
    EXPECT_EQ(c.run([&](uint32_t rank) {
      for (uint32_t sequence = 1; sequence <= 30; ++sequence)
        if (int code = exchangeAll(c, rank, sequence))
          return code;
      return 0;
    }),
              std::vector<int>(nodes, 0));
  }
}

// Node 0 runs three inferences and leaves; what it had accepted, and was accepted of it, counts.
TEST(Rendezvous, ServingEndsWithTheByes) {
  Cluster c(3, ring(3));
  c.useInproc(65536);
  Rendezvous box(c);
  std::vector<int> served(3);
  std::vector<int> results = c.run([&](uint32_t rank) {
    for (uint32_t sequence = 1; rank > 0 || sequence <= 3; ++sequence) {
      int code = exchangeAll(c, rank, sequence);
      if (code)
        return code == DISCO_ERR_END ? 0 : code;
      ++served[rank];
    }
    return 0;
  });
  EXPECT_EQ(results, std::vector<int>(3, 0));
  EXPECT_EQ(served, std::vector<int>(3, 3));
}

// There is no memory to write into; and a buffer is the program's again when the receiver has let
// it go, not when it has been told of it.
TEST(Rendezvous, ABufferIsHeldUntilItHasBeenRead) {
  Cluster c(2, {{1, 0, 1, 8}, {2, 1, 0, 1}});
  c.useInproc(65536);
  Rendezvous box(c);
  uint64_t flushed = 0, released = 0;
  EXPECT_EQ(c.run([&](uint32_t rank) {
    TestNode &t = c[rank];
    uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8}, answer[1] = {};
    int code = disco_begin(&t.node);
    if (rank == 0) {
      EXPECT_EQ(disco_place(&t.node, t.at(1)), nullptr);
      if (!code)
        code = disco_post(&t.node, t.at(2), answer);
      if (!code)
        code = disco_send(&t.node, t.at(1), bytes);
      if (!code)
        code = disco_wait(&t.node, t.at(2)); // the other has it, and reads
      if (!code)
        code = disco_flush(&t.node, t.at(1));
      flushed = nowMs();
      memset(bytes, 0, sizeof bytes);
      return code ? code : disco_end(&t.node);
    }
    if (!code)
      code = disco_post(&t.node, t.at(1), nullptr);
    if (!code)
      code = disco_wait(&t.node, t.at(1));
    if (!code)
      code = disco_send(&t.node, t.at(2), answer);
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    const void *place = disco_place(&t.node, t.at(1));
    if (!code && (!place || memcmp(place, bytes, 8) != 0))
      code = 1000;
    released = nowMs();
    if (!code)
      code = disco_release(&t.node, t.at(1));
    return code ? code : disco_end(&t.node);
  }),
            std::vector<int>({0, 0}));
  EXPECT_GE(flushed, released);
}

// Both send first and receive then, over links that hold nothing.
TEST(Rendezvous, ABlockedSendKeepsReceiving) {
  Cluster c(2, {{1, 0, 1, 4000}, {2, 1, 0, 4000}});
  c.useInproc(DISCO_INPROC_EXACT);
  Rendezvous box(c);
  EXPECT_EQ(c.run([&](uint32_t rank) {
    TestNode &t = c[rank];
    std::vector<uint8_t> out(4000, static_cast<uint8_t>(rank + 1)), in(4000);
    int code = disco_begin(&t.node);
    if (!code)
      code = disco_post(&t.node, t.at(2 - rank), in.data());
    if (!code)
      code = disco_send(&t.node, t.at(1 + rank), out.data());
    if (!code)
      code = disco_flush(&t.node, t.at(1 + rank));
    if (!code)
      code = disco_wait(&t.node, t.at(2 - rank));
    if (!code && in[3999] != 2 - rank)
      code = 1000;
    return code ? code : disco_end(&t.node);
  }),
            std::vector<int>({0, 0}));
}

// A peer that takes the last message and leaves just when the node looks.
struct Leaver {
  disco_transport inner, peer;
  const disco_mailbox *box;
  bool armed;
};

int32_t readAfterLeaving(void *context, uint32_t peer, void *data, size_t size) {
  Leaver *l = static_cast<Leaver *>(context);
  disco_mail mail;
  if (l->armed && l->box->incoming(l->box->context, 0, &mail)) {
    l->armed = false;
    l->box->accept(l->box->context, 0);
    l->box->release(l->box->context, 0, mail.payload);
    std::string bye = controlFrame(DISCO_FRAME_BYE, "", sessionOf(0, 1));
    l->peer.write(l->peer.context, 0, bye.data(), bye.size(), false);
    l->peer.finish(l->peer.context, 0);
  }
  return l->inner.read(l->inner.context, peer, data, size);
}

TEST(Rendezvous, AByeDoesNotOvertakeTheReleaseBeforeIt) {
  Cluster c(2, {{1, 0, 1, 8}});
  c.useInproc(65536);
  Rendezvous box(c);
  Leaver l = {c[0].config.transport, disco_inproc_transport(c.links, 1), c[1].config.mailbox,
              false};
  disco_transport &t = c[0].config.transport;
  t.context = &l;
  t.write = [](void *k, uint32_t peer, const void *data, size_t size, bool more) {
    return static_cast<Leaver *>(k)->inner.write(static_cast<Leaver *>(k)->inner.context, peer,
                                                 data, size, more);
  };
  t.read = readAfterLeaving;
  t.finish = [](void *, uint32_t) {};
  t.close = [](void *, uint32_t) {};
  t.now_us = [](void *k) {
    return static_cast<Leaver *>(k)->inner.now_us(static_cast<Leaver *>(k)->inner.context);
  };
  t.wait = [](void *k, const disco_peer *peers, uint64_t us) {
    static_cast<Leaver *>(k)->inner.wait(static_cast<Leaver *>(k)->inner.context, peers, us);
  };
  std::string said = greeting(1, 2);
  l.peer.write(l.peer.context, 0, said.data(), said.size(), false);
  uint8_t payload[8] = {};
  ASSERT_EQ(c[0].init(), 0);
  ASSERT_EQ(disco_start(&c[0].node), 0);
  ASSERT_EQ(disco_begin(&c[0].node), 0);
  ASSERT_EQ(disco_send(&c[0].node, 0, payload), 0);
  l.armed = true;
  EXPECT_EQ(disco_flush(&c[0].node, 0), 0);
  EXPECT_FALSE(l.armed);
  EXPECT_EQ(disco_end(&c[0].node), 0);
}

TEST(Rendezvous, ALostReceiverIsNamed) {
  Cluster c(3, ring(3));
  c.useInproc(65536);
  Rendezvous box(c);
  std::vector<int> results = c.run([&](uint32_t rank) {
    if (rank == 1) {
      disco_inproc_kill(c.links, 1);
      return 0;
    }
    return exchangeAll(c, rank, 1);
  });
  for (uint32_t rank : {0u, 2u}) {
    EXPECT_EQ(results[rank], DISCO_ERR_LOST);
    EXPECT_EQ(c[rank].error().rank, 1u);
  }
}

} // namespace
