//===- ConvertSignal.cpp - windows and Fourier transforms -----------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Windows are constants; a transform of a known length is a contraction with constant weights,
// which is divided as every other is.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include <cmath>
#include <numbers>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// A constant of one element as an integer; nothing when it is not known or no such number.
static std::optional<int64_t> knownNumber(OpImport &op, size_t i, StringRef what, int64_t least,
                                          int64_t most) {
  std::optional<Ints> values = op.constantInts(i, what);
  if (!values)
    return std::nullopt;
  if (values->size() == 1 && values->front() >= least && values->front() <= most)
    return values->front();
  (void)op.error("input '" + what + "' must be one number from " + Twine(least) + " to " +
                 Twine(most));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// a - b cos(2 pi n / N) + c cos(4 pi n / N), where N is the size, or one less for a symmetric
/// window.
static LogicalResult convertWindow(OpImport &op, double a, double b, double c) {
  auto to = static_cast<ElemType>(op.integer("output_datatype", 1));
  bool periodic = op.flag("periodic", true);
  std::optional<int64_t> size = knownNumber(op, 0, "size", 0, int64_t(1) << 20);
  if (!size)
    return failure();
  Type element = elementType(op.builder.getContext(), to);
  if (!element || isa<IntegerType>(element))
    return op.error("gives the element type " + elemTypeName(to) + ", which is not supported",
                    "let it give float, float16 or double");
  Reals values;
  for (int64_t n = 0; n < *size; ++n) {
    double turn = 2 * std::numbers::pi * static_cast<double>(n) /
                  static_cast<double>(std::max<int64_t>(periodic ? *size : *size - 1, 1));
    values.push_back(a - b * std::cos(turn) + c * std::cos(2 * turn));
  }
  return op.resultOfType(op.reals({*size}, element, values), to);
}

static LogicalResult convertHann(OpImport &op) { return convertWindow(op, 0.5, 0.5, 0); }

static LogicalResult convertHamming(OpImport &op) {
  return convertWindow(op, 25.0 / 46, 1 - 25.0 / 46, 0);
}

static LogicalResult convertBlackman(OpImport &op) { return convertWindow(op, 0.42, 0.5, 0.08); }

//===----------------------------------------------------------------------===//
// MelWeightMatrix
//===----------------------------------------------------------------------===//

/// Triangles between neighbouring mels, one a column; the formula is that of ONNX's reference.
static LogicalResult convertMelWeights(OpImport &op) {
  auto to = static_cast<ElemType>(op.integer("output_datatype", 1));
  constexpr int64_t most = int64_t(1) << 20;
  std::optional<int64_t> bins = knownNumber(op, 0, "num_mel_bins", 1, most),
                         length = knownNumber(op, 1, "dft_length", 1, most),
                         rate = knownNumber(op, 2, "sample_rate", 1, int64_t(1) << 30);
  std::optional<Reals> lower = op.constantReals(3, "lower_edge_hertz"),
                       upper = op.constantReals(4, "upper_edge_hertz");
  if (!bins || !length || !rate || !lower || !upper)
    return failure();
  Type element = elementType(op.builder.getContext(), to);
  int64_t rows = *length / 2 + 1;
  if (!element || isa<IntegerType>(element) || lower->size() != 1 || upper->size() != 1 ||
      rows * *bins > kMostConstant)
    return op.error(
        "needs one number an edge, and a result of float, float16 or double of at most " +
        Twine(kMostConstant) + " elements");
  auto melOf = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  auto hertzOf = [](double mel) { return 700 * (std::pow(10, mel / 2595) - 1); };
  double from = melOf(lower->front()), to2 = melOf(upper->front());
  double step = (to2 - from) / static_cast<double>(*bins + 2);
  auto edge = [&](int64_t i) {
    double at = static_cast<double>(*length + 1) * hertzOf(from + static_cast<double>(i) * step) /
                static_cast<double>(*rate);
    return static_cast<int64_t>(std::floor(std::clamp(at, -1.0, static_cast<double>(rows))));
  };
  Reals values(static_cast<size_t>(rows * *bins), 0);
  for (int64_t i = 0; i < *bins; ++i) {
    const int64_t low = edge(i), centre = edge(i + 1), high = edge(i + 2);
    auto set = [&](int64_t row, double value) {
      if (row >= 0 && row < rows)
        values[static_cast<size_t>(row * *bins + i)] = value;
    };
    if (centre == low)
      set(centre, 1);
    for (int64_t row = low; row <= centre && centre != low; ++row)
      set(row, static_cast<double>(row - low) / static_cast<double>(centre - low));
    for (int64_t row = centre; row < high; ++row)
      set(row, static_cast<double>(high - row) / static_cast<double>(high - centre));
  }
  return op.resultOfType(op.reals({rows, *bins}, element, values), to);
}

//===----------------------------------------------------------------------===//
// Fourier transforms
//===----------------------------------------------------------------------===//

/// cos and sin of an angle of `i` in `n` parts of a turn; the angle is made small first.
static double cosOf(int64_t i, int64_t n) {
  return std::cos(2 * std::numbers::pi * static_cast<double>(i % n) / static_cast<double>(n));
}
static double sinOf(int64_t i, int64_t n) {
  return std::sin(2 * std::numbers::pi * static_cast<double>(i % n) / static_cast<double>(n));
}

/// [parts * length, bins * 2]: what a row of samples, real or in pairs of real and imaginary, is
/// multiplied with.
static Value dftMatrix(OpImport &op, Type element, int64_t length, int64_t parts, int64_t bins,
                       bool inverse) {
  const int64_t turns = length;
  const double sign = inverse ? 1 : -1, scale = inverse ? 1 / static_cast<double>(length) : 1;
  Reals values;
  for (int64_t n = 0; n < length; ++n)
    for (int64_t part = 0; part < parts; ++part)
      for (int64_t k = 0; k < bins; ++k) {
        const double real = scale * cosOf(n * k, turns),
                     imaginary = scale * sign * sinOf(n * k, turns);
        values.push_back(part == 0 ? real : -imaginary);
        values.push_back(part == 0 ? imaginary : real);
      }
  return op.reals({length * parts, bins * 2}, element, values);
}

/// The axis of a DFT: an attribute before opset 20, an operand from then on.
static std::optional<int64_t> dftAxis(OpImport &op, int64_t rank) {
  int64_t axis = op.opset() < 20 ? op.integer("axis", 1) : -2;
  if (op.opset() >= 20 && op.hasInput(2)) {
    std::optional<Ints> given = op.constantInts(2, "axis");
    if (!given || given->size() != 1)
      return std::nullopt;
    axis = given->front();
  }
  return op.normalAxis(axis, rank);
}

static LogicalResult convertDft(OpImport &op) {
  bool inverse = op.flag("inverse"), oneSided = op.flag("onesided");
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  const int64_t rank = op.rank(x);
  std::optional<int64_t> axis = rank < 2 ? std::nullopt : dftAxis(op, rank);
  if (op.hasFailed())
    return failure();
  const int64_t parts = op.shape(x).empty() ? 0 : op.shape(x).back();
  if (!axis || *axis == rank - 1 || (parts != 1 && parts != 2) || (oneSided && inverse) ||
      (oneSided && parts != 1))
    return op.error(
        "needs an input whose last dimension is 1 or 2, real or real and imaginary, and "
        "another axis than that; a one-sided transform is one of real numbers");
  int64_t length = op.shape(x)[static_cast<size_t>(*axis)];
  if (op.hasInput(1)) {
    std::optional<int64_t> given = knownNumber(op, 1, "dft_length", 1, int64_t(1) << 14);
    if (!given)
      return failure();
    Ints zeros(static_cast<size_t>(rank), 0), steps(static_cast<size_t>(rank), 1),
        shape(op.shape(x));
    const auto at = static_cast<size_t>(*axis);
    if (*given < length) {
      shape[at] = *given;
      x = op.slice(x, zeros, steps, shape);
    } else if (*given > length) {
      shape[at] = *given - length;
      x = op.concat({x, op.filled(shape, tensorType(x).getElementType(), 0)}, *axis);
    }
    length = *given;
  }
  const int64_t bins = oneSided ? length / 2 + 1 : length;
  if (length > kMostConstant || length * parts * bins * 2 > kMostConstant)
    return op.error("the transform of " + Twine(length) +
                    " samples is too long: its matrix has more "
                    "than " +
                    Twine(kMostConstant) + " elements");
  // [..., axis, ..., parts] to rows of samples.
  Ints order = iota(rank);
  order.erase(order.begin() + *axis);
  order.insert(order.end() - 1, *axis);
  x = op.transpose(x, order);
  if (!x)
    return failure();
  Ints lead(op.shape(x).drop_back(2)), rows(lead), result(lead);
  if (rows.empty())
    rows.push_back(1);
  rows.push_back(length * parts);
  result.append({bins, 2});
  Value matrix = dftMatrix(op, tensorType(x).getElementType(), length, parts, bins, inverse);
  Value y = op.reshape(matrixProduct(op, op.reshape(x, rows), matrix, {}, false, false), result);
  Ints back(static_cast<size_t>(rank));
  for (auto [i, from] : llvm::enumerate(order))
    back[static_cast<size_t>(from)] = static_cast<int64_t>(i);
  return op.result(op.transpose(y, back));
}

/// A convolution along time: one filter for the real and one for the imaginary part of each bin.
static LogicalResult convertStft(OpImport &op) {
  bool oneSided = op.flag("onesided", true);
  Value x = op.input(0), window = op.input(2);
  std::optional<int64_t> step = knownNumber(op, 1, "frame_step", 1, int64_t(1) << 30);
  if (!step)
    return failure();
  std::optional<int64_t> length;
  if (op.hasInput(3)) {
    length = knownNumber(op, 3, "frame_length", 1, int64_t(1) << 14);
    if (!length)
      return failure();
  } else if (window && op.rank(window) == 1) {
    length = op.shape(window)[0];
  }
  if (!length || (window && op.shape(window) != ArrayRef(*length)))
    return op.error("needs a frame length, or a window of that length");
  ArrayRef<int64_t> shape = op.shape(x);
  const int64_t parts = shape.size() == 3 ? shape[2] : 1;
  if (shape.size() < 2 || shape.size() > 3 || (parts != 1 && parts != 2) || shape[1] < *length ||
      (oneSided && parts != 1))
    return op.error(
        "the signal has the shape " + shapeText(shape) +
        ", but must be [batch, samples], or have 1 or 2 more behind it, with at least as "
        "many samples as a frame; a one-sided transform is one of real numbers");
  const int64_t bins = oneSided ? *length / 2 + 1 : *length, batch = shape[0];
  if (*length * parts * bins * 2 > kMostConstant)
    return op.error("the transform of " + Twine(*length) + " samples is too long");
  Reals weights;
  for (int64_t k = 0; k < bins; ++k)
    for (int64_t out = 0; out < 2; ++out)
      for (int64_t part = 0; part < parts; ++part)
        for (int64_t n = 0; n < *length; ++n) {
          // (real + i imaginary) * (cos - i sin)
          const double cosine = cosOf(n * k, *length), sine = sinOf(n * k, *length);
          weights.push_back(out == part ? cosine : out == 0 ? sine : -sine);
        }
  Value filters = op.reals({bins * 2, parts, *length}, tensorType(x).getElementType(), weights);
  if (window)
    filters = op.binary(BinaryKind::Mul, filters, window);
  Value rows = op.transpose(op.reshape(x, {batch, shape[1], parts}), {0, 2, 1});
  Value y = convolution(op, rows, filters, {}, Window{{*step}, {0, 0}, {1}}, 1);
  if (!y)
    return failure();
  const int64_t frames = op.shape(y)[2];
  return op.result(op.reshape(op.transpose(y, {0, 2, 1}), {batch, frames, bins, 2}));
}

void disco::importing::addSignal(ConverterTable &table) {
  table["HannWindow"] = {convertHann, 1, 1, 1, kSigned};
  table["HammingWindow"] = {convertHamming, 1, 1, 1, kSigned};
  table["BlackmanWindow"] = {convertBlackman, 1, 1, 1, kSigned};
  table["MelWeightMatrix"] = {convertMelWeights, 5, 5, 1, kSigned};
  table["DFT"] = {convertDft, 1, 3, 1, kFloats};
  table["STFT"] = {convertStft, 2, 4, 1, kFloats};
}
