//===- SimplifyQuantMovement.cpp - integers move instead of reals ---------===//
// SPDX-License-Identifier: Apache-2.0
//
// Ops that only move elements, or choose among them, do so with the integers: a dequantize before
// them goes behind them, a quantize behind them before them.
#include "compiler/dialect/Quantization.h"
#include "passes/SimplifyPatterns.h"
#include "passes/SimplifyQuantValues.h"

using namespace mlir;
using namespace disco;

namespace {

/// Whether an op's result has no elements but those of its operand; integers that are greater stand
/// for greater reals.
bool choosesElements(Operation *op) {
  if (auto pool = dyn_cast<PoolOp>(op))
    return pool.getKind() == PoolKind::Max;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Max || reduce.getKind() == ReduceKind::Min;
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == ResizeMode::Nearest &&
           resize.getCoordinates() != CoordinateMode::TfCropAndResize;
  if (auto pad = dyn_cast<PadOp>(op))
    return pad.getMode() != PadMode::Constant;
  return isa<RearrangeOp, SliceOp, SelectOp, ExpandOp, GatherOp>(op);
}

/// The op on other operands; its result has their element type.
Operation *cloneOn(PatternRewriter &rewriter, Operation *op, ValueRange operands) {
  Operation *clone = rewriter.clone(*op);
  clone->setOperands(operands);
  auto type = tensorType(op->getResult(0));
  clone->getResult(0).setType(
      RankedTensorType::get(type.getShape(), tensorType(operands[0]).getElementType()));
  return clone;
}

/// A name for the integers of a tensor.
void nameIntegers(Operation *integers, Operation *reals) {
  auto name = reals->getAttrOfType<StringAttr>(kTensorAttr);
  if (name)
    integers->setAttr(kTensorAttr,
                      StringAttr::get(name.getContext(), name.getValue() + " (quantised)"));
}

struct DequantizeLater final : RewritePattern {
  explicit DequantizeLater(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    auto pad = dyn_cast<PadOp>(op);
    auto concat = dyn_cast<ConcatOp>(op);
    if ((!choosesElements(op) && !pad && !concat) || op->hasAttr(kQuantAttr))
      return failure();
    SmallVector<Value> operands(op->getOperands());
    DequantizeOp first;
    for (unsigned k = 0; k < (concat ? operands.size() : 1); ++k) {
      auto made = operands[k].getDefiningOp<DequantizeOp>();
      std::optional<TensorScale> scale = made ? tensorScaleOf(made) : std::nullopt;
      if (!scale || made->hasAttr(kOwnersAttr) || !isByte(made.getX()) ||
          (first && !(tensorScaleOf(first) == scale)) ||
          (first &&
           tensorType(first.getX()).getElementType() != tensorType(made.getX()).getElementType()))
        return failure();
      if (!first)
        first = made;
      operands[k] = made.getX();
    }
    // A constant is folded where it is.
    if (!concat && isConstant(first.getX()) && !isa<RearrangeOp>(op))
      return failure();
    TensorScale scale = *tensorScaleOf(first);
    int64_t border = 0;
    if (pad && pad.getMode() == PadMode::Constant) {
      auto value = static_cast<float>(numberOf(pad.getValue()));
      border = quantized(value, scale.scale, scale.zero,
                         rangeOf(tensorType(first.getX()).getElementType()));
      if (dequantized(border, scale.scale, scale.zero) != value)
        return failure();
    }
    Operation *moved = cloneOn(rewriter, op, operands);
    if (pad && pad.getMode() == PadMode::Constant)
      cast<PadOp>(moved).setValueAttr(rewriter.getI64IntegerAttr(border));
    nameIntegers(moved, op);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    auto later = rewriter.create<DequantizeOp>(
        op->getLoc(), type, moved->getResult(0), onceFor(first.getScale(), rewriter),
        first.getZero() ? onceFor(first.getZero(), rewriter) : Value());
    if (Attribute name = op->getAttr(kTensorAttr))
      later->setAttr(kTensorAttr, name);
    rewriter.replaceOp(op, later);
    return success();
  }

private:
  /// A scale that is the same everywhere, as a scalar that fits every shape.
  static Value onceFor(Value constant, PatternRewriter &rewriter) {
    ConstantView view(constant);
    auto type = RankedTensorType::get({}, tensorType(constant).getElementType());
    ConstantBuilder one(type);
    one.setBytes(0, view.bytes(0));
    return rewriter.create<ConstantOp>(constant.getLoc(), type, one.finish(), ArrayAttr());
  }
};

struct QuantizeEarlier final : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    Operation *made = op.getX().getDefiningOp();
    auto concat = dyn_cast_or_null<ConcatOp>(made);
    std::optional<TensorScale> scale = tensorScaleOf(op);
    if (!made || !made->hasOneUse() || made->hasAttr(kOwnersAttr) || !scale ||
        (!concat && !choosesElements(made)) || isa<GatherOp, ExpandOp, PadOp, ResizeOp>(made) ||
        tensorType(op.getScale()).getRank() != 0 ||
        (op.getZero() && tensorType(op.getZero()).getRank() != 0))
      return failure();
    // Of an input of the model nothing is gained.
    if (!concat && !comesFromQuantized(made->getOperand(0)))
      return failure();
    Type element = tensorType(op.getResult()).getElementType();
    SmallVector<Value> operands;
    for (Value operand : made->getOperands()) {
      auto early =
          rewriter.create<QuantizeOp>(op.getLoc(), RankedTensorType::get(shapeOf(operand), element),
                                      operand, op.getScale(), op.getZero());
      if (Operation *source = operand.getDefiningOp())
        nameIntegers(early, source);
      operands.push_back(early);
    }
    Operation *moved = cloneOn(rewriter, made, operands);
    takeOver(rewriter, op, moved);
    rewriter.replaceOp(op, moved->getResults());
    return success();
  }

private:
  /// Whether a value is computed by what becomes integer arithmetic when a quantize follows it.
  static bool comesFromQuantized(Value value) {
    for (int depth = 0; depth < 16; ++depth) {
      Operation *op = value.getDefiningOp();
      if (!op || op->getNumOperands() == 0)
        return false;
      if (isa<DequantizeOp>(op))
        return true;
      value = op->getOperand(0);
      if (isa<BinaryOp>(op) && isConstant(value))
        value = op->getOperand(1);
    }
    return false;
  }
};

/// Of a picture the bytes are transposed or reshaped, not what is looked up for them.
struct LookupLater final : OpRewritePattern<RearrangeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RearrangeOp op, PatternRewriter &rewriter) const override {
    auto first = op.getX().getDefiningOp<LookupOp>();
    if (!first || !first->hasOneUse() || first->hasAttr(kOwnersAttr) ||
        elementBytes(tensorType(first.getResult()).getElementType()) == 1)
      return failure();
    IntegerAttr axis = first.getAxisAttr();
    if (axis) {
      const auto *at = llvm::find(op.getPerm(), axis.getInt());
      if (op.getView() != shapeOf(op.getX()) ||
          shapeOf(op.getResult()).size() != op.getPerm().size())
        return failure(); // more than a transpose
      axis = rewriter.getI64IntegerAttr(at - op.getPerm().begin());
    }
    Operation *moved = cloneOn(rewriter, op, first.getX());
    nameIntegers(moved, op);
    auto later = rewriter.create<LookupOp>(op.getLoc(), op.getType(), moved->getResult(0),
                                           first.getTable(), axis);
    if (Attribute name = op->getAttr(kTensorAttr))
      later->setAttr(kTensorAttr, name);
    rewriter.replaceOp(op, later);
    return success();
  }
};

} // namespace

void disco::populateQuantMovementPatterns(RewritePatternSet &patterns) {
  patterns.add<DequantizeLater, QuantizeEarlier, LookupLater>(patterns.getContext());
}
