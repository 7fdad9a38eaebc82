//===- small_test.cpp - what a runtime for small boards refuses -----------===//
// SPDX-License-Identifier: Apache-2.0

#include "cluster.h"

#include <gtest/gtest.h>

// Built with DISCO_IN_FLIGHT=1 and DISCO_MAILBOX=0.
TEST(Small, OneInferenceIsInFlight) {
  Cluster c(2, {{1, 0, 1, 8}});
  c.useInproc(64);
  for (uint8_t inFlight : {0, 2, 255}) {
    c[0].allow(inFlight);
    EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
  }
  c[0].allow(1);
  EXPECT_EQ(c[0].init(), 0);
}

TEST(Small, AMailboxThatIsNotBuiltInIsRefused) {
  Cluster c(2, {{1, 0, 1, 8}});
  c.useMail(64, 1);
  EXPECT_EQ(c[0].init(), DISCO_ERR_USAGE);
  c.configure([](disco_config &g) { g.mailbox = nullptr; });
  EXPECT_EQ(c[0].init(), 0);
  EXPECT_EQ(disco_place(&c[0].node, 0), nullptr);
}
