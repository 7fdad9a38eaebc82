//===- SimplifyAffine.cpp - affine ops move into contractions -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "mlir/IR/Matchers.h"
#include "passes/SimplifyPatterns.h"

using namespace mlir;
using namespace disco;

bool disco::takeOver(PatternRewriter &rewriter, Operation *replaced, Operation *fused) {
  Attribute stated = replaced->getAttr(kOwnersAttr), own = fused->getAttr(kOwnersAttr);
  if (stated && own && stated != own)
    return false;
  rewriter.modifyOpInPlace(fused, [&] {
    if (stated)
      fused->setAttr(kOwnersAttr, stated);
    if (Attribute name = replaced->getAttr(kTensorAttr))
      fused->setAttr(kTensorAttr, name);
  });
  return true;
}

namespace {

/// y -> scale * y + shift on every output channel.
struct Affine {
  std::vector<double> scale, shift;
};

/// The values of a constant that is broadcast over everything but one axis of `shape`; empty when
/// it is not of that form.
std::vector<double> perChannel(Value constant, ArrayRef<int64_t> shape, int64_t axis) {
  if (!isConstant(constant) || shapeOf(constant).size() > shape.size())
    return {};
  ConstantView view(constant);
  ArrayRef<int64_t> own = view.getStoredShape();
  for (size_t i = 0; i < own.size(); ++i) {
    bool channels = static_cast<int64_t>(i + shape.size() - own.size()) == axis;
    if (own[i] != 1 && (!channels || own[i] != shape[axis]))
      return {};
  }
  if (!view.isValid() || view.size() == 0)
    return {};
  ConstantView stored(constant.getDefiningOp<ConstantOp>().getValue(), own);
  std::vector<double> values(shape[axis]);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = stored.real(stored.size() == 1 ? 0 : static_cast<int64_t>(i));
  return values;
}

std::optional<Affine> affineOf(BinaryOp op, bool constantFirst, const std::vector<double> &c) {
  size_t n = c.size();
  Affine affine{std::vector<double>(n, 1), std::vector<double>(n, 0)};
  for (size_t i = 0; i < n; ++i) {
    switch (op.getKind()) {
    case BinaryKind::Add: affine.shift[i] = c[i]; break;
    case BinaryKind::Mul: affine.scale[i] = c[i]; break;
    case BinaryKind::Sub:
      affine.scale[i] = constantFirst ? -1 : 1;
      affine.shift[i] = constantFirst ? c[i] : -c[i];
      break;
    case BinaryKind::Div:
      if (constantFirst)
        return std::nullopt;
      affine.scale[i] = 1 / c[i];
      break;
    default: return std::nullopt;
    }
  }
  return affine;
}

Value makeConstant(PatternRewriter &rewriter, Location loc, RankedTensorType type,
                   ConstantBuilder &values) {
  return rewriter.create<ConstantOp>(loc, type, values.finish(), ArrayAttr());
}

/// Narrow weights are widened when they are scaled, so that nothing is rounded twice.
RankedTensorType widened(RankedTensorType type) {
  return type.getElementType().isF16()
             ? RankedTensorType::get(type.getShape(), Float32Type::get(type.getContext()))
             : type;
}

struct FoldAffine final : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    bool constantFirst = isConstant(op.getLhs());
    Value made = constantFirst ? op.getRhs() : op.getLhs(),
          constant = constantFirst ? op.getLhs() : op.getRhs();
    Operation *producer = made.getDefiningOp();
    auto contraction = dyn_cast_or_null<ContractionOpInterface>(producer);
    std::optional<Contraction> rule = contraction ? contraction.getContraction() : std::nullopt;
    if (!rule || !made.hasOneUse() || producer->hasAttr(kActAttr) ||
        shapeOf(made) != shapeOf(op.getResult()) ||
        !isa<FloatType>(tensorType(made).getElementType()))
      return failure();
    // Operands are x, weights, bias?, and neither a sum so far nor a residual.
    bool hasBias = isa<ConvOp>(producer) ? bool(cast<ConvOp>(producer).getBias())
                                         : bool(cast<MatMulOp>(producer).getBias());
    if (producer->getNumOperands() != (hasBias ? 3u : 2u) ||
        (hasBias && !isConstant(producer->getOperand(2))))
      return failure();
    // A bias of many numbers is made for as many rows of weights only.
    ConstantView weightsView(producer->getOperand(rule->weights));
    if (weightsView.getStoredShape()[rule->rowAxis] !=
            shapeOf(producer->getOperand(rule->weights))[rule->rowAxis] &&
        byteSize(tensorType(producer->getOperand(rule->weights))) > kSmallConstantBytes)
      return failure();
    std::vector<double> values = perChannel(constant, shapeOf(made), rule->resultAxis);
    std::optional<Affine> affine =
        values.empty() ? std::nullopt : affineOf(op, constantFirst, values);
    if (!affine ||
        (op->hasAttr(kOwnersAttr) && producer->hasAttr(kOwnersAttr) &&
         op->getAttr(kOwnersAttr) != producer->getAttr(kOwnersAttr)) ||
        !isAffordable(producer->getOperand(rule->weights)))
      return failure();
    rewriter.setInsertionPoint(producer);
    Value weights = scaledWeights(producer, *rule, *affine, rewriter);
    Value bias = shiftedBias(producer, hasBias, *affine, rewriter);
    rewriter.setInsertionPoint(producer);
    SmallVector<Value> operands{producer->getOperand(0), weights, bias};
    OperationState state(producer->getLoc(), producer->getName(), operands,
                         producer->getResultTypes(), producer->getAttrs());
    state.attributes.set(kSegmentsAttr, rewriter.getDenseI32ArrayAttr({1, 1, 1, 0, 0}));
    Operation *fused = rewriter.create(state);
    takeOver(rewriter, op, fused);
    rewriter.replaceOp(op, fused->getResults());
    return success();
  }

  /// Each fold makes the weights anew. A network folds each of its weights once or twice; one that
  /// would fold the same ones thousands of times computes the rest when it runs.
  bool isAffordable(Value weights) const {
    if (!budget) {
      budget = int64_t(1) << 24;
      weights.getParentRegion()->walk([&](ConstantOp constant) {
        *budget += 8 * tensorType(constant.getResult()).getNumElements();
      });
    }
    *budget -= tensorType(weights).getNumElements();
    return *budget >= 0;
  }

  static Value scaledWeights(Operation *producer, const Contraction &rule, const Affine &affine,
                             PatternRewriter &rewriter) {
    Value weights = producer->getOperand(rule.weights);
    if (llvm::all_of(affine.scale, [](double scale) { return scale == 1; }))
      return weights;
    RankedTensorType type = widened(tensorType(weights));
    // What is equal along another axis stays stored once.
    ElementsAttr value = weights.getDefiningOp<ConstantOp>().getValue();
    SmallVector<int64_t> rows = storedShape(value, type.getShape());
    rows[rule.rowAxis] = type.getDimSize(rule.rowAxis);
    ConstantView view(value, rows);
    int64_t inner = 1;
    for (int64_t extent : ArrayRef<int64_t>(rows).drop_front(rule.rowAxis + 1))
      inner *= extent;
    ConstantBuilder builder(RankedTensorType::get(rows, type.getElementType()));
    for (int64_t i = 0; i < view.size(); ++i)
      builder.setReal(i, view.real(i) * affine.scale[i / inner % rows[rule.rowAxis]]);
    return makeConstant(rewriter, weights.getLoc(), type, builder);
  }

  static Value shiftedBias(Operation *producer, bool hasBias, const Affine &affine,
                           PatternRewriter &rewriter) {
    auto type = widened(RankedTensorType::get({static_cast<int64_t>(affine.scale.size())},
                                              tensorType(producer->getResult(0)).getElementType()));
    ConstantBuilder builder(type);
    std::optional<ConstantView> before;
    if (hasBias)
      before.emplace(producer->getOperand(2));
    for (size_t i = 0; i < affine.scale.size(); ++i) {
      int64_t at = static_cast<int64_t>(i);
      builder.setReal(at, (before ? before->real(at) * affine.scale[i] : 0) + affine.shift[i]);
    }
    return makeConstant(rewriter, producer->getLoc(), type, builder);
  }

  /// Elements of weights that may still be made.
  mutable std::optional<int64_t> budget;
};

} // namespace

void disco::populateAffinePatterns(RewritePatternSet &patterns) {
  patterns.add<FoldAffine>(patterns.getContext());
}
