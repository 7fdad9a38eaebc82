//===- OpsLocalize.cpp - what one node computes of an op ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Build.h"
#include "Disco.h"
#include "LocalContext.h"
#include "RearrangeFactors.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;
using namespace disco;

using Local = FailureOr<Value>;

/// Drops what belongs to the global program alone.
static void dropGlobalAttributes(Operation *op) {
  op->removeAttr(kOwnersAttr);
  op->removeAttr(kStatedMaskAttr);
  op->removeAttr("mask");
}

Local disco::localizeByCloning(Operation *op, LocalContext &context) {
  // An operand that appears twice may be needed in two forms, so operands are set by position.
  SmallVector<Value> operands;
  for (unsigned k = 0; k < op->getNumOperands(); ++k) {
    Local operand = context.getOperand(k);
    if (failed(operand))
      return failure();
    operands.push_back(*operand);
  }
  Operation *clone = context.builder.clone(*op);
  clone->setOperands(operands);
  clone->getResult(0).setType(context.getResultType(op->getResult(0)));
  dropGlobalAttributes(clone);
  return clone->getResult(0);
}

/// Channel i of the result is channel `channels[i]` of the source; nothing to do when that is every
/// channel in order.
static Value reorder(LocalContext &context, Operation *op, Value source, int64_t axis,
                     ArrayRef<int64_t> channels, RankedTensorType type) {
  bool identity = static_cast<int64_t>(channels.size()) == axisExtent(tensorType(source), axis) &&
                  llvm::all_of(llvm::enumerate(channels), [](auto entry) {
                    return entry.value() == static_cast<int64_t>(entry.index());
                  });
  OpBuilder &builder = context.builder;
  if (identity && source.getType() == type)
    return source;
  SmallVector<int64_t> sources(channels.size(), 0);
  auto assemble = builder.create<AssembleOp>(
      op->getLoc(), type, ValueRange(source), builder.getI64IntegerAttr(axis),
      builder.getDenseI64ArrayAttr(sources), builder.getDenseI64ArrayAttr(channels));
  if (auto name = op->getAttr(kTensorAttr))
    assemble->setAttr(kTensorAttr, name);
  return assemble;
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

namespace {
/// The parts of a contraction that conv and matmul build alike.
struct ContractionBuilder {
  Operation *op;
  LocalContext &context;
  Value weights, bias, residual; // global
  int64_t rowAxis, columnAxis;   // of the weights
  Value localResidual;
  std::optional<int64_t> group; // of the convolution that is built, when not the op's own

  Location loc() const { return op->getLoc(); }

  LogicalResult prepare(unsigned residualIndex) {
    if (!residual)
      return success();
    Local local = context.getOperand(residualIndex);
    if (failed(local))
      return failure();
    localResidual = *local;
    return success();
  }

  Value localBias() const { return bias ? context.getConstant(bias, {0}, {context.set}) : Value(); }

  Value localWeights(const IndexSet &columns) const {
    return context.getConstant(weights, {rowAxis, columnAxis}, {context.set, columns});
  }

  /// A copy of the op on local operands. `channels` empty: every channel of x is read.
  Value build(Value x, Value w, Value localBias, Value init, bool last,
              std::optional<ArrayRef<int64_t>> channels) const {
    OpBuilder &builder = context.builder;
    SmallVector<NamedAttribute> attrs;
    for (NamedAttribute attr : op->getAttrs())
      if (group && attr.getName() == "group")
        attrs.push_back(builder.getNamedAttr("group", builder.getI64IntegerAttr(*group)));
      else if (!llvm::is_contained({StringRef("mask"), StringRef("channels"),
                                    StringRef("operandSegmentSizes"), StringRef(kOwnersAttr),
                                    StringRef(kStatedMaskAttr)},
                                   attr.getName().getValue()) &&
               (last || attr.getName() != "act"))
        attrs.push_back(attr);
    if (channels)
      attrs.push_back(builder.getNamedAttr("channels", builder.getDenseI64ArrayAttr(*channels)));
    SmallVector<Value> operands =
        contractionOperands(builder, x, w, localBias, init, last ? localResidual : Value(), attrs);
    OperationState state(loc(), op->getName(), operands, context.getResultType(op->getResult(0)),
                         attrs);
    return builder.create(state)->getResult(0);
  }

  /// The result of a node that reads no column: act(bias + residual).
  Local buildConstant(int64_t resultAxis) const {
    OpBuilder &builder = context.builder;
    RankedTensorType type = context.getResultType(op->getResult(0));
    SmallVector<int64_t> shape(type.getRank(), 1);
    shape[resultAxis] = type.getDimSize(resultAxis);
    Value value;
    if (bias) {
      auto columnType =
          withLayout(RankedTensorType::get(shape, type.getElementType()), type.getEncoding());
      value = builder.create<RearrangeOp>(loc(), columnType, localBias(),
                                          builder.getDenseI64ArrayAttr({shape[resultAxis]}),
                                          builder.getDenseI64ArrayAttr({0}));
    } else {
      auto zero =
          RankedTensorType::get(SmallVector<int64_t>(type.getRank(), 1), type.getElementType());
      value = builder.create<ConstantOp>(
          loc(), zero, DenseElementsAttr::get(zero, builder.getZeroAttr(type.getElementType())),
          ArrayAttr());
    }
    value = builder.create<ExpandOp>(loc(), type, value);
    if (localResidual)
      value = builder.create<BinaryOp>(loc(), type, value, localResidual, BinaryKind::Add);
    if (auto act = op->getAttrOfType<ActAttr>("act"))
      value = builder.create<UnaryOp>(loc(), type, value, act);
    value.getDefiningOp()->setAttr(kTensorAttr,
                                   builder.getStringAttr(tensorName(op->getResult(0))));
    return value;
  }

  /// A residual that is there before the first part is what the sum begins with: the result can
  /// take its place.
  Value takeSummand(Type type) {
    bool there = localResidual && localResidual.getType() == type &&
                 !localResidual.getDefiningOp<AssembleOp>() &&
                 !localResidual.getDefiningOp<RecvOp>();
    return there ? std::exchange(localResidual, Value()) : Value();
  }

  /// The sum over the parts, the own one first.
  Local buildParts(int64_t resultAxis) {
    ArrayRef<ContractionPart> parts = context.getParts(0);
    if (parts.empty())
      return buildConstant(resultAxis);
    Value sum = takeSummand(context.getResultType(op->getResult(0)));
    for (auto [i, part] : llvm::enumerate(parts)) {
      bool last = i + 1 == parts.size();
      int64_t axis = context.division.operands[0].axis;
      bool dense = llvm::equal(part.positions,
                               llvm::seq<int64_t>(0, axisExtent(tensorType(part.source), axis)));
      // One after the other: arguments are made in any order.
      Value w = localWeights(part.columns);
      Value bias = i == 0 ? localBias() : Value();
      sum = build(part.source, w, bias, sum, last,
                  dense ? std::nullopt : std::optional<ArrayRef<int64_t>>(part.positions));
      if (!part.origins.empty())
        sum.getDefiningOp()->setAttr(kOriginsAttr,
                                     context.builder.getDenseI64ArrayAttr(part.origins));
    }
    return sum;
  }
};
} // namespace

/// Rows of one group that a node computes, and the columns that they read.
struct GroupRows {
  SmallVector<int64_t> rows, columns; // global
};

/// A grouped convolution on a node: regular when every group has as many rows here and all its
/// columns, else group by group.
static Local localizeGrouped(ConvOp op, LocalContext &context, ContractionBuilder &parts) {
  int64_t groups = static_cast<int64_t>(op.getGroup());
  int64_t perGroup = shapeOf(op.getW())[1], rowsPerGroup = shapeOf(op.getW())[0] / groups;
  Local x = context.getOperand(0);
  if (failed(x))
    return failure();
  IndexSet held = *x ? localOf(*x).getSet() : IndexSet();
  SmallVector<GroupRows> present;
  context.set.forEach([&](int64_t row) {
    int64_t group = row / rowsPerGroup;
    if (present.empty() || present.back().rows.front() / rowsPerGroup != group) {
      present.emplace_back();
      for (int64_t i = group * perGroup; i < (group + 1) * perGroup; ++i)
        if (held.contains(i))
          present.back().columns.push_back(i);
    }
    present.back().rows.push_back(row);
  });
  bool regular = llvm::all_of(present, [&](GroupRows &group) {
    return group.rows.size() == present.front().rows.size() &&
           static_cast<int64_t>(group.columns.size()) == perGroup;
  });
  OpBuilder &builder = context.builder;
  auto segment = [&](const IndexSet &rows, const IndexSet &columns, ArrayRef<int64_t> channels,
                     int64_t groupCount) -> Value {
    parts.group = groupCount;
    Value w = context.getConstant(op.getW(), {0, 1}, {rows, columns});
    Value bias = op.getBias() ? context.getConstant(op.getBias(), {0}, {rows}) : Value();
    bool dense = llvm::equal(channels, llvm::seq<int64_t>(0, shapeOf(*x)[1]));
    Value y = parts.build(*x, w, bias, Value(), true,
                          dense ? std::nullopt : std::optional<ArrayRef<int64_t>>(channels));
    y.setType(localType(tensorType(op.getResult()), 1, rows));
    // Its weights number their columns within a group, which the schedule's checker must know.
    y.getDefiningOp()->setAttr(kGroupsAttr, builder.getI64IntegerAttr(groups));
    return y;
  };
  if (regular && !present.empty())
    return segment(context.set, IndexSet::all(perGroup),
                   llvm::to_vector(llvm::seq<int64_t>(0, held.size())),
                   static_cast<int64_t>(present.size()));
  SmallVector<Value> pieces;
  for (GroupRows &group : present) {
    SmallVector<int64_t> columns, channels;
    for (int64_t column : group.columns) {
      columns.push_back(column % perGroup);
      channels.push_back(held.positionOf(column));
    }
    IndexSet rows = IndexSet::of(group.rows), all = context.set;
    if (!columns.empty()) {
      pieces.push_back(segment(rows, IndexSet::of(columns), channels, 1));
      continue;
    }
    context.set = rows;
    pieces.push_back(*parts.buildConstant(1));
    context.set = all;
  }
  if (pieces.size() == 1)
    return pieces.front();
  return Value(builder.create<ConcatOp>(op.getLoc(), context.getResultType(op.getResult()), pieces,
                                        builder.getI64IntegerAttr(1)));
}

Local ConvOp::localize(LocalContext &context) {
  if (!isConstant(getW()) || context.axis != 1)
    return localizeByCloning(*this, context);
  ContractionBuilder parts{*this, context, getW(), getBias(), getResidual(), 0, 1, {}, {}};
  if (failed(parts.prepare(getNumOperands() - 1)))
    return failure();
  if (getGroup() == 1)
    return parts.buildParts(1);
  return localizeGrouped(*this, context, parts);
}

Local MatMulOp::localize(LocalContext &context) {
  int64_t last = static_cast<int64_t>(shapeOf(getResult()).size()) - 1;
  if (!getContraction() || context.axis != last)
    return localizeByCloning(*this, context);
  ContractionBuilder parts{
      *this, context, getB(), getBias(), getResidual(), getTransB() ? 0 : 1, getTransB() ? 1 : 0,
      {},    {}};
  if (failed(parts.prepare(getNumOperands() - 1)))
    return failure();
  return parts.buildParts(last);
}

//===----------------------------------------------------------------------===//
// Relabelling ops
//===----------------------------------------------------------------------===//

Local ConcatOp::localize(LocalContext &context) {
  if (context.axis != static_cast<int64_t>(getAxis()))
    return localizeByCloning(*this, context);
  SmallVector<Value> pieces;
  for (unsigned k = 0; k < getNumOperands(); ++k) {
    if (context.division.operands[k].relation->apply(context.set).empty())
      continue;
    Local piece = context.getOperand(k);
    if (failed(piece))
      return failure();
    pieces.push_back(*piece);
  }
  if (pieces.empty())
    return failure();
  auto concat = context.builder.create<ConcatOp>(getLoc(), context.getResultType(getResult()),
                                                 pieces, getAxisAttr());
  concat->setAttr(kTensorAttr, context.builder.getStringAttr(tensorName(getResult())));
  return Value(concat);
}

/// The order in which a node's indices of a relabelled axis lie in its local operand.
static SmallVector<int64_t> localOrder(const Relation &relation, const IndexSet &set) {
  IndexSet reads = relation.apply(set);
  SmallVector<int64_t> order;
  set.forEach([&](int64_t index) { order.push_back(reads.positionOf(relation.single(index))); });
  return order;
}

Local SelectOp::localize(LocalContext &context) {
  if (context.axis != static_cast<int64_t>(getAxis()))
    return localizeByCloning(*this, context);
  Local x = context.getOperand(0);
  if (failed(x))
    return failure();
  return reorder(context, *this, *x, context.axis,
                 localOrder(*context.division.operands[0].relation, context.set),
                 context.getResultType(getResult()));
}

Local SliceOp::localize(LocalContext &context) {
  Local x = context.getOperand(0);
  if (failed(x) || context.axis < 0)
    return failed(x) ? Local(failure()) : localizeByCloning(*this, context);
  OpBuilder &builder = context.builder;
  SmallVector<int64_t> starts(getStarts()), steps(getSteps());
  starts[context.axis] = 0;
  steps[context.axis] = 1;
  RankedTensorType type = context.getResultType(getResult());
  Value sliced = *x;
  bool whole = llvm::all_of(llvm::zip(shapeOf(sliced), type.getShape()),
                            [](auto pair) { return std::get<0>(pair) == std::get<1>(pair); }) &&
               llvm::all_of(steps, [](int64_t step) { return step == 1; });
  if (!whole) {
    auto slice = builder.create<SliceOp>(getLoc(), type, sliced, starts, steps);
    slice->setAttr(kTensorAttr, builder.getStringAttr(tensorName(getResult())));
    sliced = slice;
  }
  return reorder(context, *this, sliced, context.axis,
                 localOrder(*context.division.operands[0].relation, context.set), type);
}

/// The local view: the shared factors, which lie together, become one factor of the local extent.
static Value rearrangeShared(RearrangeOp op, LocalContext &context, const SharedFactor &shared,
                             Value x, int64_t extent, RankedTensorType type) {
  SmallVector<int64_t> view, perm, renamed(op.getView().size(), -1);
  for (size_t factor = 0; factor < op.getView().size(); ++factor) {
    bool merged = llvm::is_contained(shared.factors, factor);
    if (merged && factor != shared.factors.front())
      continue;
    renamed[factor] = static_cast<int64_t>(view.size());
    view.push_back(merged ? extent : op.getView()[factor]);
  }
  for (int64_t p : op.getPerm())
    if (renamed[p] >= 0)
      perm.push_back(renamed[p]);
  OpBuilder &builder = context.builder;
  auto local = builder.create<RearrangeOp>(op.getLoc(), type, x, builder.getDenseI64ArrayAttr(view),
                                           builder.getDenseI64ArrayAttr(perm));
  if (auto name = op->getAttr(kTensorAttr))
    local->setAttr(kTensorAttr, name);
  return local;
}

Local RearrangeOp::localize(LocalContext &context) {
  if (context.axis < 0)
    return localizeByCloning(*this, context);
  Local x = context.getOperand(0);
  if (failed(x))
    return failure();
  const OperandNeed &need = context.division.operands[0];
  SharedFactor shared = *findSharedFactor(*this, context.axis, need.axis);
  RankedTensorType type = tensorType(getResult());
  if (shared.permuted) {
    // One factor stands for the whole axis; the order within it is mended afterwards.
    int64_t extent = context.set.size();
    Value local = rearrangeShared(*this, context, shared, *x, extent,
                                  localType(type, context.axis, context.set));
    return reorder(context, *this, local, context.axis, localOrder(*need.relation, context.set),
                   context.getResultType(getResult()));
  }
  SmallVector<int64_t> middles;
  context.set.forEach(
      [&](int64_t i) { middles.push_back(i / shared.innerResult % shared.extent); });
  IndexSet middle = IndexSet::of(middles);
  SmallVector<int64_t> covered;
  for (int64_t outer = 0; outer < shared.outerResult; ++outer)
    middle.forEach([&](int64_t m) {
      for (int64_t inner = 0; inner < shared.innerResult; ++inner)
        covered.push_back((outer * shared.extent + m) * shared.innerResult + inner);
    });
  IndexSet cover = IndexSet::of(covered);
  Value local = rearrangeShared(*this, context, shared, *x, middle.size(),
                                localType(type, context.axis, cover));
  SmallVector<int64_t> order;
  context.set.forEach([&](int64_t index) { order.push_back(cover.positionOf(index)); });
  return reorder(context, *this, local, context.axis, order, context.getResultType(getResult()));
}
