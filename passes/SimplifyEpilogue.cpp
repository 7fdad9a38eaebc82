//===- SimplifyEpilogue.cpp - compound functions and epilogues ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Build.h"
#include "compiler/dialect/Evaluate.h"
#include "passes/Known.h"
#include "passes/SimplifyPatterns.h"
#include <cmath>

using namespace mlir;
using namespace disco;

namespace {

/// The one value of a constant, if it has only one.
std::optional<double> scalarOf(Value value) {
  return isConstant(value) ? ConstantView(value).uniform() : std::nullopt;
}

bool near(std::optional<double> value, double target) {
  return value && std::fabs(*value - target) < 1e-6;
}

bool isFunction(Value value, UnaryKind kind) {
  auto op = value.getDefiningOp<UnaryOp>();
  return op && op.getAct().getKind() == kind;
}

/// x * sigmoid(x) and x * hard_sigmoid(x).
struct RecogniseGated final : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    if (op.getKind() != BinaryKind::Mul)
      return failure();
    for (auto [x, gate] :
         {std::pair<Value, Value>{op.getLhs(), op.getRhs()}, {op.getRhs(), op.getLhs()}}) {
      auto function = gate.getDefiningOp<UnaryOp>();
      if (!function || function.getX() != x || !gate.hasOneUse() || function->hasAttr(kOwnersAttr))
        continue;
      ActAttr act = function.getAct();
      std::optional<UnaryKind> kind;
      if (act.getKind() == UnaryKind::Sigmoid)
        kind = UnaryKind::Silu;
      else if (act.getKind() == UnaryKind::HardSigmoid &&
               std::fabs(act.getAlphaValue() - 1.0 / 6) < 1e-6 && act.getBetaValue() == 0.5)
        kind = UnaryKind::HardSwish;
      if (!kind)
        continue;
      auto fused =
          rewriter.create<UnaryOp>(op.getLoc(), op.getType(), x, ActAttr::get(getContext(), *kind));
      takeOver(rewriter, op, fused);
      rewriter.replaceOp(op, fused);
      return success();
    }
    return failure();
  }
};

/// x * clip(x + 3, 0, 6) / 6, also with a product by 1/6.
struct RecogniseHardSwish final : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    bool sixth = (op.getKind() == BinaryKind::Div && near(scalarOf(op.getRhs()), 6)) ||
                 (op.getKind() == BinaryKind::Mul && near(scalarOf(op.getRhs()), 1.0 / 6));
    auto product = op.getLhs().getDefiningOp<BinaryOp>();
    if (!isa<FloatType>(op.getType().getElementType()) || !sixth || !product ||
        product.getKind() != BinaryKind::Mul || !product->hasOneUse() ||
        shapeOf(product.getResult()) != shapeOf(op.getResult()))
      return failure();
    for (auto [x, gate] : {std::pair<Value, Value>{product.getLhs(), product.getRhs()},
                           {product.getRhs(), product.getLhs()}}) {
      if (!isFunction(gate, UnaryKind::Clip) || !gate.hasOneUse())
        continue;
      auto clip = gate.getDefiningOp<UnaryOp>();
      auto sum = clip.getX().getDefiningOp<BinaryOp>();
      if (!sum || sum.getKind() != BinaryKind::Add || sum.getLhs() != x ||
          !near(scalarOf(sum.getRhs()), 3) || clip.getAct().getAlphaValue() != 0 ||
          clip.getAct().getBetaValue() != 6 || clip->hasAttr(kOwnersAttr) ||
          sum->hasAttr(kOwnersAttr) || product->hasAttr(kOwnersAttr))
        continue;
      auto fused = rewriter.create<UnaryOp>(op.getLoc(), op.getType(), x,
                                            ActAttr::get(getContext(), UnaryKind::HardSwish));
      takeOver(rewriter, op, fused);
      rewriter.replaceOp(op, fused);
      return success();
    }
    return failure();
  }
};

/// A contraction that nothing follows yet, read once, with constant weights.
Operation *openContraction(Value value) {
  Operation *op = value.getDefiningOp();
  auto contraction = dyn_cast_or_null<ContractionOpInterface>(op);
  bool open =
      contraction && contraction.getContraction() && value.hasOneUse() && !op->hasAttr(kActAttr);
  return open && isa<FloatType>(tensorType(value).getElementType()) ? op : nullptr;
}

struct FunctionIntoContraction final : OpRewritePattern<UnaryOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnaryOp op, PatternRewriter &rewriter) const override {
    static constexpr UnaryKind fusable[] = {
        UnaryKind::Relu,      UnaryKind::Clip,     UnaryKind::Sigmoid,   UnaryKind::HardSigmoid,
        UnaryKind::HardSwish, UnaryKind::Tanh,     UnaryKind::LeakyRelu, UnaryKind::Silu,
        UnaryKind::Elu,       UnaryKind::Softplus, UnaryKind::Gelu};
    Operation *contraction = openContraction(op.getX());
    if (!contraction || !llvm::is_contained(fusable, op.getAct().getKind()) ||
        !takeOver(rewriter, op, contraction))
      return failure();
    rewriter.modifyOpInPlace(contraction, [&] { contraction->setAttr(kActAttr, op.getAct()); });
    rewriter.replaceOp(op, contraction->getResults());
    return success();
  }
};

struct ResidualIntoContraction final : OpRewritePattern<BinaryOp> {
  ResidualIntoContraction(MLIRContext *context, Depths &depths)
      : OpRewritePattern(context), depths(depths) {}

  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    if (op.getKind() != BinaryKind::Add)
      return failure();
    Operation *chosen = nullptr;
    Value other;
    for (auto [sum, rest] :
         {std::pair<Value, Value>{op.getLhs(), op.getRhs()}, {op.getRhs(), op.getLhs()}}) {
      Operation *candidate = openContraction(sum);
      bool fits = candidate && !isConstant(rest) && shapeOf(rest) == shapeOf(sum) &&
                  !hasSums(candidate) && !isGrouped(candidate);
      // Of two the one that has to wait longer takes the other's result: a shortcut is there
      // before.
      if (fits && (!chosen || waitsLonger(candidate, chosen)))
        chosen = candidate, other = rest;
    }
    if (!chosen || (op->hasAttr(kOwnersAttr) && chosen->hasAttr(kOwnersAttr)))
      return failure();
    SmallVector<NamedAttribute> attrs;
    for (NamedAttribute attr : chosen->getAttrs())
      if (attr.getName() != kSegmentsAttr)
        attrs.push_back(attr);
    Value bias = chosen->getNumOperands() == 3 ? chosen->getOperand(2) : Value();
    SmallVector<Value> operands = contractionOperands(
        rewriter, chosen->getOperand(0), chosen->getOperand(1), bias, Value(), other, attrs);
    OperationState state(chosen->getLoc(), chosen->getName(), operands, chosen->getResultTypes(),
                         attrs);
    Operation *fused = rewriter.create(state);
    takeOver(rewriter, op, fused);
    rewriter.replaceOp(op, fused->getResults());
    rewriter.eraseOp(chosen);
    return success();
  }

private:
  bool waitsLonger(Operation *a, Operation *b) const {
    int64_t first = depths.of(a), second = depths.of(b);
    return first != second ? first > second : b->isBeforeInBlock(a);
  }

  /// Grouped convolutions may be cut into pieces on a node, so nothing is added to them.
  static bool isGrouped(Operation *op) {
    auto conv = dyn_cast<ConvOp>(op);
    return conv && conv.getGroup() != 1;
  }
  static bool hasSums(Operation *op) {
    auto conv = dyn_cast<ConvOp>(op);
    auto matmul = dyn_cast<MatMulOp>(op);
    return conv ? conv.getInit() || conv.getResidual() : matmul.getInit() || matmul.getResidual();
  }

  Depths &depths;
};

} // namespace

void disco::populateEpiloguePatterns(RewritePatternSet &patterns) {
  patterns.add<RecogniseGated, RecogniseHardSwish>(patterns.getContext(), /*benefit=*/2);
  patterns.add<FunctionIntoContraction>(patterns.getContext());
}

void disco::populateResidualPatterns(RewritePatternSet &patterns, Depths &depths) {
  patterns.add<ResidualIntoContraction>(patterns.getContext(), depths);
}

int64_t Depths::of(Operation *op) {
  return computeKnown(known, op, [&](Operation *next, SmallVectorImpl<Operation *> &missing) {
    int64_t depth = 0;
    for (Value operand : next->getOperands()) {
      Operation *before = operand.getDefiningOp();
      if (!before || isa<ConstantOp>(before))
        continue;
      auto found = known.find(before);
      if (found == known.end())
        missing.push_back(before);
      else
        depth = std::max(depth, found->second);
    }
    return depth + isa<ContractionOpInterface>(next);
  });
}
