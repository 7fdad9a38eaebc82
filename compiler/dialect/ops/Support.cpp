//===- Support.cpp - what the files of ops share -------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"
#include <array>

using namespace mlir;
using namespace disco;

/// Extent of a windowed dimension: floor or ceil of (in + pads - window) / stride, plus 1 (ONNX,
/// Conv and MaxPool).
static int64_t windowedExtent(int64_t in, int64_t begin, int64_t end, int64_t kernel,
                              int64_t dilation, int64_t stride, bool ceilMode) {
  int64_t free = in + begin + end - ((kernel - 1) * dilation + 1);
  if (free < 0)
    return 0;
  int64_t extent = (ceilMode ? (free + stride - 1) / stride : free / stride) + 1;
  // A last window that would start in the end padding does not exist.
  if (ceilMode && (extent - 1) * stride >= in + begin)
    --extent;
  return extent;
}

std::array<int64_t, 3> disco::spatial(ArrayRef<int64_t> values, int64_t missing) {
  std::array<int64_t, 3> all{missing, missing, missing};
  for (size_t i = 0; i < values.size(); ++i)
    all[3 - values.size() + i] = values[i];
  return all;
}

/// Drops what belongs to the global program alone.
static void dropGlobalAttributes(Operation *op) {
  for (StringRef name : {kOwnersAttr, kFullMaskAttr, kRouteKindAttr, kReplicatedAttr})
    op->removeAttr(name);
  op->removeAttr(kStatedMaskAttr);
  op->removeAttr(kMaskAttr);
}

Local disco::localizeByCloning(Operation *op, LocalContext &context) {
  // An operand that appears twice may be needed in two forms, so operands are set by position.
  SmallVector<Value> operands;
  for (unsigned k = 0; k < op->getNumOperands(); ++k) {
    Local operand = context.getOperand(k);
    if (failed(operand))
      return failure();
    operands.push_back(*operand);
  }
  Operation *clone = context.builder.clone(*op);
  clone->setOperands(operands);
  clone->getResult(0).setType(context.getResultType(op->getResult(0)));
  dropGlobalAttributes(clone);
  return clone->getResult(0);
}

LogicalResult disco::infer(Inferred types, ArrayRef<int64_t> shape, Type element) {
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

LogicalResult disco::checkAxis(std::optional<Location> loc, int64_t axis, size_t rank) {
  if (axis < 0 || axis >= static_cast<int64_t>(rank))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ", rank);
  return success();
}

LogicalResult disco::windowedShape(std::optional<Location> loc, ArrayRef<int64_t> in,
                                   ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                                   ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations,
                                   bool ceilMode, SmallVectorImpl<int64_t> &out) {
  size_t rank = in.size();
  if (kernel.size() != rank || strides.size() != rank || dilations.size() != rank ||
      pads.size() != 2 * rank)
    return emitOptionalError(loc, "kernel, strides, dilations and pads must have ", rank, ", ",
                             rank, ", ", rank, " and ", 2 * rank, " entries for ", rank,
                             " spatial dimensions");
  for (size_t i = 0; i < rank; ++i) {
    if (strides[i] < 1 || dilations[i] < 1 || kernel[i] < 1)
      return emitOptionalError(loc, "kernel extents, strides and dilations must be at least 1");
    int64_t extent = windowedExtent(in[i], pads[i], pads[rank + i], kernel[i], dilations[i],
                                    strides[i], ceilMode);
    if (extent < 1)
      return emitOptionalError(loc, "the window (", (kernel[i] - 1) * dilations[i] + 1,
                               ") is larger than the padded input (",
                               in[i] + pads[i] + pads[rank + i], ") in spatial dimension ", i);
    out.push_back(extent);
  }
  return success();
}

LogicalResult disco::broadcast(std::optional<Location> loc, ArrayRef<int64_t> a,
                               ArrayRef<int64_t> b, SmallVectorImpl<int64_t> &out) {
  size_t rank = std::max(a.size(), b.size());
  for (size_t i = 0; i < rank; ++i) {
    int64_t x = i + a.size() < rank ? 1 : a[i + a.size() - rank],
            y = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (x != y && x != 1 && y != 1)
      return emitOptionalError(loc, "extents ", x, " and ", y,
                               " cannot be broadcast against each other");
    out.push_back(x == 1 ? y : x);
  }
  return success();
}

SmallVector<int64_t> disco::stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t next = 1;
  for (size_t i = shape.size(); i-- > 0; next *= shape[i])
    strides[i] = next;
  return strides;
}

void disco::forEachIndex(ArrayRef<int64_t> shape,
                         function_ref<void(int64_t, ArrayRef<int64_t>)> callback) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t linear = 0; linear < count; ++linear) {
    callback(linear, index);
    for (size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

int64_t disco::broadcastIndex(ArrayRef<int64_t> index, ArrayRef<int64_t> shape,
                              ArrayRef<int64_t> strides) {
  int64_t linear = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      linear += index[i + index.size() - shape.size()] * strides[i];
  return linear;
}

OpFoldResult disco::moveElements(Operation *op, ElementsAttr value, Value x,
                                 ArrayRef<int64_t> stored, int64_t otherElements,
                                 function_ref<int64_t(int64_t, ArrayRef<int64_t>)> source) {
  ConstantView view(value, shapeOf(x));
  std::optional<RankedTensorType> type = foldedType(op, stored, view.storedCount() + otherElements);
  if (!view.isValid() || !type)
    return {};
  ConstantBuilder builder(*type);
  SmallVector<int64_t> strides = stridesOf(shapeOf(op->getResult(0)));
  forEachIndex(stored, [&](int64_t at, ArrayRef<int64_t> index) {
    int64_t linear = 0;
    for (size_t i = 0; i < strides.size(); ++i)
      linear += index[i] * strides[i];
    builder.setBytes(at, view.bytes(source(linear, index)));
  });
  return builder.finish();
}

bool disco::isReal(Type element) { return isa<FloatType>(element); }

OperandNeed disco::broadcastNeed(Value operand, Value result, int64_t axis) {
  int64_t own = axis - (rankOf(result) - rankOf(operand));
  if (own < 0 || (shapeOf(operand)[own] == 1 && shapeOf(result)[axis] != 1))
    return OperandNeed::whole();
  return OperandNeed::along(own, Relation::identity(shapeOf(operand)[own]));
}

Divisions disco::elementwise(Operation *op, int64_t axis) {
  Division division;
  for (Value operand : op->getOperands())
    division.operands.push_back(broadcastNeed(operand, op->getResult(0), axis));
  return division;
}

bool disco::broadcastsTo(Operation *op, unsigned k, ArrayRef<int64_t> smaller) {
  ArrayRef<int64_t> result = shapeOf(op->getResult(0));
  SmallVector<int64_t> all(result.size(), 1);
  for (OpOperand &operand : op->getOpOperands()) {
    ArrayRef<int64_t> shape = operand.getOperandNumber() == k ? smaller : shapeOf(operand.get());
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] != 1)
        all[i + result.size() - shape.size()] = shape[i];
  }
  return ArrayRef<int64_t>(all) == result;
}

Divisions disco::sameAxis(Operation *op, int64_t axis) {
  Division division;
  for (Value operand : op->getOperands())
    division.operands.push_back(
        OperandNeed::along(axis, Relation::identity(shapeOf(operand)[axis])));
  return division;
}

Value disco::reorder(LocalContext &context, Operation *op, Value source, int64_t axis,
                     ArrayRef<int64_t> channels, RankedTensorType type) {
  bool identity = static_cast<int64_t>(channels.size()) == axisExtent(tensorType(source), axis) &&
                  llvm::all_of(llvm::enumerate(channels), [](auto entry) {
                    return entry.value() == static_cast<int64_t>(entry.index());
                  });
  OpBuilder &builder = context.builder;
  if (identity && source.getType() == type)
    return source;
  SmallVector<int64_t> sources(channels.size(), 0);
  auto assemble = builder.create<AssembleOp>(
      op->getLoc(), type, ValueRange(source), builder.getI64IntegerAttr(axis),
      builder.getDenseI64ArrayAttr(sources), builder.getDenseI64ArrayAttr(channels));
  if (auto name = op->getAttr(kTensorAttr))
    assemble->setAttr(kTensorAttr, name);
  return assemble;
}

SmallVector<int64_t> disco::localOrder(const Relation &relation, const IndexSet &set) {
  IndexSet reads = relation.apply(set);
  SmallVector<int64_t> order;
  set.forEach([&](int64_t index) { order.push_back(reads.positionOf(relation.single(index))); });
  return order;
}

int64_t disco::product(ArrayRef<int64_t> extents) {
  int64_t product = 1;
  for (int64_t extent : extents)
    product *= extent;
  return product;
}

void disco::addSpatial(KernelCall &call, StringRef letter, bool before, ArrayRef<int64_t> values,
                       int64_t missing) {
  std::array<int64_t, 3> all = spatial(values, missing);
  for (size_t i = 0; i < 3; ++i) {
    std::string axis(1, "dhw"[i]);
    call.constant(before ? letter.str() + axis : axis + letter.str(), all[i]);
  }
}

void disco::addWindow(KernelCall &call, Value x, Value y, ArrayRef<int64_t> kernel,
                      ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                      ArrayRef<int64_t> dilations) {
  addSpatial(call, "i", true, shapeOf(x).drop_front(2), 1);
  addSpatial(call, "o", true, shapeOf(y).drop_front(2), 1);
  addSpatial(call, "k", true, kernel, 1);
  addSpatial(call, "s", true, strides, 1);
  addSpatial(call, "p", true, pads.take_front(pads.size() / 2), 0);
  addSpatial(call, "d", true, dilations, 1);
}

void disco::addOuterInner(KernelCall &call, ArrayRef<int64_t> shape, int64_t axis) {
  call.constant("outer", axis < 0 ? 1 : product(shape.take_front(axis)));
  call.constant("inner", axis < 0 ? product(shape) : product(shape.drop_front(axis + 1)));
}

void disco::addStrided(KernelCall &call, Value y, Value x, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> strides, int64_t offset) {
  Shape extents, steps;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1)
      continue;
    if (!extents.empty() && steps.back() == shape[i] * strides[i]) {
      extents.back() *= shape[i];
      steps.back() = strides[i];
      continue;
    }
    extents.push_back(shape[i]);
    steps.push_back(strides[i]);
  }
  if (extents.empty()) {
    extents.push_back(1);
    steps.push_back(1);
  }
  call.use("rearrange").type("x_t", x).constant("rank", static_cast<int64_t>(extents.size()));
  call.array("shape", extents).array("x_strides", steps).constant("offset", offset);
  call.pointers = {y, x};
}

BroadcastView::BroadcastView(ArrayRef<int64_t> result, ValueRange operands)
    : strides(operands.size()) {
  SmallVector<Shape> full;
  for (Value operand : operands) {
    Shape all = stridesOf(shapeOf(operand)), wide(result.size(), 0);
    for (size_t i = 0; i < all.size(); ++i)
      if (shapeOf(operand)[i] != 1)
        wide[i + result.size() - all.size()] = all[i];
    full.push_back(wide);
  }
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] == 1)
      continue;
    bool joins = !shape.empty();
    for (size_t k = 0; k < full.size() && joins; ++k)
      joins = strides[k].back() == full[k][i] * result[i];
    if (joins) {
      shape.back() *= result[i];
      for (size_t k = 0; k < full.size(); ++k)
        strides[k].back() = full[k][i];
      continue;
    }
    shape.push_back(result[i]);
    for (size_t k = 0; k < full.size(); ++k)
      strides[k].push_back(full[k][i]);
  }
  if (!shape.empty())
    return;
  shape.push_back(1);
  for (Shape &stride : strides)
    stride.push_back(1);
}
