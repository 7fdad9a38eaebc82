//===- RefitTest.cpp - weights that are adjusted ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Refit.h"

#include <gtest/gtest.h>

#include <random>

using namespace discoc::mask;

static Samples randomSamples(Eigen::Index rows, Eigen::Index columns, unsigned seed) {
  std::mt19937 engine(seed);
  Samples samples(rows, columns);
  for (float &value : samples.reshaped())
    value = static_cast<float>(engine()) / 4e9f - 0.5f;
  samples.row(rows - 1).setOnes();
  return samples;
}

TEST(Refit, WhatIsKeptStandsInForWhatIsGone) {
  // Channel 2 is channel 0 twice and a constant: without it nothing is lost.
  auto patchesOf = [](unsigned seed) {
    Samples patches = randomSamples(4, 200, seed);
    patches.row(2) = 2 * patches.row(0).array() + 0.25f;
    return patches;
  };
  Matrix old(2, 4);
  old << 1, 2, 3, 4, -1, 0.5, 2, 0;
  const Samples fit = patchesOf(1), held = patchesOf(2);
  const Samples fitOutputs = old.cast<float>() * fit, heldOutputs = old.cast<float>() * held;
  const Refit made =
      refit(gramOf(fit, 1), momentsOf(fitOutputs, fit, 1), old, {0, 1, 3}, held, heldOutputs);
  EXPECT_TRUE(made.adjusted);
  EXPECT_GT(made.before, 100);
  EXPECT_LT(made.after, 1e-3 * made.before);
  EXPECT_EQ(made.weights.col(2), Eigen::Vector2d::Zero());
  EXPECT_NEAR(made.weights(0, 0), 7, 0.05);
}

TEST(Refit, OldWeightsStayWhereHeldOutInputsSaySo) {
  // What is fitted is noise; on the held-out inputs the old weights are right.
  const Samples fit = randomSamples(9, 12, 3), held = randomSamples(9, 12, 4);
  Matrix old = Matrix::Ones(1, 9);
  const Samples noise = 100 * randomSamples(2, 12, 5).topRows(1);
  const Refit made = refit(gramOf(fit, 1), momentsOf(noise, fit, 1), old,
                           {0, 1, 2, 3, 4, 5, 6, 7, 8}, held, old.cast<float>() * held);
  EXPECT_FALSE(made.adjusted);
  EXPECT_EQ(made.weights, old);
  EXPECT_EQ(made.after, made.before);
}

TEST(Refit, SumsHaveOneOrder) {
  const Samples patches = randomSamples(700, 90, 6), outputs = randomSamples(300, 90, 7);
  EXPECT_EQ(gramOf(patches, 1), gramOf(patches, 5));
  EXPECT_EQ(momentsOf(outputs, patches, 1), momentsOf(outputs, patches, 5));
  EXPECT_EQ(gramOf(patches, 2), gramOf(patches, 2).transpose());
}
