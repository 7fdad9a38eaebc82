//===- AssignOwners.cpp - give every tensor its owner map -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/DivisionRules.h"
#include "passes/Known.h"
#include "passes/OwnerClasses.h"
#include "passes/Passes.h"
#include "llvm/Support/MathExtras.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_ASSIGNOWNERS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

/// A message counts its bytes in 32 bits.
static constexpr int64_t kMaxTensorBytes = (int64_t(1) << 31) - 1;

static int64_t bytesOf(Value value) { return byteSize(tensorType(value)); }

namespace {

static std::optional<Contraction> contractionOf(Operation *op) {
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  return contraction ? contraction.getContraction() : std::nullopt;
}

static bool isArithmetic(Operation *op) {
  auto cost = dyn_cast<CostOpInterface>(op);
  return cost && cost.isArithmetic();
}

static int64_t elements(Value value) { return tensorType(value).getNumElements(); }

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
class AxisChooser {
public:
  AxisChooser(func::FuncOp function, int64_t nodes)
      : function(function), nodes(nodes), squeezes(function) {}

  void run() {
    function.walk([&](Operation *op) {
      if (op->getNumResults() != 1 || isa<ConstantOp>(op))
        return;
      Value result = op->getResult(0);
      if (auto stated = op->getAttrOfType<OwnedAttr>(kOwnersAttr))
        axes[result] = stated.getAxis();
      else
        axes[result] = choose(op);
    });
  }

  int64_t operator[](Value value) const { return axes.lookup(value); }
  bool isReplicated(Value value) const { return replicated.contains(value); }

  /// How an op is divided along an axis, as its operands are divided; null: not at all.
  const Division *divide(DivisionOpInterface op, int64_t axis) {
    SmallVector<int64_t> operandAxes;
    for (Value operand : op->getOperands())
      operandAxes.push_back(axes.count(operand) ? axes.lookup(operand) : -1);
    return rules.of(op).along(axis, operandAxes);
  }

private:
  /// A value and the axis along which it would be divided.
  using Divided = std::pair<Value, int64_t>;

  /// Constants are stored, and replicated tensors are, wherever they are needed.
  bool isDivided(Value operand) const {
    return !isConstant(operand) && !replicated.contains(operand);
  }

  /// All axes, those that are worth dividing first, batch last.
  static SmallVector<int64_t> candidates(Value value) {
    SmallVector<int64_t> order;
    ArrayRef<int64_t> shape = shapeOf(value);
    for (bool unit : {false, true}) {
      for (int64_t axis = 1; axis < static_cast<int64_t>(shape.size()); ++axis)
        if ((shape[axis] == 1) == unit && shape[axis] <= kMaxChannels)
          order.push_back(axis);
      if (!shape.empty() && (shape[0] == 1) == unit && shape[0] <= kMaxChannels)
        order.push_back(0);
    }
    return order;
  }

  int64_t choose(Operation *op) {
    Value result = op->getResult(0);
    int64_t best = -1, bestCost = std::numeric_limits<int64_t>::max();
    auto rule = dyn_cast<DivisionOpInterface>(op);
    StringRef reason = rule && nodes > 1 ? rule.getReplication() : StringRef();
    if (auto stated = op->getAttrOfType<StringAttr>(kReplicatedAttr); stated && nodes > 1)
      reason = stated.getValue();
    if (nodes > 1 && squeezes.contains(op))
      reason = "squeeze-and-excite";
    if (!reason.empty())
      op->setAttr(kReplicatedAttr, StringAttr::get(op->getContext(), reason));
    if (!reason.empty() || (rule && isMadeEverywhere(rule))) {
      replicated.insert(result);
      return -1;
    }
    for (int64_t axis : candidates(result)) {
      int64_t cost = costOfReaders(result, axis);
      if (rule) {
        const Division *division = divide(rule, axis);
        if (!division && runsOverDivided(rule) && axis == axes.lookup(op->getOperand(0)) &&
            shapeOf(result) == shapeOf(op->getOperand(0))) {
          // Divided like its operand: only statistics travel.
          cost += nodes * statisticBytes(rule);
          if (cost < bestCost)
            best = axis, bestCost = cost;
          continue;
        }
        if (!division)
          continue;
        for (auto [k, operand] : llvm::enumerate(op->getOperands()))
          if (isDivided(operand) && !follows(division->operands[k], axes.lookup(operand)))
            cost += 2 * bytesOf(operand); // every node gathers it
          else if (isConstant(operand) && division->operands[k].kind == OperandNeed::Whole)
            cost += bytesOf(operand); // every node stores it
      }
      // An axis of extent 1 leaves all work to one node.
      if (shapeOf(result)[axis] == 1)
        cost += bytesOf(result);
      if (cost < bestCost)
        best = axis, bestCost = cost;
    }
    // Arithmetic is divided even where that moves more; what only looks at a tensor may stay at the
    // root.
    int64_t undivided = rule && !isArithmetic(op) ? costOfUndivided(op) : bestCost;
    if (rule && runsOverDivided(rule) && shapeOf(result) != shapeOf(op->getOperand(0)) &&
        nodes * statisticBytes(rule) < std::min(undivided, bestCost)) {
      replicated.insert(result);
      return -1;
    }
    int64_t chosen = undivided < bestCost ? -1 : best;
    if (!isOfConstants(op))
      return chosen;
    // Every node has what it is made of: nothing of it has to travel.
    ofConstants.insert(result);
    if (nodes == 1 || costOfReaders(result, chosen) == 0)
      return chosen;
    replicated.insert(result);
    return -1;
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
    for (int64_t axis : candidates(op->getResult(0)))
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

  func::FuncOp function;
  int64_t nodes;
  DenseMap<Value, int64_t> axes;
  DenseSet<Value> replicated, ofConstants;
  DenseMap<Divided, int64_t> readerCosts;
  DenseMap<Operation *, int64_t> largeOperands;
  DivisionRules rules;
  std::map<std::pair<Operation *, int64_t>, std::vector<Way>> manyWays;
  SqueezeFinder squeezes;
};

/// One run of the pass over one function.
class OwnerAssigner {
public:
  OwnerAssigner(func::FuncOp function, int64_t nodes, int64_t root)
      : function(function), axes(function, nodes), classes(nodes), root(root), nodes(nodes) {}

  LogicalResult run() {
    if (failed(checkSizes()))
      return failure();
    axes.run();
    collect();
    tie();
    if (failed(applyStated()))
      return failure();
    for (Value value : values)
      if (rootOwned.contains(value) || axes[value] < 0)
        classes.assignAll(value, root);
    for (bool contractions : {true, false})
      for (Value value : values)
        if (isContraction(value.getDefiningOp()) == contractions)
          classes.deal(value);
    for (Value value : values) {
      MLIRContext *context = value.getContext();
      OwnedAttr owners = isReplicated(value)
                             ? OwnedAttr::replicated(context, nodes)
                             : OwnedAttr::get(context, axes[value], classes.ownersOf(value));
      value.setType(withLayout(tensorType(value), owners));
      value.getDefiningOp()->removeAttr(kOwnersAttr);
    }
    return success();
  }

  int64_t numTensors() const { return static_cast<int64_t>(values.size()); }
  int64_t numUndivided() const {
    return llvm::count_if(values, [&](Value value) { return axes[value] < 0; });
  }
  int64_t numClasses() { return classes.count(); }

private:
  /// What the root makes of the inputs stays there.
  bool isReplicated(Value value) const {
    return axes.isReplicated(value) && !rootOwned.contains(value);
  }

  static bool isContraction(Operation *op) { return contractionOf(op).has_value(); }

  /// Whether an op looks things up in a constant larger than what it finds: a table (of word
  /// embeddings) is divided like weights, not kept by the root.
  static bool looksUp(Operation *op) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return isConstant(operand) && elements(operand) > elements(op->getResult(0));
    });
  }

  bool readsRootOwned(Operation *op) const {
    return llvm::any_of(op->getOperands(),
                        [&](Value operand) { return rootOwned.contains(operand); });
  }

  LogicalResult checkSizes() {
    WalkResult walked = function.walk([](Operation *op) {
      for (Type type : op->getResultTypes()) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        int64_t bytes = tensor ? elementBytes(tensor.getElementType()) : 0;
        bool fits = true;
        for (int64_t extent : tensor ? tensor.getShape() : ArrayRef<int64_t>())
          fits = fits && !llvm::MulOverflow(bytes, extent, bytes) &&
                 (bytes <= kMaxTensorBytes || isa<ConstantOp>(op));
        if (!fits) {
          op->emitError("makes a tensor of type ")
              << type << ", which is larger than the 2 GiB that discoc supports";
          return WalkResult::interrupt();
        }
      }
      return WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }

  /// Finds the values of which some reader, or a reader of what is computed from it, is a
  /// contraction. Readers come behind what they read.
  void findReaching() {
    for (Operation &op : llvm::reverse(function.getBody().front()))
      if (op.getNumResults() == 1 && llvm::any_of(op.getUsers(), [&](Operation *user) {
            return isContraction(user) ||
                   (user->getNumResults() == 1 && reaches.contains(user->getResult(0)));
          }))
        reaches.insert(op.getResult(0));
  }

  /// Whether an op runs over the axis along which its result would be divided, and all of its
  /// operand is at the root: there are no statistics to exchange.
  bool reducesRootOwned(Operation *op) {
    auto rule = dyn_cast<DivisionOpInterface>(op);
    return rule && axes[op->getResult(0)] >= 0 && !rule.getStatisticAxes().empty() &&
           rootOwned.contains(op->getOperand(0)) && !axes.divide(rule, axes[op->getResult(0)]);
  }

  void collect() {
    findReaching();
    function.walk([&](Operation *op) {
      if (op->getNumResults() != 1 || isa<ConstantOp>(op))
        return;
      Value result = op->getResult(0);
      values.push_back(result);
      classes.add(result, axisExtent(tensorType(result), axes[result]));
      bool preprocessing = !isContraction(op) && !looksUp(op) && !op->hasAttr(kReplicatedAttr) &&
                           reaches.contains(result) && readsRootOwned(op) &&
                           llvm::all_of(op->getOperands(), [&](Value operand) {
                             return isConstant(operand) || rootOwned.contains(operand);
                           });
      if (isa<InputOp>(op) || (preprocessing && !op->hasAttr(kOwnersAttr)) ||
          (reducesRootOwned(op) && !op->hasAttr(kOwnersAttr)))
        rootOwned.insert(result);
    });
  }

  struct Tie {
    Value result, operand;
    Relation relation;
  };

  void tie() {
    SmallVector<Tie> groups;
    for (Value value : values) {
      auto rule = dyn_cast<DivisionOpInterface>(value.getDefiningOp());
      if (!rule || axes[value] < 0 || rootOwned.contains(value))
        continue;
      const Division *division = axes.divide(rule, axes[value]);
      if (!division && !rule.getStatisticAxes().empty() && !inExactOrder(rule) &&
          axes[rule->getOperand(0)] == axes[value] && !rootOwned.contains(rule->getOperand(0)))
        classes.tie(value, rule->getOperand(0), Relation::identity(shapeOf(value)[axes[value]]));
      if (!division)
        continue;
      for (auto [k, operand] : llvm::enumerate(rule->getOperands())) {
        const OperandNeed &need = division->operands[k];
        if (isConstant(operand) || axes.isReplicated(operand) || rootOwned.contains(operand) ||
            !need.relation || need.axis != axes[operand])
          continue;
        if (need.kind != OperandNeed::Contracted || isDepthwise(*need.relation))
          classes.tie(value, operand, *need.relation);
        else if (classes.countBlocks(*need.relation) >= nodes)
          groups.push_back({value, operand, *need.relation});
      }
    }
    // Groups stay together as long as every node can have one, unless shuffles between grouped
    // convolutions would join them all.
    for (const Tie &group : groups)
      classes.tieUnlessLarge(group.result, group.operand, group.relation);
  }

  static bool isDepthwise(const Relation &relation) {
    for (int64_t i = 0; i < relation.size(); ++i)
      if (relation.single(i) < 0)
        return false;
    return true;
  }

  LogicalResult applyStated() {
    for (Value value : values) {
      Operation *op = value.getDefiningOp();
      auto stated = op->getAttrOfType<OwnedAttr>(kOwnersAttr);
      if (!stated)
        continue;
      if (stated.getNodes() != nodes)
        return op->emitError("the stated owner map is for ")
               << stated.getNodes() << " nodes, not " << nodes;
      for (int64_t rank = 0; rank < nodes; ++rank)
        if (Value other = classes.fix(value, stated.getSet(rank), rank))
          return op->emitError("the stated owner map of '")
                 << tensorName(value) << "' gives node " << rank
                 << " channels that are tied to channels of '" << tensorName(other)
                 << "', which another stated map gives to another node; state the same owners for "
                    "both";
    }
    return success();
  }

  func::FuncOp function;
  AxisChooser axes;
  OwnerClasses classes;
  int64_t root, nodes;
  SmallVector<Value> values;
  DenseSet<Value> rootOwned;
  DenseSet<Value> reaches;
};

struct AssignOwnersPass : disco::impl::AssignOwnersBase<AssignOwnersPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    OwnerAssigner assigner(function, nodesOf(getOperation()), rootsOf(getOperation()).input);
    if (failed(assigner.run()))
      return signalPassFailure();
    numTensors = assigner.numTensors();
    numUndivided = assigner.numUndivided();
    numClasses = assigner.numClasses();
  }
};

} // namespace
