//===- Communication.cpp - data movement between nodes --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

/// Bytes of the parts of a message.
static int64_t partBytes(OperandRange inputs, ArrayAttr parts) {
  int64_t bytes = 0;
  for (auto [input, part] : llvm::zip(inputs, parts.getAsRange<PartAttr>()))
    bytes += part.getSet().size() * channelBytes(tensorType(input), part.getAxis());
  return bytes;
}

LogicalResult ExchangeOp::verify() {
  OwnedAttr owners = ownersOf(getX());
  auto held = dyn_cast_or_null<HeldAttr>(tensorType(getResult()).getEncoding());
  if (!owners || !held || owners.getAxis() != held.getAxis() ||
      owners.getNodes() != held.getNodes())
    return emitOpError("takes an owned tensor to a held one along the same axis");
  SmallVector<IndexSet> delivered(owners.getNodes());
  for (auto route : getRoutes().getAsRange<RouteAttr>()) {
    if (route.getFrom() < 0 || route.getFrom() >= owners.getNodes() || route.getTo() < 0 ||
        route.getTo() >= owners.getNodes() || route.getFrom() == route.getTo())
      return emitOpError("a route joins two different nodes of the cluster");
    if (!owners.getSet(route.getFrom()).containsAll(route.getSet()))
      return emitOpError("node ") << route.getFrom() << " sends channels that it does not own";
    delivered[route.getTo()].add(route.getSet());
  }
  for (int64_t rank = 0; rank < owners.getNodes(); ++rank)
    if (delivered[rank] != held.getSet(rank))
      return emitOpError("the routes do not deliver what node ") << rank << " is said to hold";
  return success();
}

/// Every route is a message, unless the schedule merges some.
Cost ExchangeOp::getCost() {
  Cost cost;
  int64_t each = channelBytes(tensorType(getX()), ownersOf(getX()).getAxis());
  for (auto route : getRoutes().getAsRange<RouteAttr>()) {
    ++cost.messages;
    cost.wireBytes += route.getSet().size() * each;
  }
  return cost;
}

LogicalResult AssembleOp::verify() {
  if (getSources().size() != getChannels().size() ||
      static_cast<int64_t>(getSources().size()) != axisExtent(tensorType(getResult()), getAxis()))
    return emitOpError("sources and channels must have one entry for each channel of the result");
  for (auto [source, channel] : llvm::zip(getSources(), getChannels()))
    if (source < 0 || source >= static_cast<int64_t>(getInputs().size()) || channel < 0 ||
        channel >= axisExtent(tensorType(getInputs()[source]), getAxis()))
      return emitOpError("reads channel ")
             << channel << " of input " << source << ", which does not exist";
  return success();
}

LogicalResult SendOp::verify() {
  if (getInputs().size() != getParts().size())
    return emitOpError("needs one part for each tensor");
  for (auto [input, part] : llvm::zip(getInputs(), getParts().getAsRange<PartAttr>())) {
    LocalAttr local = localOf(input);
    if (!local || local.getAxis() != part.getAxis() || !local.getSet().containsAll(part.getSet()))
      return emitOpError("sends channels of ")
             << part.getTensor() << " that the tensor does not hold";
  }
  if (partBytes(getInputs(), getParts()) != getBuffer().getType().getBytes())
    return emitOpError("the parts need ")
           << partBytes(getInputs(), getParts()) << " bytes, the buffer has "
           << getBuffer().getType().getBytes();
  return success();
}

/// What is packed is read and written once more.
Cost SendOp::getCost() {
  Cost cost;
  cost.messages = 1;
  cost.wireBytes = getBuffer().getType().getBytes();
  cost.bytesRead = cost.bytesWritten = cost.wireBytes;
  return cost;
}

LogicalResult RecvOp::verify() {
  if (getResults().size() != getParts().size())
    return emitOpError("needs one part for each tensor");
  int64_t bytes = 0;
  for (auto [result, part] : llvm::zip(getResults(), getParts().getAsRange<PartAttr>())) {
    if (axisExtent(tensorType(result), part.getAxis()) != part.getSet().size())
      return emitOpError("the tensor of ")
             << part.getTensor() << " does not have the part's channels";
    bytes += byteSize(tensorType(result));
  }
  if (bytes != getBuffer().getType().getBytes())
    return emitOpError("the parts need ")
           << bytes << " bytes, the buffer has " << getBuffer().getType().getBytes();
  return success();
}

bool AssembleOp::takesLayouts(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return byRows(operands, result) || static_cast<int64_t>(getAxis()) >= 0;
}

void AssembleOp::describeKernel(KernelCall &call) {
  int64_t axis = getAxis();
  if (liesOtherwise(*this))
    return addAssembled(call, getResult(), axis, getInputs(), getSources(), getChannels());
  if (getInputs().size() == 1) {
    call.use("select").type("x_t", getResult());
    addOuterInner(call, shapeOf(getResult()), axis);
    call.constant("x_extent", axisExtent(tensorType(getInputs()[0]), axis))
        .constant("extent", static_cast<int64_t>(getChannels().size()));
    call.table("index", getChannels());
    call.pointers = {getResult(), getInputs()[0]};
    return;
  }
  call.use("assemble").type("x_t", getResult());
  addOuterInner(call, shapeOf(getResult()), axis);
  Shape extents;
  for (Value input : getInputs())
    extents.push_back(axisExtent(tensorType(input), axis));
  call.constant("extent", static_cast<int64_t>(getChannels().size()))
      .array("source_extents", extents);
  call.table("source", getSources()).table("channel", getChannels());
  call.pointers = {getResult()};
  call.sources.assign(getInputs().begin(), getInputs().end());
}
