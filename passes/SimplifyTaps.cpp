//===- SimplifyTaps.cpp - kernels whose zeros are a dilation --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "passes/SimplifyPatterns.h"
#include <numeric>

using namespace mlir;
using namespace disco;

namespace {

/// Exporters without dilations write a 3x3 kernel of dilation 4 as one of 9x9 with 72 zeros. It
/// becomes what it was: weights and multiplications for the other taps alone.
struct ZeroTapsIntoDilation final : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto constant = op.getW().getDefiningOp<ConstantOp>();
    if (!constant || op.getQuant() || constant.getView() || constant.getPackingAttr())
      return failure();
    RankedTensorType type = constant.getType();
    const ConstantView view(constant.getValue(), type.getShape());
    if (!view.isValid() || view.size() == 0)
      return failure();
    const SmallVector<int64_t> steps = stepsOf(view, type.getShape().drop_front(2));
    if (llvm::all_of(steps, [](int64_t step) { return step == 1; }))
      return failure();
    SmallVector<int64_t> shape(type.getShape()), dilations(op.getDilations());
    for (auto [axis, step] : llvm::enumerate(steps)) {
      shape[axis + 2] = (shape[axis + 2] - 1) / step + 1;
      dilations[axis] *= step;
    }
    auto small = RankedTensorType::get(shape, type.getElementType());
    auto weights = rewriter.create<ConstantOp>(constant.getLoc(), small,
                                               pick(view, type, small, steps), ArrayAttr());
    rewriter.modifyOpInPlace(op, [&] {
      op.getWMutable().set(weights);
      op.setDilations(dilations);
    });
    return success();
  }

private:
  /// By axis, the largest step that meets every tap that is not 0, and the last one.
  static SmallVector<int64_t> stepsOf(const ConstantView &view, ArrayRef<int64_t> kernel) {
    SmallVector<int64_t> steps;
    for (int64_t extent : kernel)
      steps.push_back(std::max<int64_t>(extent - 1, 1));
    auto areOne = [&] { return llvm::all_of(steps, [](int64_t step) { return step == 1; }); };
    for (int64_t i = 0; i < view.size() && !areOne(); ++i) {
      if (view.isZero(i))
        continue;
      int64_t rest = i;
      for (size_t axis = kernel.size(); axis-- > 0; rest /= kernel[axis])
        steps[axis] = std::gcd(steps[axis], rest % kernel[axis]);
    }
    return steps;
  }

  /// The elements at multiples of the steps.
  static ElementsAttr pick(const ConstantView &view, RankedTensorType type, RankedTensorType small,
                           ArrayRef<int64_t> steps) {
    ConstantBuilder builder(small);
    for (int64_t i = 0; i < small.getNumElements(); ++i) {
      int64_t from = 0, rest = i, stride = 1;
      for (auto axis = type.getRank(); axis-- > 0; rest /= small.getDimSize(axis)) {
        const int64_t step = axis < 2 ? 1 : steps[axis - 2];
        from += rest % small.getDimSize(axis) * step * stride;
        stride *= type.getDimSize(axis);
      }
      builder.setReal(i, view.real(from));
    }
    return builder.finish();
  }
};

} // namespace

void disco::populateTapPatterns(RewritePatternSet &patterns) {
  patterns.add<ZeroTapsIntoDilation>(patterns.getContext());
}
