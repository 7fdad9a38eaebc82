//===- GreedyAxes.cpp - the axis that moves the fewest bytes --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/GreedyAxes.h"
#include "passes/Known.h"
#include <map>

using namespace mlir;
using namespace disco;

static int64_t bytesOf(Value value) { return byteSize(tensorType(value)); }

static int64_t elements(Value value) { return tensorType(value).getNumElements(); }

bool disco::isArithmetic(Operation *op) {
  auto cost = dyn_cast<CostOpInterface>(op);
  return cost && cost.isArithmetic();
}

const Division *GreedyAxes::divide(DivisionRules &rules, DivisionOpInterface op,
                                   int64_t axis) const {
  SmallVector<int64_t> operandAxes;
  for (Value operand : op->getOperands())
    operandAxes.push_back(axes.count(operand) ? axes.lookup(operand) : -1);
  return rules.of(op).along(axis, operandAxes);
}

bool disco::looksUp(Operation *op) {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isConstant(operand) && elements(operand) > elements(op->getResult(0));
  });
}

namespace {

/// Finds the first contraction of each squeeze-and-excite path: a vector of channels makes a vector
/// that makes, by another contraction, the factors of whole features. Computed by every node it
/// needs no second exchange of a few numbers.
class SqueezeFinder {
public:
  /// Readers come behind what they read: one walk from the end knows all of them.
  explicit SqueezeFinder(func::FuncOp function) {
    for (Operation &op : llvm::reverse(function.getBody().front()))
      if (op.getNumResults() == 1 && !isa<ConstantOp>(op))
        note(op.getResult(0));
  }

  bool contains(Operation *op) const {
    return makesVector(op) && !op->hasAttr(kOwnersAttr) && !op->hasAttr(kStatedMaskAttr) &&
           elements(op->getOperand(0)) ==
               shapeOf(op->getOperand(0))[contractionOf(op)->inputAxis] &&
           squeezed.contains(op->getResult(0));
  }

private:
  static bool makesVector(Operation *op) {
    std::optional<Contraction> rule = contractionOf(op);
    Value result = op->getResults().empty() ? Value() : op->getResult(0);
    return rule && rule->groups == 1 && elements(result) == shapeOf(result)[rule->resultAxis];
  }

  /// Whether an op is a function of the elements of `vector` alone.
  static bool passes(Operation *op, Value vector) {
    return isa<DivisionOpInterface>(op) && !isArithmetic(op) &&
           elements(op->getResult(0)) == elements(vector);
  }

  static bool scalesFeatures(Operation *op, Value factors) {
    return op->getNumResults() == 1 && isa<DivisionOpInterface>(op) &&
           elements(op->getResult(0)) > elements(factors) && op->getNumOperands() == 2;
  }

  void note(Value value) {
    if (value.use_empty())
      return;
    if (llvm::all_of(value.getUsers(), [&](Operation *user) {
          return scalesFeatures(user, value) ||
                 (passes(user, value) && factors.contains(user->getResult(0)));
        }))
      factors.insert(value);
    if (llvm::all_of(value.getUsers(), [&](Operation *user) {
          return (makesVector(user) && factors.contains(user->getResult(0))) ||
                 (passes(user, value) && squeezed.contains(user->getResult(0)));
        }))
      squeezed.insert(value);
  }

  /// Vectors of which every path leads, through functions of their elements alone, to an op that
  /// scales features, and to a contraction that makes such a vector.
  DenseSet<Value> factors, squeezed;
};

/// Chooses the axis along which each tensor is divided, or that every node computes it.
class AxisChooser : GreedyAxes {
public:
  explicit AxisChooser(const Problem &problem)
      : problem(problem), nodes(static_cast<int64_t>(problem.sharers().size())),
        rules(problem.rules), squeezes(problem.function) {}

  GreedyAxes run() {
    for (Value tensor : problem.tensors) {
      OwnedAttr stated = problem.statedFor(tensor);
      axes[tensor] = stated ? stated.getAxis() : choose(tensor.getDefiningOp());
    }
    return std::move(*this);
  }

private:
  /// A value and the axis along which it would be divided.
  using Divided = std::pair<Value, int64_t>;

  /// Constants are stored, and replicated tensors are, wherever they are needed.
  bool isDivided(Value operand) const {
    return !isConstant(operand) && !replicated.contains(operand);
  }

  int64_t replicate(Value result) {
    replicated.insert(result);
    return -1;
  }

  /// Why every node computes an op on purpose; empty for most.
  std::string reasonFor(Operation *op) {
    if (nodes == 1)
      return "";
    if (squeezes.contains(op))
      return "squeeze-and-excite";
    if (auto stated = op->getAttrOfType<StringAttr>(kReplicatedAttr))
      return stated.str();
    auto rule = dyn_cast<DivisionOpInterface>(op);
    return rule ? rule.getReplication().str() : "";
  }

  /// Bytes that have to travel, or be stored everywhere, when a tensor is divided along an axis;
  /// nothing when it cannot be.
  std::optional<int64_t> costAlong(Operation *op, int64_t axis) {
    Value result = op->getResult(0);
    int64_t cost = costOfReaders(result, axis);
    if (auto rule = dyn_cast<DivisionOpInterface>(op)) {
      const Division *division = divide(rules, rule, axis);
      // Divided like its operand: only statistics travel.
      if (!division && runsOverDivided(rule) && axis == axes.lookup(op->getOperand(0)) &&
          shapeOf(result) == shapeOf(op->getOperand(0)))
        return cost + nodes * statisticBytes(rule);
      if (!division)
        return std::nullopt;
      for (auto [operand, need] : llvm::zip(op->getOperands(), division->operands))
        if (isDivided(operand) && !follows(need, axes.lookup(operand)))
          cost += 2 * bytesOf(operand); // every node gathers it
        else if (isConstant(operand) && need.kind == OperandNeed::Whole)
          cost += bytesOf(operand); // every node stores it
    }
    // An axis of extent 1 leaves all work to one node.
    return cost + (shapeOf(result)[axis] == 1 ? bytesOf(result) : 0);
  }

  int64_t choose(Operation *op) {
    Value result = op->getResult(0);
    auto rule = dyn_cast<DivisionOpInterface>(op);
    if (std::string reason = reasonFor(op); !reason.empty()) {
      reasons[result] = std::move(reason);
      return replicate(result);
    }
    if (rule && isMadeEverywhere(rule))
      return replicate(result);
    int64_t best = -1, bestCost = std::numeric_limits<int64_t>::max();
    for (int64_t axis : candidateAxes(result))
      if (std::optional<int64_t> cost = costAlong(op, axis); cost && *cost < bestCost)
        best = axis, bestCost = *cost;
    // Arithmetic is divided even where that moves more; what only looks at a tensor may stay at the
    // root.
    int64_t undivided = rule && !isArithmetic(op) ? costOfUndivided(op) : bestCost;
    if (rule && runsOverDivided(rule) && shapeOf(result) != shapeOf(op->getOperand(0)) &&
        nodes * statisticBytes(rule) < std::min(undivided, bestCost))
      return replicate(result);
    int64_t chosen = undivided < bestCost ? -1 : best;
    if (!isOfConstants(op))
      return chosen;
    // Every node has what it is made of: nothing of it has to travel.
    ofConstants.insert(result);
    return nodes == 1 || costOfReaders(result, chosen) == 0 ? chosen : replicate(result);
  }

  /// Whether an op computes with constants alone. Arithmetic is divided all the same.
  bool isOfConstants(Operation *op) const {
    return op->getNumOperands() > 0 && !isArithmetic(op) &&
           llvm::all_of(op->getOperands(), [&](Value operand) {
             return isConstant(operand) || ofConstants.contains(operand);
           });
  }

  /// Whether statistics of the parts may travel where an op's operand is divided along an axis.
  bool mergesOver(DivisionOpInterface op, int64_t axis) const {
    return nodes > 1 && !inExactOrder(op) && llvm::is_contained(op.getStatisticAxes(), axis);
  }

  /// Whether an op reduces over the axis along which its operand is divided.
  bool runsOverDivided(DivisionOpInterface op) const {
    return op->getNumOperands() == 1 && isDivided(op->getOperand(0)) &&
           mergesOver(op, axes.lookup(op->getOperand(0)));
  }

  /// Bytes that every owner tells another: a number or two a row.
  static int64_t statisticBytes(DivisionOpInterface op) {
    int64_t rows = 1;
    for (auto [axis, extent] : llvm::enumerate(shapeOf(op->getOperand(0))))
      if (!llvm::is_contained(op.getStatisticAxes(), static_cast<int64_t>(axis)))
        rows *= extent;
    return 2 * rows * elementBytes(tensorType(op->getOperand(0)).getElementType());
  }

  /// Whether every node computes an op because all that it reads is everywhere. What grows is
  /// divided nevertheless.
  bool isMadeEverywhere(DivisionOpInterface op) const {
    if (op->getNumOperands() == 0 || isArithmetic(op) || op->hasAttr(kOwnersAttr))
      return false;
    int64_t most = 0;
    bool any = false;
    for (Value operand : op->getOperands()) {
      if (isDivided(operand))
        return false;
      any |= replicated.contains(operand);
      most = std::max(most, tensorType(operand).getNumElements());
    }
    return any && tensorType(op->getResult(0)).getNumElements() <= most;
  }

  /// The root gathers the operands and hands the result out again.
  int64_t costOfUndivided(Operation *op) {
    int64_t cost = costOfReaders(op->getResult(0), -1);
    for (Value operand : op->getOperands())
      if (isDivided(operand) && axes.lookup(operand) >= 0)
        cost += bytesOf(operand);
    return cost;
  }

  /// Whether an operand divided along `axis` is where it is needed, or is summed over.
  static bool follows(const OperandNeed &need, int64_t axis) {
    return need.kind != OperandNeed::Whole && need.axis == axis;
  }

  /// Bytes that have to travel on the way to the next contractions when a value is divided along an
  /// axis.
  int64_t costOfReaders(Value value, int64_t axis) {
    return computeKnown(readerCosts, {value, axis},
                        [&](Divided next, SmallVectorImpl<Divided> &missing) {
                          int64_t cost = 0;
                          for (OpOperand &use : next.first.getUses())
                            cost += costOfUse(use, next.second, missing);
                          return cost;
                        });
  }

  /// Whether another tensor of the result's size comes in (a residual add): what follows is its
  /// matter as well, and along a chain of residuals would be counted over and over.
  bool joinsAnother(OpOperand &use) {
    auto isLarge = [&](OpOperand &operand) {
      return !isConstant(operand.get()) &&
             elements(operand.get()) == elements(use.getOwner()->getResult(0));
    };
    auto [count, inserted] = largeOperands.try_emplace(use.getOwner(), 0);
    if (inserted)
      count->second = llvm::count_if(use.getOwner()->getOpOperands(), isLarge);
    return count->second > (isLarge(use) ? 1 : 0);
  }

  /// What dividing a reader along an axis of its result needs of its operands.
  struct Way {
    int64_t axis;
    const Division *division;
    int64_t gathered;                    // bytes of what has to be whole,
    DenseMap<Value, int64_t> gatheredOf; // and of each tensor
  };

  /// The ways to divide a reader of which one operand is divided along an axis.
  std::vector<Way> waysOf(OpOperand &use, int64_t usedAxis) {
    auto op = cast<DivisionOpInterface>(use.getOwner());
    SmallVector<int64_t> hints(op->getNumOperands(), -1);
    hints[use.getOperandNumber()] = usedAxis;
    std::vector<Way> ways;
    for (int64_t axis : candidateAxes(op->getResult(0)))
      if (const Division *division = rules.of(op).along(axis, hints)) {
        Way way{axis, division, 0, DenseMap<Value, int64_t>()};
        for (auto [operand, need] : llvm::zip(op->getOperands(), division->operands))
          if (need.kind == OperandNeed::Whole && isDivided(operand)) {
            way.gathered += bytesOf(operand);
            way.gatheredOf[operand] += bytesOf(operand);
          }
        ways.push_back(std::move(way));
      }
    return ways;
  }

  /// More operands than a layer has: such a list is not looked through once for each of them.
  static constexpr unsigned kManyOperands = 64;

  const std::vector<Way> &waysOfMany(OpOperand &use, int64_t axis) {
    auto [ways, inserted] = manyWays.try_emplace({use.getOwner(), axis});
    if (inserted)
      ways->second = waysOf(use, axis);
    return ways->second;
  }

  /// `missing`: what has to be known of results before.
  int64_t costOfUse(OpOperand &use, int64_t axis, SmallVectorImpl<Divided> &missing) {
    Operation *op = use.getOwner();
    if (isa<OutputOp>(op))
      return axis < 0 ? 0 : bytesOf(use.get()); // handed in
    if (auto keep = dyn_cast<KeepOp>(op)) {
      const unsigned k = use.getOperandNumber();
      return k >= keep.getValues().size() || axes.lookup(keep.getStates()[k]) == axis
                 ? 0
                 : bytesOf(use.get());
    }
    auto rule = dyn_cast<DivisionOpInterface>(op);
    if (!rule)
      return 0;
    auto costOfResult = [&](int64_t resultAxis) -> int64_t {
      auto known = readerCosts.find({op->getResult(0), resultAxis});
      if (known != readerCosts.end())
        return known->second;
      missing.push_back({op->getResult(0), resultAxis});
      return 0;
    };
    Value result = op->getResult(0);
    int64_t best = 2 * bytesOf(use.get());
    if (mergesOver(rule, axis))
      best = nodes * statisticBytes(rule) +
             (shapeOf(result) == shapeOf(use.get()) ? costOfResult(axis) : 0);
    std::vector<Way> few;
    bool isMany = op->getNumOperands() > kManyOperands;
    if (!isMany)
      few = waysOf(use, axis);
    for (const Way &way : isMany ? waysOfMany(use, axis) : few) {
      const OperandNeed &need = way.division->operands[use.getOperandNumber()];
      int64_t cost = follows(need, axis) ? 0 : bytesOf(use.get());
      // What else has to be whole for this axis is gathered on its account.
      cost += way.gathered - way.gatheredOf.lookup(use.get());
      if (need.kind == OperandNeed::Along && need.axis == axis && !joinsAnother(use))
        cost += costOfResult(way.axis);
      best = std::min(best, cost);
    }
    return best;
  }

  const Problem &problem;
  int64_t nodes; // that own something
  DivisionRules &rules;
  DenseSet<Value> ofConstants;
  DenseMap<Divided, int64_t> readerCosts;
  DenseMap<Operation *, int64_t> largeOperands;
  std::map<std::pair<Operation *, int64_t>, std::vector<Way>> manyWays;
  SqueezeFinder squeezes;
};

} // namespace

GreedyAxes disco::chooseGreedyAxes(const Problem &problem) { return AxisChooser(problem).run(); }
