//===- ConvertContractions.cpp - convolution and matrix products ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

static Value makeConv(OpImport &op, Value x, Value w, Value bias, const Window &window,
                      int64_t group, QuantAttr quant) {
  SmallVector<NamedAttribute> attrs{
      op.named("strides", window.strides), op.named("pads", window.pads),
      op.named("dilations", window.dilations), op.named("group", group)};
  if (!x || !w)
    return {};
  if (quant)
    attrs.push_back(op.named("quant", quant));
  Values operands = contractionOperands(op.builder, x, w, bias, {}, {}, attrs);
  return op.make<ConvOp>(operands, attrs);
}

Value disco::importing::convolution(OpImport &op, Value x, Value w, Value bias,
                                    const Window &window, int64_t group, QuantAttr quant) {
  bool fused = !bias || isSettled(bias);
  Value y = makeConv(op, x, w, fused ? bias : Value(), window, group, quant);
  if (fused || !y)
    return y;
  Ints channelwise(static_cast<size_t>(op.rank(x)) - 1, 1);
  channelwise[0] = op.shape(bias)[0];
  return op.binary(BinaryKind::Add, y, op.reshape(bias, channelwise));
}

static LogicalResult convertConv(OpImport &op) {
  Value x = op.input(0), w = op.weights(1), bias = op.input(2);
  if (op.hasFailed())
    return failure();
  int64_t rank = op.rank(x);
  if (rank < 3 || rank > 5 || op.rank(w) != rank)
    return op.error("the input has the shape " + shapeText(op.shape(x)) + " and the weights " +
                        shapeText(op.shape(w)) + ": both must have 3, 4 or 5 dimensions",
                    "convolutions over 1, 2 or 3 spatial dimensions are supported");
  Ints kernel(op.shape(w).drop_front(2));
  if (op.integers("kernel_shape", kernel) != kernel)
    return op.error("attribute 'kernel_shape' is " + shapeText(op.integers("kernel_shape")) +
                    ", but the weights have the shape " + shapeText(op.shape(w)));
  int64_t group = op.integer("group", 1);
  std::optional<Window> window = readWindow(op, op.shape(x).drop_front(2), kernel);
  if (!window)
    return failure();
  if (bias && (op.rank(bias) != 1 || op.shape(bias)[0] != op.shape(w)[0]))
    return op.error("the bias has the shape " + shapeText(op.shape(bias)) +
                    ", but must have one value for each of the " + Twine(op.shape(w)[0]) +
                    " output channels");
  return op.result(convolution(op, x, w, bias, *window, group));
}

//===----------------------------------------------------------------------===//
// Gemm and MatMul
//===----------------------------------------------------------------------===//

Value disco::importing::matrixProduct(OpImport &op, Value a, Value b, Value bias, bool transA,
                                      bool transB, QuantAttr quant) {
  SmallVector<NamedAttribute> attrs;
  if (!a || !b)
    return {};
  if (transA)
    attrs.push_back(op.unit("trans_a"));
  if (transB)
    attrs.push_back(op.unit("trans_b"));
  if (quant)
    attrs.push_back(op.named("quant", quant));
  Values operands = contractionOperands(op.builder, a, b, bias, {}, {}, attrs);
  return op.make<MatMulOp>(operands, attrs);
}

static Value scaled(OpImport &op, Value x, double factor) {
  return factor == 1 ? x : op.binary(BinaryKind::Mul, x, op.scalar(x, factor));
}

/// C as a bias by column, if it is a constant that says the same to every row.
static Value asBias(OpImport &op, Value c, int64_t columns) {
  if (!isSettled(c))
    return {};
  ArrayRef<int64_t> shape = op.shape(c);
  if (shape.size() > 2 || (shape.size() == 2 && shape[0] != 1))
    return {};
  int64_t last = shape.empty() ? 1 : shape.back();
  return last == 1 || last == columns ? op.expand(op.reshape(c, {last}), {columns}) : Value();
}

static LogicalResult convertGemm(OpImport &op) {
  double alpha = op.real("alpha", 1), beta = op.real("beta", 1);
  bool transA = op.flag("transA"), transB = op.flag("transB");
  if (op.opset() < 7)
    op.ignore({"broadcast"});
  Value a = op.input(0), b = op.weights(1), c = beta != 0 ? op.input(2) : Value();
  if (op.hasFailed())
    return failure();
  if (op.rank(a) != 2 || op.rank(b) != 2)
    return op.error("the factors have the shapes " + shapeText(op.shape(a)) + " and " +
                    shapeText(op.shape(b)) + ", but must have two dimensions");
  if (!isa<FloatType>(tensorType(a).getElementType()) && (alpha != 1 || beta != 1))
    return op.error("alpha and beta must be 1 for integers");
  // With constant weights the product is a contraction over the last axis of a.
  if (transA && OpImport::constant(b)) {
    a = op.transpose(a, {1, 0});
    transA = false;
  }
  bool later = false;
  if (alpha != 1 && OpImport::constant(b))
    b = scaled(op, op.input(1), alpha);
  else if (alpha != 1 && OpImport::constant(a))
    a = scaled(op, a, alpha);
  else
    later = alpha != 1;
  int64_t columns = b ? op.shape(b)[transB ? 0 : 1] : 0;
  Value bias = later ? Value() : asBias(op, c, columns);
  if (bias)
    bias = scaled(op, bias, beta);
  Value y = matrixProduct(op, a, b, bias, transA, transB);
  if (later)
    y = scaled(op, y, alpha);
  if (!c || bias || !y)
    return op.result(y);
  if (broadcastShapes(op.shape(c), op.shape(y)) != Ints(op.shape(y)))
    return op.error("C has the shape " + shapeText(op.shape(c)) +
                    ", which cannot be broadcast to " + shapeText(op.shape(y)));
  return op.result(op.binary(BinaryKind::Add, y, scaled(op, c, beta)));
}

static LogicalResult convertMatMul(OpImport &op) {
  Value a = op.input(0), b = op.weights(1);
  if (op.hasFailed())
    return failure();
  bool row = op.rank(a) == 1, column = op.rank(b) == 1;
  if (op.rank(a) == 0 || op.rank(b) == 0)
    return op.error("the factors must not be scalars");
  if (row)
    a = op.reshape(a, {1, op.shape(a)[0]});
  if (column)
    b = op.reshape(b, {op.shape(b)[0], 1});
  Value y = matrixProduct(op, a, b, {}, false, false);
  if (!y)
    return failure();
  Ints shape(op.shape(y));
  if (column)
    shape.pop_back();
  if (row)
    shape.erase(shape.end() - (column ? 1 : 2));
  return op.result(op.reshape(y, shape));
}

void disco::importing::addContractions(ConverterTable &table) {
  table["Conv"] = {convertConv, 2, 3, 1, kFloats, 3};
  table["Gemm"] = {convertGemm, 2, 3, 1, kNumbers, 3};
  table["MatMul"] = {convertMatMul, 2, 2, 1, kNumbers, 2};
}
