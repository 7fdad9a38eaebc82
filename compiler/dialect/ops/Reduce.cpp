//===- Reduce.cpp - reduction over whole axes -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Support.h"
#include <cmath>

using namespace mlir;
using namespace disco;

/// Integers wrap around, as they do where they are computed.
static int64_t wrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

static int64_t wrappingMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

static int64_t wrappingPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent /= 2, base = wrappingMul(base, base))
    result = exponent % 2 ? wrappingMul(result, base) : result;
  return result;
}

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
  // A reduction over nothing, or over axes of extent 1, is the identity for these kinds.
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  bool product = getKind() == ReduceKind::Prod, sum = getKind() == ReduceKind::Sum,
       mean = getKind() == ReduceKind::Mean;
  bool maximum = getKind() == ReduceKind::Max, minimum = getKind() == ReduceKind::Min;
  if (!value || !(product || sum || maximum || minimum || mean))
    return {};
  // What is repeated along an axis is looked at once, and counts as often as it is there.
  SmallVector<int64_t> read = storedShape(value, shapeOf(getX()));
  ConstantView view(value, read);
  if (!view.isValid() || view.size() == 0)
    return {};
  bool real = isReal(view.getElementType());
  if (mean && !real)
    return {};
  SmallVector<int64_t> kept, stored;
  int64_t times = 1;
  for (auto [axis, extent] : llvm::enumerate(read)) {
    bool reduced = llvm::is_contained(getAxes(), static_cast<int64_t>(axis));
    times *= reduced && extent == 1 ? shapeOf(getX())[axis] : 1;
    kept.push_back(reduced ? 1 : extent);
    if (!reduced || getKeepdims())
      stored.push_back(kept.back());
  }
  std::optional<RankedTensorType> type = foldedType(*this, stored, view.size());
  int64_t count = type->getNumElements();
  SmallVector<double> reals(count, product ? 1 : 0);
  SmallVector<int64_t> integers(count, product ? 1 : 0);
  SmallVector<bool> started(count, false);
  SmallVector<int64_t> strides = stridesOf(kept);
  forEachIndex(read, [&](int64_t linear, ArrayRef<int64_t> index) {
    int64_t to = broadcastIndex(index, kept, strides);
    double r = view.real(linear);
    int64_t i = real ? 0 : view.integer(linear);
    if (sum || mean) {
      reals[to] += r, integers[to] = wrappingAdd(integers[to], i);
    } else if (product) {
      reals[to] *= r, integers[to] = wrappingMul(integers[to], i);
    } else if (!started[to]) {
      reals[to] = r, integers[to] = i;
    } else {
      reals[to] = maximum ? std::max(reals[to], r) : std::min(reals[to], r);
      integers[to] = maximum ? std::max(integers[to], i) : std::min(integers[to], i);
    }
    started[to] = true;
  });
  ConstantBuilder builder(*type);
  double share = mean  ? static_cast<double>(count) / static_cast<double>(view.size())
                 : sum ? static_cast<double>(times)
                       : 1;
  for (int64_t i = 0; i < count; ++i)
    if (real)
      builder.setReal(i, product ? std::pow(reals[i], times) : reals[i] * share);
    else
      builder.setInteger(i, sum       ? wrappingMul(integers[i], times)
                            : product ? wrappingPower(integers[i], times)
                                      : integers[i]);
  return builder.finish();
}

MaybeDivision ReduceOp::divide(int64_t axis, ArrayRef<int64_t>) {
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
  call.use("reduce.h", "reduce");
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
