//===- protocol_test.cpp - every field of every frame, sessions, terms ----===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <string.h>
#include <thread>

namespace {

// Rank 0 receives message 10 (40 bytes) of rank 1, which a test plays.
struct Played {
  Played() : c(2, {{10, 1, 0, 40}}) {
    c.useInproc(65536);
    c.configure([](disco_config &g) {
      g.start_us = 50000;
      g.deadline_us = 60000;
      g.grace_us = 10000;
      g.settle_us = 5000;
    });
    peer = disco_inproc_transport(c.links, 1);
  }

  // Rank 0 hears these bytes and then the end; its first failure.
  int hears(const std::string &bytes) {
    peer.write(peer.context, 0, bytes.data(), bytes.size(), false);
    peer.finish(peer.context, 0);
    int code = c[0].init();
    if (!code)
      code = disco_start(&c[0].node);
    if (!code)
      code = disco_begin(&c[0].node);
    if (!code)
      code = disco_post(&c[0].node, c[0].at(10), buffer);
    if (!code)
      code = disco_wait(&c[0].node, c[0].at(10));
    if (!code)
      code = disco_end(&c[0].node);
    int stopped = disco_stop(&c[0].node);
    return code ? code : stopped;
  }

  Cluster c;
  disco_transport peer;
  uint8_t buffer[40];
};

// A field, a value that it must not have, and what the node says then.
struct Wrong {
  size_t offset;
  uint8_t value;
  int code;
};

void expectRefused(const std::string &before, const std::string &frame, const std::string &after,
                   const std::vector<Wrong> &fields) {
  for (const Wrong &w : fields) {
    ASSERT_NE(static_cast<uint8_t>(frame[w.offset]), w.value) << w.offset;
    Played p;
    EXPECT_EQ(p.hears(before + changed(frame, w.offset, w.value) + after), w.code)
        << "byte " << w.offset << ": " << disco_error_text(p.c[0].error().code);
    EXPECT_EQ(p.c[0].error().rank, 1u) << w.offset;
  }
  // Every byte of the header and of the payload, damaged: whatever is said, the rank is named.
  for (size_t i = 0; i < frame.size(); ++i) {
    std::string damaged = frame;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    Played p;
    EXPECT_LT(p.hears(before + damaged + after), 0) << i;
    EXPECT_EQ(p.c[0].error().rank, 1u) << i;
  }
}

const std::string payload(40, 'd');
std::string data(uint32_t sequence = 1) {
  return dataFrame(sequence, 10, payload, sessionOf(0, 1));
}
std::string bye() { return controlFrame(DISCO_FRAME_BYE, "", sessionOf(0, 1)); }
std::string notice() {
  return controlFrame(DISCO_FRAME_NOTICE, std::string(4, '\1'), sessionOf(0, 1));
}
std::string abortOf(int code, uint8_t rank, uint32_t session) {
  std::string text = {
      static_cast<char>(code), -1, -1, -1, static_cast<char>(rank), 0, 1, 0, 10, 0, 0, 0};
  return controlFrame(DISCO_FRAME_ABORT, text, session);
}

// What is wrong in the header of any frame behind the terms.
std::vector<Wrong> common() {
  return {{Magic, 0, DISCO_ERR_MAGIC},         {Magic + 1, 0, DISCO_ERR_MAGIC},
          {Version, 1, DISCO_ERR_VERSION},     {Version, 3, DISCO_ERR_VERSION},
          {Type, 0, DISCO_ERR_TYPE},           {Type, DISCO_FRAME_HELLO, DISCO_ERR_TYPE},
          {Type, 7, DISCO_ERR_TYPE},           {Type, DISCO_FRAME_TERMS, DISCO_ERR_TYPE},
          {Session, 0, DISCO_ERR_SESSION},     {Session + 3, 0, DISCO_ERR_SESSION},
          {Part, 1, DISCO_ERR_FIELD},          {Part + 1, 1, DISCO_ERR_FIELD},
          {Tag, 16, DISCO_ERR_FIELD},          {Zero, 1, DISCO_ERR_FIELD},
          {Zero + 3, 1, DISCO_ERR_FIELD},      {Length, 39, DISCO_ERR_LENGTH},
          {Length + 3, 0x80, DISCO_ERR_LENGTH}};
}

TEST(Protocol, EveryFieldOfAHello) {
  // A foreign one is named at the start deadline.
  expectRefused("", hello(1, 2), terms(1) + data() + bye(),
                {{Magic, 0, DISCO_ERR_MAGIC},
                 {Version, 1, DISCO_ERR_VERSION},
                 {Version, 3, DISCO_ERR_VERSION},
                 {Type, DISCO_FRAME_DATA, DISCO_ERR_TYPE},
                 {Type, DISCO_FRAME_TERMS, DISCO_ERR_TYPE},
                 {Build, 0, DISCO_ERR_BUILD},
                 {Build + 3, 0, DISCO_ERR_BUILD},
                 {Epoch, 1, DISCO_ERR_EPOCH},
                 {Epoch + 3, 1, DISCO_ERR_EPOCH},
                 {HelloSequence, 1, DISCO_ERR_FIELD},
                 {HelloMessage, 0, DISCO_ERR_FIELD},
                 {HelloMessage + 2, 0, DISCO_ERR_FIELD},
                 {HelloMessage + 3, 0, DISCO_ERR_FIELD},
                 {Length, 23, DISCO_ERR_LENGTH},
                 {Zero, 1, DISCO_ERR_FIELD},
                 {32, 0, DISCO_ERR_BUILD},
                 {32 + 15, 0, DISCO_ERR_BUILD},
                 {32 + 16, 0, DISCO_ERR_TOPOLOGY},
                 {32 + 18, 3, DISCO_ERR_TOPOLOGY},
                 {32 + 20, 1, DISCO_ERR_FIELD},
                 {32 + 23, 1, DISCO_ERR_FIELD}});
}

TEST(Protocol, EveryFieldOfTheTerms) {
  std::vector<Wrong> wrong = common();
  for (Wrong &w : wrong)
    if (w.offset == Session)
      w.value = 1; // it is 0 here
    else if (w.offset == Session + 3)
      w.value = 1;
    else if (w.offset == Type && w.value == DISCO_FRAME_TERMS)
      w.value = DISCO_FRAME_DATA;
  wrong.insert(wrong.end(), {{Sequence, 1, DISCO_ERR_FIELD},
                             {Message, 0, DISCO_ERR_FIELD},
                             {Form, 1, DISCO_ERR_FIELD},
                             // Another nonce makes another session.
                             {32, 0xff, DISCO_ERR_SESSION},
                             {32 + 15, 0xff, DISCO_ERR_SESSION},
                             {32 + 16, 2, DISCO_ERR_TERMS},
                             {32 + 16, 0, DISCO_ERR_TERMS},
                             {32 + 17, 1, DISCO_ERR_TERMS},
                             {32 + 18, 3, DISCO_ERR_TERMS},
                             {32 + 19, 1, DISCO_ERR_TERMS}});
  expectRefused(hello(1, 2), terms(1), data() + bye(), wrong);
}

TEST(Protocol, UnknownFeaturesAreIgnored) {
  Played p;
  EXPECT_EQ(p.hears(hello(1, 2) + changed(terms(1), 32 + 23, 0x80) + data() + bye()), 0);
}

TEST(Protocol, EveryFieldOfData) {
  std::vector<Wrong> wrong = common();
  wrong.insert(wrong.end(), {{Sequence, 0, DISCO_ERR_SEQUENCE},
                             {Sequence, 2, DISCO_ERR_SEQUENCE},
                             {Sequence + 3, 1, DISCO_ERR_SEQUENCE},
                             {Message, 11, DISCO_ERR_MESSAGE},
                             {Message + 3, 1, DISCO_ERR_MESSAGE},
                             {Form, 1, DISCO_ERR_FIELD},
                             {Form, 0xff, DISCO_ERR_FIELD},
                             {Length, 41, DISCO_ERR_LENGTH},
                             {Type, DISCO_FRAME_BYE, DISCO_ERR_LENGTH}});
  expectRefused(greeting(1, 2), data(), bye(), wrong);
}

TEST(Protocol, EveryFieldOfControlFrames) {
  std::vector<Wrong> wrong = common();
  wrong.insert(wrong.end(), {{Sequence, 1, DISCO_ERR_FIELD},
                             {Sequence + 3, 1, DISCO_ERR_FIELD},
                             {Message, 0, DISCO_ERR_FIELD},
                             {Form, 1, DISCO_ERR_FIELD},
                             {Length, 13, DISCO_ERR_LENGTH}});
  expectRefused(greeting(1, 2), notice(), data() + bye(), wrong);
  expectRefused(greeting(1, 2) + data(), bye(), "", wrong);
  expectRefused(greeting(1, 2), abortOf(DISCO_ERR_ABORTED, 1, sessionOf(0, 1)), "", wrong);
}

// A peer that fails before it has heard our terms knows no session; behind anything else it does.
TEST(Protocol, AnAbortWithoutASession) {
  Played p;
  EXPECT_EQ(p.hears(greeting(1, 2) + abortOf(DISCO_ERR_CRC, 0, 0)), DISCO_ERR_CRC);
  EXPECT_EQ(p.c[0].error().rank, 0u);
  Played q;
  EXPECT_EQ(q.hears(greeting(1, 2) + notice() + abortOf(DISCO_ERR_CRC, 0, 0)), DISCO_ERR_SESSION);
  EXPECT_EQ(q.c[0].error().rank, 1u);
}

// Everything that rank 1 said in one session is said again in the next.
TEST(Protocol, ARecordedSessionIsRefused) {
  static std::string recorded;
  recorded.clear();
  Cluster c(2, {{10, 1, 0, 40}});
  c.useInproc(65536);
  disco_transport real = c[1].config.transport;
  static disco_transport *inner;
  inner = &real;
  c[1].config.transport.write = [](void *context, uint32_t peer, const void *bytes, size_t size,
                                   bool more) {
    int32_t took = inner->write(context, peer, bytes, size, more);
    if (took > 0)
      recorded.append(static_cast<const char *>(bytes), static_cast<size_t>(took));
    return took;
  };
  EXPECT_EQ(c.run([&](uint32_t rank) { return exchangeAll(c, rank, 1); }),
            std::vector<int>({0, 0}));
  ASSERT_EQ(recorded.substr(0, 112), greeting(1, 2));
  Played same;
  EXPECT_EQ(same.hears(recorded), 0) << "with the same nonce nothing tells them apart";
  Played next;
  memcpy(next.c[0].config.nonce, nonceOf(0, 1).data(), DISCO_NONCE_SIZE);
  memset(next.buffer, 0, sizeof next.buffer);
  EXPECT_EQ(next.hears(recorded), DISCO_ERR_SESSION);
  EXPECT_EQ(next.c[0].error().rank, 1u);
  for (uint8_t byte : next.buffer)
    EXPECT_EQ(byte, 0);
}

// Who calls by mistake does not end what has not started: two others go on to their deadline.
TEST(Protocol, AForeignNodeIsNamedAtTheStartDeadline) {
  for (const std::string &foreign :
       {changed(hello(1, 2), Version, 1), changed(hello(1, 2), 32 + 9, 1), hello(1, 2, 7)}) {
    Played p;
    uint64_t from = nowMs();
    EXPECT_LT(p.hears(foreign + "whatever it says then"), 0);
    EXPECT_NE(p.c[0].error().code, DISCO_ERR_START);
    EXPECT_GE(nowMs() - from, 45u);
    EXPECT_EQ(p.c[0].error().rank, 1u);
  }
}

//===----------------------------------------------------------------------===//
// Inferences in flight, and lengths that vary
//===----------------------------------------------------------------------===//

// A chain whose messages have a length of their own every time; three inferences may be in flight.
struct Chain : Cluster {
  Chain() : Cluster(3, {{1, 0, 1, 64}, {2, 1, 2, 64}, {3, 2, 0, 4}}) {
    for (uint32_t rank = 0; rank < 3; ++rank) {
      TestNode &n = (*this)[rank];
      n.allow(DISCO_IN_FLIGHT < 3 ? DISCO_IN_FLIGHT : 3);
      n.program.forms = 1 | 1 << 4;
      for (disco_message &m : n.messages)
        m.form = m.id < 3 ? 4 : 0;
    }
    useInproc(65536);
  }
};

TEST(Terms, LengthsThatVary) {
  Chain c;
  auto size = [](uint32_t id, uint32_t sequence) { return id < 3 ? (sequence + id) * 29 % 65 : 4; };
  std::vector<int> results = c.run([&](uint32_t rank) {
    TestNode &t = c[rank];
    std::vector<uint8_t> in(64), out(64);
    uint32_t sends = rank + 1, takes = rank == 0 ? 3 : rank;
    for (uint32_t sequence = 1; sequence <= 40; ++sequence) {
      int code = disco_begin(&t.node);
      if (!code)
        code = disco_post(&t.node, t.at(takes), in.data());
      if (!code && rank > 0)
        code = disco_wait(&t.node, t.at(takes));
      for (uint32_t k = 0; k < 64; ++k)
        out[k] = pattern(sends, sequence, k);
      if (!code)
        code = disco_send_size(&t.node, t.at(sends), out.data(), size(sends, sequence));
      if (!code && rank == 0)
        code = disco_wait(&t.node, t.at(takes));
      if (!code && disco_received(&t.node, t.at(takes)) != size(takes, sequence))
        code = 1000;
      for (uint32_t k = 0; !code && k < size(takes, sequence); ++k)
        code = in[k] == pattern(takes, sequence, k) ? 0 : 1001;
      if (!code)
        code = disco_end(&t.node);
      if (code)
        return code;
    }
    return 0;
  });
  EXPECT_EQ(results, std::vector<int>({0, 0, 0}));
}

// Rank 1 of the chain against a rank 0 that a test plays: what a message may be.
TEST(Terms, LengthsAndSequencesAreHeldAgainstTheTerms) {
  struct Case {
    int code;
    uint32_t sequence, length;
    uint8_t form;
  };
  // Where several may be in flight, a message of one that has not begun here waits until it does.
  constexpr int early = DISCO_IN_FLIGHT > 1 ? DISCO_ERR_DEADLINE : DISCO_ERR_SEQUENCE;
  for (const Case &k :
       {Case{0, 1, 64, 4}, Case{0, 1, 0, 4}, Case{0, 1, 17, 4}, Case{DISCO_ERR_LENGTH, 1, 65, 4},
        Case{DISCO_ERR_FIELD, 1, 64, 0}, Case{DISCO_ERR_FIELD, 1, 64, 1}, Case{early, 2, 64, 4},
        Case{early, 3, 64, 4}, Case{DISCO_ERR_SEQUENCE, 4, 64, 4},
        Case{DISCO_ERR_SEQUENCE, 5, 64, 4}, Case{DISCO_ERR_SEQUENCE, 0, 64, 4}}) {
    Chain c;
    c.configure([](disco_config &g) {
      g.deadline_us = 50000;
      g.grace_us = g.settle_us = 5000;
    });
    for (uint32_t other : {0u, 2u}) {
      uint8_t inFlight = c[1].program.in_flight;
      std::string said =
          hello(other, 3) + changed(changed(terms(other), 32 + 16, inFlight), 32 + 18, 17);
      if (other == 0) {
        std::string frame = dataFrame(k.sequence, 1, std::string(k.length, 'x'), sessionOf(0, 1));
        said += changed(frame, Form, k.form);
      }
      disco_transport t = disco_inproc_transport(c.links, other);
      t.write(t.context, 1, said.data(), said.size(), false);
    }
    uint8_t in[64];
    ASSERT_EQ(c[1].init(), 0);
    int code = disco_start(&c[1].node); // looks at the first header already
    if (!code)
      code = disco_begin(&c[1].node);
    if (!code)
      code = disco_post(&c[1].node, c[1].at(1), in);
    if (!code)
      code = disco_wait(&c[1].node, c[1].at(1));
    EXPECT_EQ(code, k.code) << k.sequence << " " << k.length;
    if (!k.code)
      EXPECT_EQ(disco_received(&c[1].node, c[1].at(1)), k.length);
    disco_stop(&c[1].node);
  }
}

TEST(Terms, ASizeThatCannotBe) {
  for (uint8_t form : {0, 4}) {
    Cluster c(2, {{1, 0, 1, 8}});
    c.useInproc(65536);
    for (uint32_t rank : {0u, 1u})
      c[rank].messages[0].form = form;
    disco_transport t = disco_inproc_transport(c.links, 1);
    std::string said = greeting(1, 2);
    t.write(t.context, 0, said.data(), said.size(), false);
    ASSERT_EQ(c[0].init(), 0);
    ASSERT_EQ(disco_start(&c[0].node), 0);
    ASSERT_EQ(disco_begin(&c[0].node), 0);
    EXPECT_EQ(disco_send_size(&c[0].node, 0, "123456789", form ? 9 : 7), DISCO_ERR_USAGE);
  }
}

TEST(Terms, ThatDifferAreRefusedByBoth) {
  for (int what : {0, 1}) {
    Cluster c(2, {{1, 0, 1, 8}});
    c.useInproc(65536);
    if (what && DISCO_IN_FLIGHT == 1)
      continue;
    if (what)
      c[1].allow(2);
    else
      c[1].program.forms = 3;
    EXPECT_EQ(c.run([&](uint32_t rank) { return exchangeAll(c, rank, 1); }),
              std::vector<int>(2, DISCO_ERR_TERMS));
  }
}

//===----------------------------------------------------------------------===//
// The floor of progress
//===----------------------------------------------------------------------===//

// Rank 1 sends a message of 4,000 bytes: so many at a time, and so often.
int drip(size_t bytes, uint64_t everyMs, const std::function<void(disco_config &)> &change,
         uint64_t *took) {
  Cluster c(2, {{10, 1, 0, 4000}});
  c.useInproc(65536);
  c.configure([](disco_config &g) {
    g.deadline_us = 300000; // a busy machine may let a sender sleep for long
    g.grace_us = g.settle_us = 5000;
    g.floor = 1000;
  });
  c.configure(change);
  disco_transport peer = disco_inproc_transport(c.links, 1);
  std::string said = greeting(1, 2) + dataFrame(1, 10, std::string(4000, 'd'), sessionOf(0, 1));
  std::atomic<bool> over{false};
  size_t at = 144; // hello and header
  peer.write(peer.context, 0, said.data(), at, false);
  std::thread slow([&] {
    // Who is woken late on a busy machine makes up for it.
    for (uint64_t begun = nowMs(); at < said.size() && !over;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(everyMs));
      const size_t due = std::min<size_t>(said.size(), 144 + bytes * ((nowMs() - begun) / everyMs));
      if (due > at)
        peer.write(peer.context, 0, said.data() + at, due - at, false);
      at = std::max(at, due);
    }
  });
  std::vector<uint8_t> buffer(4000);
  int code = c[0].init();
  if (!code)
    code = disco_start(&c[0].node);
  if (!code)
    code = disco_begin(&c[0].node);
  if (!code)
    code = disco_post(&c[0].node, 0, buffer.data());
  uint64_t from = nowMs();
  if (!code)
    code = disco_wait(&c[0].node, 0);
  *took = nowMs() - from;
  over = true;
  slow.join();
  disco_stop(&c[0].node);
  return code;
}

TEST(Floor, AByteADeadlineIsNotProgress) {
  uint64_t took = 0;
  EXPECT_EQ(drip(1, 100, [](disco_config &) {}, &took), DISCO_ERR_SLOW);
  EXPECT_LT(took, 5000u); // it would be seven minutes
  EXPECT_GE(took, 300u);
}

TEST(Floor, WhatIsFastEnoughPasses) {
  uint64_t took = 0;
  EXPECT_EQ(drip(120, 20, [](disco_config &g) { g.floor = 450; }, &took), 0); // of 1,800
  EXPECT_EQ(drip(40, 10, [](disco_config &g) { g.floor = 100; }, &took), 0);
  EXPECT_EQ(drip(40, 10, [](disco_config &g) { g.floor = 1; }, &took), 0);
}

// By default 10,000 bytes a second.
TEST(Floor, TheDefault) {
  uint64_t took = 0;
  auto unset = [](disco_config &g) { g.floor = 0; };
  EXPECT_EQ(drip(100, 20, unset, &took), DISCO_ERR_SLOW); // 5,000
  EXPECT_EQ(drip(600, 20, unset, &took), 0);              // 30,000
  Cluster c(2, {});
  c.useInproc(64);
  for (uint64_t seconds : {1, 10, 100}) {
    c.configure([&](disco_config &g) { g.deadline_us = seconds * 1000000; });
    ASSERT_EQ(c[0].init(), 0);
    EXPECT_NEAR(c[0].node.floor, std::min(seconds * 10000.0, 131072.0), seconds * 250.0);
  }
}

TEST(Floor, SilenceIsStillSilence) {
  uint64_t took = 0;
  EXPECT_EQ(drip(100, 450, [](disco_config &) {}, &took), DISCO_ERR_DEADLINE);
}

TEST(Floor, AnInferenceMayHaveALimit) {
  uint64_t took = 0;
  EXPECT_EQ(drip(40, 20, [](disco_config &g) { g.inference_us = 50000; }, &took), DISCO_ERR_LIMIT);
  EXPECT_LT(took, 1500u); // it would be two seconds
}

} // namespace
