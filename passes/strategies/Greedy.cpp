//===- Greedy.cpp - every layer over all nodes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/owners.md specifies it: trainers need the default map before they train.
#include "compiler/dialect/Replication.h"
#include "passes/OwnerClasses.h"
#include "passes/strategies/GreedyAxes.h"

using namespace mlir;
using namespace disco;

namespace {

/// Ties the channels of all tensors to classes, and deals those.
class OwnerDealer {
public:
  explicit OwnerDealer(const Problem &problem)
      : problem(problem), axes(chooseGreedyAxes(problem)), sharers(problem.sharers()),
        classes(problem.shares) {}

  LogicalResult run(Proposal &proposal) {
    collect();
    tie();
    if (failed(applyStated()))
      return failure();
    for (Value value : problem.tensors)
      if (rootOwned.contains(value) || axes[value] < 0)
        classes.assignAll(value, problem.root);
    if (problem.ownerMap == 1)
      dealInOrder();
    else
      classes.dealEvenly([&](Value value) { return weigh(value); });
    for (Value value : problem.tensors)
      proposal[value] = {ownersOf(value), axes.reasons.lookup(value)};
    return success();
  }

  /// Who goes with whom, before anybody has an owner.
  llvm::MapVector<Value, std::vector<int64_t>> classesOfAll() {
    collect();
    tie();
    llvm::MapVector<Value, std::vector<int64_t>> all;
    for (Value value : problem.tensors)
      if (!rootOwned.contains(value) && !axes.replicated.contains(value) && axes[value] >= 0)
        all[value] = classes.classesOf(value);
    return all;
  }

private:
  /// Contractions first, in the order of the program.
  void dealInOrder() {
    for (bool contractions : {true, false})
      for (Value value : problem.tensors)
        if (contractionOf(value.getDefiningOp()).has_value() == contractions)
          classes.deal(value);
  }

  /// What every node computes is nobody's share.
  ChannelWeight weigh(Value value) const {
    ChannelWeight weight;
    if (axes.replicated.contains(value))
      return weight;
    Operation *op = value.getDefiningOp();
    auto cost = dyn_cast<CostOpInterface>(op);
    int64_t channels = std::max<int64_t>(1, axisExtent(tensorType(value), axes[value]));
    weight.elements = tensorType(value).getNumElements() / channels;
    weight.macs = cost ? cost.getMacs() / channels : 0;
    weight.counts = isArithmetic(op) || llvm::any_of(op->getUsers(), isArithmetic);
    return weight;
  }

  OwnedAttr ownersOf(Value value) {
    MLIRContext *context = value.getContext();
    // What the root makes of the inputs stays there.
    if (axes.replicated.contains(value) && !rootOwned.contains(value))
      return computedBy(context, sharers, problem.nodes);
    return OwnedAttr::get(context, axes[value], classes.ownersOf(value));
  }

  bool readsRootOwned(Operation *op) const {
    return llvm::any_of(op->getOperands(),
                        [&](Value operand) { return rootOwned.contains(operand); });
  }

  /// Finds the values of which some reader, or a reader of what is computed from it, is a
  /// contraction. Readers come behind what they read.
  void findReaching() {
    func::FuncOp function = problem.function;
    for (Operation &op : llvm::reverse(function.getBody().front()))
      if (op.getNumResults() == 1 && llvm::any_of(op.getUsers(), [&](Operation *user) {
            return contractionOf(user).has_value() ||
                   (user->getNumResults() == 1 && reaches.contains(user->getResult(0)));
          }))
        reaches.insert(op.getResult(0));
  }

  /// Whether an op runs over the axis along which its result would be divided, and all of its
  /// operand is at the root: there are no statistics to exchange.
  bool reducesRootOwned(Operation *op) {
    auto rule = dyn_cast<DivisionOpInterface>(op);
    return rule && axes[op->getResult(0)] >= 0 && !rule.getStatisticAxes().empty() &&
           rootOwned.contains(op->getOperand(0)) &&
           !axes.divide(problem.rules, rule, axes[op->getResult(0)]);
  }

  /// Whether an op makes of the inputs, and constants, what a contraction reads in the end: the
  /// root does that.
  bool isPreprocessing(Operation *op) const {
    // Not what a large table is read for, but where others can read it for what they are handed.
    const bool isLarge = looksUp(op) && !isa<CarriedOpInterface>(op);
    return !contractionOf(op) && !isLarge && !op->hasAttr(kReplicatedAttr) &&
           !axes.reasons.contains(op->getResult(0)) && reaches.contains(op->getResult(0)) &&
           readsRootOwned(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
             return isConstant(operand) || rootOwned.contains(operand);
           });
  }

  void collect() {
    findReaching();
    for (Value value : problem.tensors) {
      Operation *op = value.getDefiningOp();
      classes.add(value, axisExtent(tensorType(value), axes[value]));
      if (isa<InputOp>(op) ||
          (!problem.statedFor(value) && (isPreprocessing(op) || reducesRootOwned(op))))
        rootOwned.insert(value);
    }
  }

  /// Whether an op moves several tensors one behind another along an axis that is not divided: it
  /// ties the channels of all of them.
  static bool stacks(DivisionOpInterface rule, const Division &division) {
    return rule.isMovement() && llvm::count_if(division.operands, [](const OperandNeed &need) {
                                  return need.relation && need.relation->size() > 0 &&
                                         need.relation->single(0) >= 0;
                                }) > 1;
  }

  /// Who owns a channel of a state makes what the next inference finds there.
  void tieStates() {
    func::FuncOp function = problem.function;
    for (auto keep : function.getOps<KeepOp>())
      for (auto [value, state] : llvm::zip(keep.getValues(), keep.getStates()))
        if (!isConstant(value) && axes[state] >= 0 && axes[value] == axes[state] &&
            !axes.replicated.contains(value) && !rootOwned.contains(value))
          classes.tie(value, state, Relation::identity(shapeOf(state)[axes[state]]));
  }

  void tie() {
    tieStates();
    SmallVector<OwnerTie> late;
    for (Value value : problem.tensors) {
      auto rule = dyn_cast<DivisionOpInterface>(value.getDefiningOp());
      if (!rule || axes[value] < 0 || rootOwned.contains(value))
        continue;
      const Division *division = axes.divide(problem.rules, rule, axes[value]);
      if (!division && !rule.getStatisticAxes().empty() && !inExactOrder(rule) &&
          axes[rule->getOperand(0)] == axes[value] && !rootOwned.contains(rule->getOperand(0)))
        classes.tie(value, rule->getOperand(0), Relation::identity(shapeOf(value)[axes[value]]));
      if (!division)
        continue;
      const bool isStack = problem.ownerMap > 1 && stacks(rule, *division);
      for (auto [k, operand] : llvm::enumerate(rule->getOperands())) {
        const OperandNeed &need = division->operands[k];
        if (isConstant(operand) || axes.replicated.contains(operand) ||
            rootOwned.contains(operand) || !need.relation || need.axis != axes[operand])
          continue;
        const bool isFree = need.kind != OperandNeed::Contracted || isDepthwise(*need.relation);
        if (isFree && !isStack)
          classes.tie(value, operand, *need.relation);
        else if (isFree ||
                 classes.countBlocks(*need.relation) >= static_cast<int64_t>(sharers.size()))
          late.push_back({value, operand, *need.relation});
      }
    }
    // Groups stay together as long as every node can have one, and so do stacked channels, unless
    // shuffles between them would join all.
    classes.tieUnlessLarge(late);
  }

  static bool isDepthwise(const Relation &relation) {
    for (int64_t i = 0; i < relation.size(); ++i)
      if (relation.single(i) < 0)
        return false;
    return true;
  }

  LogicalResult applyStated() {
    for (Value value : problem.tensors) {
      OwnedAttr stated = problem.statedFor(value);
      if (!stated)
        continue;
      Operation *op = value.getDefiningOp();
      for (int64_t rank = 0; rank < problem.nodes; ++rank)
        if (Value other = classes.fix(value, stated.getSet(rank), rank))
          return op->emitError("the stated owner map of '")
                 << tensorName(value) << "' gives node " << rank
                 << " channels that are tied to channels of '" << tensorName(other)
                 << "', which another stated map gives to another node; state the same owners for "
                    "both";
    }
    return success();
  }

  const Problem &problem;
  GreedyAxes axes;
  SmallVector<int64_t> sharers; // ranks
  OwnerClasses classes;
  DenseSet<Value> rootOwned;
  DenseSet<Value> reaches;
};

class Greedy final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    return OwnerDealer(problem).run(proposal);
  }
  bool dealsShares() const override { return true; }
};

} // namespace

llvm::MapVector<Value, std::vector<int64_t>> disco::tiedClasses(const Problem &problem) {
  return OwnerDealer(problem).classesOfAll();
}

std::unique_ptr<Strategy> disco::createGreedy() { return std::make_unique<Greedy>(); }
