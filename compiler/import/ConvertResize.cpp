//===- ConvertResize.cpp - resampling -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/Converters.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

namespace {
/// What the attributes and operands of Resize and Upsample come to.
struct Resampling {
  Reals scales, roi;
  Ints shape;
  ResizeMode mode = ResizeMode::Nearest;
  CoordinateMode coordinates = CoordinateMode::HalfPixel;
  NearestMode nearest = NearestMode::RoundPreferFloor;
  double cubicCoefficient = -0.75, extrapolation = 0;
  bool excludeOutside = false;
};
} // namespace

static Value makeResize(OpImport &op, Value x, const Resampling &r) {
  if (!x || op.hasFailed())
    return {};
  auto real = [&](double value) { return op.builder.getF64FloatAttr(value); };
  auto type = RankedTensorType::get(r.shape, tensorType(x).getElementType());
  if (!isReasonable(r.shape) || (elementCount(op.shape(x)) == 0 && elementCount(r.shape) != 0)) {
    (void)op.error("a tensor of the shape " + shapeText(op.shape(x)) + " cannot be resized to " +
                   shapeText(r.shape));
    return {};
  }
  auto *context = op.builder.getContext();
  return op.builder.create<ResizeOp>(
      op.loc, type, x, DenseF64ArrayAttr::get(context, r.scales),
      DenseF64ArrayAttr::get(context, r.roi), ResizeModeAttr::get(context, r.mode),
      CoordinateModeAttr::get(context, r.coordinates), NearestModeAttr::get(context, r.nearest),
      real(r.cubicCoefficient), r.excludeOutside ? op.builder.getUnitAttr() : UnitAttr(),
      real(r.extrapolation));
}

/// ONNX multiplies in float: 0.7 * 10 is 7, though the float 0.7 is less.
static int64_t scaledExtent(int64_t extent, double scale) {
  float product = static_cast<float>(extent) * static_cast<float>(scale);
  return product < 1e15f ? static_cast<int64_t>(std::floor(product)) : INT64_MAX;
}

static bool checkScales(OpImport &op, const Reals &scales, size_t rank) {
  if (scales.size() != rank) {
    (void)op.error("'scales' has " + Twine(scales.size()) + " entries, but must have " +
                   Twine(rank));
    return false;
  }
  for (double scale : scales)
    if (!(scale > 0) || std::isinf(scale)) {
      (void)op.error("'scales' must be positive");
      return false;
    }
  return true;
}

static bool readMode(OpImport &op, Resampling &r) {
  std::string mode = op.text("mode", "nearest");
  if (mode == "nearest")
    r.mode = ResizeMode::Nearest;
  else if (mode == "linear" || mode == "bilinear")
    r.mode = ResizeMode::Linear;
  else if (mode == "cubic" && op.opset() >= 11)
    r.mode = ResizeMode::Cubic;
  else {
    (void)op.error("attribute 'mode' is '" + mode + "', but must be nearest, linear or cubic");
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Upsample, and Resize of opset 10
//===----------------------------------------------------------------------===//

/// Coordinates are index / scale; nearest takes the floor, but when an axis shrinks the ceiling.
static LogicalResult convertSimple(OpImport &op, Value x, const Reals &scales, Resampling r) {
  if (op.hasFailed() || !checkScales(op, scales, op.shape(x).size()))
    return failure();
  r.coordinates = CoordinateMode::Asymmetric;
  for (bool shrink : {true, false}) {
    r.scales.clear();
    r.shape.clear();
    bool changes = false;
    for (auto [i, scale] : llvm::enumerate(scales)) {
      // Only the nearest mode differs; everything else is one step.
      bool now = r.mode == ResizeMode::Nearest ? (scale < 1) == shrink : !shrink;
      r.scales.push_back(now ? scale : 1);
      r.shape.push_back(now ? scaledExtent(op.shape(x)[i], scale) : op.shape(x)[i]);
      changes |= now && scale != 1;
    }
    r.nearest = shrink ? NearestMode::Ceil : NearestMode::Floor;
    if (changes)
      x = makeResize(op, x, r);
    if (!x)
      return failure();
  }
  return op.result(x);
}

static LogicalResult convertUpsample(OpImport &op) {
  Value x = op.input(0);
  Resampling r;
  if (!readMode(op, r))
    return failure();
  if (op.opset() < 9)
    return convertSimple(op, x, op.reals("scales"), r);
  if (!op.hasInput(1))
    return op.error("input 'scales' is missing");
  std::optional<Reals> scales = op.constantReals(1, "scales");
  return scales ? convertSimple(op, x, *scales, r) : failure();
}

//===----------------------------------------------------------------------===//
// Antialiasing: a product with a constant matrix by axis
//===----------------------------------------------------------------------===//

/// Where result index i lies in an axis of some extent.
static double coordinateOf(const Resampling &r, size_t axis, int64_t extent, int64_t i) {
  double at = static_cast<double>(i), in = static_cast<double>(extent), scale = r.scales[axis],
         out = static_cast<double>(r.shape[axis]);
  if (r.coordinates == CoordinateMode::AlignCorners)
    return out == 1 ? 0 : at * (in - 1) / (out - 1);
  if (r.coordinates == CoordinateMode::Asymmetric)
    return at / scale;
  if (r.coordinates == CoordinateMode::PytorchHalfPixel && r.shape[axis] == 1)
    return 0;
  double half = (at + 0.5) / scale - 0.5;
  if (r.coordinates == CoordinateMode::HalfPixelSymmetric)
    return in / 2 * (1 - out / (scale * in)) + half;
  return half;
}

/// The interpolation's weight at a distance.
static double weightAt(const Resampling &r, double distance) {
  double d = std::fabs(distance), a = r.cubicCoefficient;
  if (r.mode == ResizeMode::Linear)
    return std::max(1 - d, 0.0);
  if (d >= 2)
    return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/// The weights [in, out] of an axis: when it shrinks, the interpolation is as much wider.
static Reals antialiasing(const Resampling &r, size_t axis, int64_t extent) {
  int64_t out = r.shape[axis];
  double scale = std::min(r.scales[axis], 1.0);
  Reals weights(static_cast<size_t>(extent * out), 0);
  for (int64_t i = 0; i < out; ++i) {
    double at = coordinateOf(r, axis, extent, i), sum = 0;
    auto reach = static_cast<int64_t>(std::ceil((r.mode == ResizeMode::Linear ? 1 : 2) / scale));
    auto middle = static_cast<int64_t>(std::floor(at));
    for (int64_t k = middle - reach; k <= middle + reach + 1; ++k) {
      double weight = weightAt(r, (static_cast<double>(k) - at) * scale);
      if (r.excludeOutside && (k < 0 || k >= extent))
        continue;
      weights[std::clamp<int64_t>(k, 0, extent - 1) * out + i] += weight;
      sum += weight;
    }
    for (int64_t k = 0; k < extent; ++k)
      weights[k * out + i] /= sum;
  }
  return weights;
}

static Value makeAntialiased(OpImport &op, Value x, const Resampling &r) {
  if (r.coordinates == CoordinateMode::TfCropAndResize ||
      !isa<FloatType>(tensorType(x).getElementType())) {
    (void)op.error("attribute 'antialias' is 1, which is supported for floats and not together "
                   "with tf_crop_and_resize");
    return {};
  }
  for (size_t axis = 0; axis < r.shape.size(); ++axis) {
    if (!x || (r.scales[axis] == 1 && op.shape(x)[axis] == r.shape[axis]))
      continue;
    int64_t extent = op.shape(x)[axis], out = r.shape[axis];
    if (!isReasonable({extent, out}) || extent * out > kMostConstant) {
      (void)op.error("axis " + Twine(axis) + " is too large for antialiasing");
      return {};
    }
    // Three dimensions: no weights of a contraction, whose outputs would be divided.
    Value weights =
        op.reals({1, extent, out}, tensorType(x).getElementType(), antialiasing(r, axis, extent));
    auto at = static_cast<int64_t>(axis);
    x = op.movedLast(x, at);
    SmallVector<NamedAttribute> attrs;
    Ints flat{1, elementCount(op.shape(x).drop_back()), extent}, shape(op.shape(x));
    shape.back() = out;
    if (op.rank(x) < 3)
      x = op.reshape(x, flat);
    Values operands = contractionOperands(op.builder, x, weights, {}, {}, {}, attrs);
    x = op.movedFromLast(op.reshape(op.make<MatMulOp>(operands, attrs), shape), at);
  }
  return x;
}

//===----------------------------------------------------------------------===//
// Resize from opset 11 on
//===----------------------------------------------------------------------===//

static bool readCoordinates(OpImport &op, Resampling &r) {
  std::string name = op.text("coordinate_transformation_mode", "half_pixel");
  std::string nearest = op.text("nearest_mode", "round_prefer_floor");
  std::optional<NearestMode> nearestMode = symbolizeNearestMode(nearest);
  if (!nearestMode) {
    (void)op.error("attribute 'nearest_mode' is '" + nearest +
                   "', but must be round_prefer_floor, round_prefer_ceil, floor or ceil");
    return false;
  }
  r.nearest = *nearestMode;
  // (i + 0.5) / scale: half a pixel more than half_pixel, so that its floor is half_pixel rounded,
  // and what it is rounded to is half_pixel's ceiling.
  bool floor = r.nearest == NearestMode::Floor, round = r.nearest == NearestMode::RoundPreferFloor;
  if (name == "tf_half_pixel_for_nn" && r.mode == ResizeMode::Nearest && (floor || round)) {
    r.nearest = floor ? NearestMode::RoundPreferCeil : NearestMode::Ceil;
    return true;
  }
  std::optional<CoordinateMode> mode = symbolizeCoordinateMode(name);
  if (!mode) {
    (void)op.error("attribute 'coordinate_transformation_mode' is '" + name +
                       "', which is not supported",
                   "supported are half_pixel, half_pixel_symmetric, pytorch_half_pixel, "
                   "align_corners, asymmetric and "
                   "tf_crop_and_resize");
    return false;
  }
  r.coordinates = *mode;
  return true;
}

/// Scales from the wanted sizes of some axes.
static bool scalesFromSizes(OpImport &op, Value x, const Ints &axes, const Ints &sizes,
                            Resampling &r) {
  std::string policy = op.text("keep_aspect_ratio_policy", "stretch");
  if (sizes.size() != axes.size() ||
      (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")) {
    (void)op.error(sizes.size() != axes.size()
                       ? "'sizes' has " + Twine(sizes.size()) + " entries, but must have " +
                             Twine(axes.size())
                       : "attribute 'keep_aspect_ratio_policy' is '" + Twine(policy) +
                             "', but must be stretch, not_larger or not_smaller");
    return false;
  }
  double common = policy == "not_larger" ? HUGE_VAL : 0;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    int64_t extent = op.shape(x)[axis];
    if (size < 1 || extent < 1 || !isReasonable({size})) {
      (void)op.error("axis " + Twine(axis) + " of extent " + Twine(extent) +
                     " cannot be resized to " + Twine(size));
      return false;
    }
    double scale = static_cast<double>(size) / static_cast<double>(extent);
    common = policy == "not_larger" ? std::min(common, scale) : std::max(common, scale);
    r.scales[axis] = scale;
    r.shape[axis] = size;
  }
  if (policy == "stretch")
    return true;
  for (int64_t axis : axes) {
    r.scales[axis] = common;
    r.shape[axis] =
        static_cast<int64_t>(std::floor(common * static_cast<double>(op.shape(x)[axis]) + 0.5));
  }
  return true;
}

/// The region in [0, 1] coordinates of every axis: starts, then ends.
static bool readRoi(OpImport &op, const Ints &axes, Resampling &r) {
  if (r.coordinates != CoordinateMode::TfCropAndResize)
    return true;
  std::optional<Reals> roi = op.hasInput(1) ? op.constantReals(1, "roi") : std::nullopt;
  if (!roi || roi->size() != 2 * axes.size()) {
    (void)op.error("input 'roi' must have two entries for each of " + Twine(axes.size()) +
                   " axes when coordinate_transformation_mode is tf_crop_and_resize");
    return false;
  }
  size_t rank = r.shape.size();
  r.roi.assign(2 * rank, 0);
  std::fill(r.roi.begin() + static_cast<std::ptrdiff_t>(rank), r.roi.end(), 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    r.roi[axes[i]] = (*roi)[i];
    r.roi[axes[i] + rank] = (*roi)[i + axes.size()];
  }
  return true;
}

static LogicalResult convertResize(OpImport &op) {
  Value x = op.input(0);
  Resampling r;
  if (op.hasFailed() || !readMode(op, r))
    return failure();
  if (op.opset() < 11) {
    if (!op.hasInput(1) || op.hasInput(2))
      return op.error("must have the inputs X and scales");
    std::optional<Reals> scales = op.constantReals(1, "scales");
    return scales ? convertSimple(op, x, *scales, r) : failure();
  }
  r.cubicCoefficient = op.real("cubic_coeff_a", -0.75);
  r.excludeOutside = op.flag("exclude_outside");
  r.extrapolation = op.real("extrapolation_value", 0);
  bool antialias = op.flag("antialias") && r.mode != ResizeMode::Nearest;
  Ints axes = op.integers("axes", iota(op.rank(x)));
  if (op.hasFailed() || !op.normalAxes(axes, op.rank(x)) || !readCoordinates(op, r))
    return failure();
  for (int64_t &axis : axes)
    axis = *op.normalAxis(axis, op.rank(x));
  r.shape = Ints(op.shape(x));
  r.scales.assign(r.shape.size(), 1);
  // An empty scales operand stands for none.
  std::optional<Reals> scales = op.hasInput(2) ? op.constantReals(2, "scales") : Reals();
  std::optional<Ints> sizes = op.hasInput(3) ? op.constantInts(3, "sizes") : Ints();
  if (!scales || !sizes)
    return failure();
  if (scales->empty() == sizes->empty())
    return op.error("must have either scales or sizes");
  op.ignore({"keep_aspect_ratio_policy"});
  if (!sizes->empty()) {
    if (!scalesFromSizes(op, x, axes, *sizes, r))
      return failure();
  } else {
    if (!checkScales(op, *scales, axes.size()))
      return failure();
    for (size_t i = 0; i < axes.size(); ++i) {
      r.scales[axes[i]] = (*scales)[i];
      r.shape[axes[i]] = scaledExtent(op.shape(x)[axes[i]], (*scales)[i]);
    }
  }
  if (!readRoi(op, axes, r))
    return failure();
  bool changes = r.coordinates == CoordinateMode::TfCropAndResize ||
                 ArrayRef<int64_t>(r.shape) != op.shape(x) ||
                 llvm::any_of(r.scales, [](double scale) { return scale != 1; });
  if (antialias && changes)
    return op.result(makeAntialiased(op, x, r));
  return op.result(changes ? makeResize(op, x, r) : x);
}

void disco::importing::addResize(ConverterTable &table) {
  table["Resize"] = {convertResize, 1, 4, 1, kAny};
  table["Upsample"] = {convertUpsample, 1, 2, 1, kAny};
}
