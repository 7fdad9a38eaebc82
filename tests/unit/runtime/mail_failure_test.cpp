//===- mail_failure_test.cpp - mail that is wrong, late or orphaned -------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <gtest/gtest.h>
#include <string.h>
#include <thread>

namespace {

// Rank 0 receives message 10 (40 bytes) and sends 20 (16 bytes), by mail; rank 1 is the test.
class MailFailure : public testing::Test {
protected:
  MailFailure() : c(2, {{10, 1, 0, 40}, {20, 0, 1, 16}}) { fresh(); }

  void fresh() {
    c.useMail(65536, 2);
    c.configure([](disco_config &g) {
      g.start_us = 50000;
      g.deadline_us = 60000;
      g.grace_us = 30000;
      g.settle_us = 10000;
    });
    peer = disco_inproc_transport(c.links, 1);
    box = disco_mailbox_of(c.mail, 1);
  }

  disco_node *node() { return &c[0].node; }
  uint32_t at(uint32_t id) { return c[0].at(id); }

  void say(const std::string &bytes) {
    EXPECT_EQ(peer.write(peer.context, 0, bytes.data(), bytes.size(), false),
              static_cast<int32_t>(bytes.size()));
  }

  // Puts a frame into rank 0's mailbox.
  void mail(const std::string &frame) {
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(frame.data());
    uint32_t size = static_cast<uint32_t>(frame.size()) - DISCO_HEADER_SIZE;
    void *place = box->place(box->context, 0, nullptr, size);
    ASSERT_NE(place, nullptr);
    memcpy(place, bytes + DISCO_HEADER_SIZE, size);
    box->start(box->context, 0, bytes, place, size);
  }

  void start() {
    say(greeting(1, 2));
    ASSERT_EQ(c[0].init(), 0);
    ASSERT_EQ(disco_start(node()), 0);
    ASSERT_EQ(disco_begin(node()), 0);
  }

  // What receiving message 10 gives, into a buffer or in its place.
  int receive(bool inPlace = false) {
    if (int code = disco_post(node(), at(10), inPlace ? nullptr : buffer))
      return code;
    return disco_wait(node(), at(10));
  }

  // What the next pump gives that looks at the stream as well.
  int pump() {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return pumpLater(node());
  }

  std::string data(uint32_t sequence = 1, uint32_t message = 10, size_t size = 40) {
    return dataFrame(sequence, message, std::string(size, 'd'), sessionOf(0, 1));
  }
  std::string control(disco_frame_type type, const std::string &payload) {
    return controlFrame(type, payload, sessionOf(0, 1));
  }

  Cluster c;
  disco_transport peer;
  const disco_mailbox *box;
  uint8_t buffer[40];
};

TEST_F(MailFailure, EveryMismatchHasItsCode) {
  struct Case {
    int code;
    std::string frame;
  };
  const Case cases[] = {
      {0, data()},
      {DISCO_ERR_MAGIC, changed(data(), Magic, 0)},
      {DISCO_ERR_VERSION, changed(data(), Version, 3)},
      {DISCO_ERR_SESSION, changed(data(), Session, 0)},
      {DISCO_ERR_FIELD, changed(data(), Form, 1)},
      {DISCO_ERR_FIELD, changed(data(), Part, 1)},
      {DISCO_ERR_LENGTH, changed(data(), Length, 41)},
      {DISCO_ERR_LENGTH, data(1, 10, 39)},
      {DISCO_ERR_SEQUENCE, data(0)},
      {DISCO_ERR_SEQUENCE, data(2)},
      {DISCO_ERR_SEQUENCE, data(3)},
      {DISCO_ERR_MESSAGE, data(1, 11)},
      // Control frames have a stream.
      {DISCO_ERR_TYPE, control(DISCO_FRAME_BYE, "")},
      {DISCO_ERR_TYPE, control(DISCO_FRAME_NOTICE, "1234")},
      {DISCO_ERR_TYPE, control(DISCO_FRAME_ABORT, std::string(12, '\xff'))},
      {DISCO_ERR_TYPE, control(DISCO_FRAME_TERMS, std::string(24, '\0'))},
      {DISCO_ERR_TYPE, hello(1, 2)},
  };
  for (const Case &k : cases)
    for (bool inPlace : {false, true}) {
      fresh();
      start();
      mail(k.frame);
      EXPECT_EQ(receive(inPlace), k.code) << disco_error_text(k.code);
      if (!k.code)
        continue;
      EXPECT_EQ(c[0].error().rank, 1u);
      EXPECT_EQ(c[0].error().message, 10u) << disco_error_text(k.code);
      EXPECT_EQ(pumpLater(node()), k.code);
    }
}

TEST_F(MailFailure, EveryDamagedByteIsFound) {
  for (size_t i = 0; i < 72; ++i)
    for (bool inPlace : {false, true}) {
      fresh();
      start();
      std::string frame = data();
      frame[i] = static_cast<char>(frame[i] ^ 0x10);
      mail(frame);
      int code = receive(inPlace);
      EXPECT_LT(code, 0) << i;
      if (i >= 32)
        EXPECT_EQ(code, DISCO_ERR_CRC) << i;
      EXPECT_EQ(c[0].error().rank, 1u) << i;
    }
}

// Its data is mail, so none of it may come on the stream.
TEST_F(MailFailure, DataOnTheStream) {
  start();
  say(data());
  EXPECT_EQ(receive(), DISCO_ERR_TYPE);
  EXPECT_EQ(c[0].error().rank, 1u);
}

// A header that cannot be is found although nothing is posted.
TEST_F(MailFailure, BeforeAnythingIsPosted) {
  start();
  mail(data(7));
  EXPECT_EQ(pumpLater(node()), DISCO_ERR_SEQUENCE);
}

TEST_F(MailFailure, MailBehindTheEndOfASession) {
  start();
  mail(data());
  ASSERT_EQ(receive(), 0);
  ASSERT_EQ(disco_send(node(), at(20), buffer), 0);
  ASSERT_EQ(disco_end(node()), 0);
  mail(data(2));
  EXPECT_EQ(disco_stop(node()), DISCO_ERR_MESSAGE);
}

//===----------------------------------------------------------------------===//
// Vanishing, leaving, giving up, silence
//===----------------------------------------------------------------------===//

// The message that it left behind does not help, nor hide that it is gone.
TEST_F(MailFailure, APeerThatVanishesWithAMessageInPlace) {
  start();
  mail(data());
  disco_inproc_kill(c.links, 1);
  ASSERT_EQ(disco_post(node(), at(10), buffer), 0);
  EXPECT_EQ(pump(), DISCO_ERR_LOST);
  EXPECT_EQ(c[0].error().rank, 1u);
  EXPECT_EQ(c[0].error().message, 10u);
}

TEST_F(MailFailure, APlaceThatIsNotStartedIsNoMessage) {
  start();
  memset(box->place(box->context, 0, nullptr, 40), 'd', 40);
  disco_inproc_kill(c.links, 1);
  EXPECT_EQ(receive(), DISCO_ERR_LOST);
  EXPECT_EQ(c[0].error().rank, 1u);
  EXPECT_EQ(c[0].error().message, 10u);
}

// The receiver dies with all places in its hands.
TEST_F(MailFailure, AReceiverThatDiesIsLost) {
  start();
  uint8_t own[16] = {};
  const uint8_t header[DISCO_HEADER_SIZE] = {};
  const disco_mailbox *mine = c[0].config.mailbox;
  for (int i = 0; i < 2; ++i)
    mine->start(mine->context, 1, header, mine->place(mine->context, 1, nullptr, 16), 16);
  ASSERT_EQ(disco_send(node(), at(20), own), 0);
  disco_inproc_kill(c.links, 1);
  EXPECT_EQ(disco_flush(node(), at(20)), DISCO_ERR_LOST);
  EXPECT_EQ(c[0].error().message, 20u);
}

// The place of a message that dies unsent with its node is named as lost, too.
TEST_F(MailFailure, LostWhileAKernelWrites) {
  start();
  ASSERT_NE(disco_place(node(), at(20)), nullptr);
  disco_inproc_kill(c.links, 1);
  EXPECT_EQ(pump(), DISCO_ERR_LOST);
  EXPECT_EQ(c[0].error().rank, 1u);
  EXPECT_EQ(disco_place(node(), at(20)), nullptr);
}

TEST_F(MailFailure, AByeBetweenInferencesEndsTheSession) {
  start();
  say(control(DISCO_FRAME_BYE, ""));
  peer.finish(peer.context, 0);
  EXPECT_EQ(receive(), DISCO_ERR_END);
  EXPECT_EQ(disco_stop(node()), 0);
}

TEST_F(MailFailure, AByeInTheMiddleIsALeaver) {
  start();
  uint8_t own[16] = {};
  ASSERT_EQ(disco_send(node(), at(20), own), 0);
  say(control(DISCO_FRAME_BYE, ""));
  peer.finish(peer.context, 0);
  EXPECT_EQ(receive(), DISCO_ERR_LEFT);
}

// An abort passes mail that nobody takes.
TEST_F(MailFailure, AnAbortOvertakesMail) {
  start();
  mail(data());
  mail(data(2));
  say(control(DISCO_FRAME_ABORT, std::string("\xee\xff\xff\xff\1\0\1\0\xff\xff\xff\xff", 12)));
  EXPECT_EQ(pump(), DISCO_ERR_ABORTED);
  EXPECT_EQ(c[0].error().rank, 1u);
}

// The own abort gets through although the mailbox is full.
TEST_F(MailFailure, TheOwnAbortIsNoMail) {
  start();
  uint8_t own[16] = {};
  const uint8_t header[DISCO_HEADER_SIZE] = {};
  const disco_mailbox *mine = c[0].config.mailbox;
  for (int i = 0; i < 2; ++i)
    mine->start(mine->context, 1, header, mine->place(mine->context, 1, nullptr, 16), 16);
  ASSERT_EQ(disco_send(node(), at(20), own), 0);
  EXPECT_EQ(disco_abort(node(), 0), DISCO_ERR_ABORTED);
  std::string heard(1000, '\0');
  int32_t n = peer.read(peer.context, 0, &heard[0], heard.size());
  ASSERT_EQ(n, 112 + 44);
  EXPECT_EQ(heard[112 + Type], DISCO_FRAME_ABORT);
}

TEST_F(MailFailure, SilenceEndsAtTheDeadline) {
  start();
  uint64_t from = nowMs();
  EXPECT_EQ(receive(), DISCO_ERR_DEADLINE);
  EXPECT_EQ(c[0].error().message, 10u);
  EXPECT_GE(nowMs() - from, 55u);
  EXPECT_LT(nowMs() - from, 1000u);
}

// A notice on the stream gives mail more time.
TEST_F(MailFailure, ANoticeGivesTime) {
  c.configure([](disco_config &g) { g.deadline_us = 400000; });
  start();
  say(control(DISCO_FRAME_NOTICE, std::string("\xd0\x07\0\0", 4))); // 2,000 ms
  std::thread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    mail(data());
  });
  EXPECT_EQ(receive(), 0);
  late.join();
}

// The sleep ends when mail comes, when a place is released and when the stream moves.
TEST_F(MailFailure, OneWaitSleepsOnBoth) {
  c.configure([](disco_config &g) { g.deadline_us = 5000000; });
  start();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    mail(data());
  });
  uint64_t from = nowMs();
  EXPECT_EQ(receive(), 0);
  other.join();
  EXPECT_LT(nowMs() - from, 1000u);
  const disco_mailbox *mine = c[0].config.mailbox;
  const uint8_t header[DISCO_HEADER_SIZE] = {};
  void *places[2];
  for (void *&place : places) {
    place = mine->place(mine->context, 1, nullptr, 16);
    mine->start(mine->context, 1, header, place, 16);
  }
  ASSERT_EQ(disco_send(node(), at(20), buffer), 0);
  other = std::thread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    disco_mail first;
    EXPECT_TRUE(box->incoming(box->context, 0, &first));
    box->accept(box->context, 0);
    box->release(box->context, 0, first.payload);
  });
  from = nowMs();
  EXPECT_EQ(disco_flush(node(), at(20)), 0);
  other.join();
  ASSERT_EQ(disco_end(node()), 0);
  ASSERT_EQ(disco_begin(node()), 0);
  other = std::thread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    say(control(DISCO_FRAME_BYE, ""));
    peer.finish(peer.context, 0);
  });
  EXPECT_EQ(receive(), DISCO_ERR_END);
  other.join();
  EXPECT_LT(nowMs() - from, 1000u);
}

// Who sends has heard from everybody: rank 2, which is not there any more, is not waited for until
// the start deadline.
TEST(MailStart, APeerThatMailsHasStarted) {
  Cluster c(3, {{10, 1, 0, 8}, {11, 2, 0, 8}});
  c.useMail(65536, 1);
  c.configure([](disco_config &g) {
    g.start_us = 5000000;
    g.deadline_us = 60000;
    g.grace_us = g.settle_us = 5000;
  });
  disco_transport peer = disco_inproc_transport(c.links, 1);
  std::string said = greeting(1, 3), frame = dataFrame(1, 10, "12345678", sessionOf(0, 1));
  peer.write(peer.context, 0, said.data(), said.size(), false);
  const disco_mailbox *box = disco_mailbox_of(c.mail, 1);
  void *place = box->place(box->context, 0, nullptr, 8);
  memcpy(place, frame.data() + DISCO_HEADER_SIZE, 8);
  box->start(box->context, 0, reinterpret_cast<const uint8_t *>(frame.data()), place, 8);
  ASSERT_EQ(c[0].init(), 0);
  uint64_t from = nowMs();
  EXPECT_EQ(disco_start(&c[0].node), DISCO_ERR_START);
  EXPECT_LT(nowMs() - from, 2000u);
  EXPECT_EQ(c[0].error().rank, 2u);
}

} // namespace
