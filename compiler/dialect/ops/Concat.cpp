//===- Concat.cpp - operands one after another ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

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

OpFoldResult ConcatOp::fold(FoldAdaptor adaptor) {
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType())
    return getInputs()[0];
  SmallVector<ConstantView> views;
  llvm::SmallDenseSet<Attribute> distinct; // what is read twice is stored once
  size_t axis = getAxis();
  Shape stored(shapeOf(getResult()).size(), 1);
  int64_t elements = 0;
  for (auto [input, operand] : llvm::zip(adaptor.getInputs(), getInputs())) {
    auto value = dyn_cast_or_null<ElementsAttr>(input);
    if (!value)
      return {};
    views.emplace_back(value, shapeOf(operand));
    if (!views.back().isValid())
      return {};
    for (auto [extent, own] : llvm::zip(stored, views.back().getStoredShape()))
      extent = own == 1 ? extent : own;
    if (distinct.insert(input).second)
      elements += views.back().storedCount();
  }
  if (distinct.size() > 1 || stored[axis] != 1)
    stored[axis] = shapeOf(getResult())[axis];
  std::optional<RankedTensorType> type = foldedType(
      *this, product(shapeOf(getResult())) == 0 ? shapeOf(getResult()) : ArrayRef<int64_t>(stored),
      elements);
  if (!type)
    return {};
  ConstantBuilder builder(*type);
  const bool whole = type->getShape()[axis] == shapeOf(getResult())[axis];
  int64_t before = 0;
  for (auto [input, view] : llvm::zip(getInputs(), views)) {
    ArrayRef<int64_t> shape = shapeOf(input);
    SmallVector<int64_t> part(type->getShape());
    part[axis] = whole ? shape[axis] : 1;
    forEachIndex(part, [&](int64_t, ArrayRef<int64_t> index) {
      int64_t from = 0, to = 0;
      for (size_t i = 0; i < shape.size(); ++i) {
        from = from * shape[i] + index[i];
        to = to * type->getShape()[i] + index[i] + (i == axis ? before : 0);
      }
      builder.setBytes(to, view.bytes(from));
    });
    if (!whole) // all are the same along the axis
      break;
    before += shape[axis];
  }
  return builder.finish();
}

Divisions ConcatOp::divide(int64_t axis) {
  if (axis != static_cast<int64_t>(getAxis()))
    return sameAxis(*this, axis);
  Division division;
  int64_t extent = shapeOf(getResult())[axis], offset = 0;
  for (Value input : getInputs()) {
    int64_t own = shapeOf(input)[axis];
    division.operands.push_back(OperandNeed::along(axis, Relation::offset(extent, offset, own)));
    offset += own;
  }
  return division;
}

bool ConcatOp::isMovement() { return true; }

bool ConcatOp::relabels(int64_t axis) { return axis == static_cast<int64_t>(getAxis()); }

Local ConcatOp::localize(LocalContext &context) {
  if (context.axis != static_cast<int64_t>(getAxis()))
    return localizeByCloning(*this, context);
  SmallVector<Value> pieces;
  for (unsigned k = 0; k < getNumOperands(); ++k) {
    if (context.division.operands[k].relation->apply(context.set).empty())
      continue;
    Local piece = context.getOperand(k);
    if (failed(piece))
      return failure();
    pieces.push_back(*piece);
  }
  if (pieces.empty())
    return failure();
  auto concat = context.builder.create<ConcatOp>(getLoc(), context.getResultType(getResult()),
                                                 pieces, getAxisAttr());
  concat->setAttr(kTensorAttr, context.builder.getStringAttr(tensorName(getResult())));
  return Value(concat);
}

bool ConcatOp::takesLayouts(ArrayRef<PhysicalAttr>, PhysicalAttr) { return true; }

static void describeConcatAny(ConcatOp op, KernelCall &call) {
  auto axis = static_cast<int64_t>(op.getAxis());
  SmallVector<int64_t> sources, channels;
  for (auto [source, input] : llvm::enumerate(op.getInputs()))
    for (int64_t channel = 0; channel < shapeOf(input)[axis]; ++channel) {
      sources.push_back(static_cast<int64_t>(source));
      channels.push_back(channel);
    }
  addAssembled(call, op.getResult(), axis, op.getInputs(), sources, channels);
}

void ConcatOp::describeKernel(KernelCall &call) {
  if (liesOtherwise(*this))
    return describeConcatAny(*this, call);
  call.use("concat").type("x_t", getResult());
  addOuterInner(call, shapeOf(getResult()), getAxis());
  Shape extents;
  for (Value input : getInputs())
    extents.push_back(shapeOf(input)[getAxis()]);
  call.constant("count", static_cast<int64_t>(extents.size())).array("extents", extents);
  call.pointers = {getResult()};
  call.sources.assign(getInputs().begin(), getInputs().end());
}
