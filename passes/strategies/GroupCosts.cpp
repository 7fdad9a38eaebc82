//===- GroupCosts.cpp - what groups of nodes take for a program -----------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/GroupCosts.h"
#include "compiler/dialect/Replication.h"
#include "compiler/dialect/WireFormat.h"

using namespace mlir;
using namespace disco;

GroupCosts::GroupCosts(const Problem &problem, ArrayRef<Group> groups, bool overlap)
    : problem(problem), groups(groups), overlap(overlap) {
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

double GroupCosts::step(size_t place, size_t group) const { return steps[group][place]; }

double GroupCosts::cut(size_t at, size_t from, size_t to) const {
  double time = 0;
  for (size_t i : crossing[at]) {
    time += handing(i, owners(from, i), readings[to][i], at);
    if (!readings[to][i].empty() && readings[to][i].front().place >= at)
      time -= exchanges[to][i];
  }
  return time;
}

double GroupCosts::handing(size_t at, size_t from, size_t to) const {
  double time = 0;
  for (size_t i : crossing[at])
    time += handing(i, owners(from, i), readings[to][i], at);
  return time;
}

Cost GroupCosts::crossingCost(size_t at) const {
  Cost cost;
  for (size_t i : crossing[at]) {
    ++cost.messages;
    cost.wireBytes +=
        travellingBytes(problem.function->getParentOfType<ModuleOp>(),
                        tensorType(problem.tensors[i]), byteSize(tensorType(problem.tensors[i])));
  }
  return cost;
}

double GroupCosts::sentAgain(size_t begin, size_t end) const {
  int64_t all = 0, again = 0;
  for (size_t i : crossing[begin]) {
    const int64_t bytes = byteSize(tensorType(problem.tensors[i]));
    all += bytes;
    const bool isRead = llvm::any_of(problem.tensors[i].getUsers(), [&](Operation *user) {
      const auto at = places.find(user);
      return at != places.end() && at->second >= begin && at->second < end;
    });
    if (isRead && lastReader(i) >= end)
      again += bytes;
  }
  return all == 0 ? 0 : static_cast<double>(again) / static_cast<double>(all);
}

/// Of one channel, as it is in memory and as it travels.
int64_t GroupCosts::bytesOf(size_t i, OwnedAttr own) const {
  return channelBytes(tensorType(problem.tensors[i]), own.getAxis());
}
int64_t GroupCosts::wireBytesOf(size_t i, OwnedAttr own) const {
  const bool isInput = isa<InputOp>(problem.tensors[i].getDefiningOp()); // travels as it is
  return isInput ? bytesOf(i, own)
                 : travellingBytes(problem.function->getParentOfType<ModuleOp>(),
                                   tensorType(problem.tensors[i]), bytesOf(i, own));
}

OwnedAttr GroupCosts::owners(size_t group, size_t i) const {
  return groups[group].plan.lookup(problem.tensors[i]).owners;
}

size_t GroupCosts::lastReader(size_t i) const {
  size_t last = i;
  for (Operation *user : problem.tensors[i].getUsers())
    if (auto at = places.find(user); at != places.end())
      last = std::max(last, at->second);
  return last;
}

void GroupCosts::fill(size_t group) {
  for (size_t i = 0; i < problem.tensors.size(); ++i) {
    readOf(group, i);
    steps[group][i] += slowest(group, i);
  }
  for (size_t i = 0; i < problem.tensors.size(); ++i) {
    if (readings[group][i].empty())
      continue;
    // Who reads it first waits for it.
    exchanges[group][i] = handing(i, owners(group, i), readings[group][i], 0);
    steps[group][readings[group][i].front().place] += exchanges[group][i];
  }
}

/// What a node has of a tensor; all of one that is not divided and that it computes.
static double shareOf(OwnedAttr own, int64_t extent, int64_t rank) {
  return static_cast<double>(own.getSet(rank).size()) / static_cast<double>(extent);
}

int64_t GroupCosts::extentOf(size_t group, size_t place) const {
  return std::max<int64_t>(
      1, axisExtent(tensorType(problem.tensors[place]), owners(group, place).getAxis()));
}

double GroupCosts::computing(size_t group, size_t place, int64_t rank) const {
  auto cost = dyn_cast<CostOpInterface>(problem.tensors[place].getDefiningOp());
  const double share = shareOf(owners(group, place), extentOf(group, place), rank);
  return cost && share > 0 ? problem.costs.compute(rank, cost) * share : 0;
}

int64_t GroupCosts::weights(size_t group, size_t place, int64_t rank) const {
  int64_t bytes = 0;
  for (Value operand : problem.tensors[place].getDefiningOp()->getOperands())
    if (isConstant(operand))
      bytes += byteSize(tensorType(operand));
  return static_cast<int64_t>(static_cast<double>(bytes) *
                              shareOf(owners(group, place), extentOf(group, place), rank));
}

/// The slowest node's share of an op, and handing an output to the root.
double GroupCosts::slowest(size_t group, size_t i) const {
  OwnedAttr own = owners(group, i);
  double slowest = 0;
  for (int64_t rank : ranksOf(own))
    slowest = std::max(slowest, computing(group, i, rank));
  if (llvm::any_of(problem.tensors[i].getUsers(),
                   [](Operation *user) { return isa<OutputOp>(user); })) {
    SmallVector<IndexSet> needs(problem.nodes);
    needs[problem.root] = IndexSet::all(extentOf(group, i));
    slowest += passing(own, needs, bytesOf(i, own));
  }
  return slowest;
}

/// What every reader of a tensor needs, in the order of readers.
void GroupCosts::readOf(size_t group, size_t i) {
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

Reading GroupCosts::readBy(size_t group, OpOperand &use, DivisionOpInterface rule,
                           size_t place) const {
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
double GroupCosts::adding(OwnedAttr result, size_t place) const {
  const int64_t each = wireBytesOf(place, result);
  double slowest = 0;
  for (int64_t to : ranksOf(result))
    slowest = std::max(slowest, arriving(to, ranksOf(result),
                                         [&](int64_t) { return result.getSet(to).size() * each; }));
  return slowest;
}

double GroupCosts::sending(int64_t from, int64_t to, const Cost &bytes) const {
  return overlap ? problem.costs.moving(from, to, bytes.wireBytes)
                 : problem.costs.send(from, to, bytes);
}

/// What it takes until a node has what it lacks: messages are on their way together, bytes come
/// one after another.
double GroupCosts::arriving(int64_t to, ArrayRef<int64_t> senders,
                            llvm::function_ref<int64_t(int64_t from)> bytesFrom) const {
  double latency = 0, moving = 0;
  for (int64_t from : senders) {
    Cost message, bytes;
    bytes.wireBytes = from == to ? 0 : bytesFrom(from);
    if (bytes.wireBytes == 0)
      continue;
    message.messages = 1;
    if (!overlap)
      latency = std::max(latency, problem.costs.send(from, to, message));
    moving += sending(from, to, bytes);
  }
  return latency + moving;
}

/// The same of all nodes that need something of a tensor, along the axis of its owners; the
/// senders' links are as busy as the receivers'.
double GroupCosts::passing(OwnedAttr own, ArrayRef<IndexSet> needs, int64_t each) const {
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
                         leaving[from] += sending(from, to, bytes);
                         return bytes.wireBytes;
                       }));
  }
  return std::max(slowest, *std::max_element(leaving.begin(), leaving.end()));
}

/// What it takes to bring a tensor of some owners to its readers from a place on.
double GroupCosts::handing(size_t i, OwnedAttr own, ArrayRef<Reading> all, size_t from) const {
  SmallVector<IndexSet> needs(problem.nodes);
  const int64_t extent = axisExtent(tensorType(problem.tensors[i]), own.getAxis());
  double sums = 0;
  bool canAdd = true;
  for (const Reading &reading : all) {
    if (reading.place < from)
      continue;
    for (int64_t rank = 0; rank < problem.nodes; ++rank)
      if (!reading.sets[rank].empty())
        needs[rank].add(reading.axis == own.getAxis() ? reading.sets[rank] : IndexSet::all(extent));
    canAdd &= reading.sums > 0 && ranksOf(own).size() > 1;
    sums += reading.sums;
  }
  const double features = passing(own, needs, wireBytesOf(i, own));
  return canAdd ? std::min(features, sums) : features;
}
