//===- Ops.cpp - result types and verifiers of the disco ops --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Disco.h"
#include "KernelCall.h"
#include "LocalContext.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

#define GET_OP_CLASSES
#include "DiscoOps.cpp.inc"

using Inferred = SmallVectorImpl<Type> &;

static LogicalResult infer(Inferred types, ArrayRef<int64_t> shape, Type element) {
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Windows: convolution and pooling
//===----------------------------------------------------------------------===//

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

static LogicalResult windowedShape(std::optional<Location> loc, ArrayRef<int64_t> in,
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

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), w = shapeOf(op.getW());
  if (x.size() < 3 || x.size() > 5 || w.size() != x.size())
    return emitOptionalError(
        loc, "convolution needs an input and weights of the same rank, 3 to 5; got ", x.size(),
        " and ", w.size());
  int64_t group = op.getGroup();
  if (group < 1 || w[0] % group != 0)
    return emitOptionalError(loc, "the number of output channels (", w[0],
                             ") is not a multiple of group (", group, ")");
  int64_t columns = op.getChannels() ? static_cast<int64_t>(op.getChannels()->size()) : x[1];
  if (columns != w[1] * group)
    return emitOptionalError(loc, "the input has ", columns, " channels, but the weights read ",
                             w[1] * group, " (", w[1], " in each of ", group, " groups)");
  if (op.getBias() && shapeOf(op.getBias()) != ArrayRef<int64_t>(w[0]))
    return emitOptionalError(loc, "the bias must have one value for each of the ", w[0],
                             " output channels");
  SmallVector<int64_t> shape{x[0], w[0]};
  if (failed(windowedShape(loc, x.drop_front(2), w.drop_front(2), op.getStrides(), op.getPads(),
                           op.getDilations(), false, shape)))
    return failure();
  // Half floats are stored, never computed with.
  Type element = typeOf(op.getX()).getElementType();
  return infer(types, shape, element.isF16() ? Float32Type::get(context) : element);
}

template <typename OpTy> static LogicalResult verifyContraction(OpTy op, Value x, int64_t axis) {
  for (Value same : {op.getInit(), op.getResidual()})
    if (same && shapeOf(same) != shapeOf(op.getResult()))
      return op.emitOpError("init and residual must have the shape of the result");
  if (!op.getChannels())
    return success();
  int64_t extent = axisExtent(tensorType(x), axis);
  ArrayRef<int64_t> channels = *op.getChannels();
  for (int64_t channel : channels)
    if (channel < 0 || channel >= extent)
      return op.emitOpError("reads channel ")
             << channel << " of a buffer with " << extent << " channels";
  return success();
}

LogicalResult ConvOp::verify() { return verifyContraction(*this, getX(), 1); }
LogicalResult MatMulOp::verify() {
  return verifyContraction(*this, getA(), static_cast<int64_t>(shapeOf(getA()).size()) - 1);
}

LogicalResult PoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX());
  if (x.size() < 3 || x.size() > 5)
    return emitOptionalError(loc, "pooling needs an input of rank 3 to 5, got ", x.size());
  SmallVector<int64_t> shape{x[0], x[1]};
  if (failed(windowedShape(loc, x.drop_front(2), op.getKernel(), op.getStrides(), op.getPads(),
                           op.getDilations(), op.getCeilMode(), shape)))
    return failure();
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

//===----------------------------------------------------------------------===//
// Products and elementwise ops
//===----------------------------------------------------------------------===//

/// Multidirectional broadcasting; failure when extents differ and neither is 1.
static LogicalResult broadcast(std::optional<Location> loc, ArrayRef<int64_t> a,
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

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  if (a.size() < 2 || b.size() < 2)
    return emitOptionalError(loc, "the factors must have at least two dimensions");
  int64_t m = a[a.size() - 2], k = a.back(), bk = b[b.size() - 2], n = b.back();
  if (op.getTransA())
    std::swap(m, k);
  if (op.getTransB())
    std::swap(bk, n);
  if (op.getChannels())
    k = static_cast<int64_t>(op.getChannels()->size());
  if (k != bk)
    return emitOptionalError(loc, "the inner extents of the product differ: ", k, " and ", bk);
  if (op.getBias() && shapeOf(op.getBias()) != ArrayRef<int64_t>(n))
    return emitOptionalError(loc, "the bias must have one value for each of the ", n, " columns");
  SmallVector<int64_t> shape;
  if (failed(broadcast(loc, a.drop_back(2), b.drop_back(2), shape)))
    return failure();
  shape.append({m, n});
  return infer(types, shape, typeOf(op.getA()).getElementType());
}

LogicalResult UnaryOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                        DictionaryAttr, OpaqueProperties, RegionRange,
                                        Inferred types) {
  return infer(types, shapeOf(operands[0]), typeOf(operands[0]).getElementType());
}

static bool isComparison(BinaryKind kind) { return kind >= BinaryKind::Equal; }

LogicalResult BinaryOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  Type element = typeOf(op.getLhs()).getElementType();
  if (op.getKind() != BinaryKind::Pow && element != typeOf(op.getRhs()).getElementType())
    return emitOptionalError(loc, "the operands have different element types");
  SmallVector<int64_t> shape;
  if (failed(broadcast(loc, shapeOf(op.getLhs()), shapeOf(op.getRhs()), shape)))
    return failure();
  return infer(types, shape, isComparison(op.getKind()) ? IntegerType::get(context, 1) : element);
}

LogicalResult WhereOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                        ValueRange operands, DictionaryAttr, OpaqueProperties,
                                        RegionRange, Inferred types) {
  SmallVector<int64_t> inner, shape;
  if (failed(broadcast(loc, shapeOf(operands[1]), shapeOf(operands[2]), inner)) ||
      failed(broadcast(loc, shapeOf(operands[0]), inner, shape)))
    return failure();
  if (typeOf(operands[1]).getElementType() != typeOf(operands[2]).getElementType())
    return emitOptionalError(loc, "the operands have different element types");
  return infer(types, shape, typeOf(operands[1]).getElementType());
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX());
  SmallVector<int64_t> shape;
  for (int64_t axis : op.getAxes())
    if (axis < 0 || axis >= static_cast<int64_t>(x.size()))
      return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ",
                               x.size());
  for (auto [axis, extent] : llvm::enumerate(x)) {
    bool reduced = llvm::is_contained(op.getAxes(), static_cast<int64_t>(axis));
    if (!reduced || op.getKeepdims())
      shape.push_back(reduced ? 1 : extent);
  }
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  int64_t rank = static_cast<int64_t>(shapeOf(op.getX()).size()), axis = op.getAxis();
  int64_t count = op.getCount();
  if (axis < 0 || count < 1 || axis + count > rank)
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ", rank);
  return infer(types, shapeOf(op.getX()), typeOf(op.getX()).getElementType());
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  if (operands.empty())
    return emitOptionalError(loc, "needs at least one operand");
  SmallVector<int64_t> shape(shapeOf(operands[0]));
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ",
                             shape.size());
  for (Value operand : operands.drop_front()) {
    ArrayRef<int64_t> other = shapeOf(operand);
    if (other.size() != shape.size() ||
        typeOf(operand).getElementType() != typeOf(operands[0]).getElementType())
      return emitOptionalError(loc, "the operands differ in rank or element type");
    for (size_t i = 0; i < shape.size(); ++i)
      if (static_cast<int64_t>(i) != axis && other[i] != shape[i])
        return emitOptionalError(loc, "the operands differ in dimension ", i,
                                 ", which is not the concatenated one");
    shape[axis] += other[axis];
  }
  return infer(types, shape, typeOf(operands[0]).getElementType());
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  SmallVector<int64_t> shape(shapeOf(op.getX()));
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ",
                             shape.size());
  shape[axis] = static_cast<int64_t>(op.getIndices().size());
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), indices = shapeOf(op.getIndices());
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(x.size()))
    return emitOptionalError(loc, "axis ", axis, " does not exist in a tensor of rank ", x.size());
  SmallVector<int64_t> shape(x.take_front(axis));
  shape.append(indices.begin(), indices.end());
  shape.append(x.begin() + axis + 1, x.end());
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                      ValueRange operands, DictionaryAttr attributes,
                                      OpaqueProperties properties, RegionRange regions,
                                      Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  SmallVector<int64_t> shape(shapeOf(op.getX()));
  if (op.getPads().size() != 2 * shape.size())
    return emitOptionalError(loc, "pads must have ", 2 * shape.size(), " entries");
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t begin = op.getPads()[i], end = op.getPads()[i + shape.size()];
    if (op.getMode() == PadMode::Reflect && std::max(begin, end) >= std::max<int64_t>(shape[i], 1))
      return emitOptionalError(loc, "a reflected border must be smaller than the tensor");
    shape[i] += begin + end;
    if (shape[i] < 0)
      return emitOptionalError(loc, "the pads crop more than dimension ", i, " has");
  }
  return infer(types, shape, typeOf(op.getX()).getElementType());
}

LogicalResult ConstantOp::verify() {
  auto view = getView();
  if (!view)
    return sameShapes(getValue().getShapedType(), getType())
               ? success()
               : emitOpError("value and result differ in type");
  SmallVector<int64_t> shape(getValue().getShapedType().getShape());
  for (Attribute entry : *view) {
    auto local = dyn_cast<LocalAttr>(entry);
    if (!local || local.getAxis() < 0 || local.getAxis() >= static_cast<int64_t>(shape.size()))
      return emitOpError("the view names an axis that the value does not have");
    IndexSet set = local.getSet();
    if (!set.empty() && set.last() >= getValue().getShapedType().getDimSize(local.getAxis()))
      return emitOpError("the view reaches beyond axis ") << local.getAxis();
    shape[local.getAxis()] = set.size();
  }
  return ArrayRef<int64_t>(shape) == getType().getShape()
             ? success()
             : emitOpError("view and result differ in shape");
}

LogicalResult ResizeOp::verify() {
  size_t rank = shapeOf(getX()).size();
  if (getScales().size() != rank || shapeOf(getResult()).size() != rank)
    return emitOpError("scales and result must have the input's rank");
  if (!getRoi().empty() && getRoi().size() != 2 * rank)
    return emitOpError("roi must have ") << 2 * rank << " entries";
  return success();
}

LogicalResult RearrangeOp::verify() {
  ArrayRef<int64_t> view = getView(), perm = getPerm();
  SmallVector<bool> seen(view.size(), false);
  if (perm.size() != view.size())
    return emitOpError("perm must have one entry for each dimension of the view");
  for (int64_t p : perm) {
    if (p < 0 || p >= static_cast<int64_t>(view.size()) || seen[p])
      return emitOpError("perm is not a permutation");
    seen[p] = true;
  }
  int64_t count = 1;
  for (int64_t extent : view)
    count *= extent;
  if (count != tensorType(getX()).getNumElements() ||
      count != tensorType(getResult()).getNumElements())
    return emitOpError("operand, view and result must have the same number of elements");
  return success();
}

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult());
  if (getStarts().size() != x.size() || getSteps().size() != x.size() || y.size() != x.size())
    return emitOpError("starts, steps and result must have the input's rank");
  for (size_t i = 0; i < x.size(); ++i) {
    int64_t last = getStarts()[i] + (y[i] - 1) * getSteps()[i];
    if (y[i] > 0 && (getStarts()[i] < 0 || getStarts()[i] >= x[i] || last < 0 || last >= x[i]))
      return emitOpError("the slice leaves dimension ") << i;
  }
  return success();
}

LogicalResult SelectOp::verify() {
  int64_t extent = axisExtent(tensorType(getX()), static_cast<int64_t>(getAxis()));
  for (int64_t index : getIndices())
    if (index < 0 || index >= extent)
      return emitOpError("index ") << index << " is outside an axis of extent " << extent;
  return success();
}

LogicalResult ExpandOp::verify() {
  SmallVector<int64_t> shape;
  if (failed(broadcast(getLoc(), shapeOf(getX()), shapeOf(getResult()), shape)))
    return failure();
  return ArrayRef<int64_t>(shape) == shapeOf(getResult())
             ? success()
             : emitOpError("the result is smaller than the operand");
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

/// Bytes of the parts of a message.
static int64_t partBytes(OperandRange inputs, ArrayAttr parts) {
  int64_t bytes = 0;
  for (auto [input, part] : llvm::zip(inputs, parts.getAsRange<PartAttr>()))
    bytes += part.getSet().size() * channelBytes(tensorType(input), part.getAxis());
  return bytes;
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
