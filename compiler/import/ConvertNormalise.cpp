//===- ConvertNormalise.cpp - reductions, softmax and normalisation -------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// What a reduction over no axes leaves of every element: all but the sum.
static Value reduceNothing(OpImport &op, Value x, ReduceKind kind) {
  switch (kind) {
  case ReduceKind::L1:
  case ReduceKind::L2: return op.unary(x, UnaryKind::Abs);
  case ReduceKind::SumSquare: return op.binary(BinaryKind::Mul, x, x);
  case ReduceKind::LogSum:
    return isa<FloatType>(tensorType(x).getElementType()) ? op.unary(x, UnaryKind::Log)
                                                          : op.reduce(x, kind, {}, true);
  default: return x; // the logarithm of the exponential, too
  }
}

template <ReduceKind kind> static LogicalResult convertReduce(OpImport &op) {
  Value x = op.input(0);
  int64_t since = kind == ReduceKind::Sum ? 13 : 18;
  std::optional<Ints> given = op.attrOrInput("axes", since, 1);
  bool keepdims = op.flag("keepdims", true),
       none = op.opset() >= since && op.flag("noop_with_empty_axes");
  if (op.hasFailed())
    return failure();
  if (!given || given->empty()) {
    if (none)
      return op.result(reduceNothing(op, x, kind));
    given = iota(op.rank(x));
  }
  std::optional<Ints> axes = op.normalAxes(*given, op.rank(x));
  return axes ? op.result(op.reduce(x, kind, *axes, keepdims)) : failure();
}

template <bool log> static LogicalResult convertSoftmax(OpImport &op) {
  Value x = op.input(0);
  bool single = op.opset() >= 13;
  int64_t axis = op.integer("axis", single ? -1 : 1);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> normal = op.normalAxis(axis, op.rank(x));
  if (!normal)
    return failure();
  SmallVector<NamedAttribute> attrs{op.named("axis", *normal),
                                    op.named("count", single ? 1 : op.rank(x) - *normal)};
  if (log)
    attrs.push_back(op.unit("log"));
  return op.result(op.make<SoftmaxOp>({x}, attrs));
}

//===----------------------------------------------------------------------===//
// BatchNormalization
//===----------------------------------------------------------------------===//

/// y = x * (scale / sqrt(var + eps)) + (bias - mean * scale / sqrt(var + eps)), both factors
/// constants.
static Value foldedBatchNorm(OpImport &op, Value x, ArrayRef<Value> parameters,
                             ArrayRef<int64_t> shape, double epsilon) {
  ConstantView scale(parameters[0]), bias(parameters[1]), mean(parameters[2]),
      variance(parameters[3]);
  Reals factors, offsets;
  for (int64_t i = 0; i < scale.size(); ++i) {
    double factor = scale.real(i) / std::sqrt(variance.real(i) + epsilon);
    factors.push_back(factor);
    offsets.push_back(bias.real(i) - mean.real(i) * factor);
  }
  Type element = tensorType(x).getElementType();
  Value scaled = op.binary(BinaryKind::Mul, x, op.reals(shape, element, factors));
  return op.binary(BinaryKind::Add, scaled, op.reals(shape, element, offsets));
}

static Value runtimeBatchNorm(OpImport &op, Value x, ArrayRef<Value> parameters,
                              ArrayRef<int64_t> shape, double epsilon) {
  Value deviation =
      op.unary(op.binary(BinaryKind::Add, parameters[3], op.scalar(parameters[3], epsilon)),
               UnaryKind::Sqrt);
  Value factor = op.binary(BinaryKind::Div, parameters[0], deviation);
  Value offset =
      op.binary(BinaryKind::Sub, parameters[1], op.binary(BinaryKind::Mul, parameters[2], factor));
  Type element = tensorType(x).getElementType();
  Value scaled = op.binary(BinaryKind::Mul, x, op.convertTo(op.reshape(factor, shape), element));
  return op.binary(BinaryKind::Add, scaled, op.convertTo(op.reshape(offset, shape), element));
}

/// The statistics are those of the batch; the running ones are moved towards them.
static LogicalResult trainingBatchNorm(OpImport &op, double epsilon) {
  double momentum = op.real("momentum", 0.9f);
  Values operands = op.inputs();
  if (op.hasFailed())
    return failure();
  Value x = operands[0];
  if (op.rank(x) < 2)
    return op.error("needs an input with channels");
  Ints axes = iota(op.rank(x)), shape(static_cast<size_t>(op.rank(x)) - 1, 1);
  axes.erase(axes.begin() + 1);
  int64_t channels = shape[0] = op.shape(x)[1];
  Value mean = op.reduce(x, ReduceKind::Mean, axes, true);
  Value centred = op.binary(BinaryKind::Sub, x, mean);
  Value variance =
      op.reduce(op.binary(BinaryKind::Mul, centred, centred), ReduceKind::Mean, axes, true);
  Value deviation =
      op.unary(op.binary(BinaryKind::Add, variance, op.scalar(x, epsilon)), UnaryKind::Sqrt);
  Value normal = op.binary(BinaryKind::Div, centred, deviation);
  Type element = tensorType(x).getElementType();
  Value scale = op.convertTo(op.reshape(operands[1], shape), element),
        bias = op.convertTo(op.reshape(operands[2], shape), element);
  for (size_t i = 1; i < 3; ++i) {
    if (!op.isUsed(i))
      continue;
    Value running = operands[i + 2], batch = op.reshape(i == 1 ? mean : variance, {channels});
    if (!batch)
      return failure();
    batch = op.convertTo(batch, tensorType(running).getElementType());
    Value moved = op.binary(BinaryKind::Add,
                            op.binary(BinaryKind::Mul, running, op.scalar(running, momentum)),
                            op.binary(BinaryKind::Mul, batch, op.scalar(running, 1 - momentum)));
    if (failed(op.result(moved, i, i + 2)))
      return failure();
  }
  return op.result(op.binary(BinaryKind::Add, op.binary(BinaryKind::Mul, normal, scale), bias));
}

static LogicalResult convertBatchNorm(OpImport &op) {
  op.ignore({"momentum", "consumed_inputs"});
  double epsilon = op.real("epsilon", 1e-5f);
  bool perActivation = op.opset() < 9 && !op.flag("spatial", true);
  bool training =
      op.opset() >= 14 ? op.flag("training_mode") : op.opset() < 7 && !op.flag("is_test");
  if (training && op.opset() >= 14)
    return trainingBatchNorm(op, epsilon);
  for (size_t i = 1; i < op.op.outputs.size(); ++i)
    training |= !op.op.outputs[i].empty();
  if (training)
    return op.error("is in training mode", "export the model for inference (model.eval())");
  Values operands = op.inputs();
  if (op.hasFailed())
    return failure();
  Value x = operands[0];
  ArrayRef<Value> parameters = ArrayRef<Value>(operands).drop_front();
  Ints shape{1};
  if (op.rank(x) >= 2) {
    shape = Ints(op.shape(x).drop_front());
    for (size_t i = 1; i < shape.size() && !perActivation; ++i)
      shape[i] = 1;
  }
  bool known = true;
  for (Value parameter : parameters) {
    known &= OpImport::constant(parameter) && elementCount(op.shape(parameter)) <= kMostConstant;
    if (elementCount(op.shape(parameter)) != elementCount(shape))
      return op.error("a parameter has the shape " + shapeText(op.shape(parameter)) +
                      ", but the input, of the shape " + shapeText(op.shape(x)) + ", needs " +
                      Twine(elementCount(shape)) + " values");
  }
  return op.result(known ? foldedBatchNorm(op, x, parameters, shape, epsilon)
                         : runtimeBatchNorm(op, x, parameters, shape, epsilon));
}

//===----------------------------------------------------------------------===//
// Layer, instance and group normalisation
//===----------------------------------------------------------------------===//

namespace {
struct Normalised {
  Value value, mean, inverse; // of the standard deviation
};
} // namespace

/// (x - mean) / sqrt(variance + epsilon), over some axes.
static Normalised normalise(OpImport &op, Value x, ArrayRef<int64_t> axes, double epsilon) {
  Normalised result;
  result.mean = op.reduce(x, ReduceKind::Mean, axes, true);
  Value centred = op.binary(BinaryKind::Sub, x, result.mean);
  Value variance =
      op.reduce(op.binary(BinaryKind::Mul, centred, centred), ReduceKind::Mean, axes, true);
  Value deviation =
      op.unary(op.binary(BinaryKind::Add, variance, op.scalar(x, epsilon)), UnaryKind::Sqrt);
  result.inverse = op.unary(deviation, UnaryKind::Reciprocal);
  result.value = op.binary(BinaryKind::Mul, centred, result.inverse);
  return result;
}

/// x * scale + bias, where both broadcast to x.
static Value affine(OpImport &op, Value x, Value scale, Value bias) {
  for (Value parameter : {scale, bias})
    if (x && parameter && broadcastShapes(op.shape(x), op.shape(parameter)) != Ints(op.shape(x))) {
      (void)op.error("a parameter of the shape " + shapeText(op.shape(parameter)) +
                     " cannot be broadcast to " + shapeText(op.shape(x)));
      return {};
    }
  Value scaled = op.binary(BinaryKind::Mul, x, scale);
  return bias ? op.binary(BinaryKind::Add, scaled, bias) : scaled;
}

static LogicalResult convertLayerNorm(OpImport &op) {
  op.ignore({"stash_type"}); // computed in f32 at least
  double epsilon = op.real("epsilon", 1e-5f);
  Value x = op.input(0), scale = op.input(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", -1), op.rank(x));
  if (!axis)
    return failure();
  Normalised normal = normalise(op, x, iota(op.rank(x) - *axis, *axis), epsilon);
  Value y = affine(op, normal.value, scale, bias);
  if (op.op.outputs.size() > 1 && failed(op.resultOfType(normal.mean, ElemType::F32, 1)))
    return failure();
  if (op.op.outputs.size() > 2 && failed(op.resultOfType(normal.inverse, ElemType::F32, 2)))
    return failure();
  return op.result(y);
}

/// x / sqrt(mean of the squares + epsilon)
static Normalised normaliseSquares(OpImport &op, Value x, ArrayRef<int64_t> axes, double epsilon) {
  Value squares = op.reduce(op.binary(BinaryKind::Mul, x, x), ReduceKind::Mean, axes, true);
  Value root =
      op.unary(op.binary(BinaryKind::Add, squares, op.scalar(x, epsilon)), UnaryKind::Sqrt);
  Value inverse = op.unary(root, UnaryKind::Reciprocal);
  return {op.binary(BinaryKind::Mul, x, inverse), {}, inverse};
}

static LogicalResult convertRmsNorm(OpImport &op) {
  op.ignore({"stash_type"}); // computed in f32 at least
  double epsilon = op.real("epsilon", 1e-5f);
  Value x = op.input(0), scale = op.input(1);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", -1), op.rank(x));
  if (!axis)
    return failure();
  Value normal = normaliseSquares(op, x, iota(op.rank(x) - *axis, *axis), epsilon).value;
  return op.result(affine(op, normal, scale, {}));
}

/// ONNX Runtime's fusion: layer or RMS normalisation of the sum of input, skip and a bias, which
/// is its fourth output.
template <bool ofSquares> static LogicalResult convertSkipNorm(OpImport &op) {
  double epsilon = op.real("epsilon", ofSquares ? 1e-5f : 1e-12f);
  Value sum = op.binary(BinaryKind::Add, op.input(0), op.input(1)), scale = op.input(2),
        beta = ofSquares ? Value() : op.input(3), bias = op.input(ofSquares ? 3 : 4);
  if (bias)
    sum = op.binary(BinaryKind::Add, sum, bias);
  if (op.hasFailed())
    return failure();
  Ints axes{op.rank(sum) - 1};
  Normalised normal =
      ofSquares ? normaliseSquares(op, sum, axes, epsilon) : normalise(op, sum, axes, epsilon);
  if (op.isUsed(1) || op.isUsed(2))
    return op.error("outputs mean and inverse deviation, which only training needs, are used",
                    "export the model for inference");
  if (op.isUsed(3) && failed(op.result(sum, 3)))
    return failure();
  return op.result(affine(op, normal.value, scale, beta));
}

/// ONNX Runtime's fusion: layer normalisation of the sum of the embeddings of words, positions and
/// segments; how many places of the mask are one; that sum.
static LogicalResult convertEmbedLayerNorm(OpImport &op) {
  const double epsilon = op.real("epsilon", 1e-12f);
  op.ignore({"mask_index_type"});
  Value ids = op.input(0), words = op.input(2), places = op.input(3), scale = op.input(5),
        beta = op.input(6);
  if (op.hasFailed())
    return failure();
  if (!words || !places || !scale || !beta || op.hasInput(1) != op.hasInput(4))
    return op.error("embeddings of words and positions, gamma and beta are needed, and segments "
                    "with their embeddings or none");
  if (op.rank(ids) != 2 || op.rank(words) != 2 || op.rank(places) != 2)
    return op.error("ids and embeddings must have two dimensions");
  const int64_t batch = op.shape(ids)[0], tokens = op.shape(ids)[1], width = op.shape(words)[1];
  if (op.shape(places)[0] < tokens)
    return op.error("has embeddings of " + Twine(op.shape(places)[0]) + " positions for " +
                        Twine(tokens) + " tokens",
                    "give fewer tokens with --input-shape");
  Value sum = op.gather(words, ids, 0);
  Value position = op.hasInput(8) ? op.gather(places, op.input(8), 0)
                                  : op.slice(places, {0, 0}, {1, 1}, {tokens, width});
  sum = op.binary(BinaryKind::Add, sum, position);
  if (op.hasInput(1))
    sum = op.binary(BinaryKind::Add, sum, op.gather(op.input(4), op.input(1), 0));
  if (op.hasFailed())
    return failure();
  if (op.isUsed(1)) {
    Type element = op.builder.getI32Type();
    Value count = op.filled({batch}, element, 0);
    if (op.hasInput(7)) {
      Value mask = op.input(7);
      Value ones = op.binary(BinaryKind::Equal, mask, op.integerScalar(mask, 1));
      count = op.reduce(op.convertTo(ones, element), ReduceKind::Sum, {1}, false);
    }
    if (failed(op.result(count, 1)))
      return failure();
  }
  if (op.isUsed(2) && failed(op.result(sum, 2)))
    return failure();
  return op.result(affine(op, normalise(op, sum, {2}, epsilon).value, scale, beta));
}

/// [C] as [C, 1, ...] for a tensor of some rank.
static Value channelwise(OpImport &op, Value parameter, int64_t rank) {
  if (!parameter)
    return {};
  Ints shape(static_cast<size_t>(rank) - 1, 1);
  shape[0] = elementCount(op.shape(parameter));
  return op.reshape(parameter, shape);
}

static LogicalResult convertInstanceNorm(OpImport &op) {
  op.ignore({"consumed_inputs"});
  double epsilon = op.real("epsilon", 1e-5f);
  Value x = op.input(0), scale = op.input(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  int64_t rank = op.rank(x);
  if (rank < 3)
    return op.error("the input has the shape " + shapeText(op.shape(x)) +
                    ", but must have at least three dimensions");
  Value normal = normalise(op, x, iota(rank - 2, 2), epsilon).value;
  return op.result(affine(op, normal, channelwise(op, scale, rank), channelwise(op, bias, rank)));
}

static LogicalResult convertGroupNorm(OpImport &op) {
  op.ignore({"stash_type"});
  double epsilon = op.real("epsilon", 1e-5f);
  int64_t groups = op.integer("num_groups", 0);
  Value x = op.input(0), scale = op.input(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  int64_t rank = op.rank(x);
  if (rank < 2 || groups < 1 || op.shape(x)[1] % groups != 0)
    return op.error("the channels of an input of the shape " + shapeText(op.shape(x)) +
                    " cannot be divided into " + Twine(groups) + " groups");
  Ints whole(op.shape(x)), grouped{whole[0], groups, whole[1] / groups};
  llvm::append_range(grouped, ArrayRef<int64_t>(whole).drop_front(2));
  Value normal = normalise(op, op.reshape(x, grouped), iota(rank - 1, 2), epsilon).value;
  // Before opset 21 scale and bias went by group.
  if (op.opset() < 21) {
    normal = affine(op, normal, channelwise(op, scale, rank + 1), channelwise(op, bias, rank + 1));
    return op.result(op.reshape(normal, whole));
  }
  normal = op.reshape(normal, whole);
  return op.result(affine(op, normal, channelwise(op, scale, rank), channelwise(op, bias, rank)));
}

static LogicalResult convertMeanVariance(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  std::optional<Ints> axes = op.normalAxes(op.integers("axes", {0, 2, 3}), op.rank(x));
  if (!axes)
    return failure();
  // The op has a small constant beside the deviation, not beside the variance.
  Value centred = op.binary(BinaryKind::Sub, x, op.reduce(x, ReduceKind::Mean, *axes, true));
  Value variance =
      op.reduce(op.binary(BinaryKind::Mul, centred, centred), ReduceKind::Mean, *axes, true);
  Value root = op.unary(variance, UnaryKind::Sqrt), smallest = op.scalar(x, 1e-9);
  Value deviation = op.binary(BinaryKind::Add, root, smallest);
  return op.result(op.binary(BinaryKind::Div, centred, deviation));
}

/// x / (sum of |x|^p along the axis) ^ (1/p), where p is 1 or 2; where that is 0, so is all of x.
static LogicalResult convertLpNormalization(OpImport &op) {
  int64_t axis = op.integer("axis", -1), p = op.integer("p", 2);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> normal = op.normalAxis(axis, op.rank(x));
  if (!normal)
    return failure();
  if (p != 1 && p != 2)
    return op.error("'p' is " + Twine(p) + ", and not 1 or 2",
                    "ONNX has no other; write the norm with ReduceSum and Pow");
  const llvm::fltSemantics &type =
      cast<FloatType>(tensorType(x).getElementType()).getFloatSemantics();
  Value norm = op.reduce(x, p == 1 ? ReduceKind::L1 : ReduceKind::L2, {*normal}, true);
  Value least = op.scalar(x, llvm::APFloat::getSmallestNormalized(type).convertToDouble());
  return op.result(op.binary(BinaryKind::Div, x, op.binary(BinaryKind::Max, norm, least)));
}

/// (sum of |x|^p over the spatial dimensions) ^ (1/p)
static LogicalResult convertGlobalLpPool(OpImport &op) {
  int64_t p = op.integer("p", 2);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 3 || p < 1)
    return op.error("needs an input of at least three dimensions and a positive 'p'");
  Ints axes = iota(op.rank(x) - 2, 2);
  if (p <= 2)
    return op.result(op.reduce(x, p == 1 ? ReduceKind::L1 : ReduceKind::L2, axes, true));
  Value powers =
      op.binary(BinaryKind::Pow, op.unary(x, UnaryKind::Abs), op.scalar(x, static_cast<double>(p)));
  Value sum = op.reduce(powers, ReduceKind::Sum, axes, true);
  return op.result(op.binary(BinaryKind::Pow, sum, op.scalar(x, 1 / static_cast<double>(p))));
}

/// x / (bias + alpha / size * sum of the squares of `size` neighbouring channels) ^ beta
static LogicalResult convertLrn(OpImport &op) {
  double alpha = op.real("alpha", 1e-4f), beta = op.real("beta", 0.75f), bias = op.real("bias", 1);
  int64_t size = op.integer("size", 0);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) < 3 || size < 1 || size > 65536)
    return op.error("needs an input of at least three dimensions and a positive 'size'");
  Ints shape(op.shape(x)), flat{shape[0], 1, shape[1], elementCount(op.shape(x).drop_front(2))};
  Value squares = op.reshape(op.binary(BinaryKind::Mul, x, x), flat);
  Value mean = op.make<PoolOp>(
      {squares}, {op.named("kind", PoolKindAttr::get(op.builder.getContext(), PoolKind::Average)),
                  op.named("kernel", Ints{size, 1}), op.named("strides", Ints{1, 1}),
                  op.named("pads", Ints{(size - 1) / 2, 0, size / 2, 0}),
                  op.named("dilations", Ints{1, 1}), op.unit("count_include_pad")});
  Value total = op.reshape(mean, shape), factor = op.scalar(x, alpha);
  Value sum = op.binary(BinaryKind::Mul, total, factor);
  Value base = op.binary(BinaryKind::Add, sum, op.scalar(x, bias));
  return op.result(
      op.binary(BinaryKind::Div, x, op.binary(BinaryKind::Pow, base, op.scalar(x, beta))));
}

void disco::importing::addNormalise(ConverterTable &table) {
  table["ReduceMean"] = {convertReduce<ReduceKind::Mean>, 1, 2, 1, kNumbers};
  table["ReduceSum"] = {convertReduce<ReduceKind::Sum>, 1, 2, 1, kNumbers};
  table["ReduceMax"] = {convertReduce<ReduceKind::Max>, 1, 2, 1, kAny};
  table["ReduceMin"] = {convertReduce<ReduceKind::Min>, 1, 2, 1, kAny};
  table["ReduceProd"] = {convertReduce<ReduceKind::Prod>, 1, 2, 1, kNumbers};
  table["ReduceSumSquare"] = {convertReduce<ReduceKind::SumSquare>, 1, 2, 1, kNumbers};
  table["ReduceL1"] = {convertReduce<ReduceKind::L1>, 1, 2, 1, kNumbers};
  table["ReduceL2"] = {convertReduce<ReduceKind::L2>, 1, 2, 1, kNumbers};
  table["ReduceLogSum"] = {convertReduce<ReduceKind::LogSum>, 1, 2, 1, kNumbers};
  table["ReduceLogSumExp"] = {convertReduce<ReduceKind::LogSumExp>, 1, 2, 1, kNumbers};
  table["Softmax"] = {convertSoftmax<false>, 1, 1, 1, kFloats};
  table["LogSoftmax"] = {convertSoftmax<true>, 1, 1, 1, kFloats};
  table["BatchNormalization"] = {convertBatchNorm, 5, 5, 5, kFloats};
  table["LayerNormalization"] = {convertLayerNorm, 2, 3, 3, kFloats, 3};
  table["SimplifiedLayerNormalization"] = {convertRmsNorm, 2, 2, 1, kFloats}; // ONNX Runtime's
  table["com.microsoft.SkipLayerNormalization"] = {convertSkipNorm<false>, 3, 5, 4, kFloats, 5};
  table["com.microsoft.SkipSimplifiedLayerNormalization"] = {
      convertSkipNorm<true>, 3, 4, 4, kFloats, 4};
  table["com.microsoft.EmbedLayerNormalization"] = {convertEmbedLayerNorm, 1, 9, 3, kSigned, 1};
  table["GlobalLpPool"] = {convertGlobalLpPool, 1, 1, 1, kFloats};
  table["RMSNormalization"] = {convertRmsNorm, 2, 2, 1, kFloats};
  table["InstanceNormalization"] = {convertInstanceNorm, 3, 3, 1, kFloats, 3};
  table["GroupNormalization"] = {convertGroupNorm, 3, 3, 1, kFloats, 3};
  table["LpNormalization"] = {convertLpNormalization, 1, 1, 1, kFloats};
  table["LRN"] = {convertLrn, 1, 1, 1, kFloats};
  table["MeanVarianceNormalization"] = {convertMeanVariance, 1, 1, 1, kFloats};
}
