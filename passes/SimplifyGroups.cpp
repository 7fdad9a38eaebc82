//===- SimplifyGroups.cpp - normalised groups of channels are divided -----===//
// SPDX-License-Identifier: Apache-2.0
//
// A group normalisation is imported as it is exported: channels are reshaped into groups,
// normalised, and reshaped back. Owners then have whole groups, which leaves nodes idle when groups
// are few. Here the same is computed in the shape of the channels: their own means are all that
// travels, and the mean of a group is the mean of its channels' means.
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/SimplifyPatterns.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace disco;

namespace {

/// A reshape only: nothing is permuted.
bool isReshape(RearrangeOp op) { return llvm::is_sorted(op.getPerm()); }

/// The largest node's share with whole groups is over a tenth more than with single channels.
bool isUneven(int64_t channels, int64_t groups, int64_t nodes) {
  int64_t grouped = llvm::divideCeil(groups, nodes) * (channels / groups);
  return 10 * grouped > 11 * static_cast<int64_t>(llvm::divideCeil(channels, nodes));
}

/// What is computed of channels [B, C, ...] seen as groups [B, G, ...] until they are channels
/// again.
class GroupedRegion {
public:
  explicit GroupedRegion(RearrangeOp regroup)
      : regroup(regroup), channelShape(shapeOf(regroup.getX())), shape(shapeOf(regroup)) {}

  /// Whether `regroup` begins such a region, and its groups are to be divided.
  bool matches() {
    if (!isReshape(regroup) || channelShape.size() < 2 || shape.size() < 3 ||
        channelShape[0] != shape[0] || shape[1] >= channelShape[1] ||
        channelShape[1] % shape[1] != 0 || !isWorthwhile())
      return false;
    grouped.insert(regroup.getResult());
    for (size_t i = 0; i < grouped.size(); ++i)
      for (OpOperand &use : grouped[i].getUses())
        if (!addUse(use.getOwner()))
          return false;
    bool closed = llvm::all_of(ops, [&](Operation *op) {
      return !isa<BinaryOp>(op) || llvm::all_of(op->getOperands(), [&](Value operand) {
        return grouped.contains(operand) || isRow(operand);
      });
    });
    return closed && hasReduction && hasEnd;
  }

  void rewrite(PatternRewriter &rewriter) {
    channels[regroup.getResult()] = regroup.getX();
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto reduce = dyn_cast<ReduceOp>(op))
        rewriter.replaceAllUsesWith(op->getResult(0), meansOfGroups(rewriter, reduce));
      else if (isa<RearrangeOp>(op))
        finish(rewriter, op);
      else
        channels[op->getResult(0)] = inChannels(rewriter, op);
    }
    for (Operation *op : llvm::reverse(ops))
      rewriter.eraseOp(op);
    rewriter.eraseOp(regroup);
  }

private:
  /// A normalisation has a dozen ops: what is much longer is something else, and is not looked
  /// through from every reshape in it.
  static constexpr size_t kMostOps = 200;

  /// With an exact order, sums must not depend on how many nodes there are.
  bool isWorthwhile() const {
    int64_t nodes = nodesOf(regroup->getParentOfType<ModuleOp>());
    return inExactOrder(regroup) ||
           (nodes > 1 && shape[1] > 1 && isUneven(channelShape[1], shape[1], nodes));
  }

  bool addUse(Operation *op) {
    if (op->hasAttr(kOwnersAttr) || op->getBlock() != regroup->getBlock())
      return false;
    if (llvm::is_contained(ops, op))
      return true;
    if (ops.size() == kMostOps)
      return false;
    ops.push_back(op);
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      hasReduction = true;
      return reduce.getKind() == ReduceKind::Mean && reduce.getKeepdims() &&
             tensorType(reduce).getNumElements() == shape[0] * shape[1] &&
             isRow(reduce.getResult());
    }
    if (auto rearrange = dyn_cast<RearrangeOp>(op)) {
      hasEnd = true;
      return isReshape(rearrange) && shapeOf(rearrange) == ArrayRef(channelShape);
    }
    if (!isa<BinaryOp, UnaryOp, CastOp>(op) || shapeOf(op->getResult(0)) != ArrayRef(shape))
      return false;
    grouped.insert(op->getResult(0));
    return true;
  }

  /// One value, or one for each group, of all samples or of each.
  bool isRow(Value value) const {
    ArrayRef<int64_t> row = shapeOf(value);
    if (tensorType(value).getNumElements() == 1)
      return true;
    if (row.size() > shape.size() || row.size() + 1 < shape.size())
      return false;
    bool samples = row.size() == shape.size();
    for (auto [axis, extent] : llvm::enumerate(samples ? row.drop_front() : row))
      if (extent != (axis == 0 ? shape[1] : 1))
        return false;
    return !samples || row[0] == 1 || row[0] == shape[0];
  }

  static RankedTensorType typeOf(Value like, ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, tensorType(like).getElementType());
  }

  static Value reshape(PatternRewriter &rewriter, Location loc, Value x, ArrayRef<int64_t> shape) {
    return rewriter.create<RearrangeOp>(
        loc, typeOf(x, shape), x, rewriter.getDenseI64ArrayAttr({tensorType(x).getNumElements()}),
        rewriter.getDenseI64ArrayAttr({0}));
  }

  static Value mean(PatternRewriter &rewriter, Location loc, Value x, ArrayRef<int64_t> axes) {
    SmallVector<int64_t> shape(shapeOf(x));
    for (int64_t axis : axes)
      shape[axis] = 1;
    return rewriter.create<ReduceOp>(loc, typeOf(x, shape), x, ReduceKind::Mean, axes,
                                     /*keepdims=*/true);
  }

  /// Each channel's mean, then each group's, on every node.
  Value meansOfGroups(PatternRewriter &rewriter, ReduceOp reduce) {
    Value x = channels.lookup(reduce.getX());
    int64_t rank = static_cast<int64_t>(channelShape.size()), groups = shape[1];
    auto inner = llvm::to_vector(llvm::seq<int64_t>(2, rank));
    Value ofChannels = inner.empty() ? x : mean(rewriter, reduce.getLoc(), x, inner);
    Value members = reshape(rewriter, reduce.getLoc(), ofChannels,
                            {shape[0], groups, channelShape[1] / groups});
    if (nodesOf(reduce->getParentOfType<ModuleOp>()) > 1)
      members.getDefiningOp()->setAttr(kReplicatedAttr,
                                       rewriter.getStringAttr("statistics of groups"));
    Value ofGroups = mean(rewriter, reduce.getLoc(), members, {2});
    return reshape(rewriter, reduce.getLoc(), ofGroups, shapeOf(reduce));
  }

  /// A value for each group, as one for each channel.
  Value spread(PatternRewriter &rewriter, Location loc, Value row) {
    int64_t count = tensorType(row).getNumElements();
    if (count == 1)
      return row;
    SmallVector<int64_t> wide(channelShape.size(), 1), indices;
    wide[0] = count / shape[1];
    wide[1] = shape[1];
    for (int64_t channel = 0; channel < channelShape[1]; ++channel)
      indices.push_back(channel / (channelShape[1] / shape[1]));
    return rewriter.create<SelectOp>(loc, reshape(rewriter, loc, row, wide),
                                     rewriter.getI64IntegerAttr(1),
                                     rewriter.getDenseI64ArrayAttr(indices));
  }

  Value inChannels(PatternRewriter &rewriter, Operation *op) {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, grouped.contains(operand) ? channels.lookup(operand)
                                                     : spread(rewriter, op->getLoc(), operand));
    Operation *copy = rewriter.clone(*op, mapping);
    copy->getResult(0).setType(typeOf(op->getResult(0), channelShape));
    return copy->getResult(0);
  }

  void finish(PatternRewriter &rewriter, Operation *end) {
    Value result = channels.lookup(end->getOperand(0));
    if (end->getOperand(0) != regroup.getResult())
      takeOver(rewriter, end, result.getDefiningOp());
    rewriter.replaceAllUsesWith(end->getResult(0), result);
  }

  RearrangeOp regroup;
  SmallVector<int64_t> channelShape, shape;
  llvm::SetVector<Value> grouped;
  SmallVector<Operation *> ops;
  DenseMap<Value, Value> channels;
  bool hasReduction = false, hasEnd = false;
};

struct DivideGroups final : OpRewritePattern<RearrangeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RearrangeOp op, PatternRewriter &rewriter) const override {
    GroupedRegion region(op);
    if (op->hasAttr(kOwnersAttr) || !region.matches())
      return failure();
    region.rewrite(rewriter);
    return success();
  }
};

} // namespace

void disco::populateGroupPatterns(RewritePatternSet &patterns) {
  patterns.add<DivideGroups>(patterns.getContext());
}
