//===- Rearrange.cpp - reshape, transpose, reshape ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/RearrangeFactors.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

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

LogicalResult RearrangeOp::verify() {
  ArrayRef<int64_t> view = getView(), perm = getPerm();
  SmallVector<bool> seen(view.size(), false);
  if (perm.size() != view.size())
    return emitOpError("perm must have one entry for each dimension of the view");
  for (int64_t p : perm) {
    if (p < 0 || p >= static_cast<int64_t>(view.size()) || seen[p])
      return emitOpError("perm is not a permutation");
    seen[p] = true;
  }
  int64_t count = 1;
  for (int64_t extent : view)
    count *= extent;
  if (count != tensorType(getX()).getNumElements() ||
      count != tensorType(getResult()).getNumElements())
    return emitOpError("operand, view and result must have the same number of elements");
  return success();
}

/// `from` and `to` have the same elements in the same order; along the dimensions of `from` that
/// `repeated` names they are all the same. Says the same of `to`.
static SmallVector<bool> repeatedIn(ArrayRef<int64_t> to, ArrayRef<int64_t> from,
                                    ArrayRef<bool> repeated) {
  SmallVector<int64_t> toStrides = stridesOf(to), fromStrides = stridesOf(from);
  // Dimensions without a common refinement mix what is repeated with what is not.
  SmallVector<int64_t> borders(toStrides);
  llvm::append_range(borders, fromStrides);
  llvm::sort(borders);
  for (size_t i = 1; i < borders.size(); ++i)
    if (borders[i] % borders[i - 1] != 0)
      return SmallVector<bool>(to.size(), llvm::all_of(llvm::enumerate(repeated), [&](auto one) {
                                 return one.value() || from[one.index()] == 1;
                               }));
  SmallVector<bool> result(to.size(), true);
  for (size_t i = 0; i < to.size(); ++i)
    for (size_t j = 0; j < from.size(); ++j) {
      bool overlap = std::max(toStrides[i], fromStrides[j]) <
                     std::min(toStrides[i] * to[i], fromStrides[j] * from[j]);
      result[i] &= !overlap || repeated[j];
    }
  return result;
}

/// The shape in which the op's result is stored when its operand is stored in `stored`.
static Shape rearrangedShape(RearrangeOp op, ArrayRef<int64_t> stored) {
  Shape shape(shapeOf(op.getResult()));
  if (product(shape) == 0)
    return shape;
  SmallVector<bool> repeated, permuted;
  for (int64_t extent : stored)
    repeated.push_back(extent == 1);
  Shape permutedShape;
  repeated = repeatedIn(op.getView(), shapeOf(op.getX()), repeated);
  for (int64_t p : op.getPerm()) {
    permutedShape.push_back(op.getView()[p]);
    permuted.push_back(repeated[p]);
  }
  for (auto [extent, one] : llvm::zip(shape, repeatedIn(shape, permutedShape, permuted)))
    extent = one ? 1 : extent;
  return shape;
}

OpFoldResult RearrangeOp::fold(FoldAdaptor adaptor) {
  bool ordered = isView();
  if (ordered && getX().getType() == getType())
    return getX();
  auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getX());
  if (!value)
    return {};
  SmallVector<int64_t> own = storedShape(value, shapeOf(getX()));
  Shape stored = rearrangedShape(*this, own);
  if (ordered && product(stored) == product(own))
    return reshaped(value, stored);
  SmallVector<int64_t> strides = stridesOf(getView()), permuted;
  for (int64_t p : getPerm())
    permuted.push_back(getView()[p]);
  // The result's linear index is that of the permuted view.
  SmallVector<int64_t> permutedStrides = stridesOf(permuted);
  return moveElements(*this, value, getX(), stored, 0, [&](int64_t linear, ArrayRef<int64_t>) {
    int64_t from = 0;
    for (size_t i = 0; i < permuted.size(); ++i)
      from += linear / permutedStrides[i] % permuted[i] * strides[getPerm()[i]];
    return from;
  });
}

Divisions RearrangeOp::divide(int64_t axis) {
  Divisions ways;
  for (int64_t operandAxis = 0; operandAxis < rankOf(getX()); ++operandAxis) {
    std::optional<SharedFactor> shared = findSharedFactor(*this, axis, operandAxis);
    if (!shared || shared->operandAxis != operandAxis)
      continue;
    Division way;
    way.operands.push_back(OperandNeed::along(operandAxis, shared->relation));
    way.onlyFollowing = shapeOf(getResult())[axis] == 1;
    ways.add(std::move(way));
  }
  return ways;
}

bool RearrangeOp::isMovement() { return true; }

bool RearrangeOp::isView() {
  int64_t before = -1;
  for (int64_t p : getPerm()) {
    if (getView()[p] == 1)
      continue;
    if (p < before)
      return false;
    before = p;
  }
  return true;
}

bool RearrangeOp::relabels(int64_t axis) {
  if (shapeOf(getX()) != shapeOf(getResult()) || shapeOf(getResult())[axis] == 1)
    return false;
  std::optional<SharedFactor> shared = findSharedFactor(*this, axis, axis);
  if (!shared || shared->operandAxis != axis || !shared->permuted)
    return false;
  // The other factors must stay in order, before and after those of the axis.
  int64_t before = -1;
  for (int64_t p : getPerm()) {
    if (getView()[p] == 1 || llvm::is_contained(shared->factors, static_cast<size_t>(p)))
      continue;
    if (p < before)
      return false;
    before = p;
  }
  return true;
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

void RearrangeOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(getView()), shape, steps;
  for (int64_t p : getPerm()) {
    shape.push_back(getView()[p]);
    steps.push_back(strides[p]);
  }
  addStrided(call, getResult(), getX(), shape, steps, 0);
}
