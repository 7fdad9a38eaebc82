//===- ConvertAttention.cpp - attention and rotary embeddings -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Composed of what exporters wrote before these ops were there, so that they divide in the same
// way: attention by its heads.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Masks add this or less to what does not count.
static constexpr double kLeast = std::numeric_limits<float>::lowest();

namespace {
class Attention {
public:
  explicit Attention(OpImport &op) : op(op) {}
  LogicalResult run();

private:
  /// [batch, tokens, heads * features] as [batch, heads, tokens, features].
  Value byHeads(size_t i, StringRef heads);
  /// What the past has, then what is new.
  Value withPast(size_t i, Value now, size_t output);
  /// [batch, heads, tokens, keys] beside the other heads of a group, and back.
  Value grouped(Value x) { return regrouped(x, kvHeads, heads / kvHeads); }
  Value regrouped(Value x, int64_t count, int64_t each);
  Value masked(Value scores);
  Value limited(Value scores, Value keep);
  bool keepsSome();
  Value withoutEmpty(Value weights, Value scores);
  LogicalResult noteScores(Value scores, int64_t mode);
  LogicalResult attend(Value q, Value k, Value v);

  OpImport &op;
  bool isFlat = false; ///< operands have three dimensions
  int64_t heads = 0, kvHeads = 0, past = 0;
};
} // namespace

Value Attention::byHeads(size_t i, StringRef name) {
  Value x = op.input(i);
  if (!x || op.rank(x) == 4)
    return x;
  const int64_t count = op.integer(name, 0);
  if (op.rank(x) != 3 || count < 1 || op.shape(x)[2] % count != 0) {
    (void)op.error("input " + Twine(i) + " has the shape " + shapeText(op.shape(x)) +
                   ": it must have four dimensions, or three of which the last is divisible by "
                   "attribute '" +
                   name + "'");
    return {};
  }
  isFlat = true;
  Ints shape{op.shape(x)[0], op.shape(x)[1], count, op.shape(x)[2] / count};
  return op.transpose(op.reshape(x, shape), {0, 2, 1, 3});
}

Value Attention::withPast(size_t i, Value now, size_t output) {
  if (!op.hasInput(i) || !now)
    return now;
  Value before = op.input(i);
  if (!before)
    return {};
  past = op.shape(before).size() == 4 ? op.shape(before)[2] : 0;
  Value all = op.concat({before, now}, 2);
  return succeeded(op.result(all, output, output)) ? all : Value();
}

/// The heads that share keys are one head of more tokens.
Value Attention::regrouped(Value x, int64_t count, int64_t each) {
  if (!x || each == 1)
    return x;
  ArrayRef<int64_t> shape = op.shape(x);
  return op.reshape(x, {shape[0], count, shape[1] * shape[2] / count, shape[3]});
}

/// Scores that do not count become minus infinity.
Value Attention::limited(Value scores, Value keep) {
  return scores && keep
             ? op.where(keep, scores, op.scalar(scores, -std::numeric_limits<double>::infinity()))
             : Value();
}

/// With the mask, the causal one and the lengths of the keys.
Value Attention::masked(Value scores) {
  if (!scores)
    return {};
  const int64_t tokens = op.shape(scores)[2], keys = op.shape(scores)[3];
  Value columns = op.integersOf({1, keys}, iota(keys));
  if (op.hasInput(3)) {
    Value mask = op.input(3);
    bool fits = mask && broadcastShapes(op.shape(scores), op.shape(mask)) == Ints(op.shape(scores));
    if (!fits) {
      (void)op.error("the mask has the shape " + shapeText(op.shape(mask)) +
                     ", which cannot be broadcast to " + shapeText(op.shape(scores)));
      return {};
    }
    scores = tensorType(mask).getElementType().isInteger(1)
                 ? limited(scores, mask)
                 : op.binary(BinaryKind::Add, scores, mask);
  }
  if (op.flag("is_causal"))
    scores = limited(scores, op.binary(BinaryKind::GreaterOrEqual,
                                       op.integersOf({tokens, 1}, iota(tokens, past)), columns));
  if (op.hasInput(6)) {
    Value lengths = op.input(6);
    scores =
        limited(scores, op.binary(BinaryKind::Less, columns,
                                  op.reshape(lengths, {elementCount(op.shape(lengths)), 1, 1, 1})));
  }
  return scores;
}

/// Whether every query surely has a key that counts: the first of all, which a causal mask keeps.
bool Attention::keepsSome() {
  if (op.hasInput(6)) {
    if (!OpImport::constant(op.input(6)))
      return false;
    ConstantView view(op.input(6));
    for (int64_t i = 0; i < view.size(); ++i)
      if (view.integer(i) < 1)
        return false;
  }
  if (!op.hasInput(3))
    return true;
  Value mask = op.input(3);
  if (!mask || !OpImport::constant(mask) || op.rank(mask) == 0)
    return false;
  ConstantView view(mask);
  for (int64_t i = 0; i < view.size(); i += op.shape(mask).back())
    if (!(tensorType(mask).getElementType().isInteger(1) ? view.integer(i) != 0
                                                         : view.real(i) > kLeast))
      return false;
  return true;
}

/// Of a query without any key that counts ONNX Runtime makes zeros, not the quotient of zeros.
Value Attention::withoutEmpty(Value weights, Value scores) {
  if (!weights || keepsSome())
    return weights;
  Value most = op.reduce(scores, ReduceKind::Max, {3}, true);
  Value empty = op.binary(BinaryKind::LessOrEqual, most, op.scalar(most, kLeast));
  return op.where(empty, op.scalar(weights, 0), weights);
}

/// The fourth output: scores as they are at one of four places.
LogicalResult Attention::noteScores(Value scores, int64_t mode) {
  if (op.integer("qk_matmul_output_mode", 0) != mode || op.op.outputs.size() < 4)
    return success();
  return op.result(scores, 3);
}

LogicalResult Attention::attend(Value q, Value k, Value v) {
  const double scale = op.real("scale", 1 / std::sqrt(static_cast<double>(op.shape(q).back()))),
               cap = op.real("softcap", 0);
  Value scores = matrixProduct(op, grouped(q), op.transpose(k, {0, 1, 3, 2}), {}, false, false);
  scores = regrouped(scores, heads, heads / kvHeads);
  if (!scores)
    return failure();
  scores = op.binary(BinaryKind::Mul, scores, op.scalar(scores, scale));
  if (failed(noteScores(scores, 0)))
    return failure();
  if (cap != 0) {
    Value part = op.binary(BinaryKind::Div, scores, op.scalar(scores, cap));
    scores = op.binary(BinaryKind::Mul, op.unary(part, UnaryKind::Tanh), op.scalar(part, cap));
  }
  if (failed(noteScores(scores, 1)))
    return failure();
  scores = masked(scores);
  if (failed(noteScores(scores, 2)))
    return failure();
  Value weights = op.make<SoftmaxOp>({scores}, {op.named("axis", 3), op.named("count", 1)});
  weights = withoutEmpty(weights, scores);
  if (failed(noteScores(weights, 3)))
    return failure();
  Value y =
      regrouped(matrixProduct(op, grouped(weights), v, {}, false, false), heads, heads / kvHeads);
  if (!y || !isFlat)
    return op.result(y);
  ArrayRef<int64_t> shape = op.shape(y);
  Ints flat{shape[0], shape[2], shape[1] * shape[3]};
  return op.result(op.reshape(op.transpose(y, {0, 2, 1, 3}), flat));
}

LogicalResult Attention::run() {
  op.ignore(
      {"softmax_precision", "q_num_heads", "kv_num_heads", "is_causal", "qk_matmul_output_mode"});
  Value q = byHeads(0, "q_num_heads"), k = byHeads(1, "kv_num_heads"),
        v = byHeads(2, "kv_num_heads");
  k = withPast(4, k, 1), v = withPast(5, v, 2);
  if (op.hasFailed())
    return failure();
  if (op.rank(q) != 4 || op.rank(k) != 4 || op.rank(v) != 4)
    return op.error("queries, keys and values must all have three or all four dimensions");
  heads = op.shape(q)[1], kvHeads = op.shape(k)[1];
  if (kvHeads < 1 || heads % kvHeads != 0 || op.shape(v)[1] != kvHeads)
    return op.error("has " + Twine(heads) + " heads, and " + Twine(kvHeads) + " and " +
                    Twine(op.shape(v)[1]) + " of keys and values, which cannot share them");
  for (size_t i = 1; i < 3; ++i)
    if (i < op.op.outputs.size() && !op.op.outputs[i].empty() && !op.hasInput(3 + i) &&
        failed(op.result(i == 1 ? k : v, i, i)))
      return failure();
  return attend(q, k, v);
}

static LogicalResult convertAttention(OpImport &op) { return Attention(op).run(); }

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// Every second feature, or half of them, of the last axis.
static Value halfOf(OpImport &op, Value x, bool second, bool interleaved) {
  const size_t rank = op.shape(x).size();
  Ints starts(rank, 0), steps(rank, 1), shape(op.shape(x));
  shape.back() /= 2;
  starts.back() = !second ? 0 : interleaved ? 1 : shape.back();
  steps.back() = interleaved ? 2 : 1;
  return op.slice(x, starts, steps, shape);
}

/// Sines or cosines for [batch, tokens, 1, features / 2], the heads broadcast.
static Value anglesOf(OpImport &op, size_t i) {
  Value angles = op.input(i);
  if (angles && op.hasInput(3))
    angles = op.gather(angles, op.input(3), 0);
  if (!angles || op.rank(angles) != 3) {
    (void)op.error("input " + Twine(i) + " must have a row of angles for each token");
    return {};
  }
  ArrayRef<int64_t> shape = op.shape(angles);
  return op.reshape(angles, {shape[0], shape[1], 1, shape[2]});
}

/// x: [batch, tokens, heads, features].
static Value rotated(OpImport &op, Value x, int64_t width, bool interleaved) {
  Value cosines = anglesOf(op, 1), sines = anglesOf(op, 2);
  if (!cosines || !sines || op.shape(cosines).back() * 2 != width) {
    (void)op.error("the angles must be half as many as the " + Twine(width) +
                   " features that are rotated");
    return {};
  }
  Ints zeros(4, 0), ones(4, 1), part(op.shape(x));
  part.back() = width;
  Value turned = op.slice(x, zeros, ones, part);
  Value a = halfOf(op, turned, false, interleaved), b = halfOf(op, turned, true, interleaved);
  auto product = [&](Value lhs, Value rhs) { return op.binary(BinaryKind::Mul, lhs, rhs); };
  Value real = op.binary(BinaryKind::Sub, product(cosines, a), product(sines, b));
  Value imaginary = op.binary(BinaryKind::Add, product(sines, a), product(cosines, b));
  Value whole;
  if (interleaved && real) {
    Ints apart(op.shape(real));
    apart.push_back(1);
    whole = op.reshape(op.concat({op.reshape(real, apart), op.reshape(imaginary, apart)}, 4), part);
  } else if (real) {
    whole = op.concat({real, imaginary}, 3);
  }
  const int64_t rest = op.shape(x).back() - width;
  if (rest == 0 || !whole)
    return whole;
  zeros.back() = width;
  part.back() = rest;
  return op.concat({whole, op.slice(x, zeros, ones, part)}, 3);
}

static LogicalResult convertRotaryEmbedding(OpImport &op) {
  const bool interleaved = op.flag("interleaved");
  int64_t heads = op.integer("num_heads", 0), width = op.integer("rotary_embedding_dim", 0);
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  Ints shape(op.shape(x));
  if (shape.size() == 4)
    x = op.transpose(x, {0, 2, 1, 3});
  else if (shape.size() == 3 && heads > 0 && shape[2] % heads == 0)
    x = op.reshape(x, {shape[0], shape[1], heads, shape[2] / heads});
  else
    return op.error("the input has the shape " + shapeText(shape) +
                    ": it must have four dimensions, or three of which the last is divisible by "
                    "attribute 'num_heads'");
  if (op.hasFailed())
    return failure();
  width = width > 0 ? width : op.shape(x).back();
  if (width > op.shape(x).back() || width % 2 != 0)
    return op.error("rotates " + Twine(width) + " of " + Twine(op.shape(x).back()) + " features");
  Value y = rotated(op, x, width, interleaved);
  return op.result(shape.size() == 4 ? op.transpose(y, {0, 2, 1, 3}) : op.reshape(y, shape));
}

void disco::importing::addAttention(ConverterTable &table) {
  table["Attention"] = {convertAttention, 3, 7, 4, kFloats, 3};
  table["RotaryEmbedding"] = {convertRotaryEmbedding, 3, 4, 1, kFloats, 3};
}
