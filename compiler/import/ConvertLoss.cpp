//===- ConvertLoss.cpp - losses over classes ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/Converters.h"
#include "compiler/import/Indices.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// The negative of each target's logarithmic probability, weighted by class, reduced.
static LogicalResult lossOf(OpImport &op, Value x) {
  std::string reduction = op.text("reduction", "mean");
  bool hasIgnored = op.hasAttr("ignore_index");
  int64_t ignored = op.integer("ignore_index", 0);
  Value target = op.input(1), weight = op.input(2);
  if (op.hasFailed() || !x || !hasIndexType(op, 1))
    return failure();
  Ints list(op.shape(x));
  if (list.size() < 2)
    return op.error("needs scores of the shape [N, C, ...]");
  int64_t classes = list[1];
  list.erase(list.begin() + 1);
  if (op.shape(target) != ArrayRef<int64_t>(list) ||
      (weight && op.shape(weight) != ArrayRef<int64_t>{classes}))
    return op.error("the targets have the shape " + shapeText(op.shape(target)) +
                    ", but must have " + shapeText(list) + ", and weights one value a class");
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    return op.error("attribute 'reduction' is '" + reduction + "', but must be none, sum or mean");
  int64_t last = op.rank(x) - 1;
  Value loss = op.unary(op.gather(op.movedLast(x, 1), target, last, last), UnaryKind::Neg);
  Value share = weight ? op.gather(weight, target, 0) : Value();
  if (share)
    loss = op.binary(BinaryKind::Mul, loss, share);
  if (hasIgnored && loss) {
    Value isIgnored = op.binary(BinaryKind::Equal, target, op.integerScalar(target, ignored));
    Value zero = op.scalar(loss, 0);
    loss = op.where(isIgnored, zero, loss);
    share = op.where(isIgnored, zero, share ? share : op.scalar(loss, 1));
  }
  if (reduction == "none")
    return op.result(loss);
  Ints all = iota(last);
  Value sum = op.reduce(loss, reduction == "mean" && !share ? ReduceKind::Mean : ReduceKind::Sum,
                        all, false);
  if (reduction == "mean" && share)
    sum = op.binary(BinaryKind::Div, sum, op.reduce(share, ReduceKind::Sum, all, false));
  return op.result(sum);
}

static LogicalResult convertLikelihoodLoss(OpImport &op) { return lossOf(op, op.input(0)); }

static LogicalResult convertCrossEntropyLoss(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 2)
    return op.error("needs scores of the shape [N, C, ...]");
  Value logs = op.make<SoftmaxOp>(
      {x}, {op.named("axis", int64_t{1}), op.named("count", int64_t{1}), op.unit("log")});
  if (failed(lossOf(op, logs)))
    return failure();
  return op.isUsed(1) ? op.result(logs, 1) : success();
}

void disco::importing::addLoss(ConverterTable &table) {
  table["NegativeLogLikelihoodLoss"] = {convertLikelihoodLoss, 2, 3, 1, kFloats, 1};
  table["SoftmaxCrossEntropyLoss"] = {convertCrossEntropyLoss, 2, 3, 2, kFloats, 1};
}
