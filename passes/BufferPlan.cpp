//===- BufferPlan.cpp - which values share storage, and for how long ------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/BufferPlan.h"
#include "compiler/dialect/Joined.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/Target.h"
#include "compiler/dialect/WireForm.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

static int64_t valueBytes(Value value) {
  if (auto message = dyn_cast<MessageType>(value.getType()))
    return message.getBytes();
  return byteSize(tensorType(value));
}

/// Of a message's buffer: as long as its payload may be.
static int64_t payloadBound(Operation *op) {
  return WireForm::of(op).bound(valueBytes(op->getResult(0)));
}

/// What a compressed message takes beside its buffers: the parts side by side, where they are
/// packed, and of LZ4 the bytes in their other order. Nothing where it is not compressed.
static int64_t wireScratch(Operation *op) {
  if (!isa<SendOp, RecvOp>(op))
    return 0;
  const WireForm form = WireForm::of(op);
  if (form.isPlain())
    return 0;
  auto send = dyn_cast<SendOp>(op);
  const int64_t bytes = valueBytes(send ? send.getBuffer() : cast<RecvOp>(op).getBuffer());
  const bool turns = form.kind == WireForm::Kind::Lz4 && elementBytes(form.element) > 1;
  return (send && !isSentInPlace(send) ? BufferPlan::rounded(bytes) : 0) + (turns ? bytes : 0);
}

bool disco::inputsInArena(func::FuncOp function) { return isBare(nodeOf(function)); }

bool disco::scratchOnStack(func::FuncOp function) { return isBare(nodeOf(function)); }

/// Whether a value lies among the weights or the states, or where the caller of infer() put an
/// input.
static bool liesOutside(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<InputOp>(op))
      return !inputsInArena(op->getParentOfType<func::FuncOp>());
    if (isa<ConstantOp, StateOp>(op)) // a state is overwritten while its message may still leave
      return true;
    if (!isView(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// A run of a tensor would do as well; the whole tensor stays alive then until the message has
/// left, so that the arena can be larger than with a packed piece.
bool disco::isSentInPlace(SendOp send) {
  Value input = send.getInputs().front();
  const int64_t bytes = send.getBuffer().getType().getBytes();
  if (send.getInputs().size() != 1 || liesOutside(input) || valueBytes(input) != bytes)
    return false;
  std::optional<ByteRun> run = PhysicalLayout(tensorType(input)).findRun(-1, {});
  return run && run->bytes == bytes;
}

BufferPlan::BufferPlan(func::FuncOp function) : keepInputs(inputsInArena(function)) {
  Block &block = function.getBody().front();
  int64_t index = 0;
  for (Operation &op : block) {
    order[&op] = index++;
    if (op.hasAttr(kJoinedAttr))
      notePieces(&op);
  }
  for (Operation &op : block) {
    placeResults(&op, order[&op]);
    KernelAttr kernel = chosenKernel(&op);
    if (kernel && kernel.getScratch() > 0 && !scratchOnStack(function))
      scratch[&op] = newBuffer(kernel.getScratch(), order[&op]).buffer;
    if (const int64_t bytes = wireScratch(&op))
      scratch[&op] = newBuffer(bytes, order[&op]).buffer;
  }
}

std::optional<int64_t> BufferPlan::scratchOf(Operation *op) const {
  auto known = scratch.find(op);
  return known == scratch.end() ? std::nullopt : std::optional(known->second);
}

Place BufferPlan::newBuffer(int64_t bytes, int64_t index) {
  buffers.push_back({std::max<int64_t>(bytes, 1), index, index, -1});
  return {static_cast<int64_t>(buffers.size()) - 1, 0};
}

/// A piece, and the sums that it is added up in, are made where it will lie.
void BufferPlan::notePieces(Operation *op) {
  int64_t distance = 0;
  for (Value piece : op->getOperands()) {
    for (Value sum = piece; sum;) {
      pieces[sum] = {op->getResult(0), distance};
      auto storage = sum.getDefiningOp<StorageOpInterface>();
      SmallVector<InPlaceOperand> before =
          storage ? storage.getInPlaceOperands() : SmallVector<InPlaceOperand>();
      sum = before.empty() || !before.front().value.hasOneUse() ? Value() : before.front().value;
    }
    distance += valueBytes(piece);
  }
}

Place BufferPlan::placeInJoined(Piece piece, int64_t index) {
  auto [known, isNew] = joined.try_emplace(piece.joined, -1);
  if (isNew)
    known->second = newBuffer(valueBytes(piece.joined), index).buffer;
  return {known->second, piece.distance};
}

Place BufferPlan::shareWith(Value value, int64_t distance) {
  Place place = places.lookup(value);
  return place.buffer < 0 ? place : Place{place.buffer, place.distance + distance};
}

/// Whether the op at `index` is the last to read the buffer of a value, and the value is all of it.
bool BufferPlan::diesAt(Value value, int64_t index) const {
  Place place = places.lookup(value);
  return place.buffer >= 0 && buffers[place.buffer].end <= index;
}

/// Whether no other operand of the op lies in the buffer of one of them.
bool BufferPlan::readOnce(Operation *op, Value operand) const {
  int64_t buffer = places.lookup(operand).buffer;
  return llvm::count_if(op->getOperands(),
                        [&](Value other) { return places.lookup(other).buffer == buffer; }) == 1;
}

/// The operand whose storage the op overwrites with its result; null when it needs storage of its
/// own.
Value BufferPlan::dying(Operation *op, int64_t index) const {
  auto storage = dyn_cast<StorageOpInterface>(op);
  if (!storage)
    return {};
  for (InPlaceOperand operand : storage.getInPlaceOperands())
    if (diesAt(operand.value, index) && (!operand.alone || readOnce(op, operand.value)) &&
        physicalOf(operand.value) == physicalOf(op->getResult(0)))
      return operand.value;
  return {};
}

void BufferPlan::placeResults(Operation *op, int64_t index) {
  if (isa<ConstantOp>(op) || (isa<InputOp>(op) && !keepInputs))
    return;
  if (auto recv = dyn_cast<RecvOp>(op)) {
    int64_t distance = 0;
    const Place plain =
        WireForm::of(recv).isPlain() ? Place() : newBuffer(valueBytes(recv.getBuffer()), index);
    for (Value result : recv.getResults()) {
      places[result] =
          plain.buffer < 0 ? shareWith(recv.getBuffer(), distance) : Place{plain.buffer, distance};
      distance += valueBytes(result);
    }
  } else if (isa<SendOp, PostOp>(op) && !WireForm::of(op).isPlain()) {
    places[op->getResult(0)] = newBuffer(payloadBound(op), index);
  } else if (auto send = dyn_cast<SendOp>(op); send && isSentInPlace(send)) {
    places[send.getBuffer()] = shareWith(send.getInputs().front(), 0);
  } else if (isa<StateOp>(op)) {
    places[op->getResult(0)] = newBuffer(valueBytes(op->getResult(0)), -1);
    buffers.back().end = static_cast<int64_t>(order.size()) - 1;
  } else if (isa<InputOp>(op)) {
    // It is there before anything else is.
    places[op->getResult(0)] = newBuffer(valueBytes(op->getResult(0)), -1);
  } else if (auto piece = op->getNumResults() == 1 ? pieces.find(op->getResult(0)) : pieces.end();
             piece != pieces.end()) {
    places[piece->first] = placeInJoined(piece->second, index);
  } else if (op->getNumResults() == 1) {
    Value result = op->getResult(0), reused = isView(op) ? op->getOperand(0) : dying(op, index);
    places[result] = reused ? shareWith(reused, 0) : newBuffer(valueBytes(result), index);
  }
  // Uses are known from the start: the buffer's end is that of all its values.
  for (Value result : op->getResults()) {
    Place place = places.lookup(result);
    if (place.buffer < 0)
      continue;
    Buffer &buffer = buffers[place.buffer];
    buffer.end = std::max(buffer.end, index);
    for (Operation *user : result.getUsers())
      buffer.end = std::max(buffer.end, order.lookup(user));
  }
}

BufferPlan::Peak BufferPlan::peak() const {
  std::vector<int64_t> change(order.size() + 2); // by op; inputs are there before the first
  for (const Buffer &buffer : buffers) {
    change[buffer.start + 1] += rounded(buffer.bytes);
    change[buffer.end + 2] -= rounded(buffer.bytes);
  }
  Peak peak;
  int64_t live = 0;
  for (auto [place, delta] : llvm::enumerate(change))
    if ((live += delta) > peak.bytes)
      peak = {live, static_cast<int64_t>(place) - 1};
  return peak;
}
