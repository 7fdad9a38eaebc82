//===- NonMaxSuppression.cpp - boxes that no better box covers ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

LogicalResult NonMaxSuppressionOp::verify() {
  ArrayRef<int64_t> boxes = shapeOf(getBoxes()), scores = shapeOf(getScores());
  ArrayRef<int64_t> result = shapeOf(getResult());
  if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 || boxes[0] != scores[0] ||
      boxes[1] != scores[2])
    return emitOpError("boxes must be [batch, count, 4] and scores [batch, classes, count]");
  if (result.size() != 2 || result[1] != 3 ||
      !tensorType(getResult()).getElementType().isInteger(64))
    return emitOpError("the result must be [rows, 3] of 64-bit integers");
  return success();
}

Divisions NonMaxSuppressionOp::divide(int64_t) { return std::nullopt; }

void NonMaxSuppressionOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> scores = shapeOf(getScores());
  call.use("non_max_suppression").type("x_t", getBoxes());
  call.constant("batch", scores[0]).constant("classes", scores[1]).constant("count", scores[2]);
  call.constant("rows", shapeOf(getResult())[0]).constant("most", getMost());
  call.real("iou", getIou().convertToDouble()).flag("has_score", getScore().has_value());
  call.real("score", getScore() ? getScore()->convertToDouble() : 0);
  call.flag("centred", getCentred());
  call.pointers = {getResult(), getBoxes(), getScores()};
}
