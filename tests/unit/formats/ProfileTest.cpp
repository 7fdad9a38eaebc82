//===- ProfileTest.cpp - tests of profiles ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Profile.h"
#include "Expect.h"

using namespace discoc;

static StepWork work(const std::string &kernel, int64_t macs, int64_t elements, int64_t weights) {
  return {"conv", kernel, "f32", macs, elements, 0, weights, -1};
}

static Profile measured() {
  Profile profile;
  profile.compiler = "0.1.0";
  profile.host = "a processor";
  profile.target = "x86-64-v3";
  profile.stepNs = 100;
  profile.bytesPerNs = 8;
  profile.cacheBytes = 1 << 20;
  profile.messageNs = 5000;
  profile.macNs = {{"f32", 0.5}, {"i8", 0.25}};
  // 64 rows of 64 addends, over 1024 and over 16 places.
  profile.kernels = {
      {work("conv_gemm", 1 << 22, 1 << 16, 1 << 14), 100 + (1 << 20), 100 + (1 << 21)},
      {work("conv_gemm", 1 << 16, 1 << 10, 1 << 14), 100 + (1 << 15), 100 + (1 << 16)}};
  profile.transports["tcp"] = {{64, 15000, 6000}, {65536, 40000, 19000}};
  return profile;
}

TEST(Profile, ReadsWhatItWrites) {
  const std::string text = toJson(measured());
  keepForSchemas("profile.json", text);
  Diagnostics out;
  auto back = parseProfile(text, "p.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(back->kernels[1].coldNs, 100 + (1 << 16));
  EXPECT_EQ(back->transports["tcp"][1].bytes, 65536);
}

TEST(Profile, ReadsItsPage) {
  for (const std::string &text : examplesOf("profile.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parseProfile(text, "profile.md", out)) << toString(out);
  }
}

TEST(Profile, TimesOfSteps) {
  const Profile profile = measured();
  // What was measured takes what it took: a quarter and a half of a nanosecond each.
  EXPECT_NEAR(profile.timeOf(work("conv_gemm", 1 << 22, 1 << 16, 1 << 14), false), 100 + (1 << 20),
              (1 << 20) * 0.01);
  EXPECT_NEAR(profile.timeOf(work("conv_gemm", 1 << 22, 1 << 16, 1 << 14), true), 100 + (1 << 21),
              (1 << 21) * 0.01);
  // Between the two, something between.
  const double between = profile.timeOf(work("conv_gemm", 1 << 19, 1 << 13, 1 << 14), false) - 100;
  EXPECT_GT(between, (1 << 19) * 0.26);
  EXPECT_LT(between, (1 << 19) * 0.49);
  // A kernel that nobody measured: arithmetic, or memory where that takes longer.
  EXPECT_DOUBLE_EQ(profile.timeOf(work("conv_any", 1000, 10, 40), false), 100 + 500);
  EXPECT_DOUBLE_EQ(profile.timeOf(work("conv_any", 1000, 10, 80'000), false), 100 + 10'000);
}

TEST(Profile, WhatWasNotMeasuredColdCountsAsItWasMeasured) {
  Profile profile = measured();
  profile.kernels.resize(1);
  profile.kernels.front().coldNs = 0;
  const StepWork same = work("conv_gemm", 1 << 22, 1 << 16, 1 << 14);
  EXPECT_DOUBLE_EQ(profile.timeOf(same, true), profile.timeOf(same, false));
  // One of several that was measured so stands for all.
  profile.kernels.push_back(
      {work("conv_gemm", 1 << 16, 1 << 10, 1 << 14), 100 + (1 << 15), 100 + (1 << 17)});
  EXPECT_NEAR(profile.timeOf(same, true), 100 + 2.0 * (1 << 22), 1000);
}

TEST(Profile, LinesOfTransports) {
  Profile profile = measured();
  profile.transports["tcp"] = {{64, 5128, 1032}, {1000, 7000, 1500}, {100'000, 205'000, 51'000}};
  const ByteLine way = profile.wayOver("tcp"), processor = profile.processorOver("tcp");
  EXPECT_NEAR(way.ns, 5000, 1e-3);
  EXPECT_NEAR(way.byteNs, 2, 1e-6);
  EXPECT_NEAR(processor.ns, 1000, 1e-3);
  EXPECT_NEAR(processor.byteNs, 0.5, 1e-6);
  // What falls with the size is noise; nothing is negative.
  profile.transports["tcp"] = {{64, 5000, 0}, {65536, 4000, 0}};
  EXPECT_EQ(profile.wayOver("tcp").byteNs, 0);
  EXPECT_EQ(profile.wayOver("udp").ns, 0);
}

TEST(Profile, SaysWhatIsWrongAndWhere) {
  const std::string good = toJson(measured());
  struct Case {
    std::string is, was;
    std::vector<std::string> parts;
  } cases[] = {{"\"version\": 1", "\"version\": 2", {"$.version", "is 2"}},
               {"\"step_ns\": 100.0", "\"step_ns\": -1", {"$.step_ns", "is no time"}},
               {"\"step_ns\": 100.0", "\"step_ns\": 1e300", {"$.step_ns", "is no time"}},
               {"\"step_ns\": 100.0", "\"steps\": 1", {"steps"}},
               {"\"bytes\": 64", "\"bytes\": -64", {"$.transports.tcp[0].bytes"}},
               {"\"bytes\": 64", "\"bytes\": 65536", {"$.transports.tcp[1].bytes", "no more"}},
               {"\"kernel\": \"conv_gemm\"", "\"kernel\": 7", {"$.kernels[0].kernel"}},
               {"discoc-profile", "discoc-plan", {"p.json"}}};
  for (const Case &c : cases) {
    std::string text = good;
    ASSERT_NE(text.find(c.is), std::string::npos) << c.is << " in\n" << text;
    text.replace(text.find(c.is), c.is.size(), c.was);
    Diagnostics out;
    EXPECT_FALSE(parseProfile(text, "p.json", out)) << c.was;
    expectFault(out, c.parts);
  }
}
