//===- CutterTest.cpp - cuts of chains against all that there are ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Cutter.h"
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <tuple>

using namespace disco;

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

/// A chain of random whole costs: sums of them are exact.
struct RandomChain {
  RandomChain(size_t steps, size_t workers, std::mt19937 &random) {
    auto between = [&](int least, int most) {
      return static_cast<double>(std::uniform_int_distribution<int>(least, most)(random));
    };
    times.assign(workers, std::vector<double>(steps));
    for (auto &row : times)
      for (double &time : row)
        time = between(0, 9);
    for (size_t worker = 0; worker < workers; ++worker)
      room.push_back(between(0, 3) == 0 ? between(0, 6) : kNever);
    for (size_t at = 0; at <= steps; ++at)
      crossing.push_back(between(0, 6));
    for (size_t worker = 0; worker < workers * workers; ++worker)
      links.push_back(between(1, 3));
  }

  double compute(size_t begin, size_t end, size_t worker) const {
    double sum = 0;
    for (size_t step = begin; step < end; ++step)
      sum += times[worker][step];
    return static_cast<double>(end - begin) > room[worker] ? kNever : sum;
  }
  double cut(size_t at, size_t from, size_t to) const {
    return crossing[at] * links[from * times.size() + to];
  }

  std::vector<std::vector<double>> times; // by worker and step
  std::vector<double> room, crossing, links;
};

/// Slowest of all, slowest worker, all handing on.
using Judged = std::tuple<double, double, double>;

/// The best of all cuts in turn.
Judged bestInTurn(const RandomChain &chain, size_t worker, size_t workers, size_t begin,
                  size_t steps, const Judged &before) {
  const auto [slowest, computing, handing] = before;
  Judged best{kNever, kNever, kNever};
  const bool isLast = worker + 1 == workers;
  for (size_t end = isLast ? steps : begin + 1; end + (workers - worker - 1) <= steps; ++end) {
    const double compute = chain.compute(begin, end, worker);
    const double cut = begin == 0 ? 0 : chain.cut(begin, worker - 1, worker);
    const Judged now{std::max({slowest, compute, cut}), std::max(computing, compute),
                     handing + cut};
    best = std::min(best, isLast ? now : bestInTurn(chain, worker + 1, workers, end, steps, now));
  }
  return best;
}

/// The least time of all ways to give steps to workers.
double bestFreely(const RandomChain &chain, size_t step, size_t steps, size_t before) {
  if (step == steps)
    return 0;
  double best = kNever;
  for (size_t worker = 0; worker < chain.times.size(); ++worker)
    best = std::min(best, (step == 0 || worker == before ? 0 : chain.cut(step, before, worker)) +
                              chain.compute(step, step + 1, worker) +
                              bestFreely(chain, step + 1, steps, worker));
  return best;
}

template <typename Callback> void forRandomChains(Callback callback) {
  std::mt19937 random(7);
  for (int round = 0; round < 600; ++round) {
    const size_t steps = 1 + random() % 7, workers = 1 + random() % 4;
    RandomChain chain(steps, workers, random);
    auto compute = [&](size_t begin, size_t end, size_t worker) {
      return chain.compute(begin, end, worker);
    };
    auto cut = [&](size_t at, size_t from, size_t to) { return chain.cut(at, from, to); };
    callback(chain, ChainCosts{steps, workers, compute, cut});
  }
}

void expectWhole(const std::vector<Stretch> &stretches, size_t steps) {
  size_t end = 0;
  for (const Stretch &stretch : stretches) {
    EXPECT_EQ(stretch.begin, end);
    EXPECT_LT(stretch.begin, stretch.end);
    end = stretch.end;
  }
  EXPECT_EQ(end, steps);
}

TEST(Cutter, InTurnTheSlowestStageIsMinimal) {
  int impossible = 0;
  forRandomChains([&](const RandomChain &chain, const ChainCosts &costs) {
    const size_t workers = std::min(costs.workers, costs.steps);
    const Judged best = bestInTurn(chain, 0, workers, 0, costs.steps, {0, 0, 0});
    auto stretches = cutInTurn(costs);
    ASSERT_EQ(stretches.has_value(), std::get<0>(best) < kNever);
    impossible += !stretches;
    if (!stretches)
      return;
    expectWhole(*stretches, costs.steps);
    ASSERT_EQ(stretches->size(), workers);
    double slowest = 0, computing = 0, handing = 0;
    for (size_t i = 0; i < workers; ++i) {
      const Stretch &each = (*stretches)[i];
      EXPECT_EQ(each.worker, i);
      const double cut = i == 0 ? 0 : chain.cut(each.begin, i - 1, i);
      const double compute = chain.compute(each.begin, each.end, i);
      slowest = std::max({slowest, compute, cut});
      computing = std::max(computing, compute);
      handing += cut;
    }
    EXPECT_EQ(Judged(slowest, computing, handing), best);
  });
  EXPECT_GT(impossible, 0);
}

TEST(Cutter, FreelyTheSumIsMinimal) {
  forRandomChains([&](const RandomChain &chain, const ChainCosts &costs) {
    const double least = bestFreely(chain, 0, costs.steps, 0);
    auto stretches = cutFreely(costs);
    ASSERT_EQ(stretches.has_value(), least < kNever);
    if (!stretches)
      return;
    expectWhole(*stretches, costs.steps);
    double sum = 0;
    for (const Stretch &each : *stretches) {
      for (size_t step = each.begin; step < each.end; ++step)
        sum += chain.compute(step, step + 1, each.worker);
      if (&each != &stretches->front())
        sum += chain.cut(each.begin, (&each - 1)->worker, each.worker);
    }
    EXPECT_EQ(sum, least);
  });
}

} // namespace
