//===- ExportsFirst.cpp - rows that others need are computed first --------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/ExportsFirst.h"
#include "compiler/dialect/Build.h"
#include "compiler/dialect/Joined.h"
#include "compiler/dialect/Target.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace disco;

namespace {

/// What a contraction reads; what it has not is null.
struct Operands {
  Value x, weights, bias, init, residual;

  explicit Operands(Operation *op) {
    auto segments = op->getAttrOfType<DenseI32ArrayAttr>(kSegmentsAttr);
    unsigned next = 0, segment = 0;
    for (Value *operand : {&x, &weights, &bias, &init, &residual})
      if (segments && segment < segments.size() && segments[segment++])
        *operand = op->getOperand(next++);
  }
};

/// A contraction without groups; else nothing.
std::optional<Contraction> plainContraction(Operation *op) {
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  std::optional<Contraction> rule = contraction ? contraction.getContraction() : std::nullopt;
  return rule && rule->groups == 1 && rule->weights == 1 ? rule : std::nullopt;
}

/// A constant's rows at some positions; null where it does not store each.
Value pickRows(OpBuilder &builder, Value constant, int64_t axis, const IndexSet &positions) {
  auto op = constant.getDefiningOp<ConstantOp>();
  if (!op || op.getPacking() ||
      (op.getValue().getShapedType().getDimSize(axis) == 1 && shapeOf(constant)[axis] != 1))
    return {};
  SmallVector<Attribute> view;
  IndexSet rows = positions;
  if (std::optional<ArrayAttr> given = op.getView())
    for (auto entry : given->getAsRange<LocalAttr>()) {
      if (entry.getAxis() == axis)
        rows = entry.getSet().pick(positions);
      else
        view.push_back(entry);
    }
  view.push_back(LocalAttr::get(builder.getContext(), axis, rows));
  SmallVector<int64_t> shape(shapeOf(constant));
  shape[axis] = positions.size();
  return builder.create<ConstantOp>(
      op.getLoc(), RankedTensorType::get(shape, tensorType(constant).getElementType()),
      op.getValue(), builder.getArrayAttr(view));
}

/// A sum of parts whose last one makes a tensor that is sent, and all that reads it.
class Split {
public:
  explicit Split(Operation *last) : result(last->getResult(0)) {
    for (Operation *op = last; op;
         op = Operands(op).init ? Operands(op).init.getDefiningOp() : nullptr)
      chain.insert(chain.begin(), op);
  }

  /// Whether the tensor can be made in two pieces that only these readers see.
  bool fits() {
    LocalAttr local = localOf(result);
    std::optional<Contraction> rule = plainContraction(chain.back());
    if (!local || local.getPhysical() || !rule || local.getAxis() != rule->resultAxis)
      return false;
    axis = local.getAxis();
    all = local.getSet();
    if (llvm::any_of(shapeOf(result).take_front(axis), [](int64_t extent) { return extent != 1; }))
      return false; // rows would not lie in one run
    return llvm::all_of(chain, [&](Operation *op) { return fitsChain(op); }) &&
           llvm::all_of(result.getUsers(), [&](Operation *user) { return noteReader(user); }) &&
           !sends.empty() && !readers.empty() && isInOrder();
  }

  /// Each piece takes its columns out of the operand once more, and has whole tiles of rows.
  bool pays() {
    constexpr int64_t leastRows = 4,
                      copying = 5; // multiply-accumulates for an element that is copied
    const IndexSet rest = all.minus(sent);
    if (sent.size() < leastRows || rest.size() < leastRows)
      return false;
    int64_t columns = 0;
    for (Operation *op : chain)
      columns += macsOf(op) / all.size();
    const int64_t behind = macsOf(chain.back()) / all.size() * rest.size();
    return behind > 2 * copying * columns;
  }

  void apply() {
    const IndexSet rest = all.minus(sent);
    OpBuilder builder(chain.front());
    Value first = build(sent, nullptr), second = build(rest, lastSend());
    SmallVector<int64_t> sources(sent.size(), 0), channels;
    sources.append(rest.size(), 1);
    for (const IndexSet *piece : {&std::as_const(sent), &rest})
      for (int64_t i = 0; i < piece->size(); ++i)
        channels.push_back(i);
    builder.setInsertionPointAfterValue(second);
    auto joined = builder.create<AssembleOp>(
        result.getLoc(), result.getType(), ValueRange{first, second},
        builder.getI64IntegerAttr(axis), builder.getDenseI64ArrayAttr(sources),
        builder.getDenseI64ArrayAttr(channels));
    joined->setAttr(kJoinedAttr, builder.getUnitAttr());
    for (SendOp send : sends)
      send->replaceUsesOfWith(result, first);
    for (Operation *reader : readers)
      redirect(reader, joined);
    for (Operation *op : llvm::reverse(chain))
      op->erase();
  }

private:
  static int64_t macsOf(Operation *op) { return cast<CostOpInterface>(op).getMacs(); }

  bool fitsChain(Operation *op) const {
    std::optional<Contraction> rule = plainContraction(op);
    Operands operands(op);
    OpBuilder builder(op);
    if (!rule || op->hasAttr(kGroupsAttr) || operands.residual ||
        op->getResult(0).getType() != result.getType() ||
        (op != chain.back() && !op->getResult(0).hasOneUse()))
      return false;
    for (auto [constant, rows] :
         {std::pair(operands.weights, rule->rowAxis), std::pair(operands.bias, int64_t(0))}) {
      if (!constant)
        continue;
      Value picked = pickRows(builder, constant, rows, IndexSet::all(all.size()));
      if (!picked)
        return false;
      picked.getDefiningOp()->erase();
    }
    return true;
  }

  bool noteReader(Operation *user) {
    if (auto send = dyn_cast<SendOp>(user)) {
      sends.push_back(send);
      for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>()))
        if (input == result)
          sent.add(part.getSet());
      return true;
    }
    std::optional<Contraction> rule = plainContraction(user);
    readers.push_back(user);
    return rule && rule->inputAxis == axis && user->getOperand(0) == result &&
           llvm::count(user->getOperands(), result) == 1;
  }

  SendOp lastSend() {
    return *llvm::max_element(sends, [](SendOp a, SendOp b) { return a->isBeforeInBlock(b); });
  }
  bool isInOrder() {
    return llvm::all_of(readers, [&](Operation *op) { return lastSend()->isBeforeInBlock(op); });
  }

  /// The chain for some rows. All but what can run before the first wait goes behind `after`, where
  /// that is given.
  Value build(const IndexSet &rows, Operation *after) {
    SmallVector<int64_t> places;
    rows.forEach([&](int64_t row) { places.push_back(all.positionOf(row)); });
    const IndexSet positions = IndexSet::of(places);
    Value sum;
    for (Operation *op : chain) {
      OpBuilder builder(op);
      if (after && (op != chain.front() || chain.size() == 1))
        builder.setInsertionPointAfter(after);
      sum = buildPart(builder, op, rows, positions, sum);
      if (after && (op != chain.front() || chain.size() == 1))
        after = sum.getDefiningOp();
    }
    return sum;
  }

  Value buildPart(OpBuilder &builder, Operation *op, const IndexSet &rows,
                  const IndexSet &positions, Value init) const {
    std::optional<Contraction> rule = plainContraction(op);
    Operands operands(op);
    OpBuilder front = OpBuilder::atBlockBegin(op->getBlock());
    Value weights = pickRows(front, operands.weights, rule->rowAxis, positions);
    Value bias = operands.bias ? pickRows(front, operands.bias, 0, positions) : Value();
    SmallVector<NamedAttribute> attrs;
    for (NamedAttribute attr : op->getAttrs())
      if (auto quant = dyn_cast<QuantAttr>(attr.getValue()))
        attrs.push_back(builder.getNamedAttr(attr.getName(), quant.ofRows(positions)));
      else if (attr.getName() != kSegmentsAttr)
        attrs.push_back(attr);
    SmallVector<Value> values =
        contractionOperands(builder, operands.x, weights, bias, init, Value(), attrs);
    SmallVector<int64_t> shape(shapeOf(result));
    shape[axis] = rows.size();
    auto type = RankedTensorType::get(shape, tensorType(result).getElementType(),
                                      LocalAttr::get(builder.getContext(), axis, rows));
    OperationState state(op->getLoc(), op->getName(), values, type, attrs);
    return builder.create(state)->getResult(0);
  }

  /// A reader names the same channels at their places in the joined tensor.
  void redirect(Operation *reader, Value joined) const {
    SmallVector<int64_t> place(all.size()), channels;
    for (auto [i, channel] : llvm::enumerate(channelsInOrder(joined)))
      place[all.positionOf(channel)] = static_cast<int64_t>(i);
    if (auto given = reader->getAttrOfType<DenseI64ArrayAttr>(kChannelsAttr))
      for (int64_t channel : given.asArrayRef())
        channels.push_back(place[channel]);
    else
      channels = place;
    reader->setOperand(0, joined);
    reader->setAttr(kChannelsAttr, OpBuilder(reader).getDenseI64ArrayAttr(channels));
  }

  Value result;
  int64_t axis = -1;
  IndexSet all, sent;
  SmallVector<Operation *> chain; // parts in the order of the sum
  SmallVector<SendOp> sends;
  SmallVector<Operation *> readers;
};

} // namespace

int64_t disco::exportFirst(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>()->getParentOfType<ModuleOp>();
  // A board has no room for a second copy of a kernel; layouts of other orders are an experiment.
  if (isBare(nodeOf(function)) || inExactOrder(function) ||
      (module && module->hasAttr(kLayoutAttr)))
    return 0;
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front())
    if (plainContraction(&op) && op.getNumResults() == 1 &&
        llvm::any_of(op.getUsers(), llvm::IsaPred<SendOp>))
      ops.push_back(&op);
  int64_t count = 0;
  for (Operation *op : ops)
    if (Split split(op); split.fits() && split.pays()) {
      split.apply();
      ++count;
    }
  return count;
}
