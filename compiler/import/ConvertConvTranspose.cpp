//===- ConvertConvTranspose.cpp - transposed convolution ------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A transposed convolution is a convolution of stride 1 with mirrored weights over an input with
// stride - 1 zeros between its elements. It costs the product of the strides more than it must, and
// divides like any other contraction.
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// [N, C, a, b] becomes [N, C, a * stride, b * stride]: every element and the zeros after it.
static Value spreadOut(OpImport &op, Value x, ArrayRef<int64_t> strides) {
  if (!x || llvm::all_of(strides, [](int64_t stride) { return stride == 1; }))
    return x;
  ArrayRef<int64_t> shape = op.shape(x);
  Ints apart(shape.take_front(2)), whole = apart, pads(2 * (2 + 2 * strides.size()), 0);
  for (size_t i = 0; i < strides.size(); ++i) {
    apart.append({shape[i + 2], 1});
    whole.push_back(shape[i + 2] * strides[i]);
    pads[pads.size() / 2 + 3 + 2 * i] = strides[i] - 1;
  }
  Value padded = op.make<PadOp>(
      {op.reshape(x, apart)},
      {op.named("pads", pads),
       op.named("mode", PadModeAttr::get(op.builder.getContext(), PadMode::Constant)),
       op.named("value", op.builder.getF64FloatAttr(0))});
  return op.reshape(padded, whole);
}

/// [C, M / group, kernel...] becomes [M, C / group, kernel mirrored...].
static Value mirrored(OpImport &op, Value w, int64_t group) {
  Ints shape(op.shape(w)), starts(shape.size(), 0), steps(shape.size(), 1);
  for (size_t i = 2; i < shape.size(); ++i) {
    starts[i] = shape[i] - 1;
    steps[i] = shape[i] > 1 ? -1 : 1;
  }
  Value flipped = op.slice(w, starts, steps, shape);
  Ints view{group, shape[0] / group, shape[1]}, perm{0, 2, 1},
      result{group * shape[1], shape[0] / group};
  for (size_t i = 2; i < shape.size(); ++i) {
    view.push_back(shape[i]);
    perm.push_back(static_cast<int64_t>(i) + 1);
    result.push_back(shape[i]);
  }
  return op.rearrange(flipped, view, perm, result);
}

/// Pads by auto_pad and output_shape, as ONNX defines them from the whole result's extent.
static bool resolvePads(OpImport &op, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                        ArrayRef<int64_t> extra, Window &window) {
  std::string mode = op.text("auto_pad", "NOTSET");
  Ints wanted = op.integers("output_shape");
  size_t rank = spatial.size();
  // Some exporters repeat batch and channels there.
  if (wanted.size() == rank + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2);
  bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (wanted.empty() && !same)
    return true;
  if (!wanted.empty() && (wanted.size() != rank || !isReasonable(wanted))) {
    (void)op.error("attribute 'output_shape' is " + shapeText(wanted) + ", but must have " +
                   Twine(rank) + " entries");
    return false;
  }
  for (size_t i = 0; i < rank; ++i) {
    int64_t whole =
        window.strides[i] * (spatial[i] - 1) + extra[i] + (kernel[i] - 1) * window.dilations[i] + 1;
    int64_t total = whole - (wanted.empty() ? spatial[i] * window.strides[i] : wanted[i]);
    // A result that is wider than the whole gets its zeros at the end.
    int64_t half = std::max<int64_t>(total, 0) / 2;
    window.pads[i] = mode == "SAME_UPPER" ? half : std::max<int64_t>(total, 0) - half;
    window.pads[i + rank] = total - window.pads[i];
  }
  return true;
}

static LogicalResult convertConvTranspose(OpImport &op) {
  Value x = op.input(0), w = op.weights(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  int64_t group = op.integer("group", 1), rank = op.rank(x);
  if (rank < 3 || rank > 5 || op.rank(w) != rank)
    return op.error("the input has the shape " + shapeText(op.shape(x)) + " and the weights " +
                    shapeText(op.shape(w)) + ": both must have 3, 4 or 5 dimensions");
  if (group < 1 || op.shape(w)[0] % group != 0 || op.shape(x)[1] != op.shape(w)[0])
    return op.error("the input has " + Twine(op.shape(x)[1]) +
                    " channels, but weights of the shape " + shapeText(op.shape(w)) + " in " +
                    Twine(group) + " groups do not read that many");
  Ints kernel(op.shape(w).drop_front(2)), spatial(op.shape(x).drop_front(2)),
      zeros(spatial.size(), 0);
  if (op.integers("kernel_shape", kernel) != kernel)
    return op.error("attribute 'kernel_shape' does not agree with weights of the shape " +
                    shapeText(op.shape(w)));
  std::optional<Window> window = readWindow(op, spatial, kernel);
  Ints extra = op.integers("output_padding", zeros);
  if (!window || op.hasFailed())
    return failure();
  if (extra.size() != spatial.size() ||
      llvm::any_of(extra, [](int64_t e) { return e < 0 || e > 65536; }))
    return op.error("attribute 'output_padding' is " + shapeText(extra) + ", but must have " +
                    Twine(spatial.size()) + " entries that are not negative");
  if (!resolvePads(op, spatial, kernel, extra, *window))
    return failure();
  Value spread = spreadOut(op, x, window->strides);
  if (!spread)
    return failure();
  // What the convolution pads; what it would have to crop is cut off before.
  size_t count = spatial.size();
  Ints pads(2 * count, 0), starts(count + 2, 0), steps(count + 2, 1), kept(op.shape(spread));
  for (size_t i = 0; i < count; ++i) {
    int64_t reach = (kernel[i] - 1) * window->dilations[i];
    int64_t begin = reach - window->pads[i],
            end = reach - window->pads[i + count] + extra[i] - (window->strides[i] - 1);
    pads[i] = std::max<int64_t>(begin, 0), pads[i + count] = std::max<int64_t>(end, 0);
    starts[i + 2] = std::max<int64_t>(-begin, 0);
    kept[i + 2] -= starts[i + 2] + std::max<int64_t>(-end, 0);
    if (kept[i + 2] < 1)
      return op.error("the pads leave nothing of spatial dimension " + Twine(i));
  }
  if (ArrayRef<int64_t>(kept) != op.shape(spread))
    spread = op.slice(spread, starts, steps, kept);
  Value weights = mirrored(op, w, group);
  if (!weights)
    return failure();
  if (bias && (op.rank(bias) != 1 || op.shape(bias)[0] != op.shape(weights)[0]))
    return op.error("the bias has the shape " + shapeText(op.shape(bias)) +
                    ", but must have one value for each of the " + Twine(op.shape(weights)[0]) +
                    " output channels");
  window->pads = pads;
  window->strides = Ints(count, 1);
  return op.result(convolution(op, spread, weights, bias, *window, group));
}

void disco::importing::addConvTranspose(ConverterTable &table) {
  table["ConvTranspose"] = {convertConvTranspose, 2, 3, 1, kFloats, 3};
}
