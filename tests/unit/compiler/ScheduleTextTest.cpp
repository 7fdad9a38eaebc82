//===- ScheduleTextTest.cpp - schedules from text, played -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/ScheduleText.h"
#include <gtest/gtest.h>

using namespace disco;

namespace {

/// Why a text is refused; empty: it is not.
std::string refusal(const std::string &text) {
  discoc::Diagnostics errors;
  std::optional<TimedSchedule> timed = parseSchedule(text, "s.txt", errors);
  EXPECT_EQ(timed.has_value(), errors.empty());
  return errors.empty() ? "" : errors.front().str();
}

EngineResult play(const std::string &text, const discoc::Profile *profile = nullptr) {
  discoc::Diagnostics errors;
  std::optional<TimedSchedule> timed = parseSchedule(text, "s.txt", errors);
  EXPECT_TRUE(timed) << discoc::toString(errors);
  if (!timed)
    return {};
  Times times(*timed, profile);
  return runSchedule(timed->schedule, times.timing(), 1, 1);
}

/// Two boards give each other 1000 bytes at 1 byte a nanosecond, a third gives a fourth as many.
std::string exchange(const std::string &link) {
  return "discoc-schedule 1\nin_flight 1\nnode board 1e9\nnode board 1e9\nnode board 1e9\nnode "
         "board 1e9\n" +
         link +
         "way 0 1 0 0 1\nway 1 0 0 1 0\nway 2 3 0 2 3\n"
         "m 0 0 1 1000 -1\nm 1 1 0 1000 -1\nm 2 2 3 1000 -1\n"
         "s 0 p1 s0 f0 r1\ns 1 p0 s1 f1 r0\ns 2 s2 f2\ns 3 p2\ns 3 r2\n";
}

TEST(ScheduleText, WhatSharesALink) {
  EXPECT_EQ(play(exchange("link packets full 1e9 5e-9 0 1 2 3\n")).finished.front(), 1005u);
  EXPECT_EQ(play(exchange("link packets half 1e9 5e-9 0 1 2 3\n")).finished.front(), 2005u);
  EXPECT_EQ(play(exchange("link packets bus 1e9 5e-9 0 1 2 3\n")).finished.front(), 3005u);
}

/// A header of 32 bytes and 1000 of payload in segments of 56, each with 18 around: 18 full ones,
/// and one of 24. Without the line, the payload alone.
TEST(ScheduleText, WhatAPacketAddsIsSent) {
  const std::string link = "link packets full 1e9 0 0 1 2 3\n";
  EXPECT_EQ(play(exchange(link)).finished.front(), 1000u);
  EXPECT_EQ(play(exchange(link + "packets 0 56 18 0 32\n")).finished.front(), 18u * 74 + 24 + 18);
  EXPECT_EQ(play(exchange(link + "packets 0 56 18 60 32\n")).finished.front(), 18u * 74 + 60);
  EXPECT_NE(refusal(exchange(link + "packets 0 0 18 0 32\n")), "");
  EXPECT_NE(refusal(exchange(link + "packets 1 56 18 0 32\n")), "");
}

/// A host of half the profile's speed takes twice as long.
TEST(ScheduleText, Speeds) {
  discoc::Profile profile = discoc::nominalProfile(32);
  profile.spinNs = 1e9; // wakes nobody
  const std::string text = "discoc-schedule 1\nnode host 0\n";
  const std::string rest = "work conv conv_gemm f32 160000 1 0 0 -1\ns 0 c0\n";
  const auto once = play(text + rest, &profile).finished.front();
  EXPECT_EQ(play(text + "speed 0 0.5\n" + rest, &profile).finished.front(), 2 * once);
  EXPECT_NE(refusal(text + "speed 0 0\n" + rest), "");
  EXPECT_NE(refusal(text + "speed 1 2\n" + rest), "");
}

/// Over the port that a host has for all its streams one message leaves at a time.
TEST(ScheduleText, AHostHasOnePort) {
  const std::string text =
      "discoc-schedule 1\nnode host 0\nnode host 0\nnode host 0\nlink stream full 1e9 0\n"
      "way 0 1 0 0 1\nway 0 2 0 0 2\nm 0 0 1 1000 -1\nm 1 0 2 1000 -1\n"
      "s 0 s0 s1 f0 f1\ns 1 p0 r0\ns 2 p1 r1\n";
  EXPECT_EQ(play(text).finished.front(), 2000u);
}

/// Both links of a way are busy at once, at the pace of the slower.
TEST(ScheduleText, Forwarding) {
  const std::string text = "discoc-schedule 1\nnode board 0\nnode board 0\nnode board 0\n"
                           "link packets full 1e9 1e-9 0 1\nlink packets full 5e8 2e-9 1 2\n"
                           "way 0 2 0 0 1 1 1 2\nm 0 0 2 1000 -1\ns 0 s0 f0\ns 2 p0 r0\n";
  EXPECT_EQ(play(text).finished.front(), 2003u);
}

/// What messages take of processors, and waking up: 10 + 2 x 100 at the sender, then 1000 on the
/// wire; as much at the receiver, and 7 to wake it if it waited for too long.
TEST(ScheduleText, WhatMessagesTakeOfAProcessor) {
  const std::string text =
      "discoc-schedule 1\nnode host 0\nnode host 0\nlink stream full 1e8 0\nway 0 1 0 0 1\n"
      "work conv conv_gemm f32 50 1 0 0 -1\nm 0 0 1 100 -1\ns 0 c0 s0 f0\ns 1 p0 r0 c0\n";
  discoc::Profile profile;
  profile.macNs["f32"] = 2;
  profile.messageNs = 10;
  profile.messageByteNs = 2;
  profile.spinNs = 5000;
  profile.wakeNs = 7;
  EXPECT_EQ(play(text, &profile).finished.front(), 100u + 210 + 1000 + 210 + 100);
  profile.spinNs = 500;
  EXPECT_EQ(play(text, &profile).finished.front(), 100u + 210 + 1000 + 217 + 100);
}

TEST(ScheduleText, WhatIsRefused) {
  const std::string head = "discoc-schedule 1\nnode host 0\nnode host 0\nm 0 0 1 8 -1\n";
  EXPECT_EQ(refusal(head + "s 0 s0 f0\ns 1 p0 r0\n"), "");
  EXPECT_NE(refusal("{}").find("line 1: is no schedule"), std::string::npos);
  EXPECT_NE(refusal("discoc-schedule 2\n").find("has version 2"), std::string::npos);
  for (const char *bad : {"s 1 s0\n",
                          "s 0 p0\n",
                          "s 0 s1\n",
                          "s 0 x0\n",
                          "s 0 s\n",
                          "s 2 s0\n",
                          "s 0 c0\n",
                          "s 0 s-1\n",
                          "work conv conv_gemm f32 1 1 1 1 0\n",
                          "work conv f32 1\n",
                          "way 0 1 0 0 1\n",
                          "node desk 0\n",
                          "node host -1\n",
                          "link packets full 1 0 7\n",
                          "link packets twice 1 0\n",
                          "in_flight 0\n",
                          "in_flight 256\n",
                          "m 1 0 1 8 -1 9\n",
                          "m 1 0 -1 8 -1\n",
                          "what\n",
                          "m 1 0 99999 8 -1\n"})
    EXPECT_NE(refusal(head + bad).find("line 5: is not understood"), std::string::npos) << bad;
  EXPECT_NE(refusal(head + "m 1 0 2 8 -1\n").find("message 1 is of a node"), std::string::npos);
}

} // namespace
