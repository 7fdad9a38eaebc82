//===- Stages.cpp - a stretch of layers a node ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/Strategy.h"
#include <cmath>
#include <tuple>

using namespace mlir;
using namespace disco;

namespace {
/// Every node has all channels of a stretch of layers: the first stretch is the root's. Stretches
/// cost about the same, and are cut where little crosses.
class Stages final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    std::vector<double> costs = sumsOfCosts(problem), crossing = crossingTimes(problem);
    double stretch = costs.back() / static_cast<double>(problem.nodes);
    size_t begin = 0;
    for (int64_t stage = 0; stage < problem.nodes; ++stage) {
      double share = stretch * static_cast<double>(stage + 1);
      size_t end = stage + 1 == problem.nodes ? problem.tensors.size()
                                              : cutNear(share, stretch, begin, costs, crossing);
      for (size_t i = begin; i < end; ++i)
        proposal[problem.tensors[i]] = {
            ownersOf(problem, problem.tensors[i], (problem.root + stage) % problem.nodes), ""};
      begin = end;
    }
    return success();
  }

private:
  static OwnedAttr ownersOf(const Problem &problem, Value tensor, int64_t rank) {
    if (OwnedAttr stated = problem.statedFor(tensor))
      return stated;
    return problem.wholeAt(tensor, isa<InputOp>(tensor.getDefiningOp()) ? problem.root : rank);
  }

  /// What the first i ops take together, on nodes like the root.
  static std::vector<double> sumsOfCosts(const Problem &problem) {
    std::vector<double> sums{0};
    for (Value tensor : problem.tensors) {
      auto op = dyn_cast<CostOpInterface>(tensor.getDefiningOp());
      sums.push_back(sums.back() + (op ? problem.costs.compute(problem.root, op.getCost()) : 0));
    }
    return sums;
  }

  /// How long it takes to send what ops read that come after the first i, and those have made.
  static std::vector<double> crossingTimes(const Problem &problem) {
    std::vector<Cost> change(problem.tensors.size() + 1);
    DenseMap<Operation *, size_t> place;
    for (auto [i, tensor] : llvm::enumerate(problem.tensors))
      place[tensor.getDefiningOp()] = i;
    for (auto [i, tensor] : llvm::enumerate(problem.tensors)) {
      size_t last = i;
      for (Operation *user : tensor.getUsers())
        if (auto at = place.find(user); at != place.end())
          last = std::max(last, at->second);
      Cost message;
      message.messages = 1;
      message.wireBytes = byteSize(tensorType(tensor));
      change[i + 1] += message;
      change[last + 1] -= message;
    }
    std::vector<double> times;
    Cost under;
    for (const Cost &step : change)
      times.push_back(problem.costs.send(under += step));
    return times;
  }

  /// Where to cut: where the least crosses, no farther from a share of all costs than a quarter of
  /// a stretch; else as near as possible.
  static size_t cutNear(double share, double stretch, size_t begin, ArrayRef<double> costs,
                        ArrayRef<double> crossing) {
    auto lossAt = [&](size_t at) {
      double away = std::abs(costs[at] - share);
      bool isFar = away > stretch / 4;
      return std::make_tuple(isFar, isFar ? away : crossing[at], away);
    };
    size_t best = begin;
    for (size_t at = begin; at < costs.size(); ++at)
      if (lossAt(at) < lossAt(best))
        best = at;
    return best;
  }
};
} // namespace

std::unique_ptr<Strategy> disco::createStages() { return std::make_unique<Stages>(); }
