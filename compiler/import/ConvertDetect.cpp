//===- ConvertDetect.cpp - boxes, regions and sampling of images ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/Converters.h"
#include "compiler/import/Indices.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// How many boxes are selected depends on the data; the model has to say how many rows there are.
static LogicalResult convertNonMaxSuppression(OpImport &op) {
  Value boxes = op.input(0), scores = op.input(1);
  bool centred = op.flag("center_point_box");
  std::optional<Ints> most =
      op.hasInput(2) ? op.constantInts(2, "max_output_boxes_per_class") : Ints{0};
  std::optional<Reals> iou = op.hasInput(3) ? op.constantReals(3, "iou_threshold") : Reals{0};
  std::optional<Reals> score = op.hasInput(4) ? op.constantReals(4, "score_threshold") : Reals();
  if (!most || !iou || !score || op.hasFailed())
    return failure();
  if (most->size() != 1 || iou->size() != 1 || score->size() > 1)
    return op.error("the limit of boxes and the thresholds must be scalars");
  std::optional<int64_t> rows = op.declaredExtent(0, 0);
  if (most->front() <= 0)
    rows = 0;
  if (!rows)
    return op.error("how many boxes it selects depends on the data, but shapes are fixed",
                    "fix the first dimension of its output with --pin NAME=ROWS (rows without a "
                    "box hold -1), or export the model without it and select boxes afterwards");
  SmallVector<NamedAttribute> attrs{op.named("most", std::max<int64_t>(most->front(), 0)),
                                    op.named("iou", op.builder.getF64FloatAttr(iou->front()))};
  if (!score->empty())
    attrs.push_back(op.named("score", op.builder.getF64FloatAttr(score->front())));
  if (centred)
    attrs.push_back(op.unit("centred"));
  ArrayRef<int64_t> b = op.shape(boxes), s = op.shape(scores);
  if (b.size() != 3 || s.size() != 3 || b[2] != 4 || b[0] != s[0] || b[1] != s[2])
    return op.error("the boxes have the shape " + shapeText(b) + " and the scores " + shapeText(s) +
                    ", but must have [batch, n, 4] and [batch, classes, n]");
  if (!isReasonable({*rows, 3}))
    return op.error("its output has " + Twine(*rows) + " rows, which is impossible");
  auto type = RankedTensorType::get({*rows, 3}, op.builder.getI64Type());
  return op.result(
      op.builder.create<NonMaxSuppressionOp>(op.loc, type, ValueRange{boxes, scores}, attrs));
}

static LogicalResult convertRoiAlign(OpImport &op) {
  std::string mode = op.text("mode", "avg");
  std::string coordinates = op.text("coordinate_transformation_mode",
                                    op.opset() < 16 ? "output_half_pixel" : "half_pixel");
  Value x = op.input(0), rois = op.input(1), batch = op.input(2);
  if (op.hasFailed() || !hasIndexType(op, 2))
    return failure();
  if ((mode != "avg" && mode != "max") ||
      (coordinates != "half_pixel" && coordinates != "output_half_pixel"))
    return op.error("mode must be avg or max, and coordinate_transformation_mode half_pixel or "
                    "output_half_pixel");
  SmallVector<NamedAttribute> attrs{
      op.named("height", op.integer("output_height", 1)),
      op.named("width", op.integer("output_width", 1)),
      op.named("samples", std::max<int64_t>(op.integer("sampling_ratio", 0), 0)),
      op.named("scale", op.builder.getF64FloatAttr(op.real("spatial_scale", 1)))};
  if (coordinates == "half_pixel")
    attrs.push_back(op.unit("half_pixel"));
  if (mode == "max")
    attrs.push_back(op.unit("maximum"));
  return op.result(op.make<RoiAlignOp>({x, rois, batch}, attrs));
}

static LogicalResult convertGridSample(OpImport &op) {
  std::string mode = op.text("mode", op.opset() < 20 ? "bilinear" : "linear");
  std::string padding = op.text("padding_mode", "zeros");
  StringRef plain = mode;
  if (op.opset() < 20)
    plain.consume_front("bi");
  std::optional<SampleMode> sample = symbolizeSampleMode(plain);
  std::optional<SamplePadding> border = symbolizeSamplePadding(padding);
  if (!sample || !border)
    return op.error("mode is '" + mode + "' and padding_mode '" + padding +
                    "', but must be linear, nearest or cubic, and zeros, border or reflection");
  MLIRContext *context = op.builder.getContext();
  SmallVector<NamedAttribute> attrs{op.named("mode", SampleModeAttr::get(context, *sample)),
                                    op.named("padding", SamplePaddingAttr::get(context, *border))};
  op.addFlags(attrs, {"align_corners"});
  return op.result(op.make<GridSampleOp>({op.input(0), op.input(1)}, attrs));
}

void disco::importing::addDetect(ConverterTable &table) {
  table["NonMaxSuppression"] = {convertNonMaxSuppression, 2, 5, 1, kFloats, 2};
  table["RoiAlign"] = {convertRoiAlign, 3, 3, 1, kFloats, 2};
  table["GridSample"] = {convertGridSample, 2, 2, 1, kFloats, 1};
}
