//===- OpBuild.cpp - building what an ONNX op means -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/ModelImport.h"
#include "compiler/import/OpImport.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// More elements than any device of ours can hold.
static constexpr int64_t kMostElements = int64_t(1) << 33;
/// Folding constants of more elements than this costs more than it saves.
static constexpr int64_t kMostFolded = int64_t(1) << 28;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

bool disco::importing::isReasonable(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || extent > kMostElements || count * extent > kMostElements)
      return false;
    // An extent of zero must not hide what comes after it.
    count *= std::max<int64_t>(extent, 1);
  }
  return shape.size() <= 64;
}

int64_t disco::importing::elementCount(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

Ints disco::importing::iota(int64_t count, int64_t first) {
  Ints list(count);
  std::iota(list.begin(), list.end(), first);
  return list;
}

std::string disco::importing::shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, extent] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(extent);
  return text + "]";
}

std::optional<Ints> disco::importing::broadcastShapes(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  Ints shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return std::nullopt;
    shape[shape.size() - 1 - i] = x == 1 ? y : x;
  }
  return shape;
}

/// Factors that both lists, of the same product, are made of; nothing when a border of one lies
/// inside a factor of the other.
static std::optional<Ints> refine(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  Ints borders;
  for (ArrayRef<int64_t> list : {a, b}) {
    int64_t border = 1;
    for (int64_t extent : list)
      borders.push_back(border *= extent);
  }
  llvm::sort(borders);
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  Ints factors;
  int64_t before = 1;
  for (int64_t border : borders) {
    if (border % before != 0)
      return std::nullopt;
    if (border != before)
      factors.push_back(border / before);
    before = border;
  }
  return factors;
}

Ints disco::importing::commonView(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (llvm::is_contained(from, 0))
    return Ints(from);
  Ints view;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    // The operand's ones stay, ones that only the result has are no factors.
    if (i < from.size() && from[i] == 1) {
      view.push_back(1);
      ++i;
      if (j < to.size() && to[j] == 1)
        ++j;
      continue;
    }
    if (j < to.size() && to[j] == 1) {
      ++j;
      continue;
    }
    if (i == from.size() || j == to.size())
      return Ints(from); // the products differ, which the caller has excluded
    size_t firstFrom = i, firstTo = j;
    int64_t a = from[i++], b = to[j++];
    while (a != b && (a < b ? i < from.size() : j < to.size()))
      a < b ? a *= from[i++] : b *= to[j++];
    ArrayRef<int64_t> segment = from.slice(firstFrom, i - firstFrom);
    if (std::optional<Ints> factors = refine(segment, to.slice(firstTo, j - firstTo)))
      view.append(*factors);
    else
      view.append(segment.begin(), segment.end());
  }
  return view;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

bool OpImport::usable(ValueRange operands) {
  return !failed && llvm::all_of(operands, [](Value operand) { return bool(operand); });
}

Value OpImport::wrongShapes() {
  std::string reason = model.takeCaught();
  (void)error(reason.empty() ? "the operands' shapes do not fit" : reason);
  return {};
}

/// Whether an op computes with constants alone.
static bool isOfConstants(Operation *op) {
  return llvm::all_of(op->getOperands(), [](Value operand) {
    return isConstant(operand) || operand.getDefiningOp()->hasAttr(kOfConstantsAttr);
  });
}

static bool isWorthFolding(Operation *made) {
  return llvm::all_of(made->getOperands(), [](Value operand) {
    ElementsAttr value = OpImport::constant(operand);
    return value && elementCount(storedShape(value, shapeOf(operand))) <= kMostFolded;
  });
}

Value OpImport::settle(Operation *made) {
  ArrayRef<int64_t> shape = shapeOf(made->getResult(0));
  if (!isReasonable(shape)) {
    (void)error("the result has the shape " + shapeText(shape) +
                ", which is too large or impossible");
    made->erase();
    return {};
  }
  SmallVector<Value, 1> folded;
  if (isWorthFolding(made) && succeeded(builder.tryFold(made, folded)) && !folded.empty()) {
    made->erase();
    return folded.front();
  }
  if (isOfConstants(made))
    made->setAttr(kOfConstantsAttr, builder.getUnitAttr());
  return made->getResult(0);
}

Value OpImport::unary(Value x, UnaryKind kind, double alpha, double beta) {
  return make<UnaryOp>({x}, {named("act", ActAttr::get(builder.getContext(), kind, alpha, beta))});
}

Value OpImport::binary(BinaryKind kind, Value lhs, Value rhs) {
  return make<BinaryOp>({lhs, rhs},
                        {named("kind", BinaryKindAttr::get(builder.getContext(), kind))});
}

Value OpImport::where(Value condition, Value x, Value y) {
  if (!usable({condition, x, y}))
    return {};
  std::optional<Ints> inner = broadcastShapes(shapeOf(x), shapeOf(y));
  std::optional<Ints> result = inner ? broadcastShapes(*inner, shapeOf(condition)) : std::nullopt;
  if (!result) {
    (void)error("the shapes " + shapeText(shapeOf(condition)) + ", " + shapeText(shapeOf(x)) +
                " and " + shapeText(shapeOf(y)) + " cannot be broadcast against each other");
    return {};
  }
  auto type = RankedTensorType::get(*result, tensorType(x).getElementType());
  return settle(builder.create<WhereOp>(loc, type, condition, x, y));
}

Value OpImport::reduce(Value x, ReduceKind kind, ArrayRef<int64_t> axes, bool keepdims) {
  SmallVector<NamedAttribute> attrs{named("kind", ReduceKindAttr::get(builder.getContext(), kind)),
                                    named("axes", axes)};
  if (keepdims)
    attrs.push_back(unit("keepdims"));
  return make<ReduceOp>({x}, attrs);
}

Value OpImport::quantize(Value x, Value scale, Value zero, Type element) {
  if (!usable({x, scale}))
    return {};
  return settle(
      builder.create<QuantizeOp>(loc, RankedTensorType::get(shapeOf(x), element), x, scale, zero));
}

Value OpImport::dequantize(Value x, Value scale, Value zero) {
  if (!usable({x, scale}))
    return {};
  return settle(builder.create<DequantizeOp>(
      loc, RankedTensorType::get(shapeOf(x), builder.getF32Type()), x, scale, zero));
}

Value OpImport::convertTo(Value x, Type element) {
  if (!usable({x}) || tensorType(x).getElementType() == element)
    return x;
  return settle(builder.create<CastOp>(loc, RankedTensorType::get(shapeOf(x), element), x));
}

Value OpImport::rearrange(Value x, ArrayRef<int64_t> view, ArrayRef<int64_t> perm,
                          ArrayRef<int64_t> shape) {
  if (!usable({x}))
    return {};
  if (!isReasonable(view) || !isReasonable(shape) ||
      elementCount(view) != elementCount(shapeOf(x)) ||
      elementCount(shape) != elementCount(shapeOf(x))) {
    (void)error("a tensor of the shape " + shapeText(shapeOf(x)) +
                " cannot be seen with the shape " + shapeText(shape) +
                ": the numbers of elements differ");
    return {};
  }
  auto type = RankedTensorType::get(shape, tensorType(x).getElementType());
  return settle(builder.create<RearrangeOp>(loc, type, x, view, perm));
}

Value OpImport::reshape(Value x, ArrayRef<int64_t> newShape) {
  if (!usable({x}) || shapeOf(x) == newShape)
    return x;
  bool fits = isReasonable(newShape) && elementCount(newShape) == elementCount(shapeOf(x));
  Ints view = fits ? commonView(shapeOf(x), newShape) : Ints(shapeOf(x));
  return rearrange(x, view, iota(static_cast<int64_t>(view.size())), newShape);
}

Value OpImport::transpose(Value x, ArrayRef<int64_t> perm) {
  if (!usable({x}))
    return {};
  Ints result;
  for (int64_t axis : perm)
    result.push_back(shapeOf(x)[axis]);
  return rearrange(x, shapeOf(x), perm, result);
}

Value OpImport::expand(Value x, ArrayRef<int64_t> newShape) {
  if (!usable({x}) || shapeOf(x) == newShape)
    return x;
  std::optional<Ints> result = broadcastShapes(shapeOf(x), newShape);
  if (!result || ArrayRef<int64_t>(*result) != newShape || !isReasonable(newShape)) {
    (void)error("a tensor of the shape " + shapeText(shapeOf(x)) + " cannot be broadcast to " +
                shapeText(newShape));
    return {};
  }
  return settle(builder.create<ExpandOp>(
      loc, RankedTensorType::get(newShape, tensorType(x).getElementType()), x));
}

Value OpImport::slice(Value x, ArrayRef<int64_t> starts, ArrayRef<int64_t> steps,
                      ArrayRef<int64_t> newShape) {
  if (!usable({x}))
    return {};
  auto type = RankedTensorType::get(newShape, tensorType(x).getElementType());
  return settle(builder.create<SliceOp>(loc, type, x, starts, steps));
}

Value OpImport::select(Value x, int64_t axis, ArrayRef<int64_t> indices) {
  return make<SelectOp>({x}, {named("axis", axis), named("indices", indices)});
}

Value OpImport::gather(Value x, Value indices, int64_t axis, int64_t batch) {
  ElementsAttr value = usable({x, indices}) ? known(indices) : ElementsAttr();
  if (!value || batch != 0 || elementCount(shapeOf(indices)) > kMostConstant)
    return make<GatherOp>({x, indices}, {named("axis", axis), named("batch", batch)});
  ConstantView view(value, shapeOf(indices));
  Ints list, newShape(shapeOf(x).take_front(axis));
  int64_t extent = shapeOf(x)[axis];
  for (int64_t i = 0; view.isValid() && i < view.size(); ++i) {
    int64_t index = view.integer(i);
    if (index < -extent || index >= extent) {
      (void)error("index " + Twine(index) + " is outside axis " + Twine(axis) +
                  " of a tensor of the shape " + shapeText(shapeOf(x)));
      return {};
    }
    list.push_back(index < 0 ? index + extent : index);
  }
  llvm::append_range(newShape, shapeOf(indices));
  llvm::append_range(newShape, shapeOf(x).drop_front(axis + 1));
  return reshape(list == iota(extent) ? x : select(x, axis, list), newShape);
}

Value OpImport::scatter(Value x, Value indices, Value updates, int64_t batch, ScatterKind kind) {
  return make<ScatterOp>(
      {x, indices, updates},
      {named("batch", batch), named("kind", ScatterKindAttr::get(builder.getContext(), kind))});
}

Value OpImport::movedLast(Value x, int64_t axis) {
  Ints perm = iota(rank(x));
  if (!x || axis + 1 == rank(x))
    return x;
  perm.erase(perm.begin() + axis);
  perm.push_back(axis);
  return transpose(x, perm);
}

Value OpImport::movedFromLast(Value x, int64_t axis) {
  if (!x || axis + 1 == rank(x))
    return x;
  Ints perm = iota(rank(x) - 1);
  perm.insert(perm.begin() + axis, rank(x) - 1);
  return transpose(x, perm);
}

Value OpImport::concat(ValueRange values, int64_t axis) {
  return values.size() == 1 ? values[0] : make<ConcatOp>(values, {named("axis", axis)});
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value OpImport::constant(RankedTensorType type, ElementsAttr value) {
  return failed ? Value() : Value(builder.create<ConstantOp>(loc, type, value, ArrayAttr()));
}

Value OpImport::constantInts(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), builder.getI64Type());
  ConstantBuilder elements(type);
  for (auto [i, value] : llvm::enumerate(values))
    elements.setInteger(static_cast<int64_t>(i), value);
  return constant(type, elements.finish());
}

Value OpImport::integersOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> values) {
  return reshape(constantInts(values), shape);
}

Value OpImport::filled(ArrayRef<int64_t> shape, Type element, double value) {
  return filled(shape, element, builder.getF64FloatAttr(value));
}

Value OpImport::filled(ArrayRef<int64_t> shape, Type element, mlir::Attribute value) {
  auto type = RankedTensorType::get(shape, element);
  ConstantBuilder one(RankedTensorType::get({}, element));
  one.setAttribute(0, value);
  auto single = cast<DenseElementsAttr>(one.finish());
  if (type.getNumElements() == 0)
    return constant(type, ConstantBuilder(type).finish());
  return constant(type, DenseElementsAttr::get(type, *single.getValues<mlir::Attribute>().begin()));
}

Value OpImport::scalar(Value x, double value) {
  return x ? filled({}, tensorType(x).getElementType(), value) : Value();
}

Value OpImport::integerScalar(Value x, int64_t value) {
  return x ? filled({}, tensorType(x).getElementType(), builder.getI64IntegerAttr(value)) : Value();
}

Value OpImport::reals(ArrayRef<int64_t> shape, Type element, ArrayRef<double> values) {
  auto type = RankedTensorType::get(shape, element);
  ConstantBuilder elements(type);
  for (auto [i, value] : llvm::enumerate(values))
    elements.setReal(static_cast<int64_t>(i), value);
  return constant(type, elements.finish());
}

Value OpImport::fromTensor(const Tensor &tensor) {
  if (failed)
    return {};
  if (!constantType(builder.getContext(), tensor.type) || !isReasonable(tensor.dims)) {
    (void)error("the constant has the element type " + elemTypeName(tensor.type) +
                    " and the shape " + shapeText(tensor.dims) + ", which is not supported",
                "export the model with float, double, float16, bool or integer tensors");
    return {};
  }
  return model.constantOf(tensor, loc);
}
