//===- UnrollRecurrent.cpp - recurrent layers as products of matrices -----===//
// SPDX-License-Identifier: Apache-2.0
//
// A whole recurrence is one op, which no nodes can share. Of a few steps, each becomes a product of
// the hidden state and elementwise ops, which divide by hidden channels. The rows of the matrices
// are reordered so that the gates of one channel lie side by side and so with one owner: [gate,
// channel] becomes [channel, gate]. The inputs of all steps are multiplied at once.
#include "compiler/import/Recurrent.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// Steps of a layer that is unrolled; docs/limits.md states it.
static constexpr int64_t kMostSteps = 64;

bool disco::importing::isUnrolled(ArrayRef<Value> operands) {
  return shapeOf(operands[0])[0] <= kMostSteps && shapeOf(operands[0])[0] > 0 &&
         OpImport::constant(operands[1]) && OpImport::constant(operands[2]);
}

namespace {
/// A matrix by channel, one row a gate of a channel. Of 8 bits: with a scale and a zero point,
/// one in all or one a row.
struct Matrix {
  Value values, scale, zero;
};

/// One direction. Operands of RecurrentOp: x, w, r, bias, lengths, initial, cell, peepholes.
class Unrolling {
public:
  Unrolling(OpImport &op, ArrayRef<Value> operands, const RecurrentSettings &settings,
            int64_t direction)
      : op(op), operands(operands), settings(settings), direction(direction) {
    ArrayRef<int64_t> x = op.shape(operands[0]), w = op.shape(operands[1]);
    steps = x[0], batch = x[1], inputs = x[2], hidden = op.shape(operands[2])[2];
    gates = w[1] / hidden;
  }

  /// The hidden states of all steps in their places, then the last states: each [batch, hidden].
  Values run();

private:
  void prepareWeights();
  Value inputProduct();
  bool isReverse() const {
    return direction == 1 || settings.direction == RecurrentDirection::Reverse;
  }
  /// This direction's part of an operand, without the axis.
  Value own(size_t i, ArrayRef<int64_t> shape);
  /// Rows [gate, channel] of some gates as rows [channel, gate].
  Value byChannel(Value matrix, int64_t first, int64_t count);
  /// W (0) or R (1), some gates.
  Matrix matrix(size_t which, int64_t columns, int64_t first, int64_t count);
  /// A scale or zero point of theirs.
  Value ofRows(Value all, int64_t first, int64_t count);
  /// x times the transpose of a matrix.
  Value product(Value x, const Matrix &m, Value row = {});
  /// Biases of the input or of the hidden state, some gates, as [1, channel * gate].
  Value bias(bool ofState, int64_t first, int64_t count);
  /// x R^T as [batch, channel, gate].
  Value recurrent(Value state, int64_t first, int64_t count);
  Value gate(Value all, int64_t i);
  Value plus(Value a, Value b) { return b ? op.binary(BinaryKind::Add, a, b) : a; }
  Value times(Value a, Value b) { return op.binary(BinaryKind::Mul, a, b); }
  Value lessFromOne(Value a) { return op.binary(BinaryKind::Sub, op.scalar(a, 1), a); }
  Value apply(int64_t function, Value x, bool isClipped = true);
  Value rnnStep(Value fromInput);
  Value gruStep(Value fromInput);
  Value lstmStep(Value fromInput);

  OpImport &op;
  ArrayRef<Value> operands;
  const RecurrentSettings &settings;
  int64_t direction, steps, batch, inputs, hidden, gates;
  Value h, c;         ///< the states
  Matrix weights;     ///< R: all gates, or those before a GRU's candidate
  Matrix candidate;   ///< R of a GRU's last gate, where it is apart
  Value stateBias;    ///< of a GRU that resets after the product
  Value peepholes[3]; ///< of the input, the output and the forget gate
};
} // namespace

Value Unrolling::own(size_t i, ArrayRef<int64_t> shape) {
  Ints whole(op.shape(operands[i])), starts(whole.size(), 0), ones(whole.size(), 1);
  starts[0] = direction;
  whole[0] = 1;
  return op.reshape(op.slice(operands[i], starts, ones, whole), shape);
}

Value Unrolling::byChannel(Value matrix, int64_t first, int64_t count) {
  if (!matrix)
    return {};
  const int64_t columns = op.shape(matrix)[1];
  Value part = op.slice(matrix, {first * hidden, 0}, {1, 1}, {count * hidden, columns});
  if (count == 1)
    return part;
  return op.rearrange(part, {count, hidden, columns}, {1, 0, 2}, {hidden * count, columns});
}

Value Unrolling::ofRows(Value all, int64_t first, int64_t count) {
  if (!all)
    return {};
  const int64_t each = elementCount(op.shape(all)) / op.shape(operands[1])[0];
  Value part = op.slice(op.reshape(all, {op.shape(operands[1])[0], each}), {direction, 0}, {1, 1},
                        {1, each});
  if (each == 1)
    return op.reshape(part, {});
  return op.reshape(byChannel(op.reshape(part, {each, 1}), first, count), {count * hidden});
}

Matrix Unrolling::matrix(size_t which, int64_t columns, int64_t first, int64_t count) {
  return {byChannel(own(1 + which, {gates * hidden, columns}), first, count),
          ofRows(settings.scale[which], first, count), ofRows(settings.zero[which], first, count)};
}

Value Unrolling::product(Value x, const Matrix &m, Value row) {
  if (!m.scale)
    return matrixProduct(op, x, m.values, row, false, true);
  return plus(dynamicProduct(op, x, op.transpose(m.values, {1, 0}), m.scale, m.zero), row);
}

Value Unrolling::bias(bool ofState, int64_t first, int64_t count) {
  Value all = own(3, {2 * gates * hidden, 1});
  return op.reshape(byChannel(all, (ofState ? gates : 0) + first, count), {1, hidden * count});
}

Value Unrolling::recurrent(Value state, int64_t first, int64_t count) {
  return op.reshape(product(state, first == 0 ? weights : candidate), {batch, hidden, count});
}

/// [batch, hidden] of one gate.
Value Unrolling::gate(Value all, int64_t i) {
  if (!all || op.shape(all)[2] == 1)
    return op.reshape(all, {batch, hidden});
  return op.reshape(op.slice(all, {0, 0, i}, {1, 1, 1}, {batch, hidden, 1}), {batch, hidden});
}

Value Unrolling::apply(int64_t function, Value x, bool isClipped) {
  const auto each = static_cast<int64_t>(settings.functions.size()) / op.shape(operands[1])[0];
  auto act = cast<ActAttr>(settings.functions[static_cast<size_t>(direction * each + function)]);
  if (settings.clip != 0 && isClipped)
    x = op.unary(x, UnaryKind::Clip, -settings.clip, settings.clip);
  return op.unary(x, act.getKind(), act.getAlpha().convertToDouble(),
                  act.getBeta().convertToDouble());
}

Value Unrolling::rnnStep(Value fromInput) {
  return h = apply(0, gate(plus(fromInput, recurrent(h, 0, 1)), 0));
}

/// Gates: update, reset, candidate.
Value Unrolling::gruStep(Value fromInput) {
  Value update, next;
  if (settings.linearBeforeReset) {
    Value state = plus(recurrent(h, 0, 3), stateBias);
    update = apply(0, plus(gate(fromInput, 0), gate(state, 0)));
    Value reset = apply(0, plus(gate(fromInput, 1), gate(state, 1)));
    next = plus(gate(fromInput, 2), times(reset, gate(state, 2)));
  } else {
    Value state = recurrent(h, 0, 2);
    update = apply(0, plus(gate(fromInput, 0), gate(state, 0)));
    Value reset = apply(0, plus(gate(fromInput, 1), gate(state, 1)));
    next = plus(gate(fromInput, 2), gate(recurrent(times(reset, h), 2, 1), 0));
  }
  return h = plus(times(lessFromOne(update), apply(1, next)), times(update, h));
}

/// Gates: input, output, forget, cell.
Value Unrolling::lstmStep(Value fromInput) {
  Value all = plus(fromInput, recurrent(h, 0, 4));
  auto peeped = [&](int64_t i, Value cell) {
    return peepholes[i] ? plus(gate(all, i), times(peepholes[i], cell)) : gate(all, i);
  };
  Value in = apply(0, peeped(0, c));
  Value forget = settings.inputForget ? lessFromOne(in) : apply(0, peeped(2, c));
  c = plus(times(forget, c), times(in, apply(1, gate(all, 3))));
  return h = times(apply(0, peeped(1, c)), apply(2, c, /*isClipped=*/false));
}

void Unrolling::prepareWeights() {
  const bool isGru = settings.kind == RecurrentKind::Gru;
  weights = matrix(1, hidden, 0, isGru && !settings.linearBeforeReset ? 2 : gates);
  if (isGru && !settings.linearBeforeReset)
    candidate = matrix(1, hidden, 2, 1);
  h = own(5, {batch, hidden});
  if (settings.kind != RecurrentKind::Lstm)
    return;
  c = own(6, {batch, hidden});
  for (int64_t i = 0; i < 3 && op.hasInput(7); ++i)
    peepholes[i] = op.slice(own(7, {1, 3 * hidden}), {0, i * hidden}, {1, 1}, {1, hidden});
}

/// What the inputs of all steps add to the gates: [steps, batch, hidden, gates].
Value Unrolling::inputProduct() {
  Value all;
  if (op.hasInput(3)) {
    Value ofState = bias(true, 0, gates);
    all = bias(false, 0, gates);
    if (settings.kind == RecurrentKind::Gru && settings.linearBeforeReset)
      stateBias = op.reshape(ofState, {1, hidden, gates});
    else
      all = plus(all, ofState);
  }
  Value row = all && OpImport::constant(all) ? op.reshape(all, {hidden * gates}) : Value();
  Value x = op.reshape(operands[0], {steps * batch, inputs});
  Value sums = product(x, matrix(0, inputs, 0, gates), row);
  return op.reshape(row ? sums : plus(sums, all), {steps, batch, hidden, gates});
}

Values Unrolling::run() {
  prepareWeights();
  Value fromInputs = inputProduct();
  Values states(static_cast<size_t>(steps));
  for (int64_t k = 0; k < steps && !op.hasFailed(); ++k) {
    const int64_t t = isReverse() ? steps - 1 - k : k;
    Value part = op.slice(fromInputs, {t, 0, 0, 0}, {1, 1, 1, 1}, {1, batch, hidden, gates});
    part = op.reshape(part, {batch, hidden, gates});
    states[static_cast<size_t>(t)] = settings.kind == RecurrentKind::Lstm  ? lstmStep(part)
                                     : settings.kind == RecurrentKind::Gru ? gruStep(part)
                                                                           : rnnStep(part);
  }
  states.push_back(h);
  if (c)
    states.push_back(c);
  return states;
}

Values disco::importing::unrolledRecurrent(OpImport &op, ArrayRef<Value> operands,
                                           const RecurrentSettings &settings) {
  const int64_t directions = op.shape(operands[1])[0], batch = op.shape(operands[0])[1],
                hidden = op.shape(operands[2])[2], steps = op.shape(operands[0])[0];
  SmallVector<Values> parts;
  for (int64_t direction = 0; direction < directions; ++direction) {
    Values states = Unrolling(op, operands, settings, direction).run();
    parts.resize(states.size());
    for (auto [part, state] : llvm::zip(parts, states))
      part.push_back(op.reshape(state, {1, 1, batch, hidden}));
  }
  if (op.hasFailed())
    return {};
  Values whole;
  for (Values &part : parts)
    whole.push_back(op.concat(part, 1));
  const auto count = static_cast<size_t>(steps);
  Values results{op.concat(ArrayRef<Value>(whole).take_front(count), 0)};
  for (Value last : ArrayRef<Value>(whole).drop_front(count))
    results.push_back(op.reshape(last, {directions, batch, hidden}));
  return results;
}
