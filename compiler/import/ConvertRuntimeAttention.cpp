//===- ConvertRuntimeAttention.cpp - ONNX Runtime's attention -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// What its optimisers make of transformers. Composed like ONNX's own attention, which divides by
// heads. Masks add a large negative number where a key does not count, so that a query without any
// key has all of them alike.
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

namespace {
class RuntimeAttention {
public:
  explicit RuntimeAttention(OpImport &op) : op(op), heads(op.integer("num_heads", 0)) {}

  /// Queries, keys and values in one tensor, [batch, tokens, features of all three]. The operands
  /// that the mask, the past and a bias of the scores are; kVariadic: there is none.
  LogicalResult packed(Value all, size_t mask, size_t past, size_t bias);
  /// Three tensors, [batch, tokens, features]; keys and values also by heads.
  LogicalResult apart();

private:
  bool refusesRest();
  /// [batch, tokens, heads * features] as [batch, heads, tokens, features].
  Value byHeads(Value x);
  Value withPast(size_t past, int64_t which, Value now);
  Value columns(Value scores) {
    const int64_t keys = op.shape(scores)[3];
    return op.integersOf({1, keys}, iota(keys));
  }
  Value counting(Value scores, Value mask);
  Value masked(Value scores, size_t mask);
  LogicalResult attend(Value q, Value k, Value v, size_t mask, size_t bias);

  OpImport &op;
  const int64_t heads;
  int64_t before = 0; ///< keys of the past
};
} // namespace

Value RuntimeAttention::byHeads(Value x) {
  if (!x || op.rank(x) == 4)
    return x;
  if (op.rank(x) != 3 || heads < 1 || op.shape(x)[2] % heads != 0) {
    (void)op.error("queries, keys or values have the shape " + shapeText(op.shape(x)) +
                   ": it must have three dimensions, of which the last is divisible by attribute "
                   "'num_heads'");
    return {};
  }
  ArrayRef<int64_t> shape = op.shape(x);
  return op.transpose(op.reshape(x, {shape[0], shape[1], heads, shape[2] / heads}), {0, 2, 1, 3});
}

/// Keys (0) or values (1) behind those of the past, [2, batch, heads, tokens, features].
Value RuntimeAttention::withPast(size_t past, int64_t which, Value now) {
  if (!now || past == kVariadic || !op.hasInput(past))
    return now;
  Value both = op.input(past);
  if (!both || op.rank(both) != 5 || op.shape(both)[0] != 2) {
    (void)op.error("the past must have five dimensions, the first of two: keys and values");
    return {};
  }
  Ints part(op.shape(both)), starts(5, 0), ones(5, 1);
  part[0] = 1;
  starts[0] = which;
  before = part[3];
  return op.concat(
      {op.reshape(op.slice(both, starts, ones, part), ArrayRef<int64_t>(part).drop_front()), now},
      2);
}

/// Which keys count, for scores [batch, heads, tokens, keys]; null after an error.
Value RuntimeAttention::counting(Value scores, Value mask) {
  ArrayRef<int64_t> shape = op.shape(mask), all = op.shape(scores);
  const int64_t batch = all[0], tokens = all[2], keys = all[3];
  auto lengths = [&](int64_t first) {
    Value part = op.reshape(op.slice(mask, {first}, {1}, {batch}), {batch, 1, 1, 1});
    return op.convertTo(part, op.builder.getI64Type());
  };
  if (shape.size() == 1 && (shape[0] == batch || shape[0] == 2 * batch)) {
    Value keep = op.binary(BinaryKind::Less, columns(scores), lengths(0));
    if (shape[0] == batch)
      return keep;
    return op.binary(BinaryKind::And, keep,
                     op.binary(BinaryKind::GreaterOrEqual, columns(scores), lengths(batch)));
  }
  Value places;
  if (shape == ArrayRef<int64_t>({batch, keys}))
    places = op.reshape(mask, {batch, 1, 1, keys});
  else if (shape == ArrayRef<int64_t>({batch, tokens, keys}))
    places = op.reshape(mask, {batch, 1, tokens, keys});
  else
    (void)op.error("the mask has the shape " + shapeText(shape) + ", which does not fit " +
                       shapeText(all) + " scores",
                   "give it one length, or one number a key, for each of the batch");
  return places ? op.binary(BinaryKind::Greater, places, op.integerScalar(places, 0)) : Value();
}

Value RuntimeAttention::masked(Value scores, size_t mask) {
  const double least = op.real("mask_filter_value", -10000);
  if (scores && op.hasInput(mask)) {
    Value keep = op.input(mask) ? counting(scores, op.input(mask)) : Value();
    if (!keep)
      return {};
    scores = op.binary(BinaryKind::Add, scores,
                       op.where(keep, op.scalar(scores, 0), op.scalar(scores, least)));
  }
  if (!scores || !op.flag("unidirectional"))
    return scores;
  const int64_t tokens = op.shape(scores)[2];
  Value keep = op.binary(BinaryKind::GreaterOrEqual,
                         op.integersOf({tokens, 1}, iota(tokens, before)), columns(scores));
  return op.where(keep, scores, op.scalar(scores, -std::numeric_limits<double>::infinity()));
}

LogicalResult RuntimeAttention::attend(Value q, Value k, Value v, size_t mask, size_t bias) {
  if (op.hasFailed())
    return failure();
  double scale = op.real("scale", 0);
  if (scale == 0)
    scale = 1 / std::sqrt(static_cast<double>(op.shape(q).back()));
  Value scores = matrixProduct(op, q, op.transpose(k, {0, 1, 3, 2}), {}, false, false);
  scores = scores ? op.binary(BinaryKind::Mul, scores, op.scalar(scores, scale)) : Value();
  scores = masked(scores, mask);
  if (scores && bias != kVariadic && op.hasInput(bias))
    scores = op.binary(BinaryKind::Add, scores, op.input(bias));
  Value weights = op.make<SoftmaxOp>({scores}, {op.named("axis", 3), op.named("count", 1)});
  Value y = matrixProduct(op, weights, v, {}, false, false);
  if (!y)
    return failure();
  ArrayRef<int64_t> shape = op.shape(y);
  return op.result(
      op.reshape(op.transpose(y, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]}));
}

/// What changes the meaning and is not computed here.
bool RuntimeAttention::refusesRest() {
  for (StringRef name : {"do_rotary", "past_present_share_buffer"})
    if (op.flag(name)) {
      (void)op.error("attribute '" + name + "' is not supported", "export the model without it");
      return true;
    }
  return false;
}

LogicalResult RuntimeAttention::packed(Value all, size_t mask, size_t past, size_t bias) {
  if (op.hasFailed() || !all || refusesRest())
    return failure();
  const int64_t third = op.shape(all).back() / 3;
  Ints sizes = op.integers("qkv_hidden_sizes", {third, third, third});
  if (op.rank(all) != 3 || sizes.size() != 3 ||
      sizes[0] + sizes[1] + sizes[2] != op.shape(all).back())
    return op.error("the input and the weights make " + shapeText(op.shape(all)) +
                    ", which is not queries, keys and values of equal sizes or of those that "
                    "attribute 'qkv_hidden_sizes' states");
  Values parts;
  int64_t first = 0;
  for (int64_t size : sizes) {
    Ints shape(op.shape(all));
    shape[2] = size;
    parts.push_back(byHeads(op.slice(all, {0, 0, first}, {1, 1, 1}, shape)));
    first += size;
  }
  Value k = withPast(past, 0, parts[1]), v = withPast(past, 1, parts[2]);
  if (op.hasFailed())
    return failure();
  if (op.isUsed(1)) {
    Ints one(op.shape(k));
    one.insert(one.begin(), 1);
    if (failed(op.result(op.concat({op.reshape(k, one), op.reshape(v, one)}, 0), 1)))
      return failure();
  }
  return attend(parts[0], k, v, mask, bias);
}

LogicalResult RuntimeAttention::apart() {
  Value q = op.input(0), k = op.input(1), v = op.input(2);
  if (op.hasFailed() || refusesRest())
    return failure();
  if (!k || !v || op.hasInput(6) || op.hasInput(7))
    return op.error("keys and values of their own are needed, and a past is not supported",
                    "export the model without packed keys and values, and without a cache");
  if (op.hasInput(3)) {
    Value bias = op.input(3);
    int64_t first = 0;
    for (Value *x : {&q, &k, &v}) {
      if (op.hasFailed() || op.rank(*x) != 3)
        return op.error("a bias needs queries, keys and values of three dimensions");
      const int64_t size = op.shape(*x)[2];
      *x = op.binary(BinaryKind::Add, *x, op.slice(bias, {first}, {1}, {size}));
      first += size;
    }
  }
  return attend(byHeads(q), byHeads(k), byHeads(v), 4, 5);
}

static LogicalResult convertAttention(OpImport &op) {
  Value x = op.input(0), w = op.input(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  if (op.hasInput(6))
    return op.error("'past_sequence_length' is not supported", "export the model without it");
  Value all = matrixProduct(op, x, w, {}, false, false);
  return RuntimeAttention(op).packed(bias && all ? op.binary(BinaryKind::Add, all, bias) : all, 3,
                                     4, 5);
}

static LogicalResult convertQAttention(OpImport &op) {
  Value x = op.input(0), w = op.input(1), bias = op.input(2), xScale = op.input(3),
        wScale = op.input(4), xZero = op.input(6), wZero = op.input(7);
  if (op.hasFailed())
    return failure();
  Value sum = integerProduct(op, x, xZero, w, wZero);
  if (!sum)
    return failure();
  Value factor = op.binary(BinaryKind::Mul, op.reshape(xScale, {}), wScale);
  Value all = op.binary(BinaryKind::Mul, op.convertTo(sum, op.builder.getF32Type()), factor);
  return RuntimeAttention(op).packed(bias ? op.binary(BinaryKind::Add, all, bias) : all, 5, 8,
                                     kVariadic);
}

static LogicalResult convertMultiHeadAttention(OpImport &op) {
  return RuntimeAttention(op).apart();
}

void disco::importing::addRuntimeAttention(ConverterTable &table) {
  table["com.microsoft.Attention"] = {convertAttention, 2, 7, 2, kFloats, 2};
  table["com.microsoft.QAttention"] = {convertQAttention, 5, 9, 2, kSigned | kUnsigned, 1};
  table["com.microsoft.MultiHeadAttention"] = {convertMultiHeadAttention, 1, 10, 1, kFloats, 1};
}
