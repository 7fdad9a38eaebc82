//===- Stretches.cpp - each stretch of layers over as many nodes as pay ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Groups of nodes, from the root alone to all, each divide the whole program as `greedy` does, by
// their speeds. Which group has which stretch is then the cheapest way through the program: what
// steps take, what nodes of a group exchange, and what one group hands to the next.
#include "compiler/dialect/Replication.h"
#include "passes/Cutter.h"
#include "passes/strategies/Strategy.h"
#include <cmath>

using namespace mlir;
using namespace disco;

namespace {

/// Nodes that divide a stretch, and how.
struct Group {
  SmallVector<int64_t> ranks; // the fastest first
  Proposal plan;              // of the whole program
};

/// What a reader of a tensor needs of it in one group.
struct Reading {
  size_t place;               // of the reader in the program
  int64_t axis;               // of the needs; -1: all of it
  SmallVector<IndexSet> sets; // by rank
  double sums;                // seconds, if nodes add for each other instead; 0: they cannot
};

/// What the groups take for the steps of a program.
class GroupCosts {
public:
  GroupCosts(const Problem &problem, ArrayRef<Group> groups) : problem(problem), groups(groups) {
    for (auto [i, tensor] : llvm::enumerate(problem.tensors))
      places[tensor.getDefiningOp()] = i;
    const size_t count = problem.tensors.size();
    readings.resize(groups.size(), std::vector<SmallVector<Reading>>(count));
    steps.resize(groups.size(), std::vector<double>(count, 0));
    exchanges.resize(groups.size(), std::vector<double>(count, 0));
    crossing.resize(count + 1);
    for (size_t i = 0; i < count; ++i)
      for (size_t at = i + 1; at <= lastReader(i); ++at)
        crossing[at].push_back(i);
    for (size_t group = 0; group < groups.size(); ++group)
      fill(group);
  }

  double step(size_t place, size_t group) const { return steps[group][place]; }

  /// Less what steps of the second group have been charged for the same tensors.
  double cut(size_t at, size_t from, size_t to) const {
    double time = 0;
    for (size_t i : crossing[at]) {
      time += handing(i, owners(from, i), readings[to][i], at);
      if (!readings[to][i].empty() && readings[to][i].front().place >= at)
        time -= exchanges[to][i];
    }
    return time;
  }

private:
  OwnedAttr owners(size_t group, size_t i) const {
    return groups[group].plan.lookup(problem.tensors[i]).owners;
  }

  size_t lastReader(size_t i) const {
    size_t last = i;
    for (Operation *user : problem.tensors[i].getUsers())
      if (auto at = places.find(user); at != places.end())
        last = std::max(last, at->second);
    return last;
  }

  void fill(size_t group) {
    for (size_t i = 0; i < problem.tensors.size(); ++i) {
      readOf(group, i);
      steps[group][i] += computing(group, i);
    }
    for (size_t i = 0; i < problem.tensors.size(); ++i) {
      if (readings[group][i].empty())
        continue;
      // Who reads it first waits for it.
      exchanges[group][i] = handing(i, owners(group, i), readings[group][i], 0);
      steps[group][readings[group][i].front().place] += exchanges[group][i];
    }
  }

  /// The slowest node's share of an op, and handing an output to the root.
  double computing(size_t group, size_t i) const {
    Operation *op = problem.tensors[i].getDefiningOp();
    OwnedAttr own = owners(group, i);
    const int64_t extent =
        std::max<int64_t>(1, axisExtent(tensorType(problem.tensors[i]), own.getAxis()));
    double slowest = 0;
    if (auto cost = dyn_cast<CostOpInterface>(op))
      for (int64_t rank : ranksOf(own))
        slowest = std::max(slowest, problem.costs.compute(rank, cost) *
                                        static_cast<double>(own.getSet(rank).size()) /
                                        static_cast<double>(extent));
    if (llvm::any_of(op->getUsers(), [](Operation *user) { return isa<OutputOp>(user); })) {
      SmallVector<IndexSet> needs(problem.nodes);
      needs[problem.root] = IndexSet::all(extent);
      slowest += passing(i, own, needs);
    }
    return slowest;
  }

  /// What every reader of a tensor needs, in the order of readers.
  void readOf(size_t group, size_t i) {
    Value tensor = problem.tensors[i];
    for (OpOperand &use : tensor.getUses()) {
      auto at = places.find(use.getOwner());
      auto rule = dyn_cast<DivisionOpInterface>(use.getOwner());
      if (at != places.end() && rule)
        readings[group][i].push_back(readBy(group, use, rule, at->second));
    }
    llvm::stable_sort(readings[group][i],
                      [](const Reading &a, const Reading &b) { return a.place < b.place; });
  }

  Reading readBy(size_t group, OpOperand &use, DivisionOpInterface rule, size_t place) const {
    OwnedAttr result = owners(group, place);
    SmallVector<int64_t> axes;
    for (Value operand : rule->getOperands()) {
      auto at = isConstant(operand) ? places.end() : places.find(operand.getDefiningOp());
      axes.push_back(at == places.end() ? -1 : owners(group, at->second).getAxis());
    }
    const Division *division =
        result.getAxis() < 0 ? nullptr : problem.rules.of(rule).along(result.getAxis(), axes);
    const OperandNeed need =
        division ? division->operands[use.getOperandNumber()] : OperandNeed::whole();
    Reading reading{place, need.kind == OperandNeed::Whole ? -1 : need.axis, {}, 0};
    const int64_t extent = axisExtent(tensorType(use.get()), reading.axis);
    for (int64_t rank = 0; rank < problem.nodes; ++rank) {
      IndexSet made = result.getSet(rank);
      reading.sets.push_back(made.empty()    ? IndexSet()
                             : need.relation ? need.relation->apply(made)
                                             : IndexSet::all(extent));
    }
    if (need.kind == OperandNeed::Contracted && !need.relation)
      reading.sums = adding(result, place);
    return reading;
  }

  /// What it takes that every node adds for every other one.
  double adding(OwnedAttr result, size_t place) const {
    const int64_t each = channelBytes(tensorType(problem.tensors[place]), result.getAxis());
    double slowest = 0;
    for (int64_t to : ranksOf(result))
      slowest = std::max(slowest, arriving(to, ranksOf(result), [&](int64_t) {
                           return result.getSet(to).size() * each;
                         }));
    return slowest;
  }

  /// What it takes until a node has what it lacks: messages are on their way together, bytes come
  /// one after another.
  double arriving(int64_t to, ArrayRef<int64_t> senders,
                  llvm::function_ref<int64_t(int64_t from)> bytesFrom) const {
    double latency = 0, moving = 0;
    for (int64_t from : senders) {
      Cost message, bytes;
      bytes.wireBytes = from == to ? 0 : bytesFrom(from);
      if (bytes.wireBytes == 0)
        continue;
      message.messages = 1;
      latency = std::max(latency, problem.costs.send(from, to, message));
      moving += problem.costs.send(from, to, bytes);
    }
    return latency + moving;
  }

  /// The same of all nodes that need something of a tensor, along the axis of its owners; the
  /// senders' links are as busy as the receivers'.
  double passing(size_t i, OwnedAttr own, ArrayRef<IndexSet> needs) const {
    const int64_t each = channelBytes(tensorType(problem.tensors[i]), own.getAxis());
    SmallVector<int64_t> senders = ranksOf(own);
    if (own.isReplicated())
      senders.resize(1);
    std::vector<double> leaving(problem.nodes, 0);
    double slowest = 0;
    for (int64_t to = 0; to < problem.nodes; ++to) {
      IndexSet lacking = needs[to].minus(own.getSet(to));
      if (lacking.empty())
        continue;
      slowest = std::max(slowest, arriving(to, senders, [&](int64_t from) {
                           Cost bytes;
                           bytes.wireBytes = lacking.intersect(own.getSet(from)).size() * each;
                           leaving[from] += problem.costs.send(from, to, bytes);
                           return bytes.wireBytes;
                         }));
    }
    return std::max(slowest, *std::max_element(leaving.begin(), leaving.end()));
  }

  /// What it takes to bring a tensor of some owners to its readers from a place on.
  double handing(size_t i, OwnedAttr own, ArrayRef<Reading> all, size_t from) const {
    SmallVector<IndexSet> needs(problem.nodes);
    const int64_t extent = axisExtent(tensorType(problem.tensors[i]), own.getAxis());
    double sums = 0;
    bool canAdd = true;
    for (const Reading &reading : all) {
      if (reading.place < from)
        continue;
      for (int64_t rank = 0; rank < problem.nodes; ++rank)
        if (!reading.sets[rank].empty())
          needs[rank].add(reading.axis == own.getAxis() ? reading.sets[rank]
                                                        : IndexSet::all(extent));
      canAdd &= reading.sums > 0 && ranksOf(own).size() > 1;
      sums += reading.sums;
    }
    const double features = passing(i, own, needs);
    return canAdd ? std::min(features, sums) : features;
  }

  const Problem &problem;
  ArrayRef<Group> groups;
  llvm::DenseMap<Operation *, size_t> places;
  std::vector<std::vector<SmallVector<Reading>>> readings; // by group and tensor
  std::vector<std::vector<double>> steps, exchanges;       // likewise
  std::vector<SmallVector<size_t>> crossing;               // by cut: tensors
};

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
    auto rule = dyn_cast<DivisionOpInterface>(tensor.getDefiningOp());
    OwnedAttr own = proposal[tensor].owners;
    if (!rule || own.getAxis() < 0)
      return;
    SmallVector<int64_t> axes;
    for (Value operand : rule->getOperands())
      axes.push_back(isConstant(operand) ? -1 : proposal.lookup(operand).owners.getAxis());
    if (problem.rules.of(rule).along(own.getAxis(), axes))
      return;
    const bool merges = rule->getNumOperands() == 1 && !inExactOrder(rule) &&
                        llvm::is_contained(rule.getStatisticAxes(), axes.front()) &&
                        proposal.lookup(rule->getOperand(0)).owners == own;
    if (!merges)
      proposal[tensor] = {wholeAt(problem, tensor, group.ranks.front()), ""};
  }
};

} // namespace

std::unique_ptr<Strategy> disco::createStretches() { return std::make_unique<Stretches>(); }
