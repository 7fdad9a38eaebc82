//===- PipelineBound.cpp - how fast a pipeline can be at best -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/PipelineBound.h"
#include "compiler/dialect/WireFormat.h"
#include "passes/Cutter.h"
#include <cmath>

using namespace mlir;
using namespace disco;

/// The steps of a node that compute, in order.
static std::vector<const Step *> computingSteps(const TimedSchedule &timed, int64_t rank) {
  std::vector<const Step *> steps;
  for (const Step &step : timed.schedule.nodes[rank].steps)
    if (step.kind == Step::Kind::Compute && step.op && step.op->getNumResults() == 1)
      steps.push_back(&step);
  return steps;
}

bool PipelineBound::addNode(const discoc::NodeRates &rates, const discoc::Profile &profile) {
  alone.timed.rates.nodes[rank] = rates;
  cacheBytes = profile.cacheBytes;
  Sums &own = nodes.emplace_back();
  for (bool cold : {false, true}) {
    discoc::Profile fixed = profile;
    fixed.cacheBytes = cold ? 1 : 0;
    Times times(alone.timed, &fixed);
    if (!times.knowsComputing(rank))
      return false;
    const Timing timing = times.timing();
    std::vector<double> &sums = cold ? own.cold : own.warm;
    sums.push_back(0);
    for (const Step *step : computingSteps(alone.timed, rank))
      sums.push_back(sums.back() + static_cast<double>(timing.compute(rank, *step)));
  }
  return true;
}

std::optional<int64_t>
PipelineBound::leastOf(ArrayRef<int64_t> order,
                       llvm::function_ref<double(int64_t from, int64_t to)> bandwidth) const {
  SmallVector<Value> tensors;
  std::vector<int64_t> weights{0};
  for (const Step *step : computingSteps(alone.timed, rank)) {
    tensors.push_back(step->op->getResult(0));
    weights.push_back(weights.back() + alone.timed.works[step->work].weightBytes);
  }
  // Features as they travel; what is no f32 as it is.
  std::vector<Cost> crossing = crossingCosts(tensors);
  const RankedTensorType single =
      RankedTensorType::get({1}, Float32Type::get(alone.module->getContext()));
  for (Cost &cost : crossing)
    cost.wireBytes = travellingBytes(*alone.module, single, cost.wireBytes);
  auto compute = [&](size_t begin, size_t end, size_t worker) {
    const Sums &own = nodes[order[worker]];
    const bool cold = cacheBytes > 0 && weights[end] - weights[begin] > cacheBytes;
    const std::vector<double> &sums = cold ? own.cold : own.warm;
    return sums[end] - sums[begin];
  };
  auto cut = [&](size_t at, size_t from, size_t to) {
    return static_cast<double>(crossing[at].wireBytes) / bandwidth(order[from], order[to]) * 1e9;
  };
  const ChainCosts chain{tensors.size(), order.size(), compute, cut};
  const std::optional<std::vector<Stretch>> stretches = cutInTurn(chain);
  if (!stretches)
    return std::nullopt;
  double slowest = 0;
  for (const Stretch &stretch : *stretches) {
    slowest = std::max(slowest, compute(stretch.begin, stretch.end, stretch.worker));
    if (stretch.begin > 0)
      slowest = std::max(slowest, cut(stretch.begin, stretch.worker - 1, stretch.worker));
  }
  return std::llround(slowest);
}
