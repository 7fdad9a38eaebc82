//===- Stages.cpp - a stretch of layers for every group of nodes ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Replication.h"
#include "passes/Cutter.h"
#include "passes/Passes.h"
#include "passes/strategies/GroupCosts.h"
#include "llvm/ADT/StringExtras.h"
#include <limits>

using namespace mlir;
using namespace disco;

namespace {

/// What stages of some groups take, as sums over the first steps.
class StageCosts {
public:
  StageCosts(const Problem &problem, ArrayRef<Group> groups, int64_t inFlight)
      : problem(problem), groups(groups), overlaps(inFlight > 1),
        costs(problem, groups, /*overlap=*/overlaps), sums(groups.size()),
        cuts(groups.size(), std::vector<double>(problem.tensors.size() + 1, 0)) {
    for (size_t i = 0; i < problem.tensors.size(); ++i)
      largest.push_back(bytesAt(i));
    for (size_t group = 0; group < groups.size(); ++group)
      addUp(group);
  }

  /// Seconds of steps [begin, end). Where inferences overlap, one hides behind the arithmetic of
  /// another what the nodes of a stage exchange.
  double compute(size_t begin, size_t end, size_t group) const {
    const Sums &own = sums[group];
    double slowest = 0;
    for (const std::vector<double> &node : own.computing)
      slowest = std::max(slowest, node[end] - node[begin]);
    const double exchanging = own.exchanging[end] - own.exchanging[begin];
    // A port carries to every later stage what they read.
    const double leaving = cuts[group][begin] * (1 + costs.sentAgain(begin, end));
    if (!overlaps)
      return std::max(slowest + exchanging, leaving);
    const double busy = slowest + handling(begin, group) + handling(end, group);
    return std::max({busy, exchanging, leaving});
  }

  /// Seconds that what crosses a cut takes to get from one group to the next.
  double cut(size_t at, size_t to) const { return cuts[to][at]; }

  /// Whether steps [begin, end) have no more weights, and no larger tensors, than a node has room
  /// for.
  bool fits(size_t begin, size_t end, size_t group) const {
    return llvm::all_of(llvm::enumerate(groups[group].ranks), [&](auto entry) {
      const int64_t rank = entry.value(), room = problem.costs.weightRoom(rank),
                    arena = problem.costs.arenaRoom(rank);
      const std::vector<int64_t> &weights = sums[group].weights[entry.index()];
      return (room <= 0 || weights[end] - weights[begin] <= room) &&
             (arena <= 0 || groups[group].ranks.size() > 1 || largestIn(begin, end) <= arena);
    });
  }

private:
  struct Sums {
    std::vector<std::vector<double>> computing; // by member
    std::vector<std::vector<int64_t>> weights;  // likewise
    std::vector<double> exchanging;
  };

  void addUp(size_t group) {
    const size_t steps = problem.tensors.size();
    Sums &own = sums[group];
    own.exchanging.push_back(0);
    for (size_t i = 0; i < steps; ++i)
      own.exchanging.push_back(own.exchanging.back() + costs.exchange(i, group));
    for (int64_t rank : groups[group].ranks) {
      std::vector<double> &computing = own.computing.emplace_back(1, 0);
      std::vector<int64_t> &weights = own.weights.emplace_back(1, 0);
      for (size_t i = 0; i < steps; ++i) {
        computing.push_back(computing.back() + costs.computing(group, i, rank));
        weights.push_back(weights.back() + costs.weights(group, i, rank));
      }
    }
    for (size_t at = 1; group > 0 && at <= steps; ++at)
      cuts[group][at] = costs.handing(at, group - 1, group);
  }

  /// What a node's processor does for the messages of a cut.
  double handling(size_t at, size_t group) const {
    const SmallVector<int64_t> &ranks = groups[group].ranks;
    return problem.costs.handling(ranks.front(), costs.crossingCost(at)) /
           static_cast<double>(ranks.size());
  }

  /// What a node that computes all of a step has to have room for at once.
  int64_t bytesAt(size_t i) const {
    Operation *op = problem.tensors[i].getDefiningOp();
    const bool isView = isa<StorageOpInterface>(op); // its result may lie where its operand does
    int64_t bytes = isView ? 0 : byteSize(tensorType(problem.tensors[i]));
    for (Value operand : op->getOperands())
      if (!isConstant(operand) && !isa<InputOp>(operand.getDefiningOp()))
        bytes = std::max(bytes, byteSize(tensorType(operand)));
    return bytes;
  }
  int64_t largestIn(size_t begin, size_t end) const {
    return *std::max_element(largest.begin() + begin, largest.begin() + end);
  }

  const Problem &problem;
  ArrayRef<Group> groups;
  const bool overlaps;
  GroupCosts costs;
  std::vector<Sums> sums;                // by group
  std::vector<std::vector<double>> cuts; // by the group behind it
  std::vector<int64_t> largest;          // bytes of a tensor that a step reads or writes
};

/// Every group of nodes has all channels of a stretch of layers, and divides them as `greedy` does;
/// without stated stages every node is one, the root first. The slowest node or link is as fast as
/// can be; no node has more weights than it has room for.
class Stages final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    auto module = problem.function->getParentOfType<ModuleOp>();
    std::vector<Group> groups;
    std::vector<std::optional<size_t>> from;
    if (failed(readStages(module, problem, groups, from)))
      return failure();
    const StageCosts costs(problem, groups, inFlightOf(module));
    std::optional<std::vector<Stretch>> stretches = cutAt(problem, costs, from, true);
    if (!stretches && module->hasAttr(kStagesAttr))
      return sayWhatFits(module, problem, groups);
    if (!stretches)
      stretches = cutAt(problem, costs, from, false);
    for (const Stretch &stretch : *stretches)
      for (size_t i = stretch.begin; i < stretch.end; ++i)
        take(problem, problem.tensors[i], groups[stretch.worker], proposal);
    note(problem, groups, *stretches);
    return success();
  }

  ArrayAttr stages() const override { return found; }

private:
  //===--------------------------------------------------------------------===//
  // What is stated
  //===--------------------------------------------------------------------===//

  LogicalResult readStages(ModuleOp module, const Problem &problem, std::vector<Group> &groups,
                           std::vector<std::optional<size_t>> &from) {
    auto stated = module->getAttrOfType<ArrayAttr>(kStagesAttr);
    for (int64_t i = 0; !stated && i < problem.nodes; ++i) {
      from.emplace_back();
      if (failed(addGroup(problem, {(problem.root + i) % problem.nodes}, groups)))
        return failure();
    }
    std::vector<bool> taken(problem.nodes, false);
    for (auto [index, entry] :
         llvm::enumerate(stated ? stated.getValue() : ArrayRef<Attribute>())) {
      auto stage = cast<DictionaryAttr>(entry);
      auto fail = [&, index = index](const Twine &why) {
        return module.emitError("stage ") << index << " " << why;
      };
      SmallVector<int64_t> members;
      for (int64_t rank : stage.getAs<DenseI64ArrayAttr>("nodes").asArrayRef()) {
        auto at = llvm::find(problem.ranks, rank);
        if (at == problem.ranks.end())
          return fail("names node ")
                 << rank << ", which does not compute; the nodes that do are "
                 << llvm::join(
                        llvm::map_range(problem.ranks, [](int64_t r) { return std::to_string(r); }),
                        ", ");
        members.push_back(at - problem.ranks.begin());
        if (taken[members.back()])
          return fail("names node ") << rank
                                     << ", which another stage has, or this one twice; a "
                                        "node computes one stretch of layers";
        taken[members.back()] = true;
      }
      if (members.empty())
        return fail("has no nodes; a stage takes one or more");
      if (failed(readFrom(module, problem, stage, index, from)) ||
          failed(addGroup(problem, members, groups)))
        return failure();
    }
    if (stated && stated.size() > problem.tensors.size())
      return module.emitError("there are ")
             << stated.size() << " stages, and the program has " << problem.tensors.size()
             << " ops; a stage takes one or more";
    return success();
  }

  /// The step with which a stage begins, if that is stated: each behind that of the one before.
  static LogicalResult readFrom(ModuleOp module, const Problem &problem, DictionaryAttr stage,
                                size_t index, std::vector<std::optional<size_t>> &from) {
    auto name = stage.getAs<StringAttr>("from");
    from.emplace_back();
    if (!name || name.empty())
      return success();
    auto fail = [&](const Twine &why) {
      return module.emitError("stage ")
             << index << " begins from '" << name.getValue() << "', " << why;
    };
    const size_t place = placeOf(problem, name);
    if (place == problem.tensors.size())
      return fail("and the simplified program has no op or tensor of this name; " +
                  nearest(problem, name));
    if (index == 0 && place > 0)
      return fail("but the first stage begins with the program; leave its 'from' out");
    if (place < index)
      return fail("which is no cut: the " + Twine(index) +
                  " stages before it take an op each, and there are " + Twine(place));
    for (size_t before = index; before-- > 0;)
      if (from[before] && place < *from[before] + (index - before))
        return fail("which is no cut: stage " + Twine(before) +
                    " begins behind it or there; 'discoc inspect' lists ops in their order");
    from.back() = place;
    return success();
  }

  /// The first op of a name, or the one that makes a tensor of this name; behind the last: none.
  static size_t placeOf(const Problem &problem, StringAttr name) {
    for (bool byOp : {true, false})
      for (auto [place, tensor] : llvm::enumerate(problem.tensors))
        if ((byOp ? opName(tensor.getDefiningOp()) : tensorName(tensor).str()) == name)
          return place;
    return problem.tensors.size();
  }

  static std::string nearest(const Problem &problem, StringAttr name) {
    std::string best;
    unsigned least = std::numeric_limits<unsigned>::max();
    for (Value tensor : problem.tensors) {
      const std::string other = opName(tensor.getDefiningOp());
      if (unsigned distance = name.getValue().edit_distance(other);
          !other.empty() && distance < least) {
        best = other;
        least = distance;
      }
    }
    return best.empty() ? "nothing in it has a name"
                        : "what is fused has its last op's name; the nearest is '" + best + "'";
  }

  //===--------------------------------------------------------------------===//
  // The cut
  //===--------------------------------------------------------------------===//

  static std::optional<std::vector<Stretch>> cutAt(const Problem &problem, const StageCosts &costs,
                                                   ArrayRef<std::optional<size_t>> from,
                                                   bool limited) {
    auto compute = [&](size_t begin, size_t end, size_t stage) {
      const bool begins = !from[stage] || *from[stage] == begin;
      const bool ends = stage + 1 == from.size() || !from[stage + 1] || *from[stage + 1] == end;
      return begins && ends && (!limited || costs.fits(begin, end, stage))
                 ? costs.compute(begin, end, stage)
                 : std::numeric_limits<double>::infinity();
    };
    auto cut = [&](size_t at, size_t, size_t to) { return costs.cut(at, to); };
    return cutInTurn({problem.tensors.size(), from.size(), compute, cut});
  }

  /// Why no cut fits, and what would.
  static LogicalResult sayWhatFits(ModuleOp module, const Problem &problem,
                                   ArrayRef<Group> groups) {
    int64_t weights = 0, room = 0;
    for (Value tensor : problem.tensors)
      for (Value operand : tensor.getDefiningOp()->getOperands())
        if (isConstant(operand))
          weights += byteSize(tensorType(operand));
    for (const Group &group : groups)
      for (int64_t rank : group.ranks)
        room += problem.costs.weightRoom(rank);
    std::string advice = "take more nodes, or boards with more memory";
    for (size_t more = groups.size() + 1; more <= static_cast<size_t>(problem.nodes); ++more)
      if (fitsInto(module, problem, more)) {
        advice = "--stages " + std::to_string(more) + " would fit";
        break;
      }
    return module.emitError("no cut into ")
           << groups.size() << " stages fits into the memory of their nodes: the model has "
           << weights << " bytes of weights, the nodes have room for " << room << "; " << advice;
  }

  /// Whether stages of as many nodes each as can be would fit.
  static bool fitsInto(ModuleOp module, const Problem &problem, size_t count) {
    std::vector<Group> groups;
    SmallVector<int64_t> members;
    for (int64_t i = 0; i < problem.nodes; ++i)
      members.push_back((problem.root + i) % problem.nodes);
    for (ArrayRef<int64_t> part : evenParts(members, count))
      if (failed(addGroup(problem, part, groups)))
        return false;
    const StageCosts costs(problem, groups, inFlightOf(module));
    const std::vector<std::optional<size_t>> anywhere(count);
    return cutAt(problem, costs, anywhere, true).has_value();
  }

  //===--------------------------------------------------------------------===//
  // Who has what
  //===--------------------------------------------------------------------===//

  static LogicalResult addGroup(const Problem &problem, ArrayRef<int64_t> members,
                                std::vector<Group> &groups) {
    Group &group = groups.emplace_back();
    group.ranks.assign(members.begin(), members.end());
    if (members.size() == 1) {
      for (Value tensor : problem.tensors)
        group.plan[tensor] = {wholeAt(problem, tensor, members.front()), ""};
      return success();
    }
    Problem part = problem.part(members);
    if (!hasStatedMasks(problem))
      part.ownerMap = kLatestOwnerMap;
    Proposal own;
    if (failed(createStrategy(strategies().front().name)->propose(part, own)))
      return failure();
    group.plan = problem.expand(part, own);
    return success();
  }

  static bool hasStatedMasks(const Problem &problem) {
    return llvm::any_of(problem.tensors, [](Value tensor) {
      return tensor.getDefiningOp()->hasAttr(kStatedMaskAttr);
    });
  }

  static OwnedAttr wholeAt(const Problem &problem, Value tensor, int64_t rank) {
    if (OwnedAttr stated = problem.statedFor(tensor))
      return stated;
    return problem.wholeAt(tensor, isa<InputOp>(tensor.getDefiningOp()) ? problem.root : rank);
  }

  static void take(const Problem &problem, Value tensor, const Group &group, Proposal &proposal) {
    proposal[tensor] = group.plan.lookup(tensor);
    if (OwnedAttr stated = problem.statedFor(tensor))
      proposal[tensor] = {stated, ""};
    else if (!fitsOperands(problem, tensor, proposal))
      proposal[tensor] = {wholeAt(problem, tensor, group.ranks.front()), ""};
  }

  void note(const Problem &problem, ArrayRef<Group> groups, ArrayRef<Stretch> stretches) {
    Builder builder(problem.function->getContext());
    SmallVector<Attribute> entries;
    for (const Stretch &stretch : stretches) {
      SmallVector<int64_t> ranks;
      for (int64_t member : groups[stretch.worker].ranks)
        ranks.push_back(problem.ranks[member]);
      const std::string from = opName(problem.tensors[stretch.begin].getDefiningOp());
      entries.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr("nodes", builder.getDenseI64ArrayAttr(ranks)),
           builder.getNamedAttr("from", builder.getStringAttr(from))}));
    }
    found = builder.getArrayAttr(entries);
  }

  ArrayAttr found;
};
} // namespace

std::unique_ptr<Strategy> disco::createStages() { return std::make_unique<Stages>(); }
