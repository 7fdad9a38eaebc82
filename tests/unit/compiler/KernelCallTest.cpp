//===- KernelCallTest.cpp - what a kernel's parameters say ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/KernelCall.h"
#include <gtest/gtest.h>

using namespace disco;

static KernelCall call(const char *kernel, std::vector<const char *> members = {}) {
  KernelCall made;
  made.use("some.h", kernel);
  for (const char *member : members)
    made.member(member);
  return made;
}

TEST(KernelCall, LibraryIsLeftOutOnlyWhereThatIsKnown) {
  EXPECT_FALSE(call("rearrange").mayCallLibrary());
  EXPECT_FALSE(
      call("conv", {"using x_t = float;", "using act = disco::act_relu;"}).mayCallLibrary());
  EXPECT_FALSE(
      call("conv", {"struct act : disco::act_clip { static constexpr double min = 0.0; };"})
          .mayCallLibrary());
  EXPECT_FALSE(call("pad", {"using x_t = float;",
                            "static constexpr disco::pad_mode mode = disco::pad_mode::edge;"})
                   .mayCallLibrary());
  EXPECT_TRUE(call("conv", {"using act = disco::act_softplus;"}).mayCallLibrary());
  EXPECT_TRUE(call("unary", {"using x_t = float;", "using op = disco::op_sqrt;"}).mayCallLibrary());
  EXPECT_TRUE(call("conv", {"using x_t = double;"}).mayCallLibrary());
  EXPECT_TRUE(
      call("binary", {"using a_t = int64_t;", "using op = disco::op_add;"}).mayCallLibrary());
  EXPECT_TRUE(call("conv", {"using x_t = disco::f16;"}).mayCallLibrary());
  EXPECT_TRUE(call("top_k").mayCallLibrary());
}
