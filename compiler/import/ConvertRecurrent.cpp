//===- ConvertRecurrent.cpp - RNN, GRU and LSTM ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Recurrent.h"
#include "compiler/import/Windows.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {
/// A function by ONNX's name, how many parameters it has, and their values when they are not given.
struct Function {
  UnaryKind kind = UnaryKind::Identity;
  int parameters = 0;
  double alpha = 0, beta = 0;
};
} // namespace

static std::optional<Function> functionOf(StringRef name) {
  return llvm::StringSwitch<std::optional<Function>>(name.lower())
      .Case("relu", Function{UnaryKind::Relu})
      .Case("tanh", Function{UnaryKind::Tanh})
      .Case("sigmoid", Function{UnaryKind::Sigmoid})
      .Case("softsign", Function{UnaryKind::Softsign})
      .Case("softplus", Function{UnaryKind::Softplus})
      .Case("leakyrelu", Function{UnaryKind::LeakyRelu, 1, 0.01f})
      .Case("thresholdedrelu", Function{UnaryKind::ThresholdedRelu, 1, 1})
      .Case("elu", Function{UnaryKind::Elu, 1, 1})
      .Case("hardsigmoid", Function{UnaryKind::HardSigmoid, 2, 0.2f, 0.5f})
      .Case("affine", Function{UnaryKind::Affine, 2, 1, 0})
      .Case("scaledtanh", Function{UnaryKind::ScaledTanh, 2, 1, 1})
      .Default(std::nullopt);
}

/// The functions of all directions; parameters are given to those functions that have some.
static ArrayAttr activations(OpImport &op, int64_t directions, ArrayRef<StringRef> usual) {
  const OnnxAttribute *given = op.attr("activations", OnnxAttribute::Kind::Strings);
  Reals alphas = op.hasAttr("activation_alpha") ? op.reals("activation_alpha") : Reals(),
        betas = op.hasAttr("activation_beta") ? op.reals("activation_beta") : Reals();
  SmallVector<std::string> names;
  for (int64_t i = 0; !given && i < directions; ++i)
    llvm::append_range(names, usual);
  if (given)
    llvm::append_range(names, given->strings);
  if (names.size() != usual.size() * static_cast<size_t>(directions)) {
    (void)op.error("has " + Twine(names.size()) + " activations, but needs " +
                   Twine(usual.size() * static_cast<size_t>(directions)));
    return {};
  }
  SmallVector<Attribute> list;
  size_t alpha = 0, beta = 0;
  for (const std::string &name : names) {
    std::optional<Function> function = functionOf(name);
    if (!function) {
      (void)op.error("the activation '" + name + "' is not one of ONNX's",
                     "export the model with one of the activations that its page of " + op.op.type +
                         " names");
      return {};
    }
    if (function->parameters > 0 && alpha < alphas.size())
      function->alpha = alphas[alpha++];
    if (function->parameters > 1 && beta < betas.size())
      function->beta = betas[beta++];
    list.push_back(
        ActAttr::get(op.builder.getContext(), function->kind, function->alpha, function->beta));
  }
  return op.builder.getArrayAttr(list);
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

/// An optional operand, or zeros.
static Value orZeros(OpImport &op, size_t i, ArrayRef<int64_t> shape, Type element) {
  return op.hasInput(i) ? op.input(i) : op.filled(shape, element, 0);
}

/// Layout 1 has the batch first.
static Value swapped(OpImport &op, Value x, bool batchFirst) {
  return batchFirst && x && op.rank(x) == 3 ? op.transpose(x, {1, 0, 2}) : x;
}

/// The output of every step, and the last states.
static LogicalResult setResults(OpImport &op, ArrayRef<Value> results, bool batchFirst) {
  for (size_t i = 0; i < op.op.outputs.size() && i < results.size(); ++i) {
    Value y = results[i];
    if (!y || !op.isUsed(i))
      continue;
    if (batchFirst)
      y = i == 0 ? op.transpose(y, {2, 0, 1, 3}) : swapped(op, y, true);
    if (failed(op.result(y, i)))
      return failure();
  }
  return success(!op.hasFailed());
}

/// The op's result holds the output of every step, then the last states.
static Values unpacked(OpImport &op, Value all, int64_t steps) {
  if (!all)
    return {};
  Ints shape(op.shape(all)), ones(4, 1);
  Values results;
  for (size_t i = 0; i < op.op.outputs.size() && i < 3; ++i) {
    Ints part = shape, starts(4, 0);
    part[0] = i == 0 ? steps : 1;
    starts[0] = i == 0 ? 0 : steps + static_cast<int64_t>(i) - 1;
    if (!op.isUsed(i)) {
      results.push_back({});
      continue;
    }
    Value y = op.slice(all, starts, ones, part);
    results.push_back(i == 0 ? y : op.reshape(y, {shape[1], shape[2], shape[3]}));
  }
  return results;
}

/// Whether the weights and biases fit the input and the states.
static bool fits(OpImport &op, ArrayRef<Value> operands, int64_t gates, int64_t directions) {
  const int64_t inputs = op.shape(operands[0])[2], hidden = op.shape(operands[2])[2];
  return op.shape(operands[1]) == ArrayRef<int64_t>({directions, gates * hidden, inputs}) &&
         op.shape(operands[2]) == ArrayRef<int64_t>({directions, gates * hidden, hidden}) &&
         op.shape(operands[3]) == ArrayRef<int64_t>({directions, 2 * gates * hidden});
}

/// One bias of the two, [directions, gates * hidden].
static Value biasOf(OpImport &op, Value bias, bool ofState) {
  Ints part(op.shape(bias));
  part[1] /= 2;
  return op.slice(bias, {0, ofState ? part[1] : 0}, {1, 1}, part);
}

/// What the inputs of all steps add to the gates: one contraction, which is divided and has masks,
/// though the recurrence is neither. [steps, batch, directions * gates * hidden].
static Value inputProduct(OpImport &op, Value x, Value w, Value bias) {
  ArrayRef<int64_t> input = op.shape(x), weights = op.shape(w);
  const int64_t steps = input[0], batch = input[1], rows = weights[0] * weights[1];
  Value matrix = op.reshape(w, {rows, input[2]}), row = op.reshape(bias, {rows});
  const bool isFixed = OpImport::constant(row) != nullptr;
  Value product = matrixProduct(op, op.reshape(x, {steps * batch, input[2]}), matrix,
                                isFixed ? row : Value(), false, true);
  if (!isFixed)
    product = op.binary(BinaryKind::Add, product, row);
  return op.reshape(product, {steps, batch, rows});
}

/// Whether every sequence is known to have all steps.
static bool isWhole(OpImport &op, int64_t steps) {
  if (!op.hasInput(4))
    return true;
  Value lengths = op.input(4);
  if (!lengths || !OpImport::constant(lengths))
    return false;
  ConstantView view(lengths);
  for (int64_t i = 0; i < view.size(); ++i)
    if (view.integer(i) != steps)
      return false;
  return true;
}

/// The last states of sequences without a step are zeros, as ONNX Runtime has them; the
/// specification does not say.
static void clearEmpty(OpImport &op, Values &results, Value lengths) {
  for (Value &state : MutableArrayRef<Value>(results).drop_front(results.empty() ? 0 : 1)) {
    if (!state)
      continue;
    Value length = op.reshape(lengths, {1, op.shape(lengths)[0], 1});
    Value empty = op.binary(BinaryKind::LessOrEqual, length, op.integerScalar(length, 0));
    state = op.where(empty, op.scalar(state, 0), state);
  }
}

static std::optional<RecurrentDirection> directionOf(OpImport &op) {
  std::string name = op.text("direction", "forward");
  std::optional<RecurrentDirection> direction = symbolizeRecurrentDirection(name);
  if (!direction)
    (void)op.error("attribute 'direction' is '" + name +
                   "', but must be forward, reverse or bidirectional");
  return direction;
}

template <RecurrentKind kind> static LogicalResult convertRecurrent(OpImport &op) {
  constexpr bool lstm = kind == RecurrentKind::Lstm;
  constexpr int64_t gates = lstm ? 4 : kind == RecurrentKind::Gru ? 3 : 1;
  op.ignore({"hidden_size", "output_sequence"});
  std::optional<RecurrentDirection> direction = directionOf(op);
  if (!direction)
    return failure();
  bool batchFirst = op.opset() >= 14 && op.flag("layout");
  int64_t directions = *direction == RecurrentDirection::Bidirectional ? 2 : 1;
  SmallVector<StringRef> usual{kind == RecurrentKind::Rnn ? "Tanh" : "Sigmoid", "Tanh", "Tanh"};
  usual.resize(lstm ? 3 : kind == RecurrentKind::Gru ? 2 : 1);
  ArrayAttr functions = activations(op, directions, usual);
  Value x = swapped(op, op.input(0), batchFirst), w = op.input(1), r = op.input(2);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) != 3 || op.rank(r) != 3)
    return op.error("the input has the shape " + shapeText(op.shape(x)) +
                    " and the weights of the hidden state " + shapeText(op.shape(r)) +
                    ": both must have three dimensions");
  int64_t steps = op.shape(x)[0], batch = op.shape(x)[1], hidden = op.shape(r)[2];
  Type element = tensorType(x).getElementType();
  Ints state{directions, batch, hidden}, given{batch, directions, hidden};
  Value bias = orZeros(op, 3, {directions, 2 * gates * hidden}, element);
  Value lengths = op.hasInput(4)
                      ? op.input(4)
                      : op.filled({batch}, op.builder.getI32Type(), static_cast<double>(steps));
  auto initial = [&](size_t i) {
    return swapped(op, orZeros(op, i, batchFirst ? given : state, element), batchFirst);
  };
  Values operands{x, w, r, bias, lengths, initial(5)};
  if (lstm) {
    operands.push_back(initial(6));
    operands.push_back(orZeros(op, 7, {directions, 3 * hidden}, element));
  }
  if (op.hasFailed())
    return failure();
  if (!fits(op, operands, gates, directions))
    return op.error(
        "the shapes of the weights, the bias or the initial states do not fit the input "
        "and each other");
  RecurrentSettings settings{kind,
                             *direction,
                             functions,
                             op.real("clip", 0),
                             kind == RecurrentKind::Gru && op.flag("linear_before_reset"),
                             lstm && op.flag("input_forget")};
  const bool whole = isWhole(op, steps);
  if (whole && isUnrolled(operands))
    return setResults(op, unrolledRecurrent(op, operands, settings), batchFirst);
  MLIRContext *context = op.builder.getContext();
  SmallVector<NamedAttribute> attrs{
      op.named("kind", RecurrentKindAttr::get(context, kind)),
      op.named("direction", RecurrentDirectionAttr::get(context, *direction)),
      op.named("activations", functions)};
  if (op.hasAttr("clip"))
    attrs.push_back(op.named("clip", op.builder.getF64FloatAttr(op.real("clip", 0))));
  if (kind == RecurrentKind::Gru)
    op.addFlags(attrs, {"linear_before_reset"});
  if (lstm)
    op.addFlags(attrs, {"input_forget"});
  operands[0] = inputProduct(op, x, w, biasOf(op, bias, false));
  operands[3] = biasOf(op, bias, true);
  operands.erase(operands.begin() + 1);
  Values results = unpacked(op, op.make<RecurrentOp>(operands, attrs), steps);
  if (!whole)
    clearEmpty(op, results, lengths);
  return setResults(op, results, batchFirst);
}

/// ONNX Runtime's: matrices of 8 bits, [directions, inputs, gates * hidden] and [directions,
/// hidden, gates * hidden]. Input and hidden state are quantised at every step, so it is unrolled
/// or refused.
static LogicalResult convertDynamicQuantizeLstm(OpImport &op) {
  constexpr int64_t gates = 4;
  constexpr const char *advice = "leave 'LSTM' out of the op types that are quantised dynamically";
  op.ignore({"hidden_size"});
  std::optional<RecurrentDirection> direction = directionOf(op);
  const int64_t directions = direction == RecurrentDirection::Bidirectional ? 2 : 1;
  ArrayAttr functions = activations(op, directions, {"Sigmoid", "Tanh", "Tanh"});
  Value x = op.input(0), w = op.input(1), r = op.input(2);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) != 3 || op.rank(w) != 3 || op.rank(r) != 3)
    return op.error("the input and both matrices of weights must have three dimensions");
  const int64_t steps = op.shape(x)[0], batch = op.shape(x)[1], hidden = op.shape(r)[1];
  for (size_t i = 8; i < 12; ++i)
    if (!op.hasInput(i))
      return op.error("input " + Twine(i) +
                      " is missing: the scales and zero points of both "
                      "matrices are needed");
  Type element = tensorType(x).getElementType();
  Ints state{directions, batch, hidden};
  Values operands{x,
                  op.transpose(w, {0, 2, 1}),
                  op.transpose(r, {0, 2, 1}),
                  orZeros(op, 3, {directions, 2 * gates * hidden}, element),
                  Value(),
                  orZeros(op, 5, state, element),
                  orZeros(op, 6, state, element),
                  orZeros(op, 7, {directions, 3 * hidden}, element)};
  RecurrentSettings settings{RecurrentKind::Lstm,
                             *direction,
                             functions,
                             op.real("clip", 0),
                             false,
                             op.flag("input_forget"),
                             {op.input(8), op.input(10)},
                             {op.input(9), op.input(11)}};
  if (op.hasFailed())
    return failure();
  auto eachRow = [&](Value v) {
    const int64_t count = v ? elementCount(op.shape(v)) : directions;
    return count == directions || count == directions * gates * hidden;
  };
  if (!fits(op, operands, gates, directions) || !llvm::all_of(settings.scale, eachRow) ||
      !llvm::all_of(settings.zero, eachRow))
    return op.error("the shapes of the weights, their scales and zero points, the bias and the "
                    "input do not fit each other");
  if (!isWhole(op, steps) || !isUnrolled(operands))
    return op.error("a dynamically quantised LSTM must have constant weights, at most 64 steps, "
                    "and sequences of all of them; it has " +
                        Twine(steps) + " steps",
                    advice);
  return setResults(op, unrolledRecurrent(op, operands, settings), false);
}

void disco::importing::addRecurrent(ConverterTable &table) {
  table["com.microsoft.DynamicQuantizeLSTM"] = {convertDynamicQuantizeLstm, 3, 12, 3, kFloats, 1};
  table["RNN"] = {convertRecurrent<RecurrentKind::Rnn>, 3, 6, 2, kFloats, 4};
  table["GRU"] = {convertRecurrent<RecurrentKind::Gru>, 3, 6, 2, kFloats, 4};
  table["LSTM"] = {convertRecurrent<RecurrentKind::Lstm>, 3, 8, 3, kFloats, 4};
}
