//===- Reduce.cpp - reduction over whole axes -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Scalars.h"
#include "compiler/dialect/Statistics.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX());
  SmallVector<int64_t> shape;
  for (int64_t axis : op.getAxes())
    if (axis < 0 || axis >= static_cast<int64_t>(x.size()))
      return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ",
                               x.size());
  for (auto [axis, extent] : llvm::enumerate(x)) {
    bool reduced = llvm::is_contained(op.getAxes(), static_cast<int64_t>(axis));
    if (!reduced || op.getKeepdims())
      shape.push_back(reduced ? 1 : extent);
  }
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

OpFoldResult ReduceOp::fold(FoldAdaptor adaptor) {
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  // What is repeated along an axis is looked at once, and counts as often as it is there.
  SmallVector<int64_t> read = storedShape(value, shapeOf(getX()));
  ConstantView view(value, read);
  std::optional<Reduction> reduction = reductionOf(getKind(), view.getElementType());
  if (!view.isValid() || view.size() == 0 || !reduction)
    return {};
  SmallVector<int64_t> kept, stored;
  int64_t times = 1, reduced = 1;
  for (auto [axis, extent] : llvm::enumerate(read)) {
    bool goes = llvm::is_contained(getAxes(), static_cast<int64_t>(axis));
    times *= goes && extent == 1 ? shapeOf(getX())[axis] : 1;
    reduced *= goes ? shapeOf(getX())[axis] : 1;
    kept.push_back(goes ? 1 : extent);
    if (!goes || getKeepdims())
      stored.push_back(kept.back());
  }
  std::optional<RankedTensorType> type = foldedType(*this, stored, view.size());
  int64_t count = type->getNumElements();
  constexpr int64_t bytes = Reduction::kStateBytes;
  std::vector<char> states(static_cast<size_t>(count * bytes));
  for (int64_t i = 0; i < count; ++i)
    reduction->start(&states[i * bytes]);
  SmallVector<int64_t> strides = stridesOf(kept);
  forEachIndex(read, [&](int64_t linear, ArrayRef<int64_t> index) {
    reduction->step(&states[broadcastIndex(index, kept, strides) * bytes], view.bytes(linear));
  });
  ConstantBuilder builder(*type);
  for (int64_t i = 0; i < count; ++i) {
    reduction->repeat(&states[i * bytes], times);
    reduction->finish(builder.bytes(i), &states[i * bytes], reduced);
  }
  return builder.finish();
}

Divisions ReduceOp::divide(int64_t axis) {
  int64_t own = axis;
  if (!getKeepdims())
    for (int64_t reduced : getAxes()) // sorted
      own += reduced <= own;
  if (llvm::is_contained(getAxes(), own))
    return std::nullopt;
  Division division;
  division.operands.push_back(OperandNeed::along(own, Relation::identity(shapeOf(getX())[own])));
  return division;
}

void ReduceOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(shapeOf(getX())), kept, keptStrides, reduced, reducedStrides;
  for (auto [axis, extent] : llvm::enumerate(shapeOf(getX()))) {
    bool goes = llvm::is_contained(getAxes(), static_cast<int64_t>(axis));
    Shape &extents = goes ? reduced : kept, &steps = goes ? reducedStrides : keptStrides;
    // Neighbouring axes with the same fate are one.
    if (!extents.empty() && steps.back() == extent * strides[axis]) {
      extents.back() *= extent;
      steps.back() = strides[axis];
      continue;
    }
    extents.push_back(extent);
    steps.push_back(strides[axis]);
  }
  call.use("reduce");
  if (inExactOrder(*this))
    call.flag("exact", true);
  call.type("x_t", getX()).type("y_t", getResult());
  call.alias("op", "red_" + stringifyReduceKind(getKind()).str());
  call.constant("kept_rank", static_cast<int64_t>(kept.size()))
      .array("kept", kept)
      .array("kept_strides", keptStrides);
  call.constant("reduced_rank", static_cast<int64_t>(reduced.size()))
      .array("reduced", reduced)
      .array("reduced_strides", reducedStrides);
  call.pointers = {getResult(), getX()};
}

SmallVector<int64_t> ReduceOp::getStatisticAxes() {
  // The logarithm of a sum of exponentials would need the maximum first.
  bool merges = isReal(tensorType(getX()).getElementType()) && getKind() != ReduceKind::LogSumExp;
  return merges ? SmallVector<int64_t>(getAxes()) : SmallVector<int64_t>();
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

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

/// The mean of (x - mean)^2 over the same axes, when the program computes it.
static ReduceOp findVariance(ReduceOp mean) {
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

/// A mean and the variance around it travel together.
static void mergeMoments(ReduceOp mean, ReduceOp variance, StatisticsContext &make) {
  Statistics statistics(make, mean.getX(), mean.getAxes());
  ArrayRef<int64_t> axes = mean.getAxes();
  SmallVector<Value> all = statistics.exchange([&](Value part) -> SmallVector<Value> {
    OwnedAttr layout = ownersOf(part), single = make.wholeAt(layout);
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
  make.replace(variance, statistics.kept(statistics.weighted(spread)));
  make.replace(mean, statistics.kept(merged));
}

/// What every owner computes of its channels, and what merges that.
static std::pair<ReduceKind, ReduceKind> localAndMerging(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::Prod: return {kind, kind};
  case ReduceKind::L2: return {ReduceKind::SumSquare, ReduceKind::Sum};
  case ReduceKind::LogSum: return {ReduceKind::Sum, ReduceKind::Sum};
  default: return {kind, ReduceKind::Sum};
  }
}

void ReduceOp::mergeStatistics(StatisticsContext &make) {
  if (ReduceOp variance = findVariance(*this))
    return mergeMoments(*this, variance, make);
  Statistics statistics(make, getX(), getAxes());
  auto [local, merging] = localAndMerging(getKind());
  Value all = statistics.exchange([&, local = local](Value part) -> SmallVector<Value> {
    return {make.reduce(local, part, getAxes(), make.wholeAt(ownersOf(part)))};
  })[0];
  Value merged =
      getKind() == ReduceKind::Mean ? statistics.weighted(all) : statistics.merge(merging, all);
  if (getKind() == ReduceKind::L2)
    merged = make.unary(UnaryKind::Sqrt, merged);
  if (getKind() == ReduceKind::LogSum)
    merged = make.unary(UnaryKind::Log, merged);
  make.replace(*this, statistics.kept(merged));
}
