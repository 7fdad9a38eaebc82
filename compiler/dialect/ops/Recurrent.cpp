//===- Recurrent.cpp - RNN, GRU and LSTM over a sequence ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

static int64_t gatesOf(RecurrentKind kind) {
  return kind == RecurrentKind::Lstm ? 4 : kind == RecurrentKind::Gru ? 3 : 1;
}

LogicalResult RecurrentOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  int64_t directions = op.getDirection() == RecurrentDirection::Bidirectional ? 2 : 1;
  int64_t gates = gatesOf(op.getKind());
  ArrayRef<int64_t> x = shapeOf(op.getX()), r = shapeOf(op.getR());
  if (x.size() != 3 || r.size() != 3)
    return emitOptionalError(loc, "the input and the weights must have three dimensions");
  int64_t steps = x[0], batch = x[1], hidden = r[2];
  bool lstm = op.getKind() == RecurrentKind::Lstm;
  auto has = [&](Value value, ArrayRef<int64_t> shape) { return shapeOf(value) == shape; };
  bool fits =
      x[2] == directions * gates * hidden && has(op.getR(), {directions, gates * hidden, hidden}) &&
      has(op.getBias(), {directions, gates * hidden}) && has(op.getLengths(), {batch}) &&
      has(op.getInitial(), {directions, batch, hidden}) && op.getCell().size() == (lstm ? 2 : 0);
  if (fits && lstm)
    fits = has(op.getCell()[0], {directions, batch, hidden}) &&
           has(op.getCell()[1], {directions, 3 * hidden});
  if (!fits)
    return emitOptionalError(loc, "the shapes of the weights, the bias or the initial states do "
                                  "not fit the input and each other");
  int64_t functions = lstm ? 3 : op.getKind() == RecurrentKind::Gru ? 2 : 1;
  if (static_cast<int64_t>(op.getActivations().size()) != functions * directions)
    return emitOptionalError(loc, "needs ", functions, " activations a direction");
  return infer(types, {steps + (lstm ? 2 : 1), directions, batch, hidden},
               typeOf(op.getX()).getElementType());
}

/// Every step needs the whole hidden state of the one before.
Divisions RecurrentOp::divide(int64_t) { return std::nullopt; }

StringRef RecurrentOp::getReplication() { return "recurrent layer"; }

bool RecurrentOp::isArithmetic() { return true; }

int64_t RecurrentOp::getMacs() { return tensorType(getX()).getNumElements() * shapeOf(getR())[2]; }

void RecurrentOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX()), r = shapeOf(getR());
  call.use(stringifyRecurrentKind(getKind())).type("x_t", getX());
  call.type("length_t", getLengths());
  call.constant("steps", x[0]).constant("batch", x[1]);
  call.constant("hidden", r[2]).constant("directions", r[0]);
  call.flag("reverse", getDirection() == RecurrentDirection::Reverse);
  call.flag("linear_before_reset", getLinearBeforeReset());
  call.flag("input_forget", getInputForget()).flag("has_clip", getClip().has_value());
  call.real("clip", getClip() ? getClip()->convertToDouble() : 0);
  size_t functions = getActivations().size() / static_cast<size_t>(r[0]);
  for (size_t direction = 0; direction < 2; ++direction)
    for (size_t i = 0; i < 3; ++i) {
      size_t at = direction * functions + i;
      bool used = i < functions && at < getActivations().size();
      std::string name = std::string(1, "fgh"[i]) + std::to_string(direction);
      call.function(name, used ? cast<ActAttr>(getActivations()[at]) : ActAttr());
    }
  call.pointers = {getResult(), getX(), getR(), getBias(), getLengths(), getInitial()};
  for (Value state : getCell())
    call.pointers.push_back(state);
}
