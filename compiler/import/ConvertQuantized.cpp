//===- ConvertQuantized.cpp - quantised ops -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// QDQ ops become ops of their own, which disco-simplify looks for. Ops of the QLinear and Integer
// kind become integer contractions where their settings are known, else they are composed.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Converters.h"
#include "compiler/import/Windows.h"
#include <cmath>

using namespace mlir;
using namespace disco;
using namespace disco::importing;

bool disco::importing::isSettled(Value value) {
  auto made = value ? value.getDefiningOp<DequantizeOp>() : DequantizeOp();
  return OpImport::constant(value) ||
         (made && llvm::all_of(made->getOperands(), [](Value v) { return isConstant(v); }));
}

//===----------------------------------------------------------------------===//
// QuantizeLinear and DequantizeLinear
//===----------------------------------------------------------------------===//

/// Every block of `size` entries along the axis shares one: repeated, and cut to the extent.
static Value repeated(OpImport &op, Value small, int64_t axis, int64_t size, int64_t extent,
                      bool ofWeights) {
  Ints apart(op.shape(small)), wide, flat(op.shape(small)), cut;
  apart.insert(apart.begin() + axis + 1, 1);
  wide = apart;
  wide[axis + 1] = size;
  flat[axis] *= size;
  cut = flat;
  cut[axis] = extent;
  Value all = op.reshape(op.expand(op.reshape(small, apart), wide), flat);
  // Weights are folded with it, which are larger.
  if (ElementsAttr value = ofWeights && all ? OpImport::known(all) : ElementsAttr())
    all = op.constant(tensorType(all), value);
  Ints zeros(flat.size(), 0), ones(flat.size(), 1);
  return cut == flat ? all : op.slice(all, zeros, ones, cut);
}

/// A scale or zero point in a shape that is broadcast to x.
static Value aligned(OpImport &op, Value x, Value small, int64_t axis, int64_t block) {
  if (!small)
    return {};
  ArrayRef<int64_t> shape = op.shape(x), own = op.shape(small);
  if (elementCount(own) == 1 && own.size() <= 1)
    return op.reshape(small, {});
  std::optional<int64_t> normal = op.normalAxis(axis, op.rank(x));
  if (!normal)
    return {};
  if (own.size() == 1 && own[0] == shape[*normal]) {
    Ints channelwise(shape.size() - static_cast<size_t>(*normal), 1);
    channelwise[0] = own[0];
    return op.reshape(small, channelwise);
  }
  bool blocked = block > 0 && own.size() == shape.size();
  for (size_t i = 0; blocked && i < own.size(); ++i)
    blocked =
        own[i] == (static_cast<int64_t>(i) == *normal ? (shape[i] + block - 1) / block : shape[i]);
  if (blocked)
    return repeated(op, small, *normal, block, shape[*normal], isSettled(x));
  (void)op.error("a scale or zero point has the shape " + shapeText(own) +
                     ", which does not fit the input of the shape " + shapeText(shape) +
                     " along axis " + Twine(*normal),
                 "there must be one in all, one for each index of the axis, or one a block");
  return {};
}

/// Element types of at most this many bits.
static bool isInteger(OpImport &op, Value value, unsigned most) {
  if (!value)
    return false;
  Type element = tensorType(value).getElementType();
  bool fits = isa<IntegerType>(element) && element.getIntOrFloatBitWidth() > 1 &&
              element.getIntOrFloatBitWidth() <= most;
  if (!fits)
    (void)op.error("quantised numbers must be integers of at most " + Twine(most) + " bits");
  return fits;
}

static Value asFloat(OpImport &op, Value value) {
  return op.convertTo(value, op.builder.getF32Type());
}

/// x where it quantises to what four bits hold: the type that has it is wider.
static Value withinFourBits(OpImport &op, Value x, Value scale, Value zero, bool isSigned) {
  for (bool most : {false, true}) {
    Value bound = op.scalar(scale, (isSigned ? -8 : 0) + (most ? 15 : 0));
    if (zero)
      bound = op.binary(BinaryKind::Sub, bound, asFloat(op, zero));
    x = op.binary(most ? BinaryKind::Min : BinaryKind::Max, x,
                  op.binary(BinaryKind::Mul, bound, scale));
  }
  return x;
}

static LogicalResult convertQuantize(OpImport &op) {
  Value x = asFloat(op, op.input(0)), scale = asFloat(op, op.input(1)), zero = op.input(2);
  int64_t axis = op.integer("axis", 1), block = op.integer("block_size", 0);
  int64_t to = op.integer("output_dtype", 0);
  op.ignore({"saturate", "precision"}); // of 8-bit floats; of the division
  if (op.hasFailed())
    return failure();
  ElemType target = zero ? op.inputType(2) : to ? static_cast<ElemType>(to) : ElemType::U8;
  Type element = constantType(op.builder.getContext(), target);
  if (!element || !isa<IntegerType>(element) || element.getIntOrFloatBitWidth() > 16 ||
      element.getIntOrFloatBitWidth() < 8)
    return op.error("quantises to an element type that is not supported",
                    "quantise to int8, uint8, int16, uint16, int4 or uint4");
  scale = aligned(op, x, scale, axis, block);
  zero = aligned(op, x, zero, axis, block);
  if (!op.hasFailed() && (target == ElemType::I4 || target == ElemType::U4))
    x = withinFourBits(op, x, scale, zero, target == ElemType::I4);
  if (op.hasFailed())
    return failure();
  return op.result(op.quantize(x, scale, zero, element));
}

static LogicalResult convertDequantize(OpImport &op) {
  Value x = op.input(0), scale = asFloat(op, op.input(1)), zero = op.input(2);
  int64_t axis = op.integer("axis", 1), block = op.integer("block_size", 0);
  auto to = static_cast<ElemType>(op.integer("output_dtype", 0));
  if (op.hasFailed() || !isInteger(op, x, 32))
    return failure();
  if (to != ElemType::Undefined && to != ElemType::F32 && to != ElemType::F16)
    return op.error("gives the element type " + elemTypeName(to) + ", which is not supported",
                    "let it give float or float16");
  if (zero && tensorType(zero).getElementType() != tensorType(x).getElementType())
    return op.error("the zero point has another element type than the input");
  scale = aligned(op, x, scale, axis, block);
  zero = aligned(op, x, zero, axis, block);
  if (op.hasFailed())
    return failure();
  Value y = op.dequantize(x, scale, zero);
  return to == ElemType::Undefined ? op.result(y, 0, 1) : op.resultOfType(y, to);
}

namespace {
struct Quantised {
  Value value, scale, zero;
};
} // namespace

/// As the function of the specification computes it, step by step.
static std::optional<Quantised> quantisedDynamically(OpImport &op, Value x) {
  if (op.inputType(0) == ElemType::F64)
    (void)op.error("takes single precision only", "insert a Cast to float before it");
  if (op.hasFailed())
    return std::nullopt;
  Ints axes = iota(op.rank(x));
  auto extreme = [&](ReduceKind reduce, BinaryKind join) {
    Value found = axes.empty() ? x : op.reduce(x, reduce, axes, false);
    return op.binary(join, found, op.scalar(x, 0));
  };
  Value least = extreme(ReduceKind::Min, BinaryKind::Min),
        greatest = extreme(ReduceKind::Max, BinaryKind::Max);
  Value step =
      op.binary(BinaryKind::Div, op.binary(BinaryKind::Sub, greatest, least), op.scalar(x, 255));
  // Of zeros alone: ONNX leaves the scale open, any is right but 0, by which nothing can be
  // divided.
  Value scale =
      op.where(op.binary(BinaryKind::Equal, step, op.scalar(x, 0)), op.scalar(x, 1), step);
  Value raw = op.binary(BinaryKind::Sub, op.scalar(x, 0), op.binary(BinaryKind::Div, least, scale));
  Value rounded = op.unary(op.unary(raw, UnaryKind::Clip, 0, 255), UnaryKind::Round);
  Type byte = elementType(op.builder.getContext(), ElemType::U8);
  Value zero = op.convertTo(rounded, byte);
  Value value = op.quantize(x, scale, zero, byte);
  return value ? std::optional(Quantised{value, scale, zero}) : std::nullopt;
}

static LogicalResult convertDynamicQuantize(OpImport &op) {
  std::optional<Quantised> made = quantisedDynamically(op, op.input(0));
  if (!made || failed(op.result(made->value)) || failed(op.result(made->scale, 1)))
    return failure();
  return op.result(made->zero, 2);
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

namespace {
/// The operands of a quantised contraction by what they are; null where the op has none.
struct Scaled {
  Value x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias;
};
} // namespace

static std::vector<double> valuesOf(Value value) {
  std::vector<double> values;
  if (!value)
    return values;
  ConstantView view(value);
  for (int64_t i = 0; view.isValid() && i < view.size(); ++i)
    values.push_back(view.real(i));
  return values;
}

/// What the contraction does in integers; null when its settings are not known, or not one a tensor
/// (x, y) or one a row (w).
static QuantAttr quantOf(OpImport &op, const Scaled &in, int64_t rows) {
  for (Value value : {in.xScale, in.xZero, in.w, in.wScale, in.wZero, in.yScale, in.yZero, in.bias})
    if (value && (!OpImport::constant(value) ||
                  (value != in.w && elementCount(op.shape(value)) > kMostConstant)))
      return {};
  std::vector<double> xZero = valuesOf(in.xZero), wZero = valuesOf(in.wZero),
                      xScale = valuesOf(in.xScale), wScale = valuesOf(in.wScale),
                      yScale = valuesOf(in.yScale), yZero = valuesOf(in.yZero);
  auto perRow = [&](size_t count) { return count <= 1 || count == static_cast<size_t>(rows); };
  for (size_t count : {xZero.size(), xScale.size(), yScale.size(), yZero.size()})
    if (count > 1)
      return {};
  if (!perRow(wZero.size()) || !perRow(wScale.size()))
    return {};
  MLIRContext *context = op.builder.getContext();
  SmallVector<int64_t> zeros;
  for (double zero : wZero)
    zeros.push_back(static_cast<int64_t>(zero));
  int64_t x = xZero.empty() ? 0 : static_cast<int64_t>(xZero[0]);
  auto wZeros = DenseI64ArrayAttr::get(context, zeros);
  if (!in.yScale)
    return QuantAttr::get(context, x, wZeros, op.builder.getI32Type(), {}, 0, 0, 0);
  SmallVector<float> multiplier;
  for (double scale : wScale) {
    float product = static_cast<float>(xScale[0]) * static_cast<float>(scale);
    multiplier.push_back(product / static_cast<float>(yScale[0]));
    if (!std::isfinite(multiplier.back()))
      return {};
  }
  Type element = tensorType(in.yZero ? in.yZero : in.x).getElementType();
  bool isUnsigned = element.isUnsignedInteger();
  auto type =
      RankedTensorType::get(static_cast<int64_t>(multiplier.size()), op.builder.getF32Type());
  return QuantAttr::get(context, x, wZeros, element,
                        DenseElementsAttr::get(type, ArrayRef<float>(multiplier)),
                        yZero.empty() ? 0 : static_cast<int64_t>(yZero[0]), isUnsigned ? 0 : -128,
                        isUnsigned ? 255 : 127);
}

/// x - zero in 32 bits.
static Value centred(OpImport &op, Value x, Value zero) {
  Value wide = op.convertTo(x, op.builder.getI32Type());
  return zero ? op.binary(BinaryKind::Sub, wide, op.convertTo(zero, op.builder.getI32Type()))
              : wide;
}

/// The sum made small again, by settings that are known at run time alone.
static Value madeSmall(OpImport &op, Value sum, const Scaled &in) {
  if (!in.yScale || !sum)
    return sum;
  Value multiplier =
      op.binary(BinaryKind::Div, op.binary(BinaryKind::Mul, in.xScale, in.wScale), in.yScale);
  Value real = op.binary(BinaryKind::Mul, asFloat(op, sum), multiplier);
  Value one = multiplier ? op.scalar(multiplier, 1) : Value();
  Type element = tensorType(in.yZero ? in.yZero : in.x).getElementType();
  return op.quantize(real, one, in.yZero, element);
}

/// One in all as a scalar; one a channel along the axis `fromEnd` (1: the last) of the result.
static Value spread(OpImport &op, Value small, int64_t fromEnd) {
  if (!small || op.rank(small) > 1)
    return small;
  if (elementCount(op.shape(small)) == 1)
    return op.reshape(small, {});
  Ints shape(static_cast<size_t>(fromEnd), 1);
  shape[0] = op.shape(small)[0];
  return op.reshape(small, shape);
}

//===----------------------------------------------------------------------===//
// A zero point that is computed when the program runs
//===----------------------------------------------------------------------===//

/// sum of (x - zero) * w = sum of x * w - zero * sum of w: 8-bit weights and features stay what
/// they are, and all is exact in 32 bits, which wrap. Whether this is for a contraction with
/// operands `in`; then its integer arithmetic is without the zero point.
static QuantAttr quantBeforeZero(OpImport &op, const Scaled &in, int64_t rows) {
  if (!in.xZero || in.yScale || OpImport::constant(in.xZero) ||
      elementCount(op.shape(in.xZero)) != 1)
    return {};
  Scaled plain = in;
  plain.xZero = {};
  return quantOf(op, plain, rows);
}

/// sum - zero * totals
static Value lessZero(OpImport &op, Value sum, Value zero, Value totals) {
  Value wide = op.convertTo(op.reshape(zero, {}), op.builder.getI32Type());
  return op.binary(BinaryKind::Sub, sum, op.binary(BinaryKind::Mul, totals, wide));
}

/// The sums of constant weights, less their zero points: one for each of `kept` entries of every
/// row. weights[entry(row, column, k)] are the columns of entry k.
static SmallVector<int64_t> totalsOf(Value weights, QuantAttr quant, int64_t rows, int64_t columns,
                                     int64_t kept,
                                     function_ref<int64_t(int64_t, int64_t, int64_t)> entry) {
  ConstantView view(weights);
  SmallVector<int64_t> totals(static_cast<size_t>(rows * kept));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t k = 0; k < kept; ++k)
        totals[row * kept + k] += view.integer(entry(row, column, k)) - quant.wZeroOf(row);
  return totals;
}

static Value integers(OpImport &op, ArrayRef<int64_t> shape, Type element,
                      ArrayRef<int64_t> values) {
  Reals reals(values.begin(), values.end());
  return op.reals(shape, element, reals); // of 32 bits at most: exact
}

/// What the zero point is multiplied with, for each row; and for each place of the result, where
/// the window reaches over the border, since nothing is read there.
static Value convTotals(OpImport &op, const Scaled &in, QuantAttr quant, const Window &window) {
  ArrayRef<int64_t> w = op.shape(in.w);
  const int64_t rows = w[0], columns = w[1], taps = elementCount(w.drop_front(2));
  SmallVector<int64_t> totals =
      totalsOf(in.w, quant, rows, columns, taps, [&](int64_t row, int64_t column, int64_t k) {
        return (row * columns + column) * taps + k;
      });
  Ints shape(w.size(), 1);
  if (llvm::all_of(window.pads, [](int64_t pad) { return pad == 0; })) {
    SmallVector<int64_t> whole(static_cast<size_t>(rows));
    for (auto [i, total] : llvm::enumerate(totals))
      whole[i / static_cast<size_t>(taps)] += total;
    shape.erase(shape.begin());
    shape[0] = rows;
    return integers(op, shape, op.builder.getI32Type(), whole);
  }
  constexpr int64_t exact = int64_t(1) << 24; // of integers in single precision
  Type real =
      columns * taps * 255 < exact ? Type(op.builder.getF32Type()) : op.builder.getF64Type();
  Ints ones(op.shape(in.x)), kernel(w);
  ones[0] = ones[1] = kernel[1] = 1;
  Value places =
      convolution(op, op.filled(ones, real, 1), integers(op, kernel, real, totals), {}, window, 1);
  return op.convertTo(places, op.builder.getI32Type());
}

static LogicalResult convertQuantConv(OpImport &op, Scaled in) {
  if (op.hasFailed() || !isInteger(op, in.x, 8) || !isInteger(op, in.w, 8))
    return failure();
  int64_t rank = op.rank(in.x);
  if (rank < 3 || rank > 5 || op.rank(in.w) != rank)
    return op.error("the input has the shape " + shapeText(op.shape(in.x)) + " and the weights " +
                        shapeText(op.shape(in.w)) + ": both must have 3, 4 or 5 dimensions",
                    "convolutions over 1, 2 or 3 spatial dimensions are supported");
  Ints kernel(op.shape(in.w).drop_front(2));
  if (op.integers("kernel_shape", kernel) != kernel)
    return op.error("attribute 'kernel_shape' is " + shapeText(op.integers("kernel_shape")) +
                    ", but the weights have the shape " + shapeText(op.shape(in.w)));
  int64_t group = op.integer("group", 1);
  std::optional<Window> window = readWindow(op, op.shape(in.x).drop_front(2), kernel);
  if (!window)
    return failure();
  if (QuantAttr quant = quantOf(op, in, op.shape(in.w)[0]))
    return op.result(convolution(op, in.x, in.w, in.bias, *window, group, quant));
  if (QuantAttr quant = quantBeforeZero(op, in, op.shape(in.w)[0])) {
    Value sum = convolution(op, in.x, in.w, {}, *window, group, quant);
    return op.result(lessZero(op, sum, in.xZero, convTotals(op, in, quant, *window)));
  }
  // Sums of products of 9 bits are exact in double precision.
  Type wide = op.builder.getF64Type();
  Value x = op.convertTo(centred(op, in.x, spread(op, in.xZero, 1)), wide);
  Value w = op.convertTo(centred(op, in.w, spread(op, in.wZero, rank)), wide);
  Value sum = convolution(op, x, w, op.convertTo(in.bias, wide), *window, group);
  in.wScale = spread(op, in.wScale, rank - 1);
  for (Value *one : {&in.xScale, &in.yScale, &in.yZero})
    *one = spread(op, *one, 1);
  return op.result(madeSmall(op, op.convertTo(sum, op.builder.getI32Type()), in));
}

static LogicalResult convertQLinearConv(OpImport &op) {
  return convertQuantConv(op, {op.input(0), op.input(1), op.input(2), op.input(3), op.input(4),
                               op.input(5), op.input(6), op.input(7), op.input(8)});
}

static LogicalResult convertConvInteger(OpImport &op) {
  return convertQuantConv(op,
                          {op.input(0), {}, op.input(2), op.input(1), {}, op.input(3), {}, {}, {}});
}

static std::optional<Value> integerProduct(OpImport &op, Scaled in) {
  if (op.hasFailed() || !isInteger(op, in.x, 8) || !isInteger(op, in.w, 8))
    return std::nullopt;
  if (op.rank(in.x) == 0 || op.rank(in.w) == 0) {
    (void)op.error("the factors must not be scalars");
    return std::nullopt;
  }
  bool row = op.rank(in.x) == 1, column = op.rank(in.w) == 1;
  if (row)
    in.x = op.reshape(in.x, {1, op.shape(in.x)[0]});
  if (column)
    in.w = op.reshape(in.w, {op.shape(in.w)[0], 1});
  if (op.hasFailed())
    return std::nullopt;
  QuantAttr quant = quantOf(op, in, op.shape(in.w).back());
  Value y;
  if (quant) {
    y = matrixProduct(op, in.x, in.w, in.bias, false, false, quant);
  } else if ((quant = quantBeforeZero(op, in, op.shape(in.w).back())) && op.rank(in.w) == 2) {
    const int64_t columns = op.shape(in.w)[1];
    SmallVector<int64_t> totals =
        totalsOf(in.w, quant, columns, op.shape(in.w)[0], 1,
                 [&](int64_t row, int64_t column, int64_t) { return column * columns + row; });
    y = matrixProduct(op, in.x, in.w, {}, false, false, quant);
    y = lessZero(op, y, in.xZero, integers(op, {columns}, op.builder.getI32Type(), totals));
  } else {
    y = matrixProduct(op, centred(op, in.x, spread(op, in.xZero, 2)),
                      centred(op, in.w, spread(op, in.wZero, 1)), {}, false, false);
    in.xScale = spread(op, in.xScale, 2);
    for (Value *one : {&in.wScale, &in.yScale, &in.yZero})
      *one = spread(op, *one, 1);
    if (in.bias)
      y = op.binary(BinaryKind::Add, y, in.bias);
    y = madeSmall(op, y, in);
  }
  if (!y)
    return std::nullopt;
  Ints shape(op.shape(y));
  if (column)
    shape.pop_back();
  if (row)
    shape.erase(shape.end() - (column ? 1 : 2));
  return op.reshape(y, shape);
}

static LogicalResult convertQuantMatMul(OpImport &op, const Scaled &in) {
  std::optional<Value> y = integerProduct(op, in);
  return y ? op.result(*y) : failure();
}

static LogicalResult convertQLinearMatMul(OpImport &op) {
  return convertQuantMatMul(op, {op.input(0),
                                 op.input(1),
                                 op.input(2),
                                 op.input(3),
                                 op.input(4),
                                 op.input(5),
                                 op.input(6),
                                 op.input(7),
                                 {}});
}

static LogicalResult convertMatMulInteger(OpImport &op) {
  return convertQuantMatMul(
      op, {op.input(0), {}, op.input(2), op.input(1), {}, op.input(3), {}, {}, {}});
}

Value disco::importing::integerProduct(OpImport &op, Value x, Value xZero, Value w, Value wZero) {
  return ::integerProduct(op, {x, {}, xZero, w, {}, wZero, {}, {}, {}}).value_or(Value());
}

Value disco::importing::dynamicProduct(OpImport &op, Value x, Value w, Value scale, Value zero) {
  std::optional<Quantised> a = quantisedDynamically(op, x);
  if (!a || !isInteger(op, w, 8))
    return {};
  Value sum = integerProduct(op, a->value, a->zero, w, zero);
  Value factor = op.binary(BinaryKind::Mul, a->scale, spread(op, scale, 1));
  return sum ? op.binary(BinaryKind::Mul, asFloat(op, sum), factor) : Value();
}

/// ONNX Runtime's fusion: a is quantised, the product of integers scaled and given a bias.
static LogicalResult convertDynamicQuantizeMatMul(OpImport &op) {
  Value a = op.input(0), w = op.input(1), scale = op.input(2), zero = op.input(3),
        bias = op.input(4);
  if (op.hasFailed())
    return failure();
  Value y = dynamicProduct(op, a, w, scale, zero);
  return op.result(bias ? op.binary(BinaryKind::Add, y, bias) : y);
}

/// ONNX Runtime's: the bias is in units of the products; without a scale of y the result is float.
static LogicalResult convertQGemm(OpImport &op) {
  double alpha = op.real("alpha", 1);
  bool transA = op.flag("transA"), transB = op.flag("transB");
  Scaled in{op.input(0), op.input(1), op.input(2), op.input(3), op.input(4),
            op.input(5), op.input(7), op.input(8), op.input(6)};
  if (op.hasFailed() || !isInteger(op, in.x, 8) || !isInteger(op, in.w, 8))
    return failure();
  if (op.rank(in.x) != 2 || op.rank(in.w) != 2)
    return op.error("the factors must have two dimensions");
  if (transA)
    in.x = op.transpose(in.x, {1, 0});
  if (transB)
    in.w = op.transpose(in.w, {1, 0});
  if (alpha != 1)
    in.wScale = op.binary(BinaryKind::Mul, in.wScale, op.scalar(in.wScale, alpha));
  if (op.hasFailed())
    return failure();
  const int64_t columns = op.shape(in.w)[1];
  Value addend;
  if (in.bias && (elementCount(op.shape(in.bias)) == 1 || op.shape(in.bias).back() == columns) &&
      elementCount(op.shape(in.bias)) <= columns)
    in.bias = op.expand(op.reshape(in.bias, {elementCount(op.shape(in.bias))}), {columns});
  else
    addend = std::exchange(in.bias, Value());
  if (addend)
    return op.error("C has the shape " + shapeText(op.shape(addend)) +
                        ", but must have one value in all or one a column",
                    "let ONNX Runtime optimise the model on its basic level only");
  const bool isReal = !in.yScale;
  const Value factor =
      isReal ? op.binary(BinaryKind::Mul, spread(op, in.xScale, 1), spread(op, in.wScale, 1))
             : Value();
  if (isReal)
    in.xScale = in.wScale = in.yZero = {};
  std::optional<Value> y = integerProduct(op, in);
  if (!y)
    return failure();
  return op.result(isReal ? op.binary(BinaryKind::Mul, asFloat(op, *y), factor) : *y);
}

//===----------------------------------------------------------------------===//
// ONNX Runtime's ops of quantised tensors: between a DequantizeLinear and a QuantizeLinear
//===----------------------------------------------------------------------===//

/// A tensor, its scale and its zero point are inputs i, i + 1 and i + 2.
static Value realInput(OpImport &op, size_t i) {
  Value x = op.input(i), scale = op.input(i + 1), zero = op.input(i + 2);
  if (op.hasFailed() || !isInteger(op, x, 8))
    return {};
  return op.dequantize(x, aligned(op, x, scale, 0, 0), aligned(op, x, zero, 0, 0));
}

/// `like`: the input whose element type the result has where it has no zero point.
static LogicalResult quantisedResult(OpImport &op, Value y, size_t scaleAt, size_t like) {
  Value scale = op.input(scaleAt), zero = op.input(scaleAt + 1), model = op.input(like);
  if (op.hasFailed() || !y)
    return failure();
  Type element = tensorType(zero ? zero : model).getElementType();
  return op.result(
      op.quantize(y, aligned(op, y, scale, 0, 0), aligned(op, y, zero, 0, 0), element));
}

template <BinaryKind kind> static LogicalResult convertQLinearBinary(OpImport &op) {
  Value a = realInput(op, 0), b = realInput(op, 3);
  return quantisedResult(op, op.binary(kind, a, b), 6, 0);
}

static LogicalResult convertQLinearSigmoid(OpImport &op) {
  return quantisedResult(op, op.unary(realInput(op, 0), UnaryKind::Sigmoid), 3, 0);
}

static LogicalResult convertQLinearLeakyRelu(OpImport &op) {
  double alpha = op.real("alpha", 0.01f);
  return quantisedResult(op, op.unary(realInput(op, 0), UnaryKind::LeakyRelu, alpha), 3, 0);
}

static LogicalResult convertQLinearGlobalPool(OpImport &op) {
  if (op.flag("channels_last"))
    return op.error("'channels_last' is not supported", "export the model with channels first");
  Value x = realInput(op, 0);
  if (!x)
    return failure();
  if (op.rank(x) < 3)
    return op.error("needs an input of at least three dimensions");
  Value mean = op.reduce(x, ReduceKind::Mean, iota(op.rank(x) - 2, 2), true);
  return quantisedResult(op, mean, 3, 0);
}

static LogicalResult convertQLinearConcat(OpImport &op) {
  int64_t axis = op.integer("axis", 1);
  Values parts;
  for (size_t i = 2; i + 1 < op.op.inputs.size(); i += 3)
    parts.push_back(realInput(op, i));
  if (op.hasFailed() || parts.empty())
    return op.hasFailed() ? failure() : op.error("has no tensor to join");
  std::optional<int64_t> normal = op.normalAxis(axis, op.rank(parts[0]));
  return normal ? quantisedResult(op, op.concat(parts, *normal), 0, 2) : failure();
}

void disco::importing::addQuantized(ConverterTable &table) {
  constexpr unsigned kIntegers = kSigned | kUnsigned;
  table["QuantizeLinear"] = {convertQuantize, 2, 3, 1, kNumbers, 1};
  table["com.microsoft.DynamicQuantizeMatMul"] = {convertDynamicQuantizeMatMul, 3, 5, 1, kFloats};
  table["DequantizeLinear"] = {convertDequantize, 2, 3, 1, kIntegers | kConstants, 1};
  auto ofRuntime = [&](StringRef name, const Converter &converter) {
    table[("com.microsoft." + name).str()] = converter;
  };
  ofRuntime("QuantizeLinear", table["QuantizeLinear"]);
  ofRuntime("DequantizeLinear", table["DequantizeLinear"]);
  ofRuntime("QGemm", {convertQGemm, 6, 9, 1, kIntegers});
  ofRuntime("QLinearAdd", {convertQLinearBinary<BinaryKind::Add>, 7, 8, 1, kIntegers});
  ofRuntime("QLinearMul", {convertQLinearBinary<BinaryKind::Mul>, 7, 8, 1, kIntegers});
  ofRuntime("QLinearSigmoid", {convertQLinearSigmoid, 4, 5, 1, kIntegers});
  ofRuntime("QLinearLeakyRelu", {convertQLinearLeakyRelu, 4, 5, 1, kIntegers});
  ofRuntime("QLinearGlobalAveragePool", {convertQLinearGlobalPool, 5, 5, 1, kIntegers});
  ofRuntime("QLinearConcat", {convertQLinearConcat, 5, kVariadic, 1, kFloats});
  table["DynamicQuantizeLinear"] = {convertDynamicQuantize, 1, 1, 3, kFloats, 1};
  table["QLinearConv"] = {convertQLinearConv, 8, 9, 1, kIntegers, 1};
  table["ConvInteger"] = {convertConvInteger, 2, 4, 1, kIntegers, 1};
  table["QLinearMatMul"] = {convertQLinearMatMul, 8, 8, 1, kIntegers, 1};
  table["MatMulInteger"] = {convertMatMulInteger, 2, 4, 1, kIntegers, 1};
}
