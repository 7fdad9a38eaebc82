//===- ConvertWindows.cpp - pooling, and the settings of windows ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// Keeps products and sums of window settings far from overflow.
static constexpr int64_t kMostExtent = int64_t(1) << 30;

static bool checkList(OpImport &op, StringRef name, ArrayRef<int64_t> list, size_t count,
                      int64_t least) {
  if (list.size() != count) {
    (void)op.error("attribute '" + name + "' has " + Twine(list.size()) +
                   " entries, but must have " + Twine(count));
    return false;
  }
  for (int64_t value : list)
    if (value < least || value > kMostExtent) {
      (void)op.error("attribute '" + name + "' has the entry " + Twine(value) +
                     ", but entries must be at least " + Twine(least));
      return false;
    }
  return true;
}

/// Pads that make the result's extent ceil(extent / stride); the odd one goes to the end or the
/// beginning.
static void padToSame(Window &window, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                      bool upper) {
  for (size_t i = 0; i < spatial.size(); ++i) {
    int64_t out = (spatial[i] + window.strides[i] - 1) / window.strides[i];
    int64_t covered = (out - 1) * window.strides[i] + (kernel[i] - 1) * window.dilations[i] + 1;
    int64_t total = std::max<int64_t>(covered - spatial[i], 0);
    window.pads[i] = upper ? total / 2 : total - total / 2;
    window.pads[i + spatial.size()] = total - window.pads[i];
  }
}

std::optional<Window> disco::importing::readWindow(OpImport &op, ArrayRef<int64_t> spatial,
                                                   ArrayRef<int64_t> kernel) {
  size_t rank = spatial.size();
  Ints ones(rank, 1), zeros(2 * rank, 0);
  Window window{op.integers("strides", ones), op.integers("pads", zeros),
                op.integers("dilations", ones)};
  std::string mode = op.text("auto_pad", "NOTSET");
  if (!checkList(op, "kernel_shape", kernel, rank, 1) ||
      !checkList(op, "strides", window.strides, rank, 1) ||
      !checkList(op, "dilations", window.dilations, rank, 1) ||
      !checkList(op, "pads", window.pads, 2 * rank, 0))
    return std::nullopt;
  if (mode == "VALID") {
    window.pads = zeros;
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    padToSame(window, spatial, kernel, mode == "SAME_UPPER");
  } else if (mode != "NOTSET" && !mode.empty()) {
    (void)op.error("attribute 'auto_pad' is '" + mode +
                   "', but must be NOTSET, VALID, SAME_UPPER or SAME_LOWER");
    return std::nullopt;
  }
  return window;
}

/// Where each greatest value lies in the flattened input.
static Value maxPoolIndices(OpImport &op, Value x, ArrayRef<NamedAttribute> window) {
  SmallVector<NamedAttribute> attrs(window);
  if (op.integer("storage_order", 0) != 0)
    attrs.push_back(op.unit("column_major"));
  Value inPlane = op.make<MaxPoolIndexOp>({x}, attrs);
  int64_t planes = op.shape(x)[0] * op.shape(x)[1];
  Ints starts, shape(static_cast<size_t>(op.rank(x)), 1);
  for (int64_t i = 0; i < planes; ++i)
    starts.push_back(i * elementCount(op.shape(x).drop_front(2)));
  shape[0] = op.shape(x)[0], shape[1] = op.shape(x)[1];
  return op.binary(BinaryKind::Add, inPlane, op.integersOf(shape, starts));
}

static LogicalResult convertPool(OpImport &op, PoolKind kind) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 3 || op.rank(x) > 5)
    return op.error("the input has the shape " + shapeText(op.shape(x)) +
                        ", but must have 3, 4 or 5 dimensions",
                    "pooling over 1, 2 or 3 spatial dimensions is supported");
  if (!op.hasAttr("kernel_shape"))
    return op.error("attribute 'kernel_shape' is missing");
  Ints kernel = op.integers("kernel_shape");
  std::optional<Window> window = readWindow(op, op.shape(x).drop_front(2), kernel);
  if (!window)
    return failure();
  for (size_t i = 0; i < kernel.size(); ++i)
    if (std::max(window->pads[i], window->pads[i + kernel.size()]) >
        (kernel[i] - 1) * window->dilations[i])
      return op.error("the pads of spatial dimension " + Twine(i) + " are as large as the window",
                      "some windows would see padding only: use smaller pads");
  SmallVector<NamedAttribute> attrs{
      op.named("kernel", kernel), op.named("strides", window->strides),
      op.named("pads", window->pads), op.named("dilations", window->dilations)};
  if (op.flag("ceil_mode"))
    attrs.push_back(op.unit("ceil_mode"));
  if (kind == PoolKind::Max && op.isUsed(1) && failed(op.result(maxPoolIndices(op, x, attrs), 1)))
    return failure();
  attrs.push_back(op.named("kind", PoolKindAttr::get(op.builder.getContext(), kind)));
  if (kind == PoolKind::Average && op.flag("count_include_pad"))
    attrs.push_back(op.unit("count_include_pad"));
  return op.result(op.make<PoolOp>({x}, attrs));
}

static LogicalResult convertMaxPool(OpImport &op) {
  op.ignore({"storage_order"}); // of the indices
  return convertPool(op, PoolKind::Max);
}

/// The shape that a MaxUnpool makes: `output_shape`, else what the window gives; nothing when it is
/// wrong.
static std::optional<Ints> unpooledShape(OpImport &op, Value x) {
  size_t spatial = static_cast<size_t>(op.rank(x)) - 2;
  Ints kernel = op.integers("kernel_shape"), strides = op.integers("strides", Ints(spatial, 1)),
       pads = op.integers("pads", Ints(2 * spatial, 0));
  if (!checkList(op, "kernel_shape", kernel, spatial, 1) ||
      !checkList(op, "strides", strides, spatial, 1) ||
      !checkList(op, "pads", pads, 2 * spatial, 0))
    return std::nullopt;
  Ints shape(op.shape(x));
  for (size_t i = 0; i < spatial; ++i)
    shape[i + 2] = (shape[i + 2] - 1) * strides[i] + kernel[i] - pads[i] - pads[i + spatial];
  if (op.hasInput(2)) {
    std::optional<Ints> wanted = op.constantInts(2, "output_shape");
    if (!wanted)
      return std::nullopt;
    if (wanted->size() != shape.size() || (*wanted)[0] != shape[0] || (*wanted)[1] != shape[1]) {
      (void)op.error(
          "input 'output_shape' is " + shapeText(*wanted) +
          ", but must have the input's dimensions, batch and channels: " + shapeText(op.shape(x)));
      return std::nullopt;
    }
    shape = *wanted;
  }
  if (isReasonable(shape))
    return shape;
  (void)op.error("the result has the shape " + shapeText(shape) + ", which is impossible");
  return std::nullopt;
}

/// Writes each value of x into a plane of zeros, at the place that its index names.
///
/// An index counts within a plane of the result: MaxPool makes these indices, and it counts within
/// the tensor that it pools, which has the result's shape. PyTorch and ONNX Runtime agree. One
/// packaged ONNX case does not: where `output_shape` differs from the shape that the window gives,
/// it counts within planes of the window's shape.
static LogicalResult convertMaxUnpool(OpImport &op) {
  Value x = op.input(0), indices = op.input(1);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 3 || op.inputType(1) != ElemType::I64 || op.shape(x) != op.shape(indices))
    return op.error("needs an input of at least three dimensions and int64 indices of its shape");
  std::optional<Ints> shape = unpooledShape(op, x);
  if (!shape)
    return failure();
  int64_t planes = (*shape)[0] * (*shape)[1],
          plane = elementCount(ArrayRef<int64_t>(*shape).drop_front(2));
  Ints starts, flat{(*shape)[0], (*shape)[1], plane},
      packed{(*shape)[0], (*shape)[1], elementCount(op.shape(x).drop_front(2))};
  for (int64_t i = 0; i < planes; ++i)
    starts.push_back(i * plane);
  Value inPlane = op.binary(BinaryKind::Sub, op.reshape(indices, packed),
                            op.integersOf({(*shape)[0], (*shape)[1], 1}, starts));
  Value y = op.scatter(op.filled(flat, tensorType(x).getElementType(), 0), inPlane,
                       op.reshape(x, packed), 2);
  return op.result(op.reshape(y, *shape));
}

/// (sum of |x|^p over the window) ^ (1/p): a convolution of each channel with ones.
static LogicalResult convertLpPool(OpImport &op) {
  int64_t p = op.integer("p", 2);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 3 || op.rank(x) > 5 || p < 1 || !op.hasAttr("kernel_shape"))
    return op.error("needs an input of 3, 4 or 5 dimensions, 'kernel_shape' and a positive 'p'");
  Ints kernel = op.integers("kernel_shape");
  std::optional<Window> window = readWindow(op, op.shape(x).drop_front(2), kernel);
  if (!window)
    return failure();
  if (op.flag("ceil_mode"))
    return op.error("'ceil_mode' is not supported", "give the pads that it adds, as 'pads'");
  const double power = static_cast<double>(p);
  Value powers = p == 1 ? op.unary(x, UnaryKind::Abs)
                 : p == 2
                     ? op.binary(BinaryKind::Mul, x, x)
                     : op.binary(BinaryKind::Pow, op.unary(x, UnaryKind::Abs), op.scalar(x, power));
  const int64_t channels = op.shape(x)[1];
  Ints shape{channels, 1};
  llvm::append_range(shape, kernel);
  Value ones = op.filled(shape, tensorType(x).getElementType(), 1);
  Value sum = convolution(op, powers, ones, {}, *window, channels);
  return op.result(p == 1   ? sum
                   : p == 2 ? op.unary(sum, UnaryKind::Sqrt)
                            : op.binary(BinaryKind::Pow, sum, op.scalar(x, 1 / power)));
}

static LogicalResult convertAveragePool(OpImport &op) { return convertPool(op, PoolKind::Average); }

template <ReduceKind kind> static LogicalResult convertGlobalPool(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 2)
    return op.error("the input has the shape " + shapeText(op.shape(x)) +
                    ", but must have batch and channels");
  return op.result(op.reduce(x, kind, iota(op.rank(x) - 2, 2), true));
}

void disco::importing::addWindows(ConverterTable &table) {
  table["MaxPool"] = {convertMaxPool, 1, 1, 2, kNumbers, 1};
  table["MaxUnpool"] = {convertMaxUnpool, 2, 3, 1, kFloats, 1};
  table["LpPool"] = {convertLpPool, 1, 1, 1, kFloats, 1};
  table["AveragePool"] = {convertAveragePool, 1, 1, 1, kFloats, 1};
  table["GlobalAveragePool"] = {convertGlobalPool<ReduceKind::Mean>, 1, 1, 1, kFloats, 1};
  table["GlobalMaxPool"] = {convertGlobalPool<ReduceKind::Max>, 1, 1, 1, kFloats, 1};
}
