//===- Stretches.cpp - each stretch of layers over as many nodes as pay ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Groups of nodes, from the root alone to all, each divide the whole program as `greedy` does, by
// their speeds. Which group has which stretch is then the cheapest way through the program: what
// steps take, what nodes of a group exchange, and what one group hands to the next.
#include "passes/Cutter.h"
#include "passes/strategies/GroupCosts.h"
#include <cmath>

using namespace mlir;
using namespace disco;

namespace {

class Stretches final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    std::vector<Group> groups;
    if (failed(makeGroups(problem, groups)))
      return failure();
    const GroupCosts costs(problem, groups);
    auto compute = [&](size_t begin, size_t, size_t group) { return costs.step(begin, group); };
    auto cut = [&](size_t at, size_t from, size_t to) { return costs.cut(at, from, to); };
    const auto stretches = cutFreely({problem.tensors.size(), groups.size(), compute, cut}).value();
    for (const Stretch &stretch : stretches)
      for (size_t i = stretch.begin; i < stretch.end; ++i)
        take(problem, problem.tensors[i], groups[stretch.worker], proposal);
    return success();
  }
  bool dealsShares() const override { return true; }

private:
  /// Where all nodes are alike, or shares are stated, these; else whole numbers as the speeds at
  /// the whole program.
  static std::vector<int64_t> speedsOf(const Problem &problem) {
    const bool stated = llvm::any_of(
        problem.shares, [&](int64_t share) { return share != problem.shares.front(); });
    std::vector<double> times;
    for (int64_t rank = 0; rank < problem.nodes && !stated; ++rank) {
      times.push_back(0);
      for (Value tensor : problem.tensors)
        if (auto op = dyn_cast<CostOpInterface>(tensor.getDefiningOp()))
          times.back() += problem.costs.compute(rank, op);
    }
    if (times.empty() || *std::max_element(times.begin(), times.end()) <= 0)
      return problem.shares;
    const double fastest = *std::min_element(times.begin(), times.end());
    std::vector<int64_t> speeds;
    for (double time : times)
      speeds.push_back(std::max<int64_t>(
          1, std::llround(static_cast<double>(kLargestShare) * fastest / std::max(time, 1e-30))));
    return speeds;
  }

  /// The root alone, and as many of the fastest nodes as there may be, with the root and without.
  static LogicalResult makeGroups(const Problem &problem, std::vector<Group> &groups) {
    const std::vector<int64_t> speeds = speedsOf(problem);
    SmallVector<int64_t> order = problem.sharers();
    llvm::stable_sort(order, [&](int64_t a, int64_t b) {
      return std::pair(-speeds[a], a != problem.root) < std::pair(-speeds[b], b != problem.root);
    });
    const bool masked = llvm::any_of(problem.tensors, [](Value tensor) {
      return tensor.getDefiningOp()->hasAttr(kStatedMaskAttr);
    });
    // Masks are for all nodes.
    if (!masked)
      if (failed(addGroup(problem, {problem.root}, speeds, groups)))
        return failure();
    constexpr size_t few = 8; // of more nodes not every number is tried
    for (size_t count = masked ? order.size() : 1; count <= order.size(); ++count) {
      if (count > few && count != order.size() && (count & (count - 1)) != 0)
        continue;
      SmallVector<int64_t> ranks(order.begin(), order.begin() + count);
      const bool hasRoot = llvm::is_contained(ranks, problem.root);
      if (!(hasRoot && count == 1) && failed(addGroup(problem, ranks, speeds, groups)))
        return failure();
      if (hasRoot || count == 1 || problem.shares[problem.root] == 0 || masked)
        continue;
      ranks.back() = problem.root;
      if (failed(addGroup(problem, ranks, speeds, groups)))
        return failure();
    }
    return success();
  }

  static LogicalResult addGroup(const Problem &problem, ArrayRef<int64_t> ranks,
                                ArrayRef<int64_t> speeds, std::vector<Group> &groups) {
    Group &group = groups.emplace_back();
    group.ranks.assign(ranks.begin(), ranks.end());
    if (ranks.size() == 1) {
      for (Value tensor : problem.tensors)
        group.plan[tensor] = {wholeAt(problem, tensor, ranks.front()), ""};
      return success();
    }
    Problem part(problem.function, problem.nodes, problem.root, problem.costs);
    part.ownerMap = kLatestOwnerMap;
    part.shares.assign(problem.nodes, 0);
    for (int64_t rank : ranks)
      part.shares[rank] = std::max<int64_t>(1, speeds[rank]);
    return createStrategy(strategies().front().name)->propose(part, group.plan);
  }

  static OwnedAttr wholeAt(const Problem &problem, Value tensor, int64_t rank) {
    if (OwnedAttr stated = problem.statedFor(tensor))
      return stated;
    return problem.wholeAt(tensor, isa<InputOp>(tensor.getDefiningOp()) ? problem.root : rank);
  }

  /// What the group has chosen for a tensor; where its op cannot be divided so, since what it reads
  /// lies otherwise in the stretch before, the fastest node has all of it.
  static void take(const Problem &problem, Value tensor, const Group &group, Proposal &proposal) {
    proposal[tensor] = group.plan.lookup(tensor);
    if (!fitsOperands(problem, tensor, proposal))
      proposal[tensor] = {wholeAt(problem, tensor, group.ranks.front()), ""};
  }
};

} // namespace

std::unique_ptr<Strategy> disco::createStretches() { return std::make_unique<Stretches>(); }
