//===- Stages.cpp - a stretch of layers a node ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/Strategy.h"
#include <cmath>
#include <tuple>

using namespace mlir;
using namespace disco;

namespace {
/// Every node has all channels of a stretch of layers: the first stretch is the root's. Stretches
/// take about the same time, each on its node, and are cut where little crosses.
class Stages final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    std::vector<double> costs = sumsOfCosts(problem);
    std::vector<Cost> crossing = crossingCosts(problem);
    std::vector<double> shares = sharesOfStages(problem);
    size_t begin = 0;
    for (int64_t stage = 0; stage < problem.nodes; ++stage) {
      const double stretch = costs.back() * (shares[stage + 1] - shares[stage]);
      auto passing = [&](size_t at) {
        return problem.costs.send(rankOf(problem, stage), rankOf(problem, stage + 1), crossing[at]);
      };
      size_t end = stage + 1 == problem.nodes
                       ? problem.tensors.size()
                       : cutNear(costs.back() * shares[stage + 1], stretch, begin, costs, passing);
      for (size_t i = begin; i < end; ++i)
        proposal[problem.tensors[i]] = {
            ownersOf(problem, problem.tensors[i], rankOf(problem, stage)), ""};
      begin = end;
    }
    return success();
  }

private:
  static int64_t rankOf(const Problem &problem, int64_t stage) {
    return (problem.root + stage) % problem.nodes;
  }

  static OwnedAttr ownersOf(const Problem &problem, Value tensor, int64_t rank) {
    if (OwnedAttr stated = problem.statedFor(tensor))
      return stated;
    return problem.wholeAt(tensor, isa<InputOp>(tensor.getDefiningOp()) ? problem.root : rank);
  }

  /// How long an op takes on a node; nothing where nothing is computed.
  static double timeOf(const Problem &problem, int64_t rank, Value tensor) {
    auto op = dyn_cast<CostOpInterface>(tensor.getDefiningOp());
    return op ? problem.costs.compute(rank, op) : 0;
  }

  /// What the first i ops take together, on nodes like the root.
  static std::vector<double> sumsOfCosts(const Problem &problem) {
    std::vector<double> sums{0};
    for (Value tensor : problem.tensors)
      sums.push_back(sums.back() + timeOf(problem, problem.root, tensor));
    return sums;
  }

  /// Which share of the work is done before each stage, and at last all: as much as a node is
  /// faster than the others at the whole program.
  static std::vector<double> sharesOfStages(const Problem &problem) {
    DenseMap<Attribute, double> speeds; // nodes alike are asked once
    std::vector<double> shares{0};
    for (int64_t stage = 0; stage < problem.nodes; ++stage) {
      const int64_t rank = rankOf(problem, stage);
      auto [speed, isNew] = speeds.try_emplace(problem.costs.targetOf(rank), 0);
      for (Value tensor : problem.tensors)
        if (isNew)
          speed->second += timeOf(problem, rank, tensor);
      if (isNew)
        speed->second = speed->second > 0 ? 1 / speed->second : 1;
      shares.push_back(shares.back() + speed->second);
    }
    for (double &share : shares)
      share /= shares.back();
    return shares;
  }

  /// What is sent of that which ops read that come after the first i, and those have made.
  static std::vector<Cost> crossingCosts(const Problem &problem) {
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
    Cost under;
    for (Cost &step : change)
      step = under += step;
    return change;
  }

  /// Where to cut: where the least crosses, no farther from a share of all costs than a quarter of
  /// a stretch; else as near as possible.
  static size_t cutNear(double share, double stretch, size_t begin, ArrayRef<double> costs,
                        function_ref<double(size_t)> crossing) {
    auto lossAt = [&](size_t at) {
      double away = std::abs(costs[at] - share);
      bool isFar = away > stretch / 4;
      return std::make_tuple(isFar, isFar ? away : crossing(at), away);
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
