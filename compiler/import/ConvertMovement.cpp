//===- ConvertMovement.cpp - reshapes, slices and other moves -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Rearrangements
//===----------------------------------------------------------------------===//

static LogicalResult convertReshape(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> target = op.constantInts(1, "shape");
  bool allowZero = op.flag("allowzero");
  if (!target || op.hasFailed())
    return failure();
  std::optional<size_t> open;
  int64_t known = 1;
  for (auto [i, extent] : llvm::enumerate(*target)) {
    if (extent == 0 && !allowZero) {
      if (i >= op.shape(x).size())
        return op.error("the shape " + shapeText(*target) + " copies dimension " + Twine(i) +
                        ", which the input of the shape " + shapeText(op.shape(x)) +
                        " does not have");
      extent = op.shape(x)[i];
    }
    if (extent == -1 && !open) {
      open = i;
      continue;
    }
    if (extent < 0 || !isReasonable({known, extent}))
      return op.error("the shape " + shapeText(*target) + " is impossible");
    known *= extent;
  }
  int64_t count = elementCount(op.shape(x));
  if (open) {
    if (known == 0 || count % known != 0)
      return op.error("the shape " + shapeText(*target) + " does not fit an input of the shape " +
                      shapeText(op.shape(x)));
    (*target)[*open] = count / known;
  }
  return op.result(op.reshape(x, *target));
}

static LogicalResult convertFlatten(OpImport &op) {
  Value x = op.input(0);
  int64_t axis = op.integer("axis", 1);
  if (op.hasFailed())
    return failure();
  int64_t rank = op.rank(x);
  if (axis < -rank || axis > rank)
    return op.error("axis " + Twine(axis) + " does not exist in a tensor of " + Twine(rank) +
                    " dimensions");
  axis = axis < 0 ? axis + rank : axis;
  return op.result(op.reshape(
      x, {elementCount(op.shape(x).take_front(axis)), elementCount(op.shape(x).drop_front(axis))}));
}

static LogicalResult convertSqueeze(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> given = op.attrOrInput("axes", 13, 1);
  if (op.hasFailed())
    return failure();
  Ints shape;
  std::optional<Ints> axes = given ? op.normalAxes(*given, op.rank(x)) : Ints();
  if (!axes)
    return failure();
  for (auto [i, extent] : llvm::enumerate(op.shape(x))) {
    bool goes = given ? llvm::is_contained(*axes, static_cast<int64_t>(i)) : extent == 1;
    if (goes && extent != 1)
      return op.error("axis " + Twine(i) + " of a tensor of the shape " + shapeText(op.shape(x)) +
                      " cannot be removed: its extent is not 1");
    if (!goes)
      shape.push_back(extent);
  }
  return op.result(op.reshape(x, shape));
}

static LogicalResult convertUnsqueeze(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> given = op.attrOrInput("axes", 13, 1);
  if (op.hasFailed())
    return failure();
  if (!given)
    return op.error("'axes' is missing");
  int64_t rank = op.rank(x) + static_cast<int64_t>(given->size());
  std::optional<Ints> axes = op.normalAxes(*given, rank);
  if (!axes)
    return failure();
  Ints shape;
  size_t from = 0;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(llvm::is_contained(*axes, i) ? 1 : op.shape(x)[from++]);
  return op.result(op.reshape(x, shape));
}

static LogicalResult convertTranspose(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  Ints reversed = iota(op.rank(x));
  std::reverse(reversed.begin(), reversed.end());
  Ints perm = op.integers("perm", reversed), sorted = perm;
  llvm::sort(sorted);
  if (sorted != iota(op.rank(x)))
    return op.error("attribute 'perm' is " + shapeText(perm) +
                    ", which is no permutation of the axes of a tensor of " + Twine(op.rank(x)) +
                    " dimensions");
  return op.result(op.transpose(x, perm));
}

static LogicalResult convertDepthToSpace(OpImport &op) {
  Value x = op.input(0);
  int64_t b = op.integer("blocksize", 0);
  std::string mode = op.text("mode", "DCR");
  if (op.hasFailed())
    return failure();
  ArrayRef<int64_t> s = op.shape(x);
  if (mode != "DCR" && mode != "CRD")
    return op.error("attribute 'mode' is '" + mode + "', but must be DCR or CRD");
  if (s.size() != 4 || b < 1 || b > 65536 || s[1] % (b * b) != 0)
    return op.error("the input has the shape " + shapeText(s) +
                    ", but must have four dimensions and a multiple of " + Twine(b) + " x " +
                    Twine(b) + " channels");
  Ints shape{s[0], s[1] / (b * b), s[2] * b, s[3] * b};
  if (mode == "DCR")
    return op.result(
        op.rearrange(x, {s[0], b, b, shape[1], s[2], s[3]}, {0, 3, 4, 1, 5, 2}, shape));
  return op.result(op.rearrange(x, {s[0], shape[1], b, b, s[2], s[3]}, {0, 1, 4, 2, 5, 3}, shape));
}

static LogicalResult convertSpaceToDepth(OpImport &op) {
  Value x = op.input(0);
  int64_t b = op.integer("blocksize", 0);
  if (op.hasFailed())
    return failure();
  ArrayRef<int64_t> s = op.shape(x);
  if (s.size() != 4 || b < 1 || b > 65536 || s[2] % b != 0 || s[3] % b != 0)
    return op.error("the input has the shape " + shapeText(s) +
                    ", but must have four dimensions, the last two multiples of " + Twine(b));
  return op.result(op.rearrange(x, {s[0], s[1], s[2] / b, b, s[3] / b, b}, {0, 3, 5, 1, 2, 4},
                                {s[0], s[1] * b * b, s[2] / b, s[3] / b}));
}

//===----------------------------------------------------------------------===//
// Concat, Split, Slice
//===----------------------------------------------------------------------===//

static LogicalResult convertConcat(OpImport &op) {
  Values operands = op.inputs();
  if (op.hasFailed())
    return failure();
  if (op.opset() >= 4 && !op.hasAttr("axis"))
    return op.error("attribute 'axis' is missing");
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 1), op.rank(operands[0]));
  return axis ? op.result(op.concat(operands, *axis)) : failure();
}

/// The extents of a Split's outputs; nothing when they do not fit.
static std::optional<Ints> splitExtents(OpImport &op, int64_t extent) {
  std::optional<Ints> given = op.attrOrInput("split", 13, 1);
  auto parts = static_cast<int64_t>(op.op.outputs.size());
  if (op.opset() >= 18 && !given && op.integer("num_outputs", parts) != parts)
    (void)op.error("attribute 'num_outputs' is " + Twine(op.integer("num_outputs", 0)) +
                   ", but the op has " + Twine(parts) + " outputs");
  op.ignore({"num_outputs"});
  if (op.hasFailed())
    return std::nullopt;
  if (!given) {
    if (op.opset() < 18 && extent % parts != 0) {
      (void)op.error("an axis of extent " + Twine(extent) + " cannot be split into " +
                     Twine(parts) + " equal parts");
      return std::nullopt;
    }
    int64_t chunk = (extent + parts - 1) / parts;
    given = Ints(static_cast<size_t>(parts), chunk);
    given->back() = extent - chunk * (parts - 1);
  }
  int64_t sum = 0;
  bool fits = static_cast<int64_t>(given->size()) == parts;
  for (int64_t part : *given) {
    fits &= part >= 0 && part <= extent;
    sum += fits ? part : 0;
  }
  if (fits && sum == extent)
    return given;
  (void)op.error("an axis of extent " + Twine(extent) + " cannot be split into " + Twine(parts) +
                 " parts of the sizes " + shapeText(*given));
  return std::nullopt;
}

static LogicalResult convertSplit(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  std::optional<Ints> extents = axis ? splitExtents(op, op.shape(x)[*axis]) : std::nullopt;
  if (!extents)
    return failure();
  Ints shape(op.shape(x)), starts(shape.size(), 0), steps(shape.size(), 1);
  for (auto [i, extent] : llvm::enumerate(*extents)) {
    shape[*axis] = extent;
    if (!op.op.outputs[i].empty() && failed(op.result(op.slice(x, starts, steps, shape), i)))
      return failure();
    // An empty part at the end starts nowhere.
    starts[*axis] += extent;
  }
  return success();
}

static LogicalResult convertSlice(OpImport &op) {
  Value x = op.input(0);
  bool attributes = op.opset() < 10;
  std::optional<Ints> starts = op.attrOrInput("starts", 10, 1),
                      ends = op.attrOrInput("ends", 10, 2);
  std::optional<Ints> axes = op.attrOrInput("axes", 10, 3);
  std::optional<Ints> steps =
      attributes || !op.hasInput(4) ? std::nullopt : op.constantInts(4, "steps");
  if (op.hasFailed())
    return failure();
  if (!starts || !ends)
    return op.error("'starts' or 'ends' is missing");
  size_t count = starts->size();
  if (!axes)
    axes = iota(static_cast<int64_t>(count));
  if (!steps)
    steps = Ints(count, 1);
  if (ends->size() != count || axes->size() != count || steps->size() != count)
    return op.error("starts, ends, axes and steps must have the same number of entries");
  if (!op.normalAxes(*axes, op.rank(x)))
    return failure();
  Ints shape(op.shape(x)), allStarts(shape.size(), 0), allSteps(shape.size(), 1);
  for (size_t i = 0; i < count; ++i) {
    int64_t axis = *op.normalAxis((*axes)[i], op.rank(x)), extent = shape[axis];
    // A step beyond the extent takes one element, whatever its size.
    int64_t step = std::clamp<int64_t>((*steps)[i], -extent - 1, extent + 1);
    if (step == 0)
      return op.error("a step must not be 0");
    auto bounded = [&](int64_t at, int64_t low, int64_t high) {
      return std::min(std::max(at < 0 ? at + extent : at, low), high);
    };
    bool up = step > 0;
    int64_t start = bounded((*starts)[i], 0, up ? extent : extent - 1);
    int64_t end = bounded((*ends)[i], up ? 0 : -1, up ? extent : extent - 1);
    int64_t length = up ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    if (up ? end <= start : start <= end || extent == 0)
      length = 0;
    allStarts[axis] = length ? start : 0;
    allSteps[axis] = length > 1 ? step : 1;
    shape[axis] = length;
  }
  return op.result(op.slice(x, allStarts, allSteps, shape));
}

//===----------------------------------------------------------------------===//
// Expand, Tile, Pad
//===----------------------------------------------------------------------===//

static LogicalResult convertExpand(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> target = op.constantInts(1, "shape");
  if (!target || op.hasFailed())
    return failure();
  std::optional<Ints> shape = broadcastShapes(op.shape(x), *target);
  if (!shape || !isReasonable(*shape))
    return op.error("a tensor of the shape " + shapeText(op.shape(x)) +
                    " cannot be broadcast with " + shapeText(*target));
  return op.result(op.expand(x, *shape));
}

/// Beyond this many repetitions a list of operands is not worth reading.
static constexpr int64_t kMostOperands = 8;

static LogicalResult convertTile(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> repeats = op.constantInts(1, "repeats");
  if (!repeats || op.hasFailed())
    return failure();
  if (static_cast<int64_t>(repeats->size()) != op.rank(x) || !isReasonable(*repeats))
    return op.error("the repeats " + shapeText(*repeats) + " do not fit a tensor of the shape " +
                    shapeText(op.shape(x)));
  for (auto [axis, times] : llvm::enumerate(*repeats)) {
    if (!x || times == 1)
      continue;
    Ints shape(op.shape(x));
    if (shape[axis] == 1) {
      shape[axis] = times;
      x = op.expand(x, shape);
      continue;
    }
    if (times <= kMostOperands && times > 0) {
      x = op.concat(Values(static_cast<size_t>(times), x), static_cast<int64_t>(axis));
      continue;
    }
    Ints apart = shape, wide, tiled = shape;
    apart.insert(apart.begin() + axis, 1);
    wide = apart;
    wide[axis] = times;
    tiled[axis] *= times;
    x = op.reshape(op.expand(op.reshape(x, apart), wide), tiled);
  }
  return op.result(x);
}

static constexpr int64_t kMostPad = int64_t(1) << 30;

/// Begins of all axes, then ends; nothing when they are wrong.
static std::optional<Ints> readPads(OpImport &op, int64_t rank) {
  std::optional<Ints> given = op.attrOrInput("pads", 11, 1);
  std::optional<Ints> axes =
      op.opset() >= 18 && op.hasInput(3) ? op.constantInts(3, "axes") : std::nullopt;
  if (op.hasFailed())
    return std::nullopt;
  Ints list = axes ? *axes : iota(rank);
  if (!op.normalAxes(list, rank))
    return std::nullopt;
  if (!given || given->size() != 2 * list.size()) {
    (void)op.error("'pads' must have two entries for each of " + Twine(list.size()) + " axes");
    return std::nullopt;
  }
  Ints pads(static_cast<size_t>(2 * rank), 0);
  for (size_t i = 0; i < list.size(); ++i) {
    int64_t axis = *op.normalAxis(list[i], rank);
    pads[axis] = (*given)[i];
    pads[axis + rank] = (*given)[i + list.size()];
  }
  for (int64_t pad : pads)
    if (std::abs(std::max(pad, -kMostPad - 1)) > kMostPad) {
      (void)op.error("'pads' has the entry " + Twine(pad) + ", which is too large");
      return std::nullopt;
    }
  return pads;
}

/// What a constant border is filled with, as PadOp has it; null when it is wrong.
static Attribute readBorder(OpImport &op, Value x) {
  bool isReal = x && isa<FloatType>(tensorType(x).getElementType());
  double real = op.opset() < 11 ? op.real("value", 0) : 0;
  ElementsAttr given;
  if (op.hasInput(2)) {
    std::optional<Reals> known = op.constantReals(2, "constant_value");
    if (!known || known->size() > 1) {
      (void)op.error("input 'constant_value' must be a scalar");
      return {};
    }
    given = OpImport::constant(op.input(2));
  }
  if (op.hasFailed())
    return {};
  if (!given || given.getNumElements() == 0)
    return isReal ? Attribute(op.builder.getF64FloatAttr(real))
                  : op.builder.getI64IntegerAttr(static_cast<int64_t>(real));
  ConstantView view(given, given.getShapedType().getShape());
  return isReal ? Attribute(op.builder.getF64FloatAttr(view.real(0)))
                : op.builder.getI64IntegerAttr(view.integer(0));
}

/// Borders of these pads: all begins, then all ends.
static LogicalResult bordered(OpImport &op, Value x, Ints pads, PadMode mode, Attribute value) {
  // Negative pads crop, before the border is made.
  size_t rank = static_cast<size_t>(op.rank(x));
  Ints shape(op.shape(x)), starts(rank, 0), steps(rank, 1);
  bool isEmpty = llvm::is_contained(shape, 0);
  for (size_t i = 0; i < rank; ++i) {
    int64_t &begin = pads[i], &end = pads[i + rank];
    starts[i] = std::max<int64_t>(-begin, 0);
    shape[i] += std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0);
    if (shape[i] < 0)
      return op.error("the pads crop more than dimension " + Twine(i) +
                      " of a tensor of the shape " + shapeText(op.shape(x)) + " has");
    begin = std::max<int64_t>(begin, 0), end = std::max<int64_t>(end, 0);
    starts[i] = shape[i] == 0 ? 0 : starts[i];
    bool needsOne = mode == PadMode::Edge || mode == PadMode::Wrap;
    if (needsOne && begin + end > 0 && shape[i] == 0)
      return op.error("dimension " + Twine(i) +
                      " is empty: there is nothing that its border could repeat");
  }
  if (ArrayRef<int64_t>(shape) != op.shape(x) && !isEmpty)
    x = op.slice(x, starts, steps, shape);
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return op.result(x);
  if (llvm::is_contained(shape, 0) && mode == PadMode::Constant) {
    // Nothing of the operand is left between the borders.
    for (size_t i = 0; i < rank; ++i)
      shape[i] += pads[i] + pads[i + rank];
    return op.result(op.filled(shape, tensorType(x).getElementType(), value));
  }
  return op.result(
      op.make<PadOp>({x}, {op.named("pads", pads),
                           op.named("mode", PadModeAttr::get(op.builder.getContext(), mode)),
                           op.named("value", value)}));
}

static LogicalResult convertPad(OpImport &op) {
  Value x = op.input(0);
  std::string name = op.text("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(name);
  if (!mode)
    return op.error("attribute 'mode' is '" + name +
                    "', but must be constant, reflect, edge or wrap");
  Attribute value = readBorder(op, x);
  std::optional<Ints> pads = value ? readPads(op, op.rank(x)) : std::nullopt;
  if (!pads)
    return failure();
  return bordered(op, x, *pads, *mode, value);
}

/// Cuts the middle out of some dimensions, or puts them into the middle of zeros. What is odd is
/// cut off, or added, at the end.
static LogicalResult convertCenterCropPad(OpImport &op) {
  Value x = op.input(0);
  std::optional<Ints> wanted = op.constantInts(1, "shape");
  if (!wanted || op.hasFailed())
    return failure();
  Ints axes = op.integers("axes", iota(op.rank(x)));
  if (axes.size() != wanted->size())
    return op.error("input 'shape' has " + Twine(wanted->size()) + " entries for " +
                        Twine(axes.size()) + " axes",
                    "give one size for each axis");
  if (!op.normalAxes(axes, op.rank(x)))
    return failure();
  const auto rank = static_cast<size_t>(op.rank(x));
  Ints pads(2 * rank, 0);
  for (auto [given, extent] : llvm::zip_equal(axes, *wanted)) {
    if (extent < 0 || extent > kMostPad)
      return op.error("input 'shape' has the entry " + Twine(extent),
                      "sizes must be from 0 to " + Twine(kMostPad));
    const auto i = static_cast<size_t>(*op.normalAxis(given, op.rank(x)));
    const int64_t more = extent - op.shape(x)[i];
    pads[i] = more / 2; // towards 0
    pads[i + rank] = more - more / 2;
  }
  return bordered(op, x, pads, PadMode::Constant, readBorder(op, x));
}

void disco::importing::addMovement(ConverterTable &table) {
  table["Reshape"] = {convertReshape, 2, 2, 1};
  table["Flatten"] = {convertFlatten, 1, 1, 1};
  table["Squeeze"] = {convertSqueeze, 1, 2, 1};
  table["Unsqueeze"] = {convertUnsqueeze, 1, 2, 1};
  table["Transpose"] = {convertTranspose, 1, 1, 1};
  table["DepthToSpace"] = {convertDepthToSpace, 1, 1, 1};
  table["SpaceToDepth"] = {convertSpaceToDepth, 1, 1, 1};
  table["Concat"] = {convertConcat, 1, kVariadic, 1, kAny, kVariadic};
  table["Split"] = {convertSplit, 1, 2, kVariadic};
  table["Slice"] = {convertSlice, 1, 5, 1};
  table["Expand"] = {convertExpand, 2, 2, 1};
  table["Tile"] = {convertTile, 2, 2, 1};
  table["CenterCropPad"] = {convertCenterCropPad, 2, 2, 1};
  table["Pad"] = {convertPad, 1, 4, 1};
}
