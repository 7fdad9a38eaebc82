//===- Contractions.h - what convolution and matrix product share -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_OPS_CONTRACTIONS_H
#define DISCOC_DIALECT_OPS_CONTRACTIONS_H

#include "compiler/dialect/Build.h"
#include "compiler/dialect/ops/Support.h"

namespace disco {

/// The sum of the parts before may be overwritten by the sum with this part, as long as nothing
/// else that is read lies where it does.
inline llvm::SmallVector<InPlaceOperand> sumInPlace(mlir::Value init, mlir::Value result) {
  if (!init || byteSize(tensorType(init)) != byteSize(tensorType(result)))
    return {};
  return {{init, /*alone=*/true}};
}

template <typename OpTy>
mlir::LogicalResult verifyContraction(OpTy op, mlir::Value x, int64_t axis) {
  for (mlir::Value same : {op.getInit(), op.getResidual()})
    if (same && shapeOf(same) != shapeOf(op.getResult()))
      return op.emitOpError("init and residual must have the shape of the result");
  if (op.getQuant() && op.getResidual())
    return op.emitOpError("integer arithmetic takes no residual");
  if (!op.getChannels())
    return mlir::success();
  int64_t extent = axisExtent(tensorType(x), axis);
  llvm::ArrayRef<int64_t> channels = *op.getChannels();
  for (int64_t channel : channels)
    if (channel < 0 || channel >= extent)
      return op.emitOpError("reads channel ")
             << channel << " of a buffer with " << extent << " channels";
  return mlir::success();
}

template <typename OpTy> void addSum(KernelCall &call, OpTy op) {
  call.flag("has_init", bool(op.getInit()))
      .flag("has_bias", bool(op.getBias()))
      .flag("has_residual", bool(op.getResidual()));
  call.flag("dense_channels", !op.getChannels());
  if (op.getChannels())
    call.table("channel", *op.getChannels());
  else
    call.member("static constexpr int64_t channel(int64_t i) { return i; }");
  call.function("act", op.getActAttr());
}

/// The parts of a contraction that conv and matmul build alike.
struct ContractionBuilder {
  mlir::Operation *op;
  LocalContext &context;
  mlir::Value weights, bias, residual; // global
  int64_t rowAxis, columnAxis;         // of the weights
  mlir::Value localResidual;
  std::optional<int64_t> group; // of the convolution that is built, when not the op's own

  /// How integers are computed with, on all rows; null: they are none.
  QuantAttr quant() const { return op->getAttrOfType<QuantAttr>(kQuantAttr); }

  mlir::LogicalResult prepare(unsigned residualIndex);
  /// The sum over the parts, the own one first.
  Local buildParts(int64_t resultAxis);
  /// The result of a node that reads no column: act(bias + residual).
  Local buildConstant(int64_t resultAxis) const;
  /// A copy of the op on local operands. `channels` empty: every channel of x is read.
  mlir::Value build(mlir::Value x, mlir::Value w, mlir::Value localBias, mlir::Value init,
                    bool last, std::optional<llvm::ArrayRef<int64_t>> channels) const;

private:
  mlir::Location loc() const { return op->getLoc(); }
  mlir::Value localBias() const;
  /// The bias in the result's integers.
  mlir::Value requantizedBias(mlir::RankedTensorType type) const;
  mlir::Value localWeights(const IndexSet &columns) const;
  /// A residual that is there before the first part is what the sum begins with: the result can
  /// take its place.
  mlir::Value takeSummand(mlir::Type type);
};

} // namespace disco

#endif // DISCOC_DIALECT_OPS_CONTRACTIONS_H
