//===- SimplifyRepeated.cpp - products with repeated weights --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Build.h"
#include "compiler/dialect/Evaluate.h"
#include "passes/SimplifyPatterns.h"

using namespace mlir;
using namespace disco;

namespace {

/// a b where all columns of b are the same, or all rows: one column is computed, or the sum of each
/// row of a stands for its product with a row of b.
struct RepeatedWeights final : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    auto weights = op.getB().getDefiningOp<ConstantOp>();
    RankedTensorType type = tensorType(op.getB());
    bool plain = weights && !weights.getView() && type.getRank() == 2 && !op.getTransA() &&
                 !op.getQuant() && !op.getAct() && !op.getInit() && !op.getResidual();
    if (!plain || op->hasAttr(kStatedMaskAttr) || byteSize(type) <= kSmallConstantBytes ||
        tensorType(op.getA()).getElementType() != type.getElementType())
      return failure();
    SmallVector<int64_t> stored = storedShape(weights.getValue(), type.getShape());
    int64_t columnAxis = op.getTransB() ? 0 : 1, k = type.getDimSize(1 - columnAxis);
    bool sameRows = stored[1 - columnAxis] == 1 && k > 1,
         sameColumns = stored[columnAxis] == 1 && type.getDimSize(columnAxis) > 1;
    if (!sameRows && !sameColumns)
      return failure();
    Value one = sameRows ? sumTimesRow(op, weights, stored[columnAxis], rewriter)
                         : oneColumn(op, weights, stored, rewriter);
    if (op.getBias())
      one = rewriter.create<BinaryOp>(op.getLoc(), sumType(op, one, op.getBias()), one,
                                      op.getBias(), BinaryKind::Add);
    if (shapeOf(one) != shapeOf(op.getResult()))
      one = rewriter.create<ExpandOp>(op.getLoc(), op.getType(), one);
    takeOver(rewriter, op, one.getDefiningOp());
    rewriter.replaceOp(op, one);
    return success();
  }

  /// The result with another last extent.
  static RankedTensorType withColumns(MatMulOp op, int64_t columns) {
    SmallVector<int64_t> shape(shapeOf(op.getResult()));
    shape.back() = columns;
    return RankedTensorType::get(shape, tensorType(op.getResult()).getElementType());
  }
  static RankedTensorType sumType(MatMulOp op, Value one, Value bias) {
    return withColumns(op, std::max(shapeOf(one).back(), shapeOf(bias).back()));
  }

  static Value sumTimesRow(MatMulOp op, ConstantOp weights, int64_t columns,
                           PatternRewriter &rewriter) {
    Location loc = op.getLoc();
    int64_t last = static_cast<int64_t>(shapeOf(op.getA()).size()) - 1;
    Value sums = rewriter.create<ReduceOp>(loc, withColumns(op, 1), op.getA(), ReduceKind::Sum,
                                           ArrayRef<int64_t>(last), true);
    auto rowType = RankedTensorType::get({columns}, weights.getType().getElementType());
    Value row = rewriter.create<ConstantOp>(weights.getLoc(), rowType,
                                            reshaped(weights.getValue(), {columns}), ArrayAttr());
    return rewriter.create<BinaryOp>(loc, withColumns(op, columns), sums, row, BinaryKind::Mul);
  }

  static Value oneColumn(MatMulOp op, ConstantOp weights, ArrayRef<int64_t> stored,
                         PatternRewriter &rewriter) {
    auto type = RankedTensorType::get(stored, weights.getType().getElementType());
    Value column = rewriter.create<ConstantOp>(weights.getLoc(), type,
                                               reshaped(weights.getValue(), stored), ArrayAttr());
    SmallVector<NamedAttribute> attrs;
    for (NamedAttribute attr : op->getAttrs())
      if (attr.getName() == "trans_b")
        attrs.push_back(attr);
    SmallVector<Value> operands =
        contractionOperands(rewriter, op.getA(), column, Value(), Value(), Value(), attrs);
    OperationState state(op.getLoc(), op->getName(), operands, withColumns(op, 1), attrs);
    return rewriter.create(state)->getResult(0);
  }
};

} // namespace

void disco::populateRepeatedPatterns(RewritePatternSet &patterns) {
  patterns.add<RepeatedWeights>(patterns.getContext());
}
