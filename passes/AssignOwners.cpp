//===- AssignOwners.cpp - give every tensor its owner map -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "OwnerClasses.h"
#include "Passes.h"
#include "llvm/Support/MathExtras.h"

namespace disco {
#define GEN_PASS_DEF_ASSIGNOWNERS
#include "Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

/// An axis with more channels than this is not divided: every channel has an entry in several
/// tables.
static constexpr int64_t kMaxChannels = int64_t(1) << 22;
/// A message counts its bytes in 32 bits.
static constexpr int64_t kMaxTensorBytes = (int64_t(1) << 31) - 1;

/// The indices of the operands that take part in a division: constants are stored wherever they are
/// needed.
static bool isDivided(Value operand) { return !isConstant(operand); }

static int64_t bytesOf(Value value) { return byteSize(tensorType(value)); }

namespace {

/// Chooses the axis along which each tensor is divided.
class AxisChooser {
public:
  explicit AxisChooser(func::FuncOp function) : function(function) {}

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

  SmallVector<int64_t> operandAxes(Operation *op) const {
    SmallVector<int64_t> list;
    for (Value operand : op->getOperands())
      list.push_back(axes.count(operand) ? axes.lookup(operand) : -1);
    return list;
  }

private:
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
    for (int64_t axis : candidates(result)) {
      int64_t cost = costOfReaders(result, axis);
      if (rule) {
        std::optional<Division> division = rule.divide(axis, operandAxes(op));
        if (!division)
          continue;
        for (auto [k, operand] : llvm::enumerate(op->getOperands()))
          if (isDivided(operand) && !follows(division->operands[k], axes.lookup(operand)))
            cost += 2 * bytesOf(operand); // every node gathers it
      }
      // An axis of extent 1 leaves all work to one node.
      if (shapeOf(result)[axis] == 1)
        cost += bytesOf(result);
      if (cost < bestCost)
        best = axis, bestCost = cost;
    }
    // Arithmetic is divided even where that moves more; what only looks at a tensor may stay at the
    // root.
    bool stay = rule && !isa<CostOpInterface>(op) && costOfUndivided(op) < bestCost;
    return stay ? -1 : best;
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
    auto [entry, inserted] = readerCosts.try_emplace({value, axis}, 0);
    if (!inserted)
      return entry->second;
    int64_t cost = 0;
    for (OpOperand &use : value.getUses())
      cost += costOfUse(use, axis);
    return readerCosts[{value, axis}] = cost;
  }

  int64_t costOfUse(OpOperand &use, int64_t axis) {
    if (isa<OutputOp>(use.getOwner()))
      return axis < 0 ? 0 : bytesOf(use.get()); // handed in
    auto rule = dyn_cast<DivisionOpInterface>(use.getOwner());
    if (!rule)
      return 0;
    SmallVector<int64_t> hints(use.getOwner()->getNumOperands(), -1);
    hints[use.getOperandNumber()] = axis;
    Value result = use.getOwner()->getResult(0);
    int64_t best = 2 * bytesOf(use.get());
    for (int64_t resultAxis : candidates(result)) {
      std::optional<Division> division = rule.divide(resultAxis, hints);
      if (!division)
        continue;
      const OperandNeed &need = division->operands[use.getOperandNumber()];
      int64_t cost = follows(need, axis) ? 0 : bytesOf(use.get());
      // What else has to be whole for this axis is gathered on its account.
      for (auto [k, other] : llvm::enumerate(use.getOwner()->getOperands()))
        if (other != use.get() && isDivided(other) &&
            division->operands[k].kind == OperandNeed::Whole)
          cost += bytesOf(other);
      if (need.kind == OperandNeed::Along && need.axis == axis)
        cost += costOfReaders(result, resultAxis);
      best = std::min(best, cost);
    }
    return best;
  }

  func::FuncOp function;
  DenseMap<Value, int64_t> axes;
  DenseMap<std::pair<Value, int64_t>, int64_t> readerCosts;
};

/// One run of the pass over one function.
class OwnerAssigner {
public:
  OwnerAssigner(func::FuncOp function, int64_t nodes, int64_t root)
      : function(function), axes(function), classes(nodes), root(root), nodes(nodes) {}

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
      SmallVector<IndexSet> sets = classes.ownersOf(value);
      value.setType(
          withLayout(tensorType(value), OwnedAttr::get(value.getContext(), axes[value], sets)));
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
  static bool isContraction(Operation *op) {
    auto contraction = dyn_cast<ContractionOpInterface>(op);
    return contraction && contraction.getContraction();
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

  /// Whether some reader of a value, or a reader of what is computed from it, is a contraction.
  bool reachesContraction(Value value) {
    auto [entry, inserted] = reaches.try_emplace(value, false);
    if (!inserted)
      return entry->second;
    bool found = llvm::any_of(value.getUsers(), [&](Operation *user) {
      return isContraction(user) ||
             (user->getNumResults() == 1 && reachesContraction(user->getResult(0)));
    });
    return reaches[value] = found;
  }

  void collect() {
    function.walk([&](Operation *op) {
      if (op->getNumResults() != 1 || isa<ConstantOp>(op))
        return;
      Value result = op->getResult(0);
      values.push_back(result);
      classes.add(result, axisExtent(tensorType(result), axes[result]));
      bool preprocessing = !isContraction(op) && reachesContraction(result) &&
                           llvm::all_of(op->getOperands(), [&](Value operand) {
                             return isConstant(operand) || rootOwned.contains(operand);
                           });
      if (isa<InputOp>(op) || (preprocessing && op->getNumOperands() && !op->hasAttr(kOwnersAttr)))
        rootOwned.insert(result);
    });
  }

  void tie() {
    for (Value value : values) {
      auto rule = dyn_cast<DivisionOpInterface>(value.getDefiningOp());
      if (!rule || axes[value] < 0 || rootOwned.contains(value))
        continue;
      std::optional<Division> division = rule.divide(axes[value], axes.operandAxes(rule));
      if (!division)
        continue;
      for (auto [k, operand] : llvm::enumerate(rule->getOperands())) {
        const OperandNeed &need = division->operands[k];
        if (!isDivided(operand) || rootOwned.contains(operand) || !need.relation ||
            need.axis != axes[operand])
          continue;
        // Groups stay together as long as every node can have one.
        if (need.kind == OperandNeed::Contracted && classes.countBlocks(*need.relation) < nodes)
          continue;
        classes.tie(value, operand, *need.relation);
      }
    }
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
  DenseMap<Value, bool> reaches;
};

struct AssignOwnersPass : disco::impl::AssignOwnersBase<AssignOwnersPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    OwnerAssigner assigner(function, nodesOf(getOperation()), rootOf(getOperation()));
    if (failed(assigner.run()))
      return signalPassFailure();
    numTensors = assigner.numTensors();
    numUndivided = assigner.numUndivided();
    numClasses = assigner.numClasses();
  }
};

} // namespace
