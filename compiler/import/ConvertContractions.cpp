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

/// Null when the op is wrong, which then has been said.
static Value readConv(OpImport &op) {
  Value x = op.input(0), w = op.weights(1), bias = op.input(2);
  if (op.hasFailed())
    return {};
  int64_t rank = op.rank(x);
  if (rank < 3 || rank > 5 || op.rank(w) != rank) {
    (void)op.error("the input has the shape " + shapeText(op.shape(x)) + " and the weights " +
                       shapeText(op.shape(w)) + ": both must have 3, 4 or 5 dimensions",
                   "convolutions over 1, 2 or 3 spatial dimensions are supported");
    return {};
  }
  Ints kernel(op.shape(w).drop_front(2));
  if (op.integers("kernel_shape", kernel) != kernel) {
    (void)op.error("attribute 'kernel_shape' is " + shapeText(op.integers("kernel_shape")) +
                   ", but the weights have the shape " + shapeText(op.shape(w)));
    return {};
  }
  int64_t group = op.integer("group", 1);
  std::optional<Window> window = readWindow(op, op.shape(x).drop_front(2), kernel);
  if (!window)
    return {};
  if (bias && (op.rank(bias) != 1 || op.shape(bias)[0] != op.shape(w)[0])) {
    (void)op.error("the bias has the shape " + shapeText(op.shape(bias)) +
                   ", but must have one value for each of the " + Twine(op.shape(w)[0]) +
                   " output channels");
    return {};
  }
  return convolution(op, x, w, bias, *window, group);
}

static LogicalResult convertConv(OpImport &op) { return op.result(readConv(op)); }

/// The activation of a fused op of ONNX Runtime's; null for one that is not known.
static Value activated(OpImport &op, Value x, const std::string &name,
                       ArrayRef<double> parameters) {
  auto parameter = [&](size_t i, double missing) {
    return i < parameters.size() ? parameters[i] : missing;
  };
  if (name.empty())
    return x;
  if (name == "Relu")
    return op.unary(x, UnaryKind::Relu);
  if (name == "Tanh")
    return op.unary(x, UnaryKind::Tanh);
  if (name == "Sigmoid")
    return op.unary(x, UnaryKind::Sigmoid);
  if (name == "LeakyRelu")
    return op.unary(x, UnaryKind::LeakyRelu, parameter(0, 0.01f));
  if (name == "Clip" && parameters.size() == 2)
    return op.unary(x, UnaryKind::Clip, parameters[0], parameters[1]);
  if (name == "HardSigmoid")
    return op.unary(x, UnaryKind::HardSigmoid, parameter(0, 0.2f), parameter(1, 0.5f));
  (void)op.error("attribute 'activation' is '" + name + "', which is not supported",
                 "let ONNX Runtime optimise the model on its basic level only");
  return {};
}

/// activation(Conv(x, w, bias) + z)
static LogicalResult convertFusedConv(OpImport &op) {
  std::string activation = op.text("activation", "");
  Reals parameters = op.reals("activation_params");
  Value y = readConv(op), z = op.input(3);
  if (z)
    y = op.binary(BinaryKind::Add, y, z);
  return op.result(activated(op, y, activation, parameters));
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

/// Null when the op is wrong, which then has been said.
static Value readGemm(OpImport &op) {
  double alpha = op.real("alpha", 1), beta = op.real("beta", 1);
  bool transA = op.flag("transA"), transB = op.flag("transB");
  if (op.opset() < 7)
    op.ignore({"broadcast"});
  Value a = op.input(0), b = op.weights(1), c = beta != 0 ? op.input(2) : Value();
  if (op.hasFailed())
    return {};
  if (op.rank(a) != 2 || op.rank(b) != 2) {
    (void)op.error("the factors have the shapes " + shapeText(op.shape(a)) + " and " +
                   shapeText(op.shape(b)) + ", but must have two dimensions");
    return {};
  }
  if (!isa<FloatType>(tensorType(a).getElementType()) && (alpha != 1 || beta != 1)) {
    (void)op.error("alpha and beta must be 1 for integers");
    return {};
  }
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
    return y;
  if (broadcastShapes(op.shape(c), op.shape(y)) != Ints(op.shape(y))) {
    (void)op.error("C has the shape " + shapeText(op.shape(c)) + ", which cannot be broadcast to " +
                   shapeText(op.shape(y)));
    return {};
  }
  return op.binary(BinaryKind::Add, y, scaled(op, c, beta));
}

static LogicalResult convertGemm(OpImport &op) { return op.result(readGemm(op)); }

static LogicalResult convertFusedGemm(OpImport &op) {
  std::string activation = op.text("activation", "");
  Reals parameters;
  for (StringRef name : {"activation_alpha", "activation_beta", "activation_gamma"})
    if (op.hasAttr(name))
      parameters.push_back(op.real(name, 0));
  return op.result(activated(op, readGemm(op), activation, parameters));
}

/// alpha * a b, where the last two dimensions of a factor may be exchanged before.
static LogicalResult convertFusedMatMul(OpImport &op) {
  double alpha = op.real("alpha", 1);
  bool transA = op.flag("transA"), transB = op.flag("transB");
  if (op.flag("transBatchA") || op.flag("transBatchB"))
    return op.error("transBatchA and transBatchB are not supported",
                    "let ONNX Runtime optimise the model on its basic level only");
  Value a = op.input(0), b = op.weights(1);
  if (op.hasFailed())
    return failure();
  if (op.rank(a) < 2 || op.rank(b) < 2)
    return op.error("the factors have the shapes " + shapeText(op.shape(a)) + " and " +
                    shapeText(op.shape(b)) + ", but must have two dimensions at least");
  if (transA && OpImport::constant(b)) {
    Ints order = iota(op.rank(a));
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    a = op.transpose(a, order);
    transA = false;
  }
  if (alpha != 1 && OpImport::constant(b))
    return op.result(matrixProduct(op, a, scaled(op, op.input(1), alpha), {}, transA, transB));
  return op.result(scaled(op, matrixProduct(op, a, b, {}, transA, transB), alpha));
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
  table["com.microsoft.FusedConv"] = {convertFusedConv, 2, 4, 1, kFloats, 4};
  table["com.microsoft.FusedGemm"] = {convertFusedGemm, 2, 3, 1, kFloats, 3};
  table["com.microsoft.FusedMatMul"] = {convertFusedMatMul, 2, 2, 1, kFloats, 2};
  table["Gemm"] = {convertGemm, 2, 3, 1, kNumbers, 3};
  table["MatMul"] = {convertMatMul, 2, 2, 1, kNumbers, 2};
}
