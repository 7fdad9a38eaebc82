//===- SimplifyRearrange.cpp - chains of rearrangements become one --------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "passes/BufferPlan.h"
#include "passes/SimplifyPatterns.h"

using namespace mlir;
using namespace disco;

namespace {

/// A common refinement of two factorisations of the same number: for each piece the factor of `a`
/// and of `b` that it belongs to.
struct Piece {
  int64_t extent;
  size_t a, b;
};

std::optional<SmallVector<Piece>> refine(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<Piece> pieces;
  size_t i = 0, j = 0;
  int64_t restA = a.empty() ? 1 : a[0], restB = b.empty() ? 1 : b[0];
  // Extents are cut from the outside in: the outer part of a factor comes first.
  while (i < a.size() && j < b.size()) {
    int64_t cut = std::min(restA, restB);
    if (cut == 0 || restA % cut != 0 || restB % cut != 0)
      return std::nullopt;
    pieces.push_back({cut, i, j});
    restA /= cut;
    restB /= cut;
    bool nextA = restA == 1, nextB = restB == 1;
    if (nextA && ++i < a.size())
      restA = a[i];
    if (nextB && ++j < b.size())
      restB = b[j];
  }
  for (; i < a.size(); ++i)
    if (a[i] != 1)
      return std::nullopt;
  for (; j < b.size(); ++j)
    if (b[j] != 1)
      return std::nullopt;
  return pieces;
}

struct ComposeRearranges final : OpRewritePattern<RearrangeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RearrangeOp op, PatternRewriter &rewriter) const override {
    auto first = op.getX().getDefiningOp<RearrangeOp>();
    // A copy that others read too is not made twice.
    if (!first || (!first->hasOneUse() && !isView(first)) || first->hasAttr(kOwnersAttr))
      return failure();
    SmallVector<int64_t> between;
    for (int64_t p : first.getPerm())
      between.push_back(first.getView()[p]);
    auto pieces = refine(between, op.getView());
    if (!pieces)
      return failure();
    // Pieces by factor of the first view, in that view's order, give the new view.
    SmallVector<int64_t> view, number(pieces->size());
    for (size_t factor = 0; factor < first.getView().size(); ++factor)
      for (auto [i, piece] : llvm::enumerate(*pieces))
        if (static_cast<size_t>(first.getPerm()[piece.a]) == factor) {
          number[i] = static_cast<int64_t>(view.size());
          view.push_back(piece.extent);
        }
    SmallVector<int64_t> perm;
    for (int64_t p : op.getPerm())
      for (auto [i, piece] : llvm::enumerate(*pieces))
        if (piece.b == static_cast<size_t>(p))
          perm.push_back(number[i]);
    auto composed = rewriter.create<RearrangeOp>(op.getLoc(), op.getType(), first.getX(),
                                                 rewriter.getDenseI64ArrayAttr(view),
                                                 rewriter.getDenseI64ArrayAttr(perm));
    takeOver(rewriter, op, composed);
    rewriter.replaceOp(op, composed);
    return success();
  }
};

/// conv(pad(x)) with zeros in space only.
struct PadIntoConv final : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto pad = op.getX().getDefiningOp<PadOp>();
    double nothing = op.getQuant() ? static_cast<double>(op.getQuant()->getXZero()) : 0;
    if (!pad || pad.getMode() != PadMode::Constant || numberOf(pad.getValue()) != nothing ||
        pad->hasAttr(kOwnersAttr))
      return failure();
    ArrayRef<int64_t> border = pad.getPads();
    size_t rank = border.size() / 2;
    if (border[0] || border[1] || border[rank] || border[rank + 1] ||
        llvm::any_of(border, [](int64_t p) { return p < 0; }))
      return failure();
    SmallVector<int64_t> pads(op.getPads());
    for (size_t i = 0; i + 2 < rank; ++i) {
      pads[i] += border[i + 2];
      pads[i + rank - 2] += border[i + rank + 2];
    }
    rewriter.modifyOpInPlace(op, [&] {
      op.getXMutable().set(pad.getX());
      op.setPads(pads);
    });
    return success();
  }
};

/// conv(cast(x)) of half floats: the kernel widens what it reads, and the narrow features may
/// travel.
struct WideningIntoConv final : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto cast = op.getX().getDefiningOp<CastOp>();
    if (!cast || !tensorType(cast.getX()).getElementType().isF16() || cast->hasAttr(kOwnersAttr) ||
        !tensorType(op.getResult()).getElementType().isF32())
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getXMutable().set(cast.getX()); });
    return success();
  }
};

/// add(expand(x), y) where y is as large as the sum: the op repeats x itself, and x travels once.
struct ExpandIntoBinary final : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    for (unsigned side : {0, 1}) {
      auto expand = op->getOperand(side).getDefiningOp<ExpandOp>();
      if (!expand || expand->hasAttr(kOwnersAttr) ||
          shapeOf(op->getOperand(1 - side)) != shapeOf(op.getResult()))
        continue;
      rewriter.modifyOpInPlace(op, [&] { op->setOperand(side, expand.getX()); });
      return success();
    }
    return failure();
  }
};

/// What has no element needs no op.
struct EmptyIntoConstant final : RewritePattern {
  explicit EmptyIntoConstant(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), PatternBenefit(1), context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !isa<DivisionOpInterface>(op) || isa<ConstantOp>(op))
      return failure();
    RankedTensorType type = tensorType(op->getResult(0));
    if (type.getNumElements() != 0)
      return failure();
    rewriter.replaceOpWithNewOp<ConstantOp>(op, type, ConstantBuilder(type).finish(), ArrayAttr());
    return success();
  }
};

} // namespace

void disco::populateRearrangePatterns(RewritePatternSet &patterns) {
  patterns
      .add<ComposeRearranges, PadIntoConv, WideningIntoConv, ExpandIntoBinary, EmptyIntoConstant>(
          patterns.getContext());
}
