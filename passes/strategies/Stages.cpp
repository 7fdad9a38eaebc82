//===- Stages.cpp - a stretch of layers a node ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Cutter.h"
#include "passes/strategies/Strategy.h"
#include <limits>

using namespace mlir;
using namespace disco;

namespace {
/// Every node has all channels of a stretch of layers: the first stretch is the root's. The slowest
/// node or link is as fast as can be; no node has more weights than it has room for where that can
/// be had.
class Stages final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    const std::vector<Cost> crossing = crossingCosts(problem.tensors);
    readCosts(problem);
    auto cut = [&](size_t at, size_t from, size_t to) {
      return problem.costs.send(rankOf(problem, from), rankOf(problem, to), crossing[at]);
    };
    std::optional<std::vector<Stretch>> stretches;
    for (bool limited : {true, false}) {
      auto compute = [&](size_t begin, size_t end, size_t stage) {
        const int64_t rank = rankOf(problem, stage), room = problem.costs.weightRoom(rank);
        if (limited && room > 0 && weights[end] - weights[begin] > room)
          return std::numeric_limits<double>::infinity();
        const std::vector<double> &sums = times.find(problem.costs.targetOf(rank))->second;
        return sums[end] - sums[begin];
      };
      if (!stretches)
        stretches =
            cutInTurn({problem.tensors.size(), static_cast<size_t>(problem.nodes), compute, cut});
    }
    for (const Stretch &stretch : *stretches)
      for (size_t i = stretch.begin; i < stretch.end; ++i)
        proposal[problem.tensors[i]] = {
            ownersOf(problem, problem.tensors[i], rankOf(problem, stretch.worker)), ""};
    return success();
  }

private:
  static int64_t rankOf(const Problem &problem, size_t stage) {
    return (problem.root + static_cast<int64_t>(stage)) % problem.nodes;
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

  /// Sums over the first ops; nodes alike are asked once.
  void readCosts(const Problem &problem) {
    weights.push_back(0);
    for (Value tensor : problem.tensors) {
      int64_t bytes = 0;
      for (Value operand : tensor.getDefiningOp()->getOperands())
        if (isConstant(operand))
          bytes += byteSize(tensorType(operand));
      weights.push_back(weights.back() + bytes);
    }
    for (int64_t rank = 0; rank < problem.nodes; ++rank) {
      auto [sums, isNew] = times.try_emplace(problem.costs.targetOf(rank));
      if (!isNew)
        continue;
      sums->second.push_back(0);
      for (Value tensor : problem.tensors)
        sums->second.push_back(sums->second.back() + timeOf(problem, rank, tensor));
    }
  }

  llvm::DenseMap<Attribute, std::vector<double>> times; // by what is known of a node
  std::vector<int64_t> weights;                         // bytes
};
} // namespace

std::unique_ptr<Strategy> disco::createStages() { return std::make_unique<Stages>(); }
