//===- DivideReductions.cpp - statistics instead of features --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "passes/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace disco {
#define GEN_PASS_DEF_DIVIDEREDUCTIONS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Makes ops at one place of the program with stated layouts.
class Maker {
public:
  Maker(Operation *before, int64_t nodes)
      : builder(before), loc(before->getLoc()), nodes(nodes),
        everywhere(OwnedAttr::replicated(builder.getContext(), nodes)) {}

  OwnedAttr at(int64_t rank, int64_t axis = -1, int64_t extent = 1) {
    return OwnedAttr::at(builder.getContext(), rank, nodes, axis, extent);
  }

  Value binary(BinaryKind kind, Value lhs, Value rhs, ArrayRef<int64_t> shape, Attribute layout) {
    return builder.create<BinaryOp>(loc, typed(lhs, shape, layout), lhs, rhs, kind);
  }
  Value unary(UnaryKind kind, Value x) {
    return builder.create<UnaryOp>(loc, x.getType(), x, ActAttr::get(builder.getContext(), kind));
  }
  Value reduce(ReduceKind kind, Value x, ArrayRef<int64_t> axes, Attribute layout) {
    SmallVector<int64_t> shape(shapeOf(x));
    for (int64_t axis : axes)
      shape[axis] = 1;
    return builder.create<ReduceOp>(loc, typed(x, shape, layout), x, kind, axes,
                                    /*keepdims=*/true);
  }
  Value reshape(Value x, ArrayRef<int64_t> shape, Attribute layout) {
    int64_t count = tensorType(x).getNumElements();
    return builder.create<RearrangeOp>(loc, typed(x, shape, layout), x,
                                       builder.getDenseI64ArrayAttr({count}),
                                       builder.getDenseI64ArrayAttr({0}));
  }
  Value concat(ArrayRef<Value> values, int64_t axis, Attribute layout) {
    SmallVector<int64_t> shape(shapeOf(values[0]));
    shape[axis] = 0;
    for (Value value : values)
      shape[axis] += shapeOf(value)[axis];
    return builder.create<ConcatOp>(loc, typed(values[0], shape, layout), values,
                                    builder.getI64IntegerAttr(axis));
  }
  /// Columns [first, first + count) of a matrix that every node has.
  Value columns(Value x, int64_t first, int64_t count) {
    return builder.create<SliceOp>(loc, typed(x, {shapeOf(x)[0], count}, everywhere), x,
                                   builder.getDenseI64ArrayAttr({0, first}),
                                   builder.getDenseI64ArrayAttr({1, 1}));
  }
  /// The channels that one node owns of a tensor.
  Value ownedBy(int64_t rank, Value x, int64_t axis, const IndexSet &set) {
    SmallVector<int64_t> shape(shapeOf(x)), indices;
    shape[axis] = set.size();
    set.forEach([&](int64_t channel) { indices.push_back(channel); });
    return builder.create<SelectOp>(loc, typed(x, shape, at(rank, axis, set.size())), x,
                                    builder.getI64IntegerAttr(axis),
                                    builder.getDenseI64ArrayAttr(indices));
  }
  Value constant(Type element, ArrayRef<int64_t> shape, ArrayRef<double> reals) {
    ConstantBuilder values(RankedTensorType::get(shape, element));
    for (auto [i, real] : llvm::enumerate(reals))
      values.setReal(static_cast<int64_t>(i), real);
    auto attr = values.finish();
    return builder.create<ConstantOp>(loc, RankedTensorType::get(shape, element), attr,
                                      ArrayAttr());
  }

  OpBuilder builder;
  Location loc;
  int64_t nodes;
  OwnedAttr everywhere;

private:
  static RankedTensorType typed(Value like, ArrayRef<int64_t> shape, Attribute layout) {
    return RankedTensorType::get(shape, tensorType(like).getElementType(), layout);
  }
};

/// The statistics of one tensor that is reduced over its divided axis.
class Statistics {
public:
  using Local = function_ref<SmallVector<Value>(Value part)>;

  /// `name` is that of the result.
  Statistics(Maker &make, Value x, ArrayRef<int64_t> axes, StringRef name)
      : make(make), x(x), axes(axes), name(name), owners(ownersOf(x)) {
    for (auto [axis, extent] : llvm::enumerate(shapeOf(x))) {
      bool reduced = llvm::is_contained(axes, static_cast<int64_t>(axis));
      keptShape.push_back(reduced ? 1 : extent);
      rows *= keptShape.back();
    }
  }

  /// Every owner computes `local` of its channels; all nodes get all of it. Returns one matrix
  /// [owners, rows] for each local statistic.
  SmallVector<Value> exchange(Local local) {
    SmallVector<Value> parts;
    size_t count = 0;
    int64_t extent = shapeOf(x)[owners.getAxis()];
    for (int64_t rank = 0; rank < make.nodes; ++rank) {
      IndexSet set = owners.getSet(rank);
      if (set.empty())
        continue;
      shares.push_back(static_cast<double>(set.size()) / static_cast<double>(extent));
      SmallVector<Value> flat;
      for (Value statistic : local(make.ownedBy(rank, x, owners.getAxis(), set)))
        flat.push_back(make.reshape(statistic, {1, rows}, make.at(rank)));
      count = flat.size();
      Value part = flat.size() == 1 ? flat[0] : make.concat(flat, 1, make.at(rank));
      nameStatistic(part, rank);
      parts.push_back(part);
    }
    Value all = make.concat(parts, 0, make.everywhere);
    if (count == 1)
      return {all};
    SmallVector<Value> matrices;
    for (size_t i = 0; i < count; ++i)
      matrices.push_back(make.columns(all, static_cast<int64_t>(i) * rows, rows));
    return matrices;
  }

  /// The share of each owner in all channels, as a column.
  Value shareColumn() {
    return make.constant(tensorType(x).getElementType(), {static_cast<int64_t>(shares.size()), 1},
                         shares);
  }
  /// Merges a matrix [owners, rows] into one row, in rank order.
  Value merge(ReduceKind kind, Value matrix) {
    return make.reduce(kind, matrix, {0}, make.everywhere);
  }
  Value weighted(Value matrix) {
    return merge(ReduceKind::Sum, make.binary(BinaryKind::Mul, matrix, shareColumn(),
                                              shapeOf(matrix), make.everywhere));
  }
  Value kept(Value row) { return make.reshape(row, keptShape, make.everywhere); }
  ArrayRef<int64_t> reducedAxes() const { return axes; }

private:
  void nameStatistic(Value part, int64_t rank) {
    Operation *op = part.getDefiningOp();
    op->setAttr(kTensorAttr, make.builder.getStringAttr(name + " of node " + std::to_string(rank)));
    op->setAttr(kRouteKindAttr,
                RouteKindAttr::get(make.builder.getContext(), RouteKind::Statistic));
  }

  Maker &make;
  Value x;
  SmallVector<int64_t> axes, keptShape;
  std::string name;
  OwnedAttr owners;
  int64_t rows = 1;
  SmallVector<double> shares;
};

class ReductionDivider {
public:
  ReductionDivider(func::FuncOp function, int64_t nodes) : function(function), nodes(nodes) {}

  int64_t run() {
    SmallVector<Operation *> found;
    function.walk([&](DivisionOpInterface op) {
      if (runsOverDividedAxis(op))
        found.push_back(op);
    });
    for (Operation *op : found)
      if (!done.contains(op))
        rewrite(op);
    for (Operation *op : llvm::reverse(replaced))
      eraseDead(op);
    return count;
  }

  /// With an exact order no reduction runs over a divided axis, unless a stated owner map says so.
  static LogicalResult checkUndivided(func::FuncOp function) {
    WalkResult walked = function.walk([](DivisionOpInterface op) {
      if (!runsOverDividedAxis(op) || ownersOf(op->getResult(0)).isReplicated())
        return WalkResult::advance();
      op->emitError("the owner map divides the axis that is reduced, which has no exact order; "
                    "state another map for it, or compile without --exact-order");
      return WalkResult::interrupt();
    });
    return failure(walked.wasInterrupted());
  }

private:
  static bool runsOverDividedAxis(DivisionOpInterface op) {
    if (op->getNumOperands() != 1 || isConstant(op->getOperand(0)))
      return false;
    OwnedAttr operand = ownersOf(op->getOperand(0)), result = ownersOf(op->getResult(0));
    if (!operand || !result || !llvm::is_contained(op.getStatisticAxes(), operand.getAxis()))
      return false;
    return result.isReplicated() || result == operand;
  }

  void rewrite(Operation *op) {
    Value result;
    std::string name =
        tensorName(op->getResult(0)).empty() ? opName(op) : tensorName(op->getResult(0)).str();
    Maker make(op, nodes);
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      result = divideSoftmax(softmax, make, name);
    else if (ReduceOp variance = findVariance(cast<ReduceOp>(op)))
      result = divideMoments(cast<ReduceOp>(op), variance, make, name);
    else
      result = divideReduce(cast<ReduceOp>(op), make, name);
    replace(op, result, make);
  }

  void replace(Operation *op, Value by, Maker &make) {
    if (shapeOf(by) != shapeOf(op->getResult(0)))
      by = make.reshape(by, shapeOf(op->getResult(0)), make.everywhere);
    if (auto name = op->getAttr(kTensorAttr))
      by.getDefiningOp()->setAttr(kTensorAttr, name);
    op->getResult(0).replaceAllUsesWith(by);
    replaced.push_back(op);
    done.insert(op);
    ++count;
  }

  static void eraseDead(Operation *op) {
    SmallVector<Operation *> dead{op};
    while (!dead.empty()) {
      Operation *next = dead.pop_back_val();
      if (!next->use_empty())
        continue;
      llvm::SetVector<Operation *> makers;
      for (Value operand : next->getOperands())
        if (isa_and_nonnull<BinaryOp, UnaryOp>(operand.getDefiningOp()))
          makers.insert(operand.getDefiningOp());
      next->erase();
      for (Operation *maker : makers)
        if (maker->use_empty())
          dead.push_back(maker);
    }
  }

  /// The mean of (x - mean)^2 over the same axes, when the program computes it.
  ReduceOp findVariance(ReduceOp mean) {
    if (mean.getKind() != ReduceKind::Mean || !mean.getKeepdims())
      return {};
    for (Operation *user : mean.getResult().getUsers()) {
      auto centred = dyn_cast<BinaryOp>(user);
      if (!centred || centred.getKind() != BinaryKind::Sub || centred.getLhs() != mean.getX())
        continue;
      for (Operation *square : centred.getResult().getUsers())
        if (isSquare(square))
          for (Operation *reader : square->getResult(0).getUsers())
            if (auto variance = dyn_cast<ReduceOp>(reader);
                variance && variance.getKind() == ReduceKind::Mean &&
                variance.getAxes() == mean.getAxes() && runsOverDividedAxis(variance) &&
                ownersOf(variance.getX()) == ownersOf(mean.getX()))
              return variance;
    }
    return {};
  }

  static bool isSquare(Operation *op) {
    auto binary = dyn_cast<BinaryOp>(op);
    if (!binary)
      return false;
    if (binary.getKind() == BinaryKind::Mul)
      return binary.getLhs() == binary.getRhs();
    auto exponent = binary.getRhs().getDefiningOp<ConstantOp>();
    if (binary.getKind() != BinaryKind::Pow || !exponent)
      return false;
    ConstantView view(exponent.getResult());
    return view.isValid() && view.size() == 1 && view.real(0) == 2.0;
  }

  Value divideMoments(ReduceOp mean, ReduceOp variance, Maker &make, StringRef name) {
    Statistics statistics(make, mean.getX(), mean.getAxes(), name);
    ArrayRef<int64_t> axes = mean.getAxes();
    SmallVector<Value> all = statistics.exchange([&](Value part) -> SmallVector<Value> {
      auto layout = ownersOf(part);
      OwnedAttr single = OwnedAttr::get(part.getContext(), -1, singleOwner(layout));
      Value own = make.reduce(ReduceKind::Mean, part, axes, single);
      Value centred = make.binary(BinaryKind::Sub, part, own, shapeOf(part), layout);
      Value square = make.binary(BinaryKind::Mul, centred, centred, shapeOf(part), layout);
      return {own, make.reduce(ReduceKind::Mean, square, axes, single)};
    });
    Value merged = statistics.weighted(all[0]);
    auto wide = [&](BinaryKind kind, Value a, Value b) {
      return make.binary(kind, a, b, shapeOf(all[0]), make.everywhere);
    };
    Value distance = wide(BinaryKind::Sub, all[0], merged);
    Value spread = wide(BinaryKind::Add, all[1], wide(BinaryKind::Mul, distance, distance));
    replace(variance, statistics.kept(statistics.weighted(spread)), make);
    return statistics.kept(merged);
  }

  Value divideReduce(ReduceOp op, Maker &make, StringRef name) {
    Statistics statistics(make, op.getX(), op.getAxes(), name);
    ReduceKind kind = op.getKind(), local = kind, merging = kind;
    if (kind == ReduceKind::L2)
      local = ReduceKind::SumSquare;
    if (kind == ReduceKind::LogSum)
      local = ReduceKind::Sum;
    if (!llvm::is_contained({ReduceKind::Max, ReduceKind::Min, ReduceKind::Prod}, kind))
      merging = ReduceKind::Sum;
    Value all = statistics.exchange([&](Value part) -> SmallVector<Value> {
      OwnedAttr single = OwnedAttr::get(part.getContext(), -1, singleOwner(ownersOf(part)));
      return {make.reduce(local, part, op.getAxes(), single)};
    })[0];
    Value merged =
        kind == ReduceKind::Mean ? statistics.weighted(all) : statistics.merge(merging, all);
    if (kind == ReduceKind::L2)
      merged = make.unary(UnaryKind::Sqrt, merged);
    if (kind == ReduceKind::LogSum)
      merged = make.unary(UnaryKind::Log, merged);
    return statistics.kept(merged);
  }

  /// exp(x - max) / sum, the maximum and the sum merged from those of the parts.
  Value divideSoftmax(SoftmaxOp op, Maker &make, StringRef name) {
    SmallVector<int64_t> axes = op.getStatisticAxes();
    Statistics statistics(make, op.getX(), axes, name);
    SmallVector<Value> all = statistics.exchange([&](Value part) -> SmallVector<Value> {
      auto layout = ownersOf(part);
      OwnedAttr single = OwnedAttr::get(part.getContext(), -1, singleOwner(layout));
      Value most = make.reduce(ReduceKind::Max, part, axes, single);
      Value shifted = make.binary(BinaryKind::Sub, part, most, shapeOf(part), layout);
      return {most,
              make.reduce(ReduceKind::Sum, make.unary(UnaryKind::Exp, shifted), axes, single)};
    });
    Value most = statistics.merge(ReduceKind::Max, all[0]);
    auto wide = [&](BinaryKind kind, Value a, Value b) {
      return make.binary(kind, a, b, shapeOf(all[0]), make.everywhere);
    };
    Value scale = make.unary(UnaryKind::Exp, wide(BinaryKind::Sub, all[0], most));
    Value sum =
        statistics.kept(statistics.merge(ReduceKind::Sum, wide(BinaryKind::Mul, all[1], scale)));
    ArrayRef<int64_t> shape = shapeOf(op.getX());
    Attribute layout = ownersOf(op.getX());
    Value shifted = make.binary(BinaryKind::Sub, op.getX(), statistics.kept(most), shape, layout);
    if (op.getLog())
      return make.binary(BinaryKind::Sub, shifted, make.unary(UnaryKind::Log, sum), shape, layout);
    return make.binary(BinaryKind::Div, make.unary(UnaryKind::Exp, shifted), sum, shape, layout);
  }

  /// The sets of a tensor that is not divided and belongs to the one owner of another.
  static SmallVector<IndexSet> singleOwner(OwnedAttr layout) {
    SmallVector<IndexSet> sets;
    for (SetAttr set : layout.getSets())
      sets.push_back(set.getSet().empty() ? IndexSet() : IndexSet::all(1));
    return sets;
  }

  func::FuncOp function;
  int64_t nodes, count = 0;
  DenseSet<Operation *> done;
  SmallVector<Operation *> replaced;
};

struct DivideReductionsPass : disco::impl::DivideReductionsBase<DivideReductionsPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    if (inExactOrder(function)) {
      if (failed(ReductionDivider::checkUndivided(function)))
        signalPassFailure();
      return;
    }
    numReductions = ReductionDivider(function, nodesOf(getOperation())).run();
  }
};

} // namespace
