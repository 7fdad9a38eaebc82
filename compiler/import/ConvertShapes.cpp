//===- ConvertShapes.cpp - constants and shapes ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Known.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static LogicalResult convertConstant(OpImport &op) {
  using Kind = OnnxAttribute::Kind;
  Type f32 = op.builder.getF32Type();
  if (op.op.attributes.size() != 1)
    return op.error("must have exactly one attribute with its value");
  if (op.hasAttr("value")) {
    const OnnxAttribute *value = op.attr("value", Kind::Tensor);
    if (!value || value->tensors.empty())
      return op.error("attribute 'value' is no tensor");
    return op.resultOfType(op.fromTensor(value->tensors[0]), value->tensors[0].type);
  }
  if (op.hasAttr("sparse_value")) {
    const OnnxAttribute *value = op.attr("sparse_value", Kind::SparseTensor);
    if (!value || value->tensors.empty())
      return op.error("attribute 'sparse_value' is no sparse tensor");
    return op.resultOfType(op.fromTensor(value->tensors[0]), value->tensors[0].type);
  }
  if (op.hasAttr("value_float"))
    return op.result(op.filled({}, f32, op.real("value_float", 0)));
  if (op.hasAttr("value_floats")) {
    Reals values = op.reals("value_floats");
    return op.result(op.reals({static_cast<int64_t>(values.size())}, f32, values));
  }
  if (op.hasAttr("value_int"))
    return op.result(
        op.reshape(op.constantInts(ArrayRef<int64_t>{op.integer("value_int", 0)}), {}));
  if (op.hasAttr("value_ints"))
    return op.result(op.constantInts(op.integers("value_ints")));
  return op.error("attribute '" + op.op.attributes[0].name + "' is not supported",
                  "strings are not supported: store a numeric tensor");
}

static LogicalResult convertConstantOfShape(OpImport &op) {
  std::optional<Ints> shape = op.constantInts(0, "input");
  if (!shape)
    return failure();
  if (!isReasonable(*shape))
    return op.error("the shape " + shapeText(*shape) + " is too large or impossible");
  const OnnxAttribute *value = op.attr("value", OnnxAttribute::Kind::Tensor);
  if (!value)
    return op.result(op.filled(*shape, op.builder.getF32Type(), 0), 0, kVariadic);
  if (value->tensors.empty() || value->tensors[0].elementCount() != 1)
    return op.error("attribute 'value' must have one element");
  Tensor one = value->tensors[0];
  one.dims.clear();
  Value element = op.fromTensor(one);
  if (!element)
    return failure();
  if (one.type == ElemType::F16)
    element = op.convertTo(element, op.builder.getF32Type());
  return op.resultOfType(op.expand(element, *shape), one.type);
}

static LogicalResult convertEyeLike(OpImport &op) {
  Value x = op.input(0);
  ElemType type = static_cast<ElemType>(op.integer("dtype", static_cast<int64_t>(op.inputType(0))));
  Type element = elementType(op.builder.getContext(), type);
  int64_t k = op.integer("k", 0);
  if (op.hasFailed())
    return failure();
  if (op.rank(x) != 2 || !element || elementCount(op.shape(x)) > kMostConstant)
    return op.error("needs a matrix of a reasonable size and a numeric element type");
  if (element.isF16())
    element = op.builder.getF32Type();
  int64_t rows = op.shape(x)[0], columns = op.shape(x)[1];
  k = std::clamp<int64_t>(k, -rows, columns);
  Value row = op.integersOf({rows, 1}, iota(rows, k)),
        column = op.integersOf({1, columns}, iota(columns));
  return op.resultOfType(op.convertTo(op.binary(BinaryKind::Equal, row, column), element), type);
}

//===----------------------------------------------------------------------===//
// Shape, Size, Range
//===----------------------------------------------------------------------===//

static LogicalResult convertShape(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  int64_t rank = op.rank(x);
  auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = clamped(op.integer("start", 0)), end = clamped(op.integer("end", rank));
  return op.result(op.constantInts(op.shape(x).slice(start, std::max<int64_t>(end - start, 0))));
}

static LogicalResult convertSize(OpImport &op) {
  Value x = op.input(0);
  if (op.hasFailed())
    return failure();
  return op.result(op.reshape(op.constantInts(ArrayRef<int64_t>{elementCount(op.shape(x))}), {}));
}

/// A 128-bit integer holds every difference of 64-bit ones.
__extension__ using Wide = __int128;

static Wide wideOf(const ConstantView &view) {
  bool isUnsigned = view.getElementType().isUnsignedInteger();
  int64_t value = view.integer(0);
  return isUnsigned ? Wide(static_cast<uint64_t>(value)) : Wide(value);
}

/// How many steps lead from start to before limit.
static double stepsBetween(const ConstantView &start, const ConstantView &limit,
                           const ConstantView &delta) {
  if (isa<FloatType>(start.getElementType()))
    return std::ceil((limit.real(0) - start.real(0)) / delta.real(0));
  Wide way = wideOf(limit) - wideOf(start), step = wideOf(delta);
  return static_cast<double>(way / step + (way % step != 0 && (way < 0) == (step < 0)));
}

static LogicalResult convertRange(OpImport &op) {
  Value parts[3];
  std::optional<ConstantView> values[3];
  for (size_t i = 0; i < 3; ++i) {
    parts[i] = op.input(i);
    if (op.hasFailed())
      return failure();
    if (isConstant(parts[i]) && elementCount(op.shape(parts[i])) == 1)
      values[i].emplace(parts[i]);
    else
      return op.error("start, limit and delta must be scalars that are known when compiling",
                      adviceToKnow(parts[i]));
  }
  const ConstantView &start = *values[0], &limit = *values[1], &delta = *values[2];
  Type element = start.getElementType();
  bool isReal = isa<FloatType>(element);
  if (delta.isZero(0))
    return op.error("delta must not be 0");
  double steps = stepsBetween(start, limit, delta);
  // A list of a few bytes in the file; what is folded of it takes as much again each time.
  constexpr int64_t most = int64_t(1) << 20;
  if (!(steps <= static_cast<double>(most)))
    return op.error("the range has too many elements: more than " + Twine(most),
                    "store it as an initialiser, or as an input of the model");
  auto count = static_cast<int64_t>(std::max(steps, 0.0));
  auto type = RankedTensorType::get({count}, element);
  ConstantBuilder elements(type);
  for (int64_t i = 0; i < count; ++i)
    isReal
        ? elements.setReal(i, start.real(0) + static_cast<double>(i) * delta.real(0))
        : elements.setInteger(i, static_cast<int64_t>(static_cast<uint64_t>(start.integer(0)) +
                                                      static_cast<uint64_t>(i) *
                                                          static_cast<uint64_t>(delta.integer(0))));
  return op.result(op.constant(type, elements.finish()));
}

//===----------------------------------------------------------------------===//
// Identity and dropout
//===----------------------------------------------------------------------===//

static LogicalResult convertIdentity(OpImport &op) {
  op.ignore({"consumed_inputs"});
  return op.forward();
}

/// Whether an optional constant scalar operand is there and not zero; run-time ones count as not
/// zero.
static bool mayBeTrue(OpImport &op, size_t i) {
  if (!op.hasInput(i))
    return false;
  Value value = op.input(i);
  if (!isConstant(value))
    return true;
  ConstantView view(value);
  return view.size() != 0 && !view.isZero(0);
}

static LogicalResult convertDropout(OpImport &op) {
  op.ignore({"ratio", "seed", "is_test"});
  Value x = op.input(0);
  bool ratioIsZero = op.opset() >= 12 && op.hasInput(1) && !mayBeTrue(op, 1);
  if (op.opset() >= 12 && mayBeTrue(op, 2) && !ratioIsZero)
    return op.error("input 'training_mode' is or may be true",
                    "export the model for inference (model.eval())");
  if (op.hasFailed())
    return failure();
  if (op.op.outputs.size() > 1 && op.isUsed(1)) {
    Type element = op.opset() >= 10 ? op.builder.getI1Type() : tensorType(x).getElementType();
    if (failed(op.resultOfType(op.filled(op.shape(x), element, 1),
                               op.opset() >= 10 ? ElemType::Bool : op.inputType(0), 1)))
      return failure();
  }
  return op.forward();
}

void disco::importing::addShapes(ConverterTable &table) {
  table["Constant"] = {convertConstant, 0, 0, 1};
  table["ConstantOfShape"] = {convertConstantOfShape, 1, 1, 1, kSigned};
  table["EyeLike"] = {convertEyeLike, 1, 1, 1};
  table["Shape"] = {convertShape, 1, 1, 1};
  table["Size"] = {convertSize, 1, 1, 1};
  table["Range"] = {convertRange, 3, 3, 1, kNumbers, 3};
  table["Identity"] = {convertIdentity, 1, 1, 1};
  table["Dropout"] = {convertDropout, 1, 3, 2, kFloats};
}
