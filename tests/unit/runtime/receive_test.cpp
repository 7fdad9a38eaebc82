//===- receive_test.cpp - one node against a peer that is played by the test //
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <gtest/gtest.h>

namespace {

// Rank 0 of two receives messages 10 (40 bytes) and 11 (8 bytes) and sends 20 (16 bytes); rank 1 is
// whatever a test writes.
class Receive : public testing::Test {
protected:
  Receive() : c(2, {{10, 1, 0, 40}, {20, 0, 1, 16}, {11, 1, 0, 8}}) {
    c.useInproc(65536);
    c.configure([](disco_config &g) {
      g.start_us = 50000;
      g.deadline_us = 60000;
      g.grace_us = 30000;
      g.settle_us = 10000;
    });
    peer = disco_inproc_transport(c.links, 1);
  }

  disco_node *node() { return &c[0].node; }
  uint32_t at(uint32_t id) { return c[0].at(id); }

  void say(const std::string &bytes) {
    EXPECT_EQ(peer.write(peer.context, 0, bytes.data(), bytes.size(), false),
              static_cast<int32_t>(bytes.size()));
  }

  std::string hear() {
    std::string s(65536, '\0');
    int32_t n = peer.read(peer.context, 0, &s[0], s.size());
    s.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return s;
  }

  void start() {
    say(greeting(1, 2));
    ASSERT_EQ(c[0].init(), 0);
    ASSERT_EQ(disco_start(node()), 0);
    EXPECT_EQ(hear(), greeting(0, 2));
    ASSERT_EQ(disco_begin(node()), 0);
  }

  // What receiving message 10 gives when the peer says this.
  int receive(const std::string &bytes) {
    start();
    say(bytes);
    buffer.assign(41, 'x');
    EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
    return disco_wait(node(), at(10));
  }

  void expectError(int code, uint32_t rank, uint32_t message, uint32_t reporter) {
    const disco_error &e = c[0].error();
    EXPECT_EQ(e.code, code) << disco_error_text(e.code);
    EXPECT_EQ(e.rank, rank);
    EXPECT_EQ(e.message, message);
    EXPECT_EQ(e.reporter, reporter);
  }

  // The last frame that the node said is an abort with its error.
  void expectAbort() {
    std::string all = hear();
    ASSERT_GE(all.size(), 44u);
    std::string last = all.substr(all.size() - 44);
    EXPECT_EQ(last[Type], DISCO_FRAME_ABORT);
    const disco_error &e = c[0].error();
    EXPECT_EQ(static_cast<int8_t>(last[32]), e.code);
    EXPECT_EQ(static_cast<uint32_t>(last[36]), e.rank);
    EXPECT_EQ(static_cast<uint32_t>(last[38]), e.reporter);
  }

  std::string data(uint32_t sequence = 1, uint32_t message = 10, size_t size = 40) {
    return dataFrame(sequence, message, std::string(size, 'd'), sessionOf(0, 1));
  }

  std::string control(disco_frame_type type, const std::string &payload) {
    return controlFrame(type, payload, sessionOf(0, 1));
  }

  Cluster c;
  disco_transport peer;
  std::string buffer;
};

TEST_F(Receive, GoodFrame) {
  EXPECT_EQ(receive(data()), 0);
  EXPECT_EQ(buffer, std::string(40, 'd') + "x");
  const disco_stats *s = disco_peer_stats(node(), 1);
  EXPECT_EQ(s->rx_payload, 40u);
  EXPECT_EQ(s->rx_messages, 1u);
  EXPECT_EQ(s->rx_wire, 112u + 72u);
  EXPECT_EQ(disco_peer_stats(node(), 0), nullptr);
  EXPECT_EQ(disco_peer_stats(node(), 2), nullptr);
}

TEST_F(Receive, EveryMismatchHasItsCode) {
  struct Case {
    int code;
    std::string bytes;
    uint32_t message;
  };
  const Case cases[] = {
      {DISCO_ERR_MAGIC, std::string(100, 'g'), 10},
      {DISCO_ERR_TYPE, hello(1, 2), 10},
      {DISCO_ERR_TYPE, terms(1), 10},
      {DISCO_ERR_SEQUENCE, data(0), 10},
      {DISCO_ERR_SEQUENCE, data(2), 10},
      {DISCO_ERR_SEQUENCE, data(3), 10},
      {DISCO_ERR_MESSAGE, data(1, 11, 8), 10},
      {DISCO_ERR_MESSAGE, data(1, 20, 16), 10},
      {DISCO_ERR_LENGTH, data(1, 10, 39), 10},
      {DISCO_ERR_LENGTH, data(1, 10, 41), 10},
      {DISCO_ERR_LENGTH, control(DISCO_FRAME_BYE, "x"), 10},
      {DISCO_ERR_LENGTH, control(DISCO_FRAME_ABORT, std::string(200, 'x')), 10},
  };
  for (const Case &k : cases) {
    c.useInproc(65536);
    peer = disco_inproc_transport(c.links, 1);
    EXPECT_EQ(receive(k.bytes), k.code) << disco_error_text(k.code);
    EXPECT_EQ(c[0].error().rank, 1u);
    EXPECT_EQ(c[0].error().message, k.message) << disco_error_text(k.code);
    expectAbort();
    EXPECT_EQ(pumpLater(node()), k.code);
    EXPECT_EQ(disco_stop(node()), k.code);
  }
}

TEST_F(Receive, EveryDamagedByteIsFound) {
  for (size_t i = 0; i < 72; ++i) {
    c.useInproc(65536);
    peer = disco_inproc_transport(c.links, 1);
    std::string bytes = data();
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    start();
    say(bytes);
    peer.finish(peer.context, 0);
    buffer.assign(41, 'x');
    EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
    int code = disco_wait(node(), at(10));
    EXPECT_LT(code, 0) << i;
    if (i >= 24)
      EXPECT_EQ(code, i >= Zero && i < 32 ? DISCO_ERR_FIELD : DISCO_ERR_CRC) << i;
    EXPECT_EQ(c[0].error().rank, 1u) << i;
  }
}

TEST_F(Receive, DamagedControlFrame) {
  std::string bytes = control(DISCO_FRAME_NOTICE, std::string(4, 1));
  bytes[33] = 7;
  EXPECT_EQ(receive(bytes), DISCO_ERR_CRC);
}

TEST_F(Receive, SilentPeer) {
  uint64_t from = nowMs();
  EXPECT_EQ(receive(""), DISCO_ERR_DEADLINE);
  EXPECT_LT(nowMs() - from, 400u);
  expectError(DISCO_ERR_DEADLINE, 1, 10, 0);
  expectAbort();
}

TEST_F(Receive, SilentInTheMiddleOfAMessage) {
  EXPECT_EQ(receive(data().substr(0, 50)), DISCO_ERR_DEADLINE);
  expectError(DISCO_ERR_DEADLINE, 1, 10, 0);
}

TEST_F(Receive, SilentReader) {
  c.useInproc(116);
  peer = disco_inproc_transport(c.links, 1);
  say(greeting(1, 2));
  ASSERT_EQ(c[0].init(), 0);
  ASSERT_EQ(disco_start(node()), 0);
  ASSERT_EQ(disco_begin(node()), 0);
  // The greeting, which the peer does not read, leaves room for four bytes.
  EXPECT_EQ(disco_send(node(), at(20), "0123456789abcdef"), 0);
  EXPECT_EQ(disco_flush(node(), at(20)), DISCO_ERR_DEADLINE);
  expectError(DISCO_ERR_DEADLINE, 1, 20, 0);
}

TEST_F(Receive, LostPeer) {
  start();
  disco_inproc_kill(c.links, 1);
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  EXPECT_EQ(disco_wait(node(), at(10)), DISCO_ERR_LOST);
  expectError(DISCO_ERR_LOST, 1, 10, 0);
}

TEST_F(Receive, LostInTheMiddleOfAMessage) {
  start();
  say(data().substr(0, 60));
  disco_inproc_kill(c.links, 1);
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  EXPECT_EQ(disco_wait(node(), at(10)), DISCO_ERR_LOST);
  expectError(DISCO_ERR_LOST, 1, 10, 0);
}

TEST_F(Receive, ByeInTheMiddle) {
  start();
  say(data() + control(DISCO_FRAME_BYE, ""));
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  EXPECT_EQ(disco_post(node(), at(11), &buffer[0]), 0);
  EXPECT_EQ(disco_wait(node(), at(10)), 0);
  EXPECT_EQ(disco_wait(node(), at(11)), DISCO_ERR_LEFT);
  expectError(DISCO_ERR_LEFT, 1, 11, 0);
}

TEST_F(Receive, ByeBetweenInferencesIsTheEnd) {
  EXPECT_EQ(receive(control(DISCO_FRAME_BYE, "")), DISCO_ERR_END);
  peer.finish(peer.context, 0);
  EXPECT_EQ(c[0].error().code, DISCO_OK);
  EXPECT_EQ(disco_stop(node()), 0);
  EXPECT_EQ(hear(), control(DISCO_FRAME_BYE, ""));
}

TEST_F(Receive, SendingToWhoLeft) {
  start();
  say(control(DISCO_FRAME_BYE, ""));
  EXPECT_EQ(pumpLater(node()), 0);
  EXPECT_EQ(disco_send(node(), at(20), "0123456789abcdef"), DISCO_ERR_LEFT);
}

TEST_F(Receive, AbortNamesTheFirst) {
  std::string payload = {static_cast<char>(DISCO_ERR_CRC), -1, -1, -1, 0, 0, 1, 0, 77, 0, 0, 0};
  EXPECT_EQ(receive(control(DISCO_FRAME_ABORT, payload)), DISCO_ERR_CRC);
  expectError(DISCO_ERR_CRC, 0, 77, 1);
}

TEST_F(Receive, AbortOfNonsenseIsTheSendersFault) {
  std::string payload = {5, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0};
  EXPECT_EQ(receive(control(DISCO_FRAME_ABORT, payload)), DISCO_ERR_ABORTED);
  expectError(DISCO_ERR_ABORTED, 1, 0, 1);
}

TEST_F(Receive, AbortBeatsTheBrokenLink) {
  start();
  std::string payload = {static_cast<char>(DISCO_ERR_DEADLINE), -1, -1, -1, 0, 0, 0, 0, 3, 0, 0, 0};
  say(data() + control(DISCO_FRAME_ABORT, payload));
  disco_inproc_kill(c.links, 1);
  // The abort lies behind a message that nobody has posted; the node finds that it cannot send.
  EXPECT_EQ(disco_send(node(), at(20), "0123456789abcdef"), DISCO_ERR_DEADLINE);
  expectError(DISCO_ERR_DEADLINE, 0, 3, 0);
}

TEST_F(Receive, OnlyTheHeaderIsReadAhead) {
  start();
  say(data() + data(1, 11, 8));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(pumpLater(node()), 0);
  EXPECT_EQ(disco_peer_stats(node(), 1)->rx_wire, 112u + 32u);
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  EXPECT_EQ(pumpLater(node()), 0);
  EXPECT_EQ(disco_peer_stats(node(), 1)->rx_wire, 112u + 72u + 32u);
  EXPECT_EQ(buffer, std::string(40, 'd') + "x");
}

TEST_F(Receive, NoticeKeepsAPeerFromBeingBlamed) {
  start();
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  say(control(DISCO_FRAME_NOTICE, std::string({50, 0, 0, 0})));
  uint64_t from = nowMs();
  EXPECT_EQ(disco_wait(node(), at(10)), DISCO_ERR_DEADLINE);
  EXPECT_LE(nowMs() - from, 250u); // not for ever
  EXPECT_GE(nowMs() - from, 60u);
}

TEST_F(Receive, EndlessNoticesDoNotHelp) {
  start();
  buffer.assign(41, 'x');
  EXPECT_EQ(disco_post(node(), at(10), &buffer[0]), 0);
  for (int i = 0; i < 1000; ++i)
    say(control(DISCO_FRAME_NOTICE, std::string(4, '\xff')));
  uint64_t from = nowMs();
  EXPECT_EQ(disco_wait(node(), at(10)), DISCO_ERR_DEADLINE);
  EXPECT_LE(nowMs() - from, 400u);
}

TEST_F(Receive, HandshakeRefusals) {
  struct Case {
    int code;
    std::string bytes;
  };
  const Case cases[] = {
      {DISCO_ERR_BUILD, changed(hello(1, 2), Build, 1)},
      {DISCO_ERR_BUILD, changed(hello(1, 2), 32 + 15, 1)}, // the header's four bytes are right
      {DISCO_ERR_EPOCH, hello(1, 2, 5)},
      {DISCO_ERR_VERSION, changed(hello(1, 2), Version, 9)},
      {DISCO_ERR_TOPOLOGY, hello(0, 2)},
      {DISCO_ERR_TOPOLOGY, hello(1, 3)},
      {DISCO_ERR_TYPE, data()},
      {DISCO_ERR_MAGIC, std::string(56, 'z')},
      {DISCO_ERR_START, ""},
      {DISCO_ERR_START, hello(1, 2).substr(0, 40)},
      {DISCO_ERR_START, hello(1, 2)},
      {DISCO_ERR_TYPE, hello(1, 2) + data()},
      {DISCO_ERR_SESSION, hello(1, 2) + changed(terms(1), Session, 1)},
      {DISCO_ERR_TERMS, hello(1, 2) + changed(terms(1), 32 + 16, 3)},
      {DISCO_ERR_TERMS, hello(1, 2) + changed(terms(1), 32 + 17, 1)},
      {DISCO_ERR_TERMS, hello(1, 2) + changed(terms(1), 32 + 18, 3)},
      {DISCO_ERR_TERMS, hello(1, 2) + changed(terms(1), 32 + 19, 1)},
  };
  for (const Case &k : cases) {
    c.useInproc(65536);
    peer = disco_inproc_transport(c.links, 1);
    if (!k.bytes.empty())
      say(k.bytes);
    ASSERT_EQ(c[0].init(), 0);
    EXPECT_EQ(disco_start(node()), k.code) << disco_error_text(k.code);
    EXPECT_EQ(c[0].error().rank, 1u);
    EXPECT_EQ(disco_stop(node()), k.code);
    // The peer is told who refuses it.
    EXPECT_EQ(hear().substr(0, 112), greeting(0, 2));
  }
}

TEST_F(Receive, FloodAfterGarbageEndsWithinTheGrace) {
  start();
  say(std::string(60000, 'g'));
  uint64_t from = nowMs();
  EXPECT_EQ(pumpLater(node()), DISCO_ERR_MAGIC);
  EXPECT_LE(nowMs() - from, 200u);
}

TEST_F(Receive, WrongUse) {
  ASSERT_EQ(c[0].init(), 0);
  EXPECT_EQ(disco_begin(node()), DISCO_ERR_USAGE);
  auto each = [&](const std::function<int()> &call) {
    c.useInproc(65536);
    peer = disco_inproc_transport(c.links, 1);
    start();
    EXPECT_EQ(call(), DISCO_ERR_USAGE);
    EXPECT_EQ(c[0].error().rank, 0u);
  };
  char b[64];
  each([&] { return disco_post(node(), at(20), b); });
  each([&] { return disco_post(node(), 99, b); });
  each([&] { return disco_send(node(), at(10), b); });
  each([&] { return disco_wait(node(), at(10)); });
  each([&] { return disco_flush(node(), at(20)); });
  each([&] { return disco_end(node()); });
  each([&] { return disco_start(node()); });
  each([&] { return disco_post(node(), at(10), b), disco_post(node(), at(10), b); });
}

TEST(Init, RefusesWhatCannotWork) {
  Cluster c(2, {{1, 0, 1, 4}});
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE); // no transport
  c.useInproc(64);
  EXPECT_EQ(c[0].init(), 0);
  c[0].program.rank = 2;
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
  c[0].program.rank = 0;
  c[0].messages[0].peer = 0;
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
  c[0].messages[0].peer = 2;
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
  c[0].messages[0].peer = 1;
  c[0].config.slots = nullptr;
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
}

TEST(Init, OneNodeNeedsNothing) {
  Cluster c(1, {});
  c[0].config.peers = nullptr;
  c[0].config.slots = nullptr;
  ASSERT_EQ(c[0].init(), 0);
  EXPECT_EQ(disco_start(&c[0].node), 0);
  EXPECT_EQ(disco_begin(&c[0].node), 0);
  EXPECT_EQ(pumpLater(&c[0].node), 0);
  EXPECT_EQ(disco_end(&c[0].node), 0);
  EXPECT_EQ(disco_stop(&c[0].node), 0);
  ASSERT_EQ(c[0].init(), 0);
  EXPECT_EQ(disco_start(&c[0].node), 0);
  EXPECT_EQ(disco_abort(&c[0].node, 0), DISCO_ERR_ABORTED);
  EXPECT_EQ(disco_stop(&c[0].node), DISCO_ERR_ABORTED);
}

} // namespace
